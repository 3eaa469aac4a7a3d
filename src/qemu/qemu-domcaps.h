/* SPDX-License-Identifier: Apache-2.0 */
/* What guests of one emulator, machine type and accelerator can have, as the <domainCapabilities> document. */
#pragma once
#include "qemu/qemu-caps.h"

typedef struct {
    const QemuCaps *caps;
    const QemuMachine *machine;
    const char *arch;
    bool kvm;                         /* <domain>kvm</domain>, else qemu */
    bool has_swtpm;                   /* a TPM can be emulated */
    const char *const *firmware_dirs; /* of descriptors; NULL for the usual */
} QemuDomcaps;

/* Reads firmware descriptors: job threads. Free the text with g_free(). */
char *qemu_domcaps_format(const QemuDomcaps *domcaps);
