/* SPDX-License-Identifier: Apache-2.0 */
/* virDomainGetGuestInfo: what the agent says of users, system, time zone, host name, filesystems, disks, interfaces. */
#include "base/error.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "rpc/wire-params.h"
#include "vm/vm-agent-fs.h"
#include "vm/vm-agent.h"
#include "vm/vm-wire.h"

#define LIST_MAX   256
#define PARAMS_MAX 2048 /* of one reply on the wire */

static unsigned list_length(JsonArray *list)
{
    return list ? MIN(json_array_get_length(list), LIST_MAX) : 0;
}

static void add_users(const Domain *live, JsonNode *reply, WireParams *params)
{
    JsonArray *list = qmp_node_array(reply);
    wire_params_add_uint(params, "user.count", list_length(list));
    for (unsigned i = 0; i < list_length(list); i++) {
        JsonObject *user = qmp_array_object(list, i);
        JsonNode *login = user ? json_object_get_member(user, "login-time") : NULL; /* seconds, with a fraction */
        g_autofree char *name = g_strdup_printf("user.%u.name", i);
        g_autofree char *domain = g_strdup_printf("user.%u.domain", i);
        g_autofree char *time = g_strdup_printf("user.%u.login-time", i);
        wire_params_add_string(params, name, qmp_get_string(user, "user"));
        wire_params_add_string(params, domain, qmp_get_string(user, "domain"));
        if (login && JSON_NODE_HOLDS_VALUE(login))
            wire_params_add_ullong(params, time, (uint64_t)(CLAMP(json_node_get_double(login), 0.0, 1e15) * 1000));
    }
}

static void add_os(const Domain *live, JsonNode *reply, WireParams *params)
{
    static const char *const keys[] = { "id",      "name",    "pretty-name", "version",        "version-id",
                                        "machine", "variant", "variant-id",  "kernel-release", "kernel-version" };
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        g_autofree char *field = g_strconcat("os.", keys[i], NULL);
        wire_params_add_string(params, field, qmp_get_string(qmp_node_object(reply), keys[i]));
    }
}

static void add_timezone(const Domain *live, JsonNode *reply, WireParams *params)
{
    JsonObject *object = qmp_node_object(reply);
    wire_params_add_string(params, "timezone.name", qmp_get_string(object, "zone"));
    wire_params_add_int(params, "timezone.offset", (int)qmp_get_int(object, "offset", 0));
}

static void add_hostname(const Domain *live, JsonNode *reply, WireParams *params)
{
    wire_params_add_string(params, "hostname", qmp_get_string(qmp_node_object(reply), "host-name"));
}

static void add_interface(JsonObject *interface, unsigned index, WireParams *params)
{
    JsonArray *list = qmp_get_array(interface, "ip-addresses");
    g_autofree char *name = g_strdup_printf("if.%u.name", index);
    g_autofree char *mac = g_strdup_printf("if.%u.hwaddr", index);
    g_autofree char *count = g_strdup_printf("if.%u.addr.count", index);
    wire_params_add_string(params, name, qmp_get_string(interface, "name"));
    wire_params_add_string(params, mac, qmp_get_string(interface, "hardware-address"));
    wire_params_add_uint(params, count, list_length(list));
    for (unsigned i = 0; i < list_length(list); i++) {
        JsonObject *address = qmp_array_object(list, i);
        g_autofree char *type = g_strdup_printf("if.%u.addr.%u.type", index, i);
        g_autofree char *text = g_strdup_printf("if.%u.addr.%u.addr", index, i);
        g_autofree char *prefix = g_strdup_printf("if.%u.addr.%u.prefix", index, i);
        wire_params_add_string(params, type, qmp_get_string(address, "ip-address-type"));
        wire_params_add_string(params, text, qmp_get_string(address, "ip-address"));
        wire_params_add_uint(params, prefix, (uint32_t)qmp_get_int(address, "prefix", 0));
    }
}

static void add_interfaces(const Domain *live, JsonNode *reply, WireParams *params)
{
    JsonArray *list = qmp_node_array(reply);
    wire_params_add_uint(params, "if.count", list_length(list));
    for (unsigned i = 0; i < list_length(list); i++)
        add_interface(qmp_array_object(list, i), i, params);
}

/* One row a group of information: the command that tells it, and how it is written. */
static const struct {
    unsigned type;
    const char *command;
    void (*add)(const Domain *live, JsonNode *reply, WireParams *params);
} info_rows[] = {
    { VIR_DOMAIN_GUEST_INFO_USERS, "guest-get-users", add_users },
    { VIR_DOMAIN_GUEST_INFO_OS, "guest-get-osinfo", add_os },
    { VIR_DOMAIN_GUEST_INFO_TIMEZONE, "guest-get-timezone", add_timezone },
    { VIR_DOMAIN_GUEST_INFO_HOSTNAME, "guest-get-host-name", add_hostname },
    { VIR_DOMAIN_GUEST_INFO_FILESYSTEM, "guest-get-fsinfo", vm_agent_add_filesystems },
    { VIR_DOMAIN_GUEST_INFO_DISKS, "guest-get-disks", vm_agent_add_disks },
    { VIR_DOMAIN_GUEST_INFO_INTERFACES, "guest-network-get-interfaces", add_interfaces },
};

static bool check_types(unsigned types, GError **error)
{
    unsigned known = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(info_rows); i++)
        known |= info_rows[i].type;
    return !(types & ~known) ||
           error_set(error, VIR_ERR_INVALID_ARG, "unsupported guest information types '0x%x'", types & ~known);
}

bool vm_get_guest_info(Call *call, const DomainGetGuestInfoArgs *args, DomainGetGuestInfoRet *ret, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    if (!vm || !flags_check(call, args->flags, 0, error) || !check_types(args->types, error) ||
        !vm_require_active(view, error) || !vm_agent_check(vm, error))
        return false;
    g_autoptr(WireParams) params = wire_params_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(info_rows); i++) {
        g_autoptr(JsonNode) reply = NULL;
        g_autoptr(GError) why = NULL;
        if (args->types && !(args->types & info_rows[i].type))
            continue;
        if (vm_agent_call(vm, info_rows[i].command, NULL, &reply, &why)) {
            info_rows[i].add(view->live->domain, reply, params);
            continue;
        }
        /* Asked for everything, an agent that cannot tell one thing still tells the others. */
        if (args->types || !error_is(why, VIR_ERR_INTERNAL_ERROR)) {
            g_propagate_error(error, g_steal_pointer(&why));
            return false;
        }
    }
    if (wire_params_count(params) > PARAMS_MAX)
        return error_set(error, VIR_ERR_INTERNAL_ERROR,
                         "the guest tells more than %d facts: ask for fewer kinds of them", PARAMS_MAX);
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}
