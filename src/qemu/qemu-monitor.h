/* SPDX-License-Identifier: Apache-2.0 */
/*
 * QMP commands with C types: one function a question or order, for those whose arguments or reply need more than a
 * line. Block like qmp_call(): job threads only. Times out after QEMU_MONITOR_TIMEOUT_MS.
 */
#pragma once
#include "qemu/qmp.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define QEMU_MONITOR_TIMEOUT_MS 30000

/* A command without arguments whose reply says nothing: "cont", "stop", "system_powerdown", "system_reset",
 * "inject-nmi" … */
bool qemu_monitor_run(Qmp *qmp, const char *command, GError **error);
/* The human monitor: its text is owned by the caller. */
bool qemu_monitor_hmp(Qmp *qmp, const char *line, char **ret_text, GError **error);

typedef struct {
    bool running;
    char status[32]; /* RunState: "paused", "prelaunch", "guest-panicked" … */
} QemuStatus;
bool qemu_monitor_status(Qmp *qmp, QemuStatus *ret_status, GError **error);

typedef struct {
    unsigned index;    /* cpu-index; for hot-pluggable slots that are empty: unused */
    pid_t thread;      /* 0 if the slot is empty */
    char *qom_path;    /* NULL if the slot is empty */
    char *type;        /* "host-x86_64-cpu"; only of qemu_monitor_hotpluggable_cpus() */
    JsonObject *props; /* topology of the slot, for device_add; NULL from qemu_monitor_vcpus() */
    unsigned vcpus;    /* vCPUs that the slot holds */
} QemuVcpu;
/* The vCPUs that are on, by index: QemuVcpu *. Free with g_ptr_array_unref(). */
bool qemu_monitor_vcpus(Qmp *qmp, GPtrArray **ret_vcpus, GError **error);
/* The CPUID words of the first vCPU: an array for qemu_cpu_guest_update(). */
bool qemu_monitor_cpu_features(Qmp *qmp, JsonNode **ret_words, GError **error);
/* All slots, in ascending topology: QemuVcpu *. */
bool qemu_monitor_hotpluggable_cpus(Qmp *qmp, GPtrArray **ret_vcpus, GError **error);
/* Adds the vCPU of an empty slot under @id; removes the one with @id (the guest answers by DEVICE_DELETED). */
bool qemu_monitor_vcpu_add(Qmp *qmp, const QemuVcpu *slot, const char *id, GError **error);
bool qemu_monitor_device_del(Qmp *qmp, const char *id, GError **error);

/* Paths of all pty back ends by chardev id: "charserial0" → "/dev/pts/3". */
bool qemu_monitor_ptys(Qmp *qmp, GHashTable **ret_paths, GError **error);

/* Memory that the balloon is to leave the guest. VIR_ERR_DEVICE_MISSING: no balloon. */
bool qemu_monitor_set_balloon(Qmp *qmp, guint64 bytes, GError **error);
/* Statistics that the guest's balloon driver last reported, in bytes or counts; ~0 for what it does not report. */
typedef struct {
    gint64 last_update; /* seconds since 1970; 0: never */
    guint64 swap_in, swap_out, major_faults, minor_faults, free, total, available, disk_caches, hugetlb_allocations,
        hugetlb_failures;
} QemuBalloonStats;
/* Picks them out of the reply to qmp_send(… qemu_balloon_stats_args()). */
void qemu_balloon_stats_parse(JsonNode *reply, QemuBalloonStats *ret_stats);
JsonObject *qemu_balloon_stats_args(const char *balloon_alias);
bool qemu_monitor_set_balloon_period(Qmp *qmp, const char *balloon_alias, int seconds, GError **error);

/* @protocol: "vnc" or "spice". @password NULL or "": none can log in. @expire: "never", "now", "+60" or seconds since
 * 1970, or NULL. */
bool qemu_monitor_set_password(Qmp *qmp, const char *protocol, const char *password, const char *connected,
                               const char *expire, GError **error);
/* Linux key codes are not QEMU's: @codes are QEMU "number" codes (xt kbd). @hold_ms 0: QEMU's default. */
bool qemu_monitor_send_key(Qmp *qmp, const unsigned *codes, unsigned n_codes, unsigned hold_ms, GError **error);
/* @value: transfer full. */
bool qemu_monitor_qom_set(Qmp *qmp, const char *path, const char *property, JsonNode *value, GError **error);
/* link up or down of a network card. */
bool qemu_monitor_set_link(Qmp *qmp, const char *alias, bool up, GError **error);
