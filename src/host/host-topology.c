/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-topology.h"

#include "base/error.h"
#include "host/host-sysfs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CPU_DIR  "/sys/devices/system/cpu"
#define NODE_DIR "/sys/devices/system/node"

/* Caches below this level belong to one core and cannot be shared out, so clients are not told of them. */
#define CACHE_LEVEL_MIN 3

unsigned host_topology_base_page_kib(void)
{
    return (unsigned)(sysconf(_SC_PAGESIZE) / 1024);
}

static gint compare_unsigned(gconstpointer a, gconstpointer b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return x < y ? -1 : x > y;
}

GArray *host_topology_page_sizes(const char *sysroot)
{
    GArray *sizes = g_array_new(FALSE, FALSE, sizeof(unsigned));
    unsigned size = host_topology_base_page_kib();
    g_array_append_val(sizes, size);
    g_autoptr(GPtrArray) names = host_sysfs_list(sysroot, "/sys/kernel/mm/hugepages");
    for (guint i = 0; i < names->len; i++) {
        if (sscanf(g_ptr_array_index(names, i), "hugepages-%ukB", &size) == 1)
            g_array_append_val(sizes, size);
    }
    g_array_sort(sizes, compare_unsigned);
    return sizes;
}

static void clear_cpu(gpointer data)
{
    g_clear_pointer(&((HostCpu *)data)->siblings, cpuset_free);
}

static void free_cell(gpointer data)
{
    HostCell *cell = data;
    g_array_unref(cell->pages);
    g_array_unref(cell->cpus);
    g_array_unref(cell->distances);
    g_free(cell);
}

static void free_cache(gpointer data)
{
    HostCache *cache = data;
    cpuset_free(cache->cpus);
    g_free(cache);
}

HostTopology *host_topology_ref(HostTopology *topology)
{
    g_atomic_ref_count_inc(&topology->refs);
    return topology;
}

void host_topology_unref(HostTopology *topology)
{
    if (!g_atomic_ref_count_dec(&topology->refs))
        return;
    g_clear_pointer(&topology->present, cpuset_free);
    g_clear_pointer(&topology->online, cpuset_free);
    g_ptr_array_unref(topology->cells);
    g_ptr_array_unref(topology->caches);
    g_free(topology);
}

static unsigned read_id(const char *sysroot, unsigned cpu, const char *name)
{
    uint64_t value = 0;
    /* Some architectures answer -1 where an id means nothing to them; one id for all is then the truth. */
    if (!host_sysfs_read_u64(&value, sysroot, CPU_DIR "/cpu%u/topology/%s", cpu, name) || value > UINT16_MAX)
        return 0;
    return (unsigned)value;
}

static HostCpu read_cpu(const char *sysroot, unsigned id, bool online)
{
    HostCpu cpu = { .id = id, .online = online };
    if (!online)
        return cpu;
    cpu.socket_id = read_id(sysroot, id, "physical_package_id");
    cpu.die_id = read_id(sysroot, id, "die_id");
    cpu.core_id = read_id(sysroot, id, "core_id");
    cpu.siblings = host_sysfs_read_set(sysroot, CPU_DIR "/cpu%u/topology/thread_siblings_list", id);
    if (!cpu.siblings || !cpuset_has(cpu.siblings, id)) {
        g_clear_pointer(&cpu.siblings, cpuset_free);
        cpu.siblings = cpuset_new(id + 1);
        cpuset_add(cpu.siblings, id);
    }
    return cpu;
}

/* Huge pages first: what is not in a pool is base pages. */
static void read_pages(const char *sysroot, HostCell *cell, bool numa)
{
    g_autoptr(GArray) sizes = host_topology_page_sizes(sysroot);
    uint64_t in_pools = 0;
    for (guint i = 0; i < sizes->len; i++) {
        HostPages pages = { .size_kib = g_array_index(sizes, unsigned, i) };
        const char *pool = "/sys/kernel/mm/hugepages";
        g_autofree char *node_pool = g_strdup_printf(NODE_DIR "/node%u/hugepages", cell->id);
        if (i > 0)
            host_sysfs_read_u64(&pages.count, sysroot, "%s/hugepages-%ukB/nr_hugepages", numa ? node_pool : pool,
                                pages.size_kib);
        in_pools += pages.count * pages.size_kib;
        g_array_append_val(cell->pages, pages);
    }
    HostPages *base = &g_array_index(cell->pages, HostPages, 0);
    base->count = cell->memory_kib > in_pools ? (cell->memory_kib - in_pools) / base->size_kib : 0;
}

static HostCell *new_cell(unsigned id)
{
    HostCell *cell = g_new0(HostCell, 1);
    cell->id = id;
    cell->pages = g_array_new(FALSE, FALSE, sizeof(HostPages));
    cell->cpus = g_array_new(FALSE, FALSE, sizeof(HostCpu));
    g_array_set_clear_func(cell->cpus, clear_cpu);
    cell->distances = g_array_new(FALSE, FALSE, sizeof(unsigned));
    return cell;
}

