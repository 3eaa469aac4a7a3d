/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one daemon consists of. Made by daemon_new(), never changed after start, so any thread may read it; each part
 * says itself which threads may call it. Forward declarations only: a handler includes the header of the part it uses.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct Config Config;               /* daemon/config.h: lodged.conf */
typedef struct EventHub EventHub;           /* rpc/events.h: who hears which event */
typedef struct HostFacts HostFacts;         /* host/…: capabilities, cached */
typedef struct Paths Paths;                 /* base/paths.h */
typedef struct QemuCapsCache QemuCapsCache; /* qemu/qemu-caps.h: one entry an emulator */
typedef struct ModelHost ModelHost;         /* model/host.h: what this host's emulators offer */
typedef struct Server Server;               /* rpc/server.h: sockets and their clients */
typedef struct VmPorts VmPorts;             /* vm/vm-ports.h: TCP ports of displays */
typedef struct VmRegistry VmRegistry;       /* vm/vm-registry.h: all guests by id, name, uuid */
typedef struct VmSettings VmSettings;       /* vm/vm-settings.h: what the config file says of guests */

typedef struct Daemon Daemon;
struct Daemon {
    const Paths *paths;
    const Config *config;
    EventHub *events;
    HostFacts *host;
    QemuCapsCache *qemu_caps;
    const ModelHost *model_host;
    const VmSettings *vm_settings;
    VmPorts *ports;
    VmRegistry *vms;
    Server *server; /* of the calls; main loop */
    Server *admin;  /* of the administration; main loop */
};

/*
 * All parts but the sockets, with every guest that runs or is defined. Takes @paths and @config, also when it fails.
 * The directories exist. Main thread, before the loop runs.
 */
Daemon *daemon_new(Paths *paths, Config *config, GError **error);
/* Leaves the guests running. */
void daemon_free(Daemon *daemon);

/* Whether it must stay although no client is connected: a guest runs or a call works. */
bool daemon_is_busy(const Daemon *daemon);
