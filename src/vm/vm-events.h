/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What happens to guests, told to clients. Any thread may call, jobs of the guest's mailbox do; delivery is on the main
 * loop, in order. Nothing is sent of a guest that has no view. Strings are copied; NULL stands for an empty one.
 * Event and detail numbers are those of <libvirt/libvirt-domain.h>.
 */
#pragma once
#include "rpc/wire-params.h"
#include "vm/vm.h"

#include <json-glib/json-glib.h>

void vm_emit_lifecycle(Vm *vm, int event, int detail);
/* The end of the run that @ended shows; the guest itself may be gone with it. */
void vm_emit_stopped(Vm *vm, const VmView *ended, int detail);
void vm_emit_metadata_change(Vm *vm, int type, const char *uri);
void vm_emit_balloon_change(Vm *vm, uint64_t kib);
void vm_emit_reboot(Vm *vm);
void vm_emit_rtc_change(Vm *vm, int64_t offset_s);
void vm_emit_watchdog(Vm *vm, int action);
void vm_emit_io_error(Vm *vm, const char *path, const char *alias, int action, const char *reason);
void vm_emit_tray_change(Vm *vm, const char *alias, int reason);
/* A medium that may be missing was, at the start. @reason: virConnectDomainEventDiskChangeReason. */
void vm_emit_disk_change(Vm *vm, const char *old_path, const char *new_path, const char *alias, int reason);
void vm_emit_pm(Vm *vm, int event_id);
void vm_emit_device_added(Vm *vm, const char *alias);
void vm_emit_device_removed(Vm *vm, const char *alias);
void vm_emit_device_removal_failed(Vm *vm, const char *alias);
void vm_emit_agent_lifecycle(Vm *vm, int state, int reason);
/* Typed values; @params is emptied. */
void vm_emit_tunables(Vm *vm, WireParams *params);
void vm_emit_tunable(Vm *vm, const char *field, const char *value);
/* One end of a display's connection. */
typedef struct {
    int family; /* virDomainEventGraphicsAddressType */
    const char *node, *service;
} VmGraphicsPeer;
/* @phase: virDomainEventGraphicsPhase. */
void vm_emit_graphics(Vm *vm, int phase, const VmGraphicsPeer *local, const VmGraphicsPeer *remote,
                      const char *auth_scheme);
/* QEMU no longer answers; the guest itself goes on. */
void vm_emit_control_error(Vm *vm);
/* A job (migration, save, dump) has ended; its statistics as domain_get_job_stats gives them are taken out of @params.
 */
void vm_emit_job_completed(Vm *vm, WireParams *params);
/* A QMP event as it came, for qemu-monitor-event. @data may be NULL. */
void vm_emit_monitor(Vm *vm, const char *name, gint64 when_us, JsonObject *data);
