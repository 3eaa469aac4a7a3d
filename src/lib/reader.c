/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/reader.h"

#include "base/error.h"
#include "lib/i18n.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEEPALIVE_PING 1
#define KEEPALIVE_PONG 2

/* Bytes read from the socket but not used yet; many small messages cost one read. */
typedef struct {
    LodgeConnection *connection;
    uint8_t buffer[64 * 1024];
    size_t start, end;
    int fds[MESSAGE_FDS_MAX]; /* received with those bytes, in order */
    unsigned n_fds;
} Reader;

void pending_call_clear(PendingCall *pending)
{
    g_clear_pointer(&pending->payload, g_byte_array_unref);
    g_clear_error(&pending->error);
    for (unsigned i = 0; i < pending->n_fds; i++)
        if (pending->fds[i] >= 0)
            close(pending->fds[i]);
    pending->n_fds = 0;
}

void reader_wake(LodgeConnection *connection)
{
    uint64_t one = 1;
    /* Fails only when the counter is full, and then the reader is awake already. */
    ssize_t written = write(connection->wake_fd, &one, sizeof one);
    (void)written;
}

static bool send_keepalive(LodgeConnection *connection, uint32_t procedure, GError **error)
{
    Header header = { 0, PROGRAM_KEEPALIVE, 1, procedure, MESSAGE_EVENT, 0, STATUS_OK };
    return connection_send(connection, &header, NULL, 0, NULL, 0, error);
}

/* How long to wait for the socket: without end, or until the next keepalive question is due. */
static int keepalive_timeout(LodgeConnection *connection)
{
    g_mutex_lock(&connection->lock);
    unsigned interval = connection->keepalive_interval;
    g_mutex_unlock(&connection->lock);
    return interval ? (int)MIN(interval, 86400u) * 1000 : -1;
}

static bool keepalive_due(LodgeConnection *connection, GError **error)
{
    g_mutex_lock(&connection->lock);
    unsigned unanswered = connection->keepalive_unanswered++;
    unsigned interval = connection->keepalive_interval, count = connection->keepalive_count;
    g_mutex_unlock(&connection->lock);
    if (!interval)
        return true;
    if (unanswered >= count)
        return error_set(error, VIR_ERR_OPERATION_TIMEOUT, _("the daemon gave no sign of life for %u seconds"),
                         interval * (count + 1));
    return send_keepalive(connection, KEEPALIVE_PING, error);
}

/* A stream whose reader is slow stops the socket, unless a call waits for a reply that may stand behind its data. */
static bool must_pause(LodgeConnection *connection)
{
    bool full = false;
    GHashTableIter iterator;
    gpointer stream;
    g_mutex_lock(&connection->lock);
    if (!g_hash_table_size(connection->pending)) {
        g_hash_table_iter_init(&iterator, connection->streams);
        while (g_hash_table_iter_next(&iterator, NULL, &stream))
            full |= stream_is_full(stream);
    }
    g_mutex_unlock(&connection->lock);
    return full;
}

static bool wait_readable(Reader *reader, GError **error)
{
    LodgeConnection *connection = reader->connection;
    for (;;) {
        struct pollfd polls[] = {
            { .fd = connection->wake_fd, .events = POLLIN },
            { .fd = connection->channel.fd, .events = must_pause(connection) ? POLLRDHUP : POLLIN },
        };
        int ready = poll(polls, 2, keepalive_timeout(connection));
        if (ready < 0 && errno != EINTR)
            return error_set_errno(error, errno, _("wait for the daemon"));
        if (polls[0].revents) {
            uint64_t count;
            ssize_t taken = read(connection->wake_fd, &count, sizeof count);
            (void)taken;
        }
        if (ready == 0 && !keepalive_due(connection, error))
            return false;
        if (ready > 0 && polls[1].revents)
            return true;
    }
}

/* Keeps the descriptors that came with the bytes just read; those beyond the protocol's limit are closed. */
static void keep_fds(Reader *reader, struct msghdr *message)
{
    for (struct cmsghdr *head = CMSG_FIRSTHDR(message); head; head = CMSG_NXTHDR(message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS)
            continue;
        size_t count = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
            if (reader->n_fds < G_N_ELEMENTS(reader->fds))
                reader->fds[reader->n_fds++] = fd;
            else
                close(fd);
        }
    }
}

