/* SPDX-License-Identifier: Apache-2.0 */
/* liblodge against a server that this test plays itself, message by message. */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <lodge/lodge.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define REMOTE    0x20008086u
#define KEEPALIVE 0x6b656570u

typedef struct {
    uint32_t length, program, version, procedure, type, serial, status;
} Header;

typedef struct {
    char *directory, *path, *uri;
    int listener, fd;
    GThread *thread;
} Server;

static bool read_full(int fd, void *data, size_t size)
{
    char *at = data;
    while (size) {
        ssize_t got = read(fd, at, size);
        if (got <= 0)
            return false;
        at += got;
        size -= (size_t)got;
    }
    return true;
}

static void write_full(int fd, const void *data, size_t size)
{
    g_assert_cmpint(send(fd, data, size, MSG_NOSIGNAL), ==, (ssize_t)size);
}

/* The next message; its payload is appended to @payload. False at the end. */
static bool receive(int fd, Header *ret_header, GByteArray *payload)
{
    uint32_t words[7];
    if (!read_full(fd, words, sizeof words))
        return false;
    for (int i = 0; i < 7; i++)
        words[i] = GUINT32_FROM_BE(words[i]);
    memcpy(ret_header, words, sizeof *ret_header);
    g_byte_array_set_size(payload, ret_header->length - sizeof words);
    return !payload->len || read_full(fd, payload->data, payload->len);
}

static void answer(int fd, const Header *call, uint32_t type, uint32_t status, const void *payload, size_t size)
{
    uint32_t words[7] = { (uint32_t)(28 + size), call->program, 1, call->procedure, type, call->serial, status };
    g_autoptr(GByteArray) message = g_byte_array_new();
    for (int i = 0; i < 7; i++)
        words[i] = GUINT32_TO_BE(words[i]);
    g_byte_array_append(message, (uint8_t *)words, sizeof words);
    g_byte_array_append(message, payload, (guint)size);
    write_full(fd, message->data, message->len);
}

static void put(GByteArray *out, uint32_t word)
{
    word = GUINT32_TO_BE(word);
    g_byte_array_append(out, (uint8_t *)&word, sizeof word);
}

static void put_string(GByteArray *out, const char *text)
{
    static const uint8_t zeros[3];
    size_t length = strlen(text);
    put(out, (uint32_t)length);
    g_byte_array_append(out, (const uint8_t *)text, (guint)length);
    g_byte_array_append(out, zeros, (guint)(-length & 3));
}

static void put_domain(GByteArray *out, const char *name)
{
    static const uint8_t uuid[16] = { 1, 2, 3 };
    put_string(out, name);
    g_byte_array_append(out, uuid, sizeof uuid);
    put(out, 7);
}

/* auth_list, connect_open and connect_close as any server answers them. */
static bool handled_opening(int fd, const Header *call)
{
    const uint32_t no_auth[2] = { GUINT32_TO_BE(1), 0 };
    if (call->program != REMOTE || (call->procedure != 66 && call->procedure != 1 && call->procedure != 2))
        return false;
    answer(fd, call, 1, 0, no_auth, call->procedure == 66 ? sizeof no_auth : 0);
    return true;
}

static void server_start(Server *server, GThreadFunc function)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    server->directory = g_dir_make_tmp("lt-XXXXXX", NULL);
    server->path = g_build_filename(server->directory, "s", NULL);
    server->uri = g_strdup_printf("qemu+unix:///system?socket=%s", server->path);
    g_strlcpy(address.sun_path, server->path, sizeof address.sun_path);
    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(server->listener, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(server->listener, 1), ==, 0);
    server->thread = g_thread_new("server", function, server);
}

static void server_stop(Server *server)
{
    g_thread_join(server->thread);
    close(server->listener);
    g_unlink(server->path);
    g_rmdir(server->directory);
    g_free(server->path);
    g_free(server->directory);
    g_free(server->uri);
}

