/* SPDX-License-Identifier: Apache-2.0 */
/* Which host CPUs a thread may run on, and under which scheduler. Any thread. */
#pragma once
#include "base/cpuset.h"
#include "model/domain.h"

/* The host CPUs that are on. Free with cpuset_free(). */
Cpuset *vm_host_cpus(void);

/* VIR_ERR_SYSTEM_ERROR if the kernel refuses, VIR_ERR_INVALID_ARG if @cpus are none of this host's. */
bool vm_affinity_set(pid_t tid, const Cpuset *cpus, GError **error);
Cpuset *vm_affinity_get(pid_t tid, GError **error);
/* @priority is used by the real-time ones only. */
bool vm_scheduler_set(pid_t tid, Scheduler scheduler, int priority, GError **error);

/*
 * Where a thread belongs by a definition: @pin (text of a pin, may be NULL), else <vcpu cpuset=…>, else all of the
 * host. Free with cpuset_free().
 */
Cpuset *vm_affinity_wanted(const Domain *domain, const char *pin);
/* The text of vCPU's, or IOThread's, pin; NULL if it has none. Borrowed. */
const char *vm_vcpu_pin(const Domain *domain, unsigned vcpu);
const char *vm_iothread_pin(const Domain *domain, unsigned iothread);

/* Reads a client's byte map: only CPUs of this host count; VIR_ERR_INVALID_ARG if none is left. */
Cpuset *vm_cpumap_parse(const uint8_t *bytes, size_t length, GError **error);
/* Appends the first @maplen bytes of a set's map. */
void vm_cpumap_append(GByteArray *map, const Cpuset *cpus, unsigned maplen);
