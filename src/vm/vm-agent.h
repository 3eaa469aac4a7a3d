/* SPDX-License-Identifier: Apache-2.0 */
/* The guest agent's channel: a deadline on everything, nothing believed. */
#pragma once
#include "vm/vm.h"

/* Asks the agent to shut the guest down (or reboot it); VIR_ERR_AGENT_UNRESPONSIVE without one. Mailbox. */
bool vm_agent_shutdown(Vm *vm, bool reboot, GError **error);
