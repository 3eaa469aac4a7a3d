/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/auto-fd.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static LogLevel lowest_level = LOG_LEVEL_WARNING;
static int log_fd = STDERR_FILENO;

void log_set_level(LogLevel level)
{
    g_atomic_int_set((int *)&lowest_level, (int)level);
}

bool log_open_file(const char *path, GError **error)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_set_errno(error, errno, "open log file '%s'", path);
    /* Put in place of the old one, which another thread may be writing to, without ever closing its number. */
    int old = g_atomic_int_get(&log_fd);
    if (old == STDERR_FILENO) {
        g_atomic_int_set(&log_fd, fd);
        return true;
    }
    bool ok = dup3(fd, old, O_CLOEXEC) >= 0;
    int saved_errno = errno;
    close(fd);
    return ok || error_set_errno(error, saved_errno, "open log file '%s'", path);
}

bool log_open_stderr(GError **error)
{
    int old = g_atomic_int_get(&log_fd);
    if (old == STDERR_FILENO)
        return true;
    if (dup3(STDERR_FILENO, old, O_CLOEXEC) < 0)
        return error_set_errno(error, errno, "send the log to stderr");
    return true;
}

void log_write(LogLevel level, const char *format, ...)
{
    static const char *const names[] = { "", "debug", "info", "warning", "error" };
    if ((int)level < g_atomic_int_get((int *)&lowest_level))
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *line = NULL;
    if (g_getenv("JOURNAL_STREAM")) {
        line = g_strdup_printf("%s: %s\n", names[level], text);
    } else {
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();
        g_autofree char *time = g_date_time_format(now, "%Y-%m-%d %H:%M:%S.%fZ");
        line = g_strdup_printf("%s %s: %s\n", time, names[level], text);
    }
    /* One write, so that lines of several threads do not mix; a log that cannot be written must not stop the daemon. */
    ssize_t ignored = write(g_atomic_int_get(&log_fd), line, strlen(line));
    (void)ignored;
}
