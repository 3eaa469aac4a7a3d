/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-stats.h"

#include "base/error.h"
#include "host/host-sysfs.h"

#include <inttypes.h>
#include <libvirt/libvirt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NODE_DIR "/sys/devices/system/node"
#define KSM_DIR  "/sys/kernel/mm/ksm"
#define POOL_DIR "/sys/kernel/mm/hugepages"

/* The line "cpu" or "cpuN" of /proc/stat; NULL if there is none. */
static const char *find_cpu_line(const char *text, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        if (*line == '\n')
            line++;
        if (strncmp(line, key, length) == 0 && line[length] == ' ')
            return line + length;
    }
    return NULL;
}

bool host_stats_cpu(const char *sysroot, int cpu, HostCpuTimes *ret_times, GError **error)
{
    if (cpu < VIR_NODE_CPU_STATS_ALL_CPUS)
        return error_set(error, VIR_ERR_INVALID_ARG, "CPU number %d: only -1 (all CPUs) is allowed below 0", cpu);
    g_autofree char *key = cpu < 0 ? g_strdup("cpu") : g_strdup_printf("cpu%d", cpu);
    g_autofree char *text = host_sysfs_read(sysroot, "/proc/stat");
    if (!text)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "cannot read '%s/proc/stat'", sysroot);
    const char *line = find_cpu_line(text, key);
    if (!line)
        return error_set(error, VIR_ERR_INVALID_ARG,
                         "there is no CPU %d online on this host; see the list with 'nodecpumap'", cpu);
    unsigned long long user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0;
    if (sscanf(line, "%llu %llu %llu %llu %llu %llu %llu", &user, &nice, &system, &idle, &iowait, &irq, &softirq) < 4)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "malformed line '%s' in '%s/proc/stat'", key, sysroot);
    uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    *ret_times = (HostCpuTimes){
        .kernel = (system + irq + softirq) * tick,
        .user = (user + nice) * tick,
        .idle = idle * tick,
        .iowait = iowait * tick,
    };
    return true;
}

bool host_stats_memory(const char *sysroot, int cell, HostMemoryStats *ret_stats, GError **error)
{
    if (cell < VIR_NODE_MEMORY_STATS_ALL_CELLS)
        return error_set(error, VIR_ERR_INVALID_ARG, "cell number %d: only -1 (all cells) is allowed below 0", cell);
    bool all = cell < 0;
    g_autofree char *text =
        all ? host_sysfs_read(sysroot, "/proc/meminfo") : host_sysfs_read(sysroot, NODE_DIR "/node%d/meminfo", cell);
    /* A kernel without NUMA has one cell and no directory for it. */
    if (!text && cell == 0 && !host_sysfs_exists(sysroot, NODE_DIR "/online")) {
        text = host_sysfs_read(sysroot, "/proc/meminfo");
        all = true;
    }
    if (!text)
        return error_set(error, VIR_ERR_INVALID_ARG,
                         "there is no NUMA cell %d on this host; see the list with 'capabilities'", cell);
    g_autofree char *prefix = all ? g_strdup("") : g_strdup_printf("Node %d ", cell);
    g_autofree char *total = g_strconcat(prefix, "MemTotal:", NULL);
    g_autofree char *free_key = g_strconcat(prefix, "MemFree:", NULL);
    HostMemoryStats stats = { 0 };
    if (!host_sysfs_find_u64(text, total, &stats.total) || !host_sysfs_find_u64(text, free_key, &stats.free))
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "no '%s' in the kernel's memory statistics", total);
    stats.has_caches = cell < 0 && host_sysfs_find_u64(text, "Buffers:", &stats.buffers) &&
                       host_sysfs_find_u64(text, "Cached:", &stats.cached);
    *ret_stats = stats;
    return true;
}

bool host_stats_cells_free(const char *sysroot, const HostTopology *topology, int start, int count, GArray **ret_bytes,
                           GError **error)
{
    const HostCell *last_cell = g_ptr_array_index(topology->cells, topology->cells->len - 1);
    int last = (int)last_cell->id;
    if (start < 0 || start > last)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "start cell %d out of range (0-%d)", start, last);
    g_autoptr(GArray) bytes = g_array_new(FALSE, FALSE, sizeof(guint64));
    for (int cell = start; cell <= last && cell - start < count; cell++) {
        guint64 free_bytes = 0;
        HostMemoryStats stats;
        if (host_topology_cell(topology, (unsigned)cell)) { /* numbers may have gaps: those hold no memory */
            if (!host_stats_memory(sysroot, cell, &stats, error))
                return false;
            free_bytes = stats.free * 1024;
        }
        g_array_append_val(bytes, free_bytes);
    }
    *ret_bytes = g_steal_pointer(&bytes);
    return true;
}

bool host_stats_free_memory(const char *sysroot, const HostTopology *topology, uint64_t *ret_bytes, GError **error)
{
    g_autoptr(GArray) bytes = NULL;
    if (!host_stats_cells_free(sysroot, topology, 0, INT_MAX, &bytes, error))
        return false;
    uint64_t sum = 0;
    for (guint i = 0; i < bytes->len; i++)
        sum += g_array_index(bytes, guint64, i);
    *ret_bytes = sum;
    return true;
}

