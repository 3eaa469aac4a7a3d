/* SPDX-License-Identifier: Apache-2.0 */
/* lodge-launch and the spawn around it, with shell scripts in QEMU's place and, where it is installed, with QEMU. */
#include "base/auto-fd.h"
#include "base/error.h"
#include "qemu/qemu-caps.h"
#include "qemu/qemu-process.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

typedef struct {
    GMainContext *context;
    GMainLoop *loop;
    GThread *loop_thread;
    char *dir, *monitor, *log;
    gint destroyed;
    bool (*place)(pid_t pid, gpointer data, GError **error); /* NULL: none */
} Fixture;

static gpointer run_loop(gpointer data)
{
    g_main_loop_run(data);
    return NULL;
}

static void set_up(Fixture *f, gconstpointer unused)
{
    f->context = g_main_context_new();
    f->loop = g_main_loop_new(f->context, FALSE);
    f->loop_thread = g_thread_new("loop", run_loop, f->loop);
    f->dir = g_dir_make_tmp("lodge-process-XXXXXX", NULL);
    f->monitor = g_build_filename(f->dir, "monitor.sock", NULL);
    f->log = g_build_filename(f->dir, "qemu.log", NULL);
}

static void on_destroy(gpointer data)
{
    g_atomic_int_inc((gint *)data);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
    for (unsigned i = 0; i < 1000 && !g_atomic_int_get(&f->destroyed); i++)
        g_usleep(5000);
    g_assert_cmpint(f->destroyed, ==, 1);
    g_main_loop_quit(f->loop);
    g_thread_join(f->loop_thread);
    g_main_loop_unref(f->loop);
    g_main_context_unref(f->context);
    g_unlink(f->monitor);
    g_unlink(f->log);
    g_assert_cmpint(g_rmdir(f->dir), ==, 0);
    g_free(f->dir);
    g_free(f->monitor);
    g_free(f->log);
}

static GPtrArray *array_of(const char *first, ...)
{
    GPtrArray *array = g_ptr_array_new_with_free_func(g_free);
    va_list args;
    va_start(args, first);
    for (const char *item = first; item; item = va_arg(args, const char *))
        g_ptr_array_add(array, g_strdup(item));
    va_end(args);
    g_ptr_array_add(array, NULL);
    return array;
}

/* Runs @emulator with a monitor socket as descriptor 3. @args: transfer full. */
static bool spawn(Fixture *f, const char *emulator, GPtrArray *args, const QemuLaunch *launch, QemuProcess *ret_process,
                  GError **error)
{
    g_autoptr(GPtrArray) owned = args;
    g_autoptr(QemuFds) fds = qemu_fds_new();
    int listener = qemu_socket_listen(f->monitor, geteuid(), getegid(), error);
    g_assert_no_error(*error);
    g_assert_cmpint(qemu_fds_add(fds, listener), ==, 3);
    /* High and shuffled, so that the moves have something to get wrong. */
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    g_assert_cmpint(qemu_fds_add(fds, fcntl(null_fd, F_DUPFD_CLOEXEC, 40)), ==, 4);
    g_assert_cmpint(qemu_fds_add(fds, null_fd), ==, 5);
    QemuSpawn order = { .name = "guest 'x'",
                        .emulator = emulator,
                        .args = owned,
                        .fds = fds,
                        .monitor_path = f->monitor,
                        .log_path = f->log,
                        .launch = launch,
                        .context = f->context,
                        .callbacks = { .user_data = &f->destroyed, .destroy = on_destroy },
                        .timeout_ms = 10000,
                        .place = f->place,
                        .place_data = f,
                        .gated = f->place != NULL };
    return qemu_process_spawn(&order, ret_process, error);
}

static void assert_fails(Fixture *f, const char *emulator, GPtrArray *args, const QemuLaunch *launch, const char *text)
{
    g_autoptr(GError) error = NULL;
    QemuProcess process;
    g_assert_false(spawn(f, emulator, args, launch, &process, &error));
    g_test_message("%s", error->message);
    g_assert_nonnull(strstr(error->message, text));
    g_assert_false(g_file_test(f->monitor, G_FILE_TEST_EXISTS));
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1); /* no child left */
}

static void test_no_program(Fixture *f, gconstpointer unused)
{
    assert_fails(f, "/nonexistent/qemu", array_of(NULL, NULL), NULL, "execute /nonexistent/qemu: No such file");
}

static void test_early_death(Fixture *f, gconstpointer unused)
{
    assert_fails(f, "/bin/sh", array_of("-c", "echo 'bad option' >&2; exit 3", NULL), NULL,
                 "exited with status 3 while starting: bad option");
}

static void test_descriptors(Fixture *f, gconstpointer unused)
{
    /* No pipes: the shell would hold their ends itself for a moment. */
    const char *script = "for n in 0 1 2 3 4 5 6 7 8 9 10 11 12; do [ -e /proc/$$/fd/$n ] && printf '%s ' $n >&2; done";
    assert_fails(f, "/bin/sh", array_of("-c", script, NULL), NULL, ": 0 1 2 3 4 5");
    g_autofree char *log = NULL;
    g_assert_true(g_file_get_contents(f->log, &log, NULL, NULL));
    g_assert_cmpstr(g_strchomp(log), ==, "0 1 2 3 4 5");
}

