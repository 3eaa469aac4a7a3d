/* SPDX-License-Identifier: Apache-2.0 */
/* IOThreads of guests. */
#pragma once
#include "vm/vm.h"

typedef struct {
    unsigned id;
    pid_t tid;
} VmIothread;

/* The numbers of a definition's IOThreads, those without one of their own filled in: unsigned each. Any thread. */
GArray *vm_iothread_ids(const Domain *domain);
/* The threads of a running guest, as QEMU lists them: VmIothread each. Empty, unasked, where there is none. Mailbox. */
bool vm_iothread_threads(Vm *vm, GArray **ret_threads, GError **error);
