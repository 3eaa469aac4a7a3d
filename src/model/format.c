/* SPDX-License-Identifier: Apache-2.0 */
#include "model/scalar.h"
#include <string.h>

typedef struct {
    ModelFormatFlags flags;
    GString *out;
} Formatter;

static void format_indent(GString *out, unsigned indent)
{
    static const char blanks[] = "                                ";
    for (; indent >= sizeof blanks; indent -= sizeof blanks - 1)
        g_string_append_len(out, blanks, sizeof blanks - 1);
    g_string_append_len(out, blanks, indent);
}

static bool format_wanted(const Formatter *formatter, const ModelRow *row, const void *object)
{
    if ((row->flags & MODEL_ACTIVE) && !(formatter->flags & MODEL_FORMAT_ACTIVE))
        return false;
    if ((row->flags & MODEL_SECURE) && !(formatter->flags & MODEL_FORMAT_SECURE))
        return false;
    return !(row->flags & MODEL_READ_ONLY) && model_row_applies(row, object);
}

static bool format_has_value(const ModelRow *row, const void *object)
{
    const char *field = (const char *)object + row->offset;
    if (row->flags & MODEL_OMIT && model_scalar_number(row, field) == row->omit)
        return false;
    if (row->kind != MODEL_GROUP && row->set_offset != MODEL_NO_OFFSET)
        return *((const bool *)object + row->set_offset);
    return (row->flags & MODEL_ZERO) || model_codec(row->scalar)->is_set(row, field);
}

static void format_attributes(const Formatter *formatter, const ModelRow *rows, unsigned n, const void *object)
{
    GString *out = formatter->out;
    for (unsigned i = 0; i < n; i += 1 + rows[i].span) {
        const ModelRow *row = &rows[i];
        bool unit = row->scalar == MODEL_SCALAR_SIZE && (row->kind == MODEL_TEXT || row->kind == MODEL_ATTRIBUTE);
        if ((row->kind != MODEL_ATTRIBUTE && !unit) || !format_wanted(formatter, row, object) ||
            !format_has_value(row, object))
            continue;
        if (row->kind == MODEL_ATTRIBUTE) {
            g_string_append_c(out, ' ');
            g_string_append(out, row->name);
            g_string_append(out, "='");
            model_codec(row->scalar)->format(row, (const char *)object + row->offset, out);
            g_string_append_c(out, '\'');
        }
        if (unit)
            g_string_append_printf(out, " unit='%s'", row->unit_out);
    }
}

static void format_element(const Formatter *formatter, const ModelRow *row, const char *name, const ModelRow *rows,
                           unsigned n, const void *object, unsigned indent, bool keep);

static void format_child(const Formatter *formatter, const ModelRow *row, const void *object, unsigned indent)
{
    const char *field = (const char *)object + row->offset;
    const ModelStruct *type = row->detail;
    if (row->kind == MODEL_GROUP) {
        bool keep = row->flags & MODEL_KEEP || (row->scalar == MODEL_SCALAR_PRESENT && *(const bool *)field);
        format_element(formatter, row, row->name, row + 1, row->span, object, indent, keep);
    } else if (row->kind == MODEL_STRUCT) {
        const void *item = *(void *const *)field;
        if (item)
            format_element(formatter, row, row->name, type->rows, type->n_rows, item, indent,
                           !(row->flags & MODEL_DROP_EMPTY));
    } else {
        void *const *items = *(void **const *)field;
        unsigned count = *(const unsigned *)((const char *)object + row->set_offset);
        for (unsigned k = 0; k < count; k++)
            format_element(formatter, row, row->name, type->rows, type->n_rows, items[k], indent, true);
    }
}

static void format_children(const Formatter *formatter, const ModelRow *rows, unsigned n, const void *object,
                            unsigned indent)
{
    for (unsigned i = 0; i < n; i += 1 + rows[i].span) {
        const ModelRow *row = &rows[i];
        if ((row->kind == MODEL_GROUP || row->kind == MODEL_STRUCT || row->kind == MODEL_LIST) &&
            format_wanted(formatter, row, object))
            format_child(formatter, row, object, indent);
    }
}

static const ModelRow *format_text_row(const Formatter *formatter, const ModelRow *rows, unsigned n, const void *object)
{
    for (unsigned i = 0; i < n; i += 1 + rows[i].span) {
        if (rows[i].kind == MODEL_TEXT && format_wanted(formatter, &rows[i], object) &&
            format_has_value(&rows[i], object))
            return &rows[i];
    }
    return NULL;
}

static void format_match(const ModelRow *row, GString *out)
{
    const char *equals = strchr(row->match, '=');
    g_string_append_printf(out, " %.*s='%s'", (int)(equals - row->match), row->match, equals + 1);
}

/* Writes the element and takes it back if it turns out to be empty and is not to be kept. */
static void format_element(const Formatter *formatter, const ModelRow *row, const char *name, const ModelRow *rows,
                           unsigned n, const void *object, unsigned indent, bool keep)
{
    GString *out = formatter->out;
    const char *prefix = row && row->flags & MODEL_QEMU_NS ? "qemu:" : "";
    gsize start = out->len;
    format_indent(out, indent);
    g_string_append_c(out, '<');
    g_string_append(out, prefix);
    g_string_append(out, name);
    gsize bare = out->len;
    format_attributes(formatter, rows, n, object);
    bool empty = out->len == bare;
    if (row && row->match && !empty) {
        g_autoptr(GString) literal = g_string_new(NULL);
        format_match(row, literal);
        g_string_insert_len(out, (gssize)bare, literal->str, (gssize)literal->len);
    }
    gsize attributes_end = out->len;

    const ModelRow *text = format_text_row(formatter, rows, n, object);
    g_string_append_c(out, '>');
    if (text && text->scalar != MODEL_SCALAR_RAW) {
        model_codec(text->scalar)->format(text, (const char *)object + text->offset, out);
        gsize text_end = out->len;
        g_string_append_c(out, '\n');
        format_children(formatter, rows, n, object, indent + 2);
        if (out->len == text_end + 1)
            g_string_truncate(out, text_end);
        else
            format_indent(out, indent);
    } else {
        g_string_append_c(out, '\n');
        if (text)
            model_codec(text->scalar)->format(text, (const char *)object + text->offset, out);
        format_children(formatter, rows, n, object, indent + 2);
        bool nothing = out->len == attributes_end + 2;
        if (nothing && !(row && row->flags & MODEL_LONG)) {
            g_string_truncate(out, attributes_end);
            if (empty && !keep)
                g_string_truncate(out, start);
            else
                g_string_append(out, "/>\n");
            return;
        }
        format_indent(out, indent);
    }
    g_string_append(out, "</");
    g_string_append(out, prefix);
    g_string_append(out, name);
    g_string_append(out, ">\n");
}

void model_format(const ModelStruct *type, const char *name, const void *object, ModelFormatFlags flags,
                  unsigned indent, GString *out)
{
    Formatter formatter = { .flags = flags, .out = out };
    format_element(&formatter, NULL, name, type->rows, type->n_rows, object, indent, true);
}
