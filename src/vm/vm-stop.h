/* SPDX-License-Identifier: Apache-2.0 */
/* The end of a run, wanted or not. All functions are for jobs of the guest's mailbox. */
#pragma once
#include "vm/vm.h"

/*
 * Ends QEMU: `quit` first, so that it flushes its disks; when it does not go within @grace_ms, SIGKILL. With
 * @graceful it is an error (VIR_ERR_OPERATION_FAILED) instead, and the guest goes on. Then cleans up as vm_finish().
 */
bool vm_kill(Vm *vm, int grace_ms, bool graceful, int shutoff_reason, GError **error);

/* QEMU's connection closed or its process ended by itself: waits for the process to be gone, then vm_finish(). */
void vm_process_ended(Vm *vm);

/* QEMU is gone: gives back what the run used, publishes "shut off" and emits the event; a transient guest disappears.
 */
void vm_finish(Vm *vm, int shutoff_reason);

/* Gives back what a run, or a failed start, used: connection, taps, ports, labels, directory. No event. */
void vm_release_resources(Vm *vm);

/* The guest has shut down, panicked or rebooted: does what on_poweroff, on_crash, on_reboot ask for. */
void vm_guest_shutdown(Vm *vm);
void vm_guest_panicked(Vm *vm);
