/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-adopt.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"
#include "base/paths.h"
#include "qemu/qemu-args.h"
#include "qemu/qemu-monitor.h"
#include "qemu/qemu-process.h"
#include "vm/vm-autodestroy.h"
#include "vm/vm-cgroup.h"
#include "vm/vm-console.h"
#include "vm/vm-dump.h"
#include "vm/vm-events.h"
#include "vm/vm-hotplug.h"
#include "vm/vm-log.h"
#include "vm/vm-monitor.h"
#include "vm/vm-perf.h"
#include "vm/vm-ports.h"
#include "vm/vm-registry.h"
#include "vm/vm-runstate.h"
#include "vm/vm-settle.h"
#include "vm/vm-stop.h"
#include "vm/vm-store.h"

#define ANSWER_TIMEOUT_MS 3000 /* for a QEMU that was found running */
#define RETRY_S           2    /* until a QEMU that does not answer is tried again */

static void publish_stored(Domain *domain, bool autostart, gpointer user_data)
{
    Daemon *daemon = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Vm) vm = vm_registry_claim(daemon->vms, &domain->uuid, domain->name, &error);
    if (!vm) {
        log_error("%s: its file is left alone", error->message);
        domain_free(domain);
        return;
    }
    g_autofree char *name = g_strdup(domain->name);
    VmView *view = vm_view_copy(NULL);
    view->config = definition_new(domain, NULL);
    view->persistent = true;
    view->autostart = autostart;
    vm_publish(vm, view);
    vm_registry_release(daemon->vms, vm, name);
}

/* What QEMU says of itself, as the state to go on with. */
static void take_status(Vm *vm, const QemuStatus *status)
{
    bool known = vm->view->state != VIR_DOMAIN_SHUTOFF && vm->view->reachable;
    if (status->running && vm->view->state != VIR_DOMAIN_RUNNING)
        vm_set_state(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED);
    else if (!status->running && vm->view->state == VIR_DOMAIN_RUNNING && known)
        vm_set_state(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN);
    if (g_str_equal(status->status, "suspended"))
        vm_set_state(vm, VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN);
    if (g_str_equal(status->status, "shutdown"))
        vm_guest_shutdown(vm);
    else if (g_str_equal(status->status, "guest-panicked"))
        vm_guest_panicked(vm);
}

static bool connect_monitor(Vm *vm, GError **error)
{
    g_autofree char *path = vm_runstate_monitor_path(vm->run_dir);
    g_autofree char *label = g_strdup_printf("guest '%s'", vm_view_domain(vm->view)->name);
    QmpCallbacks callbacks = vm_monitor_callbacks(vm);
    QemuStatus status;
    Qmp *qmp = qemu_monitor_connect(path, NULL, label, &callbacks, ANSWER_TIMEOUT_MS, error);
    if (!qmp)
        return false;
    vm_monitor_attach(vm, qmp);
    VmView *next = vm_view_copy(vm->view);
    next->reachable = true;
    vm_publish(vm, next);
    if (!vm_settle_vcpu_threads(vm, error) || !vm_settle_ptys(vm, error) ||
        !qemu_monitor_status(vm->qmp, &status, error)) {
        vm_monitor_detach(vm);
        return false;
    }
    vm_log_event(vm, "found again by a new daemon");
    take_status(vm, &status);
    if (vm->view->live)
        vm_hotplug_adopt(vm);
    vm_dump_adopt(vm);
    vm_perf_resume(vm);
    return true;
}

static void connect_job(gpointer data);

static gboolean retry(gpointer data)
{
    Vm *vm = data;
    mailbox_post(vm->mailbox, connect_job, vm);
    return G_SOURCE_REMOVE;
}

static void set_unreachable(Vm *vm)
{
    if (!vm->view->reachable)
        return;
    VmView *next = vm_view_copy(vm->view);
    next->reachable = false;
    vm_publish(vm, next);
    vm_emit_control_error(vm);
}

/* @data: a Vm with a reference, handed on from try to try. */
static void connect_job(gpointer data)
{
    Vm *vm = data;
    g_autoptr(GError) error = NULL;
    if (!vm->view || !vm->view->live || vm->qmp) {
        vm_unref(vm); /* it ended, or was destroyed, meanwhile */
        return;
    }
    if (process_wait(vm->pidfd, 0)) {
        vm_finish(vm, VIR_DOMAIN_SHUTOFF_CRASHED);
        vm_unref(vm);
        return;
    }
    if (connect_monitor(vm, &error)) {
        if (vm->view && vm->view->live)
            vm_runstate_save_state(vm);
        vm_unref(vm);
        return;
    }
    if (vm->view->reachable)
        log_warning("guest '%s' (pid %d) runs but cannot be reached (%s): trying again every %d s",
                    vm_view_domain(vm->view)->name, (int)vm->view->process.pid, error->message, RETRY_S);
    set_unreachable(vm);
    g_timeout_add_seconds(RETRY_S, retry, vm);
}

