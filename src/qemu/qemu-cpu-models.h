/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each CPU model of an emulator consists of, as the emulator itself expands it. Some 100 KiB, so nobody keeps one:
 * it is read from the cache when a call needs it, and freed. Immutable; any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *name;
    const char *vendor;   /* "Intel", "AMD", …; NULL: of no vendor. Interned */
    GHashTable *features; /* set of const char *, libvirt's names */
} QemuCpuSet;

typedef struct {
    GPtrArray *kvm,
        *tcg; /* of QemuCpuSet *: what -cpu NAME turns on under the accelerator; empty where it is not usable */
    GHashTable *names; /* all features that the emulator knows: set of const char * */
} QemuCpuModels;

void qemu_cpu_models_free(QemuCpuModels *models);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QemuCpuModels, qemu_cpu_models_free)

/* "host" is what KVM can give here, "max" what TCG can. NULL if there is no such model. */
const QemuCpuSet *qemu_cpu_models_find(const QemuCpuModels *models, bool kvm, const char *name);

/*
 * The text that is kept: begun, one line for each model, and read again (NULL if it was kept under another key). @only:
 * the models that are needed; NULL: all, and the names of all features.
 */
GString *qemu_cpu_models_text(const char *key);
void qemu_cpu_models_append(GString *text, const char *accelerator, const char *name, const char *vendor,
                            const char *const *features);
QemuCpuModels *qemu_cpu_models_parse(const char *text, const char *key, const char *const *only);