static int server_accept(Server *server)
{
    return server->fd = accept(server->listener, NULL, NULL);
}

/* --- replies that overtake each other, keepalive in between, errors --- */

#define CALLS 8

/* Collects calls of domain_lookup_by_id, then answers them in the reverse order. */
static gpointer serve_reversed(gpointer data)
{
    int fd = server_accept(data);
    g_autoptr(GByteArray) payload = g_byte_array_new();
    Header calls[CALLS], header;
    uint32_t ids[CALLS];
    unsigned count = 0;
    bool pong = false;
    while (receive(fd, &header, payload)) {
        if (header.program == KEEPALIVE) {
            pong |= header.procedure == 2;
            continue;
        }
        if (handled_opening(fd, &header))
            continue;
        memcpy(&ids[count], payload->data, 4);
        calls[count++] = header;
        if (count < CALLS)
            continue;
        answer(fd, &(Header){ .program = KEEPALIVE, .procedure = 1 }, 2, 0, NULL, 0);
        while (count) {
            g_autoptr(GByteArray) reply = g_byte_array_new();
            count--;
            g_autofree char *name = g_strdup_printf("guest-%u", GUINT32_FROM_BE(ids[count]));
            put_domain(reply, name);
            answer(fd, &calls[count], 1, 0, reply->data, reply->len);
        }
    }
    close(fd);
    g_assert_true(pong);
    return NULL;
}

typedef struct {
    LodgeConnection *connection;
    int id;
} Lookup;

static gpointer look_up(gpointer data)
{
    Lookup *lookup = data;
    g_auto(LodgeDomain) domain = { 0 };
    g_autoptr(GError) error = NULL;
    g_autofree char *expected = g_strdup_printf("guest-%d", lookup->id);
    g_assert_true(lodge_domain_lookup_by_id(lookup->connection, lookup->id, &domain, &error));
    g_assert_cmpstr(domain.name, ==, expected);
    g_assert_cmpint(domain.id, ==, 7);
    return NULL;
}

static void test_threads(void)
{
    Server server = { 0 };
    g_autoptr(GError) error = NULL;
    GThread *threads[CALLS];
    Lookup lookups[CALLS];
    server_start(&server, serve_reversed);
    LodgeConnection *connection = lodge_connection_open(server.uri, 0, &error);
    g_assert_no_error(error);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < CALLS; i++) {
            lookups[i] = (Lookup){ connection, i };
            threads[i] = g_thread_new("caller", look_up, &lookups[i]);
        }
        for (int i = 0; i < CALLS; i++)
            g_thread_join(threads[i]);
    }
    lodge_connection_unref(connection);
    server_stop(&server);
}

/* --- an error, a malformed reply, the end of the connection --- */

static gpointer serve_trouble(gpointer data)
{
    int fd = server_accept(data);
    g_autoptr(GByteArray) payload = g_byte_array_new();
    Header header;
    int calls = 0;
    while (receive(fd, &header, payload)) {
        g_autoptr(GByteArray) reply = g_byte_array_new();
        if (handled_opening(fd, &header))
            continue;
        switch (calls++) {
        case 0:
            put(reply, VIR_ERR_NO_DOMAIN);
            put(reply, VIR_FROM_QEMU);
            put(reply, 1);
            put_string(reply, "Domain not found: none named so");
            put(reply, 2);
            for (int i = 0; i < 4; i++)
                put(reply, 0);
            put(reply, 0), put(reply, 0), put(reply, 0);
            answer(fd, &header, 1, 1, reply->data, reply->len);
            break;
        case 1:
            put(reply, 0x7fffffff); /* a string of 2 GiB in a reply of 4 bytes */
            answer(fd, &header, 1, 0, reply->data, reply->len);
            break;
        default: shutdown(fd, SHUT_RDWR);
        }
    }
    close(fd);
    return NULL;
}

