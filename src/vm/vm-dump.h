/* SPDX-License-Identifier: Apache-2.0 */
/* Images of guest memory. Mailbox. */
#pragma once
#include "vm/vm.h"

/* Writes the guest's memory into the directory of automatic dumps as NAME-TIME (on_crash coredump-*). */
bool vm_dump_automatic(Vm *vm, GError **error);
