/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory a guest has: by its balloon while it runs, by its definition at the next start. */
#include "base/error.h"
#include "qemu/qemu-monitor.h"
#include "rpc/handlers.h"
#include "rpc/procedures.h"
#include "vm/vm-define.h"
#include "vm/vm-monitor.h"
#include "vm/vm-wire.h"

static const DomainMemballoon *find_balloon(const Domain *domain)
{
    const DomainMemballoon *balloon = domain->n_memballoons > 0 ? domain->memballoons[0] : NULL;
    return balloon && balloon->model != MEMBALLOON_MODEL_NONE ? balloon : NULL;
}

static bool change_current(Domain *domain, gconstpointer data, GError **error)
{
    domain->current_memory = *(const uint64_t *)data;
    return true;
}

static bool change_maximum(Domain *domain, gconstpointer data, GError **error)
{
    if (domain->cpu && domain->cpu->n_numa_cells > 0)
        return error_set(
            error, VIR_ERR_OPERATION_INVALID,
            "initial memory size of a domain with NUMA nodes cannot be modified with this API: edit its cells");
    domain->memory = *(const uint64_t *)data;
    domain->current_memory = MIN(domain->current_memory, domain->memory);
    return true;
}

static bool set_maximum(Vm *vm, uint64_t kib, VmTargets targets, GError **error)
{
    if (targets.live)
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "cannot resize the maximum memory on an active domain: give --config, for the next start");
    return vm_change(vm, targets, change_maximum, &kib, error);
}

static bool check_current(const Domain *domain, uint64_t kib, GError **error)
{
    return kib <= domain->memory || error_set(error, VIR_ERR_INVALID_ARG, "cannot set memory higher than max memory");
}

/* The live definition follows when the guest's driver has done it, by QEMU's event. */
static bool set_balloon(Vm *vm, uint64_t kib, GError **error)
{
    if (!find_balloon(vm->view->live->domain))
        return error_set(
            error, VIR_ERR_OPERATION_INVALID,
            "Unable to change memory of active domain without the balloon device and guest OS balloon driver");
    return vm_require_monitor(vm, error) && qemu_monitor_set_balloon(vm->qmp, kib * 1024, error);
}

static bool set_current(Vm *vm, uint64_t kib, VmTargets targets, GError **error)
{
    if ((targets.live && !check_current(vm->view->live->domain, kib, error)) ||
        (targets.config && !check_current(vm->view->config->domain, kib, error)))
        return false;
    if (targets.live && !set_balloon(vm, kib, error))
        return false;
    return !targets.config || vm_change(vm, (VmTargets){ .config = true }, change_current, &kib, error);
}

static bool set_memory(Call *call, uint64_t kib, unsigned flags, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    if (!flags_check(call, flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | VIR_DOMAIN_MEM_MAXIMUM, error))
        return false;
    if (kib == 0)
        return error_set(error, VIR_ERR_INVALID_ARG, "memory in %s must not be zero", call->procedure->name);
    if (!vm_targets(vm->view, flags, &targets, error))
        return false;
    return flags & VIR_DOMAIN_MEM_MAXIMUM ? set_maximum(vm, kib, targets, error) : set_current(vm, kib, targets, error);
}

bool vm_set_memory(Call *call, const DomainSetMemoryArgs *args, void *ret, GError **error)
{
    return set_memory(call, args->memory, VIR_DOMAIN_AFFECT_LIVE, error);
}

bool vm_set_memory_flags(Call *call, const DomainSetMemoryFlagsArgs *args, void *ret, GError **error)
{
    return set_memory(call, args->memory, args->flags, error);
}

bool vm_set_max_memory(Call *call, const DomainSetMaxMemoryArgs *args, void *ret, GError **error)
{
    return set_memory(call, args->memory, VIR_DOMAIN_MEM_MAXIMUM, error);
}

static bool change_period(Domain *domain, gconstpointer data, GError **error)
{
    if (!find_balloon(domain))
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "Memory balloon model must be virtio to set the collection period");
    domain->memballoons[0]->stats_period = *(const int32_t *)data;
    return true;
}

bool vm_set_memory_stats_period(Call *call, const DomainSetMemoryStatsPeriodArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    if (!vm_begin_change(call, args->flags, &targets, error))
        return false;
    if (args->period < 0)
        return error_set(error, VIR_ERR_INVALID_ARG, "invalid collection period value '%d': 0 turns it off",
                         args->period);
    const DomainMemballoon *balloon = targets.live ? find_balloon(vm->view->live->domain) : NULL;
    if (balloon && (!vm_require_monitor(vm, error) ||
                    !qemu_monitor_set_balloon_period(vm->qmp, balloon->info.alias, args->period, error)))
        return false;
    return vm_change(vm, targets, change_period, &args->period, error);
}
