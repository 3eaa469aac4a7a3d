/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of the host: CPUs, NUMA cells, page pools, caches. Read from /sys and /proc below @sysroot; what changes
 * while the host runs (free memory, CPU times) is in host-stats.h. A loaded topology is immutable; any thread.
 */
#pragma once
#include "base/cpuset.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    unsigned id;
    bool online; /* an offline CPU has no ids and no siblings */
    unsigned socket_id, die_id, core_id;
    Cpuset *siblings; /* the threads of its core, itself among them */
} HostCpu;

typedef struct {
    unsigned size_kib;
    uint64_t count;
} HostPages;

typedef struct {
    unsigned id;
    uint64_t memory_kib;
    GArray *pages;     /* HostPages, smallest first; the base pages are those outside the huge page pools */
    GArray *cpus;      /* HostCpu */
    GArray *distances; /* unsigned, one for each cell in the order of the cells; empty if not known */
} HostCell;

typedef struct {
    unsigned id;
    unsigned level;
    const char *type; /* "both", "code", "data" */
    uint64_t size_kib;
    Cpuset *cpus;
} HostCache;

typedef struct {
    Cpuset *present;
    Cpuset *online;
    GPtrArray *cells;  /* HostCell; at least one */
    GPtrArray *caches; /* HostCache of level 3 and above, by level and id */
    /* As in virNodeInfo: per cell, per socket, per core. @cores counts the cores of all dies of a socket. */
    unsigned nodes, sockets, dies, cores, threads;
    uint64_t memory_kib; /* of all cells */
    gatomicrefcount refs;
} HostTopology;

/* VIR_ERR_INTERNAL_ERROR if /sys or /proc below @sysroot say nothing about CPUs or memory. */
HostTopology *host_topology_load(const char *sysroot, GError **error);
HostTopology *host_topology_ref(HostTopology *topology);
void host_topology_unref(HostTopology *topology);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostTopology, host_topology_unref)
/* Whether CPUs, cells and memory below @sysroot are still those of @topology (not the page pools). Cheap. */
bool host_topology_is_current(const HostTopology *topology, const char *sysroot);

/* NULL if there is no cell @id. */
const HostCell *host_topology_cell(const HostTopology *topology, unsigned id);
/* Page sizes of the host in KiB, smallest first: the base page and each huge page pool. GArray of unsigned. */
GArray *host_topology_page_sizes(const char *sysroot);
/* The kernel's base page. */
unsigned host_topology_base_page_kib(void);
