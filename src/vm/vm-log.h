/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's own log, log_dir/qemu/NAME.log: QEMU's command line, what QEMU says on stderr, and what the daemon does
 * to the guest. Mailbox, but for what says otherwise. NAME.log.1 is the newest old one; three are kept, of 2 MiB each.
 */
#pragma once
#include "vm/vm.h"

/* Path of the log, rotated first when it has grown past 2 MiB. */
char *vm_log_prepare(const Paths *paths, const char *name);
/*
 * Looks from time to time whether the log of a guest that runs has grown too large, and has its mailbox rotate it. Main
 * loop; the source's number, to end it.
 */
guint vm_log_watch_all(Daemon *daemon);
/* Removes the log and the old ones. */
void vm_log_remove(const Paths *paths, const char *name);
/* Appends a line with the time. A log that cannot be written never hinders the guest: it is reported once to the
 * daemon's. */
void vm_log_event(Vm *vm, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Appends the command line, one option a line, as a shell takes it. */
void vm_log_command(Vm *vm, const char *emulator, GPtrArray *args);
