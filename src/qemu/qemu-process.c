/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qemu-process.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "qemu/qemu-explain.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#define DEFAULT_TIMEOUT_MS 30000
#define REPORT_MAX         1024
#define FIRST_FD           3 /* as QEMU sees the first descriptor of a QemuFds */

struct QemuFds {
    GArray *fds; /* of int, as the daemon knows them */
};

QemuFds *qemu_fds_new(void)
{
    QemuFds *fds = g_new(QemuFds, 1);
    fds->fds = g_array_new(FALSE, FALSE, sizeof(int));
    return fds;
}

static void close_all(QemuFds *fds)
{
    for (unsigned i = 0; i < fds->fds->len; i++)
        auto_fd_close(&g_array_index(fds->fds, int, i));
    g_array_set_size(fds->fds, 0);
}

void qemu_fds_free(QemuFds *fds)
{
    if (!fds)
        return;
    close_all(fds);
    g_array_unref(fds->fds);
    g_free(fds);
}

int qemu_fds_add(QemuFds *fds, int fd)
{
    g_array_append_val(fds->fds, fd);
    return FIRST_FD + (int)fds->fds->len - 1;
}

static bool socket_address(const char *path, struct sockaddr_un *ret_address, GError **error)
{
    *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof ret_address->sun_path)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "socket path '%s' is longer than %zu bytes; choose a shorter guest name or run directory",
                         path, sizeof ret_address->sun_path - 1);
    g_strlcpy(ret_address->sun_path, path, sizeof ret_address->sun_path);
    return true;
}

/* Only what was a socket may make room for one. */
static bool remove_old_socket(const char *path, GError **error)
{
    struct stat info;
    if (lstat(path, &info) < 0)
        return true; /* what is wrong with it, bind() will say */
    if (!S_ISSOCK(info.st_mode))
        return error_set(error, VIR_ERR_OPERATION_FAILED, "create socket '%s': there is a file that is not a socket",
                         path);
    return unlink(path) == 0 || error_set_errno(error, errno, "replace socket '%s'", path);
}

int qemu_socket_listen(const char *path, uid_t uid, gid_t gid, GError **error)
{
    struct sockaddr_un address;
    if (!socket_address(path, &address, error) || !remove_old_socket(path, error))
        return -1;
    auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* The file gets the mode that the socket has when it is bound: nobody can connect before. */
    if (fd < 0 || fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        error_set_errno(error, errno, "create socket '%s'", path);
        return -1;
    }
    if (listen(fd, 1) < 0 || (uid != geteuid() && lchown(path, uid, gid) < 0)) {
        error_set_errno(error, errno, "give socket '%s' to user %u", path, uid);
        unlink(path);
        return -1;
    }
    return fd_steal(&fd);
}

int qemu_socket_connect(const char *path, GError **error)
{
    struct sockaddr_un address;
    if (!socket_address(path, &address, error))
        return -1;
    auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    /* A unix socket connects at once or (backlog full: QEMU hangs with a client) would block for ever. */
    if (fd >= 0)
        fcntl(fd, F_SETFL, O_NONBLOCK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        error_set_errno(error, errno, "connect to socket '%s'", path);
        return -1;
    }
    return fd_steal(&fd);
}

Qmp *qemu_monitor_connect(const char *path, GMainContext *context, const char *name, const QmpCallbacks *callbacks,
                          int timeout_ms, GError **error)
{
    int fd = qemu_socket_connect(path, error);
    if (fd < 0) {
        if (callbacks && callbacks->destroy)
            callbacks->destroy(callbacks->user_data);
        return NULL;
    }
    g_autoptr(Qmp) qmp = qmp_new(context, fd, name, callbacks);
    if (qmp_handshake(qmp, timeout_ms, error))
        return g_steal_pointer(&qmp);
    qmp_close(qmp);
    return NULL;
}

void qemu_process_clear(QemuProcess *process)
{
    auto_fd_close(&process->pidfd);
    if (process->qmp)
        qmp_close(process->qmp);
    g_clear_pointer(&process->qmp, qmp_unref);
}

/* The launcher built beside the program that runs, if that runs from where it was built; NULL if not. */
static char *launcher_of_build(void)
{
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    if (!program)
        return NULL;
    g_autofree char *dir = g_path_get_dirname(program);
    g_autofree char *path = g_build_filename(dir, "..", "qemu", "launch", "lodge-launch", NULL);
    return access(path, X_OK) == 0 ? g_canonicalize_filename(path, NULL) : NULL;
}

