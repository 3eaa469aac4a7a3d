/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qmp.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "qemu/qemu-explain.h"
#include "qemu/qmp-lines.h"
#include "qemu/qmp-object.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>

#define READ_CHUNK  16384
#define READ_ROUNDS 16 /* chunks read in one turn of the main loop, so that one guest cannot hold up the others */

typedef struct {
    char *text;
    size_t length, sent;
    int fd; /* to pass with the first byte; -1: none; owned */
} QmpOutput;

struct QmpPending {
    Qmp *qmp; /* a reference */
    char *command;
    guint64 id;
    JsonObject *reply; /* guarded by qmp->lock; NULL until it has come */
};

struct Qmp {
    gatomicrefcount refs;
    char *name;
    QmpCallbacks callbacks;
    GSource *source; /* attached until the connection has closed */
    gpointer fd_tag;
    bool waits_for_out; /* the source waits until the socket takes more */ /* of the socket in @source */
    QmpLines *lines;                                                       /* main loop only */
    GMutex lock;                                                           /* guards all below */
    GCond changed;                  /* a reply, the greeting or the end has come */
    int fd;                         /* -1 once closed */
    char *why_closed;               /* set: no more commands */
    GHashTable *calls;              /* &pending->id → QmpPending *, borrowed from who waits */
    GQueue outputs;                 /* of QmpOutput * that did not fit into the socket */
    guint64 last_id, last_answered; /* QEMU answers in order */
    gint64 silent_since;            /* monotonic, µs; while last_answered is behind last_id */
    unsigned version;
    bool greeted;
};

typedef struct {
    GSource base;
    Qmp *qmp;
} QmpSource;

typedef struct {
    const char *class_name;
    int code;
} QmpErrorRow;

static const QmpErrorRow error_rows[];

static void output_free(QmpOutput *output)
{
    auto_fd_close(&output->fd);
    g_free(output->text);
    g_free(output);
}

Qmp *qmp_ref(Qmp *qmp)
{
    g_atomic_ref_count_inc(&qmp->refs);
    return qmp;
}

void qmp_unref(Qmp *qmp)
{
    if (!qmp || !g_atomic_ref_count_dec(&qmp->refs))
        return;
    g_assert(qmp->fd < 0 && g_hash_table_size(qmp->calls) == 0);
    g_queue_clear_full(&qmp->outputs, (GDestroyNotify)output_free);
    g_hash_table_unref(qmp->calls);
    qmp_lines_free(qmp->lines);
    g_mutex_clear(&qmp->lock);
    g_cond_clear(&qmp->changed);
    g_free(qmp->why_closed);
    g_free(qmp->name);
    g_free(qmp);
}

/* Fails all calls and shuts the socket down; the main loop sees that and does the rest. The first reason stays. */
static void shut_locked(Qmp *qmp, const char *why)
{
    if (qmp->why_closed)
        return;
    qmp->why_closed = g_strdup(why);
    if (qmp->fd >= 0)
        shutdown(qmp->fd, SHUT_RDWR);
    g_cond_broadcast(&qmp->changed);
}

static bool send_some(int fd, QmpOutput *output)
{
    struct iovec part = { output->text + output->sent, output->length - output->sent };
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
    if (output->fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        *header = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
        memcpy(CMSG_DATA(header), &output->fd, sizeof(int));
    }
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return false;
    output->sent += (size_t)sent;
    auto_fd_close(&output->fd);
    return true;
}

/* Sends what the socket takes; what is left waits for the main loop. */
static void flush_locked(Qmp *qmp)
{
    QmpOutput *output;
    while (!qmp->why_closed && (output = g_queue_peek_head(&qmp->outputs))) {
        if (!send_some(qmp->fd, output) && errno != EINTR) {
            if (errno != EAGAIN)
                shut_locked(qmp, g_strerror(errno));
            break;
        }
        if (output->sent == output->length)
            output_free(g_queue_pop_head(&qmp->outputs));
    }
    bool wants_out = !g_queue_is_empty(&qmp->outputs);
    if (qmp->fd >= 0 && wants_out != qmp->waits_for_out)
        g_source_modify_unix_fd(qmp->source, qmp->fd_tag, G_IO_IN | (wants_out ? (GIOCondition)G_IO_OUT : 0));
    qmp->waits_for_out = wants_out;
}

static void take_greeting(Qmp *qmp, JsonObject *greeting)
{
    JsonObject *version = qmp_get_object(qmp_get_object(greeting, "version"), "qemu");
    g_mutex_lock(&qmp->lock);
    qmp->version = (unsigned)(qmp_get_int(version, "major", 0) * 1000000 + qmp_get_int(version, "minor", 0) * 1000 +
                              qmp_get_int(version, "micro", 0));
    qmp->greeted = true;
    g_cond_broadcast(&qmp->changed);
    g_mutex_unlock(&qmp->lock);
}

