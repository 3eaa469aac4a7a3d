/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules across fields. Each is one small named function; rules.c lists them in phases, in the order in which they run:
 * defaults, then checks, then addresses, then what may only be checked afterwards.
 */
#pragma once
#include "model/domain.h"

typedef struct {
    Domain *domain;
    const ModelHost *host;
    DomainParseFlags flags;
} RuleContext;

typedef bool (*Rule)(RuleContext *context, GError **error);

bool rules_run(RuleContext *context, GError **error);
