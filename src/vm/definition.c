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
    for (unsigned i = 0; i < G_N_ELEMENTS(definition->text); i++)
        g_free(definition->text[i]);
    g_free(definition);
}

char *definition_format(Definition *definition, DomainFormatFlags flags)
{
    if (flags & ~DOMAIN_FORMAT_ACTIVE)
        return domain_format(definition->domain, flags);
    char **kept = &definition->text[flags & DOMAIN_FORMAT_ACTIVE ? 1 : 0];
    const char *known = g_atomic_pointer_get(kept);
    if (known)
        return g_strdup(known);
    char *text = domain_format(definition->domain, flags);
    char *copy = g_strdup(text);
    if (!g_atomic_pointer_compare_and_exchange(kept, NULL, copy))
        g_free(copy);
    return text;
}
