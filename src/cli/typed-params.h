/* SPDX-License-Identifier: Apache-2.0 */
/* Typed parameters of the wire: reading, printing and building them. */
#pragma once
#include "cli/output.h"

#include <lodge/lodge.h>

const LodgeTypedValue *typed_params_find(const LodgeTypedParam *params, uint32_t n_params, const char *name);
/* The value as people write it; free it. */
char *typed_value_text(const LodgeTypedValue *value);
/* As a member of a JSON object. */
void typed_value_json(Output *output, const char *key, const LodgeTypedValue *value);
/* Whole numbers of any kind; false when there is no such parameter or it is no number. */
bool typed_params_number(const LodgeTypedParam *params, uint32_t n_params, const char *name, int64_t *ret_value);

/* All of them: "name           : value" with names of @width columns, or members of a JSON object. */
void typed_params_print(Output *output, const LodgeTypedParam *params, uint32_t n_params, int width);

/* A growing list of parameters to send. */
GArray *typed_params_new(void);
/* @text read as a value of type @type. Errors: VIR_ERR_INVALID_ARG. */
bool typed_params_add_text(GArray *params, const char *name, LodgeValueType type, const char *text, GError **error);
