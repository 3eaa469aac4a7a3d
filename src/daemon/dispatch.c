/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/dispatch.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/main-loop.h"
#include "daemon/access.h"
#include "daemon/handlers.h"
#include "rpc/call.h"
#include "rpc/stream.h"
#include "rpc/wire-error.h"

/* What may wait for one client before further calls are refused. */
#define WAITING_MAX       1024u
#define WAITING_MAX_BYTES (64u << 20)
/* With this much unread output no further call of the client is begun. */
#define OUTPUT_BUSY (8u << 20)

typedef struct {
    Call call; /* first: handlers get this */
    CallHandler handler;
    ProcedureRuns runs;
    void *args;
    void *ret;
    size_t size; /* of the message, for the waiting limit */
    int *fds;
    GByteArray *reply;
    bool failed;
} Job;

static Daemon *the_daemon;
static const ObjectResolver *the_resolver;
static unsigned running;
static void (*idle_done)(gpointer data);
static gpointer idle_data;

void dispatch_init(Daemon *daemon, const ObjectResolver *resolver)
{
    the_daemon = daemon;
    the_resolver = resolver;
}

unsigned dispatch_running(void)
{
    return running;
}

static void check_idle(void)
{
    if (running > 0 || !idle_done)
        return;
    void (*done)(gpointer) = idle_done;
    idle_done = NULL;
    done(idle_data);
}

void dispatch_on_idle(void (*done)(gpointer data), gpointer data)
{
    idle_done = done;
    idle_data = data;
    check_idle();
}

/* Replies */

static GByteArray *new_reply(const FrameHeader *call, FrameType type, FrameStatus status)
{
    FrameHeader header = { call->program, call->version, call->procedure, type, call->serial, status };
    return frame_new(&header);
}

static GByteArray *error_reply(const FrameHeader *call, const Procedure *procedure, const GError *error)
{
    WireError wire;
    wire_error_from(error, procedure, &wire);
    GByteArray *reply = new_reply(call, FRAME_REPLY, FRAME_ERROR);
    /* wire_error_from() cuts its texts, so neither of these can fail. */
    xdr_encode(&xdr_WireError, &wire, reply, NULL);
    frame_finish(reply, NULL);
    xdr_clear(&xdr_WireError, &wire);
    return reply;
}

static void reply_error(Client *client, const FrameHeader *call, const Procedure *procedure, const GError *error)
{
    g_autofree char *text = error_text(error);
    log_info("client %" G_GUINT64_FORMAT ": %s: %s", client->id, procedure ? procedure->name : "message", text);
    client_send(client, error_reply(call, procedure, error), NULL, 0);
}

static FrameHeader header_of(const Job *job)
{
    const Procedure *procedure = job->call.procedure;
    return (
        FrameHeader){ procedure->program, FRAME_VERSION, procedure->number, FRAME_CALL, job->call.serial, FRAME_OK };
}

/* Any thread. */
static void encode_reply(Job *job)
{
    const Procedure *procedure = job->call.procedure;
    FrameHeader header = header_of(job);
    g_autoptr(GError) error = NULL;
    job->reply = new_reply(&header, job->call.n_reply_fds ? FRAME_REPLY_WITH_FDS : FRAME_REPLY, FRAME_OK);
    if (job->call.n_reply_fds)
        frame_append_u32(job->reply, job->call.n_reply_fds);
    if (xdr_encode(procedure->ret, job->ret, job->reply, &error) && frame_finish(job->reply, &error))
        return;
    log_error("%s: %s", procedure->name, error->message);
    g_byte_array_unref(job->reply);
    job->reply = error_reply(&header, procedure, error);
    job->failed = true;
}

/* Any thread: the handler, then the reply's bytes. */
static void run_handler(Job *job)
{
    g_autoptr(GError) error = NULL;
    /* Only the mailbox knows for certain; handlers on the loop read a view, and say so themselves. */
    bool there = job->runs != RUNS_DOMAIN || the_resolver->check(job->call.object, &error);
    if (there && job->handler(&job->call, job->args, job->ret, &error)) {
        encode_reply(job);
        return;
    }
    job->failed = true;
    if (!error)
        error_set(&error, VIR_ERR_INTERNAL_ERROR, "%s failed without saying why", job->call.procedure->name);
    FrameHeader header = header_of(job);
    job->reply = error_reply(&header, job->call.procedure, error);
    log_info("client %" G_GUINT64_FORMAT ": %s: %s", job->call.client->id, job->call.procedure->name, error->message);
}

static void close_fds(int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        auto_fd_close(&fds[i]);
    g_free(fds);
}

static void job_free(Job *job)
{
    xdr_clear(job->call.procedure->args, job->args);
    xdr_clear(job->call.procedure->ret, job->ret);
    g_free(job->args);
    g_free(job->ret);
    if (job->call.object)
        the_resolver->unref(job->call.object);
    close_fds(job->fds, job->call.n_fds);
    close_fds(job->call.reply_fds, job->call.n_reply_fds);
    g_clear_pointer(&job->reply, g_byte_array_unref);
    stream_unref(job->call.stream);
    client_unref(job->call.client);
    g_free(job);
}

