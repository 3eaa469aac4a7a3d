/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "lib/i18n.h"
#include "lib/reader.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FULL_SIZE   (8u << 20) /* of unread data, at which the reader pauses */
#define PACKET_SIZE (256u << 10)

struct LodgeStream {
    LodgeConnection *connection; /* a reference */
    const Procedure *procedure;
    uint32_t serial;
    int fd; /* an eventfd; readable while there is something to say */
    /* Under the connection's lock: */
    GByteArray *data;
    size_t used; /* of data, already given to the caller */
    bool end_of_data, finished, ended;
    GError *error;
};

LodgeStream *stream_new(LodgeConnection *connection, const Procedure *procedure, uint32_t serial)
{
    LodgeStream *stream = g_new0(LodgeStream, 1);
    stream->connection = lodge_connection_ref(connection);
    stream->procedure = procedure;
    stream->serial = serial;
    stream->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    stream->data = g_byte_array_new();
    return stream;
}

static void signal_readable(LodgeStream *stream)
{
    uint64_t one = 1;
    /* Fails only when the counter is full, and then it is readable already. */
    ssize_t written = write(stream->fd, &one, sizeof one);
    (void)written;
    g_cond_broadcast(&stream->connection->changed);
}

bool stream_is_full(const LodgeStream *stream)
{
    return stream->data->len - stream->used > FULL_SIZE;
}

void stream_packet(LodgeStream *stream, const Header *header, const uint8_t *payload, size_t size)
{
    if (header->type == MESSAGE_HOLE) {
        /* Streams of this library carry no holes: it never asks for a sparse one. */
        if (!stream->error)
            error_set(&stream->error, VIR_ERR_RPC, _("the daemon sent a hole in a stream that is not sparse"));
    } else if (header->status == STATUS_ERROR) {
        if (!stream->error)
            stream->error = connection_decode_error(payload, size);
    } else if (header->status == STATUS_OK) {
        stream->finished = stream->end_of_data = true;
    } else if (!size) {
        stream->end_of_data = true;
    } else {
        g_byte_array_append(stream->data, payload, (guint)size);
    }
    signal_readable(stream);
}

void stream_broken(LodgeStream *stream)
{
    if (!stream->finished && !stream->error)
        stream->error = g_error_copy(stream->connection->broken);
    signal_readable(stream);
}

/* With the lock held. -2: nothing has arrived. */
static gssize take(LodgeStream *stream, void *buffer, size_t size, GError **error)
{
    size_t there = stream->data->len - stream->used;
    if (there) {
        size_t taken = MIN(there, size);
        memcpy(buffer, stream->data->data + stream->used, taken);
        stream->used += taken;
        if (stream->used == stream->data->len) {
            g_byte_array_set_size(stream->data, 0);
            stream->used = 0;
        } else if (stream->used > PACKET_SIZE) {
            g_byte_array_remove_range(stream->data, 0, (guint)stream->used);
            stream->used = 0;
        }
        return (gssize)taken;
    }
    if (stream->error) {
        g_propagate_error(error, g_error_copy(stream->error));
        return -1;
    }
    return stream->end_of_data ? 0 : -2;
}

/* Keeps the descriptor readable exactly while take() would not say -2. With the lock held. */
static void settle_fd(LodgeStream *stream)
{
    if (stream->data->len > stream->used || stream->error || stream->end_of_data)
        return;
    uint64_t count;
    ssize_t taken = read(stream->fd, &count, sizeof count);
    (void)taken;
}

static gssize receive(LodgeStream *stream, void *buffer, size_t size, bool wait, GError **error)
{
    LodgeConnection *connection = stream->connection;
    g_mutex_lock(&connection->lock);
    bool was_full = stream_is_full(stream);
    gssize got;
    while ((got = take(stream, buffer, size, error)) == -2 && wait)
        g_cond_wait(&connection->changed, &connection->lock);
    settle_fd(stream);
    bool drained = was_full && !stream_is_full(stream);
    g_mutex_unlock(&connection->lock);
    if (drained)
        reader_wake(connection);
    return got;
}

