/* SPDX-License-Identifier: Apache-2.0 */
/* What a client means that names emulator, architecture, machine and accelerator, or leaves some of them out. Worker.
 */
#pragma once
#include "model/domain.h"
#include "qemu/qemu-caps.h"
#include "rpc/call.h"

typedef struct {
    QemuCaps *caps;
    const QemuMachine *machine; /* of caps */
    bool kvm;
} VmHostTarget;

/* NULL leaves a part to the daemon. Errors: VIR_ERR_INVALID_ARG. */
bool vm_host_target_find(Call *call, const char *emulator, const char *arch, const char *machine, const char *virttype,
                         VmHostTarget *ret_target, GError **error);
void vm_host_target_clear(VmHostTarget *target);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(VmHostTarget, vm_host_target_clear)

/*
 * QEMU's arguments for a definition, with stand-ins for what the host would be asked for at a start. Gives @def aliases
 * and ports. NULL-terminated, freed with the array; NULL on error.
 */
GPtrArray *vm_host_arguments(const Daemon *daemon, Domain *def, GError **error);
