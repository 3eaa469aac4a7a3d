/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration file. */
#include "base/error.h"
#include "daemon/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(Config) config = config_parse(text, "fuzz", &error);
    /* Either a configuration or an error that can be shown. */
    if (!config == !error || (error && !g_utf8_validate(error->message, -1, NULL)))
        g_error("no clear answer");
    return 0;
}
