/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/args.h"

#include "base/error.h"
#include "cli/i18n.h"

#include <string.h>

struct Args {
    const char *verb;
    const VerbOption *options;
    GHashTable *values; /* name → char * */
    GPtrArray *rest;    /* NULL-terminated */
};

static const VerbOption everywhere[] = {
    { "json", OPTION_FLAG },
    { "help", OPTION_FLAG },
    { 0 },
};

static const VerbOption *find_in(const VerbOption *options, const char *name, size_t length)
{
    for (; options && options->name; options++)
        if (strlen(options->name) == length && !strncmp(options->name, name, length))
            return options;
    return NULL;
}

static const VerbOption *find_option(const VerbOption *options, const char *name, size_t length)
{
    const VerbOption *found = find_in(options, name, length);
    return found ? found : find_in(everywhere, name, length);
}

static const VerbOption *next_positional(const Args *args)
{
    for (const VerbOption *option = args->options; option && option->name; option++) {
        if (option->kind == OPTION_REST)
            return option;
        if (option->kind != OPTION_FLAG && option->kind != OPTION_NAMED &&
            !g_hash_table_contains(args->values, option->name))
            return option;
    }
    return NULL;
}

static void take(Args *args, const VerbOption *option, const char *value)
{
    if (option->kind == OPTION_REST)
        g_ptr_array_insert(args->rest, (int)args->rest->len - 1, g_strdup(value));
    g_hash_table_insert(args->values, (char *)option->name, g_strdup(value));
}

/* One `--name`, `--name=value` or `--name value`; advances *@words by what it used. */
static bool parse_named(Args *args, const char *const **words, GError **error)
{
    const char *name = **words + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals ? (size_t)(equals - name) : strlen(name);
    const VerbOption *option = find_option(args->options, name, length);
    if (!option)
        return error_set(error, VIR_ERR_INVALID_ARG, _("command '%s' doesn't support option --%.*s; see: help %s"),
                         args->verb, (int)length, name, args->verb);
    (*words)++;
    if (option->kind == OPTION_FLAG) {
        if (equals)
            return error_set(error, VIR_ERR_INVALID_ARG, _("option --%s takes no value"), option->name);
        take(args, option, "");
        return true;
    }
    if (option->kind != OPTION_REST && g_hash_table_contains(args->values, option->name))
        return error_set(error, VIR_ERR_INVALID_ARG, _("option --%s already seen"), option->name);
    if (equals) {
        take(args, option, equals + 1);
        return true;
    }
    if (!**words)
        return error_set(error, VIR_ERR_INVALID_ARG, _("option --%s needs a value"), option->name);
    take(args, option, *(*words)++);
    return true;
}

static bool check_required(const Args *args, GError **error)
{
    if (g_hash_table_contains(args->values, "help"))
        return true;
    for (const VerbOption *option = args->options; option && option->name; option++)
        if (option->required && !g_hash_table_contains(args->values, option->name))
            return error_set(error, VIR_ERR_INVALID_ARG, _("command '%s' requires <%s> option; see: help %s"),
                             args->verb, option->name, args->verb);
    return true;
}

Args *args_parse(const char *verb, const VerbOption *options, const char *const *words, GError **error)
{
    g_autoptr(Args) args = g_new0(Args, 1);
    args->verb = verb;
    args->options = options;
    args->values = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    args->rest = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(args->rest, NULL);
    bool names_end = false;
    while (*words) {
        if (!names_end && !strcmp(*words, "--")) {
            names_end = true;
            words++;
            continue;
        }
        if (!names_end && g_str_has_prefix(*words, "--")) {
            if (!parse_named(args, &words, error))
                return NULL;
            continue;
        }
        const VerbOption *option = next_positional(args);
        if (!option) {
            error_set(error, VIR_ERR_INVALID_ARG, _("unexpected data '%s'; see: help %s"), *words, verb);
            return NULL;
        }
        take(args, option, *words++);
    }
    return check_required(args, error) ? g_steal_pointer(&args) : NULL;
}

void args_free(Args *args)
{
    if (!args)
        return;
    g_hash_table_unref(args->values);
    g_ptr_array_unref(args->rest);
    g_free(args);
}

bool args_has(const Args *args, const char *name)
{
    return g_hash_table_contains(args->values, name);
}

const char *args_string(const Args *args, const char *name)
{
    return g_hash_table_lookup(args->values, name);
}

const char *const *args_rest(const Args *args, const char *name)
{
    (void)name;
    return (const char *const *)args->rest->pdata;
}

static bool bad_number(const char *name, const char *text, GError **error)
{
    return error_set(error, VIR_ERR_INVALID_ARG, _("numeric value '%s' for <%s> option is malformed or out of range"),
                     text, name);
}

bool args_int(const Args *args, const char *name, int *ret_value, GError **error)
{
    const char *text = args_string(args, name);
    gint64 value;
    if (!text)
        return true;
    if (!g_ascii_string_to_signed(text, 10, G_MININT, G_MAXINT, &value, NULL))
        return bad_number(name, text, error);
    *ret_value = (int)value;
    return true;
}

