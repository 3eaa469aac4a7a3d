/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-console.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"
#include "base/main-loop.h"
#include "rpc/handlers.h"
#include "rpc/stream.h"
#include "vm/vm-console-log.h"
#include "vm/vm-console-session.h"
#include "vm/vm-settings.h"
#include "vm/vm-wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <termios.h>

#define AGENT_CHANNEL "org.qemu.guest_agent.0"
/* Major numbers of the slaves of Unix98 pseudo-terminals (Linux Documentation/admin-guide/devices.txt). */
#define PTY_MAJOR_FIRST 136
#define PTY_MAJOR_LAST  143

struct VmConsoles {
    gatomicrefcount refs; /* the Vm's, and one of each job on its way to the main loop */
    GHashTable *sessions; /* alias → ConsoleSession *; NULL once ended; main loop */
};

/* What the main loop needs to know of a console, found out and opened in the mailbox. */
typedef struct {
    VmConsoles *consoles;
    char *alias, *name; /* name: for errors, "console 'serial0' of guest 'web'" */
    int log_fd;         /* -1: none */
    bool log_ours;
    /* of an opening: */
    int device_fd;
    Stream *stream;
    bool force;
} ConsoleJob;

static void consoles_unref(VmConsoles *consoles)
{
    if (g_atomic_ref_count_dec(&consoles->refs))
        g_free(consoles);
}

static void console_job_free(ConsoleJob *job)
{
    consoles_unref(job->consoles);
    auto_fd_close(&job->log_fd);
    auto_fd_close(&job->device_fd);
    stream_unref(job->stream);
    g_free(job->alias);
    g_free(job->name);
    g_free(job);
}

/* The main loop's side */

static void begin(gpointer data)
{
    VmConsoles *consoles = data;
    consoles->sessions = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)console_session_end);
    consoles_unref(consoles);
}

static void end(gpointer data)
{
    VmConsoles *consoles = data;
    g_clear_pointer(&consoles->sessions, g_hash_table_unref);
    consoles_unref(consoles);
}

/* The session of the job's console, made if there is none yet, with its log. */
static ConsoleSession *find_session(ConsoleJob *job)
{
    ConsoleSession *session = g_hash_table_lookup(job->consoles->sessions, job->alias);
    if (!session) {
        session = console_session_new(job->name);
        g_hash_table_insert(job->consoles->sessions, g_strdup(job->alias), session);
    }
    /* A log of the administrator's own may have been rotated since it was last opened. */
    bool renew = !job->log_ours && !console_session_has_readers(session);
    if (job->log_fd >= 0 && (renew || !console_session_has_log(session)))
        console_session_set_log(session, fd_steal(&job->log_fd), job->log_ours);
    return session;
}

static void keep_small(gpointer data)
{
    ConsoleJob *job = data;
    if (job->consoles->sessions)
        find_session(job);
    console_job_free(job);
}

static void attach(gpointer data)
{
    ConsoleJob *job = data;
    if (job->consoles->sessions) {
        console_session_attach(find_session(job), job->stream, fd_steal(&job->device_fd), job->force);
    } else {
        g_autoptr(GError) error = NULL;
        error_set(&error, VIR_ERR_OPERATION_INVALID, "domain is not running: %s has just ended", job->name);
        stream_abort(job->stream, error);
    }
    console_job_free(job);
}

/* The mailbox's side */

/* Records what @chardev says: the definition's own log, or the one that vm-files.c gives every pty. */
static void open_log(const Vm *vm, const DomainChardev *chardev, ConsoleJob *job)
{
    g_autoptr(GError) error = NULL;
    const ChardevSource *source = &chardev->source;
    if (!source->log_file && source->type != CHARDEV_TYPE_PTY)
        return;
    job->log_ours = !source->log_file;
    g_autofree char *own = g_strdup_printf("%s/%s.log", vm->run_dir, chardev->info.alias);
    job->log_fd = console_log_open(job->log_ours ? own : source->log_file, job->log_ours,
                                   vm->daemon->vm_settings->user.uid, &error);
    if (job->log_fd < 0)
        log_warning("%s has no scrollback: %s", job->name, error->message);
}

