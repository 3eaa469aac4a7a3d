/* SPDX-License-Identifier: Apache-2.0 */
/* Filesystems and disks as a guest's agent tells of them, matched with the disks of the definition. Workers. */
#pragma once
#include "rpc/wire-params.h"
#include "vm/vm.h"

#include <json-glib/json-glib.h>

/*
 * The target ("vda") of the disk that the agent describes by the address of its controller and its place there; NULL if
 * it is none of the definition's. Borrowed.
 */
const char *vm_agent_disk_target(const Domain *live, JsonObject *disk);

/* Appends the parameters "fs.…" and "disk.…" of virDomainGetGuestInfo. */
void vm_agent_add_filesystems(const Domain *live, JsonNode *reply, WireParams *params);
void vm_agent_add_disks(const Domain *live, JsonNode *reply, WireParams *params);
