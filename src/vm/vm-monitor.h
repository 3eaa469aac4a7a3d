/* SPDX-License-Identifier: Apache-2.0 */
/* The guest's QMP connection as the mailbox sees it: its events become jobs, its end becomes the guest's end. */
#pragma once
#include "vm/vm.h"

#include <json-glib/json-glib.h>

#define VM_QMP_TIMEOUT_MS 30000 /* for an ordinary command: QEMU answers in less than 1 ms unless it hangs */

/* Takes over @fd, connected to the monitor socket, sets vm->qmp and shakes hands. Mailbox. */
bool vm_monitor_attach(Vm *vm, int fd, int timeout_ms, GError **error);
/* Closes the connection, without telling anybody that the guest ended. Mailbox. */
void vm_monitor_detach(Vm *vm);

/* qmp_call() on a guest that runs and can be reached; VIR_ERR_OPERATION_INVALID otherwise. Mailbox. */
bool vm_qmp(Vm *vm, const char *command, JsonObject *args, JsonNode **ret_value, GError **error);
