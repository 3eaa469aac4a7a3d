/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of running guests: asked of QEMU and the kernel with a deadline, and the last answer kept for when one
 * hangs. */
#pragma once
#include "vm/vm.h"

/* The last answers of one guest; immutable, counted. Any thread. */
void vm_stats_unref(VmStats *stats);
