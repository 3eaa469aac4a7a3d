/* SPDX-License-Identifier: Apache-2.0 */
/* Shares of caches and memory bandwidth for vCPUs: <cachetune>, <memorytune>. Mailbox. */
#pragma once
#include "vm/vm.h"

/* Gives the vCPUs that are there what the live definition says. */
bool vm_resctrl_apply(Vm *vm, GError **error);
/* QEMU is gone. */
void vm_resctrl_release(Vm *vm);