static bool fill(Reader *reader, GError **error)
{
    char control[CMSG_SPACE(MESSAGE_FDS_MAX * sizeof(int))];
    if (reader->start == reader->end)
        reader->start = reader->end = 0;
    struct iovec vector = { reader->buffer + reader->end, sizeof reader->buffer - reader->end };
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    if (!wait_readable(reader, error))
        return false;
    ssize_t got = recvmsg(reader->connection->channel.fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return true;
    if (got < 0)
        return error_set_errno(error, errno, _("read from the daemon"));
    if (got == 0)
        return error_set(error, VIR_ERR_RPC, _("the daemon has closed the connection"));
    keep_fds(reader, &message);
    reader->end += (size_t)got;
    g_mutex_lock(&reader->connection->lock);
    reader->connection->keepalive_unanswered = 0;
    g_mutex_unlock(&reader->connection->lock);
    return true;
}

static bool read_exactly(Reader *reader, uint8_t *out, size_t size, GError **error)
{
    while (size) {
        size_t there = MIN(reader->end - reader->start, size);
        memcpy(out, reader->buffer + reader->start, there);
        reader->start += there;
        out += there;
        size -= there;
        if (size && reader->start < reader->end)
            continue;
        if (size && !fill(reader, error))
            return false;
    }
    return true;
}

static bool read_header(Reader *reader, Header *ret_header, GError **error)
{
    uint8_t bytes[HEADER_SIZE];
    uint32_t words[HEADER_SIZE / 4];
    if (!read_exactly(reader, bytes, sizeof bytes, error))
        return false;
    memcpy(words, bytes, sizeof words);
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        words[i] = GUINT32_FROM_BE(words[i]);
    *ret_header = (Header){ words[0], words[1], words[2], words[3], words[4], words[5], words[6] };
    if (ret_header->length < HEADER_SIZE || ret_header->length > MESSAGE_MAX)
        return error_set(error, VIR_ERR_RPC, _("the daemon sent a message of %u bytes"), ret_header->length);
    return true;
}

/* One descriptor behind a message: its dummy byte, with which fill() has received it. */
static bool read_fd(Reader *reader, int *ret_fd, GError **error)
{
    uint8_t dummy;
    if (!read_exactly(reader, &dummy, sizeof dummy, error))
        return false;
    if (!reader->n_fds)
        return error_set(error, VIR_ERR_RPC, _("the daemon announced a descriptor and did not send it"));
    *ret_fd = reader->fds[0];
    memmove(reader->fds, reader->fds + 1, --reader->n_fds * sizeof reader->fds[0]);
    return true;
}

static bool read_fds(Reader *reader, GByteArray *payload, PendingCall *ret_fds, GError **error)
{
    uint32_t count;
    if (payload->len < sizeof count)
        return error_set(error, VIR_ERR_RPC, _("the daemon sent a reply without its count of descriptors"));
    memcpy(&count, payload->data, sizeof count);
    count = GUINT32_FROM_BE(count);
    if (count > MESSAGE_FDS_MAX)
        return error_set(error, VIR_ERR_RPC, _("the daemon announced %u descriptors"), count);
    g_byte_array_remove_range(payload, 0, sizeof count);
    for (uint32_t i = 0; i < count; i++) {
        if (!read_fd(reader, &ret_fds->fds[i], error))
            return false;
        ret_fds->n_fds = i + 1;
    }
    return true;
}

/* With the lock held. */
static void deliver_reply(LodgeConnection *connection, const Header *header, GByteArray *payload, PendingCall *fds)
{
    PendingCall *pending = g_hash_table_lookup(connection->pending, GUINT_TO_POINTER(header->serial));
    if (!pending || pending->done) {
        pending_call_clear(fds);
        return;
    }
    pending->done = true;
    memcpy(pending->fds, fds->fds, sizeof fds->fds);
    pending->n_fds = fds->n_fds;
    if (header->status == STATUS_OK)
        pending->payload = g_byte_array_ref(payload);
    else
        pending->error = connection_decode_error(payload->data, payload->len);
    g_cond_broadcast(&connection->changed);
}

static bool deliver(LodgeConnection *connection, const Header *header, GByteArray *payload, PendingCall *fds,
                    GError **error)
{
    if (header->program == PROGRAM_KEEPALIVE) {
        bool ping = header->procedure == KEEPALIVE_PING;
        return !ping || send_keepalive(connection, KEEPALIVE_PONG, error);
    }
    g_mutex_lock(&connection->lock);
    LodgeStream *stream = g_hash_table_lookup(connection->streams, GUINT_TO_POINTER(header->serial));
    switch (header->type) {
    case MESSAGE_REPLY:
    case MESSAGE_REPLY_FDS: deliver_reply(connection, header, payload, fds); break;
    case MESSAGE_STREAM:
    case MESSAGE_HOLE:
        /* A packet of a stream that this side has ended already is not an error. */
        if (stream)
            stream_packet(stream, header, payload->data, payload->len);
        break;
    case MESSAGE_EVENT:
        events_push(connection, procedure_find(header->program, header->procedure), payload->data, payload->len);
        break;
    default: break;
    }
    g_mutex_unlock(&connection->lock);
    return true;
}

static bool read_message(Reader *reader, GError **error)
{
    Header header;
    PendingCall fds = { 0 };
    if (!read_header(reader, &header, error))
        return false;
    g_autoptr(GByteArray) payload = g_byte_array_new();
    g_byte_array_set_size(payload, header.length - HEADER_SIZE);
    if (!read_exactly(reader, payload->data, payload->len, error))
        return false;
    if (header.type == MESSAGE_REPLY_FDS && !read_fds(reader, payload, &fds, error)) {
        pending_call_clear(&fds);
        return false;
    }
    return deliver(reader->connection, &header, payload, &fds, error);
}

gpointer reader_run(gpointer data)
{
    LodgeConnection *connection = data;
    g_autofree Reader *reader = g_new0(Reader, 1);
    GError *error = NULL;
    GHashTableIter iterator;
    gpointer stream;
    reader->connection = connection;
    while (read_message(reader, &error))
        continue;
    g_mutex_lock(&connection->lock);
    if (!connection->broken)
        connection->broken = g_steal_pointer(&error);
    g_hash_table_iter_init(&iterator, connection->streams);
    while (g_hash_table_iter_next(&iterator, NULL, &stream))
        stream_broken(stream);
    events_wake(connection);
    g_cond_broadcast(&connection->changed);
    g_mutex_unlock(&connection->lock);
    g_clear_error(&error);
    for (unsigned i = 0; i < reader->n_fds; i++)
        close(reader->fds[i]);
    return NULL;
}
