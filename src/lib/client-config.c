/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/client-config.h"

#include "base/error.h"
#include "lib/i18n.h"

#include <string.h>

/* The quoted string that begins at *@at; moves behind it. NULL when there is none. */
static char *quoted(const char **at)
{
    char quote = **at;
    if (quote != '"' && quote != '\'')
        return NULL;
    const char *end = strchr(*at + 1, quote);
    if (!end)
        return NULL;
    char *text = g_strndup(*at + 1, (size_t)(end - *at - 1));
    *at = end + 1;
    return text;
}

/* Skips blanks, line ends and comments. */
static void skip(const char **at)
{
    for (;;) {
        *at += strspn(*at, " \t\r\n,");
        if (**at != '#')
            return;
        *at += strcspn(*at, "\n");
    }
}

static unsigned line_of(const char *start, const char *at)
{
    unsigned line = 1;
    for (; start < at; start++)
        line += *start == '\n';
    return line;
}

/* Reads `KEY = "value"` and `KEY = [ "value", … ]` into @settings: key → GPtrArray of texts. */
static bool parse(const char *path, const char *text, GHashTable *settings, GError **error)
{
    const char *at = text;
    for (skip(&at); *at; skip(&at)) {
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
        g_autofree char *key = g_strndup(at, length);
        g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func(g_free);
        at += length;
        at += strspn(at, " \t");
        if (!length || *at != '=')
            return error_set(error, VIR_ERR_CONF_SYNTAX, _("%s:%u: expected KEY = \"value\""), path, line_of(text, at));
        at++;
        at += strspn(at, " \t");
        if (*at == '[') {
            at++;
            for (skip(&at); *at && *at != ']'; skip(&at)) {
                char *value = quoted(&at);
                if (!value)
                    break;
                g_ptr_array_add(values, value);
            }
            if (*at != ']')
                return error_set(error, VIR_ERR_CONF_SYNTAX, _("%s:%u: expected a quoted text or ]"), path,
                                 line_of(text, at));
            at++;
        } else {
            size_t digits = strspn(at, "0123456789");
            char *value = digits ? g_strndup(at, digits) : quoted(&at);
            at += digits;
            if (!value)
                return error_set(error, VIR_ERR_CONF_SYNTAX, _("%s:%u: expected a quoted text"), path,
                                 line_of(text, at));
            g_ptr_array_add(values, value);
        }
        g_hash_table_replace(settings, g_steal_pointer(&key), g_steal_pointer(&values));
    }
    return true;
}

static bool load(GHashTable **ret_settings, GError **error)
{
    g_autoptr(GHashTable) settings =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_ptr_array_unref);
    const char *const names[] = { "lodge/client.conf", "libvirt/libvirt.conf" };
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *own = g_build_filename(g_get_user_config_dir(), names[i], NULL);
        g_autofree char *system_wide = g_build_filename("/etc", names[i], NULL);
        const char *const paths[] = { own, system_wide };
        for (size_t j = 0; j < G_N_ELEMENTS(paths); j++) {
            g_autofree char *text = NULL;
            if (!g_file_get_contents(paths[j], &text, NULL, NULL))
                continue;
            if (!parse(paths[j], text, settings, error))
                return false;
            *ret_settings = g_steal_pointer(&settings);
            return true;
        }
    }
    *ret_settings = g_steal_pointer(&settings);
    return true;
}

bool client_config_alias(const char *alias, char **ret_uri, GError **error)
{
    g_autoptr(GHashTable) settings = NULL;
    if (!load(&settings, error))
        return false;
    const GPtrArray *aliases = g_hash_table_lookup(settings, "uri_aliases");
    size_t length = strlen(alias);
    *ret_uri = NULL;
    for (unsigned i = 0; aliases && i < aliases->len && !*ret_uri; i++) {
        const char *entry = aliases->pdata[i];
        if (!strncmp(entry, alias, length) && entry[length] == '=')
            *ret_uri = g_strdup(entry + length + 1);
    }
    return true;
}

bool client_config_default_uri(char **ret_uri, GError **error)
{
    g_autoptr(GHashTable) settings = NULL;
    if (!load(&settings, error))
        return false;
    const GPtrArray *values = g_hash_table_lookup(settings, "uri_default");
    *ret_uri = values && values->len ? g_strdup(values->pdata[0]) : NULL;
    return true;
}
