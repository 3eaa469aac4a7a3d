/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of the kernel's perf events for all threads of one process, those it makes later included. A counter is
 * immutable and counted; reading it takes no lock. Any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct HostPerfCounter HostPerfCounter;

/*
 * Begins to count @event ("cpu_cycles", "page_faults" …: libvirt's names), from 0. NULL with
 * VIR_ERR_CONFIG_UNSUPPORTED, naming the event, if this host cannot count it.
 */
HostPerfCounter *host_perf_open(pid_t pid, const char *event, GError **error);
HostPerfCounter *host_perf_ref(HostPerfCounter *counter);
void host_perf_unref(HostPerfCounter *counter);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostPerfCounter, host_perf_unref)
uint64_t host_perf_read(const HostPerfCounter *counter);
