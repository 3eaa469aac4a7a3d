/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of lodge-launch share. */
#pragma once
#include <stddef.h>

/* Reports "ERRNO what" to the daemon and ends. */
_Noreturn void launch_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * A tree of its own for QEMU, in a mount namespace of its own: the host's programs and libraries to read, a few files
 * of /etc, its own entry of /proc, an empty /tmp, and what the daemon names. confine_begin() takes "UID:GID" of who
 * will own device nodes; confine_see() "rw:PATH" or "ro:PATH", of the host's tree, shown at the same place;
 * confine_enter() makes it the root.
 */
void confine_begin(const char *value);
void confine_see(const char *value);
void confine_enter(const char *value);
/* The same for a process that is confined already: enters the tree of "PID", whose host paths follow by "see". */
void confine_join(const char *value);
