/* SPDX-License-Identifier: Apache-2.0 */
/* Key code sets of virDomainSendKey (virKeycodeSet) → the numbers of QEMU's send-key. Constant; any thread. */
#pragma once
#include <stdbool.h>

/* False if the code is not known in the set. */
bool keycode_to_qemu(unsigned codeset, unsigned code, unsigned *ret_code);
