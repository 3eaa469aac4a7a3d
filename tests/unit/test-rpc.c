/* SPDX-License-Identifier: Apache-2.0 */
/* The server's side of the wire: a real socket, the main loop in its own thread, a client of plain system calls. */
#include "base/auto-fd.h"
#include "base/mailbox.h"
#include "base/main-loop.h"
#include "rpc/events.h"
#include "rpc/server.h"
#include "rpc/stream.h"
#include "rpc/wire-error.h"
#include "wire-client.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <libvirt/libvirt.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* What the server under test does: each procedure number of the remote program means one behaviour. */
enum {
    ECHO = 1,      /* answers the payload, from a worker */
    NEVER = 2,     /* is not answered until released */
    COUNT_FDS = 3, /* answers how many descriptors came and sends the first one back */
    REGISTER = 4,  /* registers for lifecycle events; answers the callback id */
    EMIT = 5,      /* emits 100 of them from a worker */
    SOURCE = PROC_STORAGE_VOL_DOWNLOAD,
    SINK = PROC_STORAGE_VOL_UPLOAD,
};

#define SOURCE_BYTES (8u << 20)

typedef struct {
    char *dir;
    char *path;
    GThread *thread;
    GMainLoop *loop;
    GMutex lock;
    GCond changed;
    unsigned closed; /* clients that have ended */
    unsigned never;  /* calls of NEVER that have arrived */
    size_t received; /* bytes that SINK got */
    int aborted;     /* the end of the last stream: -1 none yet, 0 finished, 1 aborted */
} Fixture;

static Fixture *the_fixture;
static Server *the_server;
static EventHub *the_hub;

static void note(unsigned *counter)
{
    g_mutex_lock(&the_fixture->lock);
    (*counter)++;
    g_cond_broadcast(&the_fixture->changed);
    g_mutex_unlock(&the_fixture->lock);
}

static GByteArray *make_reply(const FrameHeader *call, FrameType type, const void *payload, size_t length)
{
    FrameHeader header = *call;
    header.type = type;
    header.status = FRAME_OK;
    GByteArray *frame = frame_new(&header);
    g_byte_array_append(frame, payload, (guint)length);
    g_assert_true(frame_finish(frame, NULL));
    return frame;
}

typedef struct {
    Client *client;
    GByteArray *reply;
    bool emit;
} Work;

static void work(gpointer data)
{
    g_autofree Work *item = data;
    for (int i = 0; item->emit && i < 100; i++) {
        DomainEventCallbackLifecycleMsg msg = { .msg = { .dom = { .name = (char *)"web" }, .event = i } };
        event_emit(the_hub, PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE, &msg);
    }
    client_post(item->client, item->reply, NULL, 0);
    client_unref(item->client);
}

static void answer_later(Client *client, GByteArray *reply, bool emit)
{
    Work *item = g_new(Work, 1);
    *item = (Work){ client_ref(client), reply, emit };
    worker_post(work, item);
}

/* Streams */

static void send_more(Stream *stream, gpointer user)
{
    static const uint8_t zeros[1 << 16];
    size_t *left = user;
    bool more = true;
    while (*left > 0 && more) {
        size_t part = MIN(*left, sizeof zeros);
        *left -= part;
        more = stream_send(stream, zeros, part);
    }
    if (*left == 0 && more)
        stream_send_end(stream);
}

static void on_received(Stream *stream, const uint8_t *data, size_t length, gpointer user)
{
    g_mutex_lock(&the_fixture->lock);
    the_fixture->received += length;
    g_mutex_unlock(&the_fixture->lock);
}

static void on_closed(Stream *stream, bool aborted, gpointer user)
{
    g_free(user);
    g_mutex_lock(&the_fixture->lock);
    the_fixture->aborted = aborted;
    g_cond_broadcast(&the_fixture->changed);
    g_mutex_unlock(&the_fixture->lock);
}

