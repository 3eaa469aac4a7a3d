/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one daemon consists of. Made by main, never changed after start, so any thread may read it; each part says itself
 * which threads may call it. Forward declarations only: a handler includes the header of the part it uses.
 */
#pragma once

typedef struct Config Config;               /* daemon/config.h: lodged.conf */
typedef struct EventHub EventHub;           /* rpc/events.h: who hears which event */
typedef struct HostFacts HostFacts;         /* host/…: capabilities, cached */
typedef struct Paths Paths;                 /* base/paths.h */
typedef struct QemuCapsCache QemuCapsCache; /* qemu/qemu-caps.h: one entry an emulator */
typedef struct VmRegistry VmRegistry;       /* vm/vm-registry.h: all guests by id, name, uuid */

typedef struct Daemon Daemon;
struct Daemon {
    const Paths *paths;
    const Config *config;
    EventHub *events;
    HostFacts *host;
    QemuCapsCache *qemu_caps;
    VmRegistry *vms;
};
