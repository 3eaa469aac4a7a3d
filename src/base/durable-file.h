/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that survive a crash. A new one is written without a name, linked and fsynced; over an old one a temporary is
 * fsynced and renamed, and the directory fsynced. A reader sees the old content or the new, never a torn file; only a
 * power failure before the call has returned may leave a new file that is not whole. Any thread; blocks on the disk.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* @length < 0: @data is NUL-terminated. On failure the old file is untouched and no temporary is left. */
bool durable_file_write(const char *path, const char *data, gssize length, mode_t mode, GError **error);

/* The same without the fsyncs: for run state that need not outlive a power failure, only the daemon. */
bool atomic_file_write(const char *path, const char *data, gssize length, mode_t mode, GError **error);

/* Removes @path durably. A file that is already gone is success. */
bool durable_file_remove(const char *path, GError **error);

/* Creates @path and its parents with @mode if missing. */
bool directory_ensure(const char *path, mode_t mode, GError **error);
