/* SPDX-License-Identifier: Apache-2.0 */
/* CPU placement and scheduling of a running guest. Mailbox. */
#pragma once
#include "vm/vm.h"

/* Applies the live definition's vcpupin, emulatorpin, iothreadpin, schedulers and bandwidth to QEMU's threads. */
bool vm_tune_apply_pins(Vm *vm, GError **error);

/* Applies what @domain says of the bandwidth of threads; does nothing where it says nothing. */
bool vm_tune_apply_threads(Vm *vm, const Domain *domain, GError **error);
/* QEMU's threads that are neither vCPUs nor IOThreads: pid_t each. Some may be short-lived workers. */
bool vm_emulator_threads(Vm *vm, GArray **ret_tids, GError **error);
