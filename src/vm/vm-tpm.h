/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Emulated TPMs: one swtpm a device, started before QEMU and connected to it by a socket pair. It ends by itself with
 * QEMU's connection, whether or not the daemon is there. Mailbox.
 */
#pragma once
#include "vm/vm-prepare.h"

/* Starts the TPM emulators of the guest and hands QEMU its ends of their connections. */
bool vm_prepare_tpms(VmStart *start, GError **error);
/* Ends those that QEMU has not taken over; for a start that failed. */
void vm_tpms_end(VmStart *start);
/* Removes what the guest's TPM has kept. Nothing there is success. */
void vm_tpm_remove_state(const Paths *paths, const Uuid *uuid);
