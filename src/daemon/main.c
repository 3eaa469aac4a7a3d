/* SPDX-License-Identifier: Apache-2.0 */
/* lodged: options, signals, start and end. */
#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"
#include "base/main-loop.h"
#include "base/paths.h"
#include "daemon/config.h"
#include "daemon/daemon.h"
#include "daemon/dispatch.h"
#include "daemon/idle.h"
#include "daemon/logging.h"
#include "daemon/pid-file.h"
#include "daemon/server-limits.h"
#include "daemon/sockets.h"
#include "rpc/server.h"
#include "vm/vm-adopt.h"
#include "vm/vm-log.h"
#include "vm/vm-start.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <locale.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* How long the end waits for calls that work. Guests that hang must not hold up the daemon's restart. */
#define FAREWELL_SECONDS 5

typedef struct {
    char *root;
    char *config;
    char *pid_file;
    gboolean listen;
    gboolean background;
    gboolean verbose;
    gboolean session;
    gboolean version;
    int timeout; /* s; -1: stay */
} Options;

typedef struct {
    const Options *options;
    char *config_path; /* NULL: no file, everything preset */
    Daemon *daemon;
    GMainLoop *loop;
    int ready_pipe; /* tells the parent of --daemon that the sockets are open */
    guint farewell;
} Run;

/* Starting */

static bool parse_options(int *argc, char ***argv, Options *ret_options, GError **error)
{
    *ret_options = (Options){ .timeout = -1 };
    const GOptionEntry entries[] = {
        { "root", 'r', 0, G_OPTION_ARG_FILENAME, &ret_options->root, "Keep everything below DIR", "DIR" },
        { "config", 'f', 0, G_OPTION_ARG_FILENAME, &ret_options->config, "Configuration file", "FILE" },
        { "listen", 'l', 0, G_OPTION_ARG_NONE, &ret_options->listen, "Serve TCP, as listen_tcp = 1 does", NULL },
        { "daemon", 'd', 0, G_OPTION_ARG_NONE, &ret_options->background, "Go on in the background once ready", NULL },
        { "verbose", 'v', 0, G_OPTION_ARG_NONE, &ret_options->verbose, "Log what happens (log_level 2)", NULL },
        { "timeout", 't', 0, G_OPTION_ARG_INT, &ret_options->timeout, "End after SECONDS without clients and guests",
          "SECONDS" },
        { "pid-file", 'p', 0, G_OPTION_ARG_FILENAME, &ret_options->pid_file, "Write the process id to FILE", "FILE" },
        { "session", 0, 0, G_OPTION_ARG_NONE, &ret_options->session, "Serve qemu:///session, also as root", NULL },
        { "version", 'V', 0, G_OPTION_ARG_NONE, &ret_options->version, "Show the version", NULL },
        { NULL },
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- virtual-machine manager");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return false;
    if (*argc > 1)
        return error_set(error, VIR_ERR_INVALID_ARG, "unexpected argument '%s'; see lodged --help", (*argv)[1]);
    return true;
}

/* The configuration of --config, or the usual file if there is one. */
static Config *load_config(Run *run, const Paths *paths, GError **error)
{
    run->config_path = run->options->config ? g_strdup(run->options->config)
                                            : g_build_filename(paths->config_dir, "lodged.conf", NULL);
    if (!run->options->config && !g_file_test(run->config_path, G_FILE_TEST_EXISTS))
        return config_new();
    return config_load(run->config_path, error);
}

/* Sockets from systemd; the environment is not for our children. */
static InheritedSockets inherited_sockets(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    InheritedSockets sockets = { 0 };
    if (pid && count && g_ascii_strtoull(pid, NULL, 10) == (guint64)getpid())
        sockets.count = (unsigned)g_ascii_strtoull(count, NULL, 10);
    for (unsigned i = 0; i < sockets.count; i++)
        fcntl(3 + (int)i, F_SETFD, FD_CLOEXEC);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return sockets;
}

static void notify_systemd(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (!path || strlen(path) >= sizeof address.sun_path)
        return;
    memcpy(address.sun_path, path, strlen(path));
    if (address.sun_path[0] == '@')
        address.sun_path[0] = '\0';
    auto_fd int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (fd < 0 || sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address, length) < 0)
        log_warning("tell systemd '%s': %s", text, g_strerror(errno));
}

/*
 * --daemon: the child goes on, the parent waits until it is ready and takes over its failure. Returns in the child.
 * Before any thread exists.
 */
