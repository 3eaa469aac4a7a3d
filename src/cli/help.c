/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/help.h"

#include "cli/i18n.h"
#include "cli/table.h"

#include <string.h>

static bool takes_value(const VerbOption *option)
{
    return option->kind != OPTION_FLAG;
}

static const char *value_word(const VerbOption *option)
{
    return option->kind == OPTION_NUMBER ? _("<number>") : _("<string>");
}

/* "list [--all] …", without line breaks. */
static char *make_synopsis(const Verb *verb)
{
    g_autoptr(GString) text = g_string_new(verb->name);
    for (const VerbOption *option = verb->options; option && option->name; option++) {
        if (option->kind == OPTION_FLAG)
            g_string_append_printf(text, " [--%s]", option->name);
        else if (option->kind == OPTION_REST)
            g_string_append_printf(text, option->required ? " <%s>..." : " [<%s>]...", option->name);
        else if (option->required)
            g_string_append_printf(text, " <%s>", option->name);
        else
            g_string_append_printf(text, " [--%s %s]", option->name, value_word(option));
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void print_option(Output *output, const char *left, const char *help)
{
    int padding = 30 - table_display_width(left);
    output_line(output, "    %s%*s %s", left, MAX(padding, 0), "", help);
}

/* The synopsis broken between its options at 80 columns, continued under the first option. */
static void print_synopsis(Output *output, const Verb *verb, const char *synopsis)
{
    int indent = 4 + (int)strlen(verb->name), column = 4;
    g_autoptr(GString) text = g_string_new("    ");
    for (const char *at = synopsis; *at;) {
        const char *end = at + 1;
        while (*end &&
               !(*end == ' ' && (end[1] == '[' || end[1] == '<') &&
                 (end[-1] == ']' || end[-1] == '>' || end[-1] == '.' || end - synopsis == (long)strlen(verb->name))))
            end++;
        g_autofree char *part = g_strndup(at, (size_t)(end - at));
        int width = table_display_width(part);
        if (at != synopsis && column + width > 80) {
            g_string_append_printf(text, "\n%*s", indent, "");
            column = indent;
        }
        g_string_append(text, part);
        column += width;
        at = end;
    }
    output_line(output, "%s\n", text->str);
}

void help_verb(Output *output, const Verb *verb)
{
    g_autofree char *synopsis = make_synopsis(verb);
    output_json_text(output, "name", verb->name);
    output_json_text(output, "help", _(verb->help));
    output_json_text(output, "synopsis", synopsis);
    output_line(output, "  %s", _("NAME"));
    output_line(output, "    %s - %s\n", verb->name, _(verb->help));
    output_line(output, "  %s", _("SYNOPSIS"));
    print_synopsis(output, verb, synopsis);
    if (verb->description) {
        output_line(output, "  %s", _("DESCRIPTION"));
        output_line(output, "    %s\n", _(verb->description));
    }
    output_line(output, "  %s", _("OPTIONS"));
    output_begin_list(output, "options");
    for (const VerbOption *option = verb->options; option && option->name; option++) {
        g_autofree char *left = takes_value(option) ? g_strdup_printf(option->required ? "[--%s] %s" : "--%s %s",
                                                                      option->name, value_word(option))
                                                    : g_strdup_printf("--%s", option->name);
        print_option(output, left, _(option->help));
        output_begin_object(output, NULL);
        output_json_text(output, "name", option->name);
        output_json_bool(output, "value", takes_value(option));
        output_json_bool(output, "required", option->required);
        output_json_text(output, "help", _(option->help));
        output_end_object(output);
    }
    output_end_list(output);
    print_option(output, "--json", _("print JSON"));
}

static void print_group(Output *output, VerbGroup group)
{
    output_line(output, _(" %s (help keyword '%s'):"), _(verb_groups[group].title), verb_groups[group].keyword);
    for (const Verb *const *family = verb_families; *family; family++) {
        for (const Verb *verb = *family; verb->name; verb++) {
            if (verb->group != group)
                continue;
            output_line(output, "    %-30s %s", verb->name, _(verb->help));
            output_begin_object(output, NULL);
            output_json_text(output, "name", verb->name);
            output_json_text(output, "group", verb_groups[group].keyword);
            output_json_text(output, "help", _(verb->help));
            output_end_object(output);
        }
    }
    output_gap(output);
}

bool help_verbs(Output *output, const char *only)
{
    bool found = false;
    output_begin_list(output, "verbs");
    if (!only)
        output_line(output, "%s\n", _("Grouped commands:"));
    for (int group = 0; group < GROUP_COUNT; group++) {
        if (only && strcmp(only, verb_groups[group].keyword) != 0)
            continue;
        print_group(output, (VerbGroup)group);
        found = true;
    }
    output_end_list(output);
    return found;
}

/* Text of the man page: what roff would read as a command or a hyphen is escaped. */
static void print_roff(FILE *file, const char *text)
{
    for (; *text; text++) {
        if (*text == '-')
            fputs("\\-", file);
        else if (*text == '\\')
            fputs("\\e", file);
        else if (*text == '\'')
            fputs("\\(aq", file);
        else
            fputc(*text, file);
    }
}

static void print_man_verb(FILE *file, const Verb *verb)
{
    g_autofree char *synopsis = make_synopsis(verb);
    fputs(".SS ", file);
    print_roff(file, verb->name);
    fputs("\n.nh\n.B ", file);
    print_roff(file, synopsis);
    fputs("\n.hy\n.PP\n", file);
    print_roff(file, verb->description ? verb->description : verb->help);
    fputc('\n', file);
    for (const VerbOption *option = verb->options; option && option->name; option++) {
        fprintf(file, ".TP\n%s \\-\\-", takes_value(option) ? ".BI" : ".B");
        print_roff(file, option->name);
        if (takes_value(option))
            fprintf(file, " \" %s\"", option->kind == OPTION_NUMBER ? "number" : "text");
        fputc('\n', file);
        print_roff(file, option->help);
        fputc('\n', file);
    }
}

void help_man_page(FILE *file, const char *prose)
{
    static const char marker[] = ".\\\" VERBS\n";
    const char *at = strstr(prose, marker);
    fwrite(prose, 1, at ? (size_t)(at - prose) : strlen(prose), file);
    for (int group = 0; group < GROUP_COUNT; group++) {
        g_autofree char *title = g_ascii_strup(verb_groups[group].title, -1);
        fprintf(file, ".SH %s\n", title);
        for (const Verb *const *family = verb_families; *family; family++)
            for (const Verb *verb = *family; verb->name; verb++)
                if ((int)verb->group == group)
                    print_man_verb(file, verb);
    }
    if (at)
        fputs(at + strlen(marker), file);
}

void help_usage(FILE *file)
{
    fputs(_("Usage: lodge [OPTION]... [VERB [ARGUMENT]... [; VERB...]]\n"
            "Manages virtual machines. Without a verb: an interactive shell.\n"
            "\n"
            "  -c, --connect=URI             which daemon (default: $LODGE_URI, else qemu:///system for root)\n"
            "  -r, --readonly                connect read-only\n"
            "  -j, --json                    print JSON\n"
            "  -q, --quiet                   no table heads, no remarks\n"
            "  -k, --keepalive-interval=NUM  seconds of silence before the daemon is asked for a sign of life\n"
            "  -K, --keepalive-count=NUM     unanswered questions before the connection is given up\n"
            "  -e, --escape=CHAR             the character that leaves a console (default: ^])\n"
            "  -t, --timing                  print how long each command took\n"
            "  -h, --help                    this text and the list of verbs\n"
            "  -v, --version                 the version\n"
            "\n"),
          file);
}
