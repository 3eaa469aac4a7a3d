/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-files.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "model/engine.h"
#include "qemu/qemu-args.h"
#include "storage/image-header.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define CHAIN_MAX 200 /* links of a backing chain */

static void fd_clear(gpointer data)
{
    auto_fd_close(data);
}

/* -1 with an error that says which file of which guest, and what may help. */
static int open_for(const VmFiles *files, const char *what, const char *path, int flags, GError **error)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        error_set_errno(error, errno, "Cannot access storage file '%s' (%s of guest '%s')", path, what, files->guest);
    return fd;
}

bool vm_files_give_path(const VmFiles *files, const char *what, const char *tag, char **path, int flags, GError **error)
{
    auto_fd int fd = open_for(files, what, *path, flags, error);
    char *name = fd >= 0 ? files->give(files->data, fd_steal(&fd), tag, error) : NULL;
    if (!name)
        return false;
    g_free(*path);
    *path = name;
    return true;
}

static bool is_local(const StorageSource *source)
{
    return (source->type == STORAGE_TYPE_FILE || source->type == STORAGE_TYPE_BLOCK) && source->path && source->path[0];
}

static StorageBacking *new_link(const char *path, StorageFormat format)
{
    StorageBacking *link = g_new0(StorageBacking, 1);
    if (path) {
        link->source.type = STORAGE_TYPE_FILE;
        link->source.path = g_strdup(path);
        link->format = format;
    }
    return link;
}

/*
 * What the header of the open qcow2 image names, as a new last link of the chain; one without a source ends it, which
 * keeps QEMU from looking for more. NULL without an error: QEMU resolves it itself.
 */
static StorageBacking *read_backing(const char *path, int fd, GError **error)
{
    g_auto(ImageBacking) backing = { 0 };
    if (!image_qcow2_backing(fd, path, &backing, error) || backing.is_url)
        return NULL;
    if (backing.path && !backing.format) {
        error_set(
            error, VIR_ERR_OPERATION_FAILED,
            "image '%s' does not say the format of its backing file '%s', and guessing is unsafe: qemu-img rebase "
            "-u -F FORMAT -b '%s' '%s'",
            path, backing.path, backing.path, path);
        return NULL;
    }
    return new_link(backing.path, backing.path ? model_enum_value(&model_enum_storage_format, backing.format) : 0);
}

/* Follows the chain from an open image, link by link. Read-only: only the top of a chain is ever written. */
static bool open_chain(const VmFiles *files, const char *path, StorageFormat format, StorageBacking **next, GArray *fds,
                       GError **error)
{
    while (fds->len <= CHAIN_MAX) {
        int fd = g_array_index(fds, int, fds->len - 1);
        g_autoptr(GError) failure = NULL;
        if (!*next && format == STORAGE_FORMAT_QCOW2 && fd >= 0 && !(*next = read_backing(path, fd, &failure)) &&
            failure) {
            g_propagate_error(error, g_steal_pointer(&failure));
            return false;
        }
        StorageBacking *link = *next;
        if (!link || !link->source.type)
            return true;
        int below = -1;
        if (is_local(&link->source) &&
            (below = open_for(files, "backing file", link->source.path, O_RDONLY | O_NONBLOCK, error)) < 0) {
            g_prefix_error(error, "image '%s': ", path);
            return false;
        }
        g_array_append_val(fds, below);
        path = link->source.path;
        format = link->format;
        next = &link->backing;
        if (!*next && format != STORAGE_FORMAT_QCOW2)
            *next = new_link(NULL, 0);
    }
    return error_set(error, VIR_ERR_OPERATION_FAILED, "image '%s': its backing chain has more than %d links or a loop",
                     path, CHAIN_MAX);
}

bool vm_files_open_disk(const VmFiles *files, DomainDisk *disk, GArray **ret_fds, GError **error)
{
    StorageSource *source = &disk->source;
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(int));
    g_array_set_clear_func(fds, fd_clear);
    bool read_only = disk->read_only || disk->device == DISK_DEVICE_CDROM;
    bool optional = source->startup_policy == SOURCE_STARTUP_POLICY_OPTIONAL ||
                    source->startup_policy == SOURCE_STARTUP_POLICY_REQUISITE;
    int fd = -1;
    if (is_local(source) && optional && disk->device != DISK_DEVICE_DISK && access(source->path, F_OK) < 0)
        g_clear_pointer(&source->path, g_free);
    if (is_local(source) &&
        (fd = open_for(files, "disk", source->path, (read_only ? O_RDONLY : O_RDWR) | O_NONBLOCK, error)) < 0)
        return false;
    g_array_append_val(fds, fd);
    if (fd >= 0 && !open_chain(files, source->path, disk->format, &disk->backing, fds, error))
        return false;
    *ret_fds = g_steal_pointer(&fds);
    return true;
}

static bool give_link(const VmFiles *files, StorageSource *source, unsigned number, int *fd, GError **error)
{
    if (*fd < 0)
        return true;
    g_autofree char *tag = qemu_storage_node(number);
    char *name = files->give(files->data, fd_steal(fd), tag, error);
    if (!name)
        return false;
    g_free(source->path);
    source->path = name;
    return true;
}

bool vm_files_give_disk(const VmFiles *files, DomainDisk *disk, GArray *fds, GError **error)
{
    if (!give_link(files, &disk->source, disk->source.index, &g_array_index(fds, int, 0), error))
        return false;
    StorageBacking *link = disk->backing;
    for (unsigned i = 1; i < fds->len; i++, link = link->backing) {
        if (!give_link(files, &link->source, link->index, &g_array_index(fds, int, i), error))
            return false;
    }
    return true;
}

/*
 * QEMU works in its run directory and names what is in it without a path: its user need not be able to pass the
 * directories above, and the names of sockets stay short.
 */
void vm_files_shorten(const char *run_dir, char **path)
{
    g_autofree char *prefix = g_strconcat(run_dir, "/", NULL);
    if (!*path || !g_str_has_prefix(*path, prefix))
        return;
    char *name = g_strdup(*path + strlen(prefix));
    g_free(*path);
    *path = name;
}