static void test_orders(Fixture *f, gconstpointer unused)
{
    QemuLaunch launch = QEMU_LAUNCH_INIT;
    launch.limit_core = 0;
    launch.limit_nofile = 77;
    launch.cpus = "0";
    launch.oom_score = "321";
    launch.scheduler = QEMU_SCHEDULER_BATCH;
    launch.working_dir = f->dir;
    const char *script = "echo $(ulimit -c) $(ulimit -n) $(pwd) $(cat /proc/self/oom_score_adj) "
                         "$(grep Cpus_allowed_list /proc/self/status) >&2";
    g_autofree char *expected = g_strdup_printf(": 0 77 %s 321 Cpus_allowed_list: 0", f->dir);
    assert_fails(f, "/bin/sh", array_of("-c", script, NULL), &launch, expected);
}

static bool place_slowly(pid_t pid, gpointer data, GError **error)
{
    const Fixture *f = data;
    g_autofree char *mark = g_build_filename(f->dir, "placed", NULL);
    g_assert_cmpint(kill(pid, 0), ==, 0);
    g_usleep(50000);
    return g_file_set_contents(mark, "x", 1, error);
}

static bool refuse_place(pid_t pid, gpointer data, GError **error)
{
    return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "no place for it");
}

/* It does not become QEMU before it was placed … */
static void test_gate(Fixture *f, gconstpointer unused)
{
    g_autofree char *script = g_strdup_printf("test -e %s/placed && echo after >&2 || echo before >&2", f->dir);
    g_autofree char *mark = g_build_filename(f->dir, "placed", NULL);
    f->place = place_slowly;
    assert_fails(f, "/bin/sh", array_of("-c", script, NULL), NULL, ": after");
    g_assert_cmpint(unlink(mark), ==, 0);
}

/* … and not at all if that fails. */
static void test_gate_stays_shut(Fixture *f, gconstpointer unused)
{
    g_autofree char *script = g_strdup_printf("touch %s/ran", f->dir);
    g_autofree char *mark = g_build_filename(f->dir, "ran", NULL);
    f->place = refuse_place;
    assert_fails(f, "/bin/sh", array_of("-c", script, NULL), NULL, "no place for it");
    g_assert_false(g_file_test(mark, G_FILE_TEST_EXISTS));
}

static void test_user(Fixture *f, gconstpointer unused)
{
    if (geteuid() != 0) {
        g_test_skip("needs root");
        g_atomic_int_inc(&f->destroyed);
        return;
    }
    static const gid_t groups[] = { 12, 13 };
    QemuLaunch launch = QEMU_LAUNCH_INIT;
    launch.set_user = true;
    launch.uid = 65534;
    launch.gid = 11;
    launch.groups = groups;
    launch.n_groups = G_N_ELEMENTS(groups);
    assert_fails(f, "/bin/sh", array_of("-c", "echo $(id -u) $(id -G) >&2", NULL), &launch, ": 65534 11 12 13");
}

static void test_bad_order(Fixture *f, gconstpointer unused)
{
    QemuLaunch launch = QEMU_LAUNCH_INIT;
    launch.netns = "/nonexistent/net";
    assert_fails(f, "/bin/true", array_of(NULL, NULL), &launch,
                 "enter network namespace /nonexistent/net: No such file");
}

static void test_qemu(Fixture *f, gconstpointer unused)
{
    g_autofree char *emulator = qemu_emulator_find(qemu_host_arch());
    if (!emulator) {
        g_test_skip("no QEMU for this machine");
        g_atomic_int_inc(&f->destroyed);
        return;
    }
    g_autoptr(GError) error = NULL;
    g_auto(QemuProcess) process = { .pidfd = -1 };
    spawn(f, emulator,
          array_of("-machine", "none", "-nodefaults", "-no-user-config", "-display", "none", "-S", "-chardev",
                   "socket,id=m,fd=3,server=on,wait=off", "-mon", "chardev=m,mode=control", NULL),
          NULL, &process, &error);
    g_assert_no_error(error);
    g_assert_true(process_alive(&process.id));
    g_assert_cmpuint(qmp_version(process.qmp), >, 5000000);
    g_assert_true(qmp_call(process.qmp, "quit", NULL, 10000, NULL, &error));
    g_assert_true(process_wait(process.pidfd, 10000));
    int status;
    g_assert_true(qemu_process_reap(process.pidfd, &status));
    g_assert_cmpint(status, ==, 0);
}

static bool help(Fixture *f, const char *script, int timeout_ms, GError **error)
{
    g_autoptr(GPtrArray) args = array_of("-c", script, NULL);
    QemuHelper helper = {
        .name = "guest 'x': helper", .program = "/bin/sh", .args = args, .log_path = f->log, .timeout_ms = timeout_ms
    };
    return qemu_helper_run(&helper, error);
}

static void test_helper(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(help(f, "exit 0", 10000, &error));
    g_assert_no_error(error);
    g_assert_false(help(f, "echo no disk >&2; exit 4", 10000, &error));
    g_assert_cmpstr(error->message, ==, "guest 'x': helper exited with status 4: no disk");
    g_clear_error(&error);
    g_assert_false(help(f, "exec sleep 60", 50, &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_TIMEOUT));
    g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
    g_atomic_int_inc(&f->destroyed);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/process/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("no-program", test_no_program);
    ADD("early-death", test_early_death);
    ADD("descriptors", test_descriptors);
    ADD("orders", test_orders);
    ADD("gate", test_gate);
    ADD("gate-stays-shut", test_gate_stays_shut);
    ADD("user", test_user);
    ADD("bad-order", test_bad_order);
    ADD("helper", test_helper);
    ADD("qemu", test_qemu);
    return g_test_run();
}
