/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/shell.h"

#include "base/error.h"
#include "cli/help.h"
#include "cli/i18n.h"
#include "cli/verb.h"
#include "cli/virsh-verbs.h"

#include <json-glib/json-glib.h>
#include <string.h>

bool shell_connect(Shell *shell, GError **error)
{
    if (shell->connection && lodge_connection_is_open(shell->connection))
        return true;
    g_clear_pointer(&shell->connection, lodge_connection_unref);
    shell_doing(shell, _("failed to connect to the hypervisor"));
    shell->connection = lodge_connection_open(shell->uri, shell->read_only ? LODGE_OPEN_READ_ONLY : 0, error);
    if (!shell->connection)
        return false;
    if (shell->keepalive_interval)
        /* An old daemon without it is no reason to refuse the command. */
        lodge_connection_set_keepalive(shell->connection, shell->keepalive_interval, shell->keepalive_count, NULL);
    g_clear_pointer(&shell->doing, g_free);
    return true;
}

void shell_disconnect(Shell *shell)
{
    g_clear_pointer(&shell->connection, lodge_connection_unref);
}

void shell_doing(Shell *shell, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_free(shell->doing);
    shell->doing = g_strdup_vprintf(format, args);
    va_end(args);
}

static void print_json_error(const Shell *shell, const GError *error)
{
    const ErrorRow *row = error_row(error_code(error));
    g_autoptr(JsonBuilder) builder = json_builder_new();
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "error");
    json_builder_add_string_value(builder, row->name);
    json_builder_set_member_name(builder, "code");
    json_builder_add_int_value(builder, error_code(error));
    json_builder_set_member_name(builder, "message");
    json_builder_add_string_value(builder, error->message);
    if (shell->doing) {
        json_builder_set_member_name(builder, "doing");
        json_builder_add_string_value(builder, shell->doing);
    }
    json_builder_end_object(builder);
    JsonNode *root = json_builder_get_root(builder);
    g_autofree char *text = json_to_string(root, FALSE);
    json_node_unref(root);
    fprintf(stderr, "%s\n", text);
}

void shell_print_error(Shell *shell, const GError *error)
{
    const char *start = shell->errors_in_colour ? "\033[1;31m" : "";
    const char *end = shell->errors_in_colour ? "\033[0m" : "";
    bool json = shell->output ? output_is_json(shell->output) : shell->style.json;
    fflush(stdout);
    if (json) {
        print_json_error(shell, error);
        return;
    }
    if (shell->doing)
        fprintf(stderr, "%s%s%s %s\n", start, _("error:"), end, shell->doing);
    fprintf(stderr, "%s%s%s %s\n", start, _("error:"), end, error->message);
}

static const Verb *find_verb(const char *name, GError **error)
{
    const Verb *verb = verb_find(name);
    if (verb)
        return verb;
    const char *guess = verb_guess(name);
    if (virsh_has_verb(name))
        error_set(error, VIR_ERR_NO_SUPPORT,
                  _("command '%s' of virsh is not built yet in lodge; see 'help' for those that are"), name);
    else if (guess)
        error_set(error, VIR_ERR_INVALID_ARG, _("unknown command: '%s'; did you mean '%s'?"), name, guess);
    else
        error_set(error, VIR_ERR_INVALID_ARG, _("unknown command: '%s'; see: help"), name);
    return NULL;
}

static bool run_verb(Shell *shell, const Verb *verb, const Args *args, GError **error)
{
    if (!(verb->flags & VERB_OFFLINE) && !shell_connect(shell, error))
        return false;
    if (!verb->run(shell, args, error))
        return false;
    if (!(verb->flags & VERB_NO_GAP) && !output_is_quiet(shell->output))
        output_gap(shell->output);
    return output_finish(shell->output, error);
}

/* One command: a verb and its words, NULL-terminated. */
static int run_command(Shell *shell, const char *const *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Args) args = NULL;
    int status = 0;
    const Verb *verb = find_verb(words[0], &error);
    if (verb)
        args = args_parse(verb->name, verb->options, words + 1, &error);
    OutputStyle style = shell->style;
    style.json |= args && args_has(args, "json");
    g_autoptr(Output) output = output_new(stdout, style);
    shell->output = output;
    g_clear_pointer(&shell->doing, g_free);
    gint64 start = g_get_monotonic_time();
    bool ok = args != NULL;
    if (ok && args_has(args, "help"))
        help_verb(output, verb);
    else if (ok)
        ok = run_verb(shell, verb, args, &error);
    if (!ok) {
        /* What was printed before the failure is worth having, too. */
        output_finish(output, NULL);
        shell_print_error(shell, error);
        status = error->domain == LODGE_ERROR ? error_row(error->code)->exit_status : 1;
    }
    if (shell->timing)
        fprintf(stderr, _("(Time: %.3f ms)\n"), (double)(g_get_monotonic_time() - start) / 1000);
    shell->output = NULL;
    g_clear_pointer(&shell->doing, g_free);
    return status;
}

int shell_run_words(Shell *shell, const char *const *words)
{
    g_autoptr(GPtrArray) command = g_ptr_array_new();
    int status = 0;
    for (; status == 0 && !shell->leave; words++) {
        bool end = !*words || !strcmp(*words, ";");
        if (!end) {
            g_ptr_array_add(command, (char *)*words);
            continue;
        }
        if (command->len) {
            g_ptr_array_add(command, NULL);
            status = run_command(shell, (const char *const *)command->pdata);
            g_ptr_array_set_size(command, 0);
        }
        if (!*words)
            break;
    }
    return status;
}

int shell_run_line(Shell *shell, const char *line)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) words = args_split_line(line, &error);
    if (!words) {
        shell_print_error(shell, error);
        return 2;
    }
    return shell_run_words(shell, (const char *const *)words);
}
