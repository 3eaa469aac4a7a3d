/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-outside.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOTES_NAME "outside"
#define NOTES_MAX  (1 << 20) /* bytes; a guest has a few devices, each with a path */

/* A line: uid, gid (both -1: a socket), and the path, escaped. */
static bool note(const char *run_dir, const char *path, long uid, long gid, GError **error)
{
    g_autofree char *file = g_build_filename(run_dir, NOTES_NAME, NULL);
    g_autofree char *escaped = g_strescape(path, NULL);
    g_autofree char *line = g_strdup_printf("%ld %ld %s\n", uid, gid, escaped);
    size_t length = strlen(line);
    auto_fd int fd = open(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, line, length) != (ssize_t)length)
        return error_set_errno(error, errno, "write '%s'", file);
    return true;
}

bool vm_outside_note_socket(const char *run_dir, const char *path, GError **error)
{
    return note(run_dir, path, -1, -1, error);
}

bool vm_outside_note_owner(const char *run_dir, const char *path, const struct stat *now, GError **error)
{
    return note(run_dir, path, (long)now->st_uid, (long)now->st_gid, error);
}

static void remove_socket(const char *path)
{
    struct stat info;
    if (lstat(path, &info) < 0 || !S_ISSOCK(info.st_mode))
        return; /* QEMU has removed it itself, or somebody has put something else there */
    if (unlink(path) < 0)
        log_warning("remove the socket '%s': %s", path, g_strerror(errno));
}

static void give_back(const char *path, uid_t uid, gid_t gid)
{
    struct stat info;
    auto_fd int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0 || !S_ISFIFO(info.st_mode))
        return;
    if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
        log_warning("give '%s' back to user %u: %s", path, uid, g_strerror(errno));
}

static void undo_line(const char *line)
{
    char *rest;
    long uid = strtol(line, &rest, 10), gid = strtol(rest, &rest, 10);
    g_autofree char *path = *rest == ' ' ? g_strcompress(rest + 1) : NULL;
    if (!path || path[0] != '/')
        return;
    if (uid < 0)
        remove_socket(path);
    else
        give_back(path, (uid_t)uid, (gid_t)gid);
}

/* The notes, if they are ours: the directory belongs to QEMU's user, who may put a file of its own into it. */
static char *read_notes(const char *run_dir)
{
    struct stat info;
    g_autofree char *file = g_build_filename(run_dir, NOTES_NAME, NULL);
    auto_fd int fd = open(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0)
        return NULL;
    if (!S_ISREG(info.st_mode) || info.st_uid != geteuid() || info.st_nlink != 1 || info.st_size > NOTES_MAX) {
        log_warning("'%s' is not the daemon's own file: left as it is", file);
        return NULL;
    }
    g_autofree char *text = g_malloc0((size_t)info.st_size + 1);
    return read(fd, text, (size_t)info.st_size) == info.st_size ? g_steal_pointer(&text) : NULL;
}

void vm_outside_undo(const char *run_dir)
{
    g_autofree char *text = read_notes(run_dir);
    if (!text)
        return;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        undo_line(*line);
}
