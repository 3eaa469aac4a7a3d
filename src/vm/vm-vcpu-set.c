/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that change which vCPUs a guest has: by number, one by one, and how many there can be. */
#include "base/error.h"
#include "base/log.h"
#include "qemu/qemu-monitor.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "vm/vm-agent.h"
#include "vm/vm-cgroup.h"
#include "vm/vm-define.h"
#include "vm/vm-events.h"
#include "vm/vm-monitor.h"
#include "vm/vm-settle.h"
#include "vm/vm-tune.h"
#include "vm/vm-vcpu.h"
#include "vm/vm-wire.h"

#define PLUGGED_PREFIX    "/machine/peripheral/" /* QOM path of devices that can be unplugged again */
#define VCPU_ID           "vcpu"                 /* "vcpu2" is the device of vCPU 2 */
#define UNPLUG_TIMEOUT_MS 5000                   /* for the guest to let a vCPU go */
#define UNPLUG_POLL_MS    20

/* The slot of vCPU @vcpu: on machines with several vCPUs a slot, they are plugged together. */
static const QemuVcpu *find_slot(GPtrArray *slots, unsigned vcpu)
{
    unsigned first = 0;
    for (unsigned i = 0; i < slots->len; i++) {
        const QemuVcpu *slot = slots->pdata[i];
        if (vcpu >= first && vcpu < first + slot->vcpus)
            return slot;
        first += slot->vcpus;
    }
    return NULL;
}

static bool read_slot(Vm *vm, unsigned vcpu, GPtrArray **ret_slots, const QemuVcpu **ret_slot, GError **error)
{
    g_autoptr(GPtrArray) slots = NULL;
    if (!qemu_monitor_hotpluggable_cpus(vm->qmp, &slots, error))
        return false;
    *ret_slot = find_slot(slots, vcpu);
    if (!*ret_slot)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "machine type '%s' has no slot to plug vCPU %u into",
                         vm->view->live->domain->os.machine, vcpu);
    *ret_slots = g_steal_pointer(&slots);
    return true;
}

static bool plug(Vm *vm, unsigned vcpu, GError **error)
{
    g_autoptr(GPtrArray) slots = NULL;
    const QemuVcpu *slot;
    if (!read_slot(vm, vcpu, &slots, &slot, error))
        return false;
    if (slot->qom_path)
        return true; /* QEMU has it already, so only our note of it is behind */
    g_autofree char *id = g_strdup_printf(VCPU_ID "%u", vcpu);
    return qemu_monitor_vcpu_add(vm->qmp, slot, id, error);
}

/* Whether the guest has let the vCPU go, seen by its slot being empty. */
static bool wait_unplugged(Vm *vm, unsigned vcpu, GError **error)
{
    gint64 deadline = g_get_monotonic_time() + UNPLUG_TIMEOUT_MS * 1000;
    /* The event that tells of it waits behind this job, so the slot is looked at; the wait ends at once with QEMU. */
    while (g_get_monotonic_time() < deadline && !process_wait(vm->pidfd, UNPLUG_POLL_MS)) {
        g_autoptr(GPtrArray) slots = NULL;
        const QemuVcpu *slot;
        if (!read_slot(vm, vcpu, &slots, &slot, error))
            return false;
        if (!slot->qom_path)
            return true;
    }
    return error_set(error, VIR_ERR_OPERATION_TIMEOUT,
                     "vcpu unplug request timed out. Unplug result must be manually inspected in the domain");
}

static bool unplug(Vm *vm, unsigned vcpu, GError **error)
{
    g_autoptr(GPtrArray) slots = NULL;
    const QemuVcpu *slot;
    if (!read_slot(vm, vcpu, &slots, &slot, error))
        return false;
    if (!slot->qom_path)
        return true;
    if (!g_str_has_prefix(slot->qom_path, PLUGGED_PREFIX))
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "vcpu '%u' can't be unplugged", vcpu);
    return qemu_monitor_device_del(vm->qmp, slot->qom_path + strlen(PLUGGED_PREFIX), error) &&
           wait_unplugged(vm, vcpu, error);
}

typedef struct {
    const Cpuset *online;
    bool live;
} OnlineChange;

static bool change_online(Domain *domain, gconstpointer data, GError **error)
{
    const OnlineChange *change = data;
    vm_vcpus_set_online(domain, change->online, change->live);
    return true;
}

static bool note_online(Vm *vm, const Cpuset *online, bool live, GError **error)
{
    OnlineChange change = { online, live };
    return vm_change(vm, (VmTargets){ .live = live, .config = !live }, change_online, &change, error);
}

