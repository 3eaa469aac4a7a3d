/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Told when an open file grows: one inotify instance for the whole process, because the kernel allows a user only few
 * of them. Main loop only.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct FileWatch FileWatch;
typedef void (*FileWatchNotice)(gpointer data);

/*
 * Calls @notice after each write to the file that @fd has open (writes close together may be told once), until
 * file_watch_remove(). @fd may be closed meanwhile. NULL with VIR_ERR_SYSTEM_ERROR if the kernel's limit is reached.
 */
FileWatch *file_watch_add(int fd, FileWatchNotice notice, gpointer data, GError **error);
/* May be called inside a notice. NULL is allowed. */
void file_watch_remove(FileWatch *watch);
