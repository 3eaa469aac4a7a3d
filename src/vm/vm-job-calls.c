/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that tell of, or end, the job that runs on a guest. */
#include "base/error.h"
#include "rpc/handlers.h"
#include "vm/vm-job.h"
#include "vm/vm-wire.h"

/* The guest's running job, or the last one; NULL is no failure. */
static bool find_job(Call *call, const WireDomain *dom, unsigned flags, VmJob **ret_job, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, dom, &view, error);
    if (!vm)
        return false;
    if (flags & VIR_DOMAIN_JOB_STATS_COMPLETED) {
        *ret_job = vm_job_last(vm, !(flags & VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED));
        return true;
    }
    if (!vm_require_active(view, error))
        return false;
    *ret_job = vm_job_current(vm);
    return true;
}

bool vm_get_job_info(Call *call, const DomainGetJobInfoArgs *args, DomainGetJobInfoRet *ret, GError **error)
{
    g_autoptr(VmJob) job = NULL;
    if (!find_job(call, &args->dom, 0, &job, error))
        return false;
    ret->type = VIR_DOMAIN_JOB_NONE;
    if (!job)
        return true;
    ret->type = job->type;
    ret->time_elapsed = (uint64_t)(g_get_monotonic_time() - job->started_us) / 1000;
    ret->data_total = ret->mem_total = job->memory_total;
    ret->data_processed = ret->mem_processed = job->memory_processed;
    ret->data_remaining = ret->mem_remaining = job->memory_remaining;
    return true;
}

bool vm_get_job_stats(Call *call, const DomainGetJobStatsArgs *args, DomainGetJobStatsRet *ret, GError **error)
{
    g_autoptr(VmJob) job = NULL;
    if (!flags_check(call, args->flags, VIR_DOMAIN_JOB_STATS_COMPLETED | VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED, error) ||
        !find_job(call, &args->dom, args->flags, &job, error))
        return false;
    ret->type = VIR_DOMAIN_JOB_NONE;
    if (!job)
        return true;
    ret->type = job->type;
    g_autoptr(WireParams) params = wire_params_new();
    vm_job_params(job, params);
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}

static bool abort_job(Vm *vm, GError **error)
{
    if (!vm_require_active(vm->view, error))
        return false;
    if (!vm->job_run)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "no job is active on the domain");
    return vm_job_abort(vm, error);
}

bool vm_abort_job(Call *call, const DomainAbortJobArgs *args, void *ret, GError **error)
{
    return abort_job(call->object, error);
}

bool vm_abort_job_flags(Call *call, const DomainAbortJobFlagsArgs *args, void *ret, GError **error)
{
    /* VIR_DOMAIN_ABORT_JOB_POSTCOPY belongs to migrations, which are not built yet. */
    return flags_check(call, args->flags, 0, error) && abort_job(call->object, error);
}
