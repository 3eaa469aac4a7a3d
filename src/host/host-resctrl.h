/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shares of the processors' caches and memory bandwidth for single threads: the kernel's resctrl filesystem, on
 * /sys/fs/resctrl below @sysroot. Any thread; one at a time allocates.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct {
    unsigned level;   /* of the cache: 2, 3 */
    unsigned id;      /* which cache of that level */
    const char *type; /* "" for both, "CODE", "DATA" */
    uint64_t size;    /* bytes */
} HostResctrlCache;

typedef struct {
    unsigned id;
    unsigned percent;
} HostResctrlBandwidth;

/*
 * Makes the group @name (no '/') with shares of its own; one that is there is left as it is. Errors name what is
 * missing: VIR_ERR_CONFIG_UNSUPPORTED; then there is no group.
 */
bool host_resctrl_create(const char *sysroot, const char *name, const HostResctrlCache *caches, unsigned n_caches,
                         const HostResctrlBandwidth *bandwidths, unsigned n_bandwidths, GError **error);
bool host_resctrl_add_thread(const char *sysroot, const char *name, pid_t tid, GError **error);
/* Removes all groups whose name begins with @prefix. */
void host_resctrl_remove(const char *sysroot, const char *prefix);
