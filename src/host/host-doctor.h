/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is this host ready for guests? A table of checks, each with what it found and what to do about it; printed by
 * `lodge doctor` as text or JSON. Changes nothing on the host. Takes well under a second; any thread, one run at a time
 * per result.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef enum {
    HOST_DOCTOR_OK,
    HOST_DOCTOR_WARN, /* works, but less well, or a part of what guests may want is missing */
    HOST_DOCTOR_FAIL, /* guests will not run, or not as one expects */
} HostDoctorStatus;

/* What the checks look at. Strings are borrowed for the run; NULL leaves the checks out that need them. */
typedef struct {
    const char *sysroot;           /* in front of /proc, /sys, /dev and /usr; "" for the real host */
    const char *kvm_device;        /* "/dev/kvm"; NULL: that below sysroot is not run, only looked at */
    const char *path;              /* of programs: the environment's PATH */
    const char *const *state_dirs; /* where the daemon keeps things; NULL-terminated */
    const char *socket;            /* the daemon's socket: does anything listen there? */
    bool privileged;               /* qemu:///system as against qemu:///session */
} HostDoctorOptions;

typedef struct {
    const char *name;  /* of the check, stable: "kvm-speed". Static */
    const char *title; /* what it asks, for people: "KVM runs guests in hardware". Static, English */
    HostDoctorStatus status;
    char *detail; /* what was found */
    char *cure;   /* what to do; NULL if nothing is to be done */
} HostDoctorResult;

/* One result a check, in the order of the table. g_ptr_array_unref() frees them. */
GPtrArray *host_doctor_run(const HostDoctorOptions *options);

/* The worst status of @results: a command's exit status is 0 for OK and WARN, 1 for FAIL. */
HostDoctorStatus host_doctor_worst(const GPtrArray *results);
/* "ok", "warn", "fail". Static. */
const char *host_doctor_status_name(HostDoctorStatus status);