static const StreamCallbacks source_callbacks = { .may_send = send_more, .closed = on_closed };
static const StreamCallbacks sink_callbacks = { .received = on_received, .closed = on_closed };

static void open_stream(Client *client, const FrameHeader *header)
{
    g_autoptr(Stream) stream = stream_new(client, procedure_find(PROGRAM_REMOTE, header->procedure), header->serial);
    size_t *left = g_new(size_t, 1);
    *left = SOURCE_BYTES;
    bool source = header->procedure == procedure_rows[SOURCE].number;
    stream_attach(stream, source ? &source_callbacks : &sink_callbacks, left);
    if (source)
        send_more(stream, left); /* before the reply, on purpose: it must wait for it */
    client_send(client, make_reply(header, FRAME_REPLY, NULL, 0), NULL, 0);
    stream_replied(stream);
}

static void on_call(Client *client, const FrameHeader *header, const uint8_t *payload, size_t length, int *fds,
                    unsigned n_fds)
{
    uint32_t word = GUINT32_TO_BE(n_fds);
    switch (header->procedure) {
    case ECHO: answer_later(client, make_reply(header, FRAME_REPLY, payload, length), false); return;
    case NEVER: note(&the_fixture->never); return;
    case COUNT_FDS: {
        GByteArray *reply = make_reply(header, FRAME_REPLY_WITH_FDS, "\0\0\0\1", 4);
        g_byte_array_append(reply, (uint8_t *)&word, 4);
        frame_finish(reply, NULL);
        client_send(client, reply, fds, 1);
        return;
    }
    case REGISTER: {
        int32_t id = 0;
        g_assert_true(event_register(the_hub, client, EVENTS_DOMAIN, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL, &id, NULL));
        g_assert_true(event_register_legacy(the_hub, client, VIR_DOMAIN_EVENT_ID_LIFECYCLE, NULL));
        word = GUINT32_TO_BE((uint32_t)id);
        client_send(client, make_reply(header, FRAME_REPLY, &word, 4), NULL, 0);
        return;
    }
    case EMIT: answer_later(client, make_reply(header, FRAME_REPLY, NULL, 0), true); return;
    default: open_stream(client, header);
    }
}

static void on_client_drained(Client *client)
{
}

static void on_client_closed(Client *client)
{
    note(&the_fixture->closed);
}

static const ServerOps ops = { on_call, on_client_drained, on_client_closed };

/* The main loop of the server in a thread of its own */

static gpointer loop_thread(gpointer data)
{
    Fixture *fixture = data;
    g_main_loop_run(fixture->loop);
    return NULL;
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    const ServerLimits limits = {
        .max_clients = 100, .max_client_requests = 5, .max_workers = 5, .keepalive_interval = 1, .keepalive_count = 1
    };
    const SocketAccess access = { 0600, (gid_t)-1 };
    g_autoptr(GError) error = NULL;
    fixture->dir = g_dir_make_tmp("lodge-rpc-XXXXXX", &error);
    g_assert_no_error(error);
    fixture->path = g_build_filename(fixture->dir, "sock", NULL);
    fixture->aborted = -1;
    the_fixture = fixture;
    main_loop_init();
    the_hub = event_hub_new();
    the_server = server_new("test", &ops, &limits);
    g_assert_true(server_listen_unix(the_server, fixture->path, ROLE_READ_WRITE, &access, &error));
    fixture->loop = g_main_loop_new(NULL, FALSE);
    fixture->thread = g_thread_new("loop", loop_thread, fixture);
}

static void quit(gpointer loop)
{
    g_main_loop_quit(loop);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    main_loop_post(quit, fixture->loop);
    g_thread_join(fixture->thread);
    server_free(the_server);
    main_loop_close();
    event_hub_free(the_hub);
    g_main_loop_unref(fixture->loop);
    g_assert_cmpint(g_access(fixture->path, F_OK), ==, -1); /* the socket went with the server */
    g_assert_cmpint(g_rmdir(fixture->dir), ==, 0);
    g_free(fixture->path);
    g_free(fixture->dir);
}

