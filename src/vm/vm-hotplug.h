/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices of a guest that runs: attached at once or not at all; detached by asking the guest, whose answer is an event
 * that may come late, or to the next daemon. vm-device-classes.c says what is particular to a kind of device. Mailbox.
 */
#pragma once
#include "vm/vm-job.h"
#include "vm/vm-plug.h"

/* Plugs a copy of @device in, with the controllers that it needs, and publishes it. Tells listeners. */
bool vm_hotplug_attach(Vm *vm, DomainDeviceKind kind, const void *device, GError **error);

/*
 * Asks the guest to let a device of the live definition go. @waiter (a reference, may be NULL) is told when it has, or
 * has refused, or ended.
 */
bool vm_hotplug_detach(Vm *vm, DomainDeviceKind kind, const void *device, VmJobWaiter *waiter, GError **error);
/* QEMU no longer has the device: neither have the live definition and the host. */
void vm_hotplug_deleted(Vm *vm, const char *alias);
/* The guest has refused to let it go. @why may be NULL. */
void vm_hotplug_refused(Vm *vm, const char *alias, const char *why);
/* Looks which devices went while no daemon listened. */
void vm_hotplug_adopt(Vm *vm);
/* The run has ended: so have all unplugs. */
void vm_hotplug_end(Vm *vm);