static bool go_to_background(int *ret_ready_pipe, GError **error)
{
    int ends[2];
    if (!g_unix_open_pipe(ends, FD_CLOEXEC, error))
        return false;
    pid_t child = fork();
    if (child < 0)
        return error_set_errno(error, errno, "go to the background");
    if (child > 0) {
        close(ends[1]);
        char byte;
        _exit(read(ends[0], &byte, 1) == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    close(ends[0]);
    setsid();
    *ret_ready_pipe = ends[1];
    return true;
}

static void report_ready(Run *run)
{
    notify_systemd("READY=1");
    if (run->ready_pipe < 0)
        return;
    /* stderr stays the parent's until here, so that a failed start can be read. */
    auto_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    if (write(run->ready_pipe, "r", 1) < 0)
        log_warning("the starting process has gone");
    auto_fd_close(&run->ready_pipe);
}

/* Ending */

static gboolean farewell_over(gpointer data)
{
    Run *run = data;
    run->farewell = 0;
    log_warning("%u calls still work; leaving them", dispatch_running());
    g_main_loop_quit(run->loop);
    return G_SOURCE_REMOVE;
}

static void quit(gpointer data)
{
    g_main_loop_quit(((Run *)data)->loop);
}

static gboolean on_end_signal(gpointer data)
{
    Run *run = data;
    if (run->farewell) {
        g_main_loop_quit(run->loop); /* a second signal: at once */
        return G_SOURCE_CONTINUE;
    }
    notify_systemd("STOPPING=1");
    server_set_listening(run->daemon->server, false);
    server_set_listening(run->daemon->admin, false);
    run->farewell = g_timeout_add_seconds(FAREWELL_SECONDS, farewell_over, run);
    dispatch_on_idle(quit, run);
    return G_SOURCE_CONTINUE;
}

static gboolean on_reload_signal(gpointer data)
{
    Run *run = data;
    if (!g_file_test(run->config_path, G_FILE_TEST_EXISTS)) {
        log_warning("reload: there is no '%s'; nothing changes", run->config_path);
        return G_SOURCE_CONTINUE;
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(Config) config = config_load(run->config_path, &error);
    if (!config || !logging_apply(config, run->options->verbose, &error)) {
        log_error("reload: %s; the old configuration stays", error->message);
        return G_SOURCE_CONTINUE;
    }
    run->daemon->server->limits = server_limits_of_calls(config);
    run->daemon->admin->limits = server_limits_of_admin(config);
    server_limits_changed(run->daemon->server);
    server_limits_changed(run->daemon->admin);
    log_info("reloaded limits and log settings from '%s'", run->config_path);
    return G_SOURCE_CONTINUE;
}

static void serve(Run *run)
{
    run->loop = g_main_loop_new(NULL, FALSE);
    guint sources[] = { g_unix_signal_add(SIGTERM, on_end_signal, run), g_unix_signal_add(SIGINT, on_end_signal, run),
                        g_unix_signal_add(SIGHUP, on_reload_signal, run), vm_log_watch_all(run->daemon) };
    idle_init(run->daemon, run->loop, run->options->timeout);
    report_ready(run);
    g_main_loop_run(run->loop);
    idle_stop();
    for (unsigned i = 0; i < G_N_ELEMENTS(sources); i++)
        g_source_remove(sources[i]);
    g_clear_handle_id(&run->farewell, g_source_remove);
    g_main_loop_unref(run->loop);
}

static bool start_and_serve(Run *run, GError **error)
{
    const Options *options = run->options;
    g_autoptr(Paths) paths = paths_new(options->root, geteuid() == 0 && !options->session);
    g_autoptr(Config) config = load_config(run, paths, error);
    if (!config || !logging_apply(config, options->verbose, error) || !paths_create(paths, error))
        return false;
    InheritedSockets inherited = inherited_sockets();
    g_autofree char *pid_path =
        options->pid_file ? g_strdup(options->pid_file) : g_build_filename(paths->run_dir, "lodged.pid", NULL);
    auto_fd int pid_lock = -1;
    if (options->background && !go_to_background(&run->ready_pipe, error))
        return false;
    if (!pid_file_take(pid_path, &pid_lock, error))
        return false;
    main_loop_init();
    run->daemon = daemon_new(g_steal_pointer(&paths), g_steal_pointer(&config), error);
    if (!run->daemon)
        return false;
    vm_adopt_all(run->daemon);
    bool ok = sockets_open(run->daemon, &inherited, options->listen, error);
    if (ok) {
        vm_autostart_all(run->daemon);
        serve(run);
    }
    vm_leave_all(run->daemon);
    pid_file_drop(pid_path);
    if (dispatch_running() > 0)
        _exit(EXIT_SUCCESS); /* their threads still use what would be freed */
    main_loop_close();
    daemon_free(run->daemon);
    return ok;
}

/*
 * GLib's slice allocator, which it had before 2.76, gives nothing back: the megabytes of JSON that an emulator's
 * capabilities are would stay for good. It can only be told by a variable that is there before the program is.
 */
static void use_malloc_only(char **argv)
{
    if (!glib_check_version(2, 76, 0) || getenv("G_SLICE") || setenv("G_SLICE", "always-malloc", 1) < 0)
        return;
    execv("/proc/self/exe", argv); /* where that cannot be, it goes on as it is */
}

int main(int argc, char **argv)
{
    use_malloc_only(argv);
    setlocale(LC_CTYPE, "");
    /* An arena for each thread of the pool would cost more memory than their rare contention costs time. */
    mallopt(M_ARENA_MAX, 2);
    g_autoptr(GError) error = NULL;
    Options options;
    if (!parse_options(&argc, &argv, &options, &error)) {
        fprintf(stderr, "lodged: %s\n", error->message);
        return 2;
    }
    if (options.version) {
        printf("lodged (lodge) %s\n", LODGE_VERSION);
        return EXIT_SUCCESS;
    }
    signal(SIGPIPE, SIG_IGN);
    Run run = { .options = &options, .ready_pipe = -1 };
    bool ok = start_and_serve(&run, &error);
    if (!ok) {
        g_autofree char *text = error_text(error);
        fprintf(stderr, "lodged: %s\n", text);
    }
    g_free(run.config_path);
    g_free(options.root);
    g_free(options.config);
    g_free(options.pid_file);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
