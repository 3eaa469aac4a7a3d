/* SPDX-License-Identifier: Apache-2.0 */
/* What QEMU's events mean for a guest: a table, one row an event. Mailbox. */
#pragma once
#include "vm/vm.h"

#include <json-glib/json-glib.h>

void vm_qmp_event(Vm *vm, const char *name, JsonObject *data, gint64 when_us);
