/* SPDX-License-Identifier: Apache-2.0 */
/* vCPUs as the guest sees them. */
#include "base/cpuset.h"
#include "base/error.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "rpc/wire-params.h"
#include "vm/vm-agent.h"
#include "vm/vm-wire.h"

typedef struct {
    unsigned id;
    bool online, can_offline;
} AgentVcpu;

static bool read_vcpus(Vm *vm, GArray **ret_vcpus, GError **error)
{
    g_autoptr(JsonNode) reply = NULL;
    if (!vm_agent_call(vm, "guest-get-vcpus", NULL, &reply, error))
        return false;
    JsonArray *list = qmp_node_array(reply);
    GArray *vcpus = g_array_new(FALSE, FALSE, sizeof(AgentVcpu));
    for (unsigned i = 0; list && i < json_array_get_length(list); i++) {
        JsonObject *object = qmp_array_object(list, i);
        gint64 id = qmp_get_int(object, "logical-id", -1);
        if (id < 0 || id >= CPUSET_MAX)
            continue;
        AgentVcpu vcpu = { (unsigned)id, qmp_get_bool(object, "online", false),
                           qmp_get_bool(object, "can-offline", false) };
        g_array_append_val(vcpus, vcpu);
    }
    *ret_vcpus = vcpus;
    return true;
}

/* Switches the members of @changes; the agent says how many it has done, and stops at the first that it cannot. */
static bool switch_vcpus(Vm *vm, const Cpuset *changes, bool online, GError **error)
{
    unsigned wanted = cpuset_count(changes);
    JsonArray *list = json_array_new();
    for (unsigned i = 0; i < cpuset_end(changes); i++) {
        if (cpuset_has(changes, i))
            json_array_add_object_element(list,
                                          qmp_object("i:logical-id", (gint64)i, "b:online", (gboolean)online, NULL));
    }
    g_autoptr(JsonNode) reply = NULL;
    if (!vm_agent_call(vm, "guest-set-vcpus", qmp_object("a:vcpus", list, NULL), &reply, error))
        return false;
    gint64 done = JSON_NODE_HOLDS_VALUE(reply) ? json_node_get_int(reply) : 0;
    return done >= wanted || error_set(error, VIR_ERR_INTERNAL_ERROR,
                                       "failed to set state of cpu: the guest switched %d of %u", (int)done, wanted);
}

bool vm_agent_vcpu_count(Vm *vm, bool all, unsigned *ret_count, GError **error)
{
    g_autoptr(GArray) vcpus = NULL;
    if (!read_vcpus(vm, &vcpus, error))
        return false;
    *ret_count = 0;
    for (unsigned i = 0; i < vcpus->len; i++)
        *ret_count += all || g_array_index(vcpus, AgentVcpu, i).online;
    return true;
}

bool vm_agent_set_vcpu_count(Vm *vm, unsigned count, GError **error)
{
    g_autoptr(GArray) vcpus = NULL;
    g_autoptr(Cpuset) changes = cpuset_new(0);
    if (!read_vcpus(vm, &vcpus, error))
        return false;
    unsigned online = 0;
    for (unsigned i = 0; i < vcpus->len; i++)
        online += g_array_index(vcpus, AgentVcpu, i).online;
    if (count > vcpus->len)
        return error_set(error, VIR_ERR_INVALID_ARG,
                         "requested vcpu count is greater than the count of enabled vcpus: %u > %u", count, vcpus->len);
    bool plug = count > online;
    for (unsigned i = 0; plug && online < count; i++) {
        if (!g_array_index(vcpus, AgentVcpu, i).online) {
            cpuset_add(changes, g_array_index(vcpus, AgentVcpu, i).id);
            online++;
        }
    }
    for (unsigned i = vcpus->len; !plug && online > count && i > 0; i--) {
        const AgentVcpu *vcpu = &g_array_index(vcpus, AgentVcpu, i - 1);
        if (vcpu->online && vcpu->can_offline) {
            cpuset_add(changes, vcpu->id);
            online--;
        }
    }
    if (online != count)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "failed to find enough hotpluggable vcpus in the guest");
    return cpuset_count(changes) == 0 || switch_vcpus(vm, changes, plug, error);
}

static Vm *find(Call *call, const WireDomain *dom, unsigned flags, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = flags_check(call, flags, 0, error) ? wire_domain_find(call, dom, &view, error) : NULL;
    return g_steal_pointer(&vm);
}

bool vm_get_guest_vcpus(Call *call, const DomainGetGuestVcpusArgs *args, DomainGetGuestVcpusRet *ret, GError **error)
{
    g_autoptr(Vm) vm = find(call, &args->dom, args->flags, error);
    g_autoptr(GArray) vcpus = NULL;
    if (!vm || !read_vcpus(vm, &vcpus, error))
        return false;
    g_autoptr(Cpuset) all = cpuset_new(0);
    g_autoptr(Cpuset) online = cpuset_new(0);
    g_autoptr(Cpuset) offlinable = cpuset_new(0);
    for (unsigned i = 0; i < vcpus->len; i++) {
        const AgentVcpu *vcpu = &g_array_index(vcpus, AgentVcpu, i);
        cpuset_add(all, vcpu->id);
        if (vcpu->online)
            cpuset_add(online, vcpu->id);
        if (vcpu->can_offline)
            cpuset_add(offlinable, vcpu->id);
    }
    g_autoptr(WireParams) params = wire_params_new();
    g_autofree char *all_text = cpuset_format(all);
    g_autofree char *online_text = cpuset_format(online);
    g_autofree char *offlinable_text = cpuset_format(offlinable);
    wire_params_add_string(params, "vcpus", all_text);
    wire_params_add_string(params, "online", online_text);
    wire_params_add_string(params, "offlinable", offlinable_text);
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}

bool vm_set_guest_vcpus(Call *call, const DomainSetGuestVcpusArgs *args, void *ret, GError **error)
{
    if (args->state != 0 && args->state != 1)
        return error_set(error, VIR_ERR_INVALID_ARG, "unsupported vcpu state %d: 1 is on, 0 is off", args->state);
    g_autoptr(Cpuset) chosen = cpuset_parse(args->cpumap, error);
    g_autoptr(Vm) vm = chosen ? find(call, &args->dom, args->flags, error) : NULL;
    g_autoptr(GArray) vcpus = NULL;
    if (!vm || !read_vcpus(vm, &vcpus, error))
        return false;
    for (unsigned i = 0; i < cpuset_end(chosen); i++) {
        bool known = false;
        for (unsigned v = 0; v < vcpus->len; v++)
            known |= g_array_index(vcpus, AgentVcpu, v).id == i;
        if (cpuset_has(chosen, i) && !known)
            return error_set(error, VIR_ERR_INVALID_ARG, "vCPU '%u' is not present in the guest", i);
    }
    return switch_vcpus(vm, chosen, args->state == 1, error);
}
