/* SPDX-License-Identifier: Apache-2.0 */
/* The whole daemon but main() in a directory of its own: who may call what when, and many clients at once. */
#include "base/auto-fd.h"
#include "base/error.h"
#include "base/main-loop.h"
#include "base/paths.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/dispatch.h"
#include "daemon/sockets.h"
#include "rpc/procedures.h"
#include "rpc/wire-error.h"
#include "wire-client.h"

#include <glib/gstdio.h>
#include <libvirt/libvirt.h>

typedef struct {
    char *root;
    char *path;
    char *path_ro;
    char *path_admin;
    Daemon *daemon;
    GMainLoop *loop;
    GThread *thread;
} Fixture;

static gpointer loop_thread(gpointer data)
{
    g_main_loop_run(((Fixture *)data)->loop);
    return NULL;
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    fixture->root = g_dir_make_tmp("lodge-dispatch-XXXXXX", &error);
    g_assert_no_error(error);
    fixture->path = g_build_filename(fixture->root, "run/libvirt-sock", NULL);
    fixture->path_ro = g_build_filename(fixture->root, "run/libvirt-sock-ro", NULL);
    fixture->path_admin = g_build_filename(fixture->root, "run/libvirt-admin-sock", NULL);
    Paths *paths = paths_new(fixture->root, false);
    g_assert_true(paths_create(paths, &error));
    Config *config = config_parse(data ? data : "", "test", &error);
    g_assert_no_error(error);
    main_loop_init();
    fixture->daemon = daemon_new(paths, config, &error);
    g_assert_no_error(error);
    const InheritedSockets none = { 0 };
    g_assert_true(sockets_open(fixture->daemon, &none, false, &error));
    fixture->loop = g_main_loop_new(NULL, FALSE);
    fixture->thread = g_thread_new("loop", loop_thread, fixture);
}

static void quit(gpointer loop)
{
    g_main_loop_quit(loop);
}

/* Posted to the loop: ends it as soon as no call runs. */
static void quit_when_idle(gpointer loop)
{
    dispatch_on_idle(quit, loop);
}

static void remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *inner = g_build_filename(path, name, NULL);
        remove_tree(inner);
    }
    g_remove(path);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    main_loop_post(quit_when_idle, fixture->loop);
    g_thread_join(fixture->thread);
    main_loop_close();
    daemon_free(fixture->daemon);
    g_main_loop_unref(fixture->loop);
    g_assert_cmpint(g_access(fixture->path, F_OK), ==, -1);
    remove_tree(fixture->root);
    g_free(fixture->root);
    g_free(fixture->path);
    g_free(fixture->path_ro);
    g_free(fixture->path_admin);
}

/* Calls a procedure with its args struct; the error code of the reply, 0 for success. @ret_text: free it. */
static int call(int fd, ProcedureId id, const void *args, void *ret, char **ret_text)
{
    static _Atomic uint32_t last_serial;
    const Procedure *procedure = &procedure_rows[id];
    g_autoptr(GByteArray) payload = g_byte_array_new();
    uint32_t serial = ++last_serial;
    FrameHeader header;
    g_assert_true(xdr_encode(procedure->args, args, payload, NULL));
    wire_send(fd, procedure->program, procedure->number, FRAME_CALL, serial, FRAME_OK, payload->data, payload->len);
    g_autoptr(GByteArray) reply = wire_receive(fd, &header);
    g_assert_cmpuint(header.serial, ==, serial);
    g_assert_cmpuint(header.type, ==, FRAME_REPLY);
    if (header.status == FRAME_OK) {
        if (ret)
            g_assert_true(xdr_decode(procedure->ret, reply->data, reply->len, ret, NULL));
        return 0;
    }
    WireError wire = { 0 };
    g_assert_true(xdr_decode(&xdr_WireError, reply->data, reply->len, &wire, NULL));
    int code = wire.code;
    if (ret_text)
        *ret_text = g_steal_pointer(&wire.message);
    xdr_clear(&xdr_WireError, &wire);
    return code;
}

