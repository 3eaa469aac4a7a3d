/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs that people may know from virsh, so that one which lodge has not got yet is not taken for a misspelt other.
 */
#pragma once
#include <stdbool.h>

/* Any thread. */
bool virsh_has_verb(const char *name);
