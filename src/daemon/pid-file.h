/* SPDX-License-Identifier: Apache-2.0 */
/* One daemon a directory: a file with the process id, locked while the daemon lives. Main thread. */
#pragma once
#include <glib.h>
#include <stdbool.h>

/* Fails (VIR_ERR_OPERATION_INVALID, names the other process) if another one holds it. @ret_fd keeps the lock. */
bool pid_file_take(const char *path, int *ret_fd, GError **error);
void pid_file_drop(const char *path);
