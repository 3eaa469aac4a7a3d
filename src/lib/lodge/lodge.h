/* SPDX-License-Identifier: Apache-2.0 */
/*
 * liblodge: a client of lodged (or of any daemon that speaks libvirt's protocol).
 *
 * Threads: every function may be called from any thread, and many threads may use one connection at once; their calls
 * travel together and each gets its own reply. Calls block; a lost connection ends all of them.
 * Errors: functions return false (or NULL) and set a GError of LODGE_ERROR whose code is a virErrorNumber of
 * <libvirt/virterror.h> and whose message is complete, ready to be shown. Out-parameters are then untouched.
 * Ownership: what comes out is the caller's; strings are freed with g_free(), structs with their lodge_…_clear(),
 * or all by g_autofree, g_auto() and g_autoptr(). What goes in is copied where it must last.
 * Units: memory is KiB unless a comment says otherwise, CPU time nanoseconds.
 *
 * <lodge/lodge-api.h>, included last, has a typed call for every procedure.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef LODGE_API
#define LODGE_API __attribute__((visibility("default")))
#endif

G_BEGIN_DECLS

#define LODGE_ERROR (lodge_error_quark())
LODGE_API GQuark lodge_error_quark(void);

/* major * 1000000 + minor * 1000 + micro of the library that is running. */
LODGE_API unsigned lodge_version(void);

typedef struct {
    uint8_t bytes[16];
} LodgeUuid;

typedef struct {
    uint32_t length;
    uint8_t *data;
} LodgeBytes;

typedef enum {
    LODGE_VALUE_INT = 1,
    LODGE_VALUE_UINT,
    LODGE_VALUE_LLONG,
    LODGE_VALUE_ULLONG,
    LODGE_VALUE_DOUBLE,
    LODGE_VALUE_BOOLEAN,
    LODGE_VALUE_STRING,
} LodgeValueType;

/* The value of a typed parameter; `type` says which member holds. */
typedef struct {
    LodgeValueType type;
    union {
        int32_t i;
        uint32_t ui;
        int64_t l;
        uint64_t ul;
        double d;
        bool b;
        char *s; /* owned */
    };
} LodgeTypedValue;

/* --- connection --- */

typedef struct LodgeConnection LodgeConnection;

typedef enum {
    LODGE_OPEN_READ_ONLY = 1 << 0,
} LodgeOpenFlags;

/*
 * @uri: qemu:///system, qemu:///session, qemu+unix:///system?socket=PATH, qemu+tcp://HOST:PORT/system,
 * qemu+ssh://USER@HOST/system, an alias of the client's config file, or NULL for the default ($LODGE_URI,
 * $LIBVIRT_DEFAULT_URI, the config file's uri_default, else the system's daemon for root and one's own for others).
 */
LODGE_API LodgeConnection *lodge_connection_open(const char *uri, LodgeOpenFlags flags, GError **error);
/*
 * Where lodge_connection_open() would connect to, without connecting. *ret_path is the unix socket on this host (free
 * it with g_free()), NULL when @uri leads to it by other means: over the network or through a command. *ret_session
 * tells one's own daemon from the system's. Errors: those of an unusable URI.
 */
LODGE_API bool lodge_uri_resolve(const char *uri, LodgeOpenFlags flags, char **ret_path, bool *ret_session,
                                 GError **error);
LODGE_API LodgeConnection *lodge_connection_ref(LodgeConnection *connection);
/* The last one closes. */
LODGE_API void lodge_connection_unref(LodgeConnection *connection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LodgeConnection, lodge_connection_unref)

/* Ends the connection now: calls under way in other threads fail, streams end. */
LODGE_API void lodge_connection_close(LodgeConnection *connection);
LODGE_API bool lodge_connection_is_open(LodgeConnection *connection);
/* The URI that was opened, aliases resolved; owned by the connection. */
LODGE_API const char *lodge_connection_get_uri(LodgeConnection *connection);
/*
 * Asks for a sign of life after @interval seconds of silence; after @count questions without an answer the connection
 * is closed. 0 seconds: never (the default). Fails when the daemon does not answer such questions.
 */
