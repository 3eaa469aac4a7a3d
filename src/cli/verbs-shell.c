/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/help.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool verb_help(Shell *shell, const Args *args, GError **error)
{
    const char *name = args_string(args, "command");
    const Verb *verb = name ? verb_find(name) : NULL;
    if (verb) {
        help_verb(shell->output, verb);
        return true;
    }
    if (help_verbs(shell->output, name))
        return true;
    return error_set(error, VIR_ERR_INVALID_ARG, _("command or command group '%s' doesn't exist"), name);
}

/* Quoted where a shell would read it otherwise. */
static char *quote(const char *word)
{
    bool plain = *word != '\0';
    for (const char *at = word; *at; at++)
        plain &= g_ascii_isalnum(*at) || strchr("_-+=./:,@%", *at);
    return plain ? g_strdup(word) : g_shell_quote(word);
}

/* The parts of @word between commas; ",," stands for a comma. */
static char **split_commas(const char *word)
{
    g_autoptr(GStrvBuilder) parts = g_strv_builder_new();
    g_autoptr(GString) part = g_string_new(NULL);
    for (const char *at = word; *at; at++) {
        if (*at != ',' || at[1] == ',') {
            g_string_append_c(part, *at);
            at += *at == ',';
            continue;
        }
        g_strv_builder_add(parts, part->str);
        g_string_truncate(part, 0);
    }
    g_strv_builder_add(parts, part->str);
    return g_strv_builder_end(parts);
}

static bool echo_parts(Shell *shell, const Args *args)
{
    FILE *file = args_has(args, "err") ? stderr : output_file(shell->output);
    output_begin_list(shell->output, "parts");
    for (const char *const *word = args_rest(args, "string"), *const *first = word; *word; word++) {
        g_auto(GStrv) parts = split_commas(*word);
        for (char **part = parts; *part; part++) {
            output_json_text(shell->output, NULL, *part);
            if (!output_is_json(shell->output))
                fprintf(file, "%s%s\n", word != first && part == parts ? " " : "", *part);
        }
    }
    output_end_list(shell->output);
    return true;
}

static bool verb_echo(Shell *shell, const Args *args, GError **error)
{
    if (!args_exclusive(args, "shell", "split", error) || !args_exclusive(args, "xml", "split", error))
        return false;
    if (args_has(args, "split"))
        return echo_parts(shell, args);
    g_autoptr(GString) text = g_string_new(NULL);
    for (const char *const *word = args_rest(args, "string"); *word; word++) {
        g_autofree char *quoted = args_has(args, "shell") ? quote(*word)
                                  : args_has(args, "xml") ? g_markup_escape_text(*word, -1)
                                                          : g_strdup(*word);
        g_string_append_printf(text, "%s%s", text->len ? " " : "", quoted);
    }
    if (args_has(args, "err"))
        fprintf(stderr, "%s\n", text->str);
    else
        output_whole(shell->output, "text", text->str);
    return true;
}

static bool verb_cd(Shell *shell, const Args *args, GError **error)
{
    const char *directory = args_has(args, "dir") ? args_string(args, "dir") : g_get_home_dir();
    if (!shell->interactive)
        return error_set(error, VIR_ERR_OPERATION_INVALID, _("cd: command valid only in interactive mode"));
    return chdir(directory) == 0 || error_set_errno(error, errno, _("cd: %s"), directory);
}

static bool verb_pwd(Shell *shell, const Args *args, GError **error)
{
    g_autofree char *directory = g_get_current_dir();
    output_whole(shell->output, "directory", directory);
    return true;
}

static bool verb_quit(Shell *shell, const Args *args, GError **error)
{
    shell->leave = true;
    return true;
}

static bool verb_connect(Shell *shell, const Args *args, GError **error)
{
    const char *name = args_string(args, "name");
    shell_disconnect(shell);
    if (name) {
        g_free(shell->uri);
        shell->uri = g_strdup(name);
    }
    shell->read_only = args_has(args, "readonly");
    return shell_connect(shell, error);
}

static const VerbOption options_help[] = {
    { "command", OPTION_STRING, false, N_("a command, or the keyword of a group of commands"), COMPLETE_VERB },
    { 0 },
};

static const VerbOption options_echo[] = {
    { "shell", OPTION_FLAG, false, N_("escape for shell use") },
    { "xml", OPTION_FLAG, false, N_("escape for XML use") },
    { "split", OPTION_FLAG, false, N_("split each argument on ','; ',,' is an escape sequence") },
    { "err", OPTION_FLAG, false, N_("output to stderr") },
    { "string", OPTION_REST, false, N_("arguments to echo") },
    { 0 },
};

static const VerbOption options_cd[] = {
    { "dir", OPTION_STRING, false, N_("directory to switch to (default: home)"), COMPLETE_FILE },
    { 0 },
};

static const VerbOption options_connect[] = {
    { "name", OPTION_STRING, false, N_("hypervisor connection URI") },
    { "readonly", OPTION_FLAG, false, N_("read-only connection") },
    { 0 },
};

const Verb verbs_shell[] = {
    { "help", GROUP_SHELL, N_("print help"), options_help, verb_help, VERB_OFFLINE | VERB_NO_GAP,
      N_("Prints all commands, a group of them, or the options of one.") },
    { "connect", GROUP_SHELL, N_("(re)connect to hypervisor"), options_connect, verb_connect, VERB_OFFLINE, NULL },
    { "echo", GROUP_SHELL, N_("echo arguments"), options_echo, verb_echo, VERB_OFFLINE | VERB_NO_GAP, NULL },
    { "cd", GROUP_SHELL, N_("change the current directory"), options_cd, verb_cd, VERB_OFFLINE | VERB_NO_GAP, NULL },
    { "pwd", GROUP_SHELL, N_("print the current directory"), NULL, verb_pwd, VERB_OFFLINE, NULL },
    { "quit", GROUP_SHELL, N_("quit this interactive terminal"), NULL, verb_quit, VERB_OFFLINE | VERB_NO_GAP, NULL },
    { "exit", GROUP_SHELL, N_("quit this interactive terminal"), NULL, verb_quit, VERB_OFFLINE | VERB_NO_GAP, NULL },
    { 0 },
};
