/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "host/host-cgroup.h"
#include "host/host-resctrl.h"

#include "fake-tree.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#define ALL (HOST_CGROUP_BIT(HOST_CGROUP_COUNT) - 1)

static const FakeFile v1_files[] = {
    { "/proc/self/mountinfo",
      "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
      "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
      "34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime - cgroup cgroup rw,cpuset\n"
      "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
      "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n"
      "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n" },
    { "/sys/fs/cgroup/cpuset/cpuset.cpus", "0-7\n" },
    { "/sys/fs/cgroup/cpuset/cpuset.mems", "0\n" },
    { "/sys/fs/cgroup/cpuset/machine/cpuset.cpus", "\n" },
    { "/sys/fs/cgroup/cpuset/machine/cpuset.mems", "\n" },
    { "/sys/fs/cgroup/cpuset/machine/web/cpuset.cpus", "\n" },
    { "/sys/fs/cgroup/cpuset/machine/web/cpuset.mems", "\n" },
    { "/sys/fs/cgroup/cpuset/machine/web/cgroup.procs", "" },
    { "/sys/fs/cgroup/cpu,cpuacct/machine/web/cgroup.procs", "" },
    { "/sys/fs/cgroup/cpu,cpuacct/machine/web/tasks", "" },
    { "/sys/fs/cgroup/cpu,cpuacct/machine/web/cpu.shares", "1024\n" },
    { "/sys/fs/cgroup/cpu,cpuacct/machine/web/cpu.cfs_period_us", "100000\n" },
    { "/sys/fs/cgroup/cpu,cpuacct/machine/web/cpu.cfs_quota_us", "-1\n" },
    { "/sys/fs/cgroup/cpu,cpuacct/machine/web/cpuacct.usage", "1234567890\n" },
    { "/sys/fs/cgroup/cpu,cpuacct/machine/web/cpuacct.stat", "user 100\nsystem 20\n" },
    { "/sys/fs/cgroup/memory/machine/web/cgroup.procs", "" },
    { "/sys/fs/cgroup/memory/machine/web/memory.limit_in_bytes", "9223372036854771712\n" },
    { "/sys/fs/cgroup/cpu,cpuacct/machine/web/cpuacct.usage_percpu", "17 4 0 99 \n" },
    { "/sys/fs/cgroup/cpuset/machine/web/cpuset.memory_migrate", "0\n" },
    { 0 },
};

static void test_v1(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = fake_tree_new(v1_files);
    g_autoptr(HostCgroupLayout) layout = host_cgroup_layout_load(root);
    g_assert_false(layout->unified);
    g_assert_cmpuint(layout->controllers, ==, HOST_CGROUP_OF_THREADS | HOST_CGROUP_BIT(HOST_CGROUP_MEMORY));
    g_autoptr(HostCgroup) group = host_cgroup_create(layout, "machine/web", ALL, &error);
    g_assert_no_error(error);
    g_autofree char *cpus = fake_tree_text(root, "/sys/fs/cgroup/cpuset/machine/web/cpuset.cpus");
    g_assert_cmpstr(cpus, ==, "0-7");
    g_assert_true(host_cgroup_add_process(group, 42, &error));
    g_autofree char *pid = fake_tree_text(root, "/sys/fs/cgroup/memory/machine/web/cgroup.procs");
    g_assert_cmpstr(pid, ==, "42");

    uint64_t value, period;
    int64_t quota;
    g_assert_true(host_cgroup_set(group, HOST_CGROUP_CPU_SHARES, 2048, &error));
    g_assert_true(host_cgroup_get(group, HOST_CGROUP_CPU_SHARES, &value, &error));
    g_assert_cmpuint(value, ==, 2048);
    g_assert_true(host_cgroup_get(group, HOST_CGROUP_MEMORY_HARD_LIMIT, &value, &error));
    g_assert_cmpuint(value, ==, HOST_CGROUP_UNLIMITED);
    g_assert_true(host_cgroup_set_bandwidth(group, 50000, 25000, &error));
    g_assert_true(host_cgroup_get_bandwidth(group, &period, &quota, &error));
    g_assert_cmpuint(period, ==, 50000);
    g_assert_cmpint(quota, ==, 25000);
    HostCgroupCpuTimes times;
    g_assert_true(host_cgroup_cpu_times(group, &times, &error));
    g_assert_cmpuint(times.total, ==, 1234567890);
    g_assert_cmpuint(times.user, ==, 5 * times.system);
    g_autoptr(GArray) percpu = NULL;
    g_assert_true(host_cgroup_percpu_times(group, &percpu, &error));
    g_assert_cmpuint(percpu->len, ==, 4);
    g_assert_cmpuint(g_array_index(percpu, uint64_t, 3), ==, 99);
    g_assert_true(host_cgroup_migrate_memory(group, &error));
    g_autofree char *migrate = fake_tree_text(root, "/sys/fs/cgroup/cpuset/machine/web/cpuset.memory_migrate");
    g_assert_cmpstr(migrate, ==, "1");
    g_assert_false(host_cgroup_set(group, HOST_CGROUP_BLKIO_WEIGHT, 500, &error));
    g_assert_true(error_is(error, VIR_ERR_CONFIG_UNSUPPORTED));
    fake_tree_remove(root);
}

