/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Consoles and channels over streams (domain_open_console, domain_open_channel): several readers of one, each with what
 * was said before it came. vm-console-session.h is the half that runs on the main loop.
 */
#pragma once
#include "vm/vm.h"

/*
 * Of a guest that has just been started or adopted: keeps the logs of its consoles small from now on and lets clients
 * open them. The ptys must be known. Mailbox.
 */
void vm_consoles_open(Vm *vm);
/* The same for one device that has just been plugged in. Mailbox. */
void vm_consoles_keep(Vm *vm, const char *alias);
/* Ends all open consoles of a run, after all that they said was sent, and frees them; NULL is allowed. Mailbox. */
void vm_consoles_free(VmConsoles *consoles);
