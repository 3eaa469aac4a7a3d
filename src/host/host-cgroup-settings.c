/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-cgroup-internal.h"

#include "base/error.h"
#include "host/host-sysfs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    HostCgroupController controller;
    const char *v1, *v2; /* files; the second choice of each follows */
    const char *v1_old, *v2_old;
    bool weight; /* version 2 writes the fallback as "default N" */
} SettingRow;

static const SettingRow settings[];

bool host_cgroup_require(const HostCgroup *group, HostCgroupController controller, GError **error)
{
    if (host_cgroup_has(group, controller))
        return true;
    return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                     "control group controller '%s' is not available to '%s': enable it on this host",
                     host_cgroup_controller_name(controller), group->path);
}

/* The file of a row in this layout: the second choice only where the first is missing. */
static char *setting_file(const HostCgroup *group, const SettingRow *row, bool *ret_is_old)
{
    bool unified = group->layout->unified;
    const char *old = unified ? row->v2_old : row->v1_old;
    g_autofree char *path = host_cgroup_file(group, row->controller, unified ? row->v2 : row->v1);
    *ret_is_old = old && !host_sysfs_exists("", "%s", path);
    return *ret_is_old ? host_cgroup_file(group, row->controller, old) : g_steal_pointer(&path);
}

bool host_cgroup_set(const HostCgroup *group, HostCgroupSetting setting, uint64_t value, GError **error)
{
    const SettingRow *row = &settings[setting];
    if (!host_cgroup_require(group, row->controller, error))
        return false;
    bool is_old;
    g_autofree char *path = setting_file(group, row, &is_old);
    bool unified = group->layout->unified;
    g_autofree char *text = NULL;
    if (value == HOST_CGROUP_UNLIMITED)
        text = g_strdup(unified || row->controller == HOST_CGROUP_PIDS ? "max" : "-1");
    else
        text = g_strdup_printf("%s%" PRIu64, unified && is_old && row->weight ? "default " : "", value);
    return host_cgroup_write(path, text, error);
}

bool host_cgroup_get(const HostCgroup *group, HostCgroupSetting setting, uint64_t *ret_value, GError **error)
{
    const SettingRow *row = &settings[setting];
    if (!host_cgroup_require(group, row->controller, error))
        return false;
    bool is_old;
    g_autofree char *path = setting_file(group, row, &is_old);
    g_autofree char *text = host_sysfs_read("", "%s", path);
    if (!text)
        return error_set(error, VIR_ERR_SYSTEM_ERROR, "cannot read '%s'", path);
    const char *number = g_str_has_prefix(text, "default ") ? text + strlen("default ") : text;
    if (strcmp(number, "max") == 0) {
        *ret_value = HOST_CGROUP_UNLIMITED;
        return true;
    }
    uint64_t value;
    if (!g_ascii_isdigit(number[0]))
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "'%s' holds '%s', not a number", path, text);
    value = g_ascii_strtoull(number, NULL, 10);
    /* Version 1 says "unlimited" as the largest whole number of pages. */
    *ret_value = value >= (uint64_t)INT64_MAX - 1024 * 1024 ? HOST_CGROUP_UNLIMITED : value;
    return true;
}

bool host_cgroup_set_bandwidth(const HostCgroup *group, uint64_t period, int64_t quota, GError **error)
{
    if (!host_cgroup_require(group, HOST_CGROUP_CPU, error))
        return false;
    g_autofree char *quota_text = quota < 0 ? NULL : g_strdup_printf("%" PRId64, quota);
    if (group->layout->unified) {
        g_autofree char *text = g_strdup_printf("%s %" PRIu64, quota_text ? quota_text : "max", period);
        g_autofree char *path = host_cgroup_file(group, HOST_CGROUP_CPU, "cpu.max");
        return host_cgroup_write(path, text, error);
    }
    g_autofree char *period_text = g_strdup_printf("%" PRIu64, period);
    g_autofree char *period_path = host_cgroup_file(group, HOST_CGROUP_CPU, "cpu.cfs_period_us");
    g_autofree char *quota_path = host_cgroup_file(group, HOST_CGROUP_CPU, "cpu.cfs_quota_us");
    return host_cgroup_write(period_path, period_text, error) &&
           host_cgroup_write(quota_path, quota_text ? quota_text : "-1", error);
}

bool host_cgroup_get_bandwidth(const HostCgroup *group, uint64_t *ret_period, int64_t *ret_quota, GError **error)
{
    if (!host_cgroup_require(group, HOST_CGROUP_CPU, error))
        return false;
    bool unified = group->layout->unified;
    g_autofree char *path = host_cgroup_file(group, HOST_CGROUP_CPU, unified ? "cpu.max" : "cpu.cfs_quota_us");
    g_autofree char *text = host_sysfs_read("", "%s", path);
    uint64_t period = 0;
    if (!text)
        return error_set(error, VIR_ERR_SYSTEM_ERROR, "cannot read '%s'", path);
    if (unified) {
        const char *second = strchr(text, ' ');
        period = second ? g_ascii_strtoull(second, NULL, 10) : 0;
    } else {
        g_autofree char *period_path = host_cgroup_file(group, HOST_CGROUP_CPU, "cpu.cfs_period_us");
        host_sysfs_read_u64(&period, "", "%s", period_path);
    }
    if (period == 0)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "no period beside the quota in '%s'", path);
    *ret_period = period;
    *ret_quota = g_str_has_prefix(text, "max") ? -1 : g_ascii_strtoll(text, NULL, 10);
    return true;
}