static int open_session(const char *path, uint32_t flags)
{
    int fd = wire_connect(path);
    AuthListRet auth = { 0 };
    g_assert_cmpint(call(fd, PROC_AUTH_LIST, NULL, &auth, NULL), ==, 0);
    g_assert_cmpuint(auth.n_types, ==, 1);
    g_assert_cmpint(auth.types[0], ==, 0);
    xdr_clear(&xdr_AuthListRet, &auth);
    ConnectOpenArgs args = { .name = (char *)"qemu:///session", .flags = flags };
    g_assert_cmpint(call(fd, PROC_CONNECT_OPEN, &args, NULL, NULL), ==, 0);
    return fd;
}

static void test_order(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = wire_connect(fixture->path);
    ConnectOpenArgs args = { 0 };
    g_assert_cmpint(call(fd, PROC_CONNECT_OPEN, &args, NULL, NULL), ==, VIR_ERR_AUTH_FAILED);
    g_assert_cmpint(call(fd, PROC_CONNECT_GET_URI, NULL, NULL, NULL), ==, VIR_ERR_AUTH_FAILED);
    g_assert_cmpint(call(fd, PROC_AUTH_LIST, NULL, NULL, NULL), ==, 0);
    g_assert_cmpint(call(fd, PROC_CONNECT_GET_URI, NULL, NULL, NULL), ==, VIR_ERR_OPERATION_INVALID);
    g_assert_cmpint(call(fd, PROC_CONNECT_OPEN, &args, NULL, NULL), ==, 0);
    g_assert_cmpint(call(fd, PROC_CONNECT_OPEN, &args, NULL, NULL), ==, VIR_ERR_OPERATION_INVALID);
    ConnectGetUriRet uri = { 0 };
    g_assert_cmpint(call(fd, PROC_CONNECT_GET_URI, NULL, &uri, NULL), ==, 0);
    g_assert_cmpstr(uri.uri, ==, "qemu:///session");
    xdr_clear(&xdr_ConnectGetUriRet, &uri);
    g_assert_cmpint(call(fd, PROC_CONNECT_CLOSE, NULL, NULL, NULL), ==, 0);
    g_assert_cmpint(call(fd, PROC_CONNECT_GET_URI, NULL, NULL, NULL), ==, VIR_ERR_OPERATION_INVALID);
}

static void test_read_only(Fixture *fixture, gconstpointer data)
{
    auto_fd int by_socket = open_session(fixture->path_ro, 0), by_flag = open_session(fixture->path, VIR_CONNECT_RO);
    const int fds[] = { by_socket, by_flag };
    DomainDefineXmlArgs define = { .xml = (char *)"<domain/>" };
    for (unsigned i = 0; i < G_N_ELEMENTS(fds); i++) {
        g_autofree char *text = NULL;
        g_assert_cmpint(call(fds[i], PROC_DOMAIN_DEFINE_XML, &define, NULL, &text), ==, VIR_ERR_OPERATION_DENIED);
        g_assert_nonnull(strstr(text, "domain:write"));
        g_assert_cmpint(call(fds[i], PROC_CONNECT_NUM_OF_DOMAINS, NULL, NULL, NULL), ==, 0);
    }
    auto_fd int writer = open_session(fixture->path, 0);
    g_assert_cmpint(call(writer, PROC_DOMAIN_DEFINE_XML, &define, NULL, NULL), !=, VIR_ERR_OPERATION_DENIED);
}

static void test_programs(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = open_session(fixture->path, 0);
    AdminConnectOpenArgs open_args = { 0 };
    g_assert_cmpint(call(fd, PROC_ADMIN_CONNECT_OPEN, &open_args, NULL, NULL), ==, VIR_ERR_RPC);
    auto_fd int admin = wire_connect(fixture->path_admin);
    g_assert_cmpint(call(admin, PROC_AUTH_LIST, NULL, NULL, NULL), ==, VIR_ERR_RPC);
    AdminConnectListServersArgs list = { .need_results = 1 };
    g_assert_cmpint(call(admin, PROC_ADMIN_CONNECT_LIST_SERVERS, &list, NULL, NULL), ==, VIR_ERR_OPERATION_INVALID);
    g_assert_cmpint(call(admin, PROC_ADMIN_CONNECT_OPEN, &open_args, NULL, NULL), ==, 0);
    AdminConnectListServersRet servers = { 0 };
    g_assert_cmpint(call(admin, PROC_ADMIN_CONNECT_LIST_SERVERS, &list, &servers, NULL), ==, 0);
    g_assert_cmpuint(servers.n_servers, ==, 2);
    xdr_clear(&xdr_AdminConnectListServersRet, &servers);
}

