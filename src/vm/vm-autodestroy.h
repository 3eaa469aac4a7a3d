/* SPDX-License-Identifier: Apache-2.0 */
/* Guests that live as long as the connection that started them (VIR_DOMAIN_START_AUTODESTROY). Mailbox. */
#pragma once
#include "rpc/call.h"
#include "vm/vm.h"

/* Destroys the guest's present run when @client disconnects, also if it is gone already. */
void vm_autodestroy_with(Vm *vm, Client *client);
/* The run has ended, or is left to the next daemon: the client no longer matters to it. */
void vm_autodestroy_release(Vm *vm);
