/* SPDX-License-Identifier: Apache-2.0 */
#include "base/durable-file.h"

#include "base/auto-fd.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static bool write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t done = write(fd, data, length);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        data += done;
        length -= (size_t)done;
    }
    return true;
}

static bool sync_parent(const char *path, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(path);
    auto_fd int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        return error_set_errno(error, errno, "sync directory '%s'", parent);
    return true;
}

static bool replace_file(const char *path, const char *data, gssize length, mode_t mode, bool durable, GError **error)
{
    g_autofree char *temporary = g_strdup_printf("%s.XXXXXX.new", path);
    auto_fd int fd = g_mkstemp_full(temporary, O_WRONLY | O_CLOEXEC, (int)mode);
    if (fd < 0)
        return error_set_errno(error, errno, "create '%s'", temporary);
    size_t size = length < 0 ? strlen(data) : (size_t)length;
    if (!write_all(fd, data, size) || fchmod(fd, mode) < 0 || (durable && fsync(fd) < 0) ||
        rename(temporary, path) < 0) {
        int saved = errno;
        unlink(temporary);
        return error_set_errno(error, saved, "write '%s'", path);
    }
    return durable ? sync_parent(path, error) : true;
}

bool durable_file_write(const char *path, const char *data, gssize length, mode_t mode, GError **error)
{
    return replace_file(path, data, length, mode, true, error);
}

bool atomic_file_write(const char *path, const char *data, gssize length, mode_t mode, GError **error)
{
    return replace_file(path, data, length, mode, false, error);
}

bool durable_file_remove(const char *path, GError **error)
{
    if (unlink(path) < 0) {
        if (errno == ENOENT)
            return true;
        return error_set_errno(error, errno, "remove '%s'", path);
    }
    return sync_parent(path, error);
}

bool directory_ensure(const char *path, mode_t mode, GError **error)
{
    if (g_mkdir_with_parents(path, (int)mode) < 0)
        return error_set_errno(error, errno, "create directory '%s'", path);
    return true;
}
