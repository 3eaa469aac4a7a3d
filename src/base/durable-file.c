/* SPDX-License-Identifier: Apache-2.0 */
#include "base/durable-file.h"

#include "base/auto-fd.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

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

/*
 * Whether fsync of a file on @fd's file system also makes the name durable that it was linked to since: these keep an
 * inode and its new links in one transaction of their journals. Elsewhere the directory has to be synced too, see
 * fsync(2).
 */
static bool name_is_synced(int fd)
{
    struct statfs info;
    return fstatfs(fd, &info) == 0 &&
           (info.f_type == EXT4_SUPER_MAGIC || info.f_type == XFS_SUPER_MAGIC || info.f_type == BTRFS_SUPER_MAGIC);
}

/*
 * Makes a file that is not there yet: nameless until it is whole. One fsync instead of two, and no rename. Returns
 * false with
 * @error unset where that is not possible: a file of that name exists, or the file system has no nameless files.
 */
static bool create_file(const char *path, const char *data, size_t size, mode_t mode, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(path);
    char self[32];
    if (access(path, F_OK) == 0)
        return false;
    auto_fd int fd = open(parent, O_WRONLY | O_TMPFILE | O_CLOEXEC, mode);
    if (fd < 0 || !write_all(fd, data, size) || fchmod(fd, mode) < 0)
        return false;
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    if (linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
        return false;
    if (fsync(fd) < 0) {
        int saved = errno;
        unlink(path);
        return error_set_errno(error, saved, "write '%s'", path);
    }
    return name_is_synced(fd) || sync_parent(path, error);
}

static bool replace_file(const char *path, const char *data, size_t size, mode_t mode, bool durable, GError **error)
{
    g_autofree char *temporary = g_strdup_printf("%s.XXXXXX.new", path);
    auto_fd int fd = g_mkstemp_full(temporary, O_WRONLY | O_CLOEXEC, (int)mode);
    if (fd < 0)
        return error_set_errno(error, errno, "create '%s'", temporary);
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
    size_t size = length < 0 ? strlen(data) : (size_t)length;
    g_autoptr(GError) cause = NULL;
    if (create_file(path, data, size, mode, &cause))
        return true;
    if (cause) {
        g_propagate_error(error, g_steal_pointer(&cause));
        return false;
    }
    return replace_file(path, data, size, mode, true, error);
}

bool atomic_file_write(const char *path, const char *data, gssize length, mode_t mode, GError **error)
{
    return replace_file(path, data, length < 0 ? strlen(data) : (size_t)length, mode, false, error);
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
