/* SPDX-License-Identifier: Apache-2.0 */
/* A listening socket that accepts clients while it is enabled; for src/rpc only. Main loop. */
#pragma once
#include "rpc/server.h"

typedef struct Listener Listener;

/* Called for each accepted, non-blocking socket, which it takes. */
typedef void (*ListenerAccept)(Server *server, int fd, SocketRole role, ClientTransport transport,
                               const ClientIdentity *identity);

/* Takes @fd, which listens. @path: removed with the listener; NULL: nothing to remove. */
Listener *listener_new(Server *server, int fd, SocketRole role, const char *path, ListenerAccept accept);
void listener_free(Listener *listener);
void listener_enable(Listener *listener, bool enabled);
/* Of TCP; 0 else. */
unsigned listener_port(const Listener *listener);

/* Open sockets that listen; -1 with @error. */
int listener_open_unix(const char *path, const SocketAccess *access, GError **error);
/* Appends one descriptor an address to @fds (of int). */
bool listener_open_tcp(const char *host, const char *port, GArray *fds, GError **error);