/* Sends the reply and forgets the call. Main loop. */
static void finish(Job *job)
{
    Client *client = job->call.client;
    g_hash_table_remove(client->serials, GUINT_TO_POINTER(job->call.serial));
    if (job->failed && job->call.stream)
        stream_drop(job->call.stream);
    client_send(client, g_steal_pointer(&job->reply), job->call.reply_fds, job->failed ? 0 : job->call.n_reply_fds);
    if (!job->failed && job->call.stream)
        stream_replied(job->call.stream);
    job_free(job);
}

static void fail(Job *job, const GError *error)
{
    FrameHeader header = header_of(job);
    job->failed = true;
    job->reply = error_reply(&header, job->call.procedure, error);
    finish(job);
}

/* Running */

static void start_waiting_of(Client *client);
static void start_waiting(Server *server);

static void job_done(gpointer data)
{
    Job *job = data;
    g_autoptr(Client) client = client_ref(job->call.client);
    ProcedureRuns job_runs = job->runs;
    finish(job);
    bool was_full = client->server->calls_running >= client->server->limits.max_workers;
    client->calls_running--;
    if (job_runs != RUNS_AGENT)
        client->server->calls_running--;
    running--;
    if (was_full)
        start_waiting(client->server);
    else
        start_waiting_of(client);
    check_idle();
}

static void job_main(gpointer data)
{
    run_handler(data);
    main_loop_post(job_done, data);
}

static bool may_start(const Job *job)
{
    const Client *client = job->call.client;
    const ServerLimits *limits = &client->server->limits;
    if (job->runs == RUNS_LOOP)
        return client->output_bytes < OUTPUT_BUSY;
    /* Agents take their time, one call at a time each: they hold no worker that others wait for. */
    bool worker = job->runs == RUNS_AGENT || client->server->calls_running < limits->max_workers;
    return client->calls_running < limits->max_client_requests && worker && client->output_bytes < OUTPUT_BUSY;
}

static void start(Job *job)
{
    Client *client = job->call.client;
    if (job->runs == RUNS_LOOP) {
        run_handler(job);
        finish(job);
        return;
    }
    client->calls_running++;
    client->server->calls_running += job->runs != RUNS_AGENT;
    running++;
    if (job->runs == RUNS_DOMAIN)
        mailbox_post(the_resolver->mailbox(job->call.object), job_main, job);
    else if (job->runs == RUNS_AGENT)
        mailbox_post(the_resolver->agent_mailbox(job->call.object), job_main, job);
    else
        worker_post(job_main, job);
}

static void start_waiting_of(Client *client)
{
    Job *job;
    while ((job = g_queue_peek_head(&client->calls_waiting)) && may_start(job)) {
        g_queue_pop_head(&client->calls_waiting);
        client->calls_waiting_bytes -= job->size;
        start(job);
    }
}

/* A worker is free: the clients that wait get their turn, oldest client first. */
static void start_waiting(Server *server)
{
    for (GList *link = server->clients.head; link && server->calls_running < server->limits.max_workers;
         link = link->next)
        start_waiting_of(link->data);
}

static void start_or_wait(Job *job)
{
    Client *client = job->call.client;
    /* Calls on the loop pass by those that wait for a worker. */
    bool first = job->runs == RUNS_LOOP || g_queue_is_empty(&client->calls_waiting);
    if (first && may_start(job)) {
        start(job);
        return;
    }
    if (g_queue_get_length(&client->calls_waiting) >= WAITING_MAX ||
        client->calls_waiting_bytes + job->size > WAITING_MAX_BYTES) {
        g_autoptr(GError) error = NULL;
        error_set(&error, VIR_ERR_RESOURCE_BUSY, "too many calls of this client wait already; wait for some replies");
        fail(job, error);
        return;
    }
    client->calls_waiting_bytes += job->size;
    g_queue_push_tail(&client->calls_waiting, job);
}

/* Receiving */

/* The row of a call; NULL with the reason. */
static const Procedure *find_procedure(const Client *client, const FrameHeader *header, GError **error)
{
    bool admin = client->role == ROLE_ADMIN;
    bool known =
        admin ? header->program == PROGRAM_ADMIN
              : header->program == PROGRAM_REMOTE || header->program == PROGRAM_QEMU || header->program == PROGRAM_OWN;
    if (!known) {
        error_set(error, VIR_ERR_RPC, "Cannot find program %u version %u on this socket", header->program,
                  header->version);
        return NULL;
    }
    if (header->version != FRAME_VERSION) {
        error_set(error, VIR_ERR_RPC, "Cannot find program %u version %u; its version is %u", header->program,
                  header->version, FRAME_VERSION);
        return NULL;
    }
    const Procedure *procedure = procedure_find(header->program, header->procedure);
    if (!procedure || procedure->kind == KIND_EVENT) {
        error_set(error, VIR_ERR_RPC, "unknown procedure: %u", header->procedure);
        return NULL;
    }
    if (header->status != FRAME_OK) {
        error_set(error, VIR_ERR_RPC, "Unexpected message status %u in a call of %s", header->status, procedure->name);
        return NULL;
    }
    return procedure;
}

