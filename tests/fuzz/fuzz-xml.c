/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may send as a guest's definition. */
#include "model/domain.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) warnings = NULL;
    g_autoptr(Domain) domain =
        domain_parse((const char *)data, (gssize)size, 0, model_host_for_tests(), &warnings, &error);
    /* Either a definition or an error that can be shown; what is accepted can be written and copied. */
    if (!domain == !error || (error && !g_utf8_validate(error->message, -1, NULL)))
        g_error("no clear answer");
    /* Whoever looks for all errors finds one where there is one. */
    g_autoptr(GPtrArray) problems = domain_check((const char *)data, (gssize)size, model_host_for_tests());
    if (!domain && !problems->len)
        g_error("no problem is named");
    if (domain) {
        g_autoptr(Domain) copy = domain_copy(domain);
        g_autofree char *text = domain_format(copy, DOMAIN_FORMAT_SECURE);
    }
    return 0;
}
