/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest agent's channel: a deadline on everything, nothing believed. Calls to it are jobs of a mailbox of its own
 * (runs=agent in api/procedures.tsv), so one command runs at a time, and a guest whose agent is slow, hangs or lies
 * goes on being managed by its own mailbox. Each command has a connection of its own that starts with a
 * synchronisation: late answers of an earlier one are never taken for this one's. Nothing here touches what is the
 * domain's mailbox's. Errors: VIR_ERR_ARGUMENT_UNSUPPORTED (no channel), VIR_ERR_AGENT_UNRESPONSIVE,
 * VIR_ERR_INTERNAL_ERROR for what the agent refuses, as clients know them.
 */
#pragma once
#include "vm/vm.h"

#include <json-glib/json-glib.h>

/* Who uses the channel, and how long answers are waited for. */
VmAgent *vm_agent_new(void);
void vm_agent_free(VmAgent *agent);
/* Where all calls to it run. Any thread. */
Mailbox *vm_agent_mailbox(VmAgent *agent);

/* Whether the definition has an agent's channel, and the guest has opened it. */
bool vm_agent_check(Vm *vm, GError **error);
/* Runs a command. @args: transfer full, NULL for none. @ret_value (may be NULL): the value of "return", owned. */
bool vm_agent_call(Vm *vm, const char *command, JsonObject *args, JsonNode **ret_value, GError **error);
/*
 * As a user wrote it, whole reply as text. @timeout_s: seconds or VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK (as long as the
 * guest runs), _DEFAULT or _NOWAIT.
 */
bool vm_agent_call_text(Vm *vm, const char *command, int timeout_s, char **ret_reply, GError **error);
/* A command that does not answer when it succeeds: only a refusal that comes at once is an error. */
bool vm_agent_order(Vm *vm, const char *command, JsonObject *args, GError **error);

/* Asks the agent to shut the guest down (or reboot it). */
bool vm_agent_shutdown(Vm *vm, bool reboot, GError **error);
/* Switches vCPUs on or off inside the guest until @count are on. */
bool vm_agent_set_vcpu_count(Vm *vm, unsigned count, GError **error);
/* Number of vCPUs as the guest sees it: those that are on, or with @all also those that are off. */
bool vm_agent_vcpu_count(Vm *vm, bool all, unsigned *ret_count, GError **error);
