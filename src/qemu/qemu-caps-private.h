/* SPDX-License-Identifier: Apache-2.0 */
/* Between the files of the capabilities: asking (probe), keeping (file), and the cache that uses both. */
#pragma once
#include "qemu/qemu-caps.h"

typedef struct {
    const char *emulator;
    const char *work_dir; /* for the monitor socket and the log; nothing stays in it */
    GMainContext *context;
    const QemuCapsUser *user; /* to run as; NULL: as the caller */
} QemuProbe;

QemuCaps *qemu_caps_new(const char *emulator);
/* Asks the emulator. Blocks up to a few seconds. NULL on error. @models gets a line for each CPU model. */
QemuCaps *qemu_caps_probe(const QemuProbe *probe, GString *models, GError **error);

/* NULL, silently, if the file is missing, torn or was written under another key. */
QemuCaps *qemu_caps_file_load(const char *path, const char *emulator, const char *key);
bool qemu_caps_file_save(const char *path, const char *key, const QemuCaps *caps, GError **error);
