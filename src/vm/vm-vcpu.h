/* SPDX-License-Identifier: Apache-2.0 */
/* Counting and changing a guest's vCPUs. */
#pragma once
#include "vm/vm.h"

/* vCPUs that are on at boot (or now, in a live definition). Any thread. */
unsigned vm_vcpus_online(const Domain *domain);
