/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-console-session.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"
#include "vm/vm-console-log.h"
#include "vm/vm-console-watch.h"

#include <errno.h>
#include <glib-unix.h>
#include <sys/socket.h>

#define CHUNK          (64 << 10)
#define INPUT_LIMIT    (256 << 10) /* bytes for a guest that does not read, before its clients have to wait */
#define SHRINK_EVERY_S 1
#define GATHER_MS      4

struct ConsoleSession {
    char *name;
    GPtrArray *readers; /* of Reader * */
    bool ended;

    int log_fd; /* -1: none */
    bool shrink;
    FileWatch *watch;
    guint shrink_timer, gather_timer;

    int device_fd;               /* -1: nobody has it open */
    guint device_in, device_out; /* sources */
    GByteArray *input;           /* for the guest, not yet written */
    GByteArray *recent;          /* without a log: what was read last, for the next reader */
};

typedef struct {
    ConsoleSession *session;
    Stream *stream;
    off_t offset; /* in the log */
    bool waiting; /* the client is to take what was sent before it gets more */
    bool done;    /* it was told that nothing more comes */
} Reader;

static void update_watch(ConsoleSession *session);
static void update_device(ConsoleSession *session);

ConsoleSession *console_session_new(const char *name)
{
    ConsoleSession *session = g_new0(ConsoleSession, 1);
    session->name = g_strdup(name);
    session->readers = g_ptr_array_new();
    session->log_fd = -1;
    session->device_fd = -1;
    session->input = g_byte_array_new();
    session->recent = g_byte_array_new();
    return session;
}

bool console_session_has_log(const ConsoleSession *session)
{
    return session->log_fd >= 0;
}

bool console_session_has_readers(const ConsoleSession *session)
{
    return session->readers->len > 0;
}

static void close_device(ConsoleSession *session)
{
    g_clear_handle_id(&session->device_in, g_source_remove);
    g_clear_handle_id(&session->device_out, g_source_remove);
    auto_fd_close(&session->device_fd);
    g_byte_array_set_size(session->input, 0);
    for (guint i = 0; i < session->readers->len; i++)
        stream_resume(((Reader *)session->readers->pdata[i])->stream);
}

static void session_free(ConsoleSession *session)
{
    close_device(session);
    file_watch_remove(session->watch);
    g_clear_handle_id(&session->shrink_timer, g_source_remove);
    g_clear_handle_id(&session->gather_timer, g_source_remove);
    auto_fd_close(&session->log_fd);
    g_ptr_array_unref(session->readers);
    g_byte_array_unref(session->input);
    g_byte_array_unref(session->recent);
    g_free(session->name);
    g_free(session);
}

static void send_end(Reader *reader)
{
    reader->done = true;
    stream_send_end(reader->stream); /* the client then finishes the stream, which closes it */
}

/* Sends a reader what the log has for it, as far as its client keeps up. Whether there was anything. */
static bool pump(Reader *reader)
{
    const ConsoleSession *session = reader->session;
    char buffer[CHUNK];
    size_t length;
    bool sent = false;
    if (reader->waiting)
        return false;
    while (session->log_fd >= 0 &&
           (length = console_log_read(session->log_fd, &reader->offset, buffer, sizeof buffer))) {
        sent = true;
        if (!stream_send(reader->stream, buffer, length)) {
            reader->waiting = true;
            return true;
        }
    }
    if (session->ended)
        send_end(reader);
    return sent;
}

static bool pump_all(ConsoleSession *session)
{
    bool sent = false;
    for (guint i = 0; i < session->readers->len; i++)
        sent = pump(session->readers->pdata[i]) || sent;
    return sent;
}

/* The log */

static gboolean on_shrink_time(gpointer data)
{
    ConsoleSession *session = data;
    session->shrink_timer = 0;
    session->shrink = console_log_shrink(session->log_fd);
    update_watch(session);
    return G_SOURCE_REMOVE;
}

static void shrink_soon(ConsoleSession *session)
{
    if (session->shrink && !session->shrink_timer)
        session->shrink_timer = g_timeout_add_seconds(SHRINK_EVERY_S, on_shrink_time, session);
}