static void test_trouble(void)
{
    Server server = { 0 };
    g_autoptr(GError) error = NULL;
    LodgeDomain domain = { .id = 42 };
    server_start(&server, serve_trouble);
    g_autoptr(LodgeConnection) connection = lodge_connection_open(server.uri, LODGE_OPEN_READ_ONLY, &error);
    g_assert_no_error(error);
    g_assert_false(lodge_domain_lookup_by_name(connection, "x", &domain, &error));
    g_assert_error(error, LODGE_ERROR, VIR_ERR_NO_DOMAIN);
    g_assert_cmpstr(error->message, ==, "Domain not found: none named so");
    g_clear_error(&error);
    g_assert_false(lodge_domain_lookup_by_name(connection, "x", &domain, &error));
    g_assert_error(error, LODGE_ERROR, VIR_ERR_RPC);
    g_clear_error(&error);
    g_assert_false(lodge_domain_lookup_by_name(connection, "x", &domain, &error));
    g_assert_error(error, LODGE_ERROR, VIR_ERR_RPC);
    g_assert_cmpint(domain.id, ==, 42);
    g_assert_false(lodge_connection_is_open(connection));
    g_clear_error(&error);
    g_assert_cmpint(lodge_connection_dispatch(connection, -1, &error), ==, -1);
    server_stop(&server);
}

/* --- events: one that follows its registration's reply at once must not be lost --- */

static gpointer serve_event(gpointer data)
{
    int fd = server_accept(data);
    g_autoptr(GByteArray) payload = g_byte_array_new();
    Header header;
    while (receive(fd, &header, payload)) {
        g_autoptr(GByteArray) reply = g_byte_array_new(), event = g_byte_array_new();
        if (handled_opening(fd, &header))
            continue;
        if (header.procedure == 316) {
            put(reply, 5);
            answer(fd, &header, 1, 0, reply->data, reply->len);
            put(event, 5);
            put_domain(event, "web");
            put(event, 2);
            put(event, 0);
            answer(fd, &(Header){ .program = REMOTE, .procedure = 318 }, 2, 0, event->data, event->len);
            answer(fd, &(Header){ .program = REMOTE, .procedure = 318 }, 2, 0, "\0\0\0\1", 4); /* malformed: dropped */
        } else {
            answer(fd, &header, 1, 0, NULL, 0);
        }
    }
    close(fd);
    return NULL;
}

static void on_event(LodgeConnection *connection, const LodgeEvent *event, void *data)
{
    const LodgeDomainEventCallbackLifecycleEvent *message = event->message;
    g_assert_cmpint(event->type, ==, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_LIFECYCLE);
    g_assert_cmpint(event->callback_id, ==, 5);
    g_assert_cmpstr(message->msg.dom.name, ==, "web");
    g_assert_cmpint(message->msg.event, ==, 2);
    (*(int *)data)++;
}

static void count_up(gpointer data)
{
    (*(int *)data) += 100;
}

static gboolean give_up(gpointer data)
{
    g_assert_not_reached();
}

static void test_events(void)
{
    Server server = { 0 };
    g_autoptr(GError) error = NULL;
    int count = 0;
    server_start(&server, serve_event);
    LodgeConnection *connection = lodge_connection_open(server.uri, 0, &error);
    g_assert_no_error(error);
    int watch = lodge_watch(connection, LODGE_WATCH_DOMAIN, 0, NULL, on_event, &count, count_up, &error);
    g_assert_no_error(error);
    g_assert_cmpint(lodge_connection_dispatch(connection, 5000, &error), ==, 1);
    g_assert_cmpint(count, ==, 1);
    g_assert_cmpint(lodge_connection_dispatch(connection, 0, &error), ==, 0);
    g_assert_true(lodge_unwatch(connection, watch, &error));
    g_assert_cmpint(count, ==, 101);
    g_assert_false(lodge_unwatch(connection, watch, &error));
    g_clear_error(&error);

    /* The same by a main loop. */
    GMainContext *context = g_main_context_new();
    GSource *source = lodge_connection_create_source(connection), *timer = g_timeout_source_new(5000);
    g_source_set_callback(timer, give_up, NULL, NULL);
    g_source_attach(source, context);
    g_source_attach(timer, context);
    count = 0;
    g_assert_cmpint(lodge_watch(connection, LODGE_WATCH_DOMAIN, 0, NULL, on_event, &count, NULL, &error), >=, 0);
    while (!count)
        g_main_context_iteration(context, TRUE);
    g_source_destroy(source);
    g_source_destroy(timer);
    g_source_unref(source);
    g_source_unref(timer);
    g_main_context_unref(context);
    lodge_connection_unref(connection);
    server_stop(&server);
}

