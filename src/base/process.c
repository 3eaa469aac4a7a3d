/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process.h"

#include "base/auto-fd.h"
#include "base/error.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

/* State letter and start time of /proc/PID/stat (proc(5)); the name in brackets may hold blanks and brackets. */
static bool read_stat(pid_t pid, char *ret_state, uint64_t *ret_start_time)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)pid);
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return false;
    const char *rest = strrchr(text, ')');
    if (!rest)
        return false;
    g_auto(GStrv) fields = g_strsplit(rest + 2, " ", 21);
    if (g_strv_length(fields) < 21)
        return false;
    *ret_state = fields[0][0];
    *ret_start_time = g_ascii_strtoull(fields[19], NULL, 10);
    return true;
}

bool process_identify(pid_t pid, ProcessId *ret_id, GError **error)
{
    char state;
    uint64_t start_time;
    if (!read_stat(pid, &state, &start_time))
        return error_set(error, VIR_ERR_SYSTEM_ERROR, "no process with pid %d", (int)pid);
    *ret_id = (ProcessId){ pid, start_time };
    return true;
}

bool process_alive(const ProcessId *id)
{
    char state;
    uint64_t start_time;
    return read_stat(id->pid, &state, &start_time) && start_time == id->start_time && state != 'Z' && state != 'X';
}

int process_open(const ProcessId *id)
{
    auto_fd int fd = (int)syscall(SYS_pidfd_open, id->pid, 0);
    /* Checked after opening: if the start time still matches now, the descriptor is of that process. */
    return fd >= 0 && process_alive(id) ? fd_steal(&fd) : -1;
}

bool process_wait(int pidfd, int timeout_ms)
{
    gint64 deadline = g_get_monotonic_time() + (gint64)timeout_ms * 1000;
    for (;;) {
        gint64 left = MAX(0, (deadline - g_get_monotonic_time() + 999) / 1000);
        struct pollfd item = { .fd = pidfd, .events = POLLIN };
        int ready = poll(&item, 1, (int)left);
        if (ready > 0)
            return true;
        if (ready == 0 || errno != EINTR)
            return false;
    }
}

bool process_signal(int pidfd, int signal_number, GError **error)
{
    if (syscall(SYS_pidfd_send_signal, pidfd, signal_number, NULL, 0) < 0)
        return error_set_errno(error, errno, "send signal %d", signal_number);
    return true;
}
