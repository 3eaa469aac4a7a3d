/* SPDX-License-Identifier: Apache-2.0 */
/* Between QEMU's first answer and the first instruction of the guest: what can only be asked of or told to a QEMU that
 * runs. */
#pragma once
#include "vm/vm.h"

/* All of it, and publishes what was learnt (thread ids, ptys). Mailbox. */
bool vm_settle(Vm *vm, GError **error);

/* The parts that other calls need again. */
bool vm_settle_vcpu_threads(Vm *vm, GError **error); /* reads the vCPUs' thread ids anew and publishes them */
bool vm_settle_ptys(Vm *vm, GError **error);         /* asks for the names of ptys unless all are known */
bool vm_settle_pins(Vm *vm, GError **error);         /* applies cputune's pins to the threads */
/* A character device of type unix without a path gets a socket in the run directory. Any thread. */
void vm_settle_channel_path(const char *run_dir, DomainChardev *chardev);
/* Sets the password of a display. */
bool vm_settle_password(Vm *vm, const DomainGraphics *graphics, GError **error);
