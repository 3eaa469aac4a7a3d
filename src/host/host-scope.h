/* SPDX-License-Identifier: Apache-2.0 */
/* Scopes of systemd: on hosts that it runs, control groups are made by asking it. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Whether systemd runs this host. */
bool host_scope_used(const char *sysroot);
/* Characters that have a meaning in the names of units as \xNN. Free it. */
char *host_scope_escape(const char *text);
/*
 * Makes the transient scope @unit ("machine-lodge\x2d1\x2dweb.scope") in @slice, delegated to us, and moves @pid into
 * it. Blocks until systemd has done it, at most some seconds. VIR_ERR_DBUS_SERVICE with systemd's words. Not on the
 * main loop.
 */
bool host_scope_start(const char *unit, const char *slice, const char *description, pid_t pid, GError **error);
