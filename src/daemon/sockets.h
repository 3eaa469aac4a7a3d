/* SPDX-License-Identifier: Apache-2.0 */
/* The sockets that the configuration asks for, or that systemd has made. Main thread. */
#pragma once
#include "daemon/daemon.h"

/* What the environment says of sockets that came with the process (sd_listen_fds(3)). */
typedef struct {
    unsigned count; /* descriptors 3 … 3 + count - 1 */
} InheritedSockets;

/* Opens all of them on daemon->server and daemon->admin. @listen: TCP too, as if listen_tcp were 1. */
bool sockets_open(Daemon *daemon, const InheritedSockets *inherited, bool listen, GError **error);
