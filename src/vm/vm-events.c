/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-events.h"

#include "qemu/qmp-object.h"
#include "rpc/events.h"
#include "vm/vm-wire.h"

/* A guest as events name it. Borrows the name from *ret_view, which keeps it. False if the guest is gone. */
static bool subject(Vm *vm, VmView **ret_view, WireDomain *ret_dom)
{
    VmView *view = vm_view(vm);
    if (!view)
        return false;
    *ret_view = view;
    *ret_dom = (WireDomain){ .name = vm_view_domain(view)->name, .uuid = vm->uuid, .id = view->id };
    return true;
}

/* The payloads are only read, so they borrow the caller's strings. */
static char *borrow(const char *text)
{
    return (char *)(text ? text : "");
}

void vm_emit_lifecycle(Vm *vm, int event, int detail)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackLifecycleMsg payload = { .msg = { .event = event, .detail = detail } };
    if (subject(vm, &view, &payload.msg.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE, &payload);
}

void vm_emit_stopped(Vm *vm, const VmView *ended, int detail)
{
    DomainEventCallbackLifecycleMsg payload = {
        .msg = { .event = VIR_DOMAIN_EVENT_STOPPED,
                 .detail = detail,
                 .dom = { .name = vm_view_domain(ended)->name, .uuid = vm->uuid, .id = -1 } }
    };
    event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE, &payload);
}

void vm_emit_metadata_change(Vm *vm, int type, const char *uri)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackMetadataChangeMsg payload = { .type = type, .nsuri = (char *)uri };
    if (subject(vm, &view, &payload.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_METADATA_CHANGE, &payload);
}

void vm_emit_balloon_change(Vm *vm, uint64_t kib)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackBalloonChangeMsg payload = { .msg = { .actual = kib } };
    if (subject(vm, &view, &payload.msg.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_BALLOON_CHANGE, &payload);
}

void vm_emit_reboot(Vm *vm)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackRebootMsg payload = { 0 };
    if (subject(vm, &view, &payload.msg.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_REBOOT, &payload);
}

void vm_emit_rtc_change(Vm *vm, int64_t offset_s)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackRtcChangeMsg payload = { .msg = { .offset = offset_s } };
    if (subject(vm, &view, &payload.msg.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_RTC_CHANGE, &payload);
}

void vm_emit_watchdog(Vm *vm, int action)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackWatchdogMsg payload = { .msg = { .action = action } };
    if (subject(vm, &view, &payload.msg.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_WATCHDOG, &payload);
}

void vm_emit_io_error(Vm *vm, const char *path, const char *alias, int action, const char *reason)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackIoErrorMsg plain = {
        .msg = { .src_path = borrow(path), .dev_alias = borrow(alias), .action = action }
    };
    if (!subject(vm, &view, &plain.msg.dom))
        return;
    DomainEventCallbackIoErrorReasonMsg reasoned = {
        .msg = { plain.msg.dom, plain.msg.src_path, plain.msg.dev_alias, action, borrow(reason) },
    };
    event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_IO_ERROR, &plain);
    event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_IO_ERROR_REASON, &reasoned);
}

void vm_emit_tray_change(Vm *vm, const char *alias, int reason)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackTrayChangeMsg payload = { .msg = { .dev_alias = borrow(alias), .reason = reason } };
    if (subject(vm, &view, &payload.msg.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_TRAY_CHANGE, &payload);
}

void vm_emit_disk_change(Vm *vm, const char *old_path, const char *new_path, const char *alias, int reason)
{
    g_autoptr(VmView) view = NULL;
    char *old = (char *)old_path, *new = (char *)new_path;
    DomainEventCallbackDiskChangeMsg payload = {
        .msg = { .old_src_path = old, .new_src_path = new, .dev_alias = borrow(alias), .reason = reason }
    };
    if (subject(vm, &view, &payload.msg.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_DISK_CHANGE, &payload);
}

void vm_emit_pm(Vm *vm, int event_id)
{
    g_autoptr(VmView) view = NULL;
    WireDomain dom;
    if (!subject(vm, &view, &dom))
        return;
    switch (event_id) {
    case VIR_DOMAIN_EVENT_ID_PMWAKEUP: {
        DomainEventCallbackPmwakeupMsg payload = { .msg = { .dom = dom } };
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_PMWAKEUP, &payload);
        break;
    }
    case VIR_DOMAIN_EVENT_ID_PMSUSPEND: {
        DomainEventCallbackPmsuspendMsg payload = { .msg = { .dom = dom } };
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_PMSUSPEND, &payload);
        break;
    }
    case VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK: {
        DomainEventCallbackPmsuspendDiskMsg payload = { .msg = { .dom = dom } };
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_PMSUSPEND_DISK, &payload);
        break;
    }
    default: g_assert_not_reached();
    }
}

