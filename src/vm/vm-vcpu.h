/* SPDX-License-Identifier: Apache-2.0 */
/* vCPUs in definitions: which are on, and how a new set of them is written down. Any thread. */
#pragma once
#include "base/cpuset.h"
#include "vm/vm.h"

/* vCPUs that are on at boot (or now, in a live definition). */
unsigned vm_vcpus_online(const Domain *domain);
/* Whether the vCPU of that number is one of them. */
bool vm_vcpu_is_online(const Domain *domain, unsigned vcpu);
/* All of them. Free with cpuset_free(). */
Cpuset *vm_vcpus_online_set(const Domain *domain);
/* The thread of a vCPU of a running guest; 0 if it is off. */
pid_t vm_vcpu_thread(const VmView *view, unsigned vcpu);

/*
 * Makes exactly the members of @online (numbers below max_vcpus) the vCPUs that are on, with a <vcpus> list where the
 * plain count cannot say it or one is there already. @live: the definition of a running guest, which also notes the
 * order in which they were plugged.
 */
void vm_vcpus_set_online(Domain *domain, const Cpuset *online, bool live);
/* Changes how many there can be; those beyond @maximum go. */
void vm_vcpus_set_maximum(Domain *domain, unsigned maximum);

/* QEMU has removed a device: if it was a vCPU that the guest let go late, the definition follows. Mailbox. */
void vm_vcpu_device_deleted(Vm *vm, const char *alias);
