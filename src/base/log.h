/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's log: lines "TIME LEVEL text" on stderr or in a file; under systemd without the time. An error is logged
 * once, at the edge where it is not handed on. Any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef enum { LOG_LEVEL_DEBUG = 1, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR } LogLevel;

/* Sets the lowest level that is written (libvirtd.conf's log_level: 1 … 4). Default: warning. */
void log_set_level(LogLevel level);
/* Sends further lines to the file @path (appended, created with mode 0600) instead of stderr. */
bool log_open_file(const char *path, GError **error);
/* Back to stderr. */
bool log_open_stderr(GError **error);

void log_write(LogLevel level, const char *format, ...) G_GNUC_PRINTF(2, 3);

#define log_debug(...)   log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)    log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)   log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
