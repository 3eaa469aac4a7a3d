/* SPDX-License-Identifier: Apache-2.0 */
/* A table: columns aligned by display width (a CJK character is two wide) for people, a list of objects for JSON. */
#pragma once
#include "cli/output.h"

typedef enum {
    CELL_TEXT,
    CELL_NUMBER, /* a JSON number */
    CELL_WORD,   /* translated for people, never in JSON */
    CELL_STATE,  /* a word with the colour of a guest's state */
    CELL_SPLIT,  /* "a,b" is a list of texts in JSON */
} CellKind;

typedef struct {
    const char *key;
    const char *label; /* translated by the table */
    CellKind kind;
} Column;

typedef struct Table Table;

/* @columns (ended by a NULL key) must outlive the table. */
Table *table_new(const Column *columns);
void table_free(Table *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)
/* One `const char *` for each column, copied; NULL is "-" for people and null in JSON. */
void table_row(Table *table, ...);
/* Prints with a head (not with -q); as JSON a list named @key. */
void table_print(const Table *table, Output *output, const char *key);

/* Cells that a terminal uses for @text; control characters count nothing. */
int table_display_width(const char *text);
/* @text followed by blanks up to @width cells. Free it. */
char *table_padded(const char *text, int width);
