/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the byte stream that a URI names. Any thread; blocks. */
#pragma once
#include "lib/uri.h"

#include <sys/types.h>

typedef struct {
    int fd;          /* a connected socket, closed on exec */
    pid_t child;     /* the ssh (or ext) command behind it; 0 for none. Reap it after closing the socket. */
    bool passes_fds; /* descriptors can travel over it */
} Channel;

/* Errors: VIR_ERR_SYSTEM_ERROR and VIR_ERR_NO_CONNECT, naming the socket or address and, for a silent one, the cure. */
bool transport_open(const Uri *uri, bool read_only, Channel *ret_channel, GError **error);
/* Closes the socket and waits for the command, if there is one. */
void transport_close(Channel *channel);
