/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of a connection, for the files of liblodge only. One thread reads the socket: it hands replies to the
 * calls that wait for them (by serial), packets to their streams and events to a queue, and answers keepalive
 * questions. Any thread writes, one message at a time.
 */
#pragma once
#include "lib/transport.h"
#include "rpc/procedures.h"

#include <lodge/lodge.h>

#define MESSAGE_MAX     (32u << 20)
#define HEADER_SIZE     28
#define MESSAGE_FDS_MAX 32

typedef enum {
    MESSAGE_CALL,
    MESSAGE_REPLY,
    MESSAGE_EVENT,
    MESSAGE_STREAM,
    MESSAGE_CALL_FDS,
    MESSAGE_REPLY_FDS,
    MESSAGE_HOLE
} MessageType;
typedef enum { STATUS_OK, STATUS_ERROR, STATUS_CONTINUE } MessageStatus;

typedef struct {
    uint32_t length, program, version, procedure, type, serial, status;
} Header;

/* What a call may need beyond arguments and result. */
typedef struct {
    const int *fds;
    unsigned n_fds;
    int *ret_fd;
    LodgeStream **ret_stream;
} CallExtra;

typedef struct {
    const Procedure *procedure;
    void *message;
} QueuedEvent;

typedef struct Watch Watch;

struct LodgeConnection {
    gatomicrefcount references;
    Uri *uri;
    Channel channel;
    GThread *reader;
    GMutex send_lock;

    GMutex lock; /* of all below */
    GCond changed;
    GError *broken; /* why the connection ended; NULL while it is up */
    uint32_t last_serial;
    GHashTable *pending; /* serial → PendingCall * */
    GHashTable *streams; /* serial → LodgeStream *, not owned */
    GQueue events;       /* QueuedEvent * */
    GHashTable *watches; /* id → Watch * */
    int last_watch;
    int event_fd;      /* readable while events wait or the connection is broken */
    int wake_fd;       /* wakes the reader */
    GMutex watch_lock; /* held while a watch is registered: its events wait until its id is known */
    unsigned keepalive_interval, keepalive_count, keepalive_unanswered;
};

/* Index of the LodgeEventType → ProcedureId; generated. */
extern const unsigned event_procedures[];

/* Makes one call and waits for its reply. @args and @ret may be NULL where the row has none; so may @extra. */
bool connection_call(LodgeConnection *connection, ProcedureId id, const void *args, void *ret, const CallExtra *extra,
                     GError **error);
/* Sends one message with this header (its length is filled in) and payload. */
bool connection_send(LodgeConnection *connection, Header *header, const void *payload, size_t size, const int *fds,
                     unsigned n_fds, GError **error);
/* An error payload as a GError; any malformed one becomes VIR_ERR_RPC. */
GError *connection_decode_error(const uint8_t *payload, size_t size);
/* With the lock held: the reason why the connection ended, as a fresh error. False. */
bool connection_set_broken(LodgeConnection *connection, GError **error);

/* events.c; both with the lock held by the reader. */
void events_push(LodgeConnection *connection, const Procedure *procedure, const uint8_t *payload, size_t size);
void events_wake(LodgeConnection *connection);
void events_free(LodgeConnection *connection);
GHashTable *watches_new(void);

/* stream.c */
LodgeStream *stream_new(LodgeConnection *connection, const Procedure *procedure, uint32_t serial);
/* Frees a stream that the daemon never opened. */
void stream_discard(LodgeStream *stream);
/* With the lock held by the reader: takes a packet, or the end of the connection. */
void stream_packet(LodgeStream *stream, const Header *header, const uint8_t *payload, size_t size);
void stream_broken(LodgeStream *stream);
/* Whether so much waits to be read that the reader had better pause. */
bool stream_is_full(const LodgeStream *stream);
