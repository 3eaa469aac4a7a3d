/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/typed-params.h"

#include "base/error.h"
#include "cli/i18n.h"

#include <inttypes.h>
#include <string.h>

const LodgeTypedValue *typed_params_find(const LodgeTypedParam *params, uint32_t n_params, const char *name)
{
    for (uint32_t i = 0; i < n_params; i++)
        if (!strcmp(params[i].field, name))
            return &params[i].value;
    return NULL;
}

char *typed_value_text(const LodgeTypedValue *value)
{
    switch (value->type) {
    case LODGE_VALUE_INT: return g_strdup_printf("%" PRIi32, value->i);
    case LODGE_VALUE_UINT: return g_strdup_printf("%" PRIu32, value->ui);
    case LODGE_VALUE_LLONG: return g_strdup_printf("%" PRIi64, value->l);
    case LODGE_VALUE_ULLONG: return g_strdup_printf("%" PRIu64, value->ul);
    case LODGE_VALUE_DOUBLE: return g_strdup_printf("%f", value->d);
    case LODGE_VALUE_BOOLEAN: return g_strdup(value->b ? _("yes") : _("no"));
    case LODGE_VALUE_STRING: return g_strdup(value->s);
    }
    return g_strdup("");
}

static bool whole_number(const LodgeTypedValue *value, int64_t *ret_value)
{
    switch (value->type) {
    case LODGE_VALUE_INT: *ret_value = value->i; return true;
    case LODGE_VALUE_UINT: *ret_value = value->ui; return true;
    case LODGE_VALUE_LLONG: *ret_value = value->l; return true;
    case LODGE_VALUE_ULLONG: *ret_value = (int64_t)MIN(value->ul, (uint64_t)INT64_MAX); return true;
    default: return false;
    }
}

void typed_value_json(Output *output, const char *key, const LodgeTypedValue *value)
{
    int64_t number;
    if (whole_number(value, &number))
        output_json_number(output, key, number);
    else if (value->type == LODGE_VALUE_DOUBLE)
        output_json_double(output, key, value->d);
    else if (value->type == LODGE_VALUE_BOOLEAN)
        output_json_bool(output, key, value->b);
    else
        output_json_text(output, key, value->s);
}

bool typed_params_number(const LodgeTypedParam *params, uint32_t n_params, const char *name, int64_t *ret_value)
{
    const LodgeTypedValue *value = typed_params_find(params, n_params, name);
    return value && whole_number(value, ret_value);
}

void typed_params_print(Output *output, const LodgeTypedParam *params, uint32_t n_params, int width)
{
    for (uint32_t i = 0; i < n_params; i++) {
        g_autofree char *text = typed_value_text(&params[i].value);
        output_line(output, "%-*s: %s", width, params[i].field, text);
        typed_value_json(output, params[i].field, &params[i].value);
    }
}

static void clear_param(gpointer param)
{
    lodge_typed_param_clear(param);
}

GArray *typed_params_new(void)
{
    GArray *params = g_array_new(FALSE, TRUE, sizeof(LodgeTypedParam));
    g_array_set_clear_func(params, clear_param);
    return params;
}

bool typed_params_add_text(GArray *params, const char *name, LodgeValueType type, const char *text, GError **error)
{
    LodgeTypedParam param = { NULL, { .type = type } };
    gint64 number = 0;
    guint64 natural = 0;
    char *end = NULL;
    bool ok = true;
    switch (type) {
    case LODGE_VALUE_INT:
        ok = g_ascii_string_to_signed(text, 10, G_MININT32, G_MAXINT32, &number, NULL);
        param.value.i = (int32_t)number;
        break;
    case LODGE_VALUE_UINT:
        ok = g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &natural, NULL);
        param.value.ui = (uint32_t)natural;
        break;
    case LODGE_VALUE_LLONG:
        ok = g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &number, NULL);
        param.value.l = number;
        break;
    case LODGE_VALUE_ULLONG:
        ok = g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &natural, NULL);
        param.value.ul = natural;
        break;
    case LODGE_VALUE_DOUBLE:
        param.value.d = g_ascii_strtod(text, &end);
        ok = *text && !*end;
        break;
    case LODGE_VALUE_BOOLEAN:
        param.value.b = !strcmp(text, "1") || !strcmp(text, "yes") || !strcmp(text, "on");
        ok = param.value.b || !strcmp(text, "0") || !strcmp(text, "no") || !strcmp(text, "off");
        break;
    case LODGE_VALUE_STRING: param.value.s = g_strdup(text); break;
    }
    if (!ok)
        return error_set(error, VIR_ERR_INVALID_ARG, _("'%s' is no value for parameter '%s'"), text, name);
    param.field = g_strdup(name);
    g_array_append_val(params, param);
    return true;
}
