/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/definition.h"

Definition *definition_new(Domain *domain, GPtrArray *warnings)
{
    Definition *definition = g_new0(Definition, 1);
    g_atomic_ref_count_init(&definition->refs);
    definition->domain = domain;
    definition->warnings = warnings;
    return definition;
}

Definition *definition_ref(Definition *definition)
{
    if (definition)
        g_atomic_ref_count_inc(&definition->refs);
    return definition;
}

void definition_unref(Definition *definition)
{
    if (!definition || !g_atomic_ref_count_dec(&definition->refs))
        return;
    domain_free(definition->domain);
    g_clear_pointer(&definition->warnings, g_ptr_array_unref);
    g_free(definition);
}
