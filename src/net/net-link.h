/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of a network interface of any kind. Errors: VIR_ERR_SYSTEM_ERROR with the interface's name. Any thread. */
#pragma once
#include <glib.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* Whether @name can name an interface at all: 1 … 15 bytes, no '/', ':' or white space, not "." or "..". */
bool net_link_name_valid(const char *name);
bool net_link_exists(const char *name);

bool net_link_set_up(const char *name, bool up, GError **error);
bool net_link_set_mtu(const char *name, unsigned mtu, GError **error);
bool net_link_get_mtu(const char *name, unsigned *ret_mtu, GError **error);
bool net_link_set_mac(const char *name, const uint8_t mac[6], GError **error);
bool net_link_get_mac(const char *name, uint8_t ret_mac[6], GError **error);