static bool set_list(const HostCgroup *group, const char *file, const char *list, GError **error)
{
    if (!host_cgroup_require(group, HOST_CGROUP_CPUSET, error))
        return false;
    g_autofree char *path = host_cgroup_file(group, HOST_CGROUP_CPUSET, file);
    return host_cgroup_write(path, list, error);
}

bool host_cgroup_set_cpus(const HostCgroup *group, const char *cpus, GError **error)
{
    return set_list(group, "cpuset.cpus", cpus, error);
}

bool host_cgroup_set_mems(const HostCgroup *group, const char *nodes, GError **error)
{
    return set_list(group, "cpuset.mems", nodes, error);
}

bool host_cgroup_migrate_memory(const HostCgroup *group, GError **error)
{
    return group->layout->unified || set_list(group, "cpuset.memory_migrate", "1", error);
}

char *host_cgroup_get_mems(const HostCgroup *group, GError **error)
{
    if (!host_cgroup_require(group, HOST_CGROUP_CPUSET, error))
        return NULL;
    g_autofree char *path = host_cgroup_file(group, HOST_CGROUP_CPUSET, "cpuset.mems");
    char *text = host_sysfs_read("", "%s", path);
    if (!text)
        error_set(error, VIR_ERR_SYSTEM_ERROR, "cannot read '%s'", path);
    return text;
}

static bool read_times_v1(const HostCgroup *group, HostCgroupCpuTimes *times)
{
    uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    g_autofree char *usage = host_cgroup_file(group, HOST_CGROUP_CPUACCT, "cpuacct.usage");
    g_autofree char *stat = host_cgroup_file(group, HOST_CGROUP_CPUACCT, "cpuacct.stat");
    g_autofree char *text = host_sysfs_read("", "%s", stat);
    if (!text || !host_sysfs_read_u64(&times->total, "", "%s", usage) ||
        !host_sysfs_find_u64(text, "user", &times->user) || !host_sysfs_find_u64(text, "system", &times->system))
        return false;
    times->user *= tick;
    times->system *= tick;
    return true;
}

static bool read_times_v2(const HostCgroup *group, HostCgroupCpuTimes *times)
{
    g_autofree char *stat = host_cgroup_file(group, HOST_CGROUP_CPUACCT, "cpu.stat");
    g_autofree char *text = host_sysfs_read("", "%s", stat);
    if (!text || !host_sysfs_find_u64(text, "usage_usec", &times->total) ||
        !host_sysfs_find_u64(text, "user_usec", &times->user) ||
        !host_sysfs_find_u64(text, "system_usec", &times->system))
        return false;
    times->total *= 1000;
    times->user *= 1000;
    times->system *= 1000;
    return true;
}

bool host_cgroup_cpu_times(const HostCgroup *group, HostCgroupCpuTimes *ret_times, GError **error)
{
    if (!host_cgroup_require(group, HOST_CGROUP_CPUACCT, error))
        return false;
    HostCgroupCpuTimes times;
    if (!(group->layout->unified ? read_times_v2(group, &times) : read_times_v1(group, &times)))
        return error_set(error, VIR_ERR_SYSTEM_ERROR, "cannot read the CPU times of control group '%s'", group->path);
    *ret_times = times;
    return true;
}

static const SettingRow settings[] = {
    [HOST_CGROUP_CPU_SHARES] = { HOST_CGROUP_CPU, "cpu.shares", "cpu.weight" },
    [HOST_CGROUP_MEMORY_HARD_LIMIT] = { HOST_CGROUP_MEMORY, "memory.limit_in_bytes", "memory.max" },
    [HOST_CGROUP_MEMORY_SOFT_LIMIT] = { HOST_CGROUP_MEMORY, "memory.soft_limit_in_bytes", "memory.high" },
    [HOST_CGROUP_SWAP_HARD_LIMIT] = { HOST_CGROUP_MEMORY, "memory.memsw.limit_in_bytes", "memory.swap.max" },
    [HOST_CGROUP_BLKIO_WEIGHT] = { HOST_CGROUP_BLKIO, "blkio.bfq.weight", "io.bfq.weight", "blkio.weight", "io.weight",
                                   .weight = true },
    [HOST_CGROUP_PIDS_MAX] = { HOST_CGROUP_PIDS, "pids.max", "pids.max" },
    [HOST_CGROUP_MEMORY_USAGE] = { HOST_CGROUP_MEMORY, "memory.usage_in_bytes", "memory.current" },
};
