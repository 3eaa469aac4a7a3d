/* SPDX-License-Identifier: Apache-2.0 */
/* Counters of a network interface, from /sys/class/net below @sysroot. Any thread. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* As the host sees the interface: what a guest sends through its tap device is received here. */
typedef struct {
    uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped;
    uint64_t tx_bytes, tx_packets, tx_errors, tx_dropped;
} HostNetStat;

/* VIR_ERR_OPERATION_FAILED if there is no interface @name. */
bool host_netstat_read(const char *sysroot, const char *name, HostNetStat *ret_stat, GError **error);
/* The same with the directions swapped: the guest's view of its tap device. */
bool host_netstat_read_as_guest(const char *sysroot, const char *name, HostNetStat *ret_stat, GError **error);
