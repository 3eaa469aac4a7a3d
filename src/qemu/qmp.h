/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One QMP connection: JSON lines over a unix socket (QEMU's docs/interop/qmp-spec.txt).
 *
 * The main loop of the GMainContext given at creation reads the socket and finishes writes that did not fit; job
 * threads call and wait. Several threads may call at the same time: commands are pipelined, replies are matched by id.
 * Every wait has a deadline and ends at once when the connection closes (QEMU died). Never wait on the thread that runs
 * the context.
 */
#pragma once
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

typedef struct Qmp Qmp;
typedef struct QmpPending QmpPending;

#define QMP_LINE_MAX  (64u << 20) /* bytes; a longer line closes the connection */
#define QMP_DEPTH_MAX 100         /* nested arrays and objects; more close the connection */

typedef struct {
    /* @data is never NULL and is borrowed; @when_us: QEMU's time stamp, microseconds since 1970. */
    void (*event)(const char *name, JsonObject *data, gint64 when_us, gpointer user_data);
    /* Once, after all calls have failed; @why is for people. Nothing is called after it. */
    void (*closed)(const char *why, gpointer user_data);
    gpointer user_data;
    GDestroyNotify destroy; /* of @user_data, after `closed`; may be NULL */
} QmpCallbacks;             /* all run on the main loop; event and closed may be NULL */

/*
 * Takes over @fd, a connected stream socket. @name stands in errors ("guest 'web'"). @callbacks is copied and may be
 * NULL. The connection keeps a reference to itself until it has closed, so qmp_close() is always needed.
 */
Qmp *qmp_new(GMainContext *context, int fd, const char *name, const QmpCallbacks *callbacks);
Qmp *qmp_ref(Qmp *qmp);
void qmp_unref(Qmp *qmp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Qmp, qmp_unref)

/* Shuts the connection down: waiting calls fail now, `closed` follows on the main loop. Any thread; may be repeated. */
void qmp_close(Qmp *qmp);
bool qmp_is_closed(Qmp *qmp);

/* Waits for the greeting and leaves negotiation mode. Must succeed before any other call. */
bool qmp_handshake(Qmp *qmp, int timeout_ms, GError **error);

/*
 * How long QEMU has owed an answer without giving any: 0 when none is outstanding, and counted anew with each answer.
 * Lets a caller that asks often leave a QEMU that hangs alone instead of piling questions up. Any thread.
 */
gint64 qmp_silence_ms(Qmp *qmp);

/* QEMU's version from the greeting (7.2.22 is 7002022); 0 before the handshake. */
unsigned qmp_version(Qmp *qmp);

/*
 * Runs @command and waits for its reply. @args: transfer full, NULL for none. @ret_value (may be NULL): the value of
 * "return", owned by the caller. Errors: what QEMU says by the table in qmp.c ("unable to execute QEMU command 'X':
 * …"), VIR_ERR_OPERATION_TIMEOUT (a reply that comes later is dropped), VIR_ERR_OPERATION_FAILED when the connection is
 * closed.
 */
bool qmp_call(Qmp *qmp, const char *command, JsonObject *args, int timeout_ms, JsonNode **ret_value, GError **error);

/* As qmp_call(), with @fd (borrowed) sent along: for getfd and add-fd. */
bool qmp_call_with_fd(Qmp *qmp, const char *command, JsonObject *args, int fd, int timeout_ms, JsonNode **ret_value,
                      GError **error);

/*
 * Sends a whole command object as a user wrote it (its "id" is replaced) and gives the whole reply back, be it a
 * "return" or an "error". @command: transfer full. @fd: a descriptor to send along (borrowed), -1: none.
 */
bool qmp_call_raw_with_fd(Qmp *qmp, JsonObject *command, int fd, int timeout_ms, JsonNode **ret_reply, GError **error);

/*
 * The two halves of qmp_call(), so that many commands to many guests are under way at once. qmp_send() never blocks and
 * never fails: on a closed connection the error comes from qmp_wait(), which must follow exactly once and frees
 * @pending.
 */
QmpPending *qmp_send(Qmp *qmp, const char *command, JsonObject *args);
bool qmp_wait(QmpPending *pending, int timeout_ms, JsonNode **ret_value, GError **error);
/* Gives up on a command whose reply is no longer of interest; instead of qmp_wait(). */
void qmp_forget(QmpPending *pending);

/* One row per event that somebody cares for, in a static array that ends with a NULL name. */
typedef struct {
    const char *name;
    void (*handle)(gpointer subject, JsonObject *data, gint64 when_us);
} QmpEventRow;

/* Runs the handler of @name, if @rows has one. */
bool qmp_event_dispatch(const QmpEventRow *rows, const char *name, JsonObject *data, gint64 when_us, gpointer subject);
