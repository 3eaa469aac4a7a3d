/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Back ends of character devices. The daemon binds, connects and opens what the definition names, so QEMU's user needs
 * no rights where they lie. A pair of named pipes is the exception: QEMU opens them by name only, so they belong to its
 * user during the run.
 */
#include "base/auto-fd.h"
#include "base/error.h"
#include "qemu/qemu-args.h"
#include "qemu/qemu-process.h"
#include "vm/vm-files.h"
#include "vm/vm-outside.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool in_run_dir(const VmFiles *files, const char *path)
{
    g_autofree char *prefix = g_strconcat(files->run_dir, "/", NULL);
    return g_str_has_prefix(path, prefix);
}

/* A socket that is bound, or connected, here. One that is to connect again and again is QEMU's own business. */
static bool give_socket(const VmFiles *files, ChardevSource *source, const char *alias, GError **error)
{
    bool bind = source->mode == CHARDEV_MODE_BIND;
    if (!source->path || (!bind && source->reconnect && source->reconnect->enabled == TRI_YES))
        return true;
    if (in_run_dir(files, source->path)) {
        vm_files_shorten(files->run_dir, &source->path);
        return true;
    }
    if (bind && !vm_outside_note_socket(files->run_dir, source->path, error))
        return false;
    int fd = bind ? qemu_socket_listen(source->path, files->user->uid, files->user->gid, error)
                  : qemu_socket_connect(source->path, error);
    if (fd < 0) {
        g_prefix_error(error, "guest '%s', character device '%s': ", files->guest, alias);
        return false;
    }
    return files->give_socket(files->data, fd, alias, error);
}

/* Opens one end of a pair, gives it to QEMU's user and names it LINK in the run directory, which QEMU can pass. */
static bool give_pipe_end(const VmFiles *files, const char *path, const char *link, GError **error)
{
    struct stat info;
    const VmUser *user = files->user;
    auto_fd int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0)
        return error_set_errno(error, errno, "guest '%s': open the named pipe '%s'", files->guest, path);
    if (!S_ISFIFO(info.st_mode))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "guest '%s': '%s' is no named pipe", files->guest, path);
    if (user->switch_user && !vm_outside_note_owner(files->run_dir, path, &info, error))
        return false;
    if (user->switch_user && fchown(fd, user->uid, user->gid) < 0)
        return error_set_errno(error, errno, "give '%s' to user '%s'", path, user->name);
    g_autofree char *name = g_build_filename(files->run_dir, link, NULL);
    g_autofree char *target = g_strdup_printf("/proc/self/fd/%d", files->give_number(files->data, fd_steal(&fd)));
    return symlink(target, name) == 0 || error_set_errno(error, errno, "create '%s'", name);
}

/* PATH.in, which the guest reads, and PATH.out; or PATH alone for both. */
static bool give_pipe(const VmFiles *files, char **path, const char *alias, const char *tag, GError **error)
{
    g_autofree char *in = g_strconcat(*path, ".in", NULL), *out = g_strconcat(*path, ".out", NULL);
    bool pair = access(in, F_OK) == 0 && access(out, F_OK) == 0;
    if (!pair && access(*path, F_OK) < 0)
        return error_set(error, VIR_ERR_OPERATION_FAILED,
                         "guest '%s': character device '%s' has no named pipes: mkfifo '%s' '%s'", files->guest, alias,
                         in, out);
    if (!pair)
        return vm_files_give_path(files, "pipe", tag, path, O_RDWR | O_NONBLOCK, error);
    if (!files->give_number)
        return true; /* a QEMU that runs opens them with its own rights */
    g_autofree char *in_link = g_strconcat(alias, ".in", NULL), *out_link = g_strconcat(alias, ".out", NULL);
    g_free(*path);
    *path = g_strdup(alias);
    return give_pipe_end(files, in, in_link, error) && give_pipe_end(files, out, out_link, error);
}

/*
 * A pty keeps nothing for whoever comes late, so its output is also written to ALIAS.log in the run directory, which
 * vm-console.c replays and keeps small. A log that the definition asks for serves both.
 */
static bool give_log(const VmFiles *files, ChardevSource *source, const char *alias, const char *tag, GError **error)
{
    if (source->type == CHARDEV_TYPE_PTY && !source->log_file) {
        source->log_file = g_strconcat(alias, ".log", NULL);
        source->log_append = TRI_YES;
        return true;
    }
    int mode = source->log_append == TRI_NO ? O_TRUNC : O_APPEND;
    return !source->log_file ||
           vm_files_give_path(files, "log file", tag, &source->log_file, O_WRONLY | O_CREAT | mode, error);
}

bool vm_files_give_chardev(const VmFiles *files, ChardevSource *source, const char *alias, GError **error)
{
    g_autofree char *tag = qemu_chardev_id(alias);
    if (!give_log(files, source, alias, tag, error))
        return false;
    if (source->type == CHARDEV_TYPE_UNIX)
        return give_socket(files, source, alias, error);
    if (!source->path)
        return true;
    int mode = source->append == TRI_YES ? O_APPEND : O_TRUNC;
    switch (source->type) {
    case CHARDEV_TYPE_FILE:
        return vm_files_give_path(files, "output file", tag, &source->path, O_WRONLY | O_CREAT | mode, error);
    case CHARDEV_TYPE_DEV:
        return vm_files_give_path(files, "character device", tag, &source->path, O_RDWR | O_NONBLOCK, error);
    case CHARDEV_TYPE_PIPE: return give_pipe(files, &source->path, alias, tag, error);
    default: return true;
    }
}
