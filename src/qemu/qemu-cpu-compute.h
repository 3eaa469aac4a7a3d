/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPUs as sets of features: comparing one with what there is, and finding the richest one that several have in common.
 * Models come from the emulator (qemu-cpu-models.h). Any thread.
 */
#pragma once
#include "host/host-processor.h"
#include "model/domain.h"
#include "qemu/qemu-cpu-models.h"

/* What a guest's CPU is held against: the processor itself, or what an accelerator of the emulator gives. */
typedef struct {
    const QemuCpuModels *models; /* borrowed */
    bool kvm;                    /* whose expansion of a model counts */
    bool bare;                   /* the processor itself */
    const char *vendor;          /* NULL: not known */
    GHashTable *features;        /* set of const char * */
} QemuCpuHost;

void qemu_cpu_host_init_accelerator(QemuCpuHost *host, const QemuCpuModels *models, bool kvm);
/* @processor is borrowed. */
void qemu_cpu_host_init_bare(QemuCpuHost *host, const QemuCpuModels *models, const HostProcessor *processor);
void qemu_cpu_host_clear(QemuCpuHost *host);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(QemuCpuHost, qemu_cpu_host_clear)

/*
 * virCPUCompareResult of @cpu. *ret_reason says why it is incompatible ("Host CPU does not provide required features:
 * …"), else NULL; free it. Errors: a model or feature that the emulator does not know.
 */
bool qemu_cpu_compare(const QemuCpuHost *host, const DomainCpu *cpu, int *ret_result, char **ret_reason,
                      GError **error);

typedef struct {
    bool limit;      /* nothing that the host does not have, either */
    bool expand;     /* name also the features that are part of the model */
    bool migratable; /* leave out what blocks migration */
} QemuCpuBaselineOptions;

/* The richest CPU that all of @cpus have; free it with model_free(). NULL on error (VIR_ERR_OPERATION_FAILED …). */
DomainCpu *qemu_cpu_baseline(const QemuCpuHost *host, DomainCpu *const *cpus, unsigned n,
                             QemuCpuBaselineOptions options, GError **error);
