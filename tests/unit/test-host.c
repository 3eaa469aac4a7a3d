/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "host/host-netstat.h"
#include "host/host-procstat.h"
#include "host/host-stats.h"
#include "host/host-topology.h"

#include "fake-tree.h"

/* Two cells of two cores with two threads each: 8 CPUs, 0–3 and 4–7. */
static void add_numa_host(const char *root)
{
    fake_tree_add(root, "/sys/devices/system/cpu/present", "0-7\n");
    fake_tree_add(root, "/sys/devices/system/cpu/online", "0-7\n");
    fake_tree_add(root, "/sys/devices/system/node/online", "0-1\n");
    for (unsigned cpu = 0; cpu < 8; cpu++) {
        g_autofree char *dir = g_strdup_printf("/sys/devices/system/cpu/cpu%u", cpu);
        g_autofree char *socket = g_strdup_printf("%u\n", cpu / 4), *core = g_strdup_printf("%u\n", cpu % 4 / 2);
        g_autofree char *siblings = g_strdup_printf("%u-%u\n", cpu / 2 * 2, cpu / 2 * 2 + 1);
        g_autofree char *socket_path = g_strconcat(dir, "/topology/physical_package_id", NULL);
        g_autofree char *core_path = g_strconcat(dir, "/topology/core_id", NULL);
        g_autofree char *siblings_path = g_strconcat(dir, "/topology/thread_siblings_list", NULL);
        fake_tree_add(root, socket_path, socket);
        fake_tree_add(root, core_path, core);
        fake_tree_add(root, siblings_path, siblings);
        static const FakeFile cache[] = { { "level", "3" }, { "type", "Unified" }, { "size", "32768K" }, { 0 } };
        for (const FakeFile *file = cache; file->path; file++) {
            g_autofree char *path = g_strdup_printf("%s/cache/index3/%s", dir, file->path);
            fake_tree_add(root, path, file->text);
        }
        g_autofree char *id_path = g_strconcat(dir, "/cache/index3/id", NULL);
        g_autofree char *list_path = g_strconcat(dir, "/cache/index3/shared_cpu_list", NULL);
        fake_tree_add(root, id_path, cpu < 4 ? "0" : "1");
        fake_tree_add(root, list_path, cpu < 4 ? "0-3" : "4-7");
    }
}

