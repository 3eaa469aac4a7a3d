/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pid-file.h"

#include "base/auto-fd.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#define RETRIES        50
#define RETRY_PAUSE_US 20000 /* one second in all: a daemon that was just killed may not have ended yet */

static bool lock(int fd)
{
    for (unsigned i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
        if (i == RETRIES)
            return false;
        g_usleep(RETRY_PAUSE_US);
    }
    return true;
}

bool pid_file_take(const char *path, int *ret_fd, GError **error)
{
    auto_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return error_set_errno(error, errno, "open the pid file '%s'", path);
    char text[32] = "";
    if (!lock(fd)) {
        if (read(fd, text, sizeof text - 1) < 0)
            text[0] = '\0';
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "a daemon already runs here: process %s holds '%s'; stop it, or choose another --root",
                         g_strchomp(text), path);
    }
    g_snprintf(text, sizeof text, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || write(fd, text, strlen(text)) < 0)
        return error_set_errno(error, errno, "write the pid file '%s'", path);
    *ret_fd = fd_steal(&fd);
    return true;
}

void pid_file_drop(const char *path)
{
    unlink(path);
}
