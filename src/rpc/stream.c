/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/stream.h"

#include "rpc/wire-error.h"

#include <stdatomic.h>

/* What stock clients accept in one packet, headers aside. */
#define PACKET_MAX 262120u
/* With this much waiting in the client's output the sender is asked to wait. */
#define OUTPUT_LIMIT (512u << 10)
/* What a stream keeps for a receiver that is not attached yet. */
#define EARLY_LIMIT (1u << 20)

struct Stream {
    _Atomic int refs;
    Client *client; /* NULL: closed */
    const Procedure *procedure;
    uint32_t serial;
    const StreamCallbacks *callbacks;
    gpointer user;
    bool replied;      /* the call's reply is out, so packets may follow */
    bool wants_send;   /* may_send() is owed */
    bool end_sent;     /* the empty packet that ends our data */
    bool finish_asked; /* the client has sent its end */
    bool paused;
    bool aborted;
    GQueue early_output; /* of GByteArray *: packets from before the reply */
    GQueue early_input;  /* of EarlyPacket *: from before the receiver attached */
    size_t early_bytes;
    size_t early_output_bytes;
};

typedef struct {
    FrameType type;
    FrameStatus status;
    int64_t hole;
    GByteArray *data;
} EarlyPacket;

Stream *stream_new(Client *client, const Procedure *procedure, uint32_t serial)
{
    Stream *stream = g_new0(Stream, 1);
    atomic_init(&stream->refs, 2); /* the caller's and the client's */
    stream->client = client_ref(client);
    stream->procedure = procedure;
    stream->serial = serial;
    g_hash_table_insert(client->streams, GUINT_TO_POINTER(serial), stream);
    return stream;
}

Stream *stream_ref(Stream *stream)
{
    atomic_fetch_add(&stream->refs, 1);
    return stream;
}

static void early_packet_free(EarlyPacket *packet)
{
    g_clear_pointer(&packet->data, g_byte_array_unref);
    g_free(packet);
}

void stream_unref(Stream *stream)
{
    if (!stream || atomic_fetch_sub(&stream->refs, 1) > 1)
        return;
    g_queue_clear_full(&stream->early_output, (GDestroyNotify)g_byte_array_unref);
    g_queue_clear_full(&stream->early_input, (GDestroyNotify)early_packet_free);
    g_free(stream);
}

bool stream_is_open(const Stream *stream)
{
    return stream->client != NULL;
}

/* Forgets the stream; its owner is told. */
static void close_stream(Stream *stream, bool aborted)
{
    if (!stream->client)
        return;
    stream_resume(stream);
    g_autoptr(Client) client = g_steal_pointer(&stream->client);
    stream->aborted = aborted;
    g_hash_table_remove(client->streams, GUINT_TO_POINTER(stream->serial));
    const StreamCallbacks *callbacks = g_steal_pointer(&stream->callbacks);
    if (callbacks && callbacks->closed)
        callbacks->closed(stream, aborted, stream->user);
    stream_unref(stream);
}

static GByteArray *new_packet(const Stream *stream, FrameType type, FrameStatus status)
{
    FrameHeader header = {
        stream->procedure->program, FRAME_VERSION, stream->procedure->number, type, stream->serial, status
    };
    return frame_new(&header);
}

static void send_packet(Stream *stream, GByteArray *packet)
{
    frame_finish(packet, NULL); /* all packets are far smaller than a frame may be */
    if (stream->replied) {
        client_send(stream->client, packet, NULL, 0);
        return;
    }
    stream->early_output_bytes += packet->len;
    g_queue_push_tail(&stream->early_output, packet);
}

static bool is_full(const Stream *stream)
{
    return stream->early_output_bytes + stream->client->output_bytes > OUTPUT_LIMIT;
}

static void offer_space(Stream *stream)
{
    if (!stream->wants_send || !stream->callbacks || !stream->callbacks->may_send)
        return;
    stream->wants_send = false;
    stream->callbacks->may_send(stream, stream->user);
}

