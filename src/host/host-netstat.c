/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-netstat.h"

#include "base/error.h"
#include "host/host-sysfs.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *file;
    size_t offset;
} counters[] = {
    { "rx_bytes", offsetof(HostNetStat, rx_bytes) },   { "rx_packets", offsetof(HostNetStat, rx_packets) },
    { "rx_errors", offsetof(HostNetStat, rx_errors) }, { "rx_dropped", offsetof(HostNetStat, rx_dropped) },
    { "tx_bytes", offsetof(HostNetStat, tx_bytes) },   { "tx_packets", offsetof(HostNetStat, tx_packets) },
    { "tx_errors", offsetof(HostNetStat, tx_errors) }, { "tx_dropped", offsetof(HostNetStat, tx_dropped) },
};

bool host_netstat_read(const char *sysroot, const char *name, HostNetStat *ret_stat, GError **error)
{
    HostNetStat stat = { 0 };
    if (!name[0] || strchr(name, '/') || name[0] == '.')
        return error_set(error, VIR_ERR_INVALID_ARG, "'%s' is not a name of a network interface", name);
    for (size_t i = 0; i < G_N_ELEMENTS(counters); i++) {
        uint64_t *value = (uint64_t *)((char *)&stat + counters[i].offset);
        if (!host_sysfs_read_u64(value, sysroot, "/sys/class/net/%s/statistics/%s", name, counters[i].file))
            return error_set(error, VIR_ERR_OPERATION_FAILED, "there is no network interface '%s' on this host", name);
    }
    *ret_stat = stat;
    return true;
}

bool host_netstat_read_as_guest(const char *sysroot, const char *name, HostNetStat *ret_stat, GError **error)
{
    HostNetStat host;
    if (!host_netstat_read(sysroot, name, &host, error))
        return false;
    *ret_stat = (HostNetStat){
        .rx_bytes = host.tx_bytes,
        .rx_packets = host.tx_packets,
        .rx_errors = host.tx_errors,
        .rx_dropped = host.tx_dropped,
        .tx_bytes = host.rx_bytes,
        .tx_packets = host.rx_packets,
        .tx_errors = host.rx_errors,
        .tx_dropped = host.rx_dropped,
    };
    return true;
}