static void add_cpus(const char *sysroot, HostCell *cell, const HostTopology *topology, const Cpuset *members)
{
    for (unsigned id = 0; id < cpuset_end(members); id++) {
        if (!cpuset_has(members, id))
            continue;
        HostCpu cpu = read_cpu(sysroot, id, cpuset_has(topology->online, id));
        g_array_append_val(cell->cpus, cpu);
    }
}

static void read_distances(const char *sysroot, HostCell *cell)
{
    g_autofree char *text = host_sysfs_read(sysroot, NODE_DIR "/node%u/distance", cell->id);
    if (!text)
        return;
    g_auto(GStrv) words = g_strsplit_set(text, " \t", -1);
    for (char **word = words; *word; word++) {
        if (!**word)
            continue;
        unsigned distance = (unsigned)g_ascii_strtoull(*word, NULL, 10);
        g_array_append_val(cell->distances, distance);
    }
}

/* 0 if the kernel does not say. Memory comes and goes in virtual machines. */
static uint64_t read_cell_memory(const char *sysroot, unsigned id)
{
    uint64_t kib = 0;
    g_autofree char *meminfo = host_sysfs_read(sysroot, NODE_DIR "/node%u/meminfo", id);
    g_autofree char *key = g_strdup_printf("Node %u MemTotal:", id);
    if (meminfo)
        host_sysfs_find_u64(meminfo, key, &kib);
    return kib;
}

static void read_numa_cell(const char *sysroot, HostTopology *topology, unsigned id)
{
    HostCell *cell = new_cell(id);
    g_ptr_array_add(topology->cells, cell);
    cell->memory_kib = read_cell_memory(sysroot, id);
    g_autoptr(Cpuset) members = host_sysfs_read_set(sysroot, NODE_DIR "/node%u/cpulist", id);
    if (members)
        add_cpus(sysroot, cell, topology, members);
    read_distances(sysroot, cell);
    read_pages(sysroot, cell, true);
}

static bool read_cells(const char *sysroot, HostTopology *topology, GError **error)
{
    g_autoptr(Cpuset) nodes = host_sysfs_read_set(sysroot, NODE_DIR "/online");
    for (unsigned id = 0; nodes && id < cpuset_end(nodes); id++) {
        if (cpuset_has(nodes, id))
            read_numa_cell(sysroot, topology, id);
    }
    if (topology->cells->len == 0) { /* a kernel without NUMA: one cell is all there is */
        HostCell *cell = new_cell(0);
        g_ptr_array_add(topology->cells, cell);
        g_autofree char *meminfo = host_sysfs_read(sysroot, "/proc/meminfo");
        if (!meminfo || !host_sysfs_find_u64(meminfo, "MemTotal:", &cell->memory_kib))
            return error_set(error, VIR_ERR_INTERNAL_ERROR, "no memory size in '%s/proc/meminfo'", sysroot);
        add_cpus(sysroot, cell, topology, topology->present);
        read_pages(sysroot, cell, false);
    }
    for (guint i = 0; i < topology->cells->len; i++)
        topology->memory_kib += ((HostCell *)g_ptr_array_index(topology->cells, i))->memory_kib;
    return true;
}

static void read_cache(const char *sysroot, HostTopology *topology, unsigned cpu, const char *index)
{
    uint64_t level = 0, id = 0;
    if (!host_sysfs_read_u64(&level, sysroot, CPU_DIR "/cpu%u/cache/%s/level", cpu, index) || level < CACHE_LEVEL_MIN)
        return;
    host_sysfs_read_u64(&id, sysroot, CPU_DIR "/cpu%u/cache/%s/id", cpu, index);
    g_autofree char *type = host_sysfs_read(sysroot, CPU_DIR "/cpu%u/cache/%s/type", cpu, index);
    const char *kind = !g_strcmp0(type, "Instruction") ? "code" : !g_strcmp0(type, "Data") ? "data" : "both";
    for (guint i = 0; i < topology->caches->len; i++) {
        const HostCache *known = g_ptr_array_index(topology->caches, i);
        if (known->level == level && known->id == id && known->type == kind)
            return;
    }
    HostCache *cache = g_new0(HostCache, 1);
    cache->level = (unsigned)level;
    cache->id = (unsigned)id;
    cache->type = kind;
    host_sysfs_read_u64(&cache->size_kib, sysroot, CPU_DIR "/cpu%u/cache/%s/size", cpu, index);
    cache->cpus = host_sysfs_read_set(sysroot, CPU_DIR "/cpu%u/cache/%s/shared_cpu_list", cpu, index);
    if (!cache->cpus)
        cache->cpus = cpuset_new(0);
    g_ptr_array_add(topology->caches, cache);
}

