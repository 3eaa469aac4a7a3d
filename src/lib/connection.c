/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/connection.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "lib/i18n.h"
#include "lib/reader.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define AUTH_NONE         0
#define AUTH_POLKIT       2
#define KEEPALIVE_FEATURE 10

static void put_header(uint8_t *out, const Header *header)
{
    const uint32_t words[] = { header->length, header->program, header->version, header->procedure,
                               header->type,   header->serial,  header->status };
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        uint32_t word = GUINT32_TO_BE(words[i]);
        memcpy(out + 4 * i, &word, sizeof word);
    }
}

static bool write_all(int fd, const void *data, size_t size)
{
    const uint8_t *at = data;
    while (size) {
        ssize_t written = send(fd, at, size, MSG_NOSIGNAL);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

/* One descriptor behind the message, with its dummy byte. */
static bool write_fd(int socket_fd, int fd)
{
    char dummy = 0;
    char control[CMSG_SPACE(sizeof fd)] = { 0 };
    struct iovec vector = { &dummy, 1 };
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
    ssize_t sent;
    do
        sent = sendmsg(socket_fd, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent == 1;
}

bool connection_send(LodgeConnection *connection, Header *header, const void *payload, size_t size, const int *fds,
                     unsigned n_fds, GError **error)
{
    if (n_fds > MESSAGE_FDS_MAX || (n_fds && !connection->channel.passes_fds))
        return error_set(error, VIR_ERR_ARGUMENT_UNSUPPORTED,
                         n_fds > MESSAGE_FDS_MAX ? _("more than 32 descriptors cannot be passed in one call")
                                                 : _("descriptors can be passed over a unix socket only"));
    header->length = (uint32_t)(HEADER_SIZE + size);
    if (size > MESSAGE_MAX - HEADER_SIZE)
        return error_set(error, VIR_ERR_RPC, _("a message of %zu bytes is larger than the protocol's 32 MiB"), size);
    g_autofree uint8_t *message = g_malloc(header->length);
    put_header(message, header);
    if (size)
        memcpy(message + HEADER_SIZE, payload, size);
    g_mutex_lock(&connection->send_lock);
    bool sent = write_all(connection->channel.fd, message, header->length);
    for (unsigned i = 0; sent && i < n_fds; i++)
        sent = write_fd(connection->channel.fd, fds[i]);
    int saved_errno = errno;
    g_mutex_unlock(&connection->send_lock);
    if (!sent)
        return error_set_errno(error, saved_errno, _("send to the daemon"));
    return true;
}

bool connection_set_broken(LodgeConnection *connection, GError **error)
{
    g_propagate_error(error, g_error_copy(connection->broken));
    return false;
}

GError *connection_decode_error(const uint8_t *payload, size_t size)
{
    WireError remote = { 0 };
    GError *error = NULL;
    if (!xdr_decode(&xdr_WireError, payload, size, &remote, &error))
        return error;
    error =
        g_error_new_literal(LODGE_ERROR, remote.code, remote.message ? remote.message : "unknown error of the daemon");
    xdr_clear(&xdr_WireError, &remote);
    return error;
}

/* Waits for the reply to @pending, which the reader fills in. With the lock held. */
static bool await_reply(LodgeConnection *connection, PendingCall *pending, GError **error)
{
    while (!pending->done && !connection->broken)
        g_cond_wait(&connection->changed, &connection->lock);
    g_hash_table_remove(connection->pending, GUINT_TO_POINTER(pending->serial));
    if (!pending->done)
        return connection_set_broken(connection, error);
    if (pending->error) {
        g_propagate_error(error, g_steal_pointer(&pending->error));
        return false;
    }
    return true;
}

static bool take_result(const Procedure *row, PendingCall *pending, void *ret, const CallExtra *extra, GError **error)
{
    g_autofree void *scratch = row->ret ? g_malloc0(row->ret->size) : NULL;
    if (!xdr_decode(row->ret, pending->payload ? pending->payload->data : NULL,
                    pending->payload ? pending->payload->len : 0, scratch, error))
        return false;
    if (extra && extra->ret_fd) {
        if (!pending->n_fds) {
            xdr_clear(row->ret, scratch);
            return error_set(error, VIR_ERR_RPC, _("the daemon sent no descriptor with its reply"));
        }
        *extra->ret_fd = fd_steal(&pending->fds[0]);
    }
    if (ret)
        memcpy(ret, scratch, row->ret->size);
    else
        xdr_clear(row->ret, scratch);
    return true;
}

static void begin_call(LodgeConnection *connection, PendingCall *pending, const Procedure *row, const CallExtra *extra)
{
    pending->serial = ++connection->last_serial;
    if (!pending->serial)
        pending->serial = ++connection->last_serial;
    g_hash_table_insert(connection->pending, GUINT_TO_POINTER(pending->serial), pending);
    if (extra && extra->ret_stream) {
        /* Known before the call is sent: its first packet can follow the reply closely. */
        pending->stream = stream_new(connection, row, pending->serial);
        g_hash_table_insert(connection->streams, GUINT_TO_POINTER(pending->serial), pending->stream);
    }
}

bool connection_call(LodgeConnection *connection, ProcedureId id, const void *args, void *ret, const CallExtra *extra,
                     GError **error)
{
    const Procedure *row = &procedure_rows[id];
    g_autoptr(GByteArray) payload = g_byte_array_new();
    unsigned n_fds = extra ? extra->n_fds : 0;
    PendingCall pending = { 0 };
    if (extra && extra->fds) {
        uint32_t count = GUINT32_TO_BE(n_fds);
        g_byte_array_append(payload, (const uint8_t *)&count, sizeof count);
    }
    if (!xdr_encode(row->args, args, payload, error))
        return false;
    g_mutex_lock(&connection->lock);
    if (connection->broken) {
        connection_set_broken(connection, error);
        g_mutex_unlock(&connection->lock);
        return false;
    }
    begin_call(connection, &pending, row, extra);
    g_mutex_unlock(&connection->lock);

    Header header = {
        0,        row->program, 1, row->number, extra && extra->fds ? MESSAGE_CALL_FDS : MESSAGE_CALL, pending.serial,
        STATUS_OK
    };
    bool ok =
        connection_send(connection, &header, payload->data, payload->len, extra ? extra->fds : NULL, n_fds, error);
    g_mutex_lock(&connection->lock);
    if (ok)
        ok = await_reply(connection, &pending, error);
    else
        g_hash_table_remove(connection->pending, GUINT_TO_POINTER(pending.serial));
    g_mutex_unlock(&connection->lock);
    if (ok)
        ok = take_result(row, &pending, ret, extra, error);
    pending_call_clear(&pending);
    if (ok && pending.stream)
        *extra->ret_stream = pending.stream;
    else if (pending.stream)
        stream_discard(pending.stream);
    return ok;
}

static bool authenticate(LodgeConnection *connection, GError **error)
{
    AuthListRet offered = { 0 };
    if (!connection_call(connection, PROC_AUTH_LIST, NULL, &offered, NULL, error))
        return false;
    bool none = !offered.n_types, polkit = false;
    for (uint32_t i = 0; i < offered.n_types; i++) {
        none |= offered.types[i] == AUTH_NONE;
        polkit |= offered.types[i] == AUTH_POLKIT;
    }
    xdr_clear(&xdr_AuthListRet, &offered);
    if (none)
        return true;
    if (!polkit)
        return error_set(error, VIR_ERR_AUTH_UNAVAILABLE,
                         _("the daemon of '%s' wants a password (SASL), which this client does not have; use qemu+ssh"),
                         connection->uri->text);
    return connection_call(connection, PROC_AUTH_POLKIT, NULL, NULL, NULL, error);
}

static bool greet(LodgeConnection *connection, LodgeOpenFlags flags, GError **error)
{
    ConnectOpenArgs args = { .name = connection->uri->name, .flags = flags };
    return authenticate(connection, error) && connection_call(connection, PROC_CONNECT_OPEN, &args, NULL, NULL, error);
}

bool lodge_uri_resolve(const char *text, LodgeOpenFlags flags, char **ret_path, bool *ret_session, GError **error)
{
    g_autoptr(Uri) uri = uri_parse(text, error);
    if (!uri)
        return false;
    *ret_path = uri->transport == TRANSPORT_UNIX ? uri_socket_path(uri, flags & LODGE_OPEN_READ_ONLY) : NULL;
    *ret_session = uri->session;
    return true;
}

LodgeConnection *lodge_connection_open(const char *uri, LodgeOpenFlags flags, GError **error)
{
    g_autoptr(Uri) parsed = uri_parse(uri, error);
    Channel channel;
    if (!parsed || !transport_open(parsed, flags & LODGE_OPEN_READ_ONLY, &channel, error))
        return NULL;
    LodgeConnection *connection = g_new0(LodgeConnection, 1);
    g_atomic_ref_count_init(&connection->references);
    connection->uri = g_steal_pointer(&parsed);
    connection->channel = channel;
    connection->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    connection->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_mutex_init(&connection->watch_lock);
    connection->watches = watches_new();
    connection->pending = g_hash_table_new(NULL, NULL);
    connection->streams = g_hash_table_new(NULL, NULL);
    g_mutex_init(&connection->send_lock);
    g_mutex_init(&connection->lock);
    g_cond_init(&connection->changed);
    g_queue_init(&connection->events);
    connection->reader = g_thread_new("lodge-reader", reader_run, connection);
    if (!greet(connection, flags, error)) {
        if (connection->channel.child)
            g_prefix_error(error, "connect to '%s': ", connection->uri->text);
        lodge_connection_unref(connection);
        return NULL;
    }
    return connection;
}

LodgeConnection *lodge_connection_ref(LodgeConnection *connection)
{
    g_atomic_ref_count_inc(&connection->references);
    return connection;
}

void lodge_connection_close(LodgeConnection *connection)
{
    /* The socket's end says it all; a goodbye would have to wait for a daemon that may not answer. */
    g_mutex_lock(&connection->lock);
    if (!connection->broken)
        connection->broken = g_error_new_literal(LODGE_ERROR, VIR_ERR_INVALID_CONN, "the connection has been closed");
    g_cond_broadcast(&connection->changed);
    g_mutex_unlock(&connection->lock);
    shutdown(connection->channel.fd, SHUT_RDWR);
}

void lodge_connection_unref(LodgeConnection *connection)
{
    if (!connection || !g_atomic_ref_count_dec(&connection->references))
        return;
    lodge_connection_close(connection);
    g_thread_join(connection->reader);
    transport_close(&connection->channel);
    events_free(connection);
    g_hash_table_unref(connection->pending);
    g_hash_table_unref(connection->streams);
    g_clear_error(&connection->broken);
    g_mutex_clear(&connection->lock);
    g_mutex_clear(&connection->send_lock);
    g_cond_clear(&connection->changed);
    g_mutex_clear(&connection->watch_lock);
    close(connection->event_fd);
    close(connection->wake_fd);
    uri_free(connection->uri);
    g_free(connection);
}

bool lodge_connection_is_open(LodgeConnection *connection)
{
    g_mutex_lock(&connection->lock);
    bool up = !connection->broken;
    g_mutex_unlock(&connection->lock);
    return up;
}

const char *lodge_connection_get_uri(LodgeConnection *connection)
{
    return connection->uri->text;
}

bool lodge_connection_set_keepalive(LodgeConnection *connection, unsigned interval, unsigned count, GError **error)
{
    ConnectSupportsFeatureArgs args = { .feature = KEEPALIVE_FEATURE };
    ConnectSupportsFeatureRet answer = { 0 };
    if (!connection_call(connection, PROC_CONNECT_SUPPORTS_FEATURE, &args, &answer, NULL, error))
        return false;
    if (!answer.supported)
        return error_set(error, VIR_ERR_NO_SUPPORT, _("the daemon does not answer keepalive messages"));
    g_mutex_lock(&connection->lock);
    connection->keepalive_interval = interval;
    connection->keepalive_count = count;
    connection->keepalive_unanswered = 0;
    g_mutex_unlock(&connection->lock);
    reader_wake(connection);
    return true;
}

unsigned lodge_version(void)
{
    return LODGE_VERSION_NUMBER;
}
