/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-log.h"

#include "base/auto-fd.h"
#include "base/log.h"
#include "base/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define ROTATE_BYTES (2 * 1024 * 1024)
#define KEEP_OLD     3

static char *log_path(const Paths *paths, const char *name)
{
    return g_strdup_printf("%s/%s.log", paths->qemu_log_dir, name);
}

char *vm_log_prepare(const Paths *paths, const char *name)
{
    char *path = log_path(paths, name);
    struct stat info;
    if (stat(path, &info) < 0 || info.st_size < ROTATE_BYTES)
        return path;
    for (int i = KEEP_OLD - 1; i >= 0; i--) {
        g_autofree char *from = i > 0 ? g_strdup_printf("%s.%d", path, i) : g_strdup(path);
        g_autofree char *to = g_strdup_printf("%s.%d", path, i + 1);
        if (rename(from, to) < 0 && errno != ENOENT)
            log_warning("rotate '%s': %s", from, g_strerror(errno));
    }
    return path;
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