static ConsoleJob *console_job_new(const Vm *vm, const DomainChardev *chardev, const char *kind)
{
    ConsoleJob *job = g_new0(ConsoleJob, 1);
    g_atomic_ref_count_inc(&vm->consoles->refs);
    job->consoles = vm->consoles;
    job->alias = g_strdup(chardev->info.alias);
    job->name = g_strdup_printf("%s '%s' of guest '%s'", kind, chardev->info.alias, vm_view_domain(vm->view)->name);
    job->log_fd = -1;
    job->device_fd = -1;
    open_log(vm, chardev, job);
    return job;
}

static void keep_log_small(const Vm *vm, const DomainChardev *chardev)
{
    if (chardev->source.type == CHARDEV_TYPE_PTY && !chardev->source.log_file && chardev->info.alias)
        main_loop_post(keep_small, console_job_new(vm, chardev, "console"));
}

static void keep_logs_small(const Vm *vm, DomainChardev *const *chardevs, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        keep_log_small(vm, chardevs[i]);
}

void vm_consoles_open(Vm *vm)
{
    const Domain *live = vm->view->live->domain;
    vm->consoles = g_new0(VmConsoles, 1);
    g_atomic_ref_count_init(&vm->consoles->refs);
    g_atomic_ref_count_inc(&vm->consoles->refs);
    main_loop_post(begin, vm->consoles);
    keep_logs_small(vm, live->serials, live->n_serials);
    keep_logs_small(vm, live->parallels, live->n_parallels);
    keep_logs_small(vm, live->consoles, live->n_consoles);
    keep_logs_small(vm, live->channels, live->n_channels);
}

void vm_consoles_free(VmConsoles *consoles)
{
    if (consoles)
        main_loop_post(end, consoles);
}

/*
 * The pty and the sockets are named by QEMU, which may have been taken over by its guest: it must not be able to make
 * the daemon open anything but what QEMU's own user made.
 */
static bool check_owner(const Vm *vm, const struct stat *info, const char *path, GError **error)
{
    if (info->st_uid == vm->daemon->vm_settings->user.uid || info->st_uid == geteuid())
        return true;
    return error_set(error, VIR_ERR_OPERATION_DENIED, "'%s' does not belong to the user of the guest's QEMU", path);
}

static int open_pty(const Vm *vm, const char *path, GError **error)
{
    struct stat info;
    struct termios mode;
    auto_fd int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &info) < 0) {
        error_set_errno(error, errno, "open the guest's pty '%s'", path);
        return -1;
    }
    if (!S_ISCHR(info.st_mode) || major(info.st_rdev) < PTY_MAJOR_FIRST || major(info.st_rdev) > PTY_MAJOR_LAST) {
        error_set(error, VIR_ERR_OPERATION_DENIED, "'%s' is not a pseudo-terminal", path);
        return -1;
    }
    if (!check_owner(vm, &info, path, error))
        return -1;
    if (tcgetattr(fd, &mode) < 0) {
        error_set_errno(error, errno, "set the guest's pty '%s' to raw mode", path);
        return -1;
    }
    cfmakeraw(&mode);
    if (tcsetattr(fd, TCSANOW, &mode) < 0) {
        error_set_errno(error, errno, "set the guest's pty '%s' to raw mode", path);
        return -1;
    }
    return fd_steal(&fd);
}

/* Connects by way of a descriptor of the socket file, so that long paths work and what was checked is what is used. */
static int open_socket(const Vm *vm, const char *path, GError **error)
{
    struct stat info;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    auto_fd int file = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (file < 0 || fd < 0 || fstat(file, &info) < 0) {
        error_set_errno(error, errno, "open the guest's socket '%s'", path);
        return -1;
    }
    if (!S_ISSOCK(info.st_mode)) {
        error_set(error, VIR_ERR_OPERATION_DENIED, "'%s' is not a socket", path);
        return -1;
    }
    if (!check_owner(vm, &info, path, error))
        return -1;
    g_snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", file);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        error_set_errno(error, errno, "connect to the guest's socket '%s'", path);
        return -1;
    }
    return fd_steal(&fd);
}

static int open_device(const Vm *vm, const DomainChardev *chardev, GError **error)
{
    const ChardevSource *source = &chardev->source;
    if (source->type == CHARDEV_TYPE_PTY) {
        const char *path = source->tty ? source->tty : source->path;
        if (path)
            return open_pty(vm, path, error);
        error_set(error, VIR_ERR_OPERATION_FAILED, "the pty of character device '%s' is not known",
                  chardev->info.alias);
        return -1;
    }
    if (source->type == CHARDEV_TYPE_UNIX && source->mode != CHARDEV_MODE_CONNECT && source->path)
        return open_socket(vm, source->path, error);
    error_set(
        error, VIR_ERR_OPERATION_UNSUPPORTED,
        "character device %s is not using a PTY: only type='pty' and listening type='unix' devices can be opened; "
        "change its type in the guest's definition",
        chardev->info.alias);
    return -1;
}

