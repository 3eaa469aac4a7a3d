/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/i18n.h"

#include <glib.h>
#include <locale.h>
#include <string.h>

/*
 * A host without the wanted locale compiled in (the normal case in containers) would print English although the
 * catalogue is there: LANGUAGE chooses the catalogue in any locale but "C", so C.UTF-8 stands in for the missing one.
 */
static void stand_in_for_missing_locale(void)
{
    const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *wanted = g_getenv(names[i]);
        if (!wanted || !*wanted)
            continue;
        if (!strcmp(wanted, "C") || !strcmp(wanted, "POSIX") || !setlocale(LC_ALL, "C.UTF-8"))
            return;
        const char *language = g_getenv("LANGUAGE");
        if (!language || !*language)
            g_setenv("LANGUAGE", wanted, TRUE);
        return;
    }
}

void i18n_init(void)
{
    const char *directory = g_getenv("LODGE_LOCALEDIR");
    if (!setlocale(LC_ALL, ""))
        stand_in_for_missing_locale();
    bindtextdomain("lodge", directory && *directory ? directory : LODGE_LOCALEDIR);
    bind_textdomain_codeset("lodge", "UTF-8");
    textdomain("lodge");
}
