/* SPDX-License-Identifier: Apache-2.0 */
/* What kinds of devices can be changed on a guest that runs, and what is particular to each. */
#pragma once
#include "vm/vm-plug.h"

typedef struct {
    const Domain *domain; /* the definition that is changed, as it was before */
    bool live;            /* it is that of a guest that runs */
} VmDeviceScope;

typedef struct VmDeviceClass {
    DomainDeviceKind kind;
    const char *what; /* for errors: what libvirt's users know the class by */
    /* All of these may be NULL. */
    bool (*check_attach)(const VmDeviceScope *scope, const void *device, GError **error);
    bool (*check_detach)(const VmDeviceScope *scope, const void *device, GError **error);
    /* The guest's totals follow a device that has come (or with @gone went). */
    void (*account)(Domain *domain, const void *device, bool gone);
    /* The host's side: opens and gives QEMU what the device needs; undone by vm_plug_undo(). */
    bool (*prepare)(VmPlug *plug, GError **error);
    /* QEMU has it, vm->view too: what is only then possible. */
    bool (*settle)(Vm *vm, const void *device, GError **error);
    /* QEMU no longer has it. */
    void (*release)(Vm *vm, const void *device);
    /* Makes @there, a device of @live, into @wanted. @live is a copy of the guest's definition and published
     * afterwards. */
    bool (*update)(Vm *vm, Domain *live, void *there, const void *wanted, bool force, GError **error);
    bool in_config;          /* comes and goes in the definition */
    bool attaches, detaches; /* while the guest runs */
} VmDeviceClass;

/* Never NULL. */
const VmDeviceClass *vm_device_class(DomainDeviceKind kind);
/* Says that a guest has no device like @device. */
void vm_device_missing(DomainDeviceKind kind, const void *device, GError **error);
/* @device, which stands where @there stood, keeps its address and its alias if it brings none of its own. */
void vm_device_keep_place(DomainDeviceKind kind, void *device, void *there);

/* vm-device.c: makes the device of the guest that runs which @wanted means into it. Mailbox. */
bool vm_device_update(Vm *vm, DomainDeviceKind kind, const void *wanted, GError **error);

/* vm-hotplug-FAMILY.c: */
bool vm_disk_check_attach(const VmDeviceScope *scope, const void *device, GError **error);
bool vm_disk_check_detach(const VmDeviceScope *scope, const void *device, GError **error);
bool vm_disk_prepare(VmPlug *plug, GError **error);
bool vm_disk_settle(Vm *vm, const void *device, GError **error);
bool vm_disk_update(Vm *vm, Domain *live, void *there, const void *wanted, bool force, GError **error);
/* The guest, or we, have opened or closed the tray of a drive of the live definition. */
void vm_disk_note_tray(Vm *vm, const DomainDisk *disk, bool open);
/* The drive that there is, if attaching @disk to a guest that runs means another medium for it; else NULL. */
const DomainDisk *vm_disk_drive_for(const Domain *live, const DomainDisk *disk);

bool vm_net_check_attach(const VmDeviceScope *scope, const void *device, GError **error);
bool vm_net_prepare(VmPlug *plug, GError **error);
void vm_net_release(Vm *vm, const void *device);
bool vm_net_settle(Vm *vm, const void *device, GError **error);
bool vm_net_update(Vm *vm, Domain *live, void *there, const void *wanted, bool force, GError **error);

bool vm_chardev_check_attach(const VmDeviceScope *scope, const void *device, GError **error);
bool vm_chardev_prepare(VmPlug *plug, GError **error);
bool vm_chardev_settle(Vm *vm, const void *device, GError **error);

bool vm_watchdog_check_attach(const VmDeviceScope *scope, const void *device, GError **error);
bool vm_watchdog_settle(Vm *vm, const void *device, GError **error);
bool vm_vsock_check_attach(const VmDeviceScope *scope, const void *device, GError **error);
bool vm_controller_check_attach(const VmDeviceScope *scope, const void *device, GError **error);
bool vm_controller_check_detach(const VmDeviceScope *scope, const void *device, GError **error);
bool vm_hostdev_check_attach(const VmDeviceScope *scope, const void *device, GError **error);
bool vm_input_check_attach(const VmDeviceScope *scope, const void *device, GError **error);
bool vm_filesystem_check_attach(const VmDeviceScope *scope, const void *device, GError **error);
void vm_memory_account(Domain *domain, const void *device, bool gone);
bool vm_memory_update(Vm *vm, Domain *live, void *there, const void *wanted, bool force, GError **error);
bool vm_graphics_update(Vm *vm, Domain *live, void *there, const void *wanted, bool force, GError **error);