/* Takes @object over: the thread that waits for it must hold its only reference. */
static void take_reply(Qmp *qmp, JsonObject *object)
{
    g_autoptr(JsonObject) reply = object;
    guint64 id = (guint64)qmp_get_int(object, "id", 0);
    g_mutex_lock(&qmp->lock);
    QmpPending *pending = g_hash_table_lookup(qmp->calls, &id);
    qmp->last_answered = MAX(qmp->last_answered, id);
    qmp->silent_since = g_get_monotonic_time();
    /* No pending: who asked has given up. */
    if (pending) {
        pending->reply = g_steal_pointer(&reply);
        g_hash_table_remove(qmp->calls, &id);
        g_cond_broadcast(&qmp->changed);
    }
    g_mutex_unlock(&qmp->lock);
}

static void take_event(Qmp *qmp, JsonObject *object, const char *name)
{
    JsonObject *when = qmp_get_object(object, "timestamp");
    gint64 when_us = qmp_get_int(when, "seconds", 0) * G_USEC_PER_SEC + qmp_get_int(when, "microseconds", 0);
    JsonObject *data = qmp_get_object(object, "data");
    g_autoptr(JsonObject) empty = data ? NULL : json_object_new();
    if (qmp->callbacks.event)
        qmp->callbacks.event(name, data ? data : empty, when_us, qmp->callbacks.user_data);
}

/* Takes over what @object points to. */
static void take_object(Qmp *qmp, JsonObject *taken)
{
    g_autoptr(JsonObject) object = taken;
    const char *event = qmp_get_string(object, "event");
    if (event)
        take_event(qmp, object, event);
    else if (json_object_has_member(object, "QMP"))
        take_greeting(qmp, qmp_get_object(object, "QMP"));
    else
        take_reply(qmp, g_steal_pointer(&object));
}

/* Reads what is there. False, with the reason, when the connection is at its end. */
static bool read_some(Qmp *qmp, GError **error)
{
    for (unsigned round = 0; round < READ_ROUNDS; round++) {
        char *room = qmp_lines_room(qmp->lines, READ_CHUNK);
        ssize_t length = recv(qmp->fd, room, READ_CHUNK, MSG_DONTWAIT);
        if (length == 0)
            return error_set(error, VIR_ERR_OPERATION_FAILED, "QEMU closed it");
        if (length < 0 && (errno == EAGAIN || errno == EINTR))
            return true;
        if (length < 0)
            return error_set(error, VIR_ERR_OPERATION_FAILED, "%s", g_strerror(errno));
        qmp_lines_fed(qmp->lines, (size_t)length);
        for (;;) {
            g_autoptr(JsonObject) object = NULL;
            if (!qmp_lines_next(qmp->lines, &object, error))
                return false;
            if (!object)
                break;
            take_object(qmp, g_steal_pointer(&object));
        }
        if (length < READ_CHUNK)
            return true;
    }
    return true;
}

static void finish(Qmp *qmp, const char *why)
{
    g_mutex_lock(&qmp->lock);
    shut_locked(qmp, why);
    g_source_remove_unix_fd(qmp->source, qmp->fd_tag);
    auto_fd_close(&qmp->fd);
    g_mutex_unlock(&qmp->lock);
    if (qmp->callbacks.closed)
        qmp->callbacks.closed(qmp->why_closed, qmp->callbacks.user_data);
    if (qmp->callbacks.destroy)
        qmp->callbacks.destroy(qmp->callbacks.user_data);
}

static gboolean source_dispatch(GSource *base, GSourceFunc func, gpointer user_data)
{
    Qmp *qmp = ((QmpSource *)base)->qmp;
    g_autoptr(GError) why = NULL;
    if (g_source_query_unix_fd(base, qmp->fd_tag) & G_IO_OUT) {
        g_mutex_lock(&qmp->lock);
        flush_locked(qmp);
        g_mutex_unlock(&qmp->lock);
    }
    if (read_some(qmp, &why))
        return G_SOURCE_CONTINUE;
    finish(qmp, why->message);
    return G_SOURCE_REMOVE;
}

/* The last step of a connection's life: its own reference. Also taken when the context ends before the connection. */
static void source_finalize(GSource *base)
{
    Qmp *qmp = ((QmpSource *)base)->qmp;
    auto_fd_close(&qmp->fd);
    qmp_unref(qmp);
}

static GSourceFuncs source_funcs = { .dispatch = source_dispatch, .finalize = source_finalize };

