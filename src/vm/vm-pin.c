/* SPDX-License-Identifier: Apache-2.0 */
/* Which host CPUs vCPUs and the emulator run on: handlers, and what is applied at start. IOThreads: vm-iothread.c. */
#include "base/error.h"
#include "host/host-procstat.h"
#include "rpc/handlers.h"
#include "vm/vm-affinity.h"
#include "vm/vm-define.h"
#include "vm/vm-events.h"
#include "vm/vm-iothread.h"
#include "vm/vm-resctrl.h"
#include "vm/vm-tune.h"
#include "vm/vm-vcpu.h"
#include "vm/vm-wire.h"

#define MAPS_MAX (8u << 20) /* bytes of CPU maps in one reply, as the wire allows */

/* Pins @tid as the definition says: a pin of its own (may be NULL) or its guest's set. */
static bool place(const Domain *domain, pid_t tid, const char *pin, GError **error)
{
    g_autoptr(Cpuset) cpus = vm_affinity_wanted(domain, pin);
    return vm_affinity_set(tid, cpus, error);
}

static bool in_list(const char *list, unsigned number)
{
    g_autoptr(Cpuset) set = list ? cpuset_parse(list, NULL) : NULL;
    return set && cpuset_has(set, number);
}

static bool apply_vcpus(Vm *vm, GError **error)
{
    const Domain *live = vm->view->live->domain;
    const DomainCputune *tune = live->cputune;
    for (unsigned i = 0; i < live->max_vcpus; i++) {
        pid_t tid = vm_vcpu_thread(vm->view, i);
        const char *pin = vm_vcpu_pin(live, i);
        if (!tid)
            continue;
        /* One without a pin that was plugged later has inherited the emulator's. */
        if ((pin || tune->emulatorpin) && !place(live, tid, pin, error))
            return false;
        for (unsigned s = 0; s < tune->n_vcpuscheds; s++) {
            const DomainVcpuSched *row = tune->vcpuscheds[s];
            if (in_list(row->vcpus, i) && !vm_scheduler_set(tid, row->scheduler, row->priority, error))
                return false;
        }
    }
    return true;
}

static bool apply_iothreads(Vm *vm, GError **error)
{
    const Domain *live = vm->view->live->domain;
    const DomainCputune *tune = live->cputune;
    if (tune->n_iothreadpins == 0 && tune->n_iothreadscheds == 0)
        return true;
    g_autoptr(GArray) threads = NULL;
    if (!vm_iothread_threads(vm, &threads, error))
        return false;
    for (unsigned i = 0; i < threads->len; i++) {
        const VmIothread *thread = &g_array_index(threads, VmIothread, i);
        const char *pin = vm_iothread_pin(live, thread->id);
        if (pin && !place(live, thread->tid, pin, error))
            return false;
        for (unsigned s = 0; s < tune->n_iothreadscheds; s++) {
            const DomainIothreadSched *row = tune->iothreadscheds[s];
            if (in_list(row->iothreads, thread->id) &&
                !vm_scheduler_set(thread->tid, row->scheduler, row->priority, error))
                return false;
        }
    }
    return true;
}

bool vm_emulator_threads(Vm *vm, GArray **ret_tids, GError **error)
{
    g_autoptr(GArray) tids = NULL;
    g_autoptr(GArray) iothreads = NULL;
    if (!host_procstat_threads("", vm->view->process.pid, &tids, error) || !vm_iothread_threads(vm, &iothreads, error))
        return false;
    for (unsigned i = tids->len; i > 0; i--) {
        pid_t tid = g_array_index(tids, pid_t, i - 1);
        bool other = false;
        for (unsigned v = 0; vm->view->vcpu_tids && v < vm->view->vcpu_tids->len; v++)
            other |= g_array_index(vm->view->vcpu_tids, pid_t, v) == tid;
        for (unsigned t = 0; t < iothreads->len; t++)
            other |= g_array_index(iothreads, VmIothread, t).tid == tid;
        if (other)
            g_array_remove_index(tids, i - 1);
    }
    *ret_tids = g_steal_pointer(&tids);
    return true;
}

static bool place_emulator(Vm *vm, const Cpuset *cpus, GError **error)
{
    g_autoptr(GArray) tids = NULL;
    pid_t main_thread = vm->view->process.pid;
    if (!vm_emulator_threads(vm, &tids, error))
        return false;
    for (unsigned i = 0; i < tids->len; i++) {
        pid_t tid = g_array_index(tids, pid_t, i);
        g_autoptr(GError) gone = NULL;
        /* Short-lived workers may have ended since they were listed: only the main thread must succeed. */
        if (!vm_affinity_set(tid, cpus, tid == main_thread ? error : &gone) && tid == main_thread)
            return false;
    }
    return true;
}

