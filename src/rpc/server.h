/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of listening sockets, the clients that came through them and their limits. The daemon has two: one for calls,
 * one for administration. Main loop.
 */
#pragma once
#include "rpc/client.h"

/* What the daemon does with what clients send. @payload is valid during the function only. */
typedef struct {
    /* A call, perhaps with descriptors, which the function takes by leaving -1. */
    void (*call)(Client *client, const FrameHeader *header, const uint8_t *payload, size_t length, int *fds,
                 unsigned n_fds);
    /* The client has read so much that replies may be queued again. */
    void (*drained)(Client *client);
    /* The client is gone; its calls that wait can be dropped. */
    void (*closed)(Client *client);
} ServerOps;

typedef struct {
    unsigned max_clients;           /* further ones wait in the socket's backlog */
    unsigned max_anonymous_clients; /* the same for those that have not authenticated */
    unsigned max_client_requests;   /* calls of one client that run in workers or mailboxes at a time */
    unsigned max_workers;           /* calls of all clients that run there at a time */
    int keepalive_interval;         /* s; ≤ 0: no pings of our own */
    unsigned keepalive_count;
} ServerLimits;

struct Server {
    char *name;
    const ServerOps *ops;
    ServerLimits limits;
    GPtrArray *listeners; /* of Listener * */
    GQueue clients;       /* of Client *, oldest first, a reference each */
    uint64_t next_id;
    unsigned n_anonymous;
    unsigned calls_running; /* in workers and mailboxes */
    bool listening;
    void (*changed)(Server *server, gpointer data); /* a client came or went */
    gpointer changed_data;
};

Server *server_new(const char *name, const ServerOps *ops, const ServerLimits *limits);
/* Closes sockets and clients. */
void server_free(Server *server);

/* How a unix socket is protected. */
typedef struct {
    mode_t mode;
    gid_t group; /* (gid_t)-1: the daemon's own */
} SocketAccess;

/*
 * Listens on a unix socket. A stale file is replaced; a socket that somebody answers on is an error
 * (VIR_ERR_OPERATION_INVALID). The file is removed by server_free().
 */
bool server_listen_unix(Server *server, const char *path, SocketRole role, const SocketAccess *access, GError **error);
/* All addresses of @host; NULL: every interface. @port 0: chosen by the system, see server_tcp_port(). */
bool server_listen_tcp(Server *server, const char *host, const char *port, GError **error);
/* A listening socket made by systemd; takes @fd. */
bool server_listen_fd(Server *server, int fd, SocketRole role, GError **error);
/* The port of the first TCP socket; 0: none. */
unsigned server_tcp_port(const Server *server);

/* Accept clients from now on (true at start), or leave them in the backlog. */
void server_set_listening(Server *server, bool listening);
/* Marks the client authenticated, so that it no longer counts as anonymous. */
void server_client_authenticated(Client *client);
/* NULL if there is none. Not a reference. */
Client *server_find_client(Server *server, uint64_t id);
/* Checks the limits again after a change of server->limits. */
void server_limits_changed(Server *server);
/* Called by client_close(). */
void server_forget(Server *server, Client *client);
