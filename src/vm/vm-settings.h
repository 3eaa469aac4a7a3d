/* SPDX-License-Identifier: Apache-2.0 */
/* What the config file says about running guests (the keys of qemu.conf). Filled at start-up, immutable then. */
#pragma once
#include "vm/vm-user.h"

#include <stdint.h>

typedef struct VmSettings {
    VmUser user;                /* who QEMU runs as */
    bool sandbox;               /* seccomp_sandbox */
    bool confine;               /* namespaces: a tree of its own for each QEMU */
    const char *const *devices; /* cgroup_device_acl: nodes that every QEMU gets */
    const char *vnc_listen;     /* where displays listen that do not say so themselves */
    const char *vnc_password;   /* of displays without one of their own; NULL: none */
    const char *spice_listen;
    unsigned display_port_min, display_port_max; /* remote_display_port_min … _max */
    const char *dump_dir;                        /* auto_dump_path; NULL: state_dir/qemu/dump */
    uint64_t max_processes, max_files;           /* of QEMU; 0: as the daemon */
    bool dump_guest_core;
    const char *memory_dir; /* memory_backing_dir; NULL: state_dir/qemu/ram */
    uint64_t max_core;      /* bytes of QEMU's own core file; 0: none */
} VmSettings;
