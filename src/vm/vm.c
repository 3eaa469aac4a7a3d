/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm.h"

#include "base/error.h"
#include "base/record.h"
#include "vm/vm-agent.h"
#include "vm/vm-job.h"
#include "vm/vm-perf.h"
#include "vm/vm-registry.h"
#include "vm/vm-stats.h"

Vm *vm_new(Daemon *daemon, const Uuid *uuid)
{
    Vm *vm = g_new0(Vm, 1);
    g_atomic_ref_count_init(&vm->refs);
    vm->daemon = daemon;
    vm->uuid = *uuid;
    vm->mailbox = mailbox_new();
    vm->agent = vm_agent_new();
    vm->pidfd = -1;
    vm->stop_reason = -1;
    g_mutex_init(&vm->view_lock);
    return vm;
}

Vm *vm_ref(Vm *vm)
{
    g_atomic_ref_count_inc(&vm->refs);
    return vm;
}

void vm_unref(Vm *vm)
{
    if (!vm || !g_atomic_ref_count_dec(&vm->refs))
        return;
    g_assert(!vm->qmp && vm->pidfd < 0);
    vm_view_unref(vm->view);
    vm_stats_unref(vm->stats);
    vm_perf_stop(vm);
    vm_job_unref(vm->job);
    vm_job_unref(vm->last_job);
    vm_agent_free(vm->agent);
    mailbox_unref(vm->mailbox);
    g_mutex_clear(&vm->view_lock);
    g_free(vm->run_dir);
    g_free(vm->cgroup);
    g_free(vm);
}

Mailbox *vm_mailbox(Vm *vm)
{
    return vm->mailbox;
}

VmView *vm_view_ref(VmView *view)
{
    return record_ref(view);
}

static void view_clear(gpointer data)
{
    VmView *view = data;
    definition_unref(view->config);
    definition_unref(view->live);
    g_clear_pointer(&view->vcpu_tids, g_array_unref);
}

void vm_view_unref(VmView *view)
{
    record_unref(view, view_clear);
}

VmView *vm_view(Vm *vm)
{
    return record_get(&vm->view_lock, &vm->view);
}

VmView *vm_view_copy(const VmView *view)
{
    VmView *copy = view ? record_copy(VmView, view) : record_new(VmView);
    if (view) {
        definition_ref(copy->config);
        definition_ref(copy->live);
        if (copy->vcpu_tids)
            g_array_ref(copy->vcpu_tids);
    } else {
        copy->id = -1;
        copy->state = VIR_DOMAIN_SHUTOFF;
        copy->reachable = true;
    }
    return copy;
}

void vm_publish(Vm *vm, VmView *view)
{
    vm_registry_reindex(vm->daemon->vms, vm, vm->view, view);
    vm_view_unref(record_swap(&vm->view_lock, &vm->view, view));
}

void vm_publish_live(Vm *vm, Domain *live)
{
    VmView *next = vm_view_copy(vm->view);
    definition_unref(next->live);
    next->live = definition_new(live, NULL);
    vm_publish(vm, next);
}

bool vm_require_active(const VmView *view, GError **error)
{
    if (vm_view_active(view))
        return true;
    return error_set(error, VIR_ERR_OPERATION_INVALID, "domain is not running: start guest '%s' first",
                     vm_view_domain(view)->name);
}

bool vm_require_inactive(const VmView *view, GError **error)
{
    if (!vm_view_active(view))
        return true;
    return error_set(error, VIR_ERR_OPERATION_INVALID, "domain is already running: shut guest '%s' down first",
                     vm_view_domain(view)->name);
}

void vm_set_state(Vm *vm, int state, int reason)
{
    VmView *next = vm_view_copy(vm->view);
    next->state = state;
    next->reason = reason;
    vm_publish(vm, next);
}
