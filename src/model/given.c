/* SPDX-License-Identifier: Apache-2.0 */
#include "model/given.h"

#include "model/scalar.h"

typedef struct {
    GString *path;
    ModelGivenFunc visit;
    void *data;
} Walk;

static bool walk_rows(Walk *walk, const ModelStruct *type, const ModelRow *rows, unsigned n, const void *object);

static bool visit_row(Walk *walk, const ModelStruct *type, const ModelRow *row, const void *object)
{
    bool number = row->kind != MODEL_STRUCT && row->kind != MODEL_LIST && !model_codec(row->scalar)->owned;
    ModelGiven given = {
        .type = type,
        .row = row,
        .object = object,
        .number = number ? model_scalar_number(row, (const char *)object + row->offset) : 0,
        .path = walk->path->str,
    };
    return walk->visit(&given, walk->data);
}

static bool walk_struct(Walk *walk, const ModelRow *row, const void *child)
{
    const ModelStruct *type = row->detail;
    return walk_rows(walk, type, type->rows, type->n_rows, child);
}

static bool walk_list(Walk *walk, const ModelStruct *type, const ModelRow *row, const void *object)
{
    void *const *items = *(void **const *)((const char *)object + row->offset);
    unsigned count = *(const unsigned *)((const char *)object + row->set_offset);
    gsize length = walk->path->len;
    if (count && !visit_row(walk, type, row, object))
        return false;
    for (unsigned i = 0; i < count; i++) {
        g_string_append_printf(walk->path, "[%u]", i + 1);
        if (!walk_struct(walk, row, items[i]))
            return false;
        g_string_truncate(walk->path, length);
    }
    return true;
}

static bool has_value(const ModelRow *row, const void *object)
{
    if (row->scalar == MODEL_SCALAR_NONE)
        return false;
    if (row->kind != MODEL_GROUP && row->set_offset != MODEL_NO_OFFSET)
        return *((const bool *)object + row->set_offset);
    return model_codec(row->scalar)->is_set(row, (const char *)object + row->offset);
}

static bool walk_row(Walk *walk, const ModelStruct *type, const ModelRow *row, const void *object)
{
    const void *child;
    switch (row->kind) {
    case MODEL_HIDDEN: return true;
    case MODEL_LIST: return walk_list(walk, type, row, object);
    case MODEL_STRUCT:
        child = *(void *const *)((const char *)object + row->offset);
        return !child || (visit_row(walk, type, row, object) && walk_struct(walk, row, child));
    case MODEL_GROUP:
        return (!has_value(row, object) || visit_row(walk, type, row, object)) &&
               walk_rows(walk, type, row + 1, row->span, object);
    default: return !has_value(row, object) || visit_row(walk, type, row, object);
    }
}

static bool walk_rows(Walk *walk, const ModelStruct *type, const ModelRow *rows, unsigned n, const void *object)
{
    gsize length = walk->path->len;
    for (unsigned i = 0; i < n; i += 1 + rows[i].span) {
        const ModelRow *row = &rows[i];
        if (!model_row_applies(row, object))
            continue;
        if (row->name)
            g_string_append_printf(walk->path, "%s%s%s", length ? "/" : "", row->kind == MODEL_ATTRIBUTE ? "@" : "",
                                   row->name);
        if (!walk_row(walk, type, row, object))
            return false;
        g_string_truncate(walk->path, length);
    }
    return true;
}

bool model_each_given(const ModelStruct *type, const void *object, const char *name, ModelGivenFunc visit, void *data)
{
    g_autoptr(GString) path = g_string_new(name);
    Walk walk = { path, visit, data };
    return walk_rows(&walk, type, type->rows, type->n_rows, object);
}
