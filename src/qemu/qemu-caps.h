/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an emulator can do: asked once by QMP, kept on disk under a key that changes with the binary, our version and
 * KVM's usability. A QemuCaps is immutable and reference-counted; any thread.
 */
#pragma once
#include "base/paths.h"
#include "qemu/qemu-cpu-models.h"

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    char *name;           /* "pc-q35-7.2" */
    char *alias;          /* "q35", or NULL */
    char *default_cpu;    /* model name without the type's suffix, or NULL */
    char *default_ram_id; /* "pc.ram", or NULL */
    unsigned max_cpus;
    bool hotpluggable_cpus;
    bool is_default;
    bool numa_mem; /* takes -numa node,mem= */
    bool deprecated;
} QemuMachine;

typedef struct {
    char *name;
    bool usable; /* on this host with this accelerator; false when the emulator does not say */
    bool usable_known;
    char **blockers; /* features that are missing, or NULL */
    char *vendor;    /* "Intel", "AMD" … as libvirt calls it; NULL: of no vendor */
    char *alias_of;  /* "EPYC-v1", or NULL */
    bool deprecated;
    bool is_static;
} QemuCpuModel;

/* What depends on the accelerator: one for KVM, one for TCG. */
typedef struct {
    bool usable;
    QemuCpuModel *cpus;
    unsigned n_cpus;
    char *host_model;     /* the named model nearest to this host, all of whose features it has; NULL: none */
    char *host_vendor;    /* as of a model */
    char **host_features; /* libvirt's names of what the host (TCG: the emulation) has beyond host_model; sorted */
} QemuAccelerator;

typedef struct QemuCaps QemuCaps;
struct QemuCaps {
    char *emulator;
    char *arch;       /* libvirt's name: "x86_64", "i686", "aarch64", … */
    unsigned version; /* 7.2.22 is 7002022 */
    char *package;    /* "Debian 1:7.2+dfsg-7…", may be "" */
    QemuMachine *machines;
    unsigned n_machines;
    QemuAccelerator kvm, tcg;
    char *native_model;     /* the named model nearest to what CPUID says of this host; NULL: none, or another arch */
    char **native_features; /* libvirt's names of what the host has beyond it; NULL without a model */
    /* Private to qemu-caps*.c. */
    gatomicrefcount refs;
    GHashTable *types;    /* set of QOM type names that -device and -object take */
    GHashTable *commands; /* set of QMP commands */
    GHashTable *options;  /* set of command line options "sandbox" and their parameters "spice.gl" */
    GHashTable *backends; /* set of chardev back ends */
};

QemuCaps *qemu_caps_ref(QemuCaps *caps);
void qemu_caps_unref(QemuCaps *caps);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QemuCaps, qemu_caps_unref)

/* By name or alias; NULL name: the default machine. NULL if there is none. Borrowed. */
const QemuMachine *qemu_caps_machine(const QemuCaps *caps, const char *name);
const QemuCpuModel *qemu_caps_cpu(const QemuAccelerator *accelerator, const char *name);
bool qemu_caps_has_type(const QemuCaps *caps, const char *qom_type);
bool qemu_caps_has_command(const QemuCaps *caps, const char *qmp_command);
/* @parameter NULL: the option itself ("sandbox"); else one of its parameters ("spice", "gl"). */
bool qemu_caps_has_option(const QemuCaps *caps, const char *option, const char *parameter);
bool qemu_caps_has_chardev(const QemuCaps *caps, const char *backend);

/* libvirt's name of a CPU feature as QEMU spells it ("sse4.1" → "sse4.1", "lahf_lm" → "lahf-lm") and back. Borrowed. */
const char *qemu_cpu_feature_to_qemu(const char *libvirt_name);
const char *qemu_cpu_feature_from_qemu(const char *qemu_name);

typedef struct QemuCapsCache QemuCapsCache;

/* Who guests run as: probes run as the same, since KVM may be usable to the one and not to the other. */
typedef struct {
    uid_t uid;
    gid_t gid;
    const gid_t *groups; /* supplementary ones; borrowed as long as the cache lives */
    unsigned n_groups;
} QemuCapsUser;

/*
 * @paths is borrowed for life, as is @context, which runs the probes' QMP connections. @user: copied; NULL: the daemon
 * itself. Reads nothing yet.
 */
QemuCapsCache *qemu_caps_cache_new(const Paths *paths, GMainContext *context, const QemuCapsUser *user);
void qemu_caps_cache_free(QemuCapsCache *cache);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QemuCapsCache, qemu_caps_cache_free)

/*
 * The capabilities of the program @emulator: from memory, else from disk, else by asking it (0.2 to 1 s). May block:
 * not on the main loop. Several threads that ask for the same one share one probe. NULL on error
 * (VIR_ERR_INTERNAL_ERROR and what it said).
 */
QemuCaps *qemu_caps_cache_get(QemuCapsCache *cache, const char *emulator, GError **error);
/* From memory only: never blocks. NULL if it is not there, or its file has changed on disk. */
QemuCaps *qemu_caps_cache_peek(QemuCapsCache *cache, const char *emulator);

/*
 * What its CPU models consist of: from disk, else by asking it. May block. Not kept in memory: free it soon. @only
 * as of qemu_cpu_models_parse(), a hint. NULL on error.
 */
QemuCpuModels *qemu_caps_cache_cpu_models(QemuCapsCache *cache, const char *emulator, const char *const *only,
                                          GError **error);

/*
 * The emulator for libvirt's architecture name, as a path to an executable: qemu-system-ARCH in PATH, and for the
 * host's own also /usr/libexec/qemu-kvm, /usr/bin/qemu-kvm, kvm. NULL if none is installed. Free it.
 */
char *qemu_emulator_find(const char *arch);
/* All architectures for which one is installed, in libvirt's spelling; NULL-terminated, never NULL. */
char **qemu_emulator_arches(void);
/* "x86_64" of this host, in libvirt's spelling. Static. */
const char *qemu_host_arch(void);
/* Bits of a machine word: 64 or 32. */
unsigned qemu_arch_word_size(const char *arch);
/* The emulator's binary suffix: "i386" for "i686", "arm" for "armv7l"; NULL for a name nobody knows. Static. */
const char *qemu_arch_suffix(const char *arch);