static void test_missing_guest(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = open_session(fixture->path, 0);
    g_autofree char *text = NULL;
    DomainSuspendArgs args = { .dom = { .name = (char *)"nobody", .id = -1 } };
    g_assert_cmpint(call(fd, PROC_DOMAIN_SUSPEND, &args, NULL, &text), ==, VIR_ERR_NO_DOMAIN);
    g_assert_nonnull(strstr(text, "nobody"));
}

/* No row is forgotten: what is not built says so. */
static void test_every_row_answers(Fixture *fixture, gconstpointer data)
{
    auto_fd int fd = open_session(fixture->path, 0);
    for (unsigned i = 0; i < procedure_count; i++) {
        const Procedure *row = &procedure_rows[i];
        FrameHeader header;
        if (row->program == PROGRAM_ADMIN || i == PROC_CONNECT_CLOSE)
            continue;
        /* Half a word: no arguments can be so short, and without arguments it is too much. */
        wire_send(fd, row->program, row->number, FRAME_CALL, 1000 + i, FRAME_OK, "ab", 2);
        g_autoptr(GByteArray) reply = wire_receive(fd, &header);
        g_assert_cmpuint(header.serial, ==, 1000 + i);
        g_assert_cmpuint(header.status, ==, FRAME_ERROR);
    }
}

enum { THREADS = 4, ROUNDS = 200 };

static gpointer client_thread(gpointer data)
{
    const char *path = data;
    auto_fd int fd = open_session(path, 0);
    for (int i = 0; i < ROUNDS; i++) {
        ConnectGetHostnameRet name = { 0 };
        ConnectDomainEventCallbackRegisterAnyArgs event = { .event_id = i % 20 };
        ConnectDomainEventCallbackRegisterAnyRet registered = { 0 };
        g_assert_cmpint(call(fd, PROC_CONNECT_GET_HOSTNAME, NULL, &name, NULL), ==, 0); /* in a worker */
        xdr_clear(&xdr_ConnectGetHostnameRet, &name);
        g_assert_cmpint(call(fd, PROC_CONNECT_GET_LIB_VERSION, NULL, NULL, NULL), ==, 0);
        g_assert_cmpint(call(fd, PROC_CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, &event, &registered, NULL), ==, 0);
        ConnectDomainEventCallbackDeregisterAnyArgs end = { .callback_id = registered.callback_id };
        if (i % 2) /* the others end with the connection */
            g_assert_cmpint(call(fd, PROC_CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY, &end, NULL, NULL), ==, 0);
    }
    return NULL;
}

static void test_many_clients(Fixture *fixture, gconstpointer data)
{
    GThread *threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        threads[i] = g_thread_new("client", client_thread, fixture->path);
    for (unsigned i = 0; i < THREADS; i++)
        g_thread_join(threads[i]);
}

/* A client that goes while its calls wait and run. */
static void test_client_leaves(Fixture *fixture, gconstpointer data)
{
    const Procedure *row = &procedure_rows[PROC_CONNECT_GET_HOSTNAME];
    for (int i = 0; i < 20; i++) {
        auto_fd int fd = open_session(fixture->path, 0);
        for (uint32_t serial = 1; serial <= 50; serial++)
            wire_send(fd, row->program, row->number, FRAME_CALL, 5000 + serial, FRAME_OK, NULL, 0);
    }
    auto_fd int fd = open_session(fixture->path, 0);
    g_assert_cmpint(call(fd, PROC_CONNECT_GET_HOSTNAME, NULL, NULL, NULL), ==, 0);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Fixture *fixture, gconstpointer data);
        const char *config;
    } tests[] = {
        { "/dispatch/order", test_order, NULL },
        { "/dispatch/read-only", test_read_only, NULL },
        { "/dispatch/programs", test_programs, NULL },
        { "/dispatch/missing-guest", test_missing_guest, NULL },
        { "/dispatch/every-row-answers", test_every_row_answers, NULL },
        { "/dispatch/many-clients", test_many_clients, NULL },
        { "/dispatch/many-clients-few-workers", test_many_clients, "max_workers = 1\n" },
        { "/dispatch/client-leaves", test_client_leaves, "max_client_requests = 2\nmax_workers = 3\n" },
    };
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++)
        g_test_add(tests[i].name, Fixture, tests[i].config, set_up, tests[i].run, tear_down);
    return g_test_run();
}