const char *qemu_launch_program(void)
{
    static gsize path;
    if (g_once_init_enter(&path)) {
        const char *dir = g_getenv("LODGE_LIBEXECDIR");
        char *found = dir ? g_build_filename(dir, "lodge-launch", NULL) : launcher_of_build();
        g_once_init_leave(&path, (gsize)(found ? found : g_build_filename(LODGE_LIBEXECDIR, "lodge-launch", NULL)));
    }
    return (const char *)path;
}

static void G_GNUC_PRINTF(2, 3) add(GPtrArray *argv, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_ptr_array_add(argv, g_strdup_vprintf(format, args));
    va_end(args);
}

static void add_limit(GPtrArray *argv, const char *name, guint64 limit)
{
    if (limit == QEMU_LIMIT_INFINITY)
        add(argv, "--%s=infinity", name);
    else if (limit != QEMU_LIMIT_KEEP)
        add(argv, "--%s=%" G_GUINT64_FORMAT, name, limit);
}

static void add_user(GPtrArray *argv, const QemuLaunch *launch)
{
    GString *user = g_string_new(NULL);
    g_string_printf(user, "--user=%u:%u", launch->uid, launch->gid);
    for (unsigned i = 0; i < launch->n_groups; i++)
        g_string_append_printf(user, "%c%u", i ? ',' : ':', launch->groups[i]);
    g_ptr_array_add(argv, g_string_free(user, FALSE));
}

static void launch_options(const QemuLaunch *launch, GPtrArray *argv)
{
    static const char *const schedulers[] = { NULL, "batch", "idle", "fifo", "rr" };
    if (launch->set_user)
        add_user(argv, launch);
    add_limit(argv, "memlock", launch->limit_memlock);
    add_limit(argv, "nofile", launch->limit_nofile);
    add_limit(argv, "nproc", launch->limit_nproc);
    add_limit(argv, "core", launch->limit_core);
    if (launch->cpus)
        add(argv, "--cpus=%s", launch->cpus);
    if (launch->mems)
        add(argv, "--mems=%s", launch->mems);
    if (launch->netns)
        add(argv, "--netns=%s", launch->netns);
    if (launch->see) {
        add(argv, "--confine=%u:%u", launch->uid, launch->gid);
        for (const char *const *path = launch->see; *path; path++)
            add(argv, "--see=%s", *path);
        add(argv, "--enter=.");
    }
    if (launch->unprivileged)
        add(argv, "--capabilities=none");
    if (launch->oom_score)
        add(argv, "--oom-score=%s", launch->oom_score);
    if (launch->scheduler)
        add(argv, "--scheduler=%s:%d", schedulers[launch->scheduler], launch->priority);
    add(argv, "--directory=%s", launch->working_dir ? launch->working_dir : "/");
}

static GPtrArray *launch_argv(const QemuSpawn *spawn, int log_fd, int report_fd, int gate_fd)
{
    static const QemuLaunch unchanged = QEMU_LAUNCH_INIT;
    GPtrArray *argv = g_ptr_array_new_with_free_func(g_free);
    add(argv, "%s", qemu_launch_program());
    add(argv, "--report=%d", report_fd);
    add(argv, "--log=%d", log_fd);
    if (gate_fd >= 0)
        add(argv, "--gate=%d", gate_fd);
    for (unsigned i = 0; spawn->fds && i < spawn->fds->fds->len; i++)
        add(argv, "--fd=%d:%d", g_array_index(spawn->fds->fds, int, i), FIRST_FD + (int)i);
    launch_options(spawn->launch ? spawn->launch : &unchanged, argv);
    add(argv, "--");
    add(argv, "%s", spawn->emulator);
    for (unsigned i = 0; i < spawn->args->len && spawn->args->pdata[i]; i++)
        add(argv, "%s", (const char *)spawn->args->pdata[i]);
    g_ptr_array_add(argv, NULL);
    return argv;
}

