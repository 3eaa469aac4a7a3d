/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main loop's half of consoles: one ConsoleSession for each character device that somebody has, or may have, open.
 *
 * A session with a log lets every reader read from the file, each at its own pace, while what QEMU writes to the device
 * itself is thrown away so that QEMU never blocks. A session without one (sockets) hands what it reads to all readers
 * at once and waits for the slowest. What readers send goes to the device in the order in which it came. Main loop
 * only.
 */
#pragma once
#include "rpc/stream.h"

#include <glib.h>
#include <stdbool.h>

typedef struct ConsoleSession ConsoleSession;

/* @name stands in errors: "console 'serial0' of guest 'web'". */
ConsoleSession *console_session_new(const char *name);
/* Ends the session: readers get what is left of the log, then the end; the last one that goes frees it. */
void console_session_end(ConsoleSession *session);

/* Gives it a log (takes @fd) to replay from. @shrink: ours, kept small from now on, also while nobody reads. */
void console_session_set_log(ConsoleSession *session, int fd, bool shrink);
bool console_session_has_log(const ConsoleSession *session);
bool console_session_has_readers(const ConsoleSession *session);

/*
 * Adds a reader. @device_fd (taken over): the device, opened without blocking; not used if the session has it open
 * already.
 * @force: the others are disconnected, with an error that says so.
 */
void console_session_attach(ConsoleSession *session, Stream *stream, int device_fd, bool force);