/* Throws away what QEMU writes to a device whose log is read instead. Whether there was anything. */
static bool drain_device(ConsoleSession *session)
{
    uint8_t buffer[CHUNK];
    bool any = false;
    while (session->device_fd >= 0) {
        ssize_t length = read(session->device_fd, buffer, sizeof buffer);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && errno == EAGAIN)
            break;
        if (length <= 0)
            close_device(session); /* the readers stay: the end of the guest is told separately */
        any = true;
    }
    return any;
}

static gboolean on_gather_time(gpointer data)
{
    ConsoleSession *session = data;
    bool more = pump_all(session);
    if (drain_device(session) || more) {
        shrink_soon(session);
        return G_SOURCE_CONTINUE;
    }
    session->gather_timer = 0;
    update_watch(session);
    update_device(session);
    pump_all(session); /* what came before the watch */
    return G_SOURCE_REMOVE;
}

/*
 * The first output is sent at once. QEMU writes a UART's bytes one by one, so while more keeps coming it is gathered
 * for a few ms instead of waking up for each.
 */
static void gather(ConsoleSession *session)
{
    if (!session->gather_timer)
        session->gather_timer = g_timeout_add(GATHER_MS, on_gather_time, session);
    update_watch(session);
    update_device(session);
}

static void on_log_grown(gpointer data)
{
    ConsoleSession *session = data;
    shrink_soon(session);
    pump_all(session);
    if (session->readers->len > 0)
        gather(session);
    else
        update_watch(session);
}

/* Without readers the file is looked at once a second at most, and not at all while the guest is silent. */
static void update_watch(ConsoleSession *session)
{
    g_autoptr(GError) error = NULL;
    bool wanted = session->log_fd >= 0 && !session->ended && !session->gather_timer &&
                  (session->readers->len > 0 || (session->shrink && !session->shrink_timer));
    if (wanted && !session->watch) {
        session->watch = file_watch_add(session->log_fd, on_log_grown, session, &error);
        if (!session->watch)
            log_error("%s: %s", session->name, error->message);
    } else if (!wanted) {
        file_watch_remove(g_steal_pointer(&session->watch));
    }
}

void console_session_set_log(ConsoleSession *session, int fd, bool shrink)
{
    file_watch_remove(g_steal_pointer(&session->watch));
    auto_fd_close(&session->log_fd);
    session->log_fd = fd;
    session->shrink = shrink;
    update_watch(session);
}

/* The device */

static void hand_out(ConsoleSession *session, const uint8_t *data, size_t length)
{
    g_byte_array_append(session->recent, data, (guint)length);
    if (session->recent->len > CONSOLE_LOG_REPLAY)
        g_byte_array_remove_range(session->recent, 0, session->recent->len - CONSOLE_LOG_REPLAY);
    for (guint i = 0; i < session->readers->len; i++) {
        Reader *reader = session->readers->pdata[i];
        if (!reader->done && !stream_send(reader->stream, data, length))
            reader->waiting = true;
    }
}

static gboolean on_device_readable(gint fd, GIOCondition condition, gpointer data)
{
    ConsoleSession *session = data;
    uint8_t buffer[CHUNK];
    if (session->log_fd >= 0) {
        drain_device(session);
        gather(session);
        return G_SOURCE_CONTINUE;
    }
    ssize_t length = read(fd, buffer, sizeof buffer);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    if (length <= 0) {
        /* QEMU has closed its side. */
        close_device(session);
        for (guint i = 0; i < session->readers->len; i++)
            send_end(session->readers->pdata[i]);
        return G_SOURCE_CONTINUE; /* the source is gone already */
    }
    hand_out(session, buffer, (size_t)length);
    update_device(session);
    return G_SOURCE_CONTINUE;
}

static gboolean on_device_writable(gint fd, GIOCondition condition, gpointer data)
{
    ConsoleSession *session = data;
    GByteArray *input = session->input;
    while (input->len > 0) {
        ssize_t length = send(fd, input->data, input->len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (length < 0 && errno == ENOTSOCK)
            length = write(fd, input->data, input->len);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && errno != EAGAIN)
            g_byte_array_set_size(input, 0); /* QEMU has closed its side: reading tells it, too */
        if (length < 0)
            break;
        g_byte_array_remove_range(input, 0, (guint)length);
    }
    for (guint i = 0; input->len < INPUT_LIMIT / 2 && i < session->readers->len; i++)
        stream_resume(((Reader *)session->readers->pdata[i])->stream);
    update_device(session);
    return G_SOURCE_CONTINUE;
}

