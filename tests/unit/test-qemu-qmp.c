/* SPDX-License-Identifier: Apache-2.0 */
/* A scripted peer on a socket pair: what a healthy, a slow, a dying and a mad QEMU do to the connection. */
#include "base/auto-fd.h"
#include "base/error.h"
#include "qemu/qmp-object.h"
#include "qemu/qmp.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define GREETING                                                                                                       \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}}, \"capabilities\": []}}\r\n"

typedef struct {
    GMainContext *context;
    GMainLoop *loop;
    GThread *loop_thread, *peer_thread;
    int peer; /* the scripted QEMU's end */
    Qmp *qmp;
    GAsyncQueue *events; /* of char * */
    GMutex lock;
    GCond changed;
    bool closed;
} Fixture;

static gpointer run_loop(gpointer data)
{
    g_main_loop_run(data);
    return NULL;
}

static void on_event(const char *name, JsonObject *data, gint64 when_us, gpointer user_data)
{
    Fixture *f = user_data;
    g_assert_cmpint(when_us, ==, 1000002);
    g_async_queue_push(f->events, g_strdup_printf("%s %s", name, qmp_get_string(data, "id")));
}

static void on_closed(const char *why, gpointer user_data)
{
    Fixture *f = user_data;
    g_assert_nonnull(why);
    g_mutex_lock(&f->lock);
    f->closed = true;
    g_cond_signal(&f->changed);
    g_mutex_unlock(&f->lock);
}

static void set_up(Fixture *f, gconstpointer unused)
{
    int pair[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), ==, 0);
    f->context = g_main_context_new();
    f->loop = g_main_loop_new(f->context, FALSE);
    f->loop_thread = g_thread_new("loop", run_loop, f->loop);
    f->events = g_async_queue_new_full(g_free);
    f->peer = pair[1];
    f->qmp = qmp_new(f->context, pair[0], "guest 'test'", &(QmpCallbacks){ on_event, on_closed, f, NULL });
}

static void tear_down(Fixture *f, gconstpointer unused)
{
    qmp_close(f->qmp);
    g_mutex_lock(&f->lock);
    while (!f->closed)
        g_cond_wait(&f->changed, &f->lock);
    g_mutex_unlock(&f->lock);
    if (f->peer_thread)
        g_thread_join(f->peer_thread);
    qmp_unref(f->qmp);
    g_main_loop_quit(f->loop);
    g_thread_join(f->loop_thread);
    g_main_loop_unref(f->loop);
    g_main_context_unref(f->context);
    g_async_queue_unref(f->events);
    auto_fd_close(&f->peer);
}

static void say(int fd, const char *text)
{
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
}

/* The next line from the daemon, up to 4 KiB, and a descriptor that came with it (-1: none). */
static bool hear(int fd, char *ret_line, int *ret_fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    size_t length = 0;
    *ret_fd = -1;
    for (;;) {
        struct iovec part = { ret_line + length, 1 };
        struct msghdr message = {
            .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
        };
        if (recvmsg(fd, &message, 0) != 1)
            return false;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        if (header && header->cmsg_type == SCM_RIGHTS)
            memcpy(ret_fd, CMSG_DATA(header), sizeof(int));
        if (ret_line[length] == '\n')
            break;
        length++;
        g_assert_cmpuint(length, <, 4096);
    }
    ret_line[length] = '\0';
    return true;
}

/* Replies to every command by its name until the socket closes. */
static gpointer peer_main(gpointer data)
{
    int fd = GPOINTER_TO_INT(data);
    char line[4096];
    int passed;
    say(fd, GREETING);
    while (hear(fd, line, &passed)) {
        g_autoptr(JsonNode) node = json_from_string(line, NULL);
        JsonObject *command = qmp_node_object(node);
        const char *name = qmp_get_string(command, "execute");
        gint64 id = qmp_get_int(command, "id", -1);
        g_autofree char *reply = NULL;
        if (strcmp(name, "slow") == 0)
            continue;
        if (strcmp(name, "late") == 0) {
            g_usleep(150 * 1000);
            reply = g_strdup_printf("{\"return\": {}, \"id\": %d}\r\n", (int)id);
        } else if (strcmp(name, "die") == 0) {
            shutdown(fd, SHUT_RDWR);
            break;
        } else if (strcmp(name, "mad") == 0) {
            reply = g_strdup("{\"return\": [}\n");
        } else if (strcmp(name, "deep") == 0) {
            reply = g_strnfill(200000, '[');
            reply[199999] = '\n';
        } else if (strcmp(name, "fail") == 0) {
            reply = g_strdup_printf(
                "{\"id\": %d, \"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"no such\"}}\r\n", (int)id);
        } else if (strcmp(name, "getfd") == 0) {
            struct stat info;
            g_assert_cmpint(fstat(passed, &info), ==, 0);
            reply = g_strdup_printf("{\"return\": {\"inode\": %d}, \"id\": %d}\r\n", (int)info.st_ino, (int)id);
            close(passed);
        } else {
            reply = g_strdup_printf("{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"GONE\", "
                                    "\"data\": {\"id\": \"x\"}}\r\n{\"return\": {\"name\": \"%s\", \"big\": "
                                    "9223372036854775807}, \"id\": %d}\r\n",
                                    name, (int)id);
        }
        say(fd, reply);
    }
    return NULL;
}

static void start_peer(Fixture *f)
{
    f->peer_thread = g_thread_new("peer", peer_main, GINT_TO_POINTER(f->peer));
    g_autoptr(GError) error = NULL;
    qmp_handshake(f->qmp, 5000, &error);
    g_assert_no_error(error);
    g_free(g_async_queue_pop(f->events));
}

