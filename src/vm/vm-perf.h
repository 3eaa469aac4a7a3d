/* SPDX-License-Identifier: Apache-2.0 */
/* The perf events that are counted for a running guest. */
#pragma once
#include "rpc/wire-params.h"
#include "vm/vm.h"

/* Begins to count what the live definition enables. Mailbox. */
bool vm_perf_start(Vm *vm, GError **error);
/* After adoption: what cannot be counted any more is only logged. Counting begins anew. Mailbox. */
void vm_perf_resume(Vm *vm);
/* The guest has ended. Mailbox. */
void vm_perf_stop(Vm *vm);
/* The present values: "perf.NAME" each. Any thread. */
void vm_perf_add_stats(Vm *vm, WireParams *params);
