/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work of minutes on a running guest (dump, save, migration): started by a job of the mailbox, recorded, and left;
 * QEMU's events advance it, so that the mailbox stays free meanwhile. Readers take the record without waiting; asking
 * for it makes the mailbox bring it up to date for the next time. At most one runs at a time.
 */
#pragma once
#include "rpc/wire-params.h"
#include "vm/vm.h"

#include <json-glib/json-glib.h>

/* One job: a record (base/record.h). Any thread. */
struct VmJob {
    int operation;               /* virDomainJobOperation */
    int type;                    /* virDomainJobType: UNBOUNDED while it runs, then COMPLETED, FAILED or CANCELLED */
    gint64 started_us, ended_us; /* g_get_monotonic_time(); ended_us 0 while it runs */
    uint64_t memory_total, memory_processed, memory_remaining; /* bytes */
    uint64_t bytes_per_second;
    uint64_t constant_pages, normal_pages, normal_bytes, dirty_pages_per_second, page_size,
        iteration; /* of migration */
    char *message; /* why it failed */
};

VmJob *vm_job_ref(VmJob *job);
void vm_job_unref(VmJob *job);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmJob, vm_job_unref)

/* The job that runs, a reference; NULL if none does. Any thread. */
VmJob *vm_job_current(Vm *vm);
/* The job that ended last; NULL if there is none. @forget: nobody gets it after this. Any thread. */
VmJob *vm_job_last(Vm *vm, bool forget);
/* Its statistics as typed parameters (VIR_DOMAIN_JOB_…). */
void vm_job_params(const VmJob *job, WireParams *params);

/* The following are for jobs of the mailbox. */

/* What a kind of work is. */
typedef struct {
    const char *what; /* for errors: "a core dump" */
    int operation;    /* virDomainJobOperation */
    /* Asks QEMU for the progress, within a short deadline, and fills it in; false: no news. */
    bool (*refresh)(Vm *vm, gpointer data, VmJob *job);
    /* Asks QEMU to give up; the end follows as an event. */
    bool (*abort)(Vm *vm, gpointer data, GError **error);
    /* It has ended: well (@why NULL) or not. Puts the guest in order, unless that is gone, and frees @data. */
    void (*ended)(Vm *vm, gpointer data, const GError *why);
} VmWork;

/* Records the beginning; VIR_ERR_OPERATION_INVALID if another job runs. On failure @data stays the caller's. */
bool vm_job_begin(Vm *vm, const VmWork *work, gpointer data, GError **error);
/* Asks the job that runs to give up. */
bool vm_job_abort(Vm *vm, GError **error);
/* Records the end, if a job runs: @why NULL: well. VIR_ERR_OPERATION_ABORTED counts as cancelled. */
void vm_job_end(Vm *vm, const GError *why);
/* The data of the job that runs if it is of that kind, else NULL. */
gpointer vm_job_data(const Vm *vm, const VmWork *work);
/* Fails with VIR_ERR_OPERATION_INVALID, and the cure, while a job runs: for calls that would disturb it. */
bool vm_job_require_none(const Vm *vm, GError **error);
/* Fills in what "query-migrate" answered. */
void vm_job_take_migration(VmJob *job, JsonObject *info);

/* How the call that wants to know the end waits for it, outside the mailbox. */
typedef struct VmJobWaiter VmJobWaiter;
VmJobWaiter *vm_job_waiter_new(void);
VmJobWaiter *vm_job_waiter_ref(VmJobWaiter *waiter);
void vm_job_waiter_unref(VmJobWaiter *waiter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmJobWaiter, vm_job_waiter_unref)
void vm_job_waiter_tell(VmJobWaiter *waiter, const GError *why);
/*
 * Blocks until it is told. There is no deadline, since nobody can say how long a disk takes; but every way in which a
 * job or its guest can end leads to vm_job_end().
 */
bool vm_job_waiter_wait(VmJobWaiter *waiter, GError **error);
/* The same for what may take for ever: after @ms it returns true, and what was waited for goes on. */
bool vm_job_waiter_wait_for(VmJobWaiter *waiter, int ms, GError **error);