static void wait_closed(Fixture *fixture, unsigned count)
{
    gint64 deadline = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;
    g_mutex_lock(&fixture->lock);
    while (fixture->closed < count)
        g_assert_true(g_cond_wait_until(&fixture->changed, &fixture->lock, deadline));
    g_mutex_unlock(&fixture->lock);
}

static void wait_stream_end(Fixture *fixture, int aborted)
{
    gint64 deadline = g_get_monotonic_time() + 20 * G_TIME_SPAN_SECOND;
    g_mutex_lock(&fixture->lock);
    while (fixture->aborted < 0)
        g_assert_true(g_cond_wait_until(&fixture->changed, &fixture->lock, deadline));
    g_assert_cmpint(fixture->aborted, ==, aborted);
    g_mutex_unlock(&fixture->lock);
}

/* The tests */

static void test_pipelined(Fixture *fixture, gconstpointer data)
{
    enum { CALLS = 300 };
    auto_fd int fd = wire_connect(fixture->path);
    g_autofree bool *seen = g_new0(bool, CALLS);
    for (uint32_t i = 0; i < CALLS; i++)
        wire_send(fd, PROGRAM_REMOTE, ECHO, FRAME_CALL, i, FRAME_OK, &i, 4);
    for (unsigned i = 0; i < CALLS; i++) {
        FrameHeader header;
        g_autoptr(GByteArray) payload = wire_receive(fd, &header);
        uint32_t value;
        memcpy(&value, payload->data, 4);
        g_assert_cmpuint(header.serial, ==, value);
        g_assert_false(seen[value]);
        seen[value] = true;
    }
}

/* One byte at a time, and a frame as large as allowed. */
static void test_pieces(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = wire_connect(fixture->path);
    FrameHeader header = { PROGRAM_REMOTE, FRAME_VERSION, ECHO, FRAME_CALL, 9, FRAME_OK };
    g_autoptr(GByteArray) frame = frame_new(&header);
    g_byte_array_append(frame, (const uint8_t *)"1234", 4);
    frame_finish(frame, NULL);
    for (guint i = 0; i < frame->len; i++)
        wire_send_bytes(fd, frame->data + i, 1);
    g_autoptr(GByteArray) payload = wire_receive(fd, &header);
    g_assert_cmpmem(payload->data, payload->len, "1234", 4);

    g_byte_array_set_size(frame, FRAME_MAX);
    memset(frame->data + FRAME_HEADER_SIZE, 7, frame->len - FRAME_HEADER_SIZE);
    frame_finish(frame, NULL);
    wire_send_bytes(fd, frame->data, frame->len);
    g_autoptr(GByteArray) large = wire_receive(fd, &header);
    g_assert_cmpuint(large->len, ==, FRAME_MAX - FRAME_HEADER_SIZE);
}

static void test_malformed_length(Fixture *fixture, gconstpointer data)
{
    static const uint32_t lengths[] = { 0, 27, 0xffffffff, 0x80000000, FRAME_MAX + 1 };
    for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
        auto_fd int fd = wire_connect(fixture->path);
        uint32_t word = GUINT32_TO_BE(lengths[i]);
        wire_send_bytes(fd, &word, 4);
        uint8_t byte;
        g_assert_cmpint(recv(fd, &byte, 1, 0), ==, 0);
        wait_closed(fixture, i + 1);
    }
}

static void test_ping_beside_calls(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = wire_connect(fixture->path);
    for (uint32_t i = 0; i < 50; i++)
        wire_send(fd, PROGRAM_REMOTE, NEVER, FRAME_CALL, i, FRAME_OK, NULL, 0);
    wire_send(fd, PROGRAM_KEEPALIVE, KEEPALIVE_PING, FRAME_EVENT, 0, FRAME_OK, NULL, 0);
    FrameHeader header;
    g_autoptr(GByteArray) payload = wire_receive(fd, &header);
    g_assert_cmpuint(header.program, ==, PROGRAM_KEEPALIVE);
    g_assert_cmpuint(header.procedure, ==, KEEPALIVE_PONG);
    g_assert_cmpuint(header.type, ==, FRAME_EVENT);
}

