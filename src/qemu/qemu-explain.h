/* SPDX-License-Identifier: Apache-2.0 */
/* What QEMU's own words mean, and what to do about it. Any thread. */
#pragma once
#include <glib.h>

/*
 * @words with file sets ("/dev/fdset/2") by the names in @set_names (of sets 1, 2 …; NULL-terminated, or NULL), without
 * lines that tell of no failure, and, where the cause is known, with its cure. Free it.
 */
char *qemu_explain(const char *words, const char *const *set_names);
