/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Firmware that the host offers, by the descriptors that firmware packages install (QEMU's docs/interop/firmware.json):
 * *.json in /etc/qemu/firmware and /usr/share/qemu/firmware, taken in the order of their file names. Reads files: job
 * threads.
 */
#pragma once
#include "model/domain-types.h"

#include <glib.h>
#include <stdbool.h>

typedef struct {
    char *executable; /* of split flash, "/usr/share/OVMF/OVMF_CODE_4M.fd" */
    char *nvram_template;
    bool secure_boot, enrolled_keys, requires_smm;
} QemuFirmware;

void qemu_firmware_clear(QemuFirmware *firmware);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(QemuFirmware, qemu_firmware_clear)

/*
 * The first descriptor that fits the guest: its kind (<os firmware=…>) or its given loader, architecture, machine, and
 * the features it asks for or refuses; one with SMM only if the guest has that on or wants secure boot. @dirs:
 * NULL-terminated, NULL for the usual. VIR_ERR_OPERATION_FAILED if none fits, with what to install.
 */
bool qemu_firmware_choose(const Domain *def, const char *const *dirs, QemuFirmware *ret_firmware, GError **error);

void qemu_firmware_free(QemuFirmware *firmware);
/* All descriptors of UEFI in flash for a machine, secure ones too: QemuFirmware *. For domain capabilities. */
GPtrArray *qemu_firmware_list(const char *arch, const char *machine, const char *const *dirs);
