/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/complete.h"
#include "cli/i18n.h"

#include <editline/readline.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_MAX 500

/* libedit's callbacks carry no data of the caller. */
static Shell *completing_shell;
static char **candidates;

static char *next_candidate(const char *text, int state)
{
    static unsigned at;
    if (!state)
        at = 0;
    /* libedit frees it with free(). */
    return candidates[at] ? strdup(candidates[at++]) : NULL;
}

static char **on_complete(const char *text, int start, int end)
{
    g_autofree char *line = g_strndup(rl_line_buffer, (size_t)end);
    g_strfreev(candidates);
    candidates = complete_line(completing_shell, line);
    /* No name to offer: libedit falls back on files, which is right for options that want one. */
    return candidates[0] ? rl_completion_matches(text, next_candidate) : NULL;
}

static char *history_path(void)
{
    g_autofree char *directory = g_build_filename(g_get_user_cache_dir(), "lodge", NULL);
    /* Without it the history only lasts as long as the shell. */
    g_mkdir_with_parents(directory, 0700);
    return g_build_filename(directory, "history", NULL);
}

int shell_interactive(Shell *shell)
{
    g_autofree char *path = history_path();
    g_autoptr(GError) error = NULL;
    int status = 0;
    shell->interactive = true;
    completing_shell = shell;
    rl_readline_name = (char *)"lodge";
    rl_attempted_completion_function = on_complete;
    rl_basic_word_break_characters = (char *)" \t\n;'\"";
    stifle_history(HISTORY_MAX);
    read_history(path);
    printf("%s\n\n%s\n%s\n\n", _("Welcome to lodge, the command for virtual machines."),
           _("Type:  'help' for help with commands"), _("       'quit' to quit"));
    if (!shell_connect(shell, &error))
        shell_print_error(shell, error);
    while (!shell->leave) {
        char *line = readline(shell->read_only ? "lodge > " : "lodge # ");
        if (!line) {
            printf("\n");
            break;
        }
        if (*line) {
            add_history(line);
            status = shell_run_line(shell, line);
        }
        free(line);
    }
    write_history(path);
    g_clear_pointer(&candidates, g_strfreev);
    return status;
}
