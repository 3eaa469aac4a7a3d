/* SPDX-License-Identifier: Apache-2.0 */
/* 16-byte UUIDs (RFC 4122), as they travel on the wire and stand in the XML. Any thread. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define UUID_TEXT_SIZE 37 /* 36 characters and the NUL */

typedef struct {
    uint8_t bytes[16];
} Uuid;

/* A random (version 4) UUID from the kernel's generator. */
Uuid uuid_random(void);
bool uuid_equal(const Uuid *a, const Uuid *b);
bool uuid_is_null(const Uuid *uuid);
/* For GHashTable: keys are `const Uuid *`. */
guint uuid_hash(gconstpointer uuid);
gboolean uuid_key_equal(gconstpointer a, gconstpointer b);
/* Lower case with dashes. */
void uuid_format(const Uuid *uuid, char ret_text[static UUID_TEXT_SIZE]);
/* Takes upper or lower case, with or without dashes, surrounded by blanks. False (no error set) if it is not a UUID. */
bool uuid_parse(const char *text, Uuid *ret_uuid);