static void start_pinging(gpointer data)
{
    client_start_keepalive(g_queue_peek_head(&the_server->clients));
}

/* A client that does not answer is pinged once and then dropped. */
static void test_unanswered_ping(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = wire_connect(fixture->path);
    FrameHeader header;
    wire_send(fd, PROGRAM_REMOTE, ECHO, FRAME_CALL, 1, FRAME_OK, NULL, 0);
    g_byte_array_unref(wire_receive(fd, &header));
    main_loop_post(start_pinging, NULL);
    g_byte_array_unref(wire_receive(fd, &header));
    g_assert_cmpuint(header.procedure, ==, KEEPALIVE_PING);
    wait_closed(fixture, 1);
}

static void send_fd(int socket, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    char byte = 0;
    struct iovec part = { &byte, 1 };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    control.header =
        (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    g_assert_cmpint(sendmsg(socket, &message, MSG_NOSIGNAL), ==, 1);
}

static int receive_fd(int socket)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { 0 };
    char byte;
    struct iovec part = { &byte, 1 };
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    int fd = -1;
    g_assert_cmpint(recvmsg(socket, &message, MSG_CMSG_CLOEXEC), ==, 1);
    memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    return fd;
}

static void test_descriptors(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = wire_connect(fixture->path);
    int ends[2];
    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    auto_fd int read_end = ends[0], write_end = ends[1];
    uint32_t count = GUINT32_TO_BE(2);
    wire_send(fd, PROGRAM_REMOTE, COUNT_FDS, FRAME_CALL_WITH_FDS, 1, FRAME_OK, &count, 4);
    send_fd(fd, write_end);
    send_fd(fd, write_end);
    /* The next call is right behind. */
    wire_send(fd, PROGRAM_REMOTE, ECHO, FRAME_CALL, 2, FRAME_OK, "abcd", 4);
    FrameHeader header;
    g_autoptr(GByteArray) payload = wire_receive(fd, &header);
    g_assert_cmpuint(header.type, ==, FRAME_REPLY_WITH_FDS);
    g_assert_cmpuint(frame_read_u32(payload->data), ==, 1);
    g_assert_cmpuint(frame_read_u32(payload->data + 4), ==, 2);
    auto_fd int back = receive_fd(fd);
    char byte = 0;
    g_assert_cmpint(write(back, "x", 1), ==, 1);
    g_assert_cmpint(read(read_end, &byte, 1), ==, 1);
    g_assert_cmpint(byte, ==, 'x');
    g_autoptr(GByteArray) echo = wire_receive(fd, &header);
    g_assert_cmpuint(header.serial, ==, 2);
}

static void test_missing_descriptors(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = wire_connect(fixture->path);
    uint32_t count = GUINT32_TO_BE(1);
    wire_send(fd, PROGRAM_REMOTE, COUNT_FDS, FRAME_CALL_WITH_FDS, 1, FRAME_OK, &count, 4);
    wire_send_bytes(fd, "x", 1); /* the byte, but no descriptor with it */
    wait_closed(fixture, 1);
    auto_fd int second = wire_connect(fixture->path);
    count = GUINT32_TO_BE(FRAME_MAX_FDS + 1);
    wire_send(second, PROGRAM_REMOTE, COUNT_FDS, FRAME_CALL_WITH_FDS, 1, FRAME_OK, &count, 4);
    wait_closed(fixture, 2);
}

