/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-dump-file.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#define DIRECT_ALIGNMENT 4096u /* of addresses, offsets and sizes: enough for every disk */
#define DIRECT_BLOCK     (1u << 20)

int dump_file_create(const char *path, bool direct, GError **error)
{
    int mode = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (direct ? O_DIRECT : 0);
    auto_fd int fd = open(path, mode, 0600);
    if (fd < 0 && direct && errno == EINVAL) {
        error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
                  "the file system of '%s' cannot bypass the page cache: leave --bypass-cache out", path);
        return -1;
    }
    int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) {
        error_set_errno(error, errno, "create core dump '%s'", path);
        return -1;
    }
    return fd_steal(&fd);
}

/* Reads until @buffer is full or the pipe has ended; -1 with errno on failure. */
static ssize_t fill(int from, uint8_t *buffer, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t length = read(from, buffer + done, size - done);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return -1;
        if (length == 0)
            break;
        done += (size_t)length;
    }
    return (ssize_t)done;
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t length = write(fd, data, size);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return false;
        data += length;
        size -= (size_t)length;
    }
    return true;
}

/* The rest of an image seldom fills a block, and only whole ones can go around the page cache. */
static bool leave_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_DIRECT) == 0;
}

bool dump_file_copy_direct(int from, int fd, const char *path, GError **error)
{
    g_autofree uint8_t *memory = g_malloc(DIRECT_BLOCK + DIRECT_ALIGNMENT);
    uint8_t *buffer = memory + (DIRECT_ALIGNMENT - (uintptr_t)memory % DIRECT_ALIGNMENT);
    ssize_t length;
    while ((length = fill(from, buffer, DIRECT_BLOCK)) > 0) {
        bool last = (size_t)length < DIRECT_BLOCK;
        if ((last && !leave_direct(fd)) || !write_all(fd, buffer, (size_t)length))
            return error_set_errno(error, errno, "write core dump '%s'", path);
    }
    return length == 0 || error_set_errno(error, errno, "read what QEMU dumps");
}

bool dump_file_sync(int fd, const char *path, GError **error)
{
    /* EINVAL: a pipe or a device, which has nothing to sync. */
    return fdatasync(fd) == 0 || errno == EINVAL || error_set_errno(error, errno, "write core dump '%s'", path);
}

void dump_file_discard(int fd, const char *path)
{
    struct stat info;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && unlink(path) < 0)
        log_warning("remove the incomplete core dump '%s': %s", path, g_strerror(errno));
}