static bool apply_emulator(Vm *vm, GError **error)
{
    const Domain *live = vm->view->live->domain;
    const DomainCputune *tune = live->cputune;
    if (tune->emulatorpin) {
        g_autoptr(Cpuset) cpus = vm_affinity_wanted(live, tune->emulatorpin);
        if (!place_emulator(vm, cpus, error))
            return false;
    }
    return tune->emulator_scheduler == SCHEDULER_UNSET ||
           vm_scheduler_set(vm->view->process.pid, tune->emulator_scheduler, tune->emulator_priority, error);
}

bool vm_tune_apply_pins(Vm *vm, GError **error)
{
    /* Without <cputune> every thread has inherited its place from the process, which lodge-launch pinned. */
    return !vm->view->live->domain->cputune ||
           (apply_vcpus(vm, error) && apply_iothreads(vm, error) && apply_emulator(vm, error) &&
            vm_tune_apply_threads(vm, vm->view->live->domain, error) && vm_resctrl_apply(vm, error));
}

typedef struct {
    unsigned vcpu;
    const char *cpus;
} PinChange;

static DomainCputune *ensure_cputune(Domain *domain)
{
    if (!domain->cputune)
        domain->cputune = g_new0(DomainCputune, 1);
    return domain->cputune;
}

static bool change_vcpu_pin(Domain *domain, gconstpointer data, GError **error)
{
    const PinChange *change = data;
    DomainCputune *tune = ensure_cputune(domain);
    unsigned at = 0;
    while (at < tune->n_vcpupins && tune->vcpupins[at]->vcpu < change->vcpu)
        at++;
    if (at == tune->n_vcpupins || tune->vcpupins[at]->vcpu != change->vcpu) {
        DomainVcpuPin *pin = g_new0(DomainVcpuPin, 1);
        pin->vcpu = change->vcpu;
        model_list_insert(&tune->vcpupins, &tune->n_vcpupins, at, pin);
    }
    g_free(tune->vcpupins[at]->cpuset);
    tune->vcpupins[at]->cpuset = g_strdup(change->cpus);
    return true;
}

static bool check_vcpu(const Domain *domain, unsigned vcpu, const char *what, GError **error)
{
    return vcpu < domain->max_vcpus ||
           error_set(error, VIR_ERR_INVALID_ARG, "vcpu %u is out of range of %s cpu count %u", vcpu, what,
                     domain->max_vcpus);
}

static bool pin_vcpu(Call *call, unsigned vcpu, const WireBytes *map, unsigned flags, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    if (!vm_begin_change(call, flags, &targets, error))
        return false;
    if ((targets.live && !check_vcpu(vm->view->live->domain, vcpu, "live", error)) ||
        (targets.config && !check_vcpu(vm->view->config->domain, vcpu, "persistent", error)))
        return false;
    g_autoptr(Cpuset) cpus = vm_cpumap_parse(map->data, map->length, error);
    if (!cpus)
        return false;
    g_autofree char *text = cpuset_format(cpus);
    pid_t tid = targets.live ? vm_vcpu_thread(vm->view, vcpu) : 0;
    PinChange change = { vcpu, text };
    if ((tid && !vm_affinity_set(tid, cpus, error)) || !vm_change(vm, targets, change_vcpu_pin, &change, error))
        return false;
    g_autofree char *field = g_strdup_printf(VIR_DOMAIN_TUNABLE_CPU_VCPUPIN, vcpu);
    if (targets.live)
        vm_emit_tunable(vm, field, text);
    return true;
}

bool vm_pin_vcpu(Call *call, const DomainPinVcpuArgs *args, void *ret, GError **error)
{
    return pin_vcpu(call, args->vcpu, &args->cpumap, VIR_DOMAIN_AFFECT_LIVE, error);
}

bool vm_pin_vcpu_flags(Call *call, const DomainPinVcpuFlagsArgs *args, void *ret, GError **error)
{
    return pin_vcpu(call, args->vcpu, &args->cpumap, args->flags, error);
}

static bool change_emulator_pin(Domain *domain, gconstpointer data, GError **error)
{
    DomainCputune *tune = ensure_cputune(domain);
    g_free(tune->emulatorpin);
    tune->emulatorpin = g_strdup(data);
    return true;
}