/* --- streams --- */

/* domain_screenshot: data, its end, then the finish; domain_open_console: echoes, then aborts. */
static gpointer serve_streams(gpointer data)
{
    int fd = server_accept(data);
    g_autoptr(GByteArray) payload = g_byte_array_new();
    Header header;
    while (receive(fd, &header, payload)) {
        g_autoptr(GByteArray) reply = g_byte_array_new();
        if (handled_opening(fd, &header))
            continue;
        if (header.type == 0 && header.procedure == 211) {
            put(reply, 1);
            put_string(reply, "image/png");
            answer(fd, &header, 1, 0, reply->data, reply->len);
            for (int i = 0; i < 100; i++)
                answer(fd, &header, 3, 2, "0123456789", 10);
            answer(fd, &header, 3, 2, NULL, 0);
        } else if (header.type == 0) {
            answer(fd, &header, 1, 0, NULL, 0);
        } else if (header.type == 3 && header.status == 2) {
            answer(fd, &header, 3, 2, payload->data, payload->len);
        } else if (header.type == 3 && header.status == 0) {
            answer(fd, &header, 3, 0, NULL, 0);
        }
    }
    close(fd);
    return NULL;
}

static void test_streams(void)
{
    Server server = { 0 };
    g_autoptr(GError) error = NULL;
    g_autoptr(LodgeStream) picture = NULL, console = NULL;
    g_autofree char *mime = NULL;
    const LodgeDomain domain = { .name = (char *)"web" };
    char buffer[64];
    size_t total = 0;
    gssize got;
    server_start(&server, serve_streams);
    LodgeConnection *connection = lodge_connection_open(server.uri, 0, &error);
    g_assert_no_error(error);
    g_assert_true(lodge_domain_screenshot(connection, &domain, 0, 0, &mime, &picture, &error));
    g_assert_cmpstr(mime, ==, "image/png");
    while ((got = lodge_stream_receive(picture, buffer, sizeof buffer, &error)) > 0)
        total += (size_t)got;
    g_assert_cmpint(got, ==, 0);
    g_assert_cmpuint(total, ==, 1000);
    g_assert_true(lodge_stream_finish(picture, &error));
    g_assert_false(lodge_stream_send(picture, "x", 1, &error));
    g_assert_error(error, LODGE_ERROR, VIR_ERR_INVALID_STREAM);
    g_clear_error(&error);

    g_assert_true(lodge_domain_open_console(connection, &domain, NULL, 0, &console, &error));
    g_assert_cmpint(lodge_stream_receive_now(console, buffer, sizeof buffer, &error), ==, -2);
    g_assert_true(lodge_stream_send(console, "hello", 5, &error));
    struct pollfd poll_fd = { .fd = lodge_stream_get_fd(console), .events = POLLIN };
    g_assert_cmpint(poll(&poll_fd, 1, 5000), ==, 1);
    g_assert_cmpint(lodge_stream_receive_now(console, buffer, sizeof buffer, &error), ==, 5);
    g_assert_cmpint(lodge_stream_receive_now(console, buffer, sizeof buffer, &error), ==, -2);
    g_assert_cmpint(poll(&poll_fd, 1, 0), ==, 0);
    g_assert_true(lodge_stream_abort(console, &error));
    lodge_connection_unref(connection);
    g_clear_pointer(&picture, lodge_stream_free);
    g_clear_pointer(&console, lodge_stream_free);
    server_stop(&server);
}

