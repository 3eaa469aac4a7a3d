/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-sysfs.h"

#include "base/auto-fd.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Joins sysroot and the formatted path. */
static char *join_path(const char *sysroot, const char *format, va_list args) G_GNUC_PRINTF(2, 0);
static char *join_path(const char *sysroot, const char *format, va_list args)
{
    g_autofree char *path = g_strdup_vprintf(format, args);
    return g_strconcat(sysroot, path, NULL);
}

/* Kernel files say size 0 or a page, so the size is not asked: g_file_get_contents() reads to the end. */
static char *read_stripped(const char *path)
{
    char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    return g_strchomp(text);
}

char *host_sysfs_read(const char *sysroot, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *path = join_path(sysroot, format, args);
    va_end(args);
    return read_stripped(path);
}

bool host_sysfs_read_u64(uint64_t *ret_value, const char *sysroot, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *path = join_path(sysroot, format, args);
    va_end(args);
    g_autofree char *text = read_stripped(path);
    if (!text || !g_ascii_isdigit(text[0]))
        return false;
    *ret_value = g_ascii_strtoull(text, NULL, 10);
    return true;
}

Cpuset *host_sysfs_read_set(const char *sysroot, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *path = join_path(sysroot, format, args);
    va_end(args);
    g_autofree char *text = read_stripped(path);
    if (!text)
        return NULL;
    return text[0] ? cpuset_parse(text, NULL) : cpuset_new(0);
}

bool host_sysfs_exists(const char *sysroot, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *path = join_path(sysroot, format, args);
    va_end(args);
    return access(path, F_OK) == 0;
}

bool host_sysfs_write(const char *sysroot, const char *path, const char *value, GError **error)
{
    g_autofree char *full = g_strconcat(sysroot, path, NULL);
    auto_fd int fd = open(full, O_WRONLY | O_CLOEXEC | O_TRUNC);
    if (fd < 0)
        return error_set_errno(error, errno, "open '%s' for writing", full);
    ssize_t length = (ssize_t)strlen(value);
    if (write(fd, value, (size_t)length) != length)
        return error_set_errno(error, errno, "write '%s' to '%s'", value, full);
    return true;
}

bool host_sysfs_find_u64(const char *text, const char *key, uint64_t *ret_value)
{
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        if (*line == '\n')
            line++;
        if (strncmp(line, key, length) != 0)
            continue;
        const char *value = line + length;
        while (*value == ' ' || *value == '\t')
            value++;
        if (!g_ascii_isdigit(*value))
            return false;
        *ret_value = g_ascii_strtoull(value, NULL, 10);
        return true;
    }
    return false;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GPtrArray *host_sysfs_list(const char *sysroot, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *path = join_path(sysroot, format, args);
    va_end(args);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir)))
        g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, compare_names);
    return names;
}
