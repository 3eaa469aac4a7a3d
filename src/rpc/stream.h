/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream that a call opened: data both ways beside the calls, until one side finishes or aborts. Main loop only; a
 * handler that runs elsewhere attaches to it with main_loop_post().
 *
 * The dispatcher makes the stream before the handler runs. The handler must attach callbacks before it returns true
 * (or post their attachment: data that arrive before are kept). When the call fails, the stream is dropped.
 */
#pragma once
#include "rpc/client.h"
#include "rpc/procedure.h"

typedef struct Stream Stream;

typedef struct {
    /* Data from the client. Slow receivers call stream_pause(). NULL: data from the client are an error. */
    void (*received)(Stream *stream, const uint8_t *data, size_t length, gpointer user);
    /* A hole of @length bytes in the data. NULL: holes are an error. */
    void (*hole)(Stream *stream, int64_t length, gpointer user);
    /*
     * The client has sent all and asks to finish. The receiver answers with stream_finish(), when everything is stored,
     * or stream_abort(). NULL: answered with stream_finish() at once.
     */
    void (*finish)(Stream *stream, gpointer user);
    /* More may be sent: after stream_send() returned false. */
    void (*may_send)(Stream *stream, gpointer user);
    /* The stream has ended, for whatever reason: the last callback. @aborted: by the client, or it is gone. */
    void (*closed)(Stream *stream, bool aborted, gpointer user);
} StreamCallbacks;

Stream *stream_new(Client *client, const Procedure *procedure, uint32_t serial);
Stream *stream_ref(Stream *stream);
void stream_unref(Stream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Stream, stream_unref)

/* @callbacks: static. Delivers what has arrived before. If the stream has ended already, closed() is called at once. */
void stream_attach(Stream *stream, const StreamCallbacks *callbacks, gpointer user);
/* No callback from now on; the stream itself goes on (until stream_abort() or its client goes). */
void stream_detach(Stream *stream);
bool stream_is_open(const Stream *stream);

/*
 * Sends data, in packets as large as clients take. All is queued; false asks to wait for may_send() before sending
 * more. On a closed stream: dropped, true.
 */
bool stream_send(Stream *stream, const void *data, size_t length);
bool stream_send_hole(Stream *stream, int64_t length);
/* The end of the data; the client then finishes the stream. Idempotent. */
void stream_send_end(Stream *stream);
/* Answers the client's finish; or, before that, is the same as stream_send_end(). */
void stream_finish(Stream *stream);
/* Ends the stream with an error that the client sees. */
void stream_abort(Stream *stream, const GError *error);

/* While paused no data of this client are read. Idempotent. */
void stream_pause(Stream *stream);
void stream_resume(Stream *stream);

/* What the client sent; called by the client's reader. False (error): the client gets the error. */
bool stream_packet(Client *client, const FrameHeader *header, const uint8_t *payload, size_t length, GError **error);
/* The call was answered: packets may follow. Called by the dispatcher. */
void stream_replied(Stream *stream);
/* Called by the client when it closes and when its output has drained. */
void stream_close_all(Client *client);
void stream_drained(Client *client);
/* The call that opened it failed: forgets the stream without a word to the client. */
void stream_drop(Stream *stream);
