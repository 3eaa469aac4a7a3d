/* SPDX-License-Identifier: Apache-2.0 */
/* CPU placement and scheduling of a running guest. Mailbox. */
#pragma once
#include "vm/vm.h"

/* Applies the live definition's vcpupin, emulatorpin, iothreadpin, schedulers and bandwidth to QEMU's threads. */
bool vm_tune_apply_pins(Vm *vm, GError **error);
/* The process is gone: removes its control group, if it had one. */
void vm_tune_release(Vm *vm);

/* Puts a thread that has just come up (role "vcpu", "iothread") into the control group of its like, where there is one.
 */
bool vm_tune_place_thread(Vm *vm, const char *role, unsigned number, pid_t tid, GError **error);
/* Applies the bandwidth and shares of the live definition; does nothing where it asks for none. */
bool vm_tune_apply_bandwidth(Vm *vm, GError **error);
/* QEMU's threads that are neither vCPUs nor IOThreads: pid_t each. Some may be short-lived workers. */
bool vm_emulator_threads(Vm *vm, GArray **ret_tids, GError **error);