gssize lodge_stream_receive(LodgeStream *stream, void *buffer, size_t size, GError **error)
{
    return receive(stream, buffer, size, true, error);
}

gssize lodge_stream_receive_now(LodgeStream *stream, void *buffer, size_t size, GError **error)
{
    return receive(stream, buffer, size, false, error);
}

int lodge_stream_get_fd(LodgeStream *stream)
{
    return stream->fd;
}

static void forget(LodgeStream *stream)
{
    LodgeConnection *connection = stream->connection;
    g_mutex_lock(&connection->lock);
    stream->ended = true;
    g_hash_table_remove(connection->streams, GUINT_TO_POINTER(stream->serial));
    g_mutex_unlock(&connection->lock);
    /* The reader may have paused for this stream. */
    reader_wake(connection);
}

void stream_discard(LodgeStream *stream)
{
    forget(stream);
    lodge_stream_free(stream);
}

static bool send_packet(LodgeStream *stream, MessageStatus status, const void *data, size_t size, GError **error)
{
    Header header = { 0,     stream->procedure->program, 1, stream->procedure->number, MESSAGE_STREAM, stream->serial,
                      status };
    return connection_send(stream->connection, &header, data, size, NULL, 0, error);
}

static bool check_open(LodgeStream *stream, GError **error)
{
    g_mutex_lock(&stream->connection->lock);
    bool ok = !stream->error && !stream->ended;
    if (stream->error)
        g_propagate_error(error, g_error_copy(stream->error));
    else if (stream->ended)
        error_set(error, VIR_ERR_INVALID_STREAM, _("the stream has been ended"));
    g_mutex_unlock(&stream->connection->lock);
    return ok;
}

bool lodge_stream_send(LodgeStream *stream, const void *data, size_t size, GError **error)
{
    const uint8_t *at = data;
    while (size) {
        size_t part = MIN(size, PACKET_SIZE);
        if (!check_open(stream, error) || !send_packet(stream, STATUS_CONTINUE, at, part, error))
            return false;
        at += part;
        size -= part;
    }
    return true;
}

bool lodge_stream_finish(LodgeStream *stream, GError **error)
{
    LodgeConnection *connection = stream->connection;
    bool ok = check_open(stream, error) && send_packet(stream, STATUS_OK, NULL, 0, error);
    g_mutex_lock(&connection->lock);
    while (ok && !stream->finished && !stream->error) {
        /* Data that still arrives has no reader any more and must not make the connection pause. */
        g_byte_array_set_size(stream->data, 0);
        stream->used = 0;
        g_cond_wait(&connection->changed, &connection->lock);
    }
    if (ok && stream->error) {
        g_propagate_error(error, g_error_copy(stream->error));
        ok = false;
    }
    g_mutex_unlock(&connection->lock);
    forget(stream);
    return ok;
}

bool lodge_stream_abort(LodgeStream *stream, GError **error)
{
    if (!check_open(stream, error)) {
        forget(stream);
        return false;
    }
    bool ok = send_packet(stream, STATUS_ERROR, NULL, 0, error);
    forget(stream);
    return ok;
}

void lodge_stream_free(LodgeStream *stream)
{
    if (!stream)
        return;
    LodgeConnection *connection = stream->connection;
    g_mutex_lock(&connection->lock);
    bool running = !stream->ended && !stream->error && !connection->broken &&
                   g_hash_table_contains(connection->streams, GUINT_TO_POINTER(stream->serial));
    g_mutex_unlock(&connection->lock);
    if (running)
        lodge_stream_abort(stream, NULL);
    else
        forget(stream);
    close(stream->fd);
    g_byte_array_unref(stream->data);
    g_clear_error(&stream->error);
    g_free(stream);
    lodge_connection_unref(connection);
}