/* Which of reading and writing the device is to be waited for. */
static void update_device(ConsoleSession *session)
{
    bool reads = session->device_fd >= 0;
    bool writes = reads && session->input->len > 0;
    if (session->gather_timer && session->log_fd >= 0)
        reads = false;
    for (guint i = 0; session->log_fd < 0 && i < session->readers->len; i++)
        reads = reads && !((Reader *)session->readers->pdata[i])->waiting;
    if (reads && !session->device_in)
        session->device_in =
            g_unix_fd_add(session->device_fd, G_IO_IN | G_IO_HUP | G_IO_ERR, on_device_readable, session);
    else if (!reads)
        g_clear_handle_id(&session->device_in, g_source_remove);
    if (writes && !session->device_out)
        session->device_out = g_unix_fd_add(session->device_fd, G_IO_OUT, on_device_writable, session);
    else if (!writes)
        g_clear_handle_id(&session->device_out, g_source_remove);
}

/* Streams */

static void on_received(Stream *stream, const uint8_t *data, size_t length, gpointer user)
{
    ConsoleSession *session = ((Reader *)user)->session;
    if (session->device_fd < 0)
        return; /* the guest is ending: as a cable that was pulled */
    g_byte_array_append(session->input, data, (guint)length);
    if (session->input->len > INPUT_LIMIT)
        stream_pause(stream);
    on_device_writable(session->device_fd, G_IO_OUT, session);
}

static void on_may_send(Stream *stream, gpointer user)
{
    Reader *reader = user;
    reader->waiting = false;
    pump(reader);
    update_device(reader->session);
}

static void on_closed(Stream *stream, bool aborted, gpointer user)
{
    Reader *reader = user;
    ConsoleSession *session = reader->session;
    g_ptr_array_remove(session->readers, reader);
    stream_unref(reader->stream);
    g_free(reader);
    if (session->readers->len == 0) {
        close_device(session);
        g_byte_array_set_size(session->recent, 0);
    }
    update_watch(session);
    update_device(session);
    if (session->ended && session->readers->len == 0)
        session_free(session);
}

static const StreamCallbacks stream_callbacks = {
    .received = on_received,
    .may_send = on_may_send,
    .closed = on_closed,
};

static void disconnect_all(ConsoleSession *session)
{
    g_autoptr(GError) error = NULL;
    error_set(&error, VIR_ERR_OPERATION_ABORTED, "%s was taken over by another client with --force", session->name);
    while (session->readers->len > 0)
        stream_abort(((Reader *)session->readers->pdata[0])->stream, error);
}

void console_session_attach(ConsoleSession *session, Stream *stream, int device_fd, bool force)
{
    if (force)
        disconnect_all(session);
    if (session->device_fd < 0)
        session->device_fd = device_fd;
    else if (device_fd >= 0)
        close(device_fd);
    Reader *reader = g_new0(Reader, 1);
    reader->session = session;
    reader->stream = stream_ref(stream);
    g_ptr_array_add(session->readers, reader);
    if (session->log_fd >= 0)
        reader->offset = console_log_replay_start(session->log_fd, CONSOLE_LOG_REPLAY);
    else if (!stream_send(stream, session->recent->data, session->recent->len))
        reader->waiting = true;
    stream_attach(stream, &stream_callbacks, reader);
    if (!g_ptr_array_find(session->readers, reader, NULL))
        return; /* its client was gone, and with it perhaps the device */
    update_watch(session);
    pump(reader);
    update_device(session);
}

/* What QEMU left in a socket when it ended. */
static void read_last_words(ConsoleSession *session)
{
    uint8_t buffer[CHUNK];
    ssize_t length;
    if (session->log_fd >= 0 || session->device_fd < 0)
        return;
    while ((length = read(session->device_fd, buffer, sizeof buffer)) > 0)
        hand_out(session, buffer, (size_t)length); /* no more than a socket's buffer */
}

void console_session_end(ConsoleSession *session)
{
    session->ended = true;
    read_last_words(session);
    close_device(session);
    update_watch(session);
    g_clear_handle_id(&session->shrink_timer, g_source_remove);
    g_clear_handle_id(&session->gather_timer, g_source_remove);
    if (session->readers->len == 0) {
        session_free(session);
        return;
    }
    pump_all(session); /* asks the clients to finish; none does so inside */
}
