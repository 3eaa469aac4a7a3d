/* SPDX-License-Identifier: Apache-2.0 */
/* Key codes by number or by name, for send-key. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* The virKeycodeSet of a name such as "linux". Errors: VIR_ERR_INVALID_ARG. */
bool keys_find_codeset(const char *name, uint32_t *ret_codeset, GError **error);
/* A number (decimal, 0x…) of any codeset or a name (KEY_A) of the linux codeset. Errors: VIR_ERR_INVALID_ARG. */
bool keys_parse(uint32_t codeset, const char *text, uint32_t *ret_code, GError **error);

/* Generated from <linux/input-event-codes.h>; ended by a NULL name. */
extern const struct KeyRow {
    const char *name;
    uint16_t code;
} key_rows[];
