/* SPDX-License-Identifier: Apache-2.0 */
/* `validate`: what is wrong in a definition, with the place and the cure, without a daemon. */
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/verbs.h"
#include "model/domain.h"

#include <string.h>

/* The line of the document with a mark below the column. */
static void print_source(Output *output, const char *xml, const DomainProblem *problem)
{
    const char *line = xml;
    for (unsigned i = 1; i < problem->line && line; i++) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    if (!line)
        return;
    g_autofree char *text = g_strndup(line, strcspn(line, "\r\n"));
    g_autofree char *gap = g_strndup(text, strlen(text));
    if (!g_utf8_validate(text, -1, NULL) || problem->column > (unsigned)g_utf8_strlen(text, -1) + 1)
        return;
    *g_utf8_offset_to_pointer(gap, problem->column - 1) = '\0';
    for (char *at = gap; *at; at++)
        *at = *at == '\t' ? '\t' : ' ';
    output_line(output, "    %s", text);
    output_line(output, "    %s^", gap);
}

static void print_problem(Output *output, const char *file, const char *xml, const DomainProblem *problem)
{
    output_begin_object(output, NULL);
    output_json_number(output, "line", problem->line);
    output_json_number(output, "column", problem->column);
    output_json_text(output, "element", problem->path);
    output_json_text(output, "text", problem->text);
    output_json_text(output, "code", error_row(problem->code)->name);
    output_end_object(output);
    output_line(output, "%s:%u:%u: %s", file, problem->line, problem->column, problem->text);
    if (!output_is_json(output) && !output_is_quiet(output))
        print_source(output, xml, problem);
}

static bool verb_validate(Shell *shell, const Args *args, GError **error)
{
    g_autofree char *xml = NULL;
    const char *file = args_string(args, "file");
    if (!guest_read_file(file, &xml, error))
        return false;
    g_autoptr(GPtrArray) problems = domain_check(xml, -1, model_host_for_tests());
    output_json_text(shell->output, "file", file);
    output_json_bool(shell->output, "valid", problems->len == 0);
    output_begin_list(shell->output, "problems");
    for (unsigned i = 0; i < problems->len; i++)
        print_problem(shell->output, file, xml, problems->pdata[i]);
    output_end_list(shell->output);
    if (problems->len)
        return error_set(error, VIR_ERR_XML_INVALID_SCHEMA,
                         P_("%u problem in '%s'", "%u problems in '%s'", problems->len), problems->len, file);
    if (!output_is_json(shell->output))
        output_remark(shell->output, _("%s validates"), file);
    return true;
}

static const VerbOption options_validate[] = {
    { "file", OPTION_STRING, true, N_("file with the XML of a domain; - for standard input"), COMPLETE_FILE },
    { 0 },
};

const Verb verbs_validate[] = {
    { "validate", GROUP_DOMAIN, N_("check an XML file of a domain"), options_validate, verb_validate, VERB_OFFLINE,
      N_("Names every problem of a domain's XML with its line, column and element, and says what would be right: "
         "unknown "
         "elements and attributes, missing ones, values that cannot be, and what does not fit together. Needs no "
         "daemon; "
         "the machine types and devices are those of QEMU 7.2. A daemon checks in the same way, for its own host: "
         "'define --validate'. Exit status 2 when something is wrong.") },
    { 0 },
};
