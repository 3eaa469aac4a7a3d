/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/wire-params.h"

#include "base/error.h"

#include <string.h>

struct WireParams {
    GArray *items; /* of WireTypedParam */
};

WireParams *wire_params_new(void)
{
    WireParams *params = g_new0(WireParams, 1);
    params->items = g_array_new(FALSE, TRUE, sizeof(WireTypedParam));
    return params;
}

void wire_params_free(WireParams *params)
{
    if (!params)
        return;
    for (guint i = 0; i < params->items->len; i++)
        xdr_clear(&xdr_WireTypedParam, &g_array_index(params->items, WireTypedParam, i));
    g_array_unref(params->items);
    g_free(params);
}

static void add(WireParams *params, const char *field, WireTypedValue value)
{
    WireTypedParam item = { .field = g_strdup(field), .value = value };
    g_array_append_val(params->items, item);
}

void wire_params_add_int(WireParams *params, const char *field, int32_t value)
{
    add(params, field, (WireTypedValue){ .type = WIRE_VALUE_INT, .i = value });
}

void wire_params_add_uint(WireParams *params, const char *field, uint32_t value)
{
    add(params, field, (WireTypedValue){ .type = WIRE_VALUE_UINT, .ui = value });
}

void wire_params_add_llong(WireParams *params, const char *field, int64_t value)
{
    add(params, field, (WireTypedValue){ .type = WIRE_VALUE_LLONG, .l = value });
}

void wire_params_add_ullong(WireParams *params, const char *field, uint64_t value)
{
    add(params, field, (WireTypedValue){ .type = WIRE_VALUE_ULLONG, .ul = value });
}

void wire_params_add_double(WireParams *params, const char *field, double value)
{
    add(params, field, (WireTypedValue){ .type = WIRE_VALUE_DOUBLE, .d = value });
}

void wire_params_add_bool(WireParams *params, const char *field, bool value)
{
    add(params, field, (WireTypedValue){ .type = WIRE_VALUE_BOOLEAN, .b = value });
}

void wire_params_add_string(WireParams *params, const char *field, const char *value)
{
    if (value)
        add(params, field, (WireTypedValue){ .type = WIRE_VALUE_STRING, .s = g_strdup(value) });
}

uint32_t wire_params_count(const WireParams *params)
{
    return params->items->len;
}

void wire_params_steal(WireParams *params, uint32_t *ret_n_params, WireTypedParam **ret_params)
{
    gsize count;
    *ret_params = g_array_steal(params->items, &count);
    *ret_n_params = (uint32_t)count;
}

const WireTypedParam *wire_params_find(const WireTypedParam *params, uint32_t n_params, const char *field)
{
    for (uint32_t i = 0; i < n_params; i++) {
        if (!strcmp(params[i].field, field))
            return &params[i];
    }
    return NULL;
}

bool wire_params_check(const WireTypedParam *params, uint32_t n_params, const WireParamRule *rules, GError **error)
{
    for (uint32_t i = 0; i < n_params; i++) {
        const WireParamRule *rule = rules;
        while (rule->field && strcmp(rule->field, params[i].field))
            rule++;
        if (!rule->field)
            return error_set(error, VIR_ERR_INVALID_ARG, "parameter '%s' not supported", params[i].field);
        if (rule->type != params[i].value.type)
            return error_set(error, VIR_ERR_INVALID_ARG, "invalid type %d requested for parameter '%s', expected %d",
                             (int)params[i].value.type, params[i].field, (int)rule->type);
        if (wire_params_find(params, i, params[i].field))
            return error_set(error, VIR_ERR_INVALID_ARG, "parameter '%s' occurs multiple times", params[i].field);
    }
    return true;
}
