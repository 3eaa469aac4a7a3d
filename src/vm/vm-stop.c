/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-stop.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"
#include "base/state-words.h"
#include "qemu/qemu-caps.h"
#include "qemu/qemu-process.h"
#include "qemu/qmp.h"
#include "vm/vm-autodestroy.h"
#include "vm/vm-cgroup.h"
#include "vm/vm-console.h"
#include "vm/vm-dump.h"
#include "vm/vm-events.h"
#include "vm/vm-hotplug.h"
#include "vm/vm-iftune.h"
#include "vm/vm-job.h"
#include "vm/vm-log.h"
#include "vm/vm-monitor.h"
#include "vm/vm-perf.h"
#include "vm/vm-ports.h"
#include "vm/vm-resctrl.h"
#include "vm/vm-runstate.h"

#include <signal.h>

#define END_GRACE_MS 10000 /* a process that was told to go, or closed its monitor, is gone long before */

static void release_ports(Vm *vm)
{
    for (unsigned i = 0; vm->ports && i < vm->ports->len; i++)
        vm_ports_release(vm->daemon->ports, g_array_index(vm->ports, unsigned, i));
    g_clear_pointer(&vm->ports, g_array_unref);
}

/* Collects the exit status, so that no zombie stays, and notes it where people look for the cause. */
static void reap(Vm *vm)
{
    int status;
    if (!qemu_process_reap(vm->pidfd, &status))
        return; /* an adopted process is not our child */
    g_autofree char *text = qemu_process_status_text(status);
    vm_log_event(vm, "QEMU %s", text);
}

static void end_job(Vm *vm)
{
    g_autoptr(GError) why = NULL;
    error_set(&why, VIR_ERR_OPERATION_FAILED, "guest '%s' ended before its job did", vm_view_domain(vm->view)->name);
    vm_job_end(vm, why);
}

void vm_release_resources(Vm *vm)
{
    vm_monitor_detach(vm);
    if (vm->pidfd >= 0)
        reap(vm);
    vm_cgroup_release(vm);
    vm_iftune_release(vm);
    vm_resctrl_release(vm);
    vm_perf_stop(vm);
    auto_fd_close(&vm->pidfd);
    g_clear_pointer(&vm->caps, qemu_caps_unref);
    vm_consoles_free(g_steal_pointer(&vm->consoles));
    end_job(vm);
    vm_hotplug_end(vm);
    vm_autodestroy_release(vm);
    release_ports(vm);
    if (vm->run_dir)
        vm_runstate_remove(vm->run_dir);
    g_clear_pointer(&vm->run_dir, g_free);
    vm->reset_on_shutdown = false;
    vm->stop_reason = -1;
}

/* The lifecycle event's detail that goes with a reason of being off. */
static int stopped_detail(int shutoff_reason)
{
    switch (shutoff_reason) {
    case VIR_DOMAIN_SHUTOFF_SHUTDOWN: return VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN;
    case VIR_DOMAIN_SHUTOFF_DESTROYED: return VIR_DOMAIN_EVENT_STOPPED_DESTROYED;
    case VIR_DOMAIN_SHUTOFF_CRASHED: return VIR_DOMAIN_EVENT_STOPPED_CRASHED;
    case VIR_DOMAIN_SHUTOFF_MIGRATED: return VIR_DOMAIN_EVENT_STOPPED_MIGRATED;
    case VIR_DOMAIN_SHUTOFF_SAVED: return VIR_DOMAIN_EVENT_STOPPED_SAVED;
    default: return VIR_DOMAIN_EVENT_STOPPED_FAILED;
    }
}

/* The view of a persistent guest that has ended. */
static VmView *view_of_end(const VmView *ended, int shutoff_reason)
{
    VmView *next = vm_view_copy(ended);
    g_clear_pointer(&next->live, definition_unref);
    g_clear_pointer(&next->vcpu_tids, g_array_unref);
    next->id = -1;
    next->process = (ProcessId){ 0 };
    next->state = VIR_DOMAIN_SHUTOFF;
    next->reason = shutoff_reason;
    next->updated = false;
    next->monitor_used = false;
    next->dirty_rate_ordered = false;
    next->reachable = true;
    return next;
}

void vm_finish(Vm *vm, int shutoff_reason)
{
    g_autoptr(Vm) held = vm_ref(vm); /* of a transient guest the registry drops the last reference */
    vm_log_event(vm, "stopped, reason: %s", state_reason_word(VIR_DOMAIN_SHUTOFF, shutoff_reason));
    vm_release_resources(vm);
    g_autoptr(VmView) ended = vm_view_ref(vm->view);
    vm_publish(vm, ended->persistent ? view_of_end(ended, shutoff_reason) : NULL);
    /* Whoever hears of the end and looks must see it. */
    vm_emit_stopped(vm, ended, stopped_detail(shutoff_reason));
}

