/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/complete.h"

#include "cli/event-text.h"
#include "cli/guest.h"
#include "cli/verb.h"

#include <string.h>

/* A command line taken apart as far as completion needs it. */
typedef struct {
    Shell *shell;
    const Verb *verb;
    char **words;     /* of the command, behind the verb; the last one is being written */
    const char *last; /* that one, or what stands behind the "=" of an option in it */
    char *prefix;     /* "--option=" of that word; "" else */
    GPtrArray *found;
} Completion;

static void offer(Completion *completion, const char *candidate)
{
    if (candidate && g_str_has_prefix(candidate, completion->last))
        g_ptr_array_add(completion->found, g_strconcat(completion->prefix, candidate, NULL));
}

static void offer_verbs(Completion *completion)
{
    for (const Verb *const *family = verb_families; *family; family++)
        for (const Verb *verb = *family; verb->name; verb++)
            offer(completion, verb->name);
}

static void offer_guests(Completion *completion, uint32_t flags)
{
    g_auto(LodgeConnectListAllDomainsRet) guests = { 0 };
    if (!shell_connect(completion->shell, NULL) ||
        !lodge_connect_list_all_domains(completion->shell->connection, flags, &guests, NULL))
        return;
    for (uint32_t i = 0; i < guests.n_domains; i++)
        offer(completion, guests.domains[i].name);
}

/* Disks or interfaces of the guest that stands before. */
static void offer_devices(Completion *completion, const char *path)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(GuestXml) xml = { 0 };
    const char *name = completion->words[0];
    for (char **word = completion->words; *word; word++)
        if (!strcmp(*word, "--domain") && word[1])
            name = word[1];
    if (!name || name == completion->last || !shell_connect(completion->shell, NULL) ||
        !guest_find_named(completion->shell, name, &guest, NULL) ||
        !guest_xml_get(completion->shell, &guest, 0, &xml, NULL))
        return;
    xmlXPathObject *devices = guest_xml_find(&xml, path);
    for (int i = 0; devices->nodesetval && i < devices->nodesetval->nodeNr; i++) {
        xmlChar *device = xmlNodeGetContent(devices->nodesetval->nodeTab[i]);
        offer(completion, (char *)device);
        xmlFree(device);
    }
    xmlXPathFreeObject(devices);
}

static void offer_values(Completion *completion, const VerbOption *option)
{
    g_auto(GStrv) words = NULL;
    switch (option->completion) {
    case COMPLETE_NOTHING:
    case COMPLETE_FILE: break; /* bash and libedit complete files themselves */
    case COMPLETE_WORDS:
        words = g_strsplit(option->words, " ", -1);
        for (char **word = words; *word; word++)
            offer(completion, *word);
        break;
    case COMPLETE_GUEST: offer_guests(completion, 0); break;
    case COMPLETE_ACTIVE_GUEST: offer_guests(completion, VIR_CONNECT_LIST_DOMAINS_ACTIVE); break;
    case COMPLETE_INACTIVE_GUEST: offer_guests(completion, VIR_CONNECT_LIST_DOMAINS_INACTIVE); break;
    case COMPLETE_DISK: offer_devices(completion, "/domain/devices/disk/target/@dev"); break;
    case COMPLETE_INTERFACE: offer_devices(completion, "/domain/devices/interface/target/@dev"); break;
    case COMPLETE_VERB: offer_verbs(completion); break;
    case COMPLETE_EVENT:
        for (const EventRow *row = event_rows; row->name; row++)
            offer(completion, row->name);
        break;
    }
}

static const VerbOption *named_option(const Verb *verb, const char *word)
{
    for (const VerbOption *option = verb->options; option && option->name; option++)
        if (g_str_has_prefix(word, "--") && !strcmp(word + 2, option->name))
            return option;
    return NULL;
}