static void test_events(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = wire_connect(fixture->path);
    FrameHeader header;
    wire_send(fd, PROGRAM_REMOTE, REGISTER, FRAME_CALL, 1, FRAME_OK, NULL, 0);
    g_autoptr(GByteArray) reply = wire_receive(fd, &header);
    uint32_t id = frame_read_u32(reply->data);
    wire_send(fd, PROGRAM_REMOTE, EMIT, FRAME_CALL, 2, FRAME_OK, NULL, 0);
    int32_t next = 0, next_legacy = 0;
    for (int i = 0; i < 200; i++) {
        g_autoptr(GByteArray) payload = wire_receive(fd, &header);
        g_assert_cmpuint(header.type, ==, FRAME_EVENT);
        g_assert_cmpuint(header.serial, ==, 0);
        if (header.procedure == procedure_rows[PROC_DOMAIN_EVENT_LIFECYCLE].number) {
            DomainEventLifecycleMsg msg = { 0 };
            g_assert_true(xdr_decode(&xdr_DomainEventLifecycleMsg, payload->data, payload->len, &msg, NULL));
            g_assert_cmpint(msg.event, ==, next_legacy++);
            xdr_clear(&xdr_DomainEventLifecycleMsg, &msg);
            continue;
        }
        DomainEventCallbackLifecycleMsg msg = { 0 };
        g_assert_true(xdr_decode(&xdr_DomainEventCallbackLifecycleMsg, payload->data, payload->len, &msg, NULL));
        g_assert_cmpint(msg.callback_id, ==, (int32_t)id);
        g_assert_cmpint(msg.msg.event, ==, next++);
        xdr_clear(&xdr_DomainEventCallbackLifecycleMsg, &msg);
    }
    /* The reply of the call that raised them comes after them. */
    g_autoptr(GByteArray) last = wire_receive(fd, &header);
    g_assert_cmpuint(header.serial, ==, 2);
    auto_fd_close(&fd);
    wait_closed(fixture, 1);
    g_assert_false(event_is_wanted(the_hub, PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE));
}

static uint32_t open_stream_call(int fd, int id, uint32_t serial)
{
    uint32_t number = procedure_rows[id].number;
    FrameHeader header;
    wire_send(fd, PROGRAM_REMOTE, number, FRAME_CALL, serial, FRAME_OK, NULL, 0);
    g_byte_array_unref(wire_receive(fd, &header));
    g_assert_cmpuint(header.type, ==, FRAME_REPLY);
    return number;
}

static void test_download(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = wire_connect(fixture->path);
    uint32_t number = open_stream_call(fd, SOURCE, 5);
    size_t got = 0;
    for (;;) {
        FrameHeader header;
        g_autoptr(GByteArray) payload = wire_receive(fd, &header);
        g_assert_cmpuint(header.serial, ==, 5);
        g_assert_cmpuint(header.status, ==, FRAME_CONTINUE);
        got += payload->len;
        if (payload->len == 0)
            break;
    }
    g_assert_cmpuint(got, ==, SOURCE_BYTES);
    wire_send(fd, PROGRAM_REMOTE, number, FRAME_STREAM, 5, FRAME_OK, NULL, 0);
    FrameHeader header;
    g_autoptr(GByteArray) end = wire_receive(fd, &header);
    g_assert_cmpuint(header.status, ==, FRAME_OK);
    g_assert_cmpuint(header.type, ==, FRAME_STREAM);
    wait_stream_end(fixture, 0);
}

static void test_upload(Fixture *fixture, gconstpointer data)
{
    static const uint8_t zeros[200000];
    auto_fd int fd = wire_connect(fixture->path);
    uint32_t number = open_stream_call(fd, SINK, 6);
    for (int i = 0; i < 20; i++)
        wire_send(fd, PROGRAM_REMOTE, number, FRAME_STREAM, 6, FRAME_CONTINUE, zeros, sizeof zeros);
    wire_send(fd, PROGRAM_REMOTE, number, FRAME_STREAM, 6, FRAME_OK, NULL, 0);
    FrameHeader header;
    g_autoptr(GByteArray) end = wire_receive(fd, &header);
    g_assert_cmpuint(header.status, ==, FRAME_OK);
    wait_stream_end(fixture, 0);
    g_assert_cmpuint(fixture->received, ==, 20 * sizeof zeros);
}

