/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verbs.h"

#include "base/spelling.h"
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

const char *verb_guess(const char *name)
{
    Spelling spelling = spelling_of(name);
    for (const Verb *const *family = verb_families; *family; family++) {
        for (const Verb *verb = *family; verb->name; verb++)
            spelling_try(&spelling, verb->name);
    }
    return spelling.nearest;
}

const Verb *const verb_families[] = {
    verbs_device,  verbs_attach, verbs_list,  verbs_agent,  verbs_job,    verbs_lifecycle, verbs_define, verbs_validate,
    verbs_plan,    verbs_domain, verbs_tune,  verbs_limits, verbs_memory, verbs_iothread,  verbs_xml,    verbs_console,
    verbs_monitor, verbs_stats,  verbs_block, verbs_qemu,   verbs_event,  verbs_host,      verbs_numa,   verbs_cpu,
    verbs_doctor,  verbs_shell,  NULL,
};
