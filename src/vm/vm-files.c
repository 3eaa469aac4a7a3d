/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of the guest, handed to QEMU as open descriptors: the daemon opens them with its own rights, so QEMU's user
 * needs none, nothing is relabelled, and nothing has to be restored afterwards. QEMU takes a set of descriptors as
 * /dev/fdset/N wherever its block layer and character devices open a file (qemu-options: -add-fd).
 */
#include "vm/vm-prepare.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "model/engine.h"
#include "storage/image-header.h"
#include "vm/vm-settings.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHAIN_MAX 200 /* links of a backing chain */

/*
 * Gives @fd (taken over) to QEMU as a set of its own; the set's name, to be freed. A set holds one descriptor, so its
 * block node is opened in that one access mode: qemu_block_access().
 */
static char *hand_over_fd(VmStart *start, int fd)
{
    int number = qemu_fds_add(start->fds, fd);
    unsigned set = start->add_fds->len / 2 + 1;
    g_ptr_array_add(start->add_fds, g_strdup("-add-fd"));
    g_ptr_array_add(start->add_fds, g_strdup_printf("fd=%d,set=%u", number, set));
    return g_strdup_printf("/dev/fdset/%u", set);
}

/* -1 with an error that says which file of which guest, and what may help. */
static int open_for(VmStart *start, const char *what, const char *path, int flags, GError **error)
{
    int fd = open(path, flags | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0)
        error_set_errno(error, errno, "Cannot access storage file '%s' (%s of guest '%s')", path, what, start->name);
    return fd;
}

/* Opens @path and replaces it by the name of a descriptor set. */
static bool hand_over(VmStart *start, const char *what, char **path, int flags, GError **error)
{
    auto_fd int fd = open_for(start, what, *path, flags, error);
    if (fd < 0)
        return false;
    g_free(*path);
    *path = hand_over_fd(start, fd_steal(&fd));
    return true;
}

static void backing_free(StorageBacking *backing)
{
    model_free(&model_storage_backing, backing);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StorageBacking, backing_free)

/*
 * Resolves what the header of the open qcow2 image names, link by link, and hands every file over. Read-only: only the
 * top of a chain is ever written.
 */