static void test_call(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) value = NULL;
    start_peer(f);
    g_assert_cmpuint(qmp_version(f->qmp), ==, 7002022);
    g_assert_true(qmp_call(f->qmp, "hello", qmp_object("s:a", "b", NULL), 5000, &value, &error));
    g_assert_cmpstr(qmp_get_string(qmp_node_object(value), "name"), ==, "hello");
    g_assert_cmpint(qmp_get_int(qmp_node_object(value), "big", 0), ==, G_MAXINT64);
    g_autofree char *event = g_async_queue_pop(f->events);
    g_assert_cmpstr(event, ==, "GONE x");
    g_assert_false(qmp_call(f->qmp, "fail", NULL, 5000, NULL, &error));
    g_assert_true(error_is(error, VIR_ERR_DEVICE_MISSING));
    g_assert_cmpstr(error->message, ==, "unable to execute QEMU command 'fail': no such");
}

static void test_raw(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) reply = NULL;
    start_peer(f);
    g_assert_true(
        qmp_call_raw_with_fd(f->qmp, qmp_object("s:execute", "fail", "s:id", "mine", NULL), -1, 5000, &reply, &error));
    JsonObject *failure = qmp_get_object(qmp_node_object(reply), "error");
    g_assert_cmpstr(qmp_get_string(failure, "class"), ==, "DeviceNotFound");
}

static gpointer call_many(gpointer data)
{
    for (unsigned i = 0; i < 100; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(JsonNode) value = NULL;
        g_autofree char *name = g_strdup_printf("c%u-%p", i, (void *)g_thread_self());
        qmp_call(data, name, NULL, 5000, &value, &error);
        g_assert_no_error(error);
        g_assert_cmpstr(qmp_get_string(qmp_node_object(value), "name"), ==, name);
    }
    return NULL;
}

static void test_pipelined(Fixture *f, gconstpointer unused)
{
    GThread *threads[4];
    QmpPending *pending[50];
    start_peer(f);
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("caller", call_many, f->qmp);
    for (unsigned i = 0; i < G_N_ELEMENTS(pending); i++)
        pending[i] = qmp_send(f->qmp, "query", NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(pending); i++) {
        g_autoptr(GError) error = NULL;
        if (i % 5 == 0) {
            qmp_forget(pending[i]);
            continue;
        }
        qmp_wait(pending[i], 5000, NULL, &error);
        g_assert_no_error(error);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        g_thread_join(threads[i]);
}

static void test_fd(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) value = NULL;
    struct stat info;
    start_peer(f);
    g_assert_cmpint(fstat(f->peer, &info), ==, 0);
    g_assert_true(qmp_call_with_fd(f->qmp, "getfd", qmp_object("s:fdname", "x", NULL), f->peer, 5000, &value, &error));
    g_assert_cmpint(qmp_get_int(qmp_node_object(value), "inode", 0), ==, (gint64)info.st_ino);
}

static void test_timeout_then_late_reply(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    start_peer(f);
    g_assert_false(qmp_call(f->qmp, "late", NULL, 50, NULL, &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_TIMEOUT));
    g_clear_error(&error);
    g_assert_true(qmp_call(f->qmp, "hello", NULL, 5000, NULL, &error));
}

static void assert_ends(Fixture *f, const char *command)
{
    g_autoptr(GError) error = NULL;
    start_peer(f);
    QmpPending *slow = qmp_send(f->qmp, "slow", NULL);
    gint64 start = g_get_monotonic_time();
    g_assert_false(qmp_call(f->qmp, command, NULL, 30000, NULL, &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_FAILED));
    g_clear_error(&error);
    g_assert_false(qmp_wait(slow, 30000, NULL, &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_FAILED));
    g_clear_error(&error);
    g_assert_false(qmp_call(f->qmp, "hello", NULL, 30000, NULL, &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_FAILED));
    g_assert_cmpint(g_get_monotonic_time() - start, <, 10 * G_USEC_PER_SEC);
    g_assert_true(qmp_is_closed(f->qmp));
}

static void test_death(Fixture *f, gconstpointer unused)
{
    assert_ends(f, "die");
}

static void test_malformed(Fixture *f, gconstpointer unused)
{
    assert_ends(f, "mad");
}

static void test_deep(Fixture *f, gconstpointer unused)
{
    assert_ends(f, "deep");
}

static void test_no_greeting(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(qmp_handshake(f->qmp, 20, &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_TIMEOUT));
    g_clear_error(&error);
    auto_fd_close(&f->peer);
    g_assert_false(qmp_handshake(f->qmp, 30000, &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_FAILED));
}

static void fill(QmpPending **pending, Qmp *qmp, unsigned n)
{
    g_autofree char *ballast = g_strnfill(3000, 'x');
    for (unsigned i = 0; i < n; i++)
        pending[i] = qmp_send(qmp, "hello", qmp_object("s:ballast", ballast, NULL));
}

/* More than the socket holds is sent before the peer reads its first byte. */
static void test_backlog(Fixture *f, gconstpointer unused)
{
    enum { n = 300 };
    QmpPending *pending[n];
    fill(pending, f->qmp, n);
    f->peer_thread = g_thread_new("peer", peer_main, GINT_TO_POINTER(f->peer));
    for (unsigned i = 0; i < n; i++) {
        g_autoptr(GError) error = NULL;
        qmp_wait(pending[i], 10000, NULL, &error);
        g_assert_no_error(error);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/qmp/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("call", test_call);
    ADD("raw", test_raw);
    ADD("pipelined", test_pipelined);
    ADD("fd", test_fd);
    ADD("late", test_timeout_then_late_reply);
    ADD("death", test_death);
    ADD("malformed", test_malformed);
    ADD("deep", test_deep);
    ADD("no-greeting", test_no_greeting);
    ADD("backlog", test_backlog);
    return g_test_run();
}