bool vm_kill(Vm *vm, int grace_ms, bool graceful, int shutoff_reason, GError **error)
{
    const char *name = vm_view_domain(vm->view)->name;
    vm->stop_reason = shutoff_reason;
    if (vm->qmp && !process_wait(vm->pidfd, 0))
        qmp_forget(qmp_send(vm->qmp, "quit", NULL));
    bool ended = vm->qmp && process_wait(vm->pidfd, grace_ms);
    if (!ended && graceful) {
        vm->stop_reason = -1;
        return error_set(error, VIR_ERR_OPERATION_FAILED,
                         "guest '%s' did not end within %d s: its QEMU may be waiting for storage; destroy it without "
                         "--graceful to end it by force",
                         name, grace_ms / 1000);
    }
    if (!ended) {
        if (!process_signal(vm->pidfd, SIGKILL, error))
            return false;
        if (!process_wait(vm->pidfd, END_GRACE_MS))
            return error_set(
                error, VIR_ERR_SYSTEM_ERROR,
                "QEMU (pid %d) of guest '%s' does not end even of SIGKILL: it hangs in the kernel, perhaps "
                "in storage that does not answer",
                (int)vm->view->process.pid, name);
    }
    vm_finish(vm, shutoff_reason);
    return true;
}

void vm_process_ended(Vm *vm)
{
    g_autoptr(GError) error = NULL;
    int reason = vm->stop_reason >= 0 ? vm->stop_reason : VIR_DOMAIN_SHUTOFF_CRASHED;
    vm_monitor_detach(vm);
    if (!process_wait(vm->pidfd, END_GRACE_MS)) {
        log_warning("guest '%s': QEMU (pid %d) closed its monitor but runs on: ending it",
                    vm_view_domain(vm->view)->name, (int)vm->view->process.pid);
        if (!vm_kill(vm, 0, false, reason, &error))
            log_error("guest '%s': %s", vm_view_domain(vm->view)->name, error->message);
        return;
    }
    vm_finish(vm, reason);
}

static void log_failure(Vm *vm, const char *what, const GError *error)
{
    log_error("guest '%s': %s: %s", vm_view_domain(vm->view)->name, what, error->message);
}

/* Boots the guest again in the same QEMU. That it runs is told by QEMU's RESUME: vm-qmp-events.c. */
static void reset_and_continue(Vm *vm)
{
    g_autoptr(GError) error = NULL;
    vm->reset_on_shutdown = false;
    if (!vm_qmp(vm, "system_reset", NULL, NULL, &error) || !vm_qmp(vm, "cont", NULL, NULL, &error))
        log_failure(vm, "restart", error);
}

void vm_guest_shutdown(Vm *vm)
{
    g_autoptr(GError) error = NULL;
    if (vm->stop_reason >= 0 || !vm->view->live)
        return; /* we asked for it */
    LifecycleAction action = vm->view->live->domain->on_poweroff;
    bool again =
        vm->reset_on_shutdown || action == LIFECYCLE_ACTION_RESTART || action == LIFECYCLE_ACTION_RENAME_RESTART;
    vm_set_state(vm, VIR_DOMAIN_SHUTDOWN, VIR_DOMAIN_SHUTDOWN_USER);
    if (again) {
        reset_and_continue(vm);
        return;
    }
    vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_SHUTDOWN, VIR_DOMAIN_EVENT_SHUTDOWN_FINISHED);
    if (action == LIFECYCLE_ACTION_PRESERVE) {
        vm_set_state(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_SHUTTING_DOWN);
        vm_runstate_save_state(vm);
    } else if (!vm_kill(vm, END_GRACE_MS, false, VIR_DOMAIN_SHUTOFF_SHUTDOWN, &error)) {
        log_failure(vm, "end after shutdown", error);
    }
}

static void destroy_crashed(Vm *vm)
{
    g_autoptr(GError) error = NULL;
    if (!vm_kill(vm, END_GRACE_MS, false, VIR_DOMAIN_SHUTOFF_CRASHED, &error))
        log_failure(vm, "end after crash", error);
}

/* coredump-*: the dump goes where automatic dumps go, before anything else happens to the guest's memory. */
static void dump_crashed(Vm *vm, void (*then)(Vm *vm))
{
    g_autoptr(GError) error = NULL;
    if (vm_dump_automatic(vm, then, &error))
        return;
    log_failure(vm, "dump of the crashed guest", error);
    then(vm);
}

void vm_guest_panicked(Vm *vm)
{
    LifecycleAction action = vm->view->live->domain->on_crash;
    vm_set_state(vm, VIR_DOMAIN_CRASHED, VIR_DOMAIN_CRASHED_PANICKED);
    vm_runstate_save_state(vm);
    vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_PANICKED);
    switch (action) {
    case LIFECYCLE_ACTION_PRESERVE: return;
    case LIFECYCLE_ACTION_COREDUMP_RESTART: dump_crashed(vm, reset_and_continue); return;
    case LIFECYCLE_ACTION_COREDUMP_DESTROY: dump_crashed(vm, destroy_crashed); return;
    case LIFECYCLE_ACTION_RESTART:
    case LIFECYCLE_ACTION_RENAME_RESTART: reset_and_continue(vm); return;
    default: destroy_crashed(vm);
    }
}
