/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "lib/connection.h"
#include "lib/i18n.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define QUEUE_MAX 100000 /* events nobody dispatches; the oldest go first */

struct Watch {
    gatomicrefcount references;
    int id;
    Program program; /* whose callback ids these are: each program numbers its own */
    ProcedureId deregister;
    int callback_id;
    LodgeEventFunc func;
    void *data;
    GDestroyNotify destroy;
};

/* The calls by which each kind registers and deregisters. All take an event id and an optional object. */
static const struct {
    ProcedureId on, off;
} kinds[LODGE_WATCH_KINDS] = {
    [LODGE_WATCH_DOMAIN] = { PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY,
                             PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY },
    [LODGE_WATCH_NETWORK] = { PROC_CONNECT_NETWORK_EVENT_REGISTER_ANY, PROC_CONNECT_NETWORK_EVENT_DEREGISTER_ANY },
    [LODGE_WATCH_POOL] = { PROC_CONNECT_STORAGE_POOL_EVENT_REGISTER_ANY,
                           PROC_CONNECT_STORAGE_POOL_EVENT_DEREGISTER_ANY },
    [LODGE_WATCH_NODE_DEVICE] = { PROC_CONNECT_NODE_DEVICE_EVENT_REGISTER_ANY,
                                  PROC_CONNECT_NODE_DEVICE_EVENT_DEREGISTER_ANY },
    [LODGE_WATCH_SECRET] = { PROC_CONNECT_SECRET_EVENT_REGISTER_ANY, PROC_CONNECT_SECRET_EVENT_DEREGISTER_ANY },
};

/* All …_register_any arguments, and all their results, have this layout. */
typedef struct {
    int32_t event_id;
    void *object;
} RegisterArgs;
_Static_assert(sizeof(RegisterArgs) == sizeof(ConnectDomainEventCallbackRegisterAnyArgs), "layout");
_Static_assert(sizeof(RegisterArgs) == sizeof(ConnectSecretEventRegisterAnyArgs), "layout");

static void watch_unref(gpointer data)
{
    Watch *watch = data;
    if (!g_atomic_ref_count_dec(&watch->references))
        return;
    if (watch->destroy)
        watch->destroy(watch->data);
    g_free(watch);
}

GHashTable *watches_new(void)
{
    return g_hash_table_new_full(NULL, NULL, NULL, watch_unref);
}

static void event_free(gpointer data)
{
    QueuedEvent *event = data;
    xdr_clear(event->procedure->args, event->message);
    g_free(event->message);
    g_free(event);
}

void events_free(LodgeConnection *connection)
{
    g_queue_clear_full(&connection->events, event_free);
    g_hash_table_unref(connection->watches);
}

void events_wake(LodgeConnection *connection)
{
    uint64_t one = 1;
    /* Fails only when the counter is full, and then it is readable already. */
    ssize_t written = write(connection->event_fd, &one, sizeof one);
    (void)written;
}

void events_push(LodgeConnection *connection, const Procedure *procedure, const uint8_t *payload, size_t size)
{
    if (!procedure || procedure->kind != KIND_EVENT || !procedure->args)
        return;
    g_autofree void *message = g_malloc0(procedure->args->size);
    if (!xdr_decode(procedure->args, payload, size, message, NULL))
        return;
    QueuedEvent *event = g_new0(QueuedEvent, 1);
    event->procedure = procedure;
    event->message = g_steal_pointer(&message);
    g_queue_push_tail(&connection->events, event);
    if (g_queue_get_length(&connection->events) > QUEUE_MAX)
        event_free(g_queue_pop_head(&connection->events));
    events_wake(connection);
}

static int add_watch(LodgeConnection *connection, const Watch *model, ProcedureId on, const void *args, GError **error)
{
    int32_t callback_id = -1;
    int id = -1;
    g_mutex_lock(&connection->watch_lock);
    if (connection_call(connection, on, args, &callback_id, NULL, error)) {
        Watch *watch = g_memdup2(model, sizeof *model);
        g_atomic_ref_count_init(&watch->references);
        watch->program = procedure_rows[on].program;
        watch->callback_id = callback_id;
        g_mutex_lock(&connection->lock);
        watch->id = id = connection->last_watch++;
        g_hash_table_insert(connection->watches, GINT_TO_POINTER(id), watch);
        g_mutex_unlock(&connection->lock);
    }
    g_mutex_unlock(&connection->watch_lock);
    return id;
}

int lodge_watch(LodgeConnection *connection, LodgeWatchKind kind, int event_id, const void *object, LodgeEventFunc func,
                void *data, GDestroyNotify destroy, GError **error)
{
    g_return_val_if_fail(kind < LODGE_WATCH_KINDS && func, -1);
    RegisterArgs args = { event_id, (void *)object };
    Watch watch = { .deregister = kinds[kind].off, .func = func, .data = data, .destroy = destroy };
    return add_watch(connection, &watch, kinds[kind].on, &args, error);
}

int lodge_watch_monitor(LodgeConnection *connection, const void *domain, const char *event, uint32_t flags,
                        LodgeEventFunc func, void *data, GDestroyNotify destroy, GError **error)
{
    g_return_val_if_fail(func, -1);
    QemuConnectDomainMonitorEventRegisterArgs args = { (WireDomain *)domain, (char *)event, flags };
    Watch watch = {
        .deregister = PROC_QEMU_CONNECT_DOMAIN_MONITOR_EVENT_DEREGISTER, .func = func, .data = data, .destroy = destroy
    };
    return add_watch(connection, &watch, PROC_QEMU_CONNECT_DOMAIN_MONITOR_EVENT_REGISTER, &args, error);
}

