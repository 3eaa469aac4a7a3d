/* SPDX-License-Identifier: Apache-2.0 */
#include "model/rules.h"

static const Rule rules[] = {
    NULL,
};

bool rules_run(RuleContext *context, GError **error)
{
    for (const Rule *rule = rules; *rule; rule++) {
        if (!(*rule)(context, error))
            return false;
    }
    return true;
}
