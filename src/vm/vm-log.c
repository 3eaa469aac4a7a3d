/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-log.h"

#include "base/auto-fd.h"
#include "base/log.h"
#include "base/paths.h"
#include "vm/vm-registry.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROTATE_BYTES  (2 * 1024 * 1024)
#define KEEP_OLD      3
#define CHECK_EVERY_S 2 /* a guest that floods its log fills no more of the disk than it writes in that time */

static char *log_path(const Paths *paths, const char *name)
{
    return g_strdup_printf("%s/%s.log", paths->qemu_log_dir, name);
}

static char *old_path(const char *path, int number)
{
    return number > 0 ? g_strdup_printf("%s.%d", path, number) : g_strdup(path);
}

/* NAME.log.1 becomes NAME.log.2 and so on; @first 0: NAME.log itself becomes NAME.log.1. */
static void shift(const char *path, int first)
{
    for (int i = KEEP_OLD - 1; i >= first; i--) {
        g_autofree char *from = old_path(path, i), *to = old_path(path, i + 1);
        if (rename(from, to) < 0 && errno != ENOENT)
            log_warning("rotate '%s': %s", from, g_strerror(errno));
    }
}

static bool too_large(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && info.st_size >= ROTATE_BYTES;
}

char *vm_log_prepare(const Paths *paths, const char *name)
{
    char *path = log_path(paths, name);
    if (too_large(path))
        shift(path, 0);
    return path;
}

void vm_log_remove(const Paths *paths, const char *name)
{
    g_autofree char *path = log_path(paths, name);
    for (int i = 0; i <= KEEP_OLD; i++) {
        g_autofree char *old = old_path(path, i);
        if (unlink(old) < 0 && errno != ENOENT)
            log_warning("remove '%s': %s", old, g_strerror(errno));
    }
}

/* Copies the end of the log behind @fd to @to. */
static bool copy_end(int fd, const char *to)
{
    struct stat info;
    auto_fd int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (out < 0 || fstat(fd, &info) < 0)
        return false;
    off_t from = MAX(0, info.st_size - ROTATE_BYTES);
    while (from < info.st_size) {
        ssize_t done = sendfile(out, fd, &from, (size_t)(info.st_size - from));
        if (done <= 0)
            return false;
    }
    return true;
}

/* QEMU has the file open and goes on writing to its end, so it stays the same file: it is copied and emptied. */
static void rotate_job(gpointer data)
{
    g_autoptr(Vm) vm = data;
    if (!vm->view)
        return;
    g_autofree char *path = log_path(vm->daemon->paths, vm_view_domain(vm->view)->name);
    if (!too_large(path))
        return; /* an earlier job was quicker */
    g_autofree char *first = old_path(path, 1);
    auto_fd int fd = open(path, O_RDWR | O_CLOEXEC);
    shift(path, 1);
    if (fd < 0 || !copy_end(fd, first))
        log_warning("rotate '%s': %s", path, g_strerror(errno));
    if (fd >= 0 && ftruncate(fd, 0) < 0)
        log_warning("empty '%s': %s", path, g_strerror(errno));
}

static gboolean on_check_time(gpointer data)
{
    Daemon *daemon = data;
    g_autoptr(GPtrArray) all = vm_registry_all(daemon->vms);
    for (unsigned i = 0; i < all->len; i++) {
        Vm *vm = all->pdata[i];
        g_autoptr(VmView) view = vm_view(vm);
        if (!view || !vm_view_active(view))
            continue;
        g_autofree char *path = log_path(daemon->paths, vm_view_domain(view)->name);
        if (too_large(path) && mailbox_length(vm->mailbox) == 0)
            mailbox_post(vm->mailbox, rotate_job, vm_ref(vm));
    }
    return G_SOURCE_CONTINUE;
}

guint vm_log_watch_all(Daemon *daemon)
{
    return g_timeout_add_seconds(CHECK_EVERY_S, on_check_time, daemon);
}

static void append(Vm *vm, const char *text)
{
    g_autofree char *path = log_path(vm->daemon->paths, vm_view_domain(vm->view)->name);
    auto_fd int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    size_t length = strlen(text);
    if (fd < 0 || write(fd, text, length) != (ssize_t)length)
        log_warning("write '%s': %s", path, g_strerror(errno));
}

void vm_log_event(Vm *vm, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autoptr(GDateTime) now = g_date_time_new_now_utc();
    g_autofree char *time = g_date_time_format(now, "%Y-%m-%d %H:%M:%S.%fZ");
    g_autofree char *line = g_strdup_printf("%s: %s\n", time, text);
    append(vm, line);
}

void vm_log_command(Vm *vm, const char *emulator, GPtrArray *args)
{
    g_autoptr(GString) text = g_string_new(emulator);
    for (unsigned i = 0; i < args->len && args->pdata[i]; i++) {
        const char *arg = args->pdata[i];
        g_autofree char *quoted = g_shell_quote(arg);
        bool plain =
            strspn(arg, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=,./:+@") == strlen(arg);
        g_string_append_printf(text, "%s%s", arg[0] == '-' ? " \\\n" : " ", plain && *arg ? arg : quoted);
    }
    vm_log_event(vm, "starting");
    g_string_append_c(text, '\n');
    append(vm, text->str);
}