static const FakeFile v2_files[] = {
    { "/proc/self/mountinfo", "26 24 0:23 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n" },
    { "/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n" },
    { "/sys/fs/cgroup/cgroup.subtree_control", "" },
    { "/sys/fs/cgroup/machine/cgroup.subtree_control", "" },
    { "/sys/fs/cgroup/machine/web/cgroup.procs", "" },
    { "/sys/fs/cgroup/machine/web/cgroup.subtree_control", "" },
    { "/sys/fs/cgroup/machine/web/cpu.max", "max 100000\n" },
    { "/sys/fs/cgroup/machine/web/memory.max", "max\n" },
    { "/sys/fs/cgroup/machine/web/io.weight", "default 100\n" },
    { "/sys/fs/cgroup/machine/web/cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\n" },
    { "/sys/fs/cgroup/machine/web/io.max", "" },
    { "/sys/fs/cgroup/machine/web/memory.swap.max", "max\n" },
    { "/sys/fs/cgroup/machine/web/vcpu0/cgroup.type", "domain\n" },
    { "/sys/fs/cgroup/machine/web/vcpu0/cgroup.threads", "" },
    { 0 },
};

static void test_v2(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = fake_tree_new(v2_files);
    g_autoptr(HostCgroupLayout) layout = host_cgroup_layout_load(root);
    g_assert_true(layout->unified);
    g_assert_cmpuint(layout->controllers, ==, ALL & ~HOST_CGROUP_BIT(HOST_CGROUP_DEVICES));
    g_autoptr(HostCgroup) group = host_cgroup_create(layout, "machine/web", ALL, &error);
    g_assert_no_error(error);
    uint64_t value, period;
    int64_t quota;
    g_assert_true(host_cgroup_get_bandwidth(group, &period, &quota, &error));
    g_assert_cmpint(quota, ==, -1);
    g_assert_true(host_cgroup_set_bandwidth(group, 100000, 30000, &error));
    g_autofree char *max = fake_tree_text(root, "/sys/fs/cgroup/machine/web/cpu.max");
    g_assert_cmpstr(max, ==, "30000 100000");
    g_assert_true(host_cgroup_get(group, HOST_CGROUP_MEMORY_HARD_LIMIT, &value, &error));
    g_assert_cmpuint(value, ==, HOST_CGROUP_UNLIMITED);
    g_assert_true(host_cgroup_set(group, HOST_CGROUP_BLKIO_WEIGHT, 500, &error));
    g_autofree char *weight = fake_tree_text(root, "/sys/fs/cgroup/machine/web/io.weight");
    g_assert_cmpstr(weight, ==, "default 500");
    g_assert_true(host_cgroup_get(group, HOST_CGROUP_BLKIO_WEIGHT, &value, &error));
    g_assert_cmpuint(value, ==, 500);
    HostCgroupCpuTimes times;
    g_assert_true(host_cgroup_cpu_times(group, &times, &error));
    g_assert_cmpuint(times.total, ==, 30000);

    g_autoptr(GArray) percpu = NULL;
    g_autoptr(GError) not_counted = NULL;
    g_assert_false(host_cgroup_percpu_times(group, &percpu, &not_counted));
    g_assert_true(error_is(not_counted, VIR_ERR_OPERATION_UNSUPPORTED));
    g_assert_true(host_cgroup_migrate_memory(group, &error)); /* this version always does */

    g_autoptr(HostCgroup) child = host_cgroup_create_child(group, "vcpu0", &error);
    g_assert_no_error(error);
    g_autofree char *type = fake_tree_text(root, "/sys/fs/cgroup/machine/web/vcpu0/cgroup.type");
    g_assert_cmpstr(type, ==, "threaded");
    g_assert_false(host_cgroup_has(child, HOST_CGROUP_MEMORY));
    g_assert_true(host_cgroup_add_thread(child, 43, &error));
    fake_tree_remove(root);
}