Qmp *qmp_new(GMainContext *context, int fd, const char *name, const QmpCallbacks *callbacks)
{
    Qmp *qmp = g_new0(Qmp, 1);
    g_atomic_ref_count_init(&qmp->refs);
    g_mutex_init(&qmp->lock);
    g_cond_init(&qmp->changed);
    g_queue_init(&qmp->outputs);
    qmp->name = g_strdup(name);
    qmp->fd = fd;
    qmp->calls = g_hash_table_new(g_int64_hash, g_int64_equal);
    qmp->lines = qmp_lines_new();
    if (callbacks)
        qmp->callbacks = *callbacks;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    qmp->source = g_source_new(&source_funcs, sizeof(QmpSource));
    ((QmpSource *)qmp->source)->qmp = qmp_ref(qmp);
    qmp->fd_tag = g_source_add_unix_fd(qmp->source, fd, G_IO_IN);
    g_source_set_static_name(qmp->source, "qmp");
    g_source_set_can_recurse(qmp->source, TRUE); /* spares GLib two wake-ups of itself; nobody runs the loop inside */
    g_source_attach(qmp->source, context);
    g_source_unref(qmp->source);
    return qmp;
}

void qmp_close(Qmp *qmp)
{
    g_mutex_lock(&qmp->lock);
    shut_locked(qmp, "closed here");
    g_mutex_unlock(&qmp->lock);
}

bool qmp_is_closed(Qmp *qmp)
{
    g_mutex_lock(&qmp->lock);
    bool closed = qmp->why_closed != NULL;
    g_mutex_unlock(&qmp->lock);
    return closed;
}

gint64 qmp_silence_ms(Qmp *qmp)
{
    g_mutex_lock(&qmp->lock);
    gint64 since = qmp->last_answered < qmp->last_id ? qmp->silent_since : 0;
    g_mutex_unlock(&qmp->lock);
    return since ? (g_get_monotonic_time() - since) / 1000 : 0;
}

unsigned qmp_version(Qmp *qmp)
{
    g_mutex_lock(&qmp->lock);
    unsigned version = qmp->version;
    g_mutex_unlock(&qmp->lock);
    return version;
}

/* @command: transfer full; gets its id here, so that ids ascend in the order of sending. */
static QmpPending *send_object(Qmp *qmp, const char *name, JsonObject *command, int fd)
{
    QmpPending *pending = g_new0(QmpPending, 1);
    pending->qmp = qmp_ref(qmp);
    pending->command = g_strdup(name);
    g_mutex_lock(&qmp->lock);
    if (qmp->last_answered >= qmp->last_id)
        qmp->silent_since = g_get_monotonic_time();
    pending->id = ++qmp->last_id;
    json_object_set_int_member(command, "id", (gint64)pending->id);
    if (!qmp->why_closed) {
        g_autofree char *line = qmp_object_text(command);
        QmpOutput *output = g_new0(QmpOutput, 1);
        output->text = g_strconcat(line, "\n", NULL);
        output->length = strlen(output->text);
        output->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
        g_queue_push_tail(&qmp->outputs, output);
        g_hash_table_insert(qmp->calls, &pending->id, pending);
        if (fd >= 0 && output->fd < 0)
            shut_locked(qmp, "no descriptor left to pass one on");
        else
            flush_locked(qmp);
    }
    g_mutex_unlock(&qmp->lock);
    json_object_unref(command);
    return pending;
}

static JsonObject *command_object(const char *command, JsonObject *args)
{
    return qmp_object("s:execute", command, "o:arguments", args, NULL);
}

static void pending_free(QmpPending *pending)
{
    g_clear_pointer(&pending->reply, json_object_unref);
    qmp_unref(pending->qmp);
    g_free(pending->command);
    g_free(pending);
}

/* Waits for the reply object; consumes @pending on failure only. */
static bool wait_reply(QmpPending *pending, int timeout_ms, GError **error)
{
    Qmp *qmp = pending->qmp;
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    bool in_time = true;
    g_mutex_lock(&qmp->lock);
    while (!pending->reply && !qmp->why_closed && in_time)
        in_time = g_cond_wait_until(&qmp->changed, &qmp->lock, deadline);
    bool replied = pending->reply != NULL;
    g_hash_table_remove(qmp->calls, &pending->id);
    g_autofree char *why_closed = g_strdup(qmp->why_closed);
    g_mutex_unlock(&qmp->lock);
    if (replied)
        return true;
    if (why_closed)
        error_set(error, VIR_ERR_OPERATION_FAILED, "%s: QEMU's monitor connection ended before '%s' was answered: %s",
                  qmp->name, pending->command, why_closed);
    else
        error_set(error, VIR_ERR_OPERATION_TIMEOUT, "%s: QEMU did not answer '%s' within %d.%03d s", qmp->name,
                  pending->command, timeout_ms / 1000, timeout_ms % 1000);
    pending_free(pending);
    return false;
}