void stream_replied(Stream *stream)
{
    stream->replied = true;
    stream->early_output_bytes = 0;
    GByteArray *packet;
    while (stream->client && (packet = g_queue_pop_head(&stream->early_output)))
        client_send(stream->client, packet, NULL, 0);
    /* If the socket took it all, nothing is left whose writing would offer the space later. */
    if (stream->client && !is_full(stream))
        offer_space(stream);
}

bool stream_send(Stream *stream, const void *data, size_t length)
{
    for (size_t done = 0; stream->client && done < length;) {
        size_t part = MIN(length - done, PACKET_MAX);
        GByteArray *packet = new_packet(stream, FRAME_STREAM, FRAME_CONTINUE);
        g_byte_array_append(packet, (const uint8_t *)data + done, (guint)part);
        send_packet(stream, packet);
        done += part;
    }
    stream->wants_send = stream->client && is_full(stream);
    return !stream->wants_send;
}

bool stream_send_hole(Stream *stream, int64_t length)
{
    if (!stream->client)
        return true;
    GByteArray *packet = new_packet(stream, FRAME_STREAM_HOLE, FRAME_CONTINUE);
    frame_append_u32(packet, (uint32_t)((uint64_t)length >> 32));
    frame_append_u32(packet, (uint32_t)length);
    frame_append_u32(packet, 0);
    send_packet(stream, packet);
    stream->wants_send = is_full(stream);
    return !stream->wants_send;
}

void stream_send_end(Stream *stream)
{
    if (!stream->client || stream->end_sent)
        return;
    stream->end_sent = true;
    send_packet(stream, new_packet(stream, FRAME_STREAM, FRAME_CONTINUE));
}

void stream_finish(Stream *stream)
{
    if (!stream->client)
        return;
    if (!stream->finish_asked) {
        stream_send_end(stream);
        return;
    }
    send_packet(stream, new_packet(stream, FRAME_STREAM, FRAME_OK));
    close_stream(stream, false);
}

static void send_error(Stream *stream, const GError *error)
{
    WireError wire;
    wire_error_from(error, stream->procedure, &wire);
    GByteArray *packet = new_packet(stream, FRAME_STREAM, FRAME_ERROR);
    xdr_encode(&xdr_WireError, &wire, packet, NULL); /* all its strings are optional or set */
    xdr_clear(&xdr_WireError, &wire);
    send_packet(stream, packet);
}

void stream_abort(Stream *stream, const GError *error)
{
    if (!stream->client)
        return;
    send_error(stream, error);
    close_stream(stream, false);
}

void stream_drop(Stream *stream)
{
    g_queue_clear_full(&stream->early_output, (GDestroyNotify)g_byte_array_unref);
    close_stream(stream, true);
}

void stream_pause(Stream *stream)
{
    if (!stream->client || stream->paused)
        return;
    stream->paused = true;
    client_pause_input(stream->client);
}

void stream_resume(Stream *stream)
{
    if (!stream->client || !stream->paused)
        return;
    stream->paused = false;
    client_resume_input(stream->client);
}

/* Receiving */

static void abort_with(Stream *stream, const char *why)
{
    g_autoptr(GError) error = NULL;
    error_set(&error, VIR_ERR_OPERATION_INVALID, "stream of %s: %s", stream->procedure->name, why);
    stream_abort(stream, error);
}

static void on_finish(Stream *stream)
{
    stream->finish_asked = true;
    if (stream->callbacks->finish)
        stream->callbacks->finish(stream, stream->user);
    else
        stream_finish(stream);
}

/* What the client asked for has happened: answered as a success. */
static void on_client_abort(Stream *stream)
{
    send_packet(stream, new_packet(stream, FRAME_STREAM, FRAME_OK));
    close_stream(stream, true);
}

/* An attached stream gets one packet. */
static void deliver(Stream *stream, const EarlyPacket *packet)
{
    if (packet->status == FRAME_OK)
        on_finish(stream);
    else if (packet->type == FRAME_STREAM_HOLE && stream->callbacks->hole)
        stream->callbacks->hole(stream, packet->hole, stream->user);
    else if (packet->type == FRAME_STREAM_HOLE)
        abort_with(stream, "it takes no holes");
    else if (packet->data->len == 0)
        return; /* the end of the data; the finish follows */
    else if (stream->callbacks->received)
        stream->callbacks->received(stream, packet->data->data, packet->data->len, stream->user);
    else
        abort_with(stream, "it takes no data");
}

