/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control group of a running guest. Each has one from its start; below it stand those of its vCPUs, IOThreads and
 * emulator as soon as they are to be limited one by one. Its path follows from the guest's number, name and partition,
 * so that the next daemon finds it. In session mode there is none. Mailbox.
 */
#pragma once
#include "host/host-cgroup.h"
#include "vm/vm.h"

const HostCgroupLayout *vm_cgroup_layout(void);

/*
 * "lodge-3-web", for everything that the kernel keeps of a guest by name; that of a daemon with a root of its own
 * differs from the same guest's of another daemon. Free it.
 */
char *vm_cgroup_name(const Vm *vm, const Domain *live);

/* A start's way into its group. */
typedef struct {
    Vm *vm;
    Domain *live;
    bool required; /* limits are to hold before QEMU runs: it waits for them, and their failure is the start's */
    /* private: */
    pid_t pid;
    bool begun, done;
    GError *error;
    GMutex lock;
    GCond ended;
} VmPlacing;

/* Both borrowed until vm_cgroup_placed(). Notes the partition in @live. */
void vm_cgroup_plan(VmPlacing *placing, Vm *vm, Domain *live);
/*
 * Of QemuSpawn.place: puts @pid into its group. One without limits is put there by another thread while QEMU comes up,
 * since the kernel may let it wait for 10 ms.
 */
bool vm_cgroup_place(pid_t pid, gpointer placing, GError **error);
/* Waits for that thread. */
void vm_cgroup_placed(VmPlacing *placing);

/* The guest was found again: so is its group, if it has one. */
void vm_cgroup_adopt(Vm *vm);
/* QEMU is gone: removes its group. */
void vm_cgroup_release(Vm *vm);

/* The group, or its child of that name; NULL, without error, if it is not there. */
HostCgroup *vm_cgroup_open(const Vm *vm, const char *child);
/* The group, made now if it is not there. VIR_ERR_OPERATION_INVALID: @controller is not mounted. */
HostCgroup *vm_cgroup_ensure(Vm *vm, HostCgroupController controller, GError **error);
/* Gives vCPUs, IOThreads and emulator groups of their own. */
bool vm_cgroup_split(Vm *vm, const HostCgroup *group, GError **error);
/* A thread that has just come up: into the group of its like, where there is one. */
bool vm_cgroup_place_thread(Vm *vm, const char *role, unsigned number, pid_t tid, GError **error);