static bool reply_value(QmpPending *pending, JsonNode **ret_value, GError **error)
{
    JsonObject *failure = qmp_get_object(pending->reply, "error");
    JsonNode *value = json_object_get_member(pending->reply, "return");
    if (!failure && value) {
        if (ret_value)
            *ret_value = json_node_ref(value);
        return true;
    }
    const char *class_name = qmp_get_string(failure, "class"), *text = qmp_get_string(failure, "desc");
    int code = VIR_ERR_INTERNAL_ERROR;
    for (unsigned i = 0; error_rows[i].class_name; i++)
        if (g_strcmp0(class_name, error_rows[i].class_name) == 0)
            code = error_rows[i].code;
    g_autofree char *words = qemu_explain(text ? text : "the reply is neither a return nor an error", NULL);
    return error_set(error, code, "unable to execute QEMU command '%s': %s", pending->command, words);
}

QmpPending *qmp_send(Qmp *qmp, const char *command, JsonObject *args)
{
    return send_object(qmp, command, command_object(command, args), -1);
}

bool qmp_wait(QmpPending *pending, int timeout_ms, JsonNode **ret_value, GError **error)
{
    if (!wait_reply(pending, timeout_ms, error))
        return false;
    bool done = reply_value(pending, ret_value, error);
    pending_free(pending);
    return done;
}

void qmp_forget(QmpPending *pending)
{
    g_mutex_lock(&pending->qmp->lock);
    g_hash_table_remove(pending->qmp->calls, &pending->id);
    g_mutex_unlock(&pending->qmp->lock);
    pending_free(pending);
}

bool qmp_call(Qmp *qmp, const char *command, JsonObject *args, int timeout_ms, JsonNode **ret_value, GError **error)
{
    return qmp_wait(qmp_send(qmp, command, args), timeout_ms, ret_value, error);
}

bool qmp_call_with_fd(Qmp *qmp, const char *command, JsonObject *args, int fd, int timeout_ms, JsonNode **ret_value,
                      GError **error)
{
    return qmp_wait(send_object(qmp, command, command_object(command, args), fd), timeout_ms, ret_value, error);
}

bool qmp_call_raw_with_fd(Qmp *qmp, JsonObject *command, int fd, int timeout_ms, JsonNode **ret_reply, GError **error)
{
    g_autofree char *name = g_strdup(qmp_get_string(command, "execute"));
    QmpPending *pending = send_object(qmp, name ? name : "(no command)", command, fd);
    if (!wait_reply(pending, timeout_ms, error))
        return false;
    *ret_reply = json_node_new(JSON_NODE_OBJECT);
    json_node_set_object(*ret_reply, pending->reply);
    pending_free(pending);
    return true;
}

bool qmp_handshake(Qmp *qmp, int timeout_ms, GError **error)
{
    /* Before the greeting: QEMU reads it right after greeting, without waiting for us to be woken by that. */
    QmpPending *negotiated = qmp_send(qmp, "qmp_capabilities", NULL);
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    bool in_time = true;
    g_mutex_lock(&qmp->lock);
    while (!qmp->greeted && !qmp->why_closed && in_time)
        in_time = g_cond_wait_until(&qmp->changed, &qmp->lock, deadline);
    bool greeted = qmp->greeted;
    g_autofree char *why_closed = g_strdup(qmp->why_closed);
    g_mutex_unlock(&qmp->lock);
    if (greeted)
        return qmp_wait(negotiated, timeout_ms, NULL, error);
    qmp_forget(negotiated);
    if (why_closed)
        return error_set(error, VIR_ERR_OPERATION_FAILED, "%s: QEMU's monitor connection ended before its greeting: %s",
                         qmp->name, why_closed);
    return error_set(error, VIR_ERR_OPERATION_TIMEOUT, "%s: QEMU's monitor gave no greeting within %d.%03d s",
                     qmp->name, timeout_ms / 1000, timeout_ms % 1000);
}

bool qmp_event_dispatch(const QmpEventRow *rows, const char *name, JsonObject *data, gint64 when_us, gpointer subject)
{
    for (; rows->name; rows++) {
        if (strcmp(rows->name, name) == 0) {
            rows->handle(subject, data, when_us);
            return true;
        }
    }
    return false;
}

/* Other classes, "GenericError" first of all, are VIR_ERR_INTERNAL_ERROR, as stock clients know them. */
static const QmpErrorRow error_rows[] = {
    { "CommandNotFound", VIR_ERR_OPERATION_UNSUPPORTED },
    { "DeviceNotActive", VIR_ERR_OPERATION_INVALID },
    { "DeviceNotFound", VIR_ERR_DEVICE_MISSING },
    { "KVMMissingCap", VIR_ERR_CONFIG_UNSUPPORTED },
    { NULL },
};