void vm_emit_device_removed(Vm *vm, const char *alias)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackDeviceRemovedMsg payload = { .msg = { .dev_alias = borrow(alias) } };
    if (subject(vm, &view, &payload.msg.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVED, &payload);
}

void vm_emit_device_added(Vm *vm, const char *alias)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackDeviceAddedMsg payload = { .dev_alias = borrow(alias) };
    if (subject(vm, &view, &payload.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_DEVICE_ADDED, &payload);
}

void vm_emit_device_removal_failed(Vm *vm, const char *alias)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackDeviceRemovalFailedMsg payload = { .dev_alias = borrow(alias) };
    if (subject(vm, &view, &payload.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVAL_FAILED, &payload);
}

void vm_emit_agent_lifecycle(Vm *vm, int state, int reason)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackAgentLifecycleMsg payload = { .state = state, .reason = reason };
    if (subject(vm, &view, &payload.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE, &payload);
}

void vm_emit_tunables(Vm *vm, WireParams *params)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackTunableMsg payload = { 0 };
    if (!subject(vm, &view, &payload.dom))
        return;
    payload.dom.name = g_strdup(payload.dom.name);
    wire_params_steal(params, &payload.n_params, &payload.params);
    event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_TUNABLE, &payload);
    xdr_clear(&xdr_DomainEventCallbackTunableMsg, &payload);
}

void vm_emit_tunable(Vm *vm, const char *field, const char *value)
{
    g_autoptr(VmView) view = NULL;
    WireTypedParam param = { .field = borrow(field), .value = { .type = WIRE_VALUE_STRING, .s = borrow(value) } };
    DomainEventCallbackTunableMsg payload = { .n_params = 1, .params = &param };
    if (subject(vm, &view, &payload.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_TUNABLE, &payload);
}

void vm_emit_graphics(Vm *vm, int phase, const VmGraphicsPeer *local, const VmGraphicsPeer *remote,
                      const char *auth_scheme)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackGraphicsMsg payload = {
        .msg = {
            .phase = phase,
            .local = { local->family, borrow(local->node), borrow(local->service) },
            .remote = { remote->family, borrow(remote->node), borrow(remote->service) },
            .auth_scheme = borrow(auth_scheme),
        },
    };
    if (subject(vm, &view, &payload.msg.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_GRAPHICS, &payload);
}

void vm_emit_control_error(Vm *vm)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackControlErrorMsg payload = { 0 };
    if (subject(vm, &view, &payload.msg.dom))
        event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_CONTROL_ERROR, &payload);
}

void vm_emit_job_completed(Vm *vm, WireParams *params)
{
    g_autoptr(VmView) view = NULL;
    DomainEventCallbackJobCompletedMsg payload = { 0 };
    if (!subject(vm, &view, &payload.dom))
        return;
    payload.dom.name = g_strdup(payload.dom.name);
    wire_params_steal(params, &payload.n_params, &payload.params);
    event_emit(vm->daemon->events, PROC_DOMAIN_EVENT_CALLBACK_JOB_COMPLETED, &payload);
    xdr_clear(&xdr_DomainEventCallbackJobCompletedMsg, &payload);
}

void vm_emit_monitor(Vm *vm, const char *name, gint64 when_us, JsonObject *data)
{
    if (!event_is_wanted(vm->daemon->events, PROC_QEMU_DOMAIN_MONITOR_EVENT))
        return;
    g_autoptr(VmView) view = NULL;
    g_autofree char *details = data && json_object_get_size(data) > 0 ? qmp_object_text(data) : NULL;
    QemuDomainMonitorEventMsg payload = {
        .event = borrow(name),
        .seconds = when_us / G_USEC_PER_SEC,
        .micros = (uint32_t)(when_us % G_USEC_PER_SEC),
        .details = details,
    };
    if (subject(vm, &view, &payload.dom))
        event_emit(vm->daemon->events, PROC_QEMU_DOMAIN_MONITOR_EVENT, &payload);
}
