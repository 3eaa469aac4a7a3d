/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of a disk's I/O. Mailbox. */
#pragma once
#include "vm/vm.h"

/* Sets the limits of @disk's <iotune>, a disk of the guest that runs, in QEMU; none of a disk that has none. */
bool vm_throttle_apply(Vm *vm, const DomainDisk *disk, GError **error);
/* Those of all disks, at the start. */
bool vm_throttle_apply_all(Vm *vm, GError **error);
