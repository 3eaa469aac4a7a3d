/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-console-log.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_SEARCH 4096 /* bytes in which the start of a line is looked for */

int console_log_open(const char *path, bool ours, uid_t owner, GError **error)
{
    struct stat info;
    auto_fd int fd = open(path, (ours ? O_RDWR | O_NOFOLLOW : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &info) < 0) {
        error_set_errno(error, errno, "open the console log '%s'", path);
        return -1;
    }
    bool trusted = !ours || ((info.st_uid == owner || info.st_uid == geteuid()) && info.st_nlink == 1);
    if (!S_ISREG(info.st_mode) || !trusted) {
        error_set(error, VIR_ERR_OPERATION_DENIED, "console log '%s' is not the plain file that QEMU made", path);
        return -1;
    }
    return fd_steal(&fd);
}

/* The first byte at or after @offset that has not been given back; @offset where the file system cannot tell. */
static off_t skip_hole(int fd, off_t offset)
{
    off_t data = lseek(fd, offset, SEEK_DATA);
    return data >= 0 ? data : offset;
}

off_t console_log_replay_start(int fd, off_t max)
{
    struct stat info;
    char text[LINE_SEARCH];
    if (fstat(fd, &info) < 0)
        return 0;
    off_t start = info.st_size > max ? info.st_size - max : 0;
    start = skip_hole(fd, start);
    if (start == 0)
        return 0;
    ssize_t length = pread(fd, text, sizeof text, start);
    const char *end = length > 0 ? memchr(text, '\n', (size_t)length) : NULL;
    return end ? start + (end - text) + 1 : start;
}

size_t console_log_read(int fd, off_t *offset, void *buffer, size_t size)
{
    struct stat info;
    if (fstat(fd, &info) < 0)
        return 0;
    if (info.st_size < *offset)
        *offset = 0;
    if (info.st_size == *offset)
        return 0;
    *offset = skip_hole(fd, *offset);
    ssize_t length = pread(fd, buffer, size, *offset);
    if (length <= 0)
        return 0;
    *offset += length;
    return (size_t)length;
}

bool console_log_shrink(int fd)
{
    struct stat info;
    if (fstat(fd, &info) < 0 || (off_t)info.st_blocks * 512 < 2 * CONSOLE_LOG_KEEP || info.st_size <= CONSOLE_LOG_KEEP)
        return true;
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, info.st_size - CONSOLE_LOG_KEEP) == 0)
        return true;
    log_warning("a console's log cannot be kept small: %s", g_strerror(errno));
    return false;
}
