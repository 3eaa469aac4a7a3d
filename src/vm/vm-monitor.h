/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's QMP connection as the mailbox sees it: its events become jobs, its end becomes the guest's end. */
#pragma once
#include "qemu/qmp.h"
#include "vm/vm.h"

#include <json-glib/json-glib.h>

#define VM_QMP_TIMEOUT_MS 30000 /* for an ordinary command: QEMU answers in less than 1 ms unless it hangs */

/*
 * For a connection about to be made, which the caller then hands to vm_monitor_attach() within the same job: what
 * arrives in between waits in the mailbox. Mailbox.
 */
QmpCallbacks vm_monitor_callbacks(Vm *vm);
/* Makes @qmp (taken over) vm->qmp. Mailbox. */
void vm_monitor_attach(Vm *vm, Qmp *qmp);
/*
 * A reference to the present connection, NULL if there is none: for statistics and agents, which do not go through the
 * mailbox. Any thread.
 */
Qmp *vm_monitor_ref(Vm *vm);
/* Closes the connection, without telling anybody that the guest ended. Mailbox. */
void vm_monitor_detach(Vm *vm);

/* Whether vm->qmp can be used; VIR_ERR_OPERATION_INVALID otherwise. Mailbox. */
bool vm_require_monitor(Vm *vm, GError **error);
/* qmp_call() on a guest that runs and can be reached; VIR_ERR_OPERATION_INVALID otherwise. Mailbox. */
bool vm_qmp(Vm *vm, const char *command, JsonObject *args, JsonNode **ret_value, GError **error);
