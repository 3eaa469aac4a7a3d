/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include "cli/i18n.h"

#include <string.h>

const struct VerbGroupRow verb_groups[GROUP_COUNT] = {
    [GROUP_DOMAIN] = { "domain", N_("Domain Management") }, [GROUP_MONITOR] = { "monitor", N_("Domain Monitoring") },
    [GROUP_EVENTS] = { "events", N_("Domain Events") },     [GROUP_HOST] = { "host", N_("Host and Hypervisor") },
    [GROUP_SHELL] = { "lodge", N_("Lodge itself") },
};

const Verb *verb_find(const char *name)
{
    for (const Verb *const *family = verb_families; *family; family++)
        for (const Verb *verb = *family; verb->name; verb++)
            if (!strcmp(verb->name, name))
                return verb;
    return NULL;
}

/* Levenshtein's distance; stops counting the exact one above what a typing error can be. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[64], length = (unsigned)strlen(b);
    if (length >= G_N_ELEMENTS(row))
        return G_MAXUINT;
    for (unsigned j = 0; j <= length; j++)
        row[j] = j;
    for (unsigned i = 1; *a; a++, i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= length; j++) {
            unsigned above = row[j];
            row[j] = MIN(MIN(row[j - 1], above) + 1, diagonal + (*a != b[j - 1]));
            diagonal = above;
        }
    }
    return row[length];
}

const char *verb_guess(const char *name)
{
    const char *best = NULL;
    unsigned best_distance = MAX((unsigned)strlen(name) / 3, 1) + 2;
    for (const Verb *const *family = verb_families; *family; family++) {
        for (const Verb *verb = *family; verb->name; verb++) {
            unsigned now = distance(name, verb->name);
            if (now < best_distance) {
                best_distance = now;
                best = verb->name;
            }
        }
    }
    return best;
}

const Verb *const verb_families[] = {
    verbs_list, verbs_lifecycle, verbs_define,  verbs_domain, verbs_tune,  verbs_memory, verbs_iothread,
    verbs_xml,  verbs_console,   verbs_monitor, verbs_stats,  verbs_block, verbs_qemu,   verbs_event,
    verbs_host, verbs_numa,      verbs_cpu,     verbs_doctor, verbs_shell, NULL,
};
