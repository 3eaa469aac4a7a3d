/* SPDX-License-Identifier: Apache-2.0 */
/* The file that an image of a guest is written to. May block on the disk: workers, or jobs of a mailbox for creating.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>

/*
 * Creates, or empties, @path for writing and never waits: a named pipe must have its reader already. @direct: around
 * the page cache; VIR_ERR_OPERATION_UNSUPPORTED where the file system cannot. -1 on failure.
 */
int dump_file_create(const char *path, bool direct, GError **error);

/* Writes all that comes from the pipe @from to the file @fd, made with @direct, until the pipe's writers have closed
 * it. */
bool dump_file_copy_direct(int from, int fd, const char *path, GError **error);

/* What was written must be on the disk before the client is told that it is. */
bool dump_file_sync(int fd, const char *path, GError **error);

/* Removes an incomplete image, if @fd is a plain file (and no device or pipe). Failure is logged. */
void dump_file_discard(int fd, const char *path);
