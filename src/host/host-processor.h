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

/*
 * Which of an emulator's named CPU models describes the processor with the fewest features left over: each is offered
 * once with the features it turns on (query-cpu-model-expansion), the best is kept.
 */
typedef struct {
    const HostProcessor *processor; /* borrowed */
    int score;                      /* of @model; -1: none fits yet */
    char *model;                    /* NULL: none fits */
    GPtrArray *extra;               /* what the processor has beyond @model: const char *, static */
} HostModelChoice;

void host_model_choice_init(HostModelChoice *choice, const HostProcessor *processor);
/*
 * @vendor as HostProcessor.vendor; NULL fits any (qemu64, kvm64, 486 …). @features in any spelling, NULL-terminated;
 * those that are not CPUID's are ignored. Only a model that the processor has all features of is taken; its own
 * vendor's before those of none, a plain name before a version of it ("EPYC-v2").
 */
void host_model_choice_offer(HostModelChoice *choice, const char *name, const char *vendor,
                             const char *const *features);
void host_model_choice_clear(HostModelChoice *choice);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(HostModelChoice, host_model_choice_clear)

/* libvirt's name for what `uname -m` says: "i686" for "i386" … "x86_64" for itself. Static, or @machine. */
const char *host_processor_arch(const char *machine);
