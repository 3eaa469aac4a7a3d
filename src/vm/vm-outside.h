/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a run leaves outside its run directory: sockets where the definition wants them, and named pipes that belong to
 * QEMU's user while it runs. Each is noted in run_dir/outside before it is made, so that the end of the run takes it
 * back whoever sees that end: a failed start, this daemon or the next. Mailbox.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <sys/stat.h>

/* @path will be a socket, to be removed. */
bool vm_outside_note_socket(const char *run_dir, const char *path, GError **error);
/* The named pipe @path will change its owner; @now is what it is to be given back to. */
bool vm_outside_note_owner(const char *run_dir, const char *path, const struct stat *now, GError **error);
/* Undoes all that was noted; what cannot be undone is logged. */
void vm_outside_undo(const char *run_dir);
