/* SPDX-License-Identifier: Apache-2.0 */
/* Bandwidth of a guest's network cards. */
#pragma once
#include "model/domain.h"
#include "vm/vm.h"

/* Limits @tap, which has just been made for @interface, as its <bandwidth> says. May block. Any thread. */
bool vm_iftune_apply(const DomainInterface *interface, const char *tap, GError **error);
/* The guest has ended: takes the limits of those taps away that outlive it. Mailbox. */
void vm_iftune_release(Vm *vm);
