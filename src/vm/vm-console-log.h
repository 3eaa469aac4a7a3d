/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file in which QEMU records what a console said, from any point of which readers go on reading while it grows. Our
 * own logs (RUN_DIR/ALIAS.log) are kept small by giving back the blocks of what is older than CONSOLE_LOG_KEEP:
 * positions stay valid, and QEMU, which appends, notices nothing. A function of an open log may be called by one thread
 * at a time.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#define CONSOLE_LOG_KEEP   (512 << 10) /* bytes of our own logs that stay readable, at least */
#define CONSOLE_LOG_REPLAY (64 << 10)  /* bytes that somebody who attaches is shown first, at most */

/*
 * Opens the log at @path. @ours: in the guest's run directory, which belongs to QEMU's user (@owner), so that nothing
 * but a plain file of that user (or of the daemon) is accepted there; opened for writing too, to be kept small. -1 on
 * failure.
 */
int console_log_open(const char *path, bool ours, uid_t owner, GError **error);

/* Where to begin so that about @max bytes are replayed: the start of a line, or the oldest byte that is there. */
off_t console_log_replay_start(int fd, off_t max);

/*
 * Reads up to @size bytes at *@offset and moves it. Skips what has been given back. A file that became shorter
 * (somebody emptied it) is read from its new beginning. 0: nothing more for now. Errors of the disk count as nothing.
 */
size_t console_log_read(int fd, off_t *offset, void *buffer, size_t size);

/* Gives back old blocks once the file has twice as many as are kept. False: the file system cannot; logged. */
bool console_log_shrink(int fd);