/* The option whose value the last word is; NULL when it is a name or there is none left. */
static const VerbOption *option_of_last(const Completion *completion)
{
    const Verb *verb = completion->verb;
    g_autoptr(GHashTable) given = g_hash_table_new(NULL, NULL);
    for (char **word = completion->words; *word && *word != completion->last; word++) {
        const VerbOption *named = named_option(verb, *word);
        const VerbOption *taken = named;
        for (const VerbOption *option = verb->options; !named && option && option->name && !taken; option++)
            if (option->kind == OPTION_REST ||
                (option->kind != OPTION_FLAG && option->kind != OPTION_NAMED && !g_hash_table_contains(given, option)))
                taken = option;
        if (taken)
            g_hash_table_add(given, (gpointer)taken);
        if (named && named->kind != OPTION_FLAG) {
            if (word[1] == completion->last)
                return named;
            word++;
        }
    }
    for (const VerbOption *option = verb->options; option && option->name; option++)
        if (option->kind == OPTION_REST ||
            (option->kind != OPTION_FLAG && option->kind != OPTION_NAMED && !g_hash_table_contains(given, option)))
            return option;
    return NULL;
}

static void offer_options(Completion *completion)
{
    for (const VerbOption *option = completion->verb->options; option && option->name; option++) {
        g_autofree char *name = g_strdup_printf("--%s", option->name);
        bool there = false;
        for (char **word = completion->words; *word && *word != completion->last; word++)
            there |= !strcmp(*word, name);
        if (!there || option->kind == OPTION_REST)
            offer(completion, name);
    }
    offer(completion, "--json");
    offer(completion, "--help");
}

/* Skips the command's own options, taking the URI from them. Returns the index of the verb. */
static unsigned skip_globals(Shell *shell, char **words)
{
    static const char *const with_value[] = {
        "-c", "--connect", "-k", "-K", "-e", "--keepalive-interval", "--keepalive-count", "--escape"
    };
    unsigned at = 0;
    while (words[at] && words[at][0] == '-' && words[at + 1]) {
        bool value = false;
        for (size_t i = 0; i < G_N_ELEMENTS(with_value); i++)
            value |= !strcmp(words[at], with_value[i]);
        if (value && (!strcmp(words[at], "-c") || !strcmp(words[at], "--connect"))) {
            g_free(shell->uri);
            shell->uri = g_strdup(words[at + 1]);
        }
        at += value && words[at + 2] ? 2 : 1;
    }
    return at;
}

char **complete_line(Shell *shell, const char *line)
{
    size_t length = strlen(line);
    bool fresh = !length || g_ascii_isspace(line[length - 1]);
    /* A marker stands for the word that is still empty. */
    g_autofree char *text = g_strdup_printf("%s%s", line, fresh ? "''" : "");
    g_auto(GStrv) words = args_split_line(text, NULL);
    g_autoptr(GPtrArray) found = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *prefix = g_strdup("");
    Completion completion = { .shell = shell, .found = found, .prefix = prefix };
    unsigned start = words ? skip_globals(shell, words) : 0;
    for (unsigned i = start; words && words[i]; i++)
        if (!strcmp(words[i], ";"))
            start = i + 1;
    if (words && words[start] && !words[start + 1]) {
        completion.last = words[start];
        offer_verbs(&completion);
    } else if (words && words[start]) {
        completion.verb = verb_find(words[start]);
        completion.words = words + start + 1;
        completion.last = words[g_strv_length(words) - 1];
    }
    const char *equals = completion.verb ? strchr(completion.last, '=') : NULL;
    if (equals && g_str_has_prefix(completion.last, "--")) {
        g_autofree char *name = g_strndup(completion.last, (size_t)(equals - completion.last));
        const VerbOption *option = named_option(completion.verb, name);
        g_free(prefix);
        completion.prefix = prefix = g_strconcat(name, "=", NULL);
        completion.last = equals + 1;
        if (option)
            offer_values(&completion, option);
    } else if (completion.verb && g_str_has_prefix(completion.last, "-")) {
        offer_options(&completion);
    } else if (completion.verb) {
        const VerbOption *option = option_of_last(&completion);
        if (option)
            offer_values(&completion, option);
    }
    g_ptr_array_add(found, NULL);
    return (char **)g_ptr_array_free(g_steal_pointer(&found), FALSE);
}