/* The directory of a huge page pool, or NULL if the host has none of that size (in that cell). */
static char *pool_dir(const char *sysroot, int cell, unsigned size_kib)
{
    g_autofree char *dir = cell < 0 ? g_strdup_printf(POOL_DIR "/hugepages-%ukB", size_kib)
                                    : g_strdup_printf(NODE_DIR "/node%d/hugepages/hugepages-%ukB", cell, size_kib);
    return host_sysfs_exists(sysroot, "%s", dir) ? g_steal_pointer(&dir) : NULL;
}

static bool unknown_page_size(int cell, unsigned size_kib, GError **error)
{
    if (cell < 0)
        return error_set(error, VIR_ERR_OPERATION_FAILED, "page size %u is not available", size_kib);
    return error_set(error, VIR_ERR_OPERATION_FAILED, "page size %u is not available on node %d", size_kib, cell);
}

bool host_stats_free_pages(const char *sysroot, int cell, unsigned size_kib, uint64_t *ret_pages, GError **error)
{
    if (size_kib == host_topology_base_page_kib()) {
        HostMemoryStats stats;
        if (!host_stats_memory(sysroot, cell, &stats, error))
            return false;
        *ret_pages = stats.free / size_kib;
        return true;
    }
    g_autofree char *dir = pool_dir(sysroot, cell, size_kib);
    if (!dir || !host_sysfs_read_u64(ret_pages, sysroot, "%s/free_hugepages", dir))
        return unknown_page_size(cell, size_kib, error);
    return true;
}

bool host_stats_allocate_pages(const char *sysroot, int cell, unsigned size_kib, uint64_t count, bool set,
                               GError **error)
{
    if (size_kib == host_topology_base_page_kib())
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
                         "pages of %u KiB are the kernel's own; only huge page pools can be resized", size_kib);
    g_autofree char *dir = pool_dir(sysroot, cell, size_kib);
    uint64_t present = 0, now = 0;
    if (!dir || !host_sysfs_read_u64(&present, sysroot, "%s/nr_hugepages", dir))
        return unknown_page_size(cell, size_kib, error);
    if (!set && count > UINT64_MAX - present)
        return error_set(error, VIR_ERR_INVALID_ARG, "%" PRIu64 " pages are more than can be counted", count);
    uint64_t wanted = set ? count : present + count;
    g_autofree char *path = g_strconcat(dir, "/nr_hugepages", NULL);
    g_autofree char *value = g_strdup_printf("%" PRIu64, wanted);
    if (!host_sysfs_write(sysroot, path, value, error))
        return false;
    /* The kernel takes any number and gives what it finds: only reading back tells. */
    if (!host_sysfs_read_u64(&now, sysroot, "%s", path) || now != wanted)
        return error_set(error, VIR_ERR_OPERATION_FAILED,
                         "only %" PRIu64 " of %" PRIu64 " pages of %u KiB could be allocated: memory is too "
                         "fragmented or full; try earlier after boot or with 'hugepages=' on the kernel's command line",
                         now, wanted, size_kib);
    return true;
}

bool host_stats_ksm_read(const char *sysroot, const HostKsmRow *row, uint64_t *ret_value)
{
    return host_sysfs_read_u64(ret_value, sysroot, KSM_DIR "/%s", row->file);
}

const HostKsmRow *host_stats_ksm_setting(const char *name, GError **error)
{
    for (const HostKsmRow *row = host_ksm_rows; row->name; row++) {
        if (strcmp(row->name, name) == 0 && row->writable)
            return row;
    }
    error_set(error, VIR_ERR_ARGUMENT_UNSUPPORTED, "parameter '%s' not supported", name);
    return NULL;
}

bool host_stats_ksm_write(const char *sysroot, const HostKsmRow *row, uint64_t value, GError **error)
{
    g_autofree char *path = g_strconcat(KSM_DIR "/", row->file, NULL);
    g_autofree char *text = g_strdup_printf("%" PRIu64, value);
    return host_sysfs_write(sysroot, path, text, error);
}

const HostKsmRow host_ksm_rows[] = {
    { VIR_NODE_MEMORY_SHARED_PAGES_TO_SCAN, "pages_to_scan", true, false },
    { VIR_NODE_MEMORY_SHARED_SLEEP_MILLISECS, "sleep_millisecs", true, false },
    { VIR_NODE_MEMORY_SHARED_PAGES_SHARED, "pages_shared", false, true },
    { VIR_NODE_MEMORY_SHARED_PAGES_SHARING, "pages_sharing", false, true },
    { VIR_NODE_MEMORY_SHARED_PAGES_UNSHARED, "pages_unshared", false, true },
    { VIR_NODE_MEMORY_SHARED_PAGES_VOLATILE, "pages_volatile", false, true },
    { VIR_NODE_MEMORY_SHARED_FULL_SCANS, "full_scans", false, true },
    { VIR_NODE_MEMORY_SHARED_MERGE_ACROSS_NODES, "merge_across_nodes", true, false },
    { 0 },
};
