/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/table.h"

#include "cli/i18n.h"

#include <stdarg.h>
#include <string.h>

struct Table {
    const Column *columns;
    unsigned n_columns;
    GPtrArray *cells; /* char *, row by row */
};

static const struct {
    const char *state;
    const char *sequence;
} state_colours[] = {
    { "running", "\033[32m" },     { "idle", "\033[32m" },        { "paused", "\033[33m" },
    { "pmsuspended", "\033[33m" }, { "in shutdown", "\033[33m" }, { "crashed", "\033[31m" },
    { "shut off", "\033[2m" },     { "blocked", "\033[31m" },     { "no state", "\033[31m" },
};

/* The colour sequence for a state of a guest, "" for none. */
static const char *state_colour(const char *state)
{
    for (size_t i = 0; i < G_N_ELEMENTS(state_colours); i++)
        if (!strcmp(state_colours[i].state, state))
            return state_colours[i].sequence;
    return "";
}

int table_display_width(const char *text)
{
    int width = 0;
    for (const char *at = text; *at; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char_validated(at, -1);
        if (character == (gunichar)-1 || character == (gunichar)-2)
            width++; /* not UTF-8: a terminal shows one mark for it */
        else if (g_unichar_iswide(character))
            width += 2;
        else if (!g_unichar_iszerowidth(character) && !g_unichar_iscntrl(character))
            width++;
    }
    return width;
}

char *table_padded(const char *text, int width)
{
    return g_strdup_printf("%s%*s", text, MAX(width - table_display_width(text), 0), "");
}

Table *table_new(const Column *columns)
{
    Table *table = g_new0(Table, 1);
    table->columns = columns;
    while (columns[table->n_columns].key)
        table->n_columns++;
    table->cells = g_ptr_array_new_with_free_func(g_free);
    return table;
}

void table_free(Table *table)
{
    if (!table)
        return;
    g_ptr_array_unref(table->cells);
    g_free(table);
}

void table_row(Table *table, ...)
{
    va_list args;
    va_start(args, table);
    for (unsigned i = 0; i < table->n_columns; i++)
        g_ptr_array_add(table->cells, g_strdup(va_arg(args, const char *)));
    va_end(args);
}

static const char *cell_text(const Table *table, unsigned index)
{
    const char *cell = table->cells->pdata[index];
    CellKind kind = table->columns[index % table->n_columns].kind;
    if (!cell)
        return "-";
    return (kind == CELL_WORD || kind == CELL_STATE) && *cell ? _(cell) : cell;
}

static void print_cell(Output *output, const char *text, const char *colour, int padding)
{
    FILE *file = output_file(output);
    if (*colour && output_has_colour(output))
        fprintf(file, "%s%s\033[0m%*s", colour, text, padding, "");
    else
        fprintf(file, "%s%*s", text, padding, "");
}

static void print_text(const Table *table, Output *output)
{
    FILE *file = output_file(output);
    bool head = !output_is_quiet(output);
    g_autofree int *widths = g_new0(int, table->n_columns);
    for (unsigned i = 0; i < table->n_columns && head; i++)
        widths[i] = table_display_width(_(table->columns[i].label));
    for (unsigned i = 0; i < table->cells->len; i++)
        widths[i % table->n_columns] = MAX(widths[i % table->n_columns], table_display_width(cell_text(table, i)));
    if (head) {
        int total = 0;
        for (unsigned i = 0; i < table->n_columns; i++) {
            const char *label = _(table->columns[i].label);
            bool last = i + 1 == table->n_columns;
            fputs(i ? "   " : " ", file);
            print_cell(output, label, "\033[1m", last ? 0 : widths[i] - table_display_width(label));
            total += widths[i] + 3;
        }
        fputc('\n', file);
        for (int i = 0; i < total; i++)
            fputc('-', file);
        fputc('\n', file);
    }
    for (unsigned i = 0; i < table->cells->len; i++) {
        unsigned column = i % table->n_columns;
        const char *text = cell_text(table, i);
        const char *state = table->columns[column].kind == CELL_STATE ? table->cells->pdata[i] : NULL;
        bool last = column + 1 == table->n_columns;
        fputs(column ? "   " : " ", file);
        print_cell(output, text, state ? state_colour(state) : "",
                   last ? 0 : widths[column] - table_display_width(text));
        if (last)
            fputc('\n', file);
    }
}

static void print_json_cell(Output *output, const Column *column, const char *cell)
{
    gint64 number;
    if (column->kind == CELL_NUMBER && cell &&
        g_ascii_string_to_signed(cell, 10, G_MININT64, G_MAXINT64, &number, NULL)) {
        output_json_number(output, column->key, number);
    } else if (column->kind == CELL_SPLIT) {
        g_auto(GStrv) parts = g_strsplit(cell ? cell : "", ",", -1);
        output_begin_list(output, column->key);
        for (char **part = parts; *part; part++)
            output_json_text(output, NULL, *part);
        output_end_list(output);
    } else {
        output_json_text(output, column->key, cell);
    }
}

void table_print(const Table *table, Output *output, const char *key)
{
    if (!output_is_json(output)) {
        print_text(table, output);
        return;
    }
    output_begin_list(output, key);
    for (unsigned i = 0; i < table->cells->len; i++) {
        unsigned column = i % table->n_columns;
        if (!column)
            output_begin_object(output, NULL);
        print_json_cell(output, &table->columns[column], table->cells->pdata[i]);
        if (column + 1 == table->n_columns)
            output_end_object(output);
    }
    output_end_list(output);
}
