/* SPDX-License-Identifier: Apache-2.0 */
/* How one value travels between text and its C field. Private to the engine. */
#pragma once
#include "model/engine.h"

typedef struct {
    /* False: @text is no such value; *ret_cure may be set to what would be (static or owned by the row). */
    bool (*parse)(const ModelRow *row, const char *text, void *field, char **ret_cure);
    /* Appends the text, escaped. */
    void (*format)(const ModelRow *row, const void *field, GString *out);
    /* Whether there is something to write, .omit and the presence flag aside. */
    bool (*is_set)(const ModelRow *row, const void *field);
    uint8_t size;
    bool owned; /* a char * that the struct frees */
} ModelCodec;

#define MODEL_QEMU_NAMESPACE "http://libvirt.org/schemas/domain/qemu/1.0"

/* Whether the row counts for this struct: its `when`. */
bool model_row_applies(const ModelRow *row, const void *object);

const ModelCodec *model_codec(ModelScalar scalar);
/* As a number, for .omit and .when; 0 for text. */
int64_t model_scalar_number(const ModelRow *row, const void *field);
void model_scalar_set_number(const ModelRow *row, void *field, int64_t value);

/* Appends @text with < > & ' " written as entities and control characters left out. */
void model_append_escaped(GString *out, const char *text);

/* "KiB", "GB", "bytes" … as a factor; 0 if there is no such unit. */
uint64_t model_unit_factor(const char *unit);