static GPtrArray *launch_env(const QemuSpawn *spawn)
{
    GPtrArray *env = g_ptr_array_new_with_free_func(g_free);
    add(env, "LC_ALL=C");
    add(env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    for (const char *const *item = spawn->env; item && *item; item++)
        add(env, "%s", *item);
    g_ptr_array_add(env, NULL);
    return env;
}

/* The error number of posix_spawn(), 0 for success. @gate_fd: -1 for none. */
static int spawn_launch(const QemuSpawn *spawn, int log_fd, int report_fd, int gate_fd, pid_t *ret_pid)
{
    g_autoptr(GPtrArray) argv = launch_argv(spawn, log_fd, report_fd, gate_fd), env = launch_env(spawn);
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_init(&actions);
    /* A descriptor duplicated onto itself loses its close-on-exec flag in the child only. */
    posix_spawn_file_actions_adddup2(&actions, log_fd, log_fd);
    posix_spawn_file_actions_adddup2(&actions, report_fd, report_fd);
    if (gate_fd >= 0)
        posix_spawn_file_actions_adddup2(&actions, gate_fd, gate_fd);
    for (unsigned i = 0; spawn->fds && i < spawn->fds->fds->len; i++) {
        int fd = g_array_index(spawn->fds->fds, int, i);
        posix_spawn_file_actions_adddup2(&actions, fd, fd);
    }
    int failure =
        posix_spawn(ret_pid, argv->pdata[0], &actions, &attributes, (char **)argv->pdata, (char **)env->pdata);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failure;
}

/* Waits for lodge-launch to have become the program, or to say why not. */
static bool read_report(int fd, const char *name, gint64 deadline, GError **error)
{
    char text[REPORT_MAX + 1];
    size_t length = 0;
    for (;;) {
        gint64 left = (deadline - g_get_monotonic_time()) / 1000;
        struct pollfd item = { .fd = fd, .events = POLLIN };
        if (left <= 0 || poll(&item, 1, (int)left) == 0)
            return error_set(error, VIR_ERR_OPERATION_TIMEOUT, "%s: did not start in time", name);
        ssize_t got = read(fd, text + length, REPORT_MAX - length);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    if (length == 0)
        return true;
    text[length] = '\0';
    g_strchomp(text);
    char *what;
    int code = (int)strtol(text, &what, 10);
    return error_set_errno(error, code, "%s: start: %s", name, what + (*what == ' '));
}

char *qemu_process_status_text(int wait_status)
{
    if (WIFSIGNALED(wait_status))
        return g_strdup_printf("killed by signal %d (%s)", WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    return g_strdup_printf("exited with status %d", WEXITSTATUS(wait_status));
}

bool qemu_process_reap(int pidfd, int *ret_wait_status)
{
    siginfo_t info = { 0 };
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG) < 0 || info.si_pid == 0)
        return false;
    if (ret_wait_status)
        *ret_wait_status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status;
    return true;
}

char *qemu_log_tail(const char *path, goffset from)
{
    char text[QEMU_LOG_TAIL_MAX + 1];
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0)
        return g_strdup("");
    ssize_t length = pread(fd, text, QEMU_LOG_TAIL_MAX, MAX(from, info.st_size - QEMU_LOG_TAIL_MAX));
    text[MAX(0, length)] = '\0';
    return g_utf8_make_valid(g_strstrip(text), -1);
}

/* Ends what has been started and makes the best text of why: QEMU's own last words say more than a closed connection.
 */
static void explain_failure(const QemuSpawn *spawn, QemuProcess *process, GError **error)
{
    int status = 0;
    bool died = process_wait(process->pidfd, qmp_is_closed(process->qmp) ? 200 : 0);
    process_signal(process->pidfd, SIGKILL, NULL);
    process_wait(process->pidfd, 5000);
    qemu_process_reap(process->pidfd, &status);
    g_autofree char *tail = qemu_log_tail(spawn->log_path, process->log_start);
    g_autofree char *status_text = qemu_process_status_text(status), *words = qemu_explain(tail, spawn->set_names);
    if (died || tail[0]) {
        g_autoptr(GError) first = g_steal_pointer(error);
        error_set(error, first->code, "%s: QEMU %s while starting%s%s", spawn->name, died ? status_text : "failed",
                  tail[0] ? ": " : " without a word; its log is ", tail[0] ? words : spawn->log_path);
    }
}

/* Tells the process's id, and opens the gate. */
static bool place(const QemuSpawn *spawn, pid_t pid, int gate_fd, GError **error)
{
    if (spawn->place && !spawn->place(pid, spawn->place_data, error))
        return false;
    return gate_fd < 0 || write(gate_fd, "", 1) == 1 || error_set_errno(error, errno, "%s: open its gate", spawn->name);
}

