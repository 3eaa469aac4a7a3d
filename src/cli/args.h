/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options of one verb: what its table row declares, and what a command line gave. Every option with a value can be
 * given by name (`--domain web`, `--domain=web`) or by position, in the order of the table; flags only by name.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum {
    OPTION_FLAG,
    OPTION_STRING,
    OPTION_NAMED,  /* a string that is never taken by position */
    OPTION_NUMBER, /* a decimal integer, or a size with a unit where the verb reads it with args_size() */
    OPTION_REST,   /* takes this and all further positional words; last in its table */
} OptionKind;

/* What words can stand there; the shell's and bash's completion ask for them. */
typedef enum {
    COMPLETE_NOTHING,
    COMPLETE_FILE,
    COMPLETE_WORDS, /* the option's own list */
    COMPLETE_GUEST,
    COMPLETE_ACTIVE_GUEST,
    COMPLETE_INACTIVE_GUEST,
    COMPLETE_DISK,      /* of the guest given before */
    COMPLETE_INTERFACE, /* of the guest given before */
    COMPLETE_VERB,
    COMPLETE_EVENT,
} OptionCompletion;

typedef struct {
    const char *name;
    OptionKind kind;
    bool required;
    const char *help;
    OptionCompletion completion;
    const char *words; /* COMPLETE_WORDS: separated by spaces */
} VerbOption;

typedef struct Args Args;

/*
 * Parses @words (without the verb itself) against @options (ended by a NULL name). @verb names the verb in messages.
 * `--json` and `--help` are accepted for every verb. Errors: VIR_ERR_INVALID_ARG.
 */
Args *args_parse(const char *verb, const VerbOption *options, const char *const *words, GError **error);
void args_free(Args *args);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Args, args_free)

/* Whether the option was given. */
bool args_has(const Args *args, const char *name);
/* The value as given, owned by @args; NULL when it was not given. */
const char *args_string(const Args *args, const char *name);
/* The words of an OPTION_REST, NULL-terminated; an empty list when none was given. */
const char *const *args_rest(const Args *args, const char *name);
/* These leave *ret_value alone and return true when the option was not given. Errors: VIR_ERR_INVALID_ARG. */
bool args_int(const Args *args, const char *name, int *ret_value, GError **error);
bool args_uint(const Args *args, const char *name, unsigned *ret_value, GError **error);
bool args_uint64(const Args *args, const char *name, uint64_t *ret_value, GError **error);
/* A size such as "512MiB" or "1g" in bytes; a bare number counts units of @scale bytes. */
bool args_size(const Args *args, const char *name, uint64_t scale, uint64_t *ret_bytes, GError **error);
/* Descriptors of this process, "3,4": an array of int, empty when the option was not given. */
bool args_fds(const Args *args, const char *name, GArray **ret_fds, GError **error);
/* Refuses two options that contradict each other. */
bool args_exclusive(const Args *args, const char *first, const char *second, GError **error);

/* Refuses @name without @needed. */
bool args_requires(const Args *args, const char *name, const char *needed, GError **error);

/* The size parser itself, for tests. */
bool args_parse_size(const char *text, uint64_t scale, uint64_t *ret_bytes, GError **error);
/* Splits one line of the shell into words: quotes, backslashes, and `;` as a word of its own. NULL-terminated. */
char **args_split_line(const char *line, GError **error);
