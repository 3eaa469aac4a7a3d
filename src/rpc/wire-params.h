/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists of typed parameters: built by handlers that answer them, searched by handlers that take them. Any thread.
 *
 *     g_autoptr(WireParams) params = wire_params_new();
 *     wire_params_add_uint(params, VIR_DOMAIN_…, 5);
 *     wire_params_steal(params, &ret->n_params, &ret->params);
 */
#pragma once
#include "rpc/wire-types.h"

typedef struct WireParams WireParams;

WireParams *wire_params_new(void);
void wire_params_free(WireParams *params);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(WireParams, wire_params_free)

void wire_params_add_int(WireParams *params, const char *field, int32_t value);
void wire_params_add_uint(WireParams *params, const char *field, uint32_t value);
void wire_params_add_llong(WireParams *params, const char *field, int64_t value);
void wire_params_add_ullong(WireParams *params, const char *field, uint64_t value);
void wire_params_add_double(WireParams *params, const char *field, double value);
void wire_params_add_bool(WireParams *params, const char *field, bool value);
/* @value is copied; NULL: nothing is added. */
void wire_params_add_string(WireParams *params, const char *field, const char *value);

uint32_t wire_params_count(const WireParams *params);
/* Moves the list out; @params is empty afterwards. */
void wire_params_steal(WireParams *params, uint32_t *ret_n_params, WireTypedParam **ret_params);

/* The parameter of that name; NULL if there is none. */
const WireTypedParam *wire_params_find(const WireTypedParam *params, uint32_t n_params, const char *field);

/* One row of the parameters that a call accepts; the list ends with a NULL field. */
typedef struct {
    const char *field;
    WireValueType type;
} WireParamRule;

/* Fails (VIR_ERR_INVALID_ARG, names the parameter) if one is unknown, given twice or of another type. */
bool wire_params_check(const WireTypedParam *params, uint32_t n_params, const WireParamRule *rules, GError **error);