bool vm_pin_emulator(Call *call, const DomainPinEmulatorArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    if (!vm_begin_change(call, args->flags, &targets, error))
        return false;
    g_autoptr(Cpuset) cpus = vm_cpumap_parse(args->cpumap.data, args->cpumap.length, error);
    if (!cpus || (targets.live && !place_emulator(vm, cpus, error)))
        return false;
    g_autofree char *text = cpuset_format(cpus);
    if (!vm_change(vm, targets, change_emulator_pin, text, error))
        return false;
    if (targets.live)
        vm_emit_tunable(vm, VIR_DOMAIN_TUNABLE_CPU_EMULATORPIN, text);
    return true;
}

static bool check_map_length(int maplen, unsigned count, GError **error)
{
    if (maplen > 0 && count <= MAPS_MAX / (unsigned)maplen)
        return true;
    return error_set(error, VIR_ERR_INVALID_ARG,
                     "CPU maps of %d bytes for %u vCPUs: from 1 to %u bytes in all are possible", maplen, count,
                     MAPS_MAX);
}

bool vm_get_vcpu_pin_info(Call *call, const DomainGetVcpuPinInfoArgs *args, DomainGetVcpuPinInfoRet *ret,
                          GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    const Domain *domain;
    if (!vm || !flags_check(call, args->flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG, error) ||
        !vm_target_domain(view, args->flags, &domain, NULL, error))
        return false;
    unsigned count = MIN((unsigned)MAX(args->ncpumaps, 0), domain->max_vcpus);
    if (!check_map_length(args->maplen, count, error))
        return false;
    g_autoptr(GByteArray) map = g_byte_array_new();
    for (unsigned i = 0; i < count; i++) {
        g_autoptr(Cpuset) cpus = vm_affinity_wanted(domain, vm_vcpu_pin(domain, i));
        vm_cpumap_append(map, cpus, (unsigned)args->maplen);
    }
    ret->num = (int)count;
    ret->cpumaps.length = map->len;
    ret->cpumaps.data = g_byte_array_free(g_steal_pointer(&map), FALSE);
    return true;
}

bool vm_get_emulator_pin_info(Call *call, const DomainGetEmulatorPinInfoArgs *args, DomainGetEmulatorPinInfoRet *ret,
                              GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    const Domain *domain;
    if (!vm || !flags_check(call, args->flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG, error) ||
        !vm_target_domain(view, args->flags, &domain, NULL, error) || !check_map_length(args->maplen, 1, error))
        return false;
    g_autoptr(GByteArray) map = g_byte_array_new();
    g_autoptr(Cpuset) cpus = vm_affinity_wanted(domain, domain->cputune ? domain->cputune->emulatorpin : NULL);
    vm_cpumap_append(map, cpus, (unsigned)args->maplen);
    ret->ret = 1;
    ret->cpumaps.length = map->len;
    ret->cpumaps.data = g_byte_array_free(g_steal_pointer(&map), FALSE);
    return true;
}

static bool fill_vcpu(const VmView *view, unsigned vcpu, WireVcpuInfo *info, GError **error)
{
    HostProcStat stat;
    pid_t tid = vm_vcpu_thread(view, vcpu);
    if (!host_procstat_thread("", view->process.pid, tid, &stat, error))
        return false;
    *info = (WireVcpuInfo){ vcpu, VIR_VCPU_RUNNING, stat.user_ns + stat.system_ns, (int)stat.last_cpu };
    return true;
}

bool vm_get_vcpus(Call *call, const DomainGetVcpusArgs *args, DomainGetVcpusRet *ret, GError **error)
{
    const VmView *view = ((Vm *)call->object)->view;
    if (!vm_view_active(view))
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "cannot retrieve vcpu information for inactive domain: start it first");
    unsigned limit = MIN((unsigned)MAX(args->maxinfo, 0), view->live->domain->max_vcpus);
    if (args->maplen != 0 && !check_map_length(args->maplen, limit, error))
        return false;
    g_autoptr(GByteArray) map = g_byte_array_new();
    ret->info = g_new0(WireVcpuInfo, limit);
    for (unsigned i = 0; i < view->live->domain->max_vcpus && ret->n_info < limit; i++) {
        pid_t tid = vm_vcpu_thread(view, i);
        if (!tid)
            continue;
        if (!fill_vcpu(view, i, &ret->info[ret->n_info++], error))
            return false;
        if (args->maplen == 0)
            continue;
        g_autoptr(Cpuset) cpus = vm_affinity_get(tid, error);
        if (!cpus)
            return false;
        vm_cpumap_append(map, cpus, (unsigned)args->maplen);
    }
    ret->cpumaps.length = map->len;
    ret->cpumaps.data = g_byte_array_free(g_steal_pointer(&map), FALSE);
    return true;
}
