/* SPDX-License-Identifier: Apache-2.0 */
/* Filters of lists of guests. Any thread. */
#pragma once
#include "vm/vm.h"

/* Whether the guest passes @flags (virConnectListAllDomainsFlags); none of a pair lets both through. */
bool vm_view_matches(unsigned flags, const VmView *view);
