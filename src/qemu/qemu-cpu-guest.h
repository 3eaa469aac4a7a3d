/* SPDX-License-Identifier: Apache-2.0 */
/* The CPU of a guest that is started: what it is to be, whether the host has it, and what QEMU made of it. x86. */
#pragma once
#include "host/host-processor.h"
#include "model/domain.h"
#include "qemu/qemu-caps.h"

#include <json-glib/json-glib.h>

/* Whether the CPU of this definition is of the kind that the functions below are for. */
bool qemu_cpu_guest_applies(const Domain *live);

/*
 * Holds a CPU with check='partial' against what host and accelerator give (VIR_ERR_CPU_INCOMPATIBLE names what is
 * missing), and replaces host-model by the model that it means here. @cache gives what models consist of. May block.
 */
bool qemu_cpu_guest_prepare(Domain *live, const QemuCaps *caps, QemuCapsCache *cache, const HostProcessor *processor,
                            GError **error);

/*
 * @words: the property feature-words of the first vCPU. Writes what is there into the definition: each feature that the
 * model lacks or has beyond. With check='full' a difference is an error (VIR_ERR_OPERATION_FAILED).
 */
bool qemu_cpu_guest_update(Domain *live, QemuCapsCache *cache, JsonArray *words, GError **error);
