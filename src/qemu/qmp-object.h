/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Short ways to build and read the JSON objects of QMP and of QEMU's JSON arguments. Readers never fail: they give a
 * default for what is missing or of another type, so that a strange reply cannot crash the daemon. Any thread.
 */
#pragma once
#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

/*
 * qmp_object("s:driver", "raw", "i:size", (gint64)n, NULL) builds an object. Each key carries its type: s string (NULL
 * leaves the key out), i gint64, b gboolean, o JsonObject * and a JsonArray * (transfer full, NULL leaves out).
 * S, I, B are as s, i, b but leave out "", 0 and FALSE.
 */
JsonObject *qmp_object(const char *first_key, ...) G_GNUC_NULL_TERMINATED;
/* The same pairs added to an object there is. */
void qmp_object_add(JsonObject *object, const char *first_key, ...) G_GNUC_NULL_TERMINATED;
/* One line of JSON without blanks. */
char *qmp_object_text(JsonObject *object);

/* The object (array) of a node, borrowed; NULL if it is something else or @node is NULL. */
JsonObject *qmp_node_object(JsonNode *node);
JsonArray *qmp_node_array(JsonNode *node);

/* A member; NULL, @fallback or false if it is not there or of another type. @object may be NULL. */
const char *qmp_get_string(JsonObject *object, const char *key);
gint64 qmp_get_int(JsonObject *object, const char *key, gint64 fallback);
bool qmp_get_bool(JsonObject *object, const char *key, bool fallback);
JsonObject *qmp_get_object(JsonObject *object, const char *key);
JsonArray *qmp_get_array(JsonObject *object, const char *key);
/* Element @index if it is an object, else NULL. */
JsonObject *qmp_array_object(JsonArray *array, unsigned index);
