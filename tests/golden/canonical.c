/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Defines documents the way the daemon would and prints what it would give back. For each file named on standard input:
 * "FILE\0CODE\0TEXT\0", where CODE is 0 and TEXT the canonical XML, or CODE is the error's and TEXT its message.
 */
#include "base/error.h"
#include "model/domain.h"
#include <stdio.h>

static void canonical_print(const char *path)
{
    g_autofree char *xml = NULL;
    gsize length;
    g_autoptr(GError) error = NULL;
    g_autoptr(Domain) domain = NULL;
    if (g_file_get_contents(path, &xml, &length, &error))
        domain = domain_parse(xml, (gssize)length, 0, model_host_for_tests(), NULL, &error);
    g_autofree char *text = domain ? domain_format(domain, DOMAIN_FORMAT_SECURE) : g_strdup(error->message);
    printf("%s%c%d%c%s%c", path, 0, domain ? 0 : error_code(error), 0, text, 0);
}

int main(void)
{
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        g_strchomp(line);
        canonical_print(line);
    }
    return 0;
}