/* --- descriptors, there and back --- */

static void send_fd(int fd, int passed)
{
    char dummy = 0, control[CMSG_SPACE(sizeof passed)] = { 0 };
    struct iovec vector = { &dummy, 1 };
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof passed);
    memcpy(CMSG_DATA(head), &passed, sizeof passed);
    g_assert_cmpint(sendmsg(fd, &message, 0), ==, 1);
}

static int receive_fd(int fd)
{
    char dummy, control[CMSG_SPACE(sizeof(int))];
    struct iovec vector = { &dummy, 1 };
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
    };
    int passed;
    g_assert_cmpint(recvmsg(fd, &message, 0), ==, 1);
    memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof passed);
    return passed;
}

static gpointer serve_fds(gpointer data)
{
    int fd = server_accept(data);
    g_autoptr(GByteArray) payload = g_byte_array_new();
    Header header;
    while (receive(fd, &header, payload)) {
        g_autoptr(GByteArray) reply = g_byte_array_new();
        if (header.program == KEEPALIVE || handled_opening(fd, &header))
            continue;
        if (header.type == 4) { /* domain_fd_associate with one descriptor: writes into it */
            g_assert_cmpint(payload->data[3], ==, 1);
            int passed = receive_fd(fd);
            g_assert_cmpint(write(passed, "thanks", 6), ==, 6);
            close(passed);
            answer(fd, &header, 1, 0, NULL, 0);
        } else { /* domain_open_graphics_fd: the reading end of a pipe, and a second reply right behind */
            int ends[2];
            g_assert_cmpint(pipe(ends), ==, 0);
            g_assert_cmpint(write(ends[1], "pixels", 6), ==, 6);
            put(reply, 1);
            answer(fd, &header, 5, 0, reply->data, reply->len);
            send_fd(fd, ends[0]);
            answer(fd, &(Header){ .program = KEEPALIVE, .procedure = 1 }, 2, 0, NULL, 0);
            close(ends[0]);
            close(ends[1]);
        }
    }
    close(fd);
    return NULL;
}

static void test_fds(void)
{
    Server server = { 0 };
    g_autoptr(GError) error = NULL;
    LodgeDomain domain = { .name = (char *)"web" };
    char buffer[16] = { 0 };
    int ends[2], graphics = -1;
    g_assert_cmpint(pipe(ends), ==, 0);
    server_start(&server, serve_fds);
    LodgeConnection *connection = lodge_connection_open(server.uri, 0, &error);
    g_assert_no_error(error);
    g_assert_true(lodge_domain_fd_associate(connection, &domain, "disk", 0, &ends[1], 1, &error));
    g_assert_cmpint(read(ends[0], buffer, sizeof buffer), ==, 6);
    g_assert_true(lodge_domain_open_graphics_fd(connection, &domain, 0, 0, &graphics, &error));
    g_assert_cmpint(read(graphics, buffer, sizeof buffer), ==, 6);
    g_assert_cmpstr(buffer, ==, "pixels");
    close(graphics);
    close(ends[0]);
    close(ends[1]);
    lodge_connection_unref(connection);
    server_stop(&server);
}

/* --- where to connect --- */