void stream_attach(Stream *stream, const StreamCallbacks *callbacks, gpointer user)
{
    if (!stream->client) {
        if (callbacks->closed)
            callbacks->closed(stream, stream->aborted, user);
        return;
    }
    stream_ref(stream); /* a callback may end it */
    stream->callbacks = callbacks;
    stream->user = user;
    EarlyPacket *packet;
    while (stream->callbacks && (packet = g_queue_pop_head(&stream->early_input))) {
        deliver(stream, packet);
        early_packet_free(packet);
    }
    if (stream->early_bytes > EARLY_LIMIT)
        stream_resume(stream);
    stream->early_bytes = 0;
    stream_unref(stream);
}

void stream_detach(Stream *stream)
{
    stream->callbacks = NULL;
}

static void keep_early(Stream *stream, const EarlyPacket *packet)
{
    EarlyPacket *kept = g_memdup2(packet, sizeof *packet);
    kept->data = g_byte_array_new();
    g_byte_array_append(kept->data, packet->data->data, packet->data->len);
    g_queue_push_tail(&stream->early_input, kept);
    stream->early_bytes += kept->data->len + sizeof *kept;
    if (stream->early_bytes > EARLY_LIMIT)
        stream_pause(stream);
}

static bool parse_packet(const FrameHeader *header, const uint8_t *payload, size_t length, EarlyPacket *ret_packet,
                         GError **error)
{
    ret_packet->type = (FrameType)header->type;
    ret_packet->status = (FrameStatus)header->status;
    if (header->status > FRAME_CONTINUE)
        return error_set(error, VIR_ERR_RPC, "stream packet with an unknown status");
    if (header->type != FRAME_STREAM_HOLE)
        return true;
    if (length != 12)
        return error_set(error, VIR_ERR_RPC, "stream hole of a wrong size");
    ret_packet->hole = (int64_t)((uint64_t)frame_read_u32(payload) << 32 | frame_read_u32(payload + 4));
    if (ret_packet->hole < 0)
        return error_set(error, VIR_ERR_RPC, "stream hole of a negative length");
    return true;
}

bool stream_packet(Client *client, const FrameHeader *header, const uint8_t *payload, size_t length, GError **error)
{
    Stream *found = g_hash_table_lookup(client->streams, GUINT_TO_POINTER(header->serial));
    if (!found || found->procedure->program != header->program || found->procedure->number != header->procedure)
        return true; /* ended a moment ago by this side, which the client cannot know yet */
    g_autoptr(Stream) stream = stream_ref(found);
    GByteArray data = { (guint8 *)payload, (guint)length };
    EarlyPacket packet = { .data = &data };
    if (!parse_packet(header, payload, length, &packet, error))
        return false;
    if (packet.status == FRAME_ERROR)
        on_client_abort(stream);
    else if (stream->callbacks)
        deliver(stream, &packet);
    else
        keep_early(stream, &packet);
    return true;
}

/* The streams of @client, referenced, because callbacks may end any of them. */
static GPtrArray *snapshot(Client *client)
{
    GPtrArray *streams = g_ptr_array_new_with_free_func((GDestroyNotify)stream_unref);
    GHashTableIter iter;
    gpointer stream;
    g_hash_table_iter_init(&iter, client->streams);
    while (g_hash_table_iter_next(&iter, NULL, &stream))
        g_ptr_array_add(streams, stream_ref(stream));
    return streams;
}

void stream_close_all(Client *client)
{
    g_autoptr(GPtrArray) streams = snapshot(client);
    for (guint i = 0; i < streams->len; i++)
        close_stream(streams->pdata[i], true);
}

void stream_drained(Client *client)
{
    if (g_hash_table_size(client->streams) == 0)
        return;
    g_autoptr(GPtrArray) streams = snapshot(client);
    for (guint i = 0; i < streams->len; i++)
        offer_space(streams->pdata[i]);
}