static gint compare_caches(gconstpointer a, gconstpointer b)
{
    const HostCache *x = *(const HostCache *const *)a, *y = *(const HostCache *const *)b;
    if (x->level != y->level)
        return x->level < y->level ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void read_caches(const char *sysroot, HostTopology *topology)
{
    for (unsigned cpu = 0; cpu < cpuset_end(topology->online); cpu++) {
        if (!cpuset_has(topology->online, cpu))
            continue;
        g_autoptr(GPtrArray) names = host_sysfs_list(sysroot, CPU_DIR "/cpu%u/cache", cpu);
        for (guint i = 0; i < names->len; i++) {
            if (g_str_has_prefix(g_ptr_array_index(names, i), "index"))
                read_cache(sysroot, topology, cpu, g_ptr_array_index(names, i));
        }
    }
    g_ptr_array_sort(topology->caches, compare_caches);
}

/* The number of different values of @key over the online CPUs of @cell that @filter admits. */
typedef uint64_t (*CpuKey)(const HostCpu *cpu);

static unsigned count_different(const HostCell *cell, CpuKey filter, uint64_t wanted, CpuKey key)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);
    g_autofree gint64 *keys = g_new(gint64, cell->cpus->len + 1);
    for (guint i = 0; i < cell->cpus->len; i++) {
        const HostCpu *cpu = &g_array_index(cell->cpus, HostCpu, i);
        if (!cpu->online || (filter && filter(cpu) != wanted))
            continue;
        keys[i] = (gint64)key(cpu);
        g_hash_table_add(seen, &keys[i]);
    }
    return g_hash_table_size(seen);
}

static uint64_t key_socket(const HostCpu *cpu)
{
    return cpu->socket_id;
}

static uint64_t key_die(const HostCpu *cpu)
{
    return (uint64_t)cpu->socket_id << 16 | cpu->die_id;
}

static uint64_t key_core(const HostCpu *cpu)
{
    return (uint64_t)cpu->die_id << 16 | cpu->core_id;
}

/*
 * virNodeInfo promises that nodes × sockets × cores × threads covers every CPU; a host whose shape is not such a
 * product (uneven cells, CPUs offline) is told as one node with one socket of that many cores.
 */
static void count_shape(HostTopology *topology)
{
    topology->nodes = topology->cells->len;
    for (guint i = 0; i < topology->cells->len; i++) {
        const HostCell *cell = g_ptr_array_index(topology->cells, i);
        topology->sockets = MAX(topology->sockets, count_different(cell, NULL, 0, key_socket));
        for (guint j = 0; j < cell->cpus->len; j++) {
            const HostCpu *cpu = &g_array_index(cell->cpus, HostCpu, j);
            if (!cpu->online)
                continue;
            uint64_t socket = cpu->socket_id;
            topology->dies = MAX(topology->dies, count_different(cell, key_socket, socket, key_die));
            topology->cores = MAX(topology->cores, count_different(cell, key_socket, socket, key_core));
            topology->threads = MAX(topology->threads, cpuset_count(cpu->siblings));
        }
    }
    unsigned cpus = cpuset_count(topology->present);
    if (topology->nodes * topology->sockets * topology->cores * topology->threads == cpus)
        return;
    topology->nodes = topology->sockets = topology->dies = topology->threads = 1;
    topology->cores = cpus;
}

HostTopology *host_topology_load(const char *sysroot, GError **error)
{
    g_autoptr(HostTopology) topology = g_new0(HostTopology, 1);
    g_atomic_ref_count_init(&topology->refs);
    topology->cells = g_ptr_array_new_with_free_func(free_cell);
    topology->caches = g_ptr_array_new_with_free_func(free_cache);
    topology->present = host_sysfs_read_set(sysroot, CPU_DIR "/present");
    topology->online = host_sysfs_read_set(sysroot, CPU_DIR "/online");
    if (!topology->present || !topology->online || cpuset_count(topology->online) == 0) {
        error_set(error, VIR_ERR_INTERNAL_ERROR,
                  "no list of CPUs in '%s" CPU_DIR "/present' and '…/online': is /sys mounted?", sysroot);
        return NULL;
    }
    if (!read_cells(sysroot, topology, error))
        return NULL;
    read_caches(sysroot, topology);
    count_shape(topology);
    return g_steal_pointer(&topology);
}

const HostCell *host_topology_cell(const HostTopology *topology, unsigned id)
{
    for (guint i = 0; i < topology->cells->len; i++) {
        const HostCell *cell = g_ptr_array_index(topology->cells, i);
        if (cell->id == id)
            return cell;
    }
    return NULL;
}

bool host_topology_is_current(const HostTopology *topology, const char *sysroot)
{
    g_autoptr(Cpuset) present = host_sysfs_read_set(sysroot, CPU_DIR "/present");
    g_autoptr(Cpuset) online = host_sysfs_read_set(sysroot, CPU_DIR "/online");
    g_autoptr(Cpuset) nodes = host_sysfs_read_set(sysroot, NODE_DIR "/online");
    if (!present || !online || !cpuset_equal(present, topology->present) || !cpuset_equal(online, topology->online))
        return false;
    if (!nodes)
        return true;
    for (guint i = 0; i < topology->cells->len; i++) {
        const HostCell *cell = g_ptr_array_index(topology->cells, i);
        if (!cpuset_has(nodes, cell->id) || read_cell_memory(sysroot, cell->id) != cell->memory_kib)
            return false;
    }
    return cpuset_count(nodes) == topology->cells->len;
}
