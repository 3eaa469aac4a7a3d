/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a running guest leaves on disk so that the next daemon finds it again: run_dir/qemu/ID-NAME/ with
 *   state        key file: id, uuid, pid, start time, state and reason, flags (losing it is survivable, see below)
 *   live.xml     the running definition, with aliases and ports
 *   monitor.sock QEMU's QMP socket;  *.log scrollback of consoles;  sockets of channels;  outside: see vm-outside.h
 * A torn or missing `state` is made good from the directory's name and QEMU's environment, a torn live.xml from the
 * persistent definition: a guest is never lost because a file is. Format: ours, read only by Lodge.
 */
#pragma once
#include "vm/vm.h"

/* In QEMU's environment: its run directory, and the guest's UUID. */
#define VM_RUN_DIR_VARIABLE "LODGE_RUN_DIR"
#define VM_UUID_VARIABLE    "LODGE_GUEST_UUID"

/* What the `state` file holds. */
typedef struct {
    int id;
    Uuid uuid;
    ProcessId process;
    int state, reason;
    bool persistent;
    bool torn; /* on reading: made up from what else was there */
    char *emulator;
    char *run_dir;
    Domain *live; /* NULL if live.xml could not be read */
} VmRunState;

void vm_runstate_free(VmRunState *state);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmRunState, vm_runstate_free)

/* The directory for guest @name with number @id. */
char *vm_runstate_dir(const Paths *paths, int id, const char *name);
char *vm_runstate_monitor_path(const char *run_dir);

/* Writes both files from the published view. Mailbox. */
bool vm_runstate_save(Vm *vm, GError **error);
/* Only `state`: for changes of state, which are frequent. A failure is logged, for the guest runs all the same.
 * Mailbox. */
void vm_runstate_save_state(Vm *vm);
/* Reads the directory; never fails for a torn file, but for one that tells of no guest at all. */
VmRunState *vm_runstate_load(const char *run_dir, GError **error);
/* Removes the directory with all in it, and what the run has left outside (vm-outside.h). */
void vm_runstate_remove(const char *run_dir);
