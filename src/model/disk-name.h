/* SPDX-License-Identifier: Apache-2.0 */
/* Names of disks inside the guest: hda, vdb, sdaa. Any thread. */
#pragma once
#include <stdbool.h>

/* "vdc" → 2, "sdaa" → 26; -1 if it is no such name. *ret_partition: digits stand behind it. */
int disk_name_index(const char *name, bool *ret_partition);