/* Limits of a block device, if this host has one to name. */
static void test_device(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) missing = NULL;
    g_autoptr(GError) no_device = NULL;
    g_autofree char *root = fake_tree_new(v2_files);
    g_autoptr(HostCgroupLayout) layout = host_cgroup_layout_load(root);
    g_autoptr(HostCgroup) group = host_cgroup_create(layout, "machine/web", ALL, &error);
    g_assert_no_error(error);
    g_assert_false(host_cgroup_set_device(group, HOST_CGROUP_READ_IOPS, "/dev/none", 5, &missing));
    g_assert_nonnull(strstr(missing->message, "'/dev/none' is not accessible"));
    g_assert_false(host_cgroup_set_device(group, HOST_CGROUP_READ_IOPS, "/dev/null", 5, &no_device));
    g_assert_nonnull(strstr(no_device->message, "'/dev/null' must be a block device"));
    g_autoptr(GDir) blocks = g_dir_open("/sys/class/block", 0, NULL);
    const char *name = blocks ? g_dir_read_name(blocks) : NULL;
    g_autofree char *path = g_strdup_printf("/dev/%s", name ? name : "none");
    struct stat info;
    if (stat(path, &info) == 0 && S_ISBLK(info.st_mode)) {
        g_autofree char *expected = g_strdup_printf("%u:%u wbps=4096", major(info.st_rdev), minor(info.st_rdev));
        g_autofree char *weighed = g_strdup_printf("%u:%u 700", major(info.st_rdev), minor(info.st_rdev));
        g_assert_true(host_cgroup_set_device(group, HOST_CGROUP_WRITE_BPS, path, 4096, &error));
        g_autofree char *limit = fake_tree_text(root, "/sys/fs/cgroup/machine/web/io.max");
        g_assert_cmpstr(limit, ==, expected);
        g_assert_true(host_cgroup_set_device(group, HOST_CGROUP_DEVICE_WEIGHT, path, 700, &error));
        g_autofree char *weight = fake_tree_text(root, "/sys/fs/cgroup/machine/web/io.weight");
        g_assert_cmpstr(weight, ==, weighed);
    }
    fake_tree_remove(root);
}

static void test_none(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HostCgroupLayout) layout = host_cgroup_layout_load("/nonexistent");
    g_assert_cmpuint(layout->controllers, ==, 0);
    g_autoptr(HostCgroup) group = host_cgroup_create(layout, "machine/web", ALL, &error);
    g_assert_no_error(error);
    g_assert_false(host_cgroup_set_cpus(group, "0", &error));
    g_assert_true(error_is(error, VIR_ERR_CONFIG_UNSUPPORTED));
}

static void test_bad_path(void)
{
    static const char *const paths[] = { "", "../x", "a//b", "/a", "a/..", "." };
    g_autoptr(HostCgroupLayout) layout = host_cgroup_layout_load("/nonexistent");
    for (unsigned i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(host_cgroup_create(layout, paths[i], ALL, &error));
        g_assert_true(error_is(error, VIR_ERR_INVALID_ARG));
        g_assert_false(host_cgroup_remove(layout, paths[i], NULL));
    }
}

/* The kernel of this host, if it lets us: a group with a child, a process in it, and nothing left. */
static void test_this_host(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(HostCgroupLayout) layout = host_cgroup_layout_load("");
    g_autofree char *path = g_strdup_printf("lodge-test-%d/guest", (int)getpid());
    g_autofree char *parent = g_path_get_dirname(path);
    g_autoptr(HostCgroup) group = host_cgroup_create(layout, path, HOST_CGROUP_OF_THREADS, &error);
    if (!group || group->controllers != HOST_CGROUP_OF_THREADS) {
        host_cgroup_remove(layout, parent, NULL);
        g_test_skip("this user or host makes no control groups");
        return;
    }
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        for (;;)
            pause();
    }
    g_autoptr(HostCgroup) threads = host_cgroup_create_child(group, "vcpu0", &error);
    g_assert_no_error(error);
    g_assert_true(host_cgroup_add_process(group, child, &error));
    g_assert_true(host_cgroup_set_cpus(threads, "0", &error));
    g_assert_true(host_cgroup_add_thread(threads, child, &error));
    HostCgroupCpuTimes times;
    g_assert_true(host_cgroup_cpu_times(group, &times, &error));
    g_assert_false(host_cgroup_remove(layout, parent, NULL)); /* it is not empty */
    g_autoptr(HostCgroup) found = host_cgroup_open(layout, path, false);
    g_assert_nonnull(found);
    host_cgroup_end_members(layout, parent);
    int status = 0;
    g_assert_cmpint(waitpid(child, &status, WNOHANG), ==, child);
    g_assert_true(WIFSIGNALED(status));
    g_assert_true(host_cgroup_remove(layout, parent, &error));
    g_assert_no_error(error);
    g_assert_null(host_cgroup_open(layout, parent, false));
    g_assert_true(host_cgroup_remove(layout, parent, &error));
}

