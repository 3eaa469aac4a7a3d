/* SPDX-License-Identifier: Apache-2.0 */
/* The start's half of handing files over: all of a definition's, as numbers on the command line. */
#include "vm/vm-prepare.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "vm/vm-events.h"
#include "vm/vm-files.h"
#include "vm/vm-settings.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static char *give_at_start(gpointer data, int fd, const char *tag, GError **error)
{
    VmStart *start = data;
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", fd), *file = g_file_read_link(link, NULL);
    g_ptr_array_add(start->set_names, file ? g_steal_pointer(&file) : g_strdup(tag));
    int number = qemu_fds_add(start->fds, fd);
    unsigned set = start->add_fds->len / 2 + 1;
    g_ptr_array_add(start->add_fds, g_strdup("-add-fd"));
    g_ptr_array_add(start->add_fds, g_strdup_printf("fd=%d,set=%u,opaque=%s", number, set, tag));
    return g_strdup_printf("/dev/fdset/%u", set);
}

static bool give_socket_at_start(gpointer data, int fd, const char *alias, GError **error)
{
    VmStart *start = data;
    qemu_socket_fds_add(&start->resources, alias, g_strdup_printf("%d", qemu_fds_add(start->fds, fd)));
    return true;
}

static int give_number_at_start(gpointer data, int fd)
{
    return qemu_fds_add(((VmStart *)data)->fds, fd);
}

static VmFiles start_files(VmStart *start)
{
    return (VmFiles){ .guest = start->name,
                      .run_dir = start->vm->run_dir,
                      .user = &start->settings->user,
                      .data = start,
                      .give = give_at_start,
                      .give_socket = give_socket_at_start,
                      .give_number = give_number_at_start };
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

static void shorten_displays(VmStart *start)
{
    for (unsigned i = 0; i < start->handed->n_graphics; i++) {
        DomainGraphics *graphics = start->handed->graphics[i];
        for (unsigned l = 0; l < graphics->n_listens; l++)
            vm_files_shorten(start->vm->run_dir, &graphics->listens[l]->socket);
    }
}

/* The first console of most guests is another view of the first serial port, and has no back end of its own. */
static bool is_view_of_serial(const VmStart *start, const DomainChardev *chardev, DomainChardev *const *list)
{
    return list == start->handed->consoles &&
           (chardev->target_type == CHARDEV_TARGET_UNSET || chardev->target_type == CHARDEV_TARGET_SERIAL);
}

static bool hand_over_chardevs(VmStart *start, DomainChardev **list, unsigned n, GError **error)
{
    VmFiles files = start_files(start);
    for (unsigned i = 0; i < n; i++) {
        if (!is_view_of_serial(start, list[i], list) &&
            !vm_files_give_chardev(&files, &list[i]->source, list[i]->info.alias, error))
            return false;
    }
    return true;
}

static bool hand_over_flash(VmStart *start, const char *what, const char *tag, char **path, int flags, GError **error)
{
    auto_fd int fd = open(*path, flags | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_set_errno(error, errno, "Cannot access storage file '%s' (%s of guest '%s')", *path, what,
                               start->name);
    g_free(*path);
    *path = give_at_start(start, fd_steal(&fd), tag, error);
    return true;
}

static bool hand_over_firmware(VmStart *start, DomainOs *os, GError **error)
{
    if (os->loader && os->loader->path && os->loader->type == LOADER_TYPE_PFLASH) {
        int flags = os->loader->readonly == TRI_YES ? O_RDONLY : O_RDWR;
        if (!hand_over_flash(start, "firmware", "firmware", &os->loader->path, flags, error))
            return false;
    }
    char **variables = os->nvram ? vm_nvram_place(os->nvram) : NULL;
    if (variables && *variables && !hand_over_flash(start, "NVRAM", "nvram", variables, O_RDWR, error))
        return false;
    return hand_over_boot_file(start, "kernel", &os->kernel, error) &&
           hand_over_boot_file(start, "initrd", &os->initrd, error) &&
           hand_over_boot_file(start, "device tree", &os->dtb, error);
}

/* Opens all images first: the numbers of all links, which name their descriptors, follow from the whole chains. */
static bool hand_over_disks(VmStart *start, GError **error)
{
    VmFiles files = start_files(start);
    g_autoptr(GPtrArray) opened = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    for (unsigned i = 0; i < start->live->n_disks; i++) {
        GArray *fds;
        DomainDisk *disk = start->live->disks[i];
        g_autofree char *path = g_strdup(disk->source.path);
        if (!vm_files_open_disk(&files, disk, &fds, error))
            return false;
        g_ptr_array_add(opened, fds);
        if (path && !disk->source.path)
            vm_emit_disk_change(start->vm, path, NULL, disk->info.alias, VIR_DOMAIN_EVENT_DISK_CHANGE_MISSING_ON_START);
    }
    qemu_args_number_sources(start->live);
    start->handed = domain_copy(start->live);
    for (unsigned i = 0; i < opened->len; i++) {
        if (!vm_files_give_disk(&files, start->handed->disks[i], opened->pdata[i], error))
            return false;
    }
    return true;
}

bool vm_prepare_files(VmStart *start, GError **error)
{
    if (!hand_over_disks(start, error))
        return false;
    Domain *handed = start->handed;
    shorten_displays(start);
    return hand_over_firmware(start, &handed->os, error) &&
           hand_over_chardevs(start, handed->serials, handed->n_serials, error) &&
           hand_over_chardevs(start, handed->parallels, handed->n_parallels, error) &&
           hand_over_chardevs(start, handed->consoles, handed->n_consoles, error) &&
           hand_over_chardevs(start, handed->channels, handed->n_channels, error);
}
