/* SPDX-License-Identifier: Apache-2.0 */
/* Starting guests. Mailbox. */
#pragma once
#include "rpc/call.h"
#include "vm/vm.h"

/*
 * Starts the guest from its persistent definition. @flags: virDomainCreateFlags; @client: who wants it destroyed with
 * its connection (VIR_DOMAIN_START_AUTODESTROY), else NULL. On failure nothing of the attempt is left.
 */
bool vm_start(Vm *vm, unsigned flags, Client *client, GError **error);
/* The same for a definition (taken over) that is not stored: a transient guest, unless the Vm is persistent already. */
bool vm_start_definition(Vm *vm, Domain *domain, unsigned flags, Client *client, GError **error);

/*
 * Starts, in parallel, the guests marked for autostart; only the first daemon after the host's boot does, so that a
 * guest that was shut down since stays off when the daemon is upgraded. Start-up of the daemon.
 */
void vm_autostart_all(Daemon *daemon);
