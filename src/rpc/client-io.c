/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/client-io.h"

#include "base/auto-fd.h"
#include "base/log.h"
#include "rpc/procedure.h"
#include "rpc/server.h"
#include "rpc/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>

/* A client that reads nothing while this much waits for it is dropped. */
#define OUTPUT_MAX (64u << 20)
/* Below this much streams and calls that were held back go on. */
#define OUTPUT_DRAINED (128u << 10)

typedef struct {
    GByteArray *frame;
    size_t written;
    int *fds;
    unsigned n_fds;
    unsigned fds_sent;
} OutFrame;

/* One for all clients, because only the main loop reads. */
static uint8_t read_buffer[256 << 10];

static void out_frame_free(OutFrame *out)
{
    for (unsigned i = out->fds_sent; i < out->n_fds; i++)
        auto_fd_close(&out->fds[i]);
    g_free(out->fds);
    g_byte_array_unref(out->frame);
    g_free(out);
}

/* Reading */

static void drop_fds(GArray *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        auto_fd_close(&g_array_index(fds, int, i));
    g_array_remove_range(fds, 0, count);
}

static void dispatch_frame(Client *client, const FrameHeader *header, const uint8_t *payload, size_t length, int *fds,
                           unsigned n_fds)
{
    if (header->program == PROGRAM_KEEPALIVE) {
        if (!keepalive_received(client, header, length))
            client_close(client, "malformed keepalive message");
        return;
    }
    if (header->type == FRAME_STREAM || header->type == FRAME_STREAM_HOLE) {
        g_autoptr(GError) error = NULL;
        if (!stream_packet(client, header, payload, length, &error))
            client_close(client, error->message);
        return;
    }
    if (header->type != FRAME_CALL && header->type != FRAME_CALL_WITH_FDS) {
        client_close(client, "message of a type that clients do not send");
        return;
    }
    client->server->ops->call(client, header, payload, length, fds, n_fds);
}

/*
 * The descriptors of a frame come after it, with one byte of data each. Returns how many bytes the frame takes with
 * them; 0 if they are not all there yet; -1 if the frame is malformed.
 */
static gssize frame_size_with_fds(const Client *client, const uint8_t *frame, size_t size, size_t left,
                                  unsigned *ret_n_fds)
{
    if (size < FRAME_HEADER_SIZE + 4 || client->transport != TRANSPORT_UNIX)
        return -1;
    uint32_t count = frame_read_u32(frame + FRAME_HEADER_SIZE);
    if (count > FRAME_MAX_FDS)
        return -1;
    if (left < size + count)
        return 0;
    if (client->input_fds->len < count)
        return -1;
    *ret_n_fds = count;
    return (gssize)(size + count);
}

/* Handles the complete frames in @data; returns how many bytes were used. */
static size_t parse_frames(Client *client, const uint8_t *data, size_t length)
{
    size_t used = 0;
    while (client_is_open(client) && !client->input_paused) {
        FrameHeader header;
        size_t size;
        FrameState state = frame_parse(data + used, length - used, &header, &size);
        if (state == FRAME_MALFORMED)
            client_close(client, "message with an impossible length");
        if (state != FRAME_COMPLETE)
            break;
        size_t skip = FRAME_HEADER_SIZE, whole = size;
        unsigned n_fds = 0;
        if (header.type == FRAME_CALL_WITH_FDS) {
            gssize needed = frame_size_with_fds(client, data + used, size, length - used, &n_fds);
            if (needed < 0)
                client_close(client, "message whose descriptors did not come with it");
            if (needed <= 0)
                break;
            whole = (size_t)needed;
            skip += 4;
        }
        dispatch_frame(client, &header, data + used + skip, size - skip, (int *)(void *)client->input_fds->data, n_fds);
        if (client_is_open(client))
            drop_fds(client->input_fds, n_fds);
        used += whole;
    }
    return used;
}

static void keep_rest(Client *client, const uint8_t *data, size_t length, size_t used)
{
    if (used < length)
        g_byte_array_append(client->input, data + used, (guint)(length - used));
}

static void consume(Client *client, const uint8_t *data, size_t length)
{
    if (client->input->len == 0) {
        keep_rest(client, data, length, parse_frames(client, data, length));
        return;
    }
    g_byte_array_append(client->input, data, (guint)length);
    client_io_parse_rest(client);
}

void client_io_parse_rest(Client *client)
{
    if (!client_is_open(client))
        return;
    /* Moved away, so that nothing that a frame causes can touch the bytes that are being parsed. */
    GByteArray *input = g_steal_pointer(&client->input);
    client->input = g_byte_array_new();
    size_t used = parse_frames(client, input->data, input->len);
    if (used == 0) {
        g_byte_array_unref(client->input);
        client->input = input;
        return;
    }
    keep_rest(client, input->data, input->len, used);
    g_byte_array_unref(input);
}

