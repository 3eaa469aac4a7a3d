/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Times and sizes of processes and their threads, from /proc below @sysroot. One read of one file each (about 10 µs),
 * so that statistics of many guests stay cheap. All fail with VIR_ERR_OPERATION_INVALID if the process is gone. Any
 * thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    uint64_t user_ns, system_ns; /* of all its threads for a process; the resolution is a clock tick (10 ms) */
    uint64_t guest_ns;           /* spent running a virtual CPU under KVM; part of @user_ns */
    uint64_t rss_bytes;          /* of the whole process, for a thread too */
    uint64_t virtual_bytes;
    uint64_t minor_faults, major_faults;
    uint64_t start_time; /* clock ticks after boot: with the pid, what names a process for good */
    unsigned last_cpu;   /* where it ran last */
    char state;          /* R, S, D, T, Z … */
} HostProcStat;

bool host_procstat_process(const char *sysroot, pid_t pid, HostProcStat *ret_stat, GError **error);
bool host_procstat_thread(const char *sysroot, pid_t pid, pid_t tid, HostProcStat *ret_stat, GError **error);

/* What the scheduler knows of one thread, exact to the ns. */
typedef struct {
    uint64_t run_ns;  /* on a CPU */
    uint64_t wait_ns; /* runnable, but waiting for a CPU ("steal" to a guest) */
    uint64_t timeslices;
} HostProcSched;

bool host_procstat_sched(const char *sysroot, pid_t pid, pid_t tid, HostProcSched *ret_sched, GError **error);

/* Bytes the process itself moved; @read_bytes and @write_bytes reached the storage layer. */
typedef struct {
    uint64_t rchar, wchar, read_bytes, write_bytes;
} HostProcIo;

bool host_procstat_io(const char *sysroot, pid_t pid, HostProcIo *ret_io, GError **error);

/* Thread ids of @pid in ascending order: pid_t each. Free with g_array_unref(). */
bool host_procstat_threads(const char *sysroot, pid_t pid, GArray **ret_tids, GError **error);
