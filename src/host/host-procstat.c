/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-procstat.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "host/host-sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* Fields of /proc/PID/stat behind the command's name, as proc(5) numbers them. */
enum {
    FIELD_STATE = 3,
    FIELD_MINFLT = 10,
    FIELD_MAJFLT = 12,
    FIELD_UTIME = 14,
    FIELD_STIME = 15,
    FIELD_START_TIME = 22,
    FIELD_VSIZE = 23,
    FIELD_RSS = 24,
    FIELD_PROCESSOR = 39,
    FIELD_GUEST_TIME = 43,
    FIELD_COUNT = 53,
};

/* These files are far shorter than a page; each is read by one read(2), so its numbers belong together. */
static bool read_file(const char *path, char *buffer, size_t size, GError **error)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, buffer, size - 1);
    if (length < 0 && (errno == ENOENT || errno == ESRCH))
        return error_set(error, VIR_ERR_OPERATION_INVALID, "the process has ended ('%s')", path);
    if (length < 0)
        return error_set_errno(error, errno, "read '%s'", path);
    buffer[length] = '\0';
    return true;
}

static bool parse_stat(const char *path, char *text, HostProcStat *ret_stat, GError **error)
{
    /* The name is in brackets and may hold blanks and brackets itself. */
    char *tail = strrchr(text, ')');
    if (!tail || tail[1] != ' ')
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "malformed '%s'", path);
    uint64_t fields[FIELD_COUNT] = { 0 };
    char state = tail[2];
    char *next = tail + 3;
    unsigned field = FIELD_STATE + 1;
    for (; field < FIELD_COUNT && *next == ' '; field++) {
        char *end;
        fields[field] = (uint64_t)g_ascii_strtoll(next, &end, 10);
        if (end == next)
            break;
        next = end;
    }
    if (field <= FIELD_PROCESSOR)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "malformed '%s'", path);
    const uint64_t tick = 1000000000u / (uint64_t)sysconf(_SC_CLK_TCK);
    *ret_stat = (HostProcStat){
        .user_ns = fields[FIELD_UTIME] * tick,
        .system_ns = fields[FIELD_STIME] * tick,
        .guest_ns = fields[FIELD_GUEST_TIME] * tick,
        .rss_bytes = fields[FIELD_RSS] * (uint64_t)sysconf(_SC_PAGESIZE),
        .virtual_bytes = fields[FIELD_VSIZE],
        .minor_faults = fields[FIELD_MINFLT],
        .major_faults = fields[FIELD_MAJFLT],
        .start_time = fields[FIELD_START_TIME],
        .last_cpu = (unsigned)fields[FIELD_PROCESSOR],
        .state = state,
    };
    return true;
}

bool host_procstat_process(const char *sysroot, pid_t pid, HostProcStat *ret_stat, GError **error)
{
    char text[2048];
    g_autofree char *path = g_strdup_printf("%s/proc/%d/stat", sysroot, (int)pid);
    return read_file(path, text, sizeof text, error) && parse_stat(path, text, ret_stat, error);
}

bool host_procstat_thread(const char *sysroot, pid_t pid, pid_t tid, HostProcStat *ret_stat, GError **error)
{
    char text[2048];
    g_autofree char *path = g_strdup_printf("%s/proc/%d/task/%d/stat", sysroot, (int)pid, (int)tid);
    return read_file(path, text, sizeof text, error) && parse_stat(path, text, ret_stat, error);
}

bool host_procstat_sched(const char *sysroot, pid_t pid, pid_t tid, HostProcSched *ret_sched, GError **error)
{
    char text[256];
    g_autofree char *path = g_strdup_printf("%s/proc/%d/task/%d/schedstat", sysroot, (int)pid, (int)tid);
    if (!read_file(path, text, sizeof text, error))
        return false;
    unsigned long long run, wait, slices;
    if (sscanf(text, "%llu %llu %llu", &run, &wait, &slices) != 3)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "malformed '%s'", path);
    *ret_sched = (HostProcSched){ .run_ns = run, .wait_ns = wait, .timeslices = slices };
    return true;
}

bool host_procstat_io(const char *sysroot, pid_t pid, HostProcIo *ret_io, GError **error)
{
    char text[1024];
    g_autofree char *path = g_strdup_printf("%s/proc/%d/io", sysroot, (int)pid);
    if (!read_file(path, text, sizeof text, error))
        return false;
    HostProcIo io;
    if (!host_sysfs_find_u64(text, "rchar:", &io.rchar) || !host_sysfs_find_u64(text, "wchar:", &io.wchar) ||
        !host_sysfs_find_u64(text, "read_bytes:", &io.read_bytes) ||
        !host_sysfs_find_u64(text, "write_bytes:", &io.write_bytes))
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "malformed '%s'", path);
    *ret_io = io;
    return true;
}

static gint compare_pids(gconstpointer a, gconstpointer b)
{
    return *(const pid_t *)a - *(const pid_t *)b;
}

bool host_procstat_threads(const char *sysroot, pid_t pid, GArray **ret_tids, GError **error)
{
    g_autoptr(GPtrArray) names = host_sysfs_list(sysroot, "/proc/%d/task", (int)pid);
    if (names->len == 0)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "process %d has ended", (int)pid);
    GArray *tids = g_array_new(FALSE, FALSE, sizeof(pid_t));
    for (guint i = 0; i < names->len; i++) {
        pid_t tid = (pid_t)g_ascii_strtoll(g_ptr_array_index(names, i), NULL, 10);
        g_array_append_val(tids, tid);
    }
    g_array_sort(tids, compare_pids);
    *ret_tids = tids;
    return true;
}