static bool resolve_chain(VmStart *start, const char *path, int fd, unsigned depth, StorageBacking **ret_backing,
                          GError **error)
{
    g_auto(ImageBacking) backing = { 0 };
    if (depth > CHAIN_MAX)
        return error_set(error, VIR_ERR_OPERATION_FAILED,
                         "image '%s': its backing chain has more than %d links or a loop", path, CHAIN_MAX);
    if (!image_qcow2_backing(fd, path, &backing, error))
        return false;
    if (backing.is_url)
        return true; /* QEMU resolves it itself */
    /* Left empty it is the end of the chain, which keeps QEMU from looking for more. */
    g_autoptr(StorageBacking) link = g_new0(StorageBacking, 1);
    if (backing.path) {
        auto_fd int below = open(backing.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (below < 0)
            return error_set_errno(error, errno, "image '%s': its backing file '%s'", path, backing.path);
        if (!backing.format)
            return error_set(
                error, VIR_ERR_OPERATION_FAILED,
                "image '%s' does not say the format of its backing file '%s', and guessing is unsafe: qemu-img "
                "rebase -u -F FORMAT -b '%s' '%s'",
                path, backing.path, backing.path, path);
        link->source.type = STORAGE_TYPE_FILE;
        link->format = model_enum_value(&model_enum_storage_format, backing.format);
        if (link->format == STORAGE_FORMAT_QCOW2 &&
            !resolve_chain(start, backing.path, below, depth + 1, &link->backing, error))
            return false;
        if (!link->backing)
            link->backing = g_new0(StorageBacking, 1);
        link->source.path = hand_over_fd(start, fd_steal(&below));
    }
    *ret_backing = g_steal_pointer(&link);
    return true;
}

static bool hand_over_disk(VmStart *start, DomainDisk *disk, GError **error)
{
    StorageSource *source = &disk->source;
    if ((source->type != STORAGE_TYPE_FILE && source->type != STORAGE_TYPE_BLOCK) || !source->path)
        return true;
    bool read_only = disk->read_only || disk->device == DISK_DEVICE_CDROM;
    bool optional = source->startup_policy == SOURCE_STARTUP_POLICY_OPTIONAL ||
                    source->startup_policy == SOURCE_STARTUP_POLICY_REQUISITE;
    if (optional && disk->device != DISK_DEVICE_DISK && access(source->path, F_OK) < 0) {
        g_clear_pointer(&source->path, g_free);
        return true;
    }
    auto_fd int fd = open_for(start, "disk", source->path, (read_only ? O_RDONLY : O_RDWR) | O_NONBLOCK, error);
    if (fd < 0)
        return false;
    if (disk->format == STORAGE_FORMAT_QCOW2 && !disk->backing &&
        !resolve_chain(start, source->path, fd, 0, &disk->backing, error))
        return false;
    g_free(source->path);
    source->path = hand_over_fd(start, fd_steal(&fd));
    return true;
}

/* Copies a file that QEMU's user cannot open into memory that it can, and puts its name in place. */
static bool copy_to_memory(VmStart *start, char **path, int from, GError **error)
{
    struct stat info;
    auto_fd int memory = memfd_create("lodge-boot", MFD_CLOEXEC);
    if (memory < 0 || fstat(from, &info) < 0)
        return error_set_errno(error, errno, "copy '%s'", *path);
    for (off_t left = info.st_size; left > 0;) {
        ssize_t done = sendfile(memory, from, NULL, (size_t)left);
        if (done <= 0)
            return error_set_errno(error, done < 0 ? errno : EIO, "copy '%s'", *path);
        left -= done;
    }
    if (lseek(memory, 0, SEEK_SET) < 0)
        return error_set_errno(error, errno, "copy '%s'", *path);
    int number = qemu_fds_add(start->fds, fd_steal(&memory));
    g_free(*path);
    *path = g_strdup_printf("/proc/self/fd/%d", number);
    return true;
}

/* Kernel, initrd and the like, which QEMU opens by name only. */
static bool hand_over_boot_file(VmStart *start, const char *what, char **path, GError **error)
{
    if (!*path)
        return true;
    auto_fd int fd = open(*path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set_errno(error, errno, "start guest '%s': %s '%s'", start->name, what, *path);
    const VmUser *user = &start->settings->user;
    if (!user->switch_user || vm_user_can_open(user, *path, false))
        return true;
    return copy_to_memory(start, path, fd, error);
}

/*
 * QEMU works in its run directory and names what is in it without a path: its user need not be able to pass the
 * directories above, and the names of sockets stay short.
 */
static void shorten(VmStart *start, char **path)
{
    g_autofree char *prefix = g_strconcat(start->vm->run_dir, "/", NULL);
    if (!*path || !g_str_has_prefix(*path, prefix))
        return;
    char *name = g_strdup(*path + strlen(prefix));
    g_free(*path);
    *path = name;
}

static void shorten_displays(VmStart *start)
{
    for (unsigned i = 0; i < start->handed->n_graphics; i++) {
        DomainGraphics *graphics = start->handed->graphics[i];
        for (unsigned l = 0; l < graphics->n_listens; l++)
            shorten(start, &graphics->listens[l]->socket);
    }
}

/*
 * A pty keeps nothing for whoever comes late, so its output is also written to ALIAS.log in the run directory, which
 * vm-console.c replays and keeps small. A log that the definition asks for serves both.
 */
static bool hand_over_chardev(VmStart *start, DomainChardev *chardev, GError **error)
{
    ChardevSource *source = &chardev->source;
    if (source->type == CHARDEV_TYPE_PTY && !source->log_file) {
        source->log_file = g_strconcat(chardev->info.alias, ".log", NULL);
        source->log_append = TRI_YES;
    } else if (source->log_file) {
        int mode = source->log_append == TRI_NO ? O_TRUNC : O_APPEND;
        if (!hand_over(start, "log file", &source->log_file, O_WRONLY | O_CREAT | mode, error))
            return false;
    }
    if (source->type == CHARDEV_TYPE_UNIX)
        shorten(start, &source->path);
    if (source->type != CHARDEV_TYPE_FILE || !source->path)
        return true;
    int mode = source->append == TRI_YES ? O_APPEND : O_TRUNC;
    return hand_over(start, "output file", &source->path, O_WRONLY | O_CREAT | mode, error);
}

static bool hand_over_chardevs(VmStart *start, DomainChardev **list, unsigned n, GError **error)
{
    for (unsigned i = 0; i < n; i++) {
        if (!hand_over_chardev(start, list[i], error))
            return false;
    }
    return true;
}

static bool hand_over_firmware(VmStart *start, DomainOs *os, GError **error)
{
    if (os->loader && os->loader->path && os->loader->type == LOADER_TYPE_PFLASH) {
        int flags = os->loader->readonly == TRI_NO ? O_RDWR : O_RDONLY;
        if (!hand_over(start, "firmware", &os->loader->path, flags, error))
            return false;
    }
    if (os->nvram && os->nvram->path && !hand_over(start, "NVRAM", &os->nvram->path, O_RDWR, error))
        return false;
    return hand_over_boot_file(start, "kernel", &os->kernel, error) &&
           hand_over_boot_file(start, "initrd", &os->initrd, error) &&
           hand_over_boot_file(start, "device tree", &os->dtb, error);
}

bool vm_prepare_files(VmStart *start, GError **error)
{
    Domain *handed = start->handed = domain_copy(start->live);
    for (unsigned i = 0; i < handed->n_disks; i++) {
        if (!hand_over_disk(start, handed->disks[i], error))
            return false;
    }
    shorten_displays(start);
    return hand_over_firmware(start, &handed->os, error) &&
           hand_over_chardevs(start, handed->serials, handed->n_serials, error) &&
           hand_over_chardevs(start, handed->parallels, handed->n_parallels, error) &&
           hand_over_chardevs(start, handed->consoles, handed->n_consoles, error) &&
           hand_over_chardevs(start, handed->channels, handed->n_channels, error);
}