static void test_stream_abort(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = wire_connect(fixture->path);
    uint32_t number = open_stream_call(fd, SINK, 7);
    wire_send(fd, PROGRAM_REMOTE, number, FRAME_STREAM, 7, FRAME_ERROR, NULL, 0);
    FrameHeader header;
    g_autoptr(GByteArray) end = wire_receive(fd, &header);
    g_assert_cmpuint(header.status, ==, FRAME_OK);
    wait_stream_end(fixture, 1);
    /* What comes late for a stream that has ended is ignored. */
    wire_send(fd, PROGRAM_REMOTE, number, FRAME_STREAM, 7, FRAME_CONTINUE, "late", 4);
    wire_send(fd, PROGRAM_REMOTE, ECHO, FRAME_CALL, 8, FRAME_OK, NULL, 0);
    g_autoptr(GByteArray) echo = wire_receive(fd, &header);
    g_assert_cmpuint(header.serial, ==, 8);
}

static void test_stream_hole_refused(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = wire_connect(fixture->path);
    uint32_t number = open_stream_call(fd, SINK, 9);
    static const uint8_t hole[12] = { [7] = 16 };
    wire_send(fd, PROGRAM_REMOTE, number, FRAME_STREAM_HOLE, 9, FRAME_CONTINUE, hole, sizeof hole);
    FrameHeader header;
    g_autoptr(GByteArray) payload = wire_receive(fd, &header);
    g_assert_cmpuint(header.status, ==, FRAME_ERROR);
    WireError wire = { 0 };
    g_assert_true(xdr_decode(&xdr_WireError, payload->data, payload->len, &wire, NULL));
    g_autoptr(GError) error = wire_error_to(&wire);
    g_assert_true(error_is(error, VIR_ERR_OPERATION_INVALID));
    xdr_clear(&xdr_WireError, &wire);
}

/* A client that leaves in the middle of a download: the sender is told. */
static void test_stream_client_gone(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = wire_connect(fixture->path);
    open_stream_call(fd, SOURCE, 5);
    auto_fd_close(&fd);
    wait_stream_end(fixture, 1);
}

static void test_busy_socket(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    const SocketAccess access = { 0600, (gid_t)-1 };
    g_assert_false(server_listen_unix(the_server, fixture->path, ROLE_READ_WRITE, &access, &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_INVALID));
    g_clear_error(&error);
    g_autofree char *far = g_strnfill(200, 'x');
    g_assert_false(server_listen_unix(the_server, far, ROLE_READ_WRITE, &access, &error));
    g_assert_true(error_is(error, VIR_ERR_INVALID_ARG));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Fixture *fixture, gconstpointer data);
    } tests[] = {
        { "/rpc/pipelined", test_pipelined },
        { "/rpc/pieces", test_pieces },
        { "/rpc/malformed-length", test_malformed_length },
        { "/rpc/ping-beside-calls", test_ping_beside_calls },
        { "/rpc/unanswered-ping", test_unanswered_ping },
        { "/rpc/descriptors", test_descriptors },
        { "/rpc/missing-descriptors", test_missing_descriptors },
        { "/rpc/events", test_events },
        { "/rpc/download", test_download },
        { "/rpc/upload", test_upload },
        { "/rpc/stream-abort", test_stream_abort },
        { "/rpc/stream-hole-refused", test_stream_hole_refused },
        { "/rpc/stream-client-gone", test_stream_client_gone },
        { "/rpc/busy-socket", test_busy_socket },
    };
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, Fixture, NULL, set_up, tests[i].run, tear_down);
    return g_test_run();
}