static void test_uris(void)
{
    static const struct {
        const char *uri;
        int code;
        const char *words;
    } cases[] = {
        { "qemu+unix:///system?socket=/nowhere/sock", VIR_ERR_NO_CONNECT, "nothing listens on /nowhere/sock" },
        { "xen:///system", VIR_ERR_CONFIG_UNSUPPORTED, "only the qemu driver" },
        { "qemu:///nonsense", VIR_ERR_INVALID_ARG, "/system or /session" },
        { "qemu://host/system", VIR_ERR_CONFIG_UNSUPPORTED, "no TLS transport" },
        { "qemu+carrier-pigeon://host/system", VIR_ERR_CONFIG_UNSUPPORTED, "carrier-pigeon" },
        { "qemu+tcp://127.0.0.1:1/system", VIR_ERR_NO_CONNECT, "nothing listens on 127.0.0.1 port 1" },
        { "no-such-alias", VIR_ERR_INVALID_ARG, "uri_aliases" },
        { "qemu+ext:///system", VIR_ERR_INVALID_ARG, "command=" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(lodge_connection_open(cases[i].uri, 0, &error));
        g_assert_error(error, LODGE_ERROR, cases[i].code);
        g_assert_nonnull(strstr(error->message, cases[i].words));
    }
}

static void test_alias(void)
{
    g_autofree char *folder = g_build_filename(g_get_user_config_dir(), "lodge", NULL);
    g_autofree char *file = g_build_filename(folder, "client.conf", NULL);
    g_autoptr(GError) error = NULL;
    g_mkdir_with_parents(folder, 0700);
    g_assert_true(g_file_set_contents(file,
                                      "# hosts\nuri_aliases = [\n  \"a=qemu+unix:///system?socket=/nowhere/a\",\n"
                                      "  'b=qemu+unix:///system?socket=/nowhere/b',\n]\n",
                                      -1, NULL));
    g_assert_null(lodge_connection_open("b", 0, &error));
    g_assert_nonnull(strstr(error->message, "/nowhere/b"));
    g_clear_error(&error);
    g_assert_true(g_file_set_contents(file, "\nuri_aliases = oops\n", -1, NULL));
    g_assert_null(lodge_connection_open("b", 0, &error));
    g_assert_error(error, LODGE_ERROR, VIR_ERR_CONF_SYNTAX);
    g_assert_nonnull(strstr(error->message, "client.conf:2"));
    g_unlink(file);
    g_rmdir(folder);
}

/* A program in ssh's place keeps what it was called with. */
static void test_ssh(void)
{
    g_autofree char *directory = g_dir_make_tmp("lt-XXXXXX", NULL);
    g_autofree char *program = g_build_filename(directory, "ssh", NULL),
                    *kept = g_build_filename(directory, "argv", NULL);
    g_autofree char *script = g_strdup_printf("#!/bin/sh\nprintf '%%s\\n' \"$@\" > %s\n", kept);
    g_autofree char *uri =
        g_strdup_printf("qemu+ssh://root@rack1:2222/system?command=%s&socket=/x%%20y&no_tty=1", program);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_assert_true(g_file_set_contents_full(program, script, -1, G_FILE_SET_CONTENTS_NONE, 0700, NULL));
    g_assert_null(lodge_connection_open(uri, 0, &error));
    g_assert_true(g_file_get_contents(kept, &text, NULL, NULL));
    g_assert_true(g_str_has_prefix(text, "-p\n2222\n-l\nroot\n-T\n-e\nnone\n-o\nBatchMode=yes\n--\nrack1\nsh -c "));
    g_assert_nonnull(strstr(text, "/x y"));
    g_unlink(program);
    g_unlink(kept);
    g_rmdir(directory);
}

int main(int argc, char **argv)
{
    g_autofree char *config = g_dir_make_tmp("lt-XXXXXX", NULL);
    g_setenv("XDG_CONFIG_HOME", config, TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lib/threads", test_threads);
    g_test_add_func("/lib/trouble", test_trouble);
    g_test_add_func("/lib/events", test_events);
    g_test_add_func("/lib/streams", test_streams);
    g_test_add_func("/lib/fds", test_fds);
    g_test_add_func("/lib/uris", test_uris);
    g_test_add_func("/lib/alias", test_alias);
    g_test_add_func("/lib/ssh", test_ssh);
    int status = g_test_run();
    g_rmdir(config);
    return status;
}
