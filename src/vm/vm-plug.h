/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plugging one device into a QEMU that runs, and taking out what a device left behind: the machinery that all classes
 * of devices share. Every command of a plug is noted with the one that takes it back, so that a failure leaves nothing.
 * Mailbox.
 */
#pragma once
#include "qemu/qemu-plug.h"
#include "vm/vm-files.h"
#include "vm/vm.h"

/* One plug under way. */
typedef struct VmPlug {
    Vm *vm;
    Domain *live;   /* the definition as it will be */
    Domain *handed; /* its copy for QEMU, in which paths stand for descriptors handed over; NULL until vm_plug_hand() */
    DomainDeviceKind kind;
    unsigned index; /* of the device in its list, in both */
    VmFiles files;
    QemuStartResources resources;
    QemuNetResource *nets; /* one an interface; only the new one's is filled in */
    GArray *net_fds;       /* of int: what the new one's names end in */
    GPtrArray *undo;
} VmPlug;

#define VM_PLUG_FD_PREFIX "lodge-plug-" /* of the descriptors that a device takes by name */

/* Takes @live over; the device is at @index of its list. */
void vm_plug_init(VmPlug *plug, Vm *vm, Domain *live, DomainDeviceKind kind, unsigned index);
void vm_plug_clear(VmPlug *plug);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmPlug, vm_plug_clear)

/* The device in plug->live, and in plug->handed. */
void *vm_plug_device(const VmPlug *plug);
void *vm_plug_handed(VmPlug *plug);

/* Gives @fd (taken over) to QEMU under the name VM_PLUG_FD_PREFIX and @number, for a command that takes it by name. */
bool vm_plug_give_named_fd(VmPlug *plug, int fd, int number, GError **error);
/* Makes the commands of the device and runs them. */
bool vm_plug_run(VmPlug *plug, GError **error);
/* Runs steps made otherwise, as part of the plug. */
bool vm_plug_run_steps(VmPlug *plug, GPtrArray *steps, GError **error);
/* Takes back all that was done, the last first. */
void vm_plug_undo(VmPlug *plug);

/* The emulator's capabilities; also of a guest that was found running. */
QemuCaps *vm_plug_caps(Vm *vm, GError **error);
/* The block nodes of the medium that is in a drive. */
GPtrArray *vm_plug_medium_of(Vm *vm, const Domain *live, unsigned index);
/*
 * The steps that plug a device of the live definition in, with host resources made up: for their names. NULL if it is
 * not a device of which QEMU is told by itself.
 */
GPtrArray *vm_plug_steps_of(Vm *vm, const Domain *live, DomainDeviceKind kind, unsigned index);
/* Takes out of QEMU what @steps put there, but the device itself, and their descriptors. */
void vm_plug_release(Vm *vm, GPtrArray *steps);
