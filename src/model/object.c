/* SPDX-License-Identifier: Apache-2.0 */
/* Lists, freeing, copying and comparing any struct of the tables. */
#include "model/scalar.h"
#include <string.h>

bool model_row_applies(const ModelRow *row, const void *object)
{
    if (row->when_offset == MODEL_NO_OFFSET)
        return true;
    uint8_t value = *((const uint8_t *)object + row->when_offset);
    return row->when >> value & 1;
}

void model_list_insert(void *items_field, unsigned *n, unsigned position, void *item)
{
    void ***items = items_field;
    g_assert(position <= *n);
    *items = g_realloc_n(*items, *n + 1, sizeof(void *));
    memmove(*items + position + 1, *items + position, (*n - position) * sizeof(void *));
    (*items)[position] = item;
    ++*n;
}

void *model_list_steal(void *items_field, unsigned *n, unsigned position)
{
    void ***items = items_field;
    g_assert(position < *n);
    void *item = (*items)[position];
    --*n;
    memmove(*items + position, *items + position + 1, (*n - position) * sizeof(void *));
    if (*n == 0) {
        g_free(*items);
        *items = NULL;
    }
    return item;
}

static unsigned object_count(const ModelRow *row, const void *object)
{
    return *(const unsigned *)((const char *)object + row->set_offset);
}

void model_free(const ModelStruct *type, void *object)
{
    if (!object)
        return;
    for (unsigned i = 0; i < type->n_rows; i++) {
        const ModelRow *row = &type->rows[i];
        if (!(row->flags & MODEL_OWNER))
            continue;
        void *field = (char *)object + row->offset;
        if (row->kind == MODEL_STRUCT) {
            model_free(row->detail, *(void **)field);
        } else if (row->kind == MODEL_LIST) {
            void **items = *(void ***)field;
            for (unsigned k = 0; k < object_count(row, object); k++)
                model_free(row->detail, items[k]);
            g_free(items);
        } else if (model_codec(row->scalar)->owned) {
            g_free(*(char **)field);
        }
    }
    g_free(object);
}

void *model_copy(const ModelStruct *type, const void *object)
{
    if (!object)
        return NULL;
    void *copy = g_memdup2(object, type->size);
    for (unsigned i = 0; i < type->n_rows; i++) {
        const ModelRow *row = &type->rows[i];
        if (!(row->flags & MODEL_OWNER))
            continue;
        void *field = (char *)copy + row->offset;
        if (row->kind == MODEL_STRUCT) {
            *(void **)field = model_copy(row->detail, *(void **)field);
        } else if (row->kind == MODEL_LIST) {
            unsigned count = object_count(row, object);
            void **items = count ? g_memdup2(*(void ***)field, count * sizeof(void *)) : NULL;
            for (unsigned k = 0; k < count; k++)
                items[k] = model_copy(row->detail, items[k]);
            *(void ***)field = items;
        } else if (model_codec(row->scalar)->owned) {
            *(char **)field = g_strdup(*(char **)field);
        }
    }
    return copy;
}

typedef struct {
    GPtrArray *found;
    GString *path;
} Comparison;

static bool object_scalar_equal(const ModelRow *row, const void *a, const void *b)
{
    const char *x = (const char *)a + row->offset, *y = (const char *)b + row->offset;
    const ModelCodec *codec = model_codec(row->scalar);
    if (row->kind != MODEL_GROUP && row->set_offset != MODEL_NO_OFFSET) {
        bool set = *((const bool *)a + row->set_offset);
        if (!set || set != *((const bool *)b + row->set_offset))
            return set == *((const bool *)b + row->set_offset);
    }
    return codec->owned ? !g_strcmp0(*(char *const *)x, *(char *const *)y) : !memcmp(x, y, codec->size);
}

static void object_differs(Comparison *comparison, const ModelRow *row)
{
    ModelDifference *difference = g_new0(ModelDifference, 1);
    difference->path = g_strdup(comparison->path->str);
    difference->change = row->change;
    g_ptr_array_add(comparison->found, difference);
}

static void compare_rows(Comparison *comparison, const ModelRow *rows, unsigned n, const void *a, const void *b);

static void compare_structs(Comparison *comparison, const ModelRow *row, const void *a, const void *b)
{
    const ModelStruct *type = row->detail;
    if (a && b)
        compare_rows(comparison, type->rows, type->n_rows, a, b);
    else if (a || b)
        object_differs(comparison, row);
}

static void compare_lists(Comparison *comparison, const ModelRow *row, const void *a, const void *b)
{
    void *const *x = *(void **const *)((const char *)a + row->offset), *const *y = *(void **const *)((const char *)b +
                                                                                                     row->offset);
    unsigned n = object_count(row, a), m = object_count(row, b);
    gsize length = comparison->path->len;
    for (unsigned k = 0; k < MAX(n, m); k++) {
        g_string_append_printf(comparison->path, "[%u]", k + 1);
        compare_structs(comparison, row, k < n ? x[k] : NULL, k < m ? y[k] : NULL);
        g_string_truncate(comparison->path, length);
    }
}

static void compare_row(Comparison *comparison, const ModelRow *row, const void *a, const void *b)
{
    if (row->kind == MODEL_GROUP) {
        if (row->scalar && row->flags & MODEL_OWNER && !object_scalar_equal(row, a, b))
            object_differs(comparison, row);
        compare_rows(comparison, row + 1, row->span, a, b);
    } else if (row->kind == MODEL_STRUCT) {
        compare_structs(comparison, row, *(void *const *)((const char *)a + row->offset),
                        *(void *const *)((const char *)b + row->offset));
    } else if (row->kind == MODEL_LIST) {
        compare_lists(comparison, row, a, b);
    } else if (row->kind != MODEL_HIDDEN && !object_scalar_equal(row, a, b)) {
        object_differs(comparison, row);
    }
}

static void compare_rows(Comparison *comparison, const ModelRow *rows, unsigned n, const void *a, const void *b)
{
    gsize length = comparison->path->len;
    for (unsigned i = 0; i < n; i += 1 + rows[i].span) {
        const ModelRow *row = &rows[i];
        if (!model_row_applies(row, a) && !model_row_applies(row, b))
            continue;
        if (row->name) {
            if (length)
                g_string_append_c(comparison->path, '/');
            if (row->kind == MODEL_ATTRIBUTE)
                g_string_append_c(comparison->path, '@');
            g_string_append(comparison->path, row->name);
        }
        compare_row(comparison, row, a, b);
        g_string_truncate(comparison->path, length);
    }
}

void model_difference_free(ModelDifference *difference)
{
    g_free(difference->path);
    g_free(difference);
}

GPtrArray *model_compare(const ModelStruct *type, const void *a, const void *b)
{
    Comparison comparison = { .found = g_ptr_array_new_with_free_func((GDestroyNotify)model_difference_free),
                              .path = g_string_new(NULL) };
    compare_rows(&comparison, type->rows, type->n_rows, a, b);
    g_string_free(comparison.path, true);
    return comparison.found;
}

bool model_equal(const ModelStruct *type, const void *a, const void *b)
{
    if (!a || !b)
        return a == b;
    g_autoptr(GPtrArray) found = model_compare(type, a, b);
    return found->len == 0;
}
