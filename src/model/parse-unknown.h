/* SPDX-License-Identifier: Apache-2.0 */
/* What to say of a name that the tables do not have, or not there. Private to the engine. */
#pragma once
#include "model/engine.h"

/*
 * @rows are those of the element <@parent>, @object its struct; @kind: MODEL_ATTRIBUTE, or anything else for an
 * element. Names the nearest name that would be right, or the condition under which the name would be. Free it.
 */
char *parse_unknown_text(const ModelRow *rows, unsigned n, const void *object, ModelKind kind, const char *parent,
                         const char *name);
