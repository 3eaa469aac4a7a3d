/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files of /proc and /sys. Every reader takes a @sysroot in front of the path ("" for the real host), so that
 * tests read recorded trees. A file that is missing is an ordinary answer here, not an error: hardware differs.
 * Any thread; does not block (kernel files).
 */
#pragma once
#include "base/cpuset.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The whole text without trailing white space; NULL if the file is missing or unreadable. Owned by the caller. */
char *host_sysfs_read(const char *sysroot, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* A decimal number at the start of the file. */
bool host_sysfs_read_u64(uint64_t *ret_value, const char *sysroot, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* A list such as "0-3,5"; an empty set for an empty file; NULL if the file is missing or malformed. */
Cpuset *host_sysfs_read_set(const char *sysroot, const char *format, ...) G_GNUC_PRINTF(2, 3);
bool host_sysfs_exists(const char *sysroot, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Writes a whole value with one write(2), as kernel files want it. */
bool host_sysfs_write(const char *sysroot, const char *path, const char *value, GError **error);
/* The number behind the line that starts with @key ("MemFree:", "Node 0 MemFree:") in @text. */
bool host_sysfs_find_u64(const char *text, const char *key, uint64_t *ret_value);
/* The names in a directory in ascending order; an empty list if there is none. Free with g_ptr_array_unref(). */
GPtrArray *host_sysfs_list(const char *sysroot, const char *format, ...) G_GNUC_PRINTF(2, 3);
