/* SPDX-License-Identifier: Apache-2.0 */
/* What defaults and checks need to know of the host and its emulators, so that src/model needs neither. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct ModelHost ModelHost;

/*
 * Strings belong to the host and live as long as it. All functions may be called from any thread at the same time.
 * @emulator is a path, never NULL.
 */
struct ModelHost {
    void *data;              /* the implementation's own */
    const char *native_arch; /* "x86_64" */
    /* Path of the emulator for @arch; NULL if there is none. */
    const char *(*emulator)(const ModelHost *host, const char *arch);
    /* False (VIR_ERR_INTERNAL_ERROR …) with a text that names the cause if the file is no emulator that runs. */
    bool (*check_emulator)(const ModelHost *host, const char *emulator, GError **error);
    /* "pc" → "pc-i440fx-7.2"; NULL: the default machine of @arch; returns NULL if there is no such machine. */
    const char *(*machine)(const ModelHost *host, const char *emulator, const char *arch, const char *machine);
    /* The CPU model that QEMU itself would take: "qemu64". NULL: the guest has no <cpu> by default. */
    const char *(*default_cpu)(const ModelHost *host, const char *emulator, const char *arch, const char *machine,
                               bool kvm);
    /* Whether QEMU has the device (or object type) of that name. */
    bool (*has_device)(const ModelHost *host, const char *emulator, const char *device);
    /* Largest vCPU number of the machine; 0: unknown. */
    unsigned (*max_vcpus)(const ModelHost *host, const char *emulator, const char *arch, const char *machine, bool kvm);
    const char *security_model; /* "apparmor", "selinux"; NULL: the host has none */
    const char *nvram_dir;      /* where UEFI variables are kept; NULL: <nvram> without a path stays so */
    bool has_swtpm;             /* the TPM emulator is installed */
    bool has_passt;             /* the user-mode network back end passt is installed */
    bool has_sev;               /* the CPU and KVM encrypt guests */
    bool spice_tls;             /* TLS is set up for SPICE */
    /* Whether /dev/kvm may be used for @arch. */
    bool (*has_kvm)(const ModelHost *host, const char *arch);
};

/* Debian 12's QEMU 7.2 with all x86 devices, as the corpus was made; for tests and for `lodge validate` off host. */
const ModelHost *model_host_for_tests(void);
