/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-job.h"

#include "base/error.h"
#include "base/record.h"
#include "qemu/qmp-object.h"
#include "vm/vm-events.h"

struct VmJobRun {
    const VmWork *work;
    gpointer data;
};

struct VmJobWaiter {
    gatomicrefcount refs;
    GMutex lock;
    GCond told;
    bool done;
    GError *why;
};

VmJob *vm_job_ref(VmJob *job)
{
    return record_ref(job);
}

static void job_clear(gpointer data)
{
    g_free(((VmJob *)data)->message);
}

void vm_job_unref(VmJob *job)
{
    record_unref(job, job_clear);
}

static VmJob *job_copy(const VmJob *job)
{
    VmJob *copy = record_copy(VmJob, job);
    copy->message = g_strdup(job->message);
    return copy;
}

/* The records */

/* Exchanges what readers see; takes @job over. */
static void publish(Vm *vm, VmJob *job)
{
    vm_job_unref(record_swap(&vm->view_lock, &vm->job, job));
}

static void refresh_job(gpointer data)
{
    g_autoptr(Vm) vm = data;
    g_atomic_int_set(&vm->job_asked, 0);
    if (!vm->job_run || !vm->qmp)
        return;
    g_autoptr(VmJob) next = job_copy(vm->job);
    if (vm->job_run->work->refresh(vm, vm->job_run->data, next))
        publish(vm, g_steal_pointer(&next));
}

VmJob *vm_job_current(Vm *vm)
{
    VmJob *job = record_get(&vm->view_lock, &vm->job);
    if (job && g_atomic_int_compare_and_exchange(&vm->job_asked, 0, 1))
        mailbox_post(vm->mailbox, refresh_job, vm_ref(vm));
    return job;
}

VmJob *vm_job_last(Vm *vm, bool forget)
{
    return forget ? record_swap(&vm->view_lock, &vm->last_job, NULL) : record_get(&vm->view_lock, &vm->last_job);
}

static void add_migration_params(const VmJob *job, WireParams *params)
{
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_MEMORY_CONSTANT, job->constant_pages);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_MEMORY_NORMAL, job->normal_pages);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES, job->normal_bytes);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE, job->dirty_pages_per_second);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE, job->page_size);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_MEMORY_ITERATION, job->iteration);
}

void vm_job_params(const VmJob *job, WireParams *params)
{
    gint64 until = job->ended_us ? job->ended_us : g_get_monotonic_time();
    wire_params_add_int(params, VIR_DOMAIN_JOB_OPERATION, job->operation);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_TIME_ELAPSED, (uint64_t)(until - job->started_us) / 1000);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_DATA_TOTAL, job->memory_total);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_DATA_PROCESSED, job->memory_processed);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_DATA_REMAINING, job->memory_remaining);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_MEMORY_TOTAL, job->memory_total);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_MEMORY_PROCESSED, job->memory_processed);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_MEMORY_REMAINING, job->memory_remaining);
    wire_params_add_ullong(params, VIR_DOMAIN_JOB_MEMORY_BPS, job->bytes_per_second);
    if (job->page_size)
        add_migration_params(job, params);
    if (job->ended_us)
        wire_params_add_bool(params, VIR_DOMAIN_JOB_SUCCESS, job->type == VIR_DOMAIN_JOB_COMPLETED);
    wire_params_add_string(params, VIR_DOMAIN_JOB_ERRMSG, job->message);
}

void vm_job_take_migration(VmJob *job, JsonObject *info)
{
    JsonObject *ram = qmp_get_object(info, "ram");
    if (!ram)
        return;
    job->memory_total = (uint64_t)qmp_get_int(ram, "total", 0);
    job->memory_processed = (uint64_t)qmp_get_int(ram, "transferred", 0);
    job->memory_remaining = (uint64_t)qmp_get_int(ram, "remaining", 0);
    job->constant_pages = (uint64_t)qmp_get_int(ram, "duplicate", 0);
    job->normal_pages = (uint64_t)qmp_get_int(ram, "normal", 0);
    job->normal_bytes = (uint64_t)qmp_get_int(ram, "normal-bytes", 0);
    job->dirty_pages_per_second = (uint64_t)qmp_get_int(ram, "dirty-pages-rate", 0);
    job->page_size = (uint64_t)qmp_get_int(ram, "page-size", 0);
    job->iteration = (uint64_t)qmp_get_int(ram, "dirty-sync-count", 0);
    job->bytes_per_second = (uint64_t)qmp_get_int(ram, "pages-per-second", 0) * job->page_size;
}

