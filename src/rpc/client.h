/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connected client: its socket, what was read from it and what waits to be written. Everything but the reference
 * count, the constant part and client_post() belongs to the main loop.
 */
#pragma once
#include "base/error.h"
#include "rpc/frame.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct Client Client;
typedef struct Server Server; /* rpc/server.h */

typedef enum { ROLE_READ_WRITE, ROLE_READ_ONLY, ROLE_ADMIN } SocketRole;
/* The numbers are those of virClientTransport. */
typedef enum { TRANSPORT_UNIX, TRANSPORT_TCP } ClientTransport;

typedef struct {
    bool has_process; /* of unix sockets: pid, uid and gid are the peer's */
    pid_t pid;
    uid_t uid;
    gid_t gid;
    char *address; /* of TCP: "127.0.0.1;40000", as virt-admin shows it; NULL else */
} ClientIdentity;

typedef void (*ClientHook)(Client *client, gpointer data);

struct Client {
    _Atomic int refs;

    /* Constant after accept; any thread. */
    Server *server;
    uint64_t id;          /* unique in its server */
    int64_t connected_at; /* s since 1970 */
    SocketRole role;
    ClientTransport transport;
    ClientIdentity identity;

    /* The session: main loop. */
    bool authenticated;
    bool opened;    /* between connect_open and connect_close */
    bool read_only; /* by its socket or by its flag at connect_open */
    bool wants_close_event;
    char *uri;            /* as opened */
    bool keepalive;       /* this side pings too */
    unsigned unanswered;  /* pings since anything was received */
    gint64 last_received; /* monotonic, µs */
    guint keepalive_timer;
    guint auth_timer;

    /* Calls: the dispatcher's; main loop. */
    unsigned calls_running;
    GQueue calls_waiting;
    size_t calls_waiting_bytes;
    GHashTable *serials; /* of calls that wait or run: serial -> itself */
    GHashTable *streams; /* serial -> Stream * */

    /* The socket: main loop. */
    int fd; /* -1: closed */
    GSource *source;
    gpointer fd_tag;
    GIOCondition events;   /* that the source waits for */
    GByteArray *input;     /* the incomplete rest of what was read */
    GArray *input_fds;     /* of int; received and not yet taken */
    unsigned input_paused; /* how many streams ask for a pause */
    GQueue output;         /* of OutFrame * */
    size_t output_bytes;   /* in output, not yet written */
    bool output_failed;    /* a write failed; the close is on its way */
    GList *close_hooks;    /* of CloseHook * */
};

/* Takes over @fd, which must not block. The server's function. */
Client *client_new(Server *server, int fd, uint64_t id, SocketRole role, ClientTransport transport,
                   const ClientIdentity *identity);
Client *client_ref(Client *client); /* any thread */
void client_unref(Client *client);  /* any thread */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Client, client_unref)

static inline bool client_is_open(const Client *client)
{
    return client->fd >= 0;
}

/*
 * Queues a finished frame, which it takes, and writes what the socket accepts. Descriptors are duplicated. To a closed
 * client: dropped.
 */
void client_send(Client *client, GByteArray *frame, const int *fds, unsigned n_fds);
/* The same from any thread; takes the frame and the descriptors, both also if the client is gone. */
void client_post(Client *client, GByteArray *frame, int *fds, unsigned n_fds);

/* Ends the connection: hooks run, streams are aborted, the server forgets it. @why goes to the log; NULL: it said so.
 */
void client_close(Client *client, const char *why);
/* The same after the present work of the main loop, so that a caller may go on using its client. */
void client_close_soon(Client *client, const char *why);

/* @hook runs once, on the main loop, when the connection ends. Returns the id for client_remove_close_hook(). */
guint client_add_close_hook(Client *client, ClientHook hook, gpointer data);
void client_remove_close_hook(Client *client, guint id);

/* Stops, or resumes, reading from the socket: for streams whose receiver is slower than the client. Calls count. */
void client_pause_input(Client *client);
void client_resume_input(Client *client);

/* Starts pinging an idle client every server keepalive_interval; after keepalive_count without an answer it is dropped.
 */
void client_start_keepalive(Client *client);
