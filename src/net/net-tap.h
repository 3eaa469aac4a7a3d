/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tap devices for guests: made here and handed to QEMU as descriptors, so that QEMU needs no rights of its own. A tap
 * is gone with the last of its descriptors unless it is persistent. Any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define NET_TAP_QUEUES_MAX 256

typedef struct {
    const char *name;   /* of the interface; with "%d" in it the kernel puts the lowest free number ("vnet%d") */
    unsigned queues;    /* descriptors wanted: 1 … NET_TAP_QUEUES_MAX */
    bool vnet_header;   /* offloads between guest and host (virtio-net); all models of QEMU take it */
    bool existing;      /* take a tap that somebody prepared; the name must not have a "%d" */
    const uint8_t *mac; /* of the host's end, 6 bytes; NULL: the kernel's choice */
    unsigned mtu;       /* 0: the kernel's */
} NetTapOptions;

/*
 * Opens the tap and fills @ret_fds with options->queues descriptors (close-on-exec) that the caller owns; *@ret_name is
 * the interface's name (g_free()). The interface is left down: see net_link_set_up(). On failure nothing is left.
 * VIR_ERR_INVALID_ARG for a bad name or count, VIR_ERR_OPERATION_DENIED without the rights, else VIR_ERR_SYSTEM_ERROR.
 */
bool net_tap_open(const NetTapOptions *options, int *ret_fds, char **ret_name, GError **error);

/*
 * The MAC address for the host's end of a guest's tap: the guest's with 0xfe in front. A bridge takes the lowest
 * address of its ports as its own, so a low one here would change the bridge's address under its hosts.
 */
void net_tap_host_mac(const uint8_t guest_mac[6], uint8_t ret_mac[6]);

/* Removes a persistent tap made by somebody else, or one left over. A tap that is not there is success. */
bool net_tap_remove(const char *name, GError **error);