static void note_ports(Vm *vm)
{
    const Domain *live = vm->view->live->domain;
    vm->ports = g_array_new(FALSE, FALSE, sizeof(unsigned));
    for (unsigned i = 0; i < live->n_graphics; i++) {
        const int32_t given[] = { live->graphics[i]->port, live->graphics[i]->websocket, live->graphics[i]->tls_port };
        for (unsigned g = 0; g < G_N_ELEMENTS(given); g++) {
            unsigned port = (unsigned)given[g];
            if (given[g] <= 0)
                continue;
            vm_ports_note(vm->daemon->ports, port);
            g_array_append_val(vm->ports, port);
        }
    }
}

/* The definition the guest runs by: its own file's, or what is left to know of it. */
static Domain *choose_live(Vm *vm, VmRunState *state)
{
    if (state->live)
        return g_steal_pointer(&state->live);
    if (!vm->view || !vm->view->config)
        return NULL;
    Domain *live = domain_copy(vm->view->config->domain);
    qemu_args_assign_aliases(live); /* as the start did */
    qemu_args_number_sources(live);
    return live;
}

static void adopt_state(Daemon *daemon, VmRunState *state)
{
    g_autoptr(GError) error = NULL;
    const char *name = state->live ? state->live->name : NULL;
    g_autoptr(Vm) known = vm_registry_lookup_uuid(daemon->vms, &state->uuid);
    g_autoptr(VmView) known_view = known ? vm_view(known) : NULL;
    g_autofree char *claimed = g_strdup(name ? name : known_view ? vm_view_domain(known_view)->name : NULL);
    if (!claimed) {
        log_error("run directory '%s': neither its definition nor a stored one tells which guest runs as pid %d; it is "
                  "left alone",
                  state->run_dir, (int)state->process.pid);
        return;
    }
    g_autoptr(Vm) vm = vm_registry_claim(daemon->vms, &state->uuid, claimed, &error);
    if (!vm) {
        log_error("run directory '%s': %s", state->run_dir, error->message);
        return;
    }
    vm_registry_raise_id(daemon->vms, state->id);
    Domain *live = choose_live(vm, state);
    live->id = state->id;
    vm->run_dir = g_strdup(state->run_dir);
    vm->pidfd = process_open(&state->process);
    VmView *view = vm_view_copy(vm->view);
    view->id = state->id;
    view->live = definition_new(live, NULL);
    view->state = state->state;
    view->reason = state->reason;
    view->process = state->process;
    vm_publish(vm, view);
    note_ports(vm);
    vm_cgroup_adopt(vm);
    if (vm->pidfd < 0) {
        /* It ended while no daemon looked. QEMU ends by itself only when it is told to or fails. */
        vm_finish(vm, VIR_DOMAIN_SHUTOFF_CRASHED);
        log_warning("guest '%s' ended while no daemon ran", claimed);
    } else {
        vm_consoles_open(vm);
        mailbox_post(vm->mailbox, connect_job, vm_ref(vm));
    }
    vm_registry_release(daemon->vms, vm, claimed);
}

void vm_adopt_all(Daemon *daemon)
{
    vm_store_load(daemon->paths, publish_stored, daemon);
    g_autoptr(GDir) dir = g_dir_open(daemon->paths->qemu_run_dir, 0, NULL);
    const char *entry;
    while (dir && (entry = g_dir_read_name(dir))) {
        g_autoptr(GError) error = NULL;
        g_autofree char *run_dir = g_build_filename(daemon->paths->qemu_run_dir, entry, NULL);
        g_autoptr(VmRunState) state = vm_runstate_load(run_dir, &error);
        if (state) {
            adopt_state(daemon, state);
        } else {
            log_warning("%s: removing it", error->message);
            vm_runstate_remove(run_dir);
        }
    }
}

static bool leave_job(gpointer data, GError **error)
{
    Vm *vm = data;
    vm_monitor_detach(vm);
    vm_consoles_free(g_steal_pointer(&vm->consoles));
    vm_autodestroy_release(vm);
    auto_fd_close(&vm->pidfd);
    return true;
}

void vm_leave_all(Daemon *daemon)
{
    g_autoptr(GPtrArray) all = vm_registry_all(daemon->vms);
    for (unsigned i = 0; i < all->len; i++) {
        Vm *vm = all->pdata[i];
        mailbox_run(vm->mailbox, leave_job, vm, NULL);
    }
}
