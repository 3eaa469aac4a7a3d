/* SPDX-License-Identifier: Apache-2.0 */
/* Counters that QEMU passes on from KVM ("query-stats"): names and kinds are the kernel's. */
#pragma once
#include "rpc/wire-params.h"

#include <json-glib/json-glib.h>

/* What QEMU answered, immutable; NULL: never asked. Any thread. */
typedef struct {
    JsonNode *vm, *vcpus; /* "query-stats" of either target */
    GHashTable *kinds;    /* "vm/NAME", "vcpu/NAME" → static "cur", "sum" or "max"; of "query-stats-schemas" */
    GHashTable *indexes;  /* QOM path → number of the vCPU; of "query-cpus-fast" */
} VmCounters;

void vm_counters_clear(VmCounters *counters);
/* Takes references to all that @counters, a plain copy, holds. */
void vm_counters_share(VmCounters *counters);
void vm_counters_take_kinds(VmCounters *counters, JsonNode *reply);
void vm_counters_take_vm(VmCounters *counters, JsonNode *reply);
void vm_counters_take_vcpus(VmCounters *counters, JsonNode *reply);
void vm_counters_take_indexes(VmCounters *counters, JsonNode *reply);

/* "vm.NAME.KIND" each. */
void vm_counters_add_vm(const VmCounters *counters, WireParams *params);
/* "vcpu.N.NAME.KIND" each, of that vCPU. */
void vm_counters_add_vcpu(const VmCounters *counters, unsigned vcpu, WireParams *params);