LODGE_API bool lodge_connection_set_keepalive(LodgeConnection *connection, unsigned interval, unsigned count,
                                              GError **error);

/* --- events --- */

typedef struct {
    int type;            /* LodgeEventType of <lodge/lodge-api.h> */
    const char *name;    /* of the procedure: "domain_event_callback_lifecycle" */
    int callback_id;     /* as the daemon numbers registrations; -1 where the event has none */
    const void *message; /* the Lodge…Event struct of that type; valid during the callback */
} LodgeEvent;

typedef void (*LodgeEventFunc)(LodgeConnection *connection, const LodgeEvent *event, void *data);

typedef enum {
    LODGE_WATCH_DOMAIN,      /* event ids: virDomainEventID; object: const LodgeDomain * */
    LODGE_WATCH_NETWORK,     /* virNetworkEventID; const LodgeNetwork * */
    LODGE_WATCH_POOL,        /* virStoragePoolEventID; const LodgeStoragePool * */
    LODGE_WATCH_NODE_DEVICE, /* virNodeDeviceEventID; const LodgeNodeDevice * */
    LODGE_WATCH_SECRET,      /* virSecretEventID; const LodgeSecret * */
    LODGE_WATCH_KINDS
} LodgeWatchKind;

/*
 * Registers @func for events of one kind about one object (NULL: about all). Returns an id for lodge_unwatch(), or -1.
 * @func runs in whatever thread dispatches: see below. @destroy (may be NULL) frees @data after the last call of @func.
 */
LODGE_API int lodge_watch(LodgeConnection *connection, LodgeWatchKind kind, int event_id, const void *object,
                          LodgeEventFunc func, void *data, GDestroyNotify destroy, GError **error);
/*
 * The same for QEMU's own events. @domain: const LodgeDomain *, or NULL for all guests. @event: a name or, by @flags
 * (virConnectDomainQemuMonitorEventRegisterFlags), a pattern; NULL for all events.
 */
LODGE_API int lodge_watch_monitor(LodgeConnection *connection, const void *domain, const char *event, uint32_t flags,
                                  LodgeEventFunc func, void *data, GDestroyNotify destroy, GError **error);
LODGE_API bool lodge_unwatch(LodgeConnection *connection, int watch, GError **error);

/*
 * Calls the functions of the events that have arrived; waits up to @timeout_ms for the first (0: not at all, -1:
 * without end). Returns how many it called, or -1 when the connection is lost.
 */
LODGE_API int lodge_connection_dispatch(LodgeConnection *connection, int timeout_ms, GError **error);
/* Polls readable while events wait to be dispatched, and when the connection is lost. The connection's. */
LODGE_API int lodge_connection_get_event_fd(LodgeConnection *connection);
/* The same as a source for a GMainLoop: attach it to a context; it ends with the connection. */
LODGE_API GSource *lodge_connection_create_source(LodgeConnection *connection);

/* --- streams: consoles, screenshots, volumes --- */

typedef struct LodgeStream LodgeStream;

/* Waits for data. Returns how many bytes were read, 0 at the end of the data, -1 on an error. */
LODGE_API gssize lodge_stream_receive(LodgeStream *stream, void *buffer, size_t size, GError **error);
/* As lodge_stream_receive(), but returns -2 at once when nothing has arrived yet. */
LODGE_API gssize lodge_stream_receive_now(LodgeStream *stream, void *buffer, size_t size, GError **error);
/* Polls readable when lodge_stream_receive_now() has something to say. The stream's. */
LODGE_API int lodge_stream_get_fd(LodgeStream *stream);
/* Sends all of it; waits while the daemon takes no more. */
LODGE_API bool lodge_stream_send(LodgeStream *stream, const void *data, size_t size, GError **error);
/* Ends the stream in good order: everything arrived. To be called after the last receive or send. */
LODGE_API bool lodge_stream_finish(LodgeStream *stream, GError **error);
/* Ends it early. */
LODGE_API bool lodge_stream_abort(LodgeStream *stream, GError **error);
/* Aborts if it was not ended. */
LODGE_API void lodge_stream_free(LodgeStream *stream);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LodgeStream, lodge_stream_free)

G_END_DECLS

#include <lodge/lodge-api.h>
