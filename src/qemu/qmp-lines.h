/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts a byte stream into lines and parses each as one JSON object: the reading half of a QMP (or guest agent)
 * connection, without a socket so that it can be fuzzed. One thread at a time.
 */
#pragma once
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

typedef struct QmpLines QmpLines;

QmpLines *qmp_lines_new(void);
void qmp_lines_free(QmpLines *lines);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpLines, qmp_lines_free)

/* Room for @wanted more bytes; the caller fills it and says with qmp_lines_fed() how many arrived. */
char *qmp_lines_room(QmpLines *lines, size_t wanted);
void qmp_lines_fed(QmpLines *lines, size_t length);

/*
 * The next whole object, or NULL when there is none yet. False (VIR_ERR_INTERNAL_ERROR) for a line that is no JSON
 * object, is too long or nested too deeply; the stream cannot be used further. Blank lines are skipped.
 */
bool qmp_lines_next(QmpLines *lines, JsonObject **ret_object, GError **error);

/* One object in a text of its own, held to the same limits. NULL with the error of qmp_lines_next(). */
JsonObject *qmp_lines_parse_one(const char *text, GError **error);
