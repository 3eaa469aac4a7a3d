/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the traffic of a guest's tap, by the program `tc` of iproute2. Blocks some ms; any thread. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    uint64_t average; /* kB a second */
    uint64_t peak;    /* kB a second; 0: as the average */
    uint64_t burst;   /* KiB that may go at peak speed; 0: as fits the rate */
} NetRate;

/*
 * Replaces the limits of @device: @inbound of what goes to the guest, @outbound of what comes from it; NULL or an
 * average of 0: none. VIR_ERR_CONFIG_UNSUPPORTED with the words of tc if the kernel cannot; then there is none.
 */
bool net_bandwidth_set(const char *device, const NetRate *inbound, const NetRate *outbound, GError **error);
/* Takes all limits away; a device that is gone is success. */
void net_bandwidth_clear(const char *device);