bool args_uint(const Args *args, const char *name, unsigned *ret_value, GError **error)
{
    const char *text = args_string(args, name);
    guint64 value;
    if (!text)
        return true;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT, &value, NULL))
        return bad_number(name, text, error);
    *ret_value = (unsigned)value;
    return true;
}

bool args_uint64(const Args *args, const char *name, uint64_t *ret_value, GError **error)
{
    const char *text = args_string(args, name);
    guint64 value;
    if (!text)
        return true;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &value, NULL))
        return bad_number(name, text, error);
    *ret_value = value;
    return true;
}

/* "KiB", "k", "K", "kib" are 1024; "KB" is 1000; "b" and "bytes" are 1. 0 for anything else. */
static uint64_t unit_size(const char *unit)
{
    static const char letters[] = "kmgtpe";
    if (!g_ascii_strcasecmp(unit, "b") || !g_ascii_strcasecmp(unit, "byte") || !g_ascii_strcasecmp(unit, "bytes"))
        return 1;
    const char *letter = strchr(letters, g_ascii_tolower(unit[0]));
    if (!letter || !unit[0])
        return 0;
    bool decimal = !g_ascii_strcasecmp(unit + 1, "b");
    if (unit[1] && !decimal && g_ascii_strcasecmp(unit + 1, "ib"))
        return 0;
    uint64_t size = 1;
    for (const char *at = letters; at <= letter; at++)
        size *= decimal ? 1000 : 1024;
    return size;
}

bool args_parse_size(const char *text, uint64_t scale, uint64_t *ret_bytes, GError **error)
{
    size_t digits = strspn(text, "0123456789");
    g_autofree char *number = g_strndup(text, digits);
    guint64 value;
    const char *unit = text + digits;
    uint64_t factor = *unit ? unit_size(unit) : scale;
    if (!g_ascii_string_to_unsigned(number, 10, 0, G_MAXUINT64, &value, NULL) || !factor)
        return error_set(error, VIR_ERR_INVALID_ARG, _("'%s' is not a size; write for example 512MiB or 4G"), text);
    if (value > G_MAXUINT64 / factor)
        return error_set(error, VIR_ERR_INVALID_ARG, _("size '%s' is too large"), text);
    *ret_bytes = value * factor;
    return true;
}

bool args_size(const Args *args, const char *name, uint64_t scale, uint64_t *ret_bytes, GError **error)
{
    const char *text = args_string(args, name);
    return !text || args_parse_size(text, scale, ret_bytes, error);
}

bool args_fds(const Args *args, const char *name, GArray **ret_fds, GError **error)
{
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(int));
    const char *text = args_string(args, name);
    g_auto(GStrv) parts = g_strsplit(text ? text : "", ",", -1);
    for (char **part = parts; *part; part++) {
        gint64 fd;
        if (!g_ascii_string_to_signed(*part, 10, 0, G_MAXINT, &fd, NULL))
            return error_set(error, VIR_ERR_INVALID_ARG, _("Unable to parse FD number '%s'"), *part);
        int number = (int)fd;
        g_array_append_val(fds, number);
    }
    *ret_fds = g_steal_pointer(&fds);
    return true;
}

bool args_exclusive(const Args *args, const char *first, const char *second, GError **error)
{
    if (!args_has(args, first) || !args_has(args, second))
        return true;
    return error_set(error, VIR_ERR_INVALID_ARG, _("Options --%s and --%s are mutually exclusive"), first, second);
}

bool args_requires(const Args *args, const char *name, const char *needed, GError **error)
{
    if (!args_has(args, name) || args_has(args, needed))
        return true;
    return error_set(error, VIR_ERR_INVALID_ARG, _("Option --%s is required by option --%s"), needed, name);
}

static bool end_word(GPtrArray *words, GString *word, bool *in_word)
{
    if (*in_word)
        g_ptr_array_add(words, g_strdup(word->str));
    g_string_truncate(word, 0);
    *in_word = false;
    return true;
}

char **args_split_line(const char *line, GError **error)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GString) word = g_string_new(NULL);
    bool in_word = false;
    char quote = 0;
    for (const char *at = line; *at; at++) {
        if (*at == '\\' && at[1] && quote != '\'') {
            g_string_append_c(word, *++at);
            in_word = true;
        } else if (quote) {
            if (*at == quote)
                quote = 0;
            else
                g_string_append_c(word, *at);
        } else if (*at == '\'' || *at == '"') {
            quote = *at;
            in_word = true;
        } else if (g_ascii_isspace(*at)) {
            end_word(words, word, &in_word);
        } else if (*at == ';') {
            end_word(words, word, &in_word);
            g_ptr_array_add(words, g_strdup(";"));
        } else if (*at == '#' && !in_word) {
            break;
        } else {
            g_string_append_c(word, *at);
            in_word = true;
        }
    }
    if (quote) {
        error_set(error, VIR_ERR_INVALID_ARG, _("missing \" or ' at the end of: %s"), line);
        return NULL;
    }
    end_word(words, word, &in_word);
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&words), FALSE);
}
