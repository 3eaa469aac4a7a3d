/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's own log, log_dir/qemu/NAME.log: QEMU's command line, what QEMU says on stderr, and what the daemon does
 * to the guest. Mailbox.
 */
#pragma once
#include "vm/vm.h"

/* Path of the log, rotated first when it has grown past 2 MiB (NAME.log.1 is the newest old one; three are kept). */
char *vm_log_prepare(const Paths *paths, const char *name);
/* Appends a line with the time. A log that cannot be written never hinders the guest: it is reported once to the
 * daemon's. */
void vm_log_event(Vm *vm, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Appends the command line, one option a line, as a shell takes it. */
void vm_log_command(Vm *vm, const char *emulator, GPtrArray *args);
