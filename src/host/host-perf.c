/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-perf.h"

#include "base/error.h"
#include "base/record.h"
#include "host/host-procstat.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct HostPerfCounter {
    GArray *fds; /* of int: one a thread that was there; its children count into it */
};

typedef struct {
    const char *name;
    uint32_t type;
    uint64_t config;
} PerfRow;

static const PerfRow perf_rows[];

static void counter_clear(gpointer data)
{
    HostPerfCounter *counter = data;
    for (unsigned i = 0; i < counter->fds->len; i++)
        close(g_array_index(counter->fds, int, i));
    g_array_unref(counter->fds);
}

HostPerfCounter *host_perf_ref(HostPerfCounter *counter)
{
    return record_ref(counter);
}

void host_perf_unref(HostPerfCounter *counter)
{
    record_unref(counter, counter_clear);
}

static const PerfRow *find_row(const char *event)
{
    for (const PerfRow *row = perf_rows; row->name; row++) {
        if (strcmp(row->name, event) == 0)
            return row;
    }
    return NULL;
}

static int open_thread(const PerfRow *row, pid_t tid)
{
    struct perf_event_attr attributes = {
        .type = row->type,
        .size = sizeof attributes,
        .config = row->config,
        .inherit = 1,
    };
    return (int)syscall(SYS_perf_event_open, &attributes, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static bool cannot_count(const char *event, int code, GError **error)
{
    const char *cure = code == EACCES || code == EPERM ? "the daemon may not: let it run as root, or lower "
                                                         "/proc/sys/kernel/perf_event_paranoid"
                                                       : "it has no such counter: leave the event out";
    return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "perf event '%s' cannot be counted on this host (%s): %s",
                     event, g_strerror(code), cure);
}

HostPerfCounter *host_perf_open(pid_t pid, const char *event, GError **error)
{
    const PerfRow *row = find_row(event);
    g_autoptr(GArray) tids = NULL;
    if (!row) {
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                  "perf event '%s' cannot be counted: Linux has had no counter for it since 4.14", event);
        return NULL;
    }
    if (!host_procstat_threads("", pid, &tids, error))
        return NULL;
    g_autoptr(HostPerfCounter) counter = record_new(HostPerfCounter);
    counter->fds = g_array_new(FALSE, FALSE, sizeof(int));
    for (unsigned i = 0; i < tids->len; i++) {
        int fd = open_thread(row, g_array_index(tids, pid_t, i));
        if (fd < 0 && errno == ESRCH) /* it has ended since */
            continue;
        if (fd < 0) {
            cannot_count(event, errno, error);
            return NULL;
        }
        g_array_append_val(counter->fds, fd);
    }
    return g_steal_pointer(&counter);
}

uint64_t host_perf_read(const HostPerfCounter *counter)
{
    uint64_t sum = 0, value;
    for (unsigned i = 0; i < counter->fds->len; i++) {
        if (read(g_array_index(counter->fds, int, i), &value, sizeof value) == sizeof value)
            sum += value;
    }
    return sum;
}

#define HARDWARE(name, config)                                                                                         \
    {                                                                                                                  \
        name, PERF_TYPE_HARDWARE, PERF_COUNT_HW_##config                                                               \
    }
#define SOFTWARE(name, config)                                                                                         \
    {                                                                                                                  \
        name, PERF_TYPE_SOFTWARE, PERF_COUNT_SW_##config                                                               \
    }
static const PerfRow perf_rows[] = {
    HARDWARE("cpu_cycles", CPU_CYCLES),
    HARDWARE("instructions", INSTRUCTIONS),
    HARDWARE("cache_references", CACHE_REFERENCES),
    HARDWARE("cache_misses", CACHE_MISSES),
    HARDWARE("branch_instructions", BRANCH_INSTRUCTIONS),
    HARDWARE("branch_misses", BRANCH_MISSES),
    HARDWARE("bus_cycles", BUS_CYCLES),
    HARDWARE("stalled_cycles_frontend", STALLED_CYCLES_FRONTEND),
    HARDWARE("stalled_cycles_backend", STALLED_CYCLES_BACKEND),
    HARDWARE("ref_cpu_cycles", REF_CPU_CYCLES),
    SOFTWARE("cpu_clock", CPU_CLOCK),
    SOFTWARE("task_clock", TASK_CLOCK),
    SOFTWARE("page_faults", PAGE_FAULTS),
    SOFTWARE("context_switches", CONTEXT_SWITCHES),
    SOFTWARE("cpu_migrations", CPU_MIGRATIONS),
    SOFTWARE("page_faults_min", PAGE_FAULTS_MIN),
    SOFTWARE("page_faults_maj", PAGE_FAULTS_MAJ),
    SOFTWARE("alignment_faults", ALIGNMENT_FAULTS),
    SOFTWARE("emulation_faults", EMULATION_FAULTS),
    { 0 },
};
