/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What changes while the host runs: CPU times, memory, page pools, KSM. Read afresh from /proc and /sys below
 * @sysroot at every call (tens of microseconds). Any thread.
 */
#pragma once
#include "host/host-topology.h"

/* Times in ns since boot; the kernel's clock tick (10 ms) is the resolution. */
typedef struct {
    uint64_t kernel; /* system, irq and softirq */
    uint64_t user;   /* with nice */
    uint64_t idle;
    uint64_t iowait;
} HostCpuTimes;

/* @cpu: a CPU number, or VIR_NODE_CPU_STATS_ALL_CPUS (-1). VIR_ERR_INVALID_ARG if it is not online. */
bool host_stats_cpu(const char *sysroot, int cpu, HostCpuTimes *ret_times, GError **error);

/* KiB. A cell knows only its total and free memory. */
typedef struct {
    uint64_t total, free, buffers, cached;
    bool has_caches; /* @buffers and @cached are known */
} HostMemoryStats;

/* @cell: a cell's number, or VIR_NODE_MEMORY_STATS_ALL_CELLS (-1). VIR_ERR_INVALID_ARG for a cell that is not there. */
bool host_stats_memory(const char *sysroot, int cell, HostMemoryStats *ret_stats, GError **error);

/* Free bytes of the cells @start … @start+@count-1 that exist: guint64 each, in @ret_bytes (g_array_unref()). */
bool host_stats_cells_free(const char *sysroot, const HostTopology *topology, int start, int count, GArray **ret_bytes,
                           GError **error);
/* Free bytes of all cells together. */
bool host_stats_free_memory(const char *sysroot, const HostTopology *topology, uint64_t *ret_bytes, GError **error);

/* Free pages of @size_kib in @cell (-1: in the whole host). VIR_ERR_OPERATION_FAILED for an unknown size. */
bool host_stats_free_pages(const char *sysroot, int cell, unsigned size_kib, uint64_t *ret_pages, GError **error);

/*
 * Adds @count pages to the pool of @size_kib in @cell (-1: the kernel spreads them over the cells), or sets the pool to
 * @count. VIR_ERR_OPERATION_FAILED if the kernel found fewer than asked for; those it found stay.
 */
bool host_stats_allocate_pages(const char *sysroot, int cell, unsigned size_kib, uint64_t count, bool set,
                               GError **error);

/* The settings and counters of kernel same-page merging under the names of virNodeGetMemoryParameters. */
typedef struct {
    const char *name; /* "shm_pages_to_scan" … */
    const char *file; /* below /sys/kernel/mm/ksm */
    bool writable;
    bool wide; /* VIR_TYPED_PARAM_ULLONG instead of UINT */
} HostKsmRow;

extern const HostKsmRow host_ksm_rows[]; /* ends with a row without name */

/* False (no error) where the kernel has no such file. */
bool host_stats_ksm_read(const char *sysroot, const HostKsmRow *row, uint64_t *ret_value);
/* The row of a setting that can be written; NULL with VIR_ERR_ARGUMENT_UNSUPPORTED for an unknown or read-only name. */
const HostKsmRow *host_stats_ksm_setting(const char *name, GError **error);
bool host_stats_ksm_write(const char *sysroot, const HostKsmRow *row, uint64_t value, GError **error);
