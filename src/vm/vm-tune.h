/* SPDX-License-Identifier: Apache-2.0 */
/* CPU placement and scheduling of a running guest. Mailbox. */
#pragma once
#include "vm/vm.h"

/* Applies the live definition's vcpupin, emulatorpin, iothreadpin and schedulers to QEMU's threads. */
bool vm_tune_apply_pins(Vm *vm, GError **error);
