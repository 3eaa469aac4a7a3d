/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the daemon knows of its host and does not ask twice: topology, processor, UUID, name, SMBIOS. Each fact is read
 * at its first use. Any thread; the accessors read small kernel files, none but host_facts_hostname() blocks.
 */
#pragma once
#include "base/uuid.h"
#include "host/host-processor.h"
#include "host/host-topology.h"

typedef struct HostFacts HostFacts;

/* @sysroot: "" for the real host. @uuid: what it is to be known by (host_capabilities_uuid(), or as configured). */
HostFacts *host_facts_new(const char *sysroot, const Uuid *uuid);
void host_facts_free(HostFacts *facts);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostFacts, host_facts_free)

const char *host_facts_sysroot(const HostFacts *facts);
/* The present one: loaded anew after a CPU or cell came or went. A reference. */
HostTopology *host_facts_topology(HostFacts *facts, GError **error);
/* Borrowed for the life of @facts. */
const HostProcessor *host_facts_processor(HostFacts *facts);
Uuid host_facts_uuid(const HostFacts *facts);
/* The <sysinfo> document; the same answer, or error, each time. A copy. */
char *host_facts_sysinfo(HostFacts *facts, GError **error);

/*
 * The host's full name: what hostname(1) says if it has a dot or is "localhost…", else the canonical name that the
 * resolver finds for it, else the short one. Kept while the short name stays. May block on DNS. A copy.
 */
char *host_facts_hostname(HostFacts *facts, GError **error);
