/* SPDX-License-Identifier: Apache-2.0 */
/* One run of the command `lodge`: its connection, its output, and how a line of words becomes a verb's call. */
#pragma once
#include "cli/output.h"

#include <lodge/lodge.h>

typedef struct Verb Verb;

typedef struct {
    char *uri; /* NULL: the default */
    bool read_only;
    unsigned keepalive_interval, keepalive_count;
    bool interactive;
    bool timing;             /* print how long each command took */
    unsigned char escape;    /* leaves a console */
    const char *editor;      /* never NULL */
    const char *search_path; /* of programs: $PATH */
    OutputStyle style;       /* of the whole run; `--json` behind a verb changes one command's */
    bool errors_in_colour;

    LodgeConnection *connection; /* NULL until a verb needs it */
    Output *output;              /* of the command that runs */
    char *doing;                 /* what the command was about to do, for its error message */
    bool leave;                  /* `quit` was said */
} Shell;

/* Opens the connection if there is none; waits for nothing else. */
bool shell_connect(Shell *shell, GError **error);
void shell_disconnect(Shell *shell);

/* "Failed to start domain 'web'": stands in front of the error if the command fails from here on. */
void shell_doing(Shell *shell, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Runs commands separated by ";" until one fails. Prints errors. Returns the exit status of the last. */
int shell_run_words(Shell *shell, const char *const *words);
int shell_run_line(Shell *shell, const char *line);
/* Prints "error: …" (or JSON) on stderr. */
void shell_print_error(Shell *shell, const GError *error);

/* The loop with prompt, completion and history. */
int shell_interactive(Shell *shell);