/* Whether the client has come so far that the call may be made: authentication, then opening. */
static bool check_session(const Client *client, const Procedure *procedure, GError **error)
{
    unsigned id = procedure_id(procedure);
    if (id == PROC_AUTH_LIST || id == PROC_AUTH_SASL_INIT || id == PROC_AUTH_SASL_START || id == PROC_AUTH_SASL_STEP ||
        id == PROC_AUTH_POLKIT)
        return true;
    if (!client->authenticated && client->role != ROLE_ADMIN)
        return error_set(error, VIR_ERR_AUTH_FAILED, "authentication required: call auth_list first");
    /* Clients ask for keepalive before they open. */
    if (client->opened || id == PROC_CONNECT_SUPPORTS_FEATURE || id == PROC_CONNECT_OPEN || id == PROC_CONNECT_CLOSE ||
        id == PROC_ADMIN_CONNECT_OPEN || id == PROC_ADMIN_CONNECT_CLOSE)
        return true;
    return error_set(error, VIR_ERR_OPERATION_INVALID, "the connection is not open: call connect_open first");
}

static bool check_serial(const Client *client, uint32_t serial, GError **error)
{
    if (g_hash_table_contains(client->serials, GUINT_TO_POINTER(serial)) ||
        g_hash_table_contains(client->streams, GUINT_TO_POINTER(serial)))
        return error_set(error, VIR_ERR_RPC, "serial %u is in use by a call or stream that has not ended", serial);
    return true;
}

static bool prepare(Client *client, const FrameHeader *header, const Procedure *procedure, GError **error)
{
    if (!check_session(client, procedure, error) || !check_serial(client, header->serial, error))
        return false;
    if (!daemon_handlers[procedure_id(procedure)])
        return error_set(error, VIR_ERR_NO_SUPPORT, "%s", procedure->name);
    return true;
}

static Job *job_new(Client *client, const FrameHeader *header, const Procedure *procedure, int *fds, unsigned n_fds)
{
    Job *job = g_new0(Job, 1);
    job->handler = daemon_handlers[procedure_id(procedure)];
    job->args = procedure->args ? g_malloc0(procedure->args->size) : NULL;
    job->ret = procedure->ret ? g_malloc0(procedure->ret->size) : NULL;
    job->fds = n_fds > 0 ? g_memdup2(fds, n_fds * sizeof *fds) : NULL;
    for (unsigned i = 0; i < n_fds; i++)
        fds[i] = -1;
    job->call = (Call){ .procedure = procedure,
                        .daemon = the_daemon,
                        .client = client_ref(client),
                        .serial = header->serial,
                        .fds = job->fds,
                        .n_fds = n_fds };
    return job;
}

/* Decodes, authorises and finds the guest. */
static bool fill(Job *job, const uint8_t *payload, size_t length, GError **error)
{
    const Procedure *procedure = job->call.procedure;
    job->size = length;
    if (!xdr_decode(procedure->args, payload, length, job->args, error) ||
        !access_check(job->call.client, procedure, job->args, error))
        return false;
    job->runs = procedure_runs(procedure, job->args);
    if (procedure->subject != &xdr_WireDomain)
        return true;
    job->call.object =
        the_resolver->find(the_daemon, (WireDomain *)((char *)job->args + procedure->subject_offset), error);
    return job->call.object != NULL;
}

static void on_call(Client *client, const FrameHeader *header, const uint8_t *payload, size_t length, int *fds,
                    unsigned n_fds)
{
    g_autoptr(GError) error = NULL;
    const Procedure *procedure = find_procedure(client, header, &error);
    if (!procedure || !prepare(client, header, procedure, &error)) {
        reply_error(client, header, procedure, error);
        return;
    }
    Job *job = job_new(client, header, procedure, fds, n_fds);
    if (!fill(job, payload, length, &error)) {
        fail(job, error);
        return;
    }
    if (procedure->kind != KIND_CALL)
        job->call.stream = stream_new(client, procedure, header->serial);
    g_hash_table_add(client->serials, GUINT_TO_POINTER(header->serial));
    start_or_wait(job);
}

static void on_closed(Client *client)
{
    Job *job;
    while ((job = g_queue_pop_head(&client->calls_waiting)))
        job_free(job);
    client->calls_waiting_bytes = 0;
}

const ServerOps dispatch_server_ops = { on_call, start_waiting_of, on_closed };