/* Plugs and unplugs until @online is what the guest has. Each step is noted at once, so that a failure loses none. */
static bool plug_all(Vm *vm, const Cpuset *online, GError **error)
{
    unsigned maximum = vm->view->live->domain->max_vcpus;
    g_autoptr(Cpuset) now = vm_vcpus_online_set(vm->view->live->domain);
    for (unsigned vcpu = 0; vcpu < maximum; vcpu++) {
        bool on = cpuset_has(online, vcpu);
        if (on == cpuset_has(now, vcpu))
            continue;
        if (!(on ? plug(vm, vcpu, error) : unplug(vm, vcpu, error)))
            return false;
        if (on)
            cpuset_add(now, vcpu);
        else
            cpuset_remove(now, vcpu);
        if (!note_online(vm, now, true, error))
            return false;
    }
    return true;
}

/* Threads that have come up go where those of their kind are. */
static bool settle(Vm *vm, const Cpuset *before, GError **error)
{
    if (!vm_settle_vcpu_threads(vm, error) || !vm_settle_pins(vm, error))
        return false;
    for (unsigned i = 0; i < vm->view->vcpu_tids->len; i++) {
        pid_t tid = vm_vcpu_thread(vm->view, i);
        if (tid && !cpuset_has(before, i) && !vm_cgroup_place_thread(vm, "vcpu", i, tid, error))
            return false;
    }
    return true;
}

static bool set_live(Vm *vm, const Cpuset *online, GError **error)
{
    g_autoptr(Cpuset) before = vm_vcpus_online_set(vm->view->live->domain);
    bool done = plug_all(vm, online, error);
    return settle(vm, before, done ? error : NULL) && done; /* the first error is the one to tell */
}

void vm_vcpu_device_deleted(Vm *vm, const char *alias)
{
    g_autoptr(GError) error = NULL;
    const char *digits = alias + strlen(VCPU_ID);
    if (!g_str_has_prefix(alias, VCPU_ID) || !g_ascii_isdigit(*digits))
        return;
    unsigned vcpu = (unsigned)g_ascii_strtoull(digits, NULL, 10);
    g_autoptr(Cpuset) online = vm_vcpus_online_set(vm->view->live->domain);
    if (!cpuset_has(online, vcpu))
        return; /* who asked for it has noted it */
    cpuset_remove(online, vcpu);
    if (!note_online(vm, online, true, &error) || !vm_settle_vcpu_threads(vm, &error))
        log_warning("guest '%s': %s", vm_view_domain(vm->view)->name, error->message);
}

/* The set that @count vCPUs make: those that are on stay, the lowest come first, the highest go first. */
static Cpuset *set_of_count(const Domain *domain, unsigned count)
{
    Cpuset *online = vm_vcpus_online_set(domain);
    unsigned have = cpuset_count(online);
    for (unsigned i = 0; have < count && i < domain->max_vcpus; i++) {
        if (!cpuset_has(online, i)) {
            cpuset_add(online, i);
            have++;
        }
    }
    for (unsigned i = domain->max_vcpus; have > count && i > 0; i--) {
        if (cpuset_has(online, i - 1)) {
            cpuset_remove(online, i - 1);
            have--;
        }
    }
    return online;
}

static bool check_count(const Domain *domain, unsigned count, const char *what, GError **error)
{
    if (count <= domain->max_vcpus)
        return true;
    return error_set(error, VIR_ERR_INVALID_ARG,
                     "requested vcpus is greater than max allowable vcpus for the %s domain: %u > %u", what, count,
                     domain->max_vcpus);
}

static bool set_count(Vm *vm, unsigned count, VmTargets targets, GError **error)
{
    const Domain *live = targets.live ? vm->view->live->domain : NULL;
    const Domain *config = targets.config ? vm->view->config->domain : NULL;
    if ((live && !check_count(live, count, "live", error)) ||
        (config && !check_count(config, count, "persistent", error)))
        return false;
    if (live) {
        g_autoptr(Cpuset) online = set_of_count(live, count);
        if (!vm_require_monitor(vm, error) || !set_live(vm, online, error))
            return false;
    }
    if (!config)
        return true;
    g_autoptr(Cpuset) online = set_of_count(config, count);
    return note_online(vm, online, false, error);
}

typedef struct {
    unsigned maximum;
    const ModelHost *host;
} MaximumChange;

