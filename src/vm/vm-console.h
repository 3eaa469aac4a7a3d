/* SPDX-License-Identifier: Apache-2.0 */
/* Consoles and channels over streams: several readers of one, each with what was said before it came. */
#pragma once
#include "vm/vm.h"

/* Ends all open consoles of a run and frees them; NULL is allowed. Mailbox. */
void vm_consoles_free(VmConsoles *consoles);
