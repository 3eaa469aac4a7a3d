/* SPDX-License-Identifier: Apache-2.0 */
/* Bridges of the host's kernel and their ports. Errors: VIR_ERR_SYSTEM_ERROR with both names. Any thread. */
#pragma once
#include <glib.h>
#include <stdbool.h>

bool net_bridge_exists(const char *name);
/* VIR_ERR_OPERATION_FAILED if an interface of that name exists already. The bridge is left down. */
bool net_bridge_create(const char *name, GError **error);
/* Sets it down and removes it. A bridge that is not there is success. */
bool net_bridge_remove(const char *name, GError **error);

/* Makes @port (a tap, a NIC) a port of @bridge. A port that it is already is success. */
bool net_bridge_add_port(const char *bridge, const char *port, GError **error);
/* A port that is not one of @bridge, or is gone, is success. */
bool net_bridge_remove_port(const char *bridge, const char *port, GError **error);
/* An isolated port reaches no other isolated port of its bridge. Kernel 4.18 or later. */
bool net_bridge_isolate_port(const char *port, bool isolated, GError **error);