static const FakeFile resctrl_files[] = {
    { "/sys/fs/resctrl/info/L3/cbm_mask", "fffff\n" },
    { "/sys/fs/resctrl/info/L3/min_cbm_bits", "1\n" },
    { "/sys/fs/resctrl/info/MB/min_bandwidth", "10\n" },
    { "/sys/fs/resctrl/info/MB/bandwidth_gran", "10\n" },
    { "/sys/fs/resctrl/schemata", "    L3:0=000ff;1=fffff\n    MB:0=100;1=100\n" },
    { "/sys/fs/resctrl/other/schemata", "    L3:0=00f00;1=00001\n" },
    { "/sys/fs/resctrl/lodge-1-web-vcpus_0/schemata", "" },
    { "/sys/devices/system/cpu/cpu0/cache/index3/level", "3\n" },
    { "/sys/devices/system/cpu/cpu0/cache/index3/id", "0\n" },
    { "/sys/devices/system/cpu/cpu0/cache/index3/size", "20480K\n" },
    { 0 },
};

static void assert_refused(const char *root, HostResctrlCache cache, unsigned percent, const char *text)
{
    g_autoptr(GError) error = NULL;
    HostResctrlBandwidth bandwidth = { 0, percent };
    g_assert_false(host_resctrl_create(root, "lodge-1-web-vcpus_0", &cache, cache.size ? 1 : 0, &bandwidth,
                                       percent ? 1 : 0, &error));
    g_assert_true(error_is(error, VIR_ERR_CONFIG_UNSUPPORTED));
    g_assert_nonnull(strstr(error->message, text));
}

/* Shares of the cache: next to those that others hold. */
static void test_resctrl(void)
{
    enum { MIB = 1 << 20 };
    g_autoptr(GError) error = NULL;
    g_autofree char *root = fake_tree_new(resctrl_files);
    HostResctrlCache cache = { 3, 0, "", 3 * MIB };
    HostResctrlBandwidth bandwidth = { 1, 50 };
    assert_refused("/nonexistent", cache, 0, "resctrl is not mounted");
    assert_refused(root, (HostResctrlCache){ 3, 0, "", 9 * MIB }, 0, "not enough");
    assert_refused(root, (HostResctrlCache){ 3, 0, "", 1000 }, 0, "a multiple of 1048576");
    assert_refused(root, (HostResctrlCache){ 2, 0, "", MIB }, 0, "<cachetune><cache>");
    assert_refused(root, (HostResctrlCache){ 3, 0, "CODE", MIB }, 0, "L3CODE");
    assert_refused(root, (HostResctrlCache){ 0 }, 15, "<memorytune><node bandwidth>");
    g_assert_true(host_resctrl_create(root, "lodge-1-web-vcpus_0", &cache, 1, &bandwidth, 1, &error));
    g_assert_no_error(error);
    g_autofree char *schemata = fake_tree_text(root, "/sys/fs/resctrl/lodge-1-web-vcpus_0/schemata");
    g_assert_cmpstr(schemata, ==, "L3:0=7000\nMB:1=50\n");
    fake_tree_add(root, "/sys/fs/resctrl/lodge-1-web-vcpus_0/tasks", "");
    g_assert_true(host_resctrl_add_thread(root, "lodge-1-web-vcpus_0", 4711, &error));
    g_autofree char *tasks = fake_tree_text(root, "/sys/fs/resctrl/lodge-1-web-vcpus_0/tasks");
    g_assert_cmpstr(tasks, ==, "4711");
    /* Once made, it is left as it is. */
    g_assert_true(host_resctrl_create(root, "lodge-1-web-vcpus_0", &cache, 1, NULL, 0, &error));
    fake_tree_remove(root);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/host/cgroup/v1", test_v1);
    g_test_add_func("/host/cgroup/v2", test_v2);
    g_test_add_func("/host/cgroup/device", test_device);
    g_test_add_func("/host/resctrl", test_resctrl);
    g_test_add_func("/host/cgroup/none", test_none);
    g_test_add_func("/host/cgroup/bad-path", test_bad_path);
    g_test_add_func("/host/cgroup/this-host", test_this_host);
    return g_test_run();
}
