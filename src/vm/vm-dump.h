/* SPDX-License-Identifier: Apache-2.0 */
/* Images of guest memory: tracked jobs, see vm-job.h. Mailbox. */
#pragma once
#include "vm/vm.h"

#include <json-glib/json-glib.h>

/*
 * Starts to write the guest's memory, as ELF, into the directory of automatic dumps as NAME-TIME (on_crash coredump-*).
 * @then runs as part of a job of the mailbox when the dump has ended, well or not, unless the guest is gone by then. On
 * failure (nothing was started) @then is not called.
 */
bool vm_dump_automatic(Vm *vm, void (*then)(Vm *vm), GError **error);

/*
 * Of a guest that a new daemon has found again: one that was paused for a dump whose daemon ended goes on. Its image is
 * given up, unless QEMU is able to complete it alone.
 */
void vm_dump_adopt(Vm *vm);

/* What QEMU tells of a dump and of a migration. */
void vm_dump_completed(Vm *vm, JsonObject *data);
void vm_dump_resumed(Vm *vm); /* its vCPUs run again */
void vm_dump_migration(Vm *vm, JsonObject *data);