static bool open_chardev(Call *call, const DomainChardev *chardev, const char *kind, bool force, GError **error)
{
    const Vm *vm = call->object;
    auto_fd int device_fd = open_device(vm, chardev, error);
    if (device_fd < 0)
        return false;
    ConsoleJob *job = console_job_new(vm, chardev, kind);
    job->device_fd = fd_steal(&device_fd);
    job->stream = stream_ref(call->stream);
    job->force = force;
    main_loop_post(attach, job);
    return true;
}

static const DomainChardev *find_alias(DomainChardev *const *chardevs, unsigned n, const char *alias)
{
    for (unsigned i = 0; i < n; i++) {
        if (!alias || g_strcmp0(chardevs[i]->info.alias, alias) == 0)
            return chardevs[i];
    }
    return NULL;
}

/* @alias NULL: the first console, or where there is none the first serial port. */
static const DomainChardev *find_console(const Domain *live, const char *alias)
{
    const DomainChardev *found = find_alias(live->consoles, live->n_consoles, alias);
    if (!found)
        found = find_alias(live->serials, live->n_serials, alias);
    if (!found && alias)
        found = find_alias(live->parallels, live->n_parallels, alias);
    return found;
}

void vm_consoles_keep(Vm *vm, const char *alias)
{
    const Domain *live = vm->view->live->domain;
    const DomainChardev *chardev = find_console(live, alias);
    if (!chardev)
        chardev = find_alias(live->channels, live->n_channels, alias);
    if (chardev)
        keep_log_small(vm, chardev);
}

/*
 * Several clients may have a console open, all see its output and all may type. FORCE takes it over: the others are
 * disconnected. SAFE asks that two clients never share a device without the daemon's knowing, which is always so.
 */
bool vm_open_console(Call *call, const DomainOpenConsoleArgs *args, void *ret, GError **error)
{
    const Vm *vm = call->object;
    if (!flags_check(call, args->flags, VIR_DOMAIN_CONSOLE_SAFE | VIR_DOMAIN_CONSOLE_FORCE, error) ||
        !vm_require_active(vm->view, error))
        return false;
    const DomainChardev *console = find_console(vm->view->live->domain, args->dev_name);
    if (!console && args->dev_name)
        return error_set(error, VIR_ERR_INTERNAL_ERROR,
                         "cannot find character device %s: see the <alias> of its consoles, serial and parallel ports",
                         args->dev_name);
    if (!console)
        return error_set(error, VIR_ERR_INTERNAL_ERROR,
                         "cannot find default console device: guest '%s' has no <console> or <serial>",
                         vm->view->live->domain->name);
    return open_chardev(call, console, "console", args->flags & VIR_DOMAIN_CONSOLE_FORCE, error);
}

/* By target name or alias; NULL: the first. */
static const DomainChardev *find_channel(const Domain *live, const char *name)
{
    for (unsigned i = 0; name && i < live->n_channels; i++) {
        if (g_strcmp0(live->channels[i]->name, name) == 0)
            return live->channels[i];
    }
    return find_alias(live->channels, live->n_channels, name);
}

bool vm_open_channel(Call *call, const DomainOpenChannelArgs *args, void *ret, GError **error)
{
    const Vm *vm = call->object;
    if (!flags_check(call, args->flags, VIR_DOMAIN_CHANNEL_FORCE, error) || !vm_require_active(vm->view, error))
        return false;
    const DomainChardev *channel = find_channel(vm->view->live->domain, args->name);
    if (!channel)
        return error_set(error, VIR_ERR_INTERNAL_ERROR,
                         "cannot find channel %s: see the <target name> and <alias> of its channels",
                         args->name ? args->name : "of the guest: it has none");
    if (g_strcmp0(channel->name, AGENT_CHANNEL) == 0)
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "channel " AGENT_CHANNEL " belongs to the daemon's guest agent calls: use qemu-agent-command");
    return open_chardev(call, channel, "channel", args->flags & VIR_DOMAIN_CHANNEL_FORCE, error);
}
