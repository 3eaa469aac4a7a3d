/* SPDX-License-Identifier: Apache-2.0 */
/* Events and their data: QEMU's QMP reference manual, qapi/run-state.json, ui.json, block-core.json, char.json. */
#include "vm/vm-qmp-events.h"

#include "base/log.h"
#include "qemu/qmp-object.h"
#include "qemu/qmp.h"
#include "vm/vm-define.h"
#include "vm/vm-device-classes.h"
#include "vm/vm-dump.h"
#include "vm/vm-events.h"
#include "vm/vm-hotplug.h"
#include "vm/vm-runstate.h"
#include "vm/vm-stop.h"
#include "vm/vm-vcpu.h"

static void change_state(Vm *vm, int state, int reason, int event, int detail)
{
    if (vm->view->state == state && vm->view->reason == reason)
        return;
    vm_set_state(vm, state, reason);
    vm_runstate_save_state(vm);
    vm_emit_lifecycle(vm, event, detail);
}

static void on_shutdown(gpointer subject, JsonObject *data, gint64 when_us)
{
    vm_guest_shutdown(subject);
}

static void on_reset(gpointer subject, JsonObject *data, gint64 when_us)
{
    vm_emit_reboot(subject);
}

static void on_stop(gpointer subject, JsonObject *data, gint64 when_us)
{
    Vm *vm = subject;
    /* A STOP that our own commands caused has its state set by them already. */
    if (vm->view->state == VIR_DOMAIN_RUNNING)
        change_state(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_UNKNOWN, VIR_DOMAIN_EVENT_SUSPENDED,
                     VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
}

static void on_resume(gpointer subject, JsonObject *data, gint64 when_us)
{
    Vm *vm = subject;
    switch (vm->view->state) {
    case VIR_DOMAIN_PAUSED:
        change_state(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED, VIR_DOMAIN_EVENT_RESUMED,
                     VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
        break;
    case VIR_DOMAIN_CRASHED: /* reset after its crash */
        change_state(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_CRASHED, VIR_DOMAIN_EVENT_RESUMED,
                     VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
        break;
    case VIR_DOMAIN_SHUTDOWN: /* reset after it switched itself off: to clients a reboot, no more */
        vm_set_state(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_BOOTED);
        vm_runstate_save_state(vm);
        break;
    default: break; /* our own command has set the state already */
    }
    vm_dump_resumed(vm);
}

static void on_panicked(gpointer subject, JsonObject *data, gint64 when_us)
{
    vm_guest_panicked(subject);
}

static void on_suspend(gpointer subject, JsonObject *data, gint64 when_us)
{
    Vm *vm = subject;
    change_state(vm, VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN, VIR_DOMAIN_EVENT_PMSUSPENDED,
                 VIR_DOMAIN_EVENT_PMSUSPENDED_MEMORY);
    vm_emit_pm(vm, VIR_DOMAIN_EVENT_ID_PMSUSPEND);
}

static void on_suspend_disk(gpointer subject, JsonObject *data, gint64 when_us)
{
    Vm *vm = subject;
    change_state(vm, VIR_DOMAIN_PMSUSPENDED, VIR_DOMAIN_PMSUSPENDED_UNKNOWN, VIR_DOMAIN_EVENT_PMSUSPENDED,
                 VIR_DOMAIN_EVENT_PMSUSPENDED_DISK);
    vm_emit_pm(vm, VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK);
}

static void on_wakeup(gpointer subject, JsonObject *data, gint64 when_us)
{
    Vm *vm = subject;
    if (vm->view->state == VIR_DOMAIN_PMSUSPENDED)
        change_state(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_WAKEUP, VIR_DOMAIN_EVENT_STARTED,
                     VIR_DOMAIN_EVENT_STARTED_WAKEUP);
    vm_emit_pm(vm, VIR_DOMAIN_EVENT_ID_PMWAKEUP);
}

static void on_balloon(gpointer subject, JsonObject *data, gint64 when_us)
{
    Vm *vm = subject;
    uint64_t kib = (uint64_t)qmp_get_int(data, "actual", 0) / 1024;
    if (vm->view->live->domain->current_memory == kib)
        return;
    Domain *live = domain_copy(vm->view->live->domain);
    live->current_memory = kib;
    vm_publish_live(vm, live);
    vm_emit_balloon_change(vm, kib);
}

static void on_rtc(gpointer subject, JsonObject *data, gint64 when_us)
{
    vm_emit_rtc_change(subject, qmp_get_int(data, "offset", 0));
}

static void on_watchdog(gpointer subject, JsonObject *data, gint64 when_us)
{
    static const char *const actions[] = { "none", "pause", "reset", "poweroff", "shutdown", "debug", "inject-nmi" };
    Vm *vm = subject;
    const char *action = qmp_get_string(data, "action");
    for (unsigned i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (g_strcmp0(action, actions[i]) == 0)
            vm_emit_watchdog(vm, (int)i);
    }
    if (g_strcmp0(action, "pause") == 0 && vm->view->state == VIR_DOMAIN_RUNNING)
        change_state(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_WATCHDOG, VIR_DOMAIN_EVENT_SUSPENDED,
                     VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG);
}

/* The disk whose front end QEMU names by qdev path or id ("virtio-disk0" or "/machine/peripheral/virtio-disk0/…"). */
static const DomainDisk *find_disk(const Vm *vm, const char *device)
{
    const Domain *live = vm->view->live->domain;
    for (unsigned i = 0; device && i < live->n_disks; i++) {
        const char *alias = live->disks[i]->info.alias;
        if (alias && strstr(device, alias))
            return live->disks[i];
    }
    return NULL;
}

static void on_io_error(gpointer subject, JsonObject *data, gint64 when_us)
{
    Vm *vm = subject;
    const char *action = qmp_get_string(data, "action");
    const char *device =
        qmp_get_string(data, "qom-path") ? qmp_get_string(data, "qom-path") : qmp_get_string(data, "device");
    const DomainDisk *disk = find_disk(vm, device);
    bool no_space = qmp_get_bool(data, "nospace", false);
    bool stopped = g_strcmp0(action, "stop") == 0;
    int number = stopped                            ? VIR_DOMAIN_EVENT_IO_ERROR_PAUSE
                 : g_strcmp0(action, "report") == 0 ? VIR_DOMAIN_EVENT_IO_ERROR_REPORT
                                                    : VIR_DOMAIN_EVENT_IO_ERROR_NONE;
    vm_emit_io_error(vm, disk && disk->source.path ? disk->source.path : "", disk ? disk->info.alias : "", number,
                     no_space ? "enospc" : "");
    if (stopped)
        change_state(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_IOERROR, VIR_DOMAIN_EVENT_SUSPENDED,
                     VIR_DOMAIN_EVENT_SUSPENDED_IOERROR);
}

static void on_tray(gpointer subject, JsonObject *data, gint64 when_us)
{
    Vm *vm = subject;
    const DomainDisk *disk = find_disk(vm, qmp_get_string(data, "id"));
    bool open = qmp_get_bool(data, "tray-open", false);
    if (!disk)
        return;
    g_autofree char *alias = g_strdup(disk->info.alias);
    vm_disk_note_tray(vm, disk, open);
    vm_emit_tray_change(vm, alias, open ? VIR_DOMAIN_EVENT_TRAY_CHANGE_OPEN : VIR_DOMAIN_EVENT_TRAY_CHANGE_CLOSE);
}

static void on_device_deleted(gpointer subject, JsonObject *data, gint64 when_us)
{
    const char *alias = qmp_get_string(data, "device");
    if (!alias)
        return;
    vm_vcpu_device_deleted(subject, alias);
    vm_hotplug_deleted(subject, alias);
}

/* DEVICE_UNPLUG_GUEST_ERROR, and for memory MEM_UNPLUG_ERROR, which says why. */
static void on_unplug_refused(gpointer subject, JsonObject *data, gint64 when_us)
{
    const char *alias = qmp_get_string(data, "device");
    if (alias)
        vm_hotplug_refused(subject, alias, qmp_get_string(data, "msg"));
}

/* A port of a virtio-serial bus was opened or closed by the guest: of interest for its agent's channel. */
static void on_port_change(gpointer subject, JsonObject *data, gint64 when_us)
{
    Vm *vm = subject;
    const char *id = qmp_get_string(data, "id");
    bool open = qmp_get_bool(data, "open", false);
    const Domain *old = vm->view->live->domain;
    for (unsigned i = 0; id && i < old->n_channels; i++) {
        const char *alias = old->channels[i]->info.alias;
        ChardevState state = open ? CHARDEV_STATE_CONNECTED : CHARDEV_STATE_DISCONNECTED;
        if (g_strcmp0(alias, id) != 0 || old->channels[i]->state == state)
            continue;
        Domain *live = domain_copy(old);
        live->channels[i]->state = state;
        vm_publish_live(vm, live);
        if (g_strcmp0(live->channels[i]->name, "org.qemu.guest_agent.0") == 0)
            vm_emit_agent_lifecycle(vm,
                                    open ? VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED
                                         : VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_DISCONNECTED,
                                    VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_REASON_CHANNEL);
        return;
    }
}

static void on_dump_completed(gpointer subject, JsonObject *data, gint64 when_us)
{
    vm_dump_completed(subject, data);
}

static void on_migration(gpointer subject, JsonObject *data, gint64 when_us)
{
    vm_dump_migration(subject, data);
}

static VmGraphicsPeer graphics_peer(JsonObject *peer)
{
    static const char *const families[] = {
        [VIR_DOMAIN_EVENT_GRAPHICS_ADDRESS_IPV4] = "ipv4",
        [VIR_DOMAIN_EVENT_GRAPHICS_ADDRESS_IPV6] = "ipv6",
        [VIR_DOMAIN_EVENT_GRAPHICS_ADDRESS_UNIX] = "unix",
    };
    VmGraphicsPeer found = { VIR_DOMAIN_EVENT_GRAPHICS_ADDRESS_UNIX, qmp_get_string(peer, "host"),
                             qmp_get_string(peer, "service") };
    for (unsigned i = 0; i < G_N_ELEMENTS(families); i++) {
        if (g_strcmp0(qmp_get_string(peer, "family"), families[i]) == 0)
            found.family = (int)i;
    }
    /* SPICE names the port differently. */
    if (!found.service)
        found.service = qmp_get_string(peer, "port");
    return found;
}

static void tell_graphics(Vm *vm, JsonObject *data, int phase)
{
    JsonObject *server = qmp_get_object(data, "server");
    VmGraphicsPeer local = graphics_peer(server), remote = graphics_peer(qmp_get_object(data, "client"));
    vm_emit_graphics(vm, phase, &local, &remote, qmp_get_string(server, "auth"));
}

static void on_graphics_connected(gpointer subject, JsonObject *data, gint64 when_us)
{
    tell_graphics(subject, data, VIR_DOMAIN_EVENT_GRAPHICS_CONNECT);
}

static void on_graphics_initialized(gpointer subject, JsonObject *data, gint64 when_us)
{
    tell_graphics(subject, data, VIR_DOMAIN_EVENT_GRAPHICS_INITIALIZE);
}

static void on_graphics_disconnected(gpointer subject, JsonObject *data, gint64 when_us)
{
    tell_graphics(subject, data, VIR_DOMAIN_EVENT_GRAPHICS_DISCONNECT);
}

static const QmpEventRow event_rows[] = {
    { "SHUTDOWN", on_shutdown },
    { "RESET", on_reset },
    { "STOP", on_stop },
    { "RESUME", on_resume },
    { "GUEST_PANICKED", on_panicked },
    { "SUSPEND", on_suspend },
    { "SUSPEND_DISK", on_suspend_disk },
    { "WAKEUP", on_wakeup },
    { "BALLOON_CHANGE", on_balloon },
    { "RTC_CHANGE", on_rtc },
    { "WATCHDOG", on_watchdog },
    { "BLOCK_IO_ERROR", on_io_error },
    { "DEVICE_TRAY_MOVED", on_tray },
    { "DEVICE_DELETED", on_device_deleted },
    { "DEVICE_UNPLUG_GUEST_ERROR", on_unplug_refused },
    { "MEM_UNPLUG_ERROR", on_unplug_refused },
    { "VSERPORT_CHANGE", on_port_change },
    { "DUMP_COMPLETED", on_dump_completed },
    { "MIGRATION", on_migration },
    { "VNC_CONNECTED", on_graphics_connected },
    { "VNC_INITIALIZED", on_graphics_initialized },
    { "VNC_DISCONNECTED", on_graphics_disconnected },
    { "SPICE_CONNECTED", on_graphics_connected },
    { "SPICE_INITIALIZED", on_graphics_initialized },
    { "SPICE_DISCONNECTED", on_graphics_disconnected },
    { NULL, NULL },
};

void vm_qmp_event(Vm *vm, const char *name, JsonObject *data, gint64 when_us)
{
    qmp_event_dispatch(event_rows, name, data, when_us, vm);
}