/* Takes the descriptors out of a message. False if some were lost or too many pile up. */
static bool collect_fds(Client *client, struct msghdr *message)
{
    for (struct cmsghdr *item = CMSG_FIRSTHDR(message); item; item = CMSG_NXTHDR(message, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS)
            continue;
        unsigned count = (unsigned)((item->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        g_array_append_vals(client->input_fds, CMSG_DATA(item), count);
    }
    return !(message->msg_flags & MSG_CTRUNC) && client->input_fds->len <= FRAME_MAX_FDS;
}

static void read_socket(Client *client)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * FRAME_MAX_FDS)];
    } control;
    struct iovec part = { read_buffer, sizeof read_buffer };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    ssize_t got = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        client_close(client, NULL);
        return;
    }
    if (!collect_fds(client, &message)) {
        client_close(client, "more descriptors than the protocol allows");
        return;
    }
    client->last_received = g_get_monotonic_time();
    client->unanswered = 0;
    consume(client, read_buffer, (size_t)got);
}

/* Writing */

static bool write_fd(Client *client, OutFrame *out)
{
    char byte = 0;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct iovec part = { &byte, 1 };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(&control.header), &out->fds[out->fds_sent], sizeof(int));
    if (sendmsg(client->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        return false;
    auto_fd_close(&out->fds[out->fds_sent]);
    out->fds_sent++;
    return true;
}

/* Writes the frame as far as possible; false with errno if the socket takes no more. */
static bool write_frame(Client *client, OutFrame *out)
{
    while (out->written < out->frame->len) {
        ssize_t sent = send(client->fd, out->frame->data + out->written, out->frame->len - out->written,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0)
            return false;
        out->written += (size_t)sent;
        client->output_bytes -= (size_t)sent;
    }
    while (out->fds_sent < out->n_fds) {
        if (!write_fd(client, out))
            return false;
    }
    return true;
}

void client_io_flush(Client *client)
{
    while (client_is_open(client) && !client->output_failed && !g_queue_is_empty(&client->output)) {
        OutFrame *out = g_queue_peek_head(&client->output);
        if (write_frame(client, out)) {
            out_frame_free(g_queue_pop_head(&client->output));
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN) {
            /* Not closed here: the caller may be in the middle of something with this client. */
            client->output_failed = true;
            client_close_soon(client, NULL);
        }
        break;
    }
    client_io_update(client);
}

void client_send(Client *client, GByteArray *frame, const int *fds, unsigned n_fds)
{
    if (!client_is_open(client) || client->output_failed) {
        g_byte_array_unref(frame);
        return;
    }
    OutFrame *out = g_new0(OutFrame, 1);
    out->frame = frame;
    out->fds = g_new(int, n_fds);
    for (unsigned i = 0; i < n_fds; i++) {
        int copy = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
        if (copy < 0) {
            out_frame_free(out);
            client->output_failed = true;
            client_close_soon(client, "out of descriptors for a reply");
            return;
        }
        out->fds[out->n_fds++] = copy;
    }
    client->output_bytes += frame->len;
    g_queue_push_tail(&client->output, out);
    if (client->output_bytes > OUTPUT_MAX) {
        client->output_failed = true;
        client_close_soon(client, "it does not read what it is sent");
    } else if (g_queue_get_length(&client->output) == 1) {
        client_io_flush(client);
    }
}

/* The source */

void client_io_update(Client *client)
{
    if (!client_is_open(client))
        return;
    GIOCondition wanted = client->input_paused ? 0 : G_IO_IN;
    if (!g_queue_is_empty(&client->output) && !client->output_failed)
        wanted |= G_IO_OUT;
    /* Only when it changes: each modification wakes the main loop once more for nothing. */
    if (wanted != client->events)
        g_source_modify_unix_fd(client->source, client->fd_tag, wanted);
    client->events = wanted;
}

typedef struct {
    GSource base;
    Client *client;
} ClientSource;

static gboolean on_socket(GSource *source, GSourceFunc callback, gpointer user_data)
{
    g_autoptr(Client) client = client_ref(((ClientSource *)source)->client);
    GIOCondition ready = g_source_query_unix_fd(source, client->fd_tag);
    if (ready & G_IO_OUT) {
        client_io_flush(client);
        if (client_is_open(client) && client->output_bytes < OUTPUT_DRAINED) {
            stream_drained(client);
            client->server->ops->drained(client);
        }
    }
    if (!client_is_open(client))
        return G_SOURCE_REMOVE;
    if (client->input_paused && (ready & (G_IO_HUP | G_IO_ERR)))
        client_close(client, NULL);
    else if (!client->input_paused && (ready & (G_IO_IN | G_IO_HUP | G_IO_ERR)))
        read_socket(client);
    return client_is_open(client) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

void client_io_start(Client *client)
{
    static GSourceFuncs functions = { .dispatch = on_socket };
    client->source = g_source_new(&functions, sizeof(ClientSource));
    ((ClientSource *)client->source)->client = client;
    g_source_set_static_name(client->source, "client");
    /* Nobody runs the loop inside of it; without this GLib takes the descriptor out and in around each dispatch, and
     * wakes itself by a system call for both. */
    g_source_set_can_recurse(client->source, TRUE);
    client->fd_tag = g_source_add_unix_fd(client->source, client->fd, G_IO_IN);
    client->events = G_IO_IN;
    g_source_attach(client->source, NULL);
}

void client_io_stop(Client *client)
{
    g_source_destroy(client->source);
    g_clear_pointer(&client->source, g_source_unref);
    auto_fd_close(&client->fd);
    drop_fds(client->input_fds, client->input_fds->len);
    g_byte_array_set_size(client->input, 0);
    g_queue_clear_full(&client->output, (GDestroyNotify)out_frame_free);
    client->output_bytes = 0;
}
