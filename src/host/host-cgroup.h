/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups of guests, the same for both layouts of the kernel: version 1 (a hierarchy a controller) and version 2
 * (one for all). A group is named by a path below the root of the hierarchies ("machine/qemu-1-web.libvirt-qemu"), its
 * threads' groups are its children ("vcpu0", "emulator", "iothread1").
 * Errors: VIR_ERR_SYSTEM_ERROR with the file; VIR_ERR_CONFIG_UNSUPPORTED if the controller is not to be had on this
 * host. Functions of one group are called by one thread at a time; a layout is immutable.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum {
    HOST_CGROUP_CPU,
    HOST_CGROUP_CPUACCT,
    HOST_CGROUP_CPUSET,
    HOST_CGROUP_MEMORY,
    HOST_CGROUP_BLKIO,
    HOST_CGROUP_DEVICES, /* version 1 only: version 2 has BPF programs instead */
    HOST_CGROUP_FREEZER,
    HOST_CGROUP_PIDS,
    HOST_CGROUP_COUNT,
} HostCgroupController;

#define HOST_CGROUP_BIT(controller) (1u << (controller))
/* What a group of single threads can have in both versions. */
#define HOST_CGROUP_OF_THREADS                                                                                         \
    (HOST_CGROUP_BIT(HOST_CGROUP_CPU) | HOST_CGROUP_BIT(HOST_CGROUP_CPUACCT) | HOST_CGROUP_BIT(HOST_CGROUP_CPUSET))

typedef struct {
    bool unified;                  /* version 2 */
    unsigned controllers;          /* HOST_CGROUP_BITs that this host has */
    char *dirs[HOST_CGROUP_COUNT]; /* mount point of each; the same one for all if @unified; NULL: not there */
} HostCgroupLayout;

/* Reads /proc/self/mountinfo. No control groups at all is an answer too: no controllers. */
HostCgroupLayout *host_cgroup_layout_load(const char *sysroot);
void host_cgroup_layout_free(HostCgroupLayout *layout);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostCgroupLayout, host_cgroup_layout_free)
/* "cpu", "cpuset", … as version 1 names them. Static. */
const char *host_cgroup_controller_name(HostCgroupController controller);

typedef struct {
    const HostCgroupLayout *layout; /* borrowed */
    char *path;
    unsigned controllers; /* in effect for this group */
    bool of_threads;
} HostCgroup;

/*
 * Makes the group and its parents (one that is there already is taken over), with those of @controllers that the host
 * has. A new cpuset starts with its parent's CPUs and memory nodes.
 */
HostCgroup *host_cgroup_create(const HostCgroupLayout *layout, const char *path, unsigned controllers, GError **error);
/* A child of @group for some of its threads, with HOST_CGROUP_OF_THREADS. */
HostCgroup *host_cgroup_create_child(const HostCgroup *group, const char *name, GError **error);
/* A group that an earlier daemon made: nothing is changed. NULL without error if it is not there. */
HostCgroup *host_cgroup_open(const HostCgroupLayout *layout, const char *path, bool of_threads);
/* The names of its children. Free with g_ptr_array_unref(). */
GPtrArray *host_cgroup_children(const HostCgroup *group);
void host_cgroup_free(HostCgroup *group);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostCgroup, host_cgroup_free)

static inline bool host_cgroup_has(const HostCgroup *group, HostCgroupController controller)
{
    return group->controllers & HOST_CGROUP_BIT(controller);
}

/* The whole process with its threads; children of threads move with it only in version 1. */
bool host_cgroup_add_process(const HostCgroup *group, pid_t pid, GError **error);
bool host_cgroup_add_thread(const HostCgroup *group, pid_t tid, GError **error);
/* Ends every process in the group at @path and below, and waits until they are gone: what a dead QEMU left behind. */
void host_cgroup_end_members(const HostCgroupLayout *layout, const char *path);
/* Removes the group and all below it. A group that is gone is success; one with live processes is an error. */
bool host_cgroup_remove(const HostCgroupLayout *layout, const char *path, GError **error);

typedef enum {
    HOST_CGROUP_CPU_SHARES,        /* version 1: 2 … 262144, version 2: weight 1 … 10000 */
    HOST_CGROUP_MEMORY_HARD_LIMIT, /* bytes */
    HOST_CGROUP_MEMORY_SOFT_LIMIT, /* bytes */
    HOST_CGROUP_SWAP_HARD_LIMIT,   /* bytes; version 1: memory and swap together, version 2: swap alone */
    HOST_CGROUP_BLKIO_WEIGHT,      /* 1 … 1000 */
    HOST_CGROUP_PIDS_MAX,
    HOST_CGROUP_MEMORY_USAGE, /* bytes; read only */
} HostCgroupSetting;

#define HOST_CGROUP_UNLIMITED UINT64_MAX

bool host_cgroup_set(const HostCgroup *group, HostCgroupSetting setting, uint64_t value, GError **error);
bool host_cgroup_get(const HostCgroup *group, HostCgroupSetting setting, uint64_t *ret_value, GError **error);

/* CFS bandwidth in µs: @quota of every @period; a negative quota is unlimited. */
bool host_cgroup_set_bandwidth(const HostCgroup *group, uint64_t period, int64_t quota, GError **error);
bool host_cgroup_get_bandwidth(const HostCgroup *group, uint64_t *ret_period, int64_t *ret_quota, GError **error);

/* Lists such as "0-3,5". */
bool host_cgroup_set_cpus(const HostCgroup *group, const char *cpus, GError **error);
bool host_cgroup_set_mems(const HostCgroup *group, const char *nodes, GError **error);
/* From now on a change of nodes moves the pages that are there; version 2 always does. */
bool host_cgroup_migrate_memory(const HostCgroup *group, GError **error);
char *host_cgroup_get_mems(const HostCgroup *group, GError **error);

/* ns. The total is exact; user and system have the resolution of a clock tick in version 1, of 1 µs in version 2. */
typedef struct {
    uint64_t total, user, system;
} HostCgroupCpuTimes;

bool host_cgroup_cpu_times(const HostCgroup *group, HostCgroupCpuTimes *ret_times, GError **error);

typedef enum {
    HOST_CGROUP_READ_IOPS, /* a second */
    HOST_CGROUP_WRITE_IOPS,
    HOST_CGROUP_READ_BPS, /* bytes a second */
    HOST_CGROUP_WRITE_BPS,
    HOST_CGROUP_DEVICE_WEIGHT, /* 1 … 1000 */
} HostCgroupDeviceSetting;

/* Of the block device at @device; 0 takes the limit away. */
bool host_cgroup_set_device(const HostCgroup *group, HostCgroupDeviceSetting setting, const char *device,
                            uint64_t value, GError **error);

/* ns spent on each host CPU, uint64_t each; version 1 only (VIR_ERR_OPERATION_UNSUPPORTED). */
bool host_cgroup_percpu_times(const HostCgroup *group, GArray **ret_ns, GError **error);
