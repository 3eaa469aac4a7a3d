/* SPDX-License-Identifier: Apache-2.0 */
/* What a verb is: one row of a table. */
#pragma once
#include "cli/args.h"
#include "cli/shell.h"

typedef enum { GROUP_DOMAIN, GROUP_MONITOR, GROUP_EVENTS, GROUP_HOST, GROUP_SHELL, GROUP_COUNT } VerbGroup;

typedef enum {
    VERB_OFFLINE = 1 << 0, /* needs no connection */
    VERB_NO_GAP = 1 << 1,  /* no blank line behind its text */
} VerbFlags;

/* Prints through shell->output. False with @error set: the command has failed. */
typedef bool (*VerbFunc)(Shell *shell, const Args *args, GError **error);

struct Verb {
    const char *name;
    VerbGroup group;
    const char *help;          /* one line */
    const VerbOption *options; /* ended by a NULL name; NULL for none */
    VerbFunc run;
    unsigned flags;
    const char *description; /* of `help VERB` and the man page; NULL: the help line */
};

/* Tables of all families, each ended by a NULL name; the list by NULL. */
extern const Verb *const verb_families[];
/* The words of each group, by VerbGroup. */
extern const struct VerbGroupRow {
    const char *keyword;
    const char *title;
} verb_groups[GROUP_COUNT];

const Verb *verb_find(const char *name);
/* The name that was probably meant, or NULL. */
const char *verb_guess(const char *name);

/* Options that many tables share. */
#define OPTION_DOMAIN                                                                                                  \
    {                                                                                                                  \
        "domain", OPTION_STRING, true, N_("domain name, id or uuid"), COMPLETE_GUEST                                   \
    }
#define OPTION_ACTIVE_DOMAIN                                                                                           \
    {                                                                                                                  \
        "domain", OPTION_STRING, true, N_("domain name, id or uuid"), COMPLETE_ACTIVE_GUEST                            \
    }
#define OPTIONS_AFFECT                                                                                                 \
    { "config", OPTION_FLAG, false, N_("affect next boot") },                                                          \
        { "live", OPTION_FLAG, false, N_("affect running domain") },                                                   \
    {                                                                                                                  \
        "current", OPTION_FLAG, false, N_("affect current domain")                                                     \
    }
