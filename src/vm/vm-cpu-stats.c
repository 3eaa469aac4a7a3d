/* SPDX-License-Identifier: Apache-2.0 */
/* CPU time of a guest: in all, and by host CPU. */
#include "base/error.h"
#include "host/host-procstat.h"
#include "rpc/handlers.h"
#include "rpc/wire-params.h"
#include "vm/vm-cgroup.h"
#include "vm/vm-wire.h"

#include <unistd.h>

#define PER_CPU_MAX 128 /* host CPUs in one reply, as clients know it (VIR_DOMAIN_CPU_STATS_MAX…) */

/* Times of single host CPUs: as many of the asked for as there are; *ret_params one a CPU. */
static bool by_cpu(Vm *vm, const DomainGetCpuStatsArgs *args, DomainGetCpuStatsRet *ret, GError **error)
{
    g_autoptr(HostCgroup) group = vm_cgroup_ensure(vm, HOST_CGROUP_CPUACCT, error);
    g_autoptr(GArray) times = NULL;
    if (!group || !host_cgroup_percpu_times(group, &times, error))
        return false;
    if (args->ncpus == 0 && args->nparams == 0) {
        ret->nparams = (int)times->len;
        return true;
    }
    if ((unsigned)args->start_cpu >= times->len)
        return error_set(error, VIR_ERR_INVALID_ARG, "start_cpu %d larger than maximum of %u", args->start_cpu,
                         times->len - 1);
    ret->nparams = 1;
    if (args->nparams == 0)
        return true;
    g_autoptr(WireParams) params = wire_params_new();
    unsigned end = (unsigned)args->start_cpu + MIN(args->ncpus, PER_CPU_MAX);
    for (unsigned i = (unsigned)args->start_cpu; i < MIN(end, times->len); i++)
        wire_params_add_ullong(params, VIR_DOMAIN_CPU_STATS_CPUTIME, g_array_index(times, uint64_t, i));
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}

bool vm_get_cpu_stats(Call *call, const DomainGetCpuStatsArgs *args, DomainGetCpuStatsRet *ret, GError **error)
{
    Vm *vm = call->object;
    HostProcStat stat;
    if (!flags_check(call, args->flags, VIR_TYPED_PARAM_STRING_OKAY, error) || !vm_require_active(vm->view, error))
        return false;
    if (args->start_cpu >= 0)
        return by_cpu(vm, args, ret, error);
    if (args->start_cpu != -1 || args->ncpus != 1)
        return error_set(error, VIR_ERR_INVALID_ARG, "start_cpu is to be -1, with ncpus 1, or from 0");
    g_autoptr(WireParams) params = wire_params_new();
    if (!host_procstat_process("", vm->view->process.pid, &stat, error))
        return false;
    const struct {
        const char *field;
        uint64_t value;
    } rows[] = {
        { VIR_DOMAIN_CPU_STATS_CPUTIME, stat.user_ns + stat.system_ns },
        { VIR_DOMAIN_CPU_STATS_USERTIME, stat.user_ns },
        { VIR_DOMAIN_CPU_STATS_SYSTEMTIME, stat.system_ns },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows) && i < args->nparams; i++)
        wire_params_add_ullong(params, rows[i].field, rows[i].value);
    ret->nparams = args->nparams == 0 ? (int)G_N_ELEMENTS(rows) : (int)wire_params_count(params);
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}