static bool change_maximum(Domain *domain, gconstpointer data, GError **error)
{
    const MaximumChange *change = data;
    vm_vcpus_set_maximum(domain, change->maximum);
    return domain_complete(domain, 0, change->host, error);
}

static bool set_maximum(Vm *vm, unsigned maximum, VmTargets targets, GError **error)
{
    if (targets.live)
        return error_set(error, VIR_ERR_INVALID_ARG,
                         "maximum vcpu count of a running guest cannot be changed: give --config, for the next start");
    MaximumChange change = { maximum, vm->daemon->model_host };
    return vm_change(vm, targets, change_maximum, &change, error);
}

/* With VIR_DOMAIN_VCPU_GUEST a job of the agent's mailbox, else of the guest's: hence a view of its own. */
static bool set_vcpus(Call *call, unsigned count, unsigned flags, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    g_autoptr(VmView) view = vm_view(vm);
    if (!flags_check(call, flags,
                     VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | VIR_DOMAIN_VCPU_MAXIMUM |
                         VIR_DOMAIN_VCPU_GUEST | VIR_DOMAIN_VCPU_HOTPLUGGABLE,
                     error))
        return false;
    if (count == 0)
        return error_set(error, VIR_ERR_INVALID_ARG, "a guest has at least one vCPU: give a number from 1");
    if ((flags & VIR_DOMAIN_VCPU_GUEST) && (flags & VIR_DOMAIN_VCPU_MAXIMUM))
        return error_set(error, VIR_ERR_INVALID_ARG, "flags 'guest' and 'maximum' exclude each other");
    if (!view)
        return error_set(error, VIR_ERR_NO_DOMAIN, "the guest was removed by another call just before");
    if (!vm_targets(view, flags, &targets, error))
        return false;
    if (flags & VIR_DOMAIN_VCPU_MAXIMUM)
        return set_maximum(vm, count, targets, error);
    if (flags & VIR_DOMAIN_VCPU_GUEST)
        return vm_agent_set_vcpu_count(vm, count, error);
    return set_count(vm, count, targets, error);
}

bool vm_set_vcpus(Call *call, const DomainSetVcpusArgs *args, void *ret, GError **error)
{
    return set_vcpus(call, args->nvcpus, VIR_DOMAIN_AFFECT_LIVE, error);
}

bool vm_set_vcpus_flags(Call *call, const DomainSetVcpusFlagsArgs *args, void *ret, GError **error)
{
    return set_vcpus(call, args->nvcpus, args->flags, error);
}

/* The set that results from switching the members of @chosen on or off in @domain. */
static Cpuset *switch_vcpus(const Domain *domain, const Cpuset *chosen, bool on, const char *what, GError **error)
{
    g_autoptr(Cpuset) online = vm_vcpus_online_set(domain);
    for (unsigned i = 0; i < cpuset_end(chosen); i++) {
        if (!cpuset_has(chosen, i))
            continue;
        if (i >= domain->max_vcpus) {
            error_set(error, VIR_ERR_INVALID_ARG, "vcpu %u is not present in %s config", i, what);
            return NULL;
        }
        if (cpuset_has(online, i) == on) {
            error_set(error, VIR_ERR_INVALID_ARG, "vcpu '%u' is already in requested state", i);
            return NULL;
        }
        if (i == 0) {
            error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "vcpu '0' can't be unplugged");
            return NULL;
        }
        if (on)
            cpuset_add(online, i);
        else
            cpuset_remove(online, i);
    }
    return g_steal_pointer(&online);
}

bool vm_set_vcpu(Call *call, const DomainSetVcpuArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    if (!vm_begin_change(call, args->flags, &targets, error))
        return false;
    if (args->state != 0 && args->state != 1)
        return error_set(error, VIR_ERR_INVALID_ARG, "unsupported vcpu state %d: 1 is on, 0 is off", args->state);
    g_autoptr(Cpuset) chosen = cpuset_parse(args->cpumap, error);
    if (!chosen)
        return false;
    g_autoptr(Cpuset) live = NULL;
    g_autoptr(Cpuset) config = NULL;
    if (targets.live && !(live = switch_vcpus(vm->view->live->domain, chosen, args->state, "live", error)))
        return false;
    if (targets.config && !(config = switch_vcpus(vm->view->config->domain, chosen, args->state, "persistent", error)))
        return false;
    if (live && (!vm_require_monitor(vm, error) || !set_live(vm, live, error)))
        return false;
    return !config || note_online(vm, config, false, error);
}