static const FakeFile numa_files[] = {
    { "/proc/meminfo", "MemTotal:  8000000 kB\nMemFree: 3000000 kB\nBuffers: 5000 kB\nCached: 90000 kB\n" },
    { "/proc/stat", "cpu  10 5 20 400 30 2 3 9 0 0\ncpu0 4 1 5 100 6 0 0 0 0 0\ncpu1 6 4 15 300 24 2 3 9 0 0\n" },
    { "/sys/devices/system/node/node0/cpulist", "0-3\n" },
    { "/sys/devices/system/node/node0/distance", "10 21\n" },
    { "/sys/devices/system/node/node0/meminfo", "Node 0 MemTotal: 4000000 kB\nNode 0 MemFree: 1000000 kB\n" },
    { "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "100\n" },
    { "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/free_hugepages", "60\n" },
    { "/sys/devices/system/node/node1/cpulist", "4-7\n" },
    { "/sys/devices/system/node/node1/distance", "21 10\n" },
    { "/sys/devices/system/node/node1/meminfo", "Node 1 MemTotal: 3900000 kB\nNode 1 MemFree: 2000000 kB\n" },
    { "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages", "0\n" },
    { "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/free_hugepages", "0\n" },
    { "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "100\n" },
    { "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "60\n" },
    { "/sys/kernel/mm/ksm/pages_to_scan", "100\n" },
    { "/sys/kernel/mm/ksm/full_scans", "7\n" },
    { 0 },
};

static char *numa_host(void)
{
    char *root = fake_tree_new(numa_files);
    add_numa_host(root);
    return root;
}

static void test_topology_numa(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = numa_host();
    g_autoptr(HostTopology) topology = host_topology_load(root, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(topology->nodes, ==, 2);
    g_assert_cmpuint(topology->sockets, ==, 1);
    g_assert_cmpuint(topology->dies, ==, 1);
    g_assert_cmpuint(topology->cores, ==, 2);
    g_assert_cmpuint(topology->threads, ==, 2);
    g_assert_cmpuint(topology->memory_kib, ==, 7900000);
    const HostCell *cell = host_topology_cell(topology, 0);
    g_assert_cmpuint(cell->cpus->len, ==, 4);
    g_assert_cmpuint(g_array_index(cell->distances, unsigned, 1), ==, 21);
    g_assert_cmpuint(g_array_index(cell->pages, HostPages, 0).count, ==, (4000000 - 204800) / 4);
    g_assert_cmpuint(g_array_index(cell->pages, HostPages, 1).count, ==, 100);
    const HostCpu *cpu = &g_array_index(cell->cpus, HostCpu, 3);
    g_autofree char *siblings = cpuset_format(cpu->siblings);
    g_assert_cmpstr(siblings, ==, "2-3");
    g_assert_cmpuint(topology->caches->len, ==, 2);
    const HostCache *cache = g_ptr_array_index(topology->caches, 1);
    g_assert_cmpuint(cache->size_kib, ==, 32768);
    g_assert_null(host_topology_cell(topology, 2));
    fake_tree_remove(root);
}

/* A shape that is not a product of its parts must still cover every CPU. */
static void test_topology_offline(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = numa_host();
    fake_tree_add(root, "/sys/devices/system/cpu/online", "0-6\n");
    fake_tree_add(root, "/sys/devices/system/node/node1/cpulist", "4-6\n");
    g_autoptr(HostTopology) topology = host_topology_load(root, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(topology->nodes * topology->sockets * topology->cores * topology->threads, ==, 8);
    fake_tree_remove(root);
}

static void test_topology_uniform(void)
{
    static const FakeFile files[] = {
        { "/proc/meminfo", "MemTotal:  8000000 kB\nMemFree: 3000000 kB\n" },
        { "/sys/devices/system/cpu/present", "0-1\n" },
        { "/sys/devices/system/cpu/online", "0-1\n" },
        { 0 },
    };
    g_autoptr(GError) error = NULL;
    g_autofree char *root = fake_tree_new(files);
    g_autoptr(HostTopology) topology = host_topology_load(root, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(topology->cells->len, ==, 1);
    g_assert_cmpuint(topology->memory_kib, ==, 8000000);
    uint64_t free_bytes;
    g_assert_true(host_stats_free_memory(root, topology, &free_bytes, &error));
    g_assert_cmpuint(free_bytes, ==, 3000000u * UINT64_C(1024));
    fake_tree_remove(root);
}

static void test_topology_missing(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(host_topology_load("/nonexistent", &error));
    g_assert_true(error_is(error, VIR_ERR_INTERNAL_ERROR));
}

static void test_cpu_stats(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = numa_host();
    HostCpuTimes times;
    uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    g_assert_true(host_stats_cpu(root, -1, &times, &error));
    g_assert_cmpuint(times.kernel, ==, 25 * tick);
    g_assert_cmpuint(times.user, ==, 15 * tick);
    g_assert_cmpuint(times.idle, ==, 400 * tick);
    g_assert_cmpuint(times.iowait, ==, 30 * tick);
    g_assert_true(host_stats_cpu(root, 1, &times, &error));
    g_assert_cmpuint(times.kernel, ==, 20 * tick);
    static const int wrong[] = { -2, 2, 10 };
    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_assert_false(host_stats_cpu(root, wrong[i], &times, &error));
        g_assert_true(error_is(error, VIR_ERR_INVALID_ARG));
        g_clear_error(&error);
    }
    fake_tree_remove(root);
}

static void test_memory_stats(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = numa_host();
    g_autoptr(HostTopology) topology = host_topology_load(root, &error);
    HostMemoryStats stats;
    g_assert_true(host_stats_memory(root, -1, &stats, &error));
    g_assert_true(stats.has_caches);
    g_assert_cmpuint(stats.cached, ==, 90000);
    g_assert_true(host_stats_memory(root, 1, &stats, &error));
    g_assert_false(stats.has_caches);
    g_assert_cmpuint(stats.free, ==, 2000000);
    g_assert_false(host_stats_memory(root, 2, &stats, &error));
    g_assert_true(error_is(error, VIR_ERR_INVALID_ARG));
    g_clear_error(&error);

    g_autoptr(GArray) cells = NULL;
    g_assert_true(host_stats_cells_free(root, topology, 1, 5, &cells, &error));
    g_assert_cmpuint(cells->len, ==, 1);
    g_assert_cmpuint(g_array_index(cells, guint64, 0), ==, 2000000u * UINT64_C(1024));
    g_autoptr(GArray) none = NULL;
    g_assert_false(host_stats_cells_free(root, topology, 2, 5, &none, &error));
    g_assert_cmpstr(error->message, ==, "start cell 2 out of range (0-1)");
    fake_tree_remove(root);
}

static void test_pages(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = numa_host();
    uint64_t pages;
    g_assert_true(host_stats_free_pages(root, 0, 4, &pages, &error));
    g_assert_cmpuint(pages, ==, 250000);
    g_assert_true(host_stats_free_pages(root, 0, 2048, &pages, &error));
    g_assert_cmpuint(pages, ==, 60);
    g_assert_false(host_stats_free_pages(root, 0, 8, &pages, &error));
    g_assert_cmpstr(error->message, ==, "page size 8 is not available on node 0");
    g_clear_error(&error);
    g_assert_true(host_stats_allocate_pages(root, 0, 2048, 20, false, &error));
    g_autofree char *text =
        fake_tree_text(root, "/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages");
    g_assert_cmpstr(text, ==, "120");
    g_assert_true(host_stats_allocate_pages(root, -1, 2048, 3, true, &error));
    g_assert_false(host_stats_allocate_pages(root, 0, 4, 1, false, &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_UNSUPPORTED));
    fake_tree_remove(root);
}

static void test_ksm(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = numa_host();
    unsigned found = 0;
    uint64_t value;
    for (const HostKsmRow *row = host_ksm_rows; row->name; row++)
        found += host_stats_ksm_read(root, row, &value);
    g_assert_cmpuint(found, ==, 2);
    const HostKsmRow *setting = host_stats_ksm_setting("shm_pages_to_scan", &error);
    g_assert_true(host_stats_ksm_write(root, setting, 200, &error));
    g_assert_true(host_stats_ksm_read(root, host_ksm_rows, &value));
    g_assert_cmpuint(value, ==, 200);
    g_assert_null(host_stats_ksm_setting("shm_full_scans", &error));
    g_assert_true(error_is(error, VIR_ERR_ARGUMENT_UNSUPPORTED));
    fake_tree_remove(root);
}

static const FakeFile process_files[] = {
    { "/proc/7/stat", "7 (a b) c) S 1 7 7 0 -1 4194560 11 12 13 14 150 25 0 0 20 0 3 0 4711 1048576 10 "
                      "18446744073709551615 1 1 0 0 0 0 0 4096 1260 0 0 0 17 5 0 0 0 90 0 0 0 0 0 0 0 0 0\n" },
    { "/proc/7/io", "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 5\nwrite_bytes: 6\n" },
    { "/proc/7/task/7/schedstat", "100 20 3\n" },
    { "/proc/7/task/12/schedstat", "1 2 3\n" },
    { "/proc/8/stat", "8 (x) S 1\n" },
    { 0 },
};

static void test_procstat(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = fake_tree_new(process_files);
    HostProcStat stat;
    uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    g_assert_true(host_procstat_process(root, 7, &stat, &error));
    g_assert_cmpuint(stat.user_ns, ==, 150 * tick);
    g_assert_cmpuint(stat.system_ns, ==, 25 * tick);
    g_assert_cmpuint(stat.guest_ns, ==, 90 * tick);
    g_assert_cmpuint(stat.start_time, ==, 4711);
    g_assert_cmpuint(stat.rss_bytes, ==, 10 * (uint64_t)sysconf(_SC_PAGESIZE));
    g_assert_cmpuint(stat.last_cpu, ==, 5);
    g_assert_cmpint(stat.state, ==, 'S');
    HostProcSched sched;
    g_assert_true(host_procstat_sched(root, 7, 7, &sched, &error));
    g_assert_cmpuint(sched.wait_ns, ==, 20);
    HostProcIo io;
    g_assert_true(host_procstat_io(root, 7, &io, &error));
    g_assert_cmpuint(io.write_bytes, ==, 6);
    g_autoptr(GArray) tids = NULL;
    g_assert_true(host_procstat_threads(root, 7, &tids, &error));
    g_assert_cmpuint(tids->len, ==, 2);
    g_assert_cmpint(g_array_index(tids, pid_t, 1), ==, 12);
    g_assert_false(host_procstat_process(root, 9, &stat, &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_INVALID));
    g_clear_error(&error);
    g_assert_false(host_procstat_process(root, 8, &stat, &error));
    g_assert_true(error_is(error, VIR_ERR_INTERNAL_ERROR));
    fake_tree_remove(root);
}

static void test_procstat_own(void)
{
    g_autoptr(GError) error = NULL;
    HostProcStat stat;
    g_assert_true(host_procstat_thread("", getpid(), getpid(), &stat, &error));
    g_assert_cmpint(stat.state, ==, 'R');
    g_assert_cmpuint(stat.rss_bytes, >, 0);
}

static void test_netstat(void)
{
    static const char *const names[] = { "rx_bytes", "rx_packets", "rx_errors", "rx_dropped",
                                         "tx_bytes", "tx_packets", "tx_errors", "tx_dropped" };
    g_autoptr(GError) error = NULL;
    g_autofree char *root = fake_tree_new(&(FakeFile){ 0 });
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = g_strdup_printf("/sys/class/net/tap0/statistics/%s", names[i]);
        g_autofree char *text = g_strdup_printf("%u\n", i + 1);
        fake_tree_add(root, path, text);
    }
    HostNetStat stat;
    g_assert_true(host_netstat_read(root, "tap0", &stat, &error));
    g_assert_cmpuint(stat.rx_bytes, ==, 1);
    g_assert_cmpuint(stat.tx_dropped, ==, 8);
    g_assert_true(host_netstat_read_as_guest(root, "tap0", &stat, &error));
    g_assert_cmpuint(stat.rx_bytes, ==, 5);
    g_assert_false(host_netstat_read(root, "tap1", &stat, &error));
    g_clear_error(&error);
    g_assert_false(host_netstat_read(root, "../tap0", &stat, &error));
    g_assert_true(error_is(error, VIR_ERR_INVALID_ARG));
    fake_tree_remove(root);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/host/topology/numa", test_topology_numa);
    g_test_add_func("/host/topology/offline", test_topology_offline);
    g_test_add_func("/host/topology/uniform", test_topology_uniform);
    g_test_add_func("/host/topology/missing", test_topology_missing);
    g_test_add_func("/host/stats/cpu", test_cpu_stats);
    g_test_add_func("/host/stats/memory", test_memory_stats);
    g_test_add_func("/host/stats/pages", test_pages);
    g_test_add_func("/host/stats/ksm", test_ksm);
    g_test_add_func("/host/procstat/recorded", test_procstat);
    g_test_add_func("/host/procstat/own", test_procstat_own);
    g_test_add_func("/host/netstat", test_netstat);
    return g_test_run();
}