/* @monitor_fd: the daemon's end of the monitor socket; taken over (set to -1) once the connection owns it. */
static bool start_connected(QemuSpawn *spawn, int log_fd, int *monitor_fd, QemuProcess *process, GError **error)
{
    gint64 deadline =
        g_get_monotonic_time() + (gint64)(spawn->timeout_ms ? spawn->timeout_ms : DEFAULT_TIMEOUT_MS) * 1000;
    int report[2], gate[2] = { -1, -1 };
    pid_t pid;
    if (pipe2(report, O_CLOEXEC) < 0)
        return error_set_errno(error, errno, "%s: create a pipe", spawn->name);
    auto_fd int report_in = report[0], report_out = report[1];
    if (spawn->gated && pipe2(gate, O_CLOEXEC) < 0)
        return error_set_errno(error, errno, "%s: create a pipe", spawn->name);
    auto_fd int gate_in = gate[0], gate_out = gate[1];
    int failure = spawn_launch(spawn, log_fd, report_out, gate_in, &pid);
    if (failure)
        return error_set_errno(error, failure, "%s: start %s", spawn->name, qemu_launch_program());
    auto_fd_close(&report_out);
    /* With our copy of the listener closed, the connection breaks when QEMU dies before it accepts. */
    if (spawn->fds)
        close_all(spawn->fds);
    process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    process->id.pid = pid;
    if (process->pidfd < 0)
        return error_set_errno(error, errno, "%s: open a pidfd", spawn->name);
    if (!place(spawn, pid, gate_out, error) || !read_report(report_in, spawn->name, deadline, error)) {
        process_signal(process->pidfd, SIGKILL, NULL);
        process_wait(process->pidfd, 5000);
        qemu_process_reap(process->pidfd, NULL);
        return false;
    }
    process->qmp = qmp_new(spawn->context, fd_steal(monitor_fd), spawn->name, &spawn->callbacks);
    gint64 left = MAX(0, deadline - g_get_monotonic_time()) / 1000;
    if (process_identify(pid, &process->id, error) && qmp_handshake(process->qmp, (int)left, error))
        return true;
    explain_failure(spawn, process, error);
    return false;
}

bool qemu_process_spawn(QemuSpawn *spawn, QemuProcess *ret_process, GError **error)
{
    g_auto(QemuProcess) process = { .pidfd = -1 };
    auto_fd int log_fd = open(spawn->log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    struct stat info;
    bool started = false;
    if (log_fd < 0 || fstat(log_fd, &info) < 0) {
        error_set_errno(error, errno, "%s: open log %s", spawn->name, spawn->log_path);
    } else {
        process.log_start = info.st_size;
        auto_fd int monitor_fd = qemu_socket_connect(spawn->monitor_path, error);
        started = monitor_fd >= 0 && start_connected(spawn, log_fd, &monitor_fd, &process, error);
    }
    if (spawn->fds)
        close_all(spawn->fds);
    if (started) {
        *ret_process = process;
        process = (QemuProcess){ .pidfd = -1 };
        return true;
    }
    unlink(spawn->monitor_path);
    if (!process.qmp && spawn->callbacks.destroy)
        spawn->callbacks.destroy(spawn->callbacks.user_data);
    return false;
}

/* Waits for the first process to end and judges its status. */
static bool await_helper(QemuHelper *helper, int pidfd, goffset log_start, int timeout_ms, GError **error)
{
    int status = 0;
    if (!process_wait(pidfd, timeout_ms)) {
        process_signal(pidfd, SIGKILL, NULL);
        process_wait(pidfd, 5000);
        qemu_process_reap(pidfd, NULL);
        return error_set(error, VIR_ERR_OPERATION_TIMEOUT, "%s did not become ready within %d s", helper->name,
                         timeout_ms / 1000);
    }
    if (!qemu_process_reap(pidfd, &status) || status == 0)
        return true;
    g_autofree char *text = qemu_process_status_text(status), *tail = qemu_log_tail(helper->log_path, log_start);
    return error_set(error, VIR_ERR_OPERATION_FAILED, "%s %s%s%s", helper->name, text, tail[0] ? ": " : "", tail);
}

static bool run_helper(QemuHelper *helper, int log_fd, GError **error)
{
    QemuSpawn spawn = { .name = helper->name,
                        .emulator = helper->program,
                        .args = helper->args,
                        .fds = helper->fds,
                        .launch = helper->launch };
    int timeout_ms = helper->timeout_ms ? helper->timeout_ms : DEFAULT_TIMEOUT_MS, report[2];
    struct stat info = { 0 };
    pid_t pid;
    if (pipe2(report, O_CLOEXEC) < 0)
        return error_set_errno(error, errno, "%s: create a pipe", helper->name);
    auto_fd int report_in = report[0], report_out = report[1];
    fstat(log_fd, &info);
    int failure = spawn_launch(&spawn, log_fd, report_out, -1, &pid);
    if (failure)
        return error_set_errno(error, failure, "%s: start %s", helper->name, qemu_launch_program());
    auto_fd_close(&report_out);
    auto_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return error_set_errno(error, errno, "%s: open a pidfd", helper->name);
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    bool begun = read_report(report_in, helper->name, deadline, error);
    return await_helper(helper, pidfd, info.st_size, timeout_ms, begun ? error : NULL) && begun;
}

bool qemu_helper_run(QemuHelper *helper, GError **error)
{
    auto_fd int log_fd = open(helper->log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    bool done = log_fd >= 0 ? run_helper(helper, log_fd, error)
                            : error_set_errno(error, errno, "%s: open log %s", helper->name, helper->log_path);
    if (helper->fds)
        close_all(helper->fds);
    return done;
}
