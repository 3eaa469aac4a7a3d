/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pid-file.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>

#define END_MS 1000 /* a daemon that was just killed may not have ended yet */

/* Takes the lock, if need be after the end of the process that @text, as read from the file, names. */
static bool lock(int fd, char *text, size_t size)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    ssize_t length = read(fd, text, size - 1);
    text[MAX(0, length)] = '\0';
    pid_t holder = (pid_t)g_ascii_strtoll(g_strchomp(text), NULL, 10);
    auto_fd int pidfd = holder > 0 ? (int)syscall(SYS_pidfd_open, holder, 0) : -1;
    if (pidfd >= 0)
        process_wait(pidfd, END_MS);
    return flock(fd, LOCK_EX | LOCK_NB) == 0;
}

bool pid_file_take(const char *path, int *ret_fd, GError **error)
{
    auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set_errno(error, errno, "open the pid file '%s'", path);
    char text[32] = "";
    if (!lock(fd, text, sizeof text))
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "a daemon already runs here: process %s holds '%s'; stop it, or choose another --root", text,
                         path);
    g_snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) < 0)
        return error_set_errno(error, errno, "write the pid file '%s'", path);
    *ret_fd = fd_steal(&fd);
    return true;
}

void pid_file_drop(const char *path)
{
    unlink(path);
}
