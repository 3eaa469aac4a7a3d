/* SPDX-License-Identifier: Apache-2.0 */
/* `plan` and `apply`: what an edited definition changes live, at the next start or never; and doing it. */
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

#include <string.h>

static const struct {
    const char *when, *title;
} groups[] = {
    { "live", N_("Live, in this order:") },
    { "start", N_("At the next start:") },
    { "never", N_("Impossible:") },
};

static const struct {
    const char *action, *word;
} action_words[] = {
    { "set", N_("set") },       { "attach", N_("attach") },       { "detach", N_("detach") },
    { "update", N_("update") }, { "store", N_("store the new") },
};

static const char *word_of(const char *action)
{
    for (size_t i = 0; i < G_N_ELEMENTS(action_words); i++)
        if (!strcmp(action_words[i].action, action))
            return _(action_words[i].word);
    return action;
}

/* Before applying, nothing has a state worth a word. */
static const char *state_of(const LodgePlanStep *step, bool applied)
{
    if (!applied)
        return "";
    if (!strcmp(step->state, "done"))
        return _(" [done]");
    return !strcmp(step->state, "failed") ? _(" [failed]") : _(" [not done]");
}

static void print_commands(Output *output, const char *commands)
{
    g_auto(GStrv) lines = g_strsplit(commands, "\n", -1);
    output_begin_list(output, "commands");
    for (char **line = lines; *line; line++) {
        if (!**line)
            continue;
        output_json_text(output, NULL, *line);
        output_line(output, "      %s", *line);
    }
    output_end_list(output);
}

static void print_step(Output *output, const LodgePlanStep *step, bool applied)
{
    g_autofree char *reason = step->reason ? g_strdup_printf(" (%s)", step->reason) : g_strdup("");
    output_line(output, "  %s %s%s%s", word_of(step->action), step->what, reason, state_of(step, applied));
    output_begin_object(output, NULL);
    output_json_text(output, "when", step->when);
    output_json_text(output, "action", step->action);
    output_json_text(output, "what", step->what);
    output_json_text(output, "reason", step->reason);
    output_json_text(output, "state", step->state);
    print_commands(output, step->commands);
    output_end_object(output);
}

static void print_steps(Output *output, const LodgePlanStep *steps, uint32_t n, bool applied)
{
    if (!n)
        output_line(output, _("Nothing changes."));
    output_begin_list(output, "steps");
    for (size_t g = 0; g < G_N_ELEMENTS(groups); g++) {
        bool any = false;
        for (uint32_t i = 0; i < n; i++) {
            if (strcmp(steps[i].when, groups[g].when) != 0)
                continue;
            if (!any)
                output_line(output, "%s", _(groups[g].title));
            any = true;
            print_step(output, &steps[i], applied);
        }
    }
    output_end_list(output);
}

static void print_arguments(Output *output, const char *key, char sign, char *const *lines, uint32_t n)
{
    output_begin_list(output, key);
    for (uint32_t i = 0; i < n; i++) {
        output_json_text(output, NULL, lines[i]);
        output_line(output, "  %c %s", sign, lines[i]);
    }
    output_end_list(output);
}

static void print_arguments_changed(Output *output, char *const *removed, uint32_t n_removed, char *const *added,
                                    uint32_t n_added)
{
    if (n_removed + n_added)
        output_line(output, "%s", _("Arguments of QEMU at the next start:"));
    print_arguments(output, "arguments_removed", '-', removed, n_removed);
    print_arguments(output, "arguments_added", '+', added, n_added);
}

static bool verb_plan(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgePlanRet) plan = { 0 };
    g_autofree char *xml = NULL;
    const char *file = args_string(args, "file");
    if (!guest_read_file(file, &xml, error))
        return false;
    shell_doing(shell, _("Failed to plan %s"), file);
    uint32_t flags = args_has(args, "validate") ? VIR_DOMAIN_DEFINE_VALIDATE : 0;
    if (!lodge_plan(shell->connection, xml, flags, &plan, error))
        return false;
    output_json_text(shell->output, "domain", plan.dom.name);
    print_steps(shell->output, plan.steps, plan.n_steps, false);
    print_arguments_changed(shell->output, plan.removed, plan.n_removed, plan.added, plan.n_added);
    return true;
}

static bool verb_apply(Shell *shell, const Args *args, GError **error)
{
    if (args_has(args, "dry-run"))
        return verb_plan(shell, args, error);
    g_auto(LodgeApplyRet) done = { 0 };
    g_autofree char *xml = NULL;
    const char *file = args_string(args, "file");
    if (!guest_read_file(file, &xml, error))
        return false;
    shell_doing(shell, _("Failed to apply %s"), file);
    uint32_t flags = args_has(args, "validate") ? VIR_DOMAIN_DEFINE_VALIDATE : 0;
    if (!lodge_apply(shell->connection, xml, flags, &done, error))
        return false;
    output_json_text(shell->output, "domain", done.dom.name);
    print_steps(shell->output, done.steps, done.n_steps, true);
    print_arguments_changed(shell->output, done.removed, done.n_removed, done.added, done.n_added);
    return !done.failure || error_set(error, VIR_ERR_OPERATION_FAILED, "%s", done.failure);
}

static const VerbOption options_plan[] = {
    { "file", OPTION_STRING, true, N_("file with the whole XML of a domain; - for standard input"), COMPLETE_FILE },
    { "validate", OPTION_FLAG, false, N_("validate the XML against the schema") },
    { 0 },
};

static const VerbOption options_apply[] = {
    { "file", OPTION_STRING, true, N_("file with the whole XML of a domain; - for standard input"), COMPLETE_FILE },
    { "dry-run", OPTION_FLAG, false, N_("only show the plan") },
    { "validate", OPTION_FLAG, false, N_("validate the XML against the schema") },
    { 0 },
};

const Verb verbs_plan[] = {
    { "plan", GROUP_DOMAIN, N_("show what an edited definition would change, and when"), options_plan, verb_plan, 0,
      N_("Compares the XML with the definition of the domain of that UUID or name, and lists what would change live, "
         "at "
         "the next start, or cannot be; with the QMP commands for the one and the differences of QEMU's arguments for "
         "the other. Changes nothing.") },
    { "apply", GROUP_DOMAIN, N_("change a domain into what an edited definition says"), options_apply, verb_apply, 0,
      N_("Does what plan shows, in its order: live changes first, then the definition is stored. Stops at the first "
         "failure and says what was done and what was not.") },
    { 0 },
};
