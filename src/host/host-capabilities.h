/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The <capabilities> XML of virConnectGetCapabilities: what the host is, and which guests its emulators can run. A pure
 * function of its arguments, so that recorded hosts give recorded documents. Any thread.
 */
#pragma once
#include "base/uuid.h"
#include "host/host-processor.h"
#include "host/host-topology.h"

typedef struct {
    const char *name;  /* "pc-q35-7.2" */
    const char *alias; /* "q35", or NULL */
    unsigned max_cpus; /* 0: not said */
    bool deprecated;
} HostGuestMachine;

typedef struct {
    const char *arch;     /* libvirt's name: "x86_64" */
    const char *emulator; /* path */
    unsigned word_size;   /* 32 or 64 */
    bool kvm;             /* <domain type='kvm'/> beside 'qemu' */
    const HostGuestMachine *machines;
    unsigned n_machines;
} HostGuest;

typedef struct {
    const char *model; /* "none", "dac", "apparmor" … */
    const char *doi;
    /* Default label of processes for domain types kvm and qemu; NULL: none. */
    const char *base_label;
} HostSecurityModel;

typedef struct {
    const char *sysroot;
    Uuid uuid;
    const HostProcessor *processor;
    const HostTopology *topology;
    const char *cpu_model;           /* nearest named model of the native emulator (HostModelChoice); NULL: none */
    const char *const *cpu_features; /* libvirt's names of what the processor has beyond it; NULL-terminated */
    unsigned tsc_khz;                /* of HostAccel; 0 leaves <counter/> out */
    bool tsc_scaling;
    const HostSecurityModel *security;
    unsigned n_security;
    const char *const *migration_transports; /* NULL-terminated; NULL: no live migration */
    const HostGuest *guests;
    unsigned n_guests;
} HostCapabilities;

/* The document, owned by the caller. Strings are escaped. */
char *host_capabilities_format(const HostCapabilities *capabilities);

/*
 * The host's UUID: of SMBIOS, else made from /etc/machine-id, so that it is the same after a restart; random if there
 * is neither. Pass it to every document of one daemon.
 */
Uuid host_capabilities_uuid(const char *sysroot, bool use_smbios);
