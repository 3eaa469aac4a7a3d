/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of one block device in a control group, and CPU time by host CPU. */
#include "host/host-cgroup-internal.h"

#include "base/error.h"
#include "host/host-sysfs.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

typedef struct {
    const char *v1;  /* file of version 1 */
    const char *key; /* in io.max of version 2; NULL: a weight */
    const char *v1_old;
} DeviceRow;

static const DeviceRow device_rows[];

static bool device_number(const char *path, char **ret_number, GError **error)
{
    struct stat info;
    if (stat(path, &info) < 0)
        return error_set(error, VIR_ERR_SYSTEM_ERROR, "Path '%s' is not accessible: %s", path, g_strerror(errno));
    if (!S_ISBLK(info.st_mode))
        return error_set(error, VIR_ERR_INVALID_ARG, "Path '%s' must be a block device", path);
    *ret_number = g_strdup_printf("%u:%u", major(info.st_rdev), minor(info.st_rdev));
    return true;
}

static char *weight_file(const HostCgroup *group)
{
    if (!group->layout->unified)
        return NULL;
    g_autofree char *bfq = host_cgroup_file(group, HOST_CGROUP_BLKIO, "io.bfq.weight");
    return host_sysfs_exists("", "%s", bfq) ? g_steal_pointer(&bfq)
                                            : host_cgroup_file(group, HOST_CGROUP_BLKIO, "io.weight");
}

static bool set_v2(const HostCgroup *group, const DeviceRow *row, const char *number, uint64_t value, GError **error)
{
    g_autofree char *path = row->key ? host_cgroup_file(group, HOST_CGROUP_BLKIO, "io.max") : weight_file(group);
    g_autofree char *amount = value ? g_strdup_printf("%" PRIu64, value) : g_strdup(row->key ? "max" : "default");
    g_autofree char *text = g_strdup_printf("%s %s%s%s", number, row->key ? row->key : "", row->key ? "=" : "", amount);
    return host_cgroup_write(path, text, error);
}

static bool set_v1(const HostCgroup *group, const DeviceRow *row, const char *number, uint64_t value, GError **error)
{
    g_autofree char *path = host_cgroup_file(group, HOST_CGROUP_BLKIO, row->v1);
    g_autofree char *text = g_strdup_printf("%s %" PRIu64, number, value);
    if (row->v1_old && !host_sysfs_exists("", "%s", path)) {
        g_autofree char *old = host_cgroup_file(group, HOST_CGROUP_BLKIO, row->v1_old);
        return host_cgroup_write(old, text, error);
    }
    return host_cgroup_write(path, text, error);
}

bool host_cgroup_set_device(const HostCgroup *group, HostCgroupDeviceSetting setting, const char *device,
                            uint64_t value, GError **error)
{
    g_autofree char *number = NULL;
    if (!host_cgroup_require(group, HOST_CGROUP_BLKIO, error) || !device_number(device, &number, error))
        return false;
    return group->layout->unified ? set_v2(group, &device_rows[setting], number, value, error)
                                  : set_v1(group, &device_rows[setting], number, value, error);
}

bool host_cgroup_percpu_times(const HostCgroup *group, GArray **ret_ns, GError **error)
{
    if (!host_cgroup_require(group, HOST_CGROUP_CPUACCT, error))
        return false;
    if (group->layout->unified)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
                         "times on single host CPUs are not counted by cgroup V2: ask for the total (--total)");
    g_autofree char *path = host_cgroup_file(group, HOST_CGROUP_CPUACCT, "cpuacct.usage_percpu");
    g_autofree char *text = host_sysfs_read("", "%s", path);
    if (!text)
        return error_set(error, VIR_ERR_SYSTEM_ERROR, "cannot read '%s'", path);
    GArray *times = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    for (char **word = words; *word; word++) {
        uint64_t ns = g_ascii_strtoull(*word, NULL, 10);
        g_array_append_val(times, ns);
    }
    *ret_ns = times;
    return true;
}

static const DeviceRow device_rows[] = {
    [HOST_CGROUP_READ_IOPS] = { "blkio.throttle.read_iops_device", "riops" },
    [HOST_CGROUP_WRITE_IOPS] = { "blkio.throttle.write_iops_device", "wiops" },
    [HOST_CGROUP_READ_BPS] = { "blkio.throttle.read_bps_device", "rbps" },
    [HOST_CGROUP_WRITE_BPS] = { "blkio.throttle.write_bps_device", "wbps" },
    [HOST_CGROUP_DEVICE_WEIGHT] = { "blkio.bfq.weight_device", NULL, "blkio.weight_device" },
};