/* The mailbox */

bool vm_job_require_none(const Vm *vm, GError **error)
{
    if (!vm->job_run)
        return true;
    return error_set(error, VIR_ERR_OPERATION_INVALID,
                     "%s of guest '%s' is under way: wait for its end, or abort it with domjobabort",
                     vm->job_run->work->what, vm_view_domain(vm->view)->name);
}

bool vm_job_begin(Vm *vm, const VmWork *work, gpointer data, GError **error)
{
    if (!vm_job_require_none(vm, error))
        return false;
    vm->job_run = g_new(VmJobRun, 1);
    *vm->job_run = (VmJobRun){ work, data };
    VmJob *job = record_new(VmJob);
    job->operation = work->operation;
    job->type = VIR_DOMAIN_JOB_UNBOUNDED;
    job->started_us = g_get_monotonic_time();
    publish(vm, job);
    return true;
}

bool vm_job_abort(Vm *vm, GError **error)
{
    return vm->job_run->work->abort(vm, vm->job_run->data, error);
}

void vm_job_end(Vm *vm, const GError *why)
{
    g_autofree VmJobRun *run = g_steal_pointer(&vm->job_run);
    if (!run)
        return;
    VmJob *job = job_copy(vm->job);
    if (vm->qmp)
        run->work->refresh(vm, run->data, job);
    job->ended_us = g_get_monotonic_time();
    job->type = !why                                       ? VIR_DOMAIN_JOB_COMPLETED
                : error_is(why, VIR_ERR_OPERATION_ABORTED) ? VIR_DOMAIN_JOB_CANCELLED
                                                           : VIR_DOMAIN_JOB_FAILED;
    job->message = why ? g_strdup(why->message) : NULL;
    g_autoptr(WireParams) params = wire_params_new();
    vm_job_params(job, params);
    /* In this order: a reader finds it in one place or the other. */
    vm_job_unref(record_swap(&vm->view_lock, &vm->last_job, job));
    publish(vm, NULL);
    vm_emit_job_completed(vm, params);
    run->work->ended(vm, run->data, why);
}

gpointer vm_job_data(const Vm *vm, const VmWork *work)
{
    return vm->job_run && vm->job_run->work == work ? vm->job_run->data : NULL;
}

/* Waiting for the end */

VmJobWaiter *vm_job_waiter_new(void)
{
    VmJobWaiter *waiter = g_new0(VmJobWaiter, 1);
    g_atomic_ref_count_init(&waiter->refs);
    g_mutex_init(&waiter->lock);
    g_cond_init(&waiter->told);
    return waiter;
}

VmJobWaiter *vm_job_waiter_ref(VmJobWaiter *waiter)
{
    g_atomic_ref_count_inc(&waiter->refs);
    return waiter;
}

void vm_job_waiter_unref(VmJobWaiter *waiter)
{
    if (!waiter || !g_atomic_ref_count_dec(&waiter->refs))
        return;
    g_mutex_clear(&waiter->lock);
    g_cond_clear(&waiter->told);
    g_clear_error(&waiter->why);
    g_free(waiter);
}

void vm_job_waiter_tell(VmJobWaiter *waiter, const GError *why)
{
    g_mutex_lock(&waiter->lock);
    waiter->why = why ? g_error_copy(why) : NULL;
    waiter->done = true;
    g_cond_broadcast(&waiter->told);
    g_mutex_unlock(&waiter->lock);
}

static bool waiter_wait(VmJobWaiter *waiter, gint64 until_us, GError **error)
{
    g_mutex_lock(&waiter->lock);
    bool in_time = true;
    while (!waiter->done && in_time) {
        if (until_us)
            in_time = g_cond_wait_until(&waiter->told, &waiter->lock, until_us);
        else
            g_cond_wait(&waiter->told, &waiter->lock);
    }
    if (waiter->why && error)
        *error = g_error_copy(waiter->why);
    bool well = !waiter->why;
    g_mutex_unlock(&waiter->lock);
    return well;
}

bool vm_job_waiter_wait(VmJobWaiter *waiter, GError **error)
{
    return waiter_wait(waiter, 0, error);
}

bool vm_job_waiter_wait_for(VmJobWaiter *waiter, int ms, GError **error)
{
    return waiter_wait(waiter, g_get_monotonic_time() + (gint64)ms * 1000, error);
}