bool lodge_unwatch(LodgeConnection *connection, int id, GError **error)
{
    g_mutex_lock(&connection->lock);
    Watch *watch = g_hash_table_lookup(connection->watches, GINT_TO_POINTER(id));
    if (watch)
        g_atomic_ref_count_inc(&watch->references);
    g_mutex_unlock(&connection->lock);
    if (!watch)
        return error_set(error, VIR_ERR_INVALID_ARG, _("there is no watch %d"), id);
    bool ok = connection_call(connection, watch->deregister, &watch->callback_id, NULL, NULL, error);
    g_mutex_lock(&connection->lock);
    bool ours = g_hash_table_steal(connection->watches, GINT_TO_POINTER(id));
    g_mutex_unlock(&connection->lock);
    if (ours)
        watch_unref(watch);
    watch_unref(watch);
    return ok;
}

/* The callback id that an event carries as its first field; -1 where it has none. */
static int event_callback_id(const QueuedEvent *event)
{
    const XdrType *type = event->procedure->args;
    if (!type->n_fields || type->fields[0].kind != XDR_I32 || strcmp(type->fields[0].name, "callback_id") != 0)
        return -1;
    return *(const int32_t *)event->message;
}

static int event_type(const Procedure *procedure)
{
    unsigned id = procedure_id(procedure);
    for (int type = 0; type < LODGE_EVENT_COUNT; type++)
        if (event_procedures[type] == id)
            return type;
    return -1;
}

/* The watch of an event, referenced. */
static Watch *find_watch(LodgeConnection *connection, const QueuedEvent *event)
{
    int callback_id = event_callback_id(event);
    Watch *found = NULL;
    GHashTableIter iterator;
    gpointer value;
    /* A registration under way may be the one this event belongs to: wait until its id is known. */
    g_mutex_lock(&connection->watch_lock);
    g_mutex_lock(&connection->lock);
    g_hash_table_iter_init(&iterator, connection->watches);
    while (!found && g_hash_table_iter_next(&iterator, NULL, &value)) {
        Watch *watch = value;
        if (watch->callback_id == callback_id && watch->program == event->procedure->program)
            found = watch;
    }
    if (found)
        g_atomic_ref_count_inc(&found->references);
    g_mutex_unlock(&connection->lock);
    g_mutex_unlock(&connection->watch_lock);
    return found;
}

static QueuedEvent *next_event(LodgeConnection *connection)
{
    g_mutex_lock(&connection->lock);
    QueuedEvent *event = g_queue_pop_head(&connection->events);
    if (!event && !connection->broken) {
        uint64_t count;
        ssize_t taken = read(connection->event_fd, &count, sizeof count);
        (void)taken;
    }
    g_mutex_unlock(&connection->lock);
    return event;
}

static bool deliver(LodgeConnection *connection, QueuedEvent *event)
{
    Watch *watch = find_watch(connection, event);
    if (!watch)
        return false;
    LodgeEvent public_event = { event_type(event->procedure), event->procedure->name, watch->callback_id,
                                event->message };
    watch->func(connection, &public_event, watch->data);
    watch_unref(watch);
    return true;
}

static bool still_up(LodgeConnection *connection, GError **error)
{
    g_mutex_lock(&connection->lock);
    bool up = !connection->broken;
    if (!up)
        connection_set_broken(connection, error);
    g_mutex_unlock(&connection->lock);
    return up;
}

int lodge_connection_dispatch(LodgeConnection *connection, int timeout_ms, GError **error)
{
    gint64 deadline = timeout_ms > 0 ? g_get_monotonic_time() + (gint64)timeout_ms * 1000 : 0;
    int called = 0;
    for (;;) {
        QueuedEvent *event;
        while ((event = next_event(connection))) {
            called += deliver(connection, event);
            event_free(event);
        }
        if (called)
            return called;
        if (!still_up(connection, error))
            return -1;
        int wait = timeout_ms;
        if (timeout_ms > 0)
            wait = (int)MAX((deadline - g_get_monotonic_time()) / 1000, 0);
        struct pollfd poll_fd = { .fd = connection->event_fd, .events = POLLIN };
        int ready = poll(&poll_fd, 1, wait);
        if (ready == 0 || (ready < 0 && errno == EINTR))
            return 0;
        if (ready < 0) {
            error_set_errno(error, errno, _("wait for events"));
            return -1;
        }
    }
}

int lodge_connection_get_event_fd(LodgeConnection *connection)
{
    return connection->event_fd;
}

typedef struct {
    GSource source;
    LodgeConnection *connection;
} EventSource;

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    EventSource *event_source = (EventSource *)source;
    return lodge_connection_dispatch(event_source->connection, 0, NULL) >= 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static gboolean source_check(GSource *source)
{
    EventSource *event_source = (EventSource *)source;
    struct pollfd poll_fd = { .fd = event_source->connection->event_fd, .events = POLLIN };
    return poll(&poll_fd, 1, 0) > 0;
}

static gboolean source_prepare(GSource *source, int *timeout)
{
    *timeout = -1;
    return FALSE;
}

static void source_finalize(GSource *source)
{
    EventSource *event_source = (EventSource *)source;
    lodge_connection_unref(event_source->connection);
}

GSource *lodge_connection_create_source(LodgeConnection *connection)
{
    static GSourceFuncs functions = { source_prepare, source_check, source_dispatch, source_finalize, NULL, NULL };
    GSource *source = g_source_new(&functions, sizeof(EventSource));
    EventSource *event_source = (EventSource *)source;
    event_source->connection = lodge_connection_ref(connection);
    g_source_add_unix_fd(source, connection->event_fd, G_IO_IN);
    g_source_set_static_name(source, "lodge-events");
    return source;
}
