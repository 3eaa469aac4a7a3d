/* SPDX-License-Identifier: Apache-2.0 */
/* Processes named so that a recycled pid is never taken for the old one: pid and start time, pidfd. Any thread. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    pid_t pid;
    uint64_t start_time; /* clock ticks after boot, field 22 of /proc/PID/stat */
} ProcessId;

/* False (error: VIR_ERR_SYSTEM_ERROR) if there is no such process. */
bool process_identify(pid_t pid, ProcessId *ret_id, GError **error);
/* Whether exactly this process (not a later one with its pid) is alive. A zombie is not. */
bool process_alive(const ProcessId *id);
/* A pidfd of exactly this process, closed on exec; -1 (no error set) if it is gone. */
int process_open(const ProcessId *id);
/* Waits up to @timeout_ms for the end of a process by its pidfd. True when it has ended. */
bool process_wait(int pidfd, int timeout_ms);
bool process_signal(int pidfd, int signal_number, GError **error);
