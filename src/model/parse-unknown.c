/* SPDX-License-Identifier: Apache-2.0 */
#include "model/parse-unknown.h"

#include "base/spelling.h"
#include "model/scalar.h"

#include <string.h>

static bool unknown_same_kind(const ModelRow *row, ModelKind kind)
{
    return row->name && row->kind != MODEL_HIDDEN && (row->kind == MODEL_ATTRIBUTE) == (kind == MODEL_ATTRIBUTE);
}

/* The attribute whose value decides whether @row counts, such as `type`. */
static const ModelRow *unknown_decider(const ModelRow *rows, unsigned n, const ModelRow *row)
{
    for (unsigned i = 0; i < n; i++) {
        if (rows[i].scalar == MODEL_SCALAR_ENUM && rows[i].offset == row->when_offset &&
            rows[i].kind == MODEL_ATTRIBUTE)
            return &rows[i];
    }
    return NULL;
}

/* "type='block', 'network'" */
static char *unknown_condition(const ModelRow *decider, uint64_t when)
{
    const ModelEnum *type = decider->detail;
    g_autoptr(GString) text = g_string_new(decider->name);
    char before = '=';
    for (unsigned value = 1; value < type->n_words; value++) {
        if (!(when >> value & 1))
            continue;
        g_string_append_printf(text, before == '=' ? "='%s'" : ", '%s'", type->words[value]);
        before = ',';
    }
    return g_string_free(g_steal_pointer(&text), false);
}

static char *unknown_out_of_place(const ModelRow *rows, unsigned n, const void *object, ModelKind kind,
                                  const char *name)
{
    for (unsigned i = 0; i < n; i += 1 + rows[i].span) {
        const ModelRow *row = &rows[i];
        if (!unknown_same_kind(row, kind) || strcmp(row->name, name) || model_row_applies(row, object))
            continue;
        const ModelRow *decider = unknown_decider(rows, n, row);
        return decider ? unknown_condition(decider, row->when) : NULL;
    }
    return NULL;
}

char *parse_unknown_text(const ModelRow *rows, unsigned n, const void *object, ModelKind kind, const char *parent,
                         const char *name)
{
    g_autofree char *place = unknown_out_of_place(rows, n, object, kind, name);
    g_autofree char *what = kind == MODEL_ATTRIBUTE ? g_strdup_printf("<%s>: attribute '%s'", parent, name)
                                                    : g_strdup_printf("element <%s>", name);
    g_autofree char *where = kind == MODEL_ATTRIBUTE ? g_strdup("here") : g_strdup_printf("inside of <%s>", parent);
    if (place)
        return g_strdup_printf("%s has a meaning %s only with %s", what, where, place);
    Spelling spelling = spelling_of(name);
    for (unsigned i = 0; i < n; i += 1 + rows[i].span) {
        if (unknown_same_kind(&rows[i], kind) && model_row_applies(&rows[i], object))
            spelling_try(&spelling, rows[i].name);
    }
    bool twice = spelling.nearest && !strcmp(spelling.nearest, name);
    if (twice)
        return g_strdup_printf("%s stands %s a second time", what, where);
    if (!spelling.nearest)
        return g_strdup_printf("%s is unknown %s", what, where);
    return g_strdup_printf(kind == MODEL_ATTRIBUTE ? "%s is unknown %s; did you mean '%s'?"
                                                   : "%s is unknown %s; did you mean <%s>?",
                           what, where, spelling.nearest);
}
