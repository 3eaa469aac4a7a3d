/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's processor as clients describe it: vendor, signature, features by libvirt's names, and the QEMU CPU model
 * that comes nearest. Loaded values are immutable; any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* One answer of the CPUID instruction. */
typedef struct {
    uint32_t leaf, subleaf;
    uint32_t eax, ebx, ecx, edx;
} HostCpuidLeaf;

typedef struct {
    char *arch;         /* "x86_64": libvirt's name */
    const char *vendor; /* "AMD", "Intel", …; NULL if not known. Static */
    char *name;         /* for people: "AMD EPYC 7543 …"; may be NULL */
    unsigned family, model, stepping;
    bool has_signature;  /* the three above are known */
    uint64_t microcode;  /* 0: not known */
    unsigned phys_bits;  /* of an address; 0: not known */
    unsigned mhz;        /* of the first CPU; 0: not known */
    GPtrArray *features; /* const char *, static, in the order of host_processor_features */
} HostProcessor;

/* A CPU feature: where CPUID tells of it, and libvirt's name. QEMU's spelling is folded by host_processor_fold_name().
 */
typedef struct {
    const char *name;
    uint32_t leaf, subleaf;
    enum { HOST_CPUID_EAX, HOST_CPUID_EBX, HOST_CPUID_ECX, HOST_CPUID_EDX } reg;
    unsigned bit;
} HostCpuFeatureRow;

extern const HostCpuFeatureRow host_processor_features[]; /* ends with a row without name */

/* libvirt's name of a feature in any spelling that QEMU takes ("sse4-1", "lahf-lm"); NULL if there is none. Static. */
const char *host_processor_fold_name(const char *name);

/* Every leaf that the feature table and the signature need, from this CPU. Empty where there is no CPUID. */
GArray *host_processor_read_cpuid(void);

/* @arch: as `uname -m` says. @leaves: recorded or from host_processor_read_cpuid(); NULL for none. */
HostProcessor *host_processor_load(const char *sysroot, const char *arch, const GArray *leaves);
void host_processor_free(HostProcessor *processor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostProcessor, host_processor_free)
bool host_processor_has(const HostProcessor *processor, const char *feature);

/* A named CPU model of an emulator with the features it turns on (query-cpu-model-expansion). */
typedef struct {
    const char *name;
    const char *vendor;          /* as HostProcessor.vendor; NULL: fits any (qemu64, kvm64, 486 …) */
    const char *const *features; /* in any spelling; NULL-terminated */
} HostCpuModel;

/*
 * The model that describes the processor with the fewest features left over, of those it has all features of: its own
 * vendor's before those of none, a plain name before a version of it. -1 if none fits.
 */
int host_processor_choose_model(const HostProcessor *processor, const HostCpuModel *models, unsigned n_models);

/* libvirt's name for what `uname -m` says: "i686" for "i386" … "x86_64" for itself. Static, or @machine. */
const char *host_processor_arch(const char *machine);
