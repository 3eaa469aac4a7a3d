/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/i18n.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_COMPLETE = 256, OPTION_MAN_PAGE };

static const struct option long_options[] = {
    { "connect", required_argument, NULL, 'c' },
    { "readonly", no_argument, NULL, 'r' },
    { "json", no_argument, NULL, 'j' },
    { "quiet", no_argument, NULL, 'q' },
    { "keepalive-interval", required_argument, NULL, 'k' },
    { "keepalive-count", required_argument, NULL, 'K' },
    { "escape", required_argument, NULL, 'e' },
    { "timing", no_argument, NULL, 't' },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'v' },
    { "complete", required_argument, NULL, OPTION_COMPLETE },
    { "man-page", required_argument, NULL, OPTION_MAN_PAGE },
    { 0 },
};

/* What the command line asks for besides the verbs. */
typedef struct {
    bool help, version;
    const char *complete; /* a half-written line */
    const char *man_page; /* file with the prose of lodge.1 */
} Request;

static bool wants_colour(int fd)
{
    const char *no_colour = g_getenv("NO_COLOR"), *terminal = g_getenv("TERM");
    return isatty(fd) && !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb") != 0;
}

static const char *find_editor(void)
{
    const char *visual = g_getenv("VISUAL"), *editor = g_getenv("EDITOR");
    return visual && *visual ? visual : editor && *editor ? editor : "vi";
}

static bool parse_number(const char *text, unsigned *ret_number)
{
    guint64 number;
    if (!g_ascii_string_to_unsigned(text, 10, 0, 1000000, &number, NULL)) {
        fprintf(stderr, _("error: '%s' is not a number\n"), text);
        return false;
    }
    *ret_number = (unsigned)number;
    return true;
}

/* "^]" is Ctrl-]; a single character stands for itself. */
static bool parse_escape(const char *text, unsigned char *ret_escape)
{
    bool control = text[0] == '^' && text[1] && !text[2];
    if (!control && !(text[0] && !text[1])) {
        fprintf(stderr, _("error: '%s' is no escape character; write for example ^]\n"), text);
        return false;
    }
    *ret_escape = control ? (unsigned char)(g_ascii_toupper(text[1]) ^ 0x40) : (unsigned char)text[0];
    return true;
}

static bool parse_options(Shell *shell, Request *request, int argc, char **argv)
{
    int letter;
    /* "+": the verb's own options begin with the first word that is no option. */
    while ((letter = getopt_long(argc, argv, "+c:rjqk:K:e:thvV", long_options, NULL)) != -1) {
        bool ok = true;
        switch (letter) {
        case 'c':
            g_free(shell->uri);
            shell->uri = g_strdup(optarg);
            break;
        case 'r': shell->read_only = true; break;
        case 'j': shell->style.json = true; break;
        case 'q': shell->style.quiet = true; break;
        case 'k': ok = parse_number(optarg, &shell->keepalive_interval); break;
        case 'K': ok = parse_number(optarg, &shell->keepalive_count); break;
        case 'e': ok = parse_escape(optarg, &shell->escape); break;
        case 't': shell->timing = true; break;
        case 'h': request->help = true; break;
        case 'v':
        case 'V': request->version = true; break;
        case OPTION_COMPLETE: request->complete = optarg; break;
        case OPTION_MAN_PAGE: request->man_page = optarg; break;
        default: ok = false;
        }
        if (!ok)
            return false;
    }
    return true;
}

static int print_help(Shell *shell, const char *verb_name)
{
    g_autoptr(Output) output = output_new(stdout, shell->style);
    const Verb *verb = verb_name ? verb_find(verb_name) : NULL;
    if (verb) {
        help_verb(output, verb);
    } else {
        if (!shell->style.json)
            help_usage(stdout);
        help_verbs(output, NULL);
    }
    return output_finish(output, NULL) ? 0 : 1;
}

static int print_completion(Shell *shell, const char *line)
{
    const char *verb_part = strchr(line, ' ');
    g_auto(GStrv) found = complete_line(shell, verb_part ? verb_part + 1 : "");
    for (char **candidate = found; *candidate; candidate++)
        printf("%s\n", *candidate);
    return 0;
}

static int print_man_page(const char *path)
{
    g_autofree char *prose = NULL;
    g_autoptr(GError) error = NULL;
    if (!g_file_get_contents(path, &prose, NULL, &error)) {
        fprintf(stderr, "error: %s\n", error->message);
        return 1;
    }
    help_man_page(stdout, prose);
    return 0;
}

static int run(Shell *shell, const Request *request, const char *const *words)
{
    if (request->complete)
        return print_completion(shell, request->complete);
    if (request->man_page)
        return print_man_page(request->man_page);
    if (request->version) {
        printf("%u.%u.%u\n", lodge_version() / 1000000, lodge_version() / 1000 % 1000, lodge_version() % 1000);
        return 0;
    }
    if (request->help)
        return print_help(shell, words[0]);
    if (!words[0])
        return shell_interactive(shell);
    /* `lodge "list; version"`: one word that holds a whole line, as virsh takes it. */
    if (!words[1] && strpbrk(words[0], " \t;"))
        return shell_run_line(shell, words[0]);
    return shell_run_words(shell, words);
}

int main(int argc, char **argv)
{
    Shell shell = { .keepalive_interval = 5, .keepalive_count = 6, .escape = 0x1d, .editor = find_editor() };
    shell.search_path = g_getenv("PATH");
    Request request = { 0 };
    i18n_init();
    /* A reader that goes away (`lodge list | head -1`) is an error of writing, not a signal. */
    signal(SIGPIPE, SIG_IGN);
    if (!parse_options(&shell, &request, argc, argv)) {
        fprintf(stderr, "%s\n", _("see: lodge --help"));
        return 2;
    }
    shell.style.colour = wants_colour(STDOUT_FILENO);
    shell.errors_in_colour = wants_colour(STDERR_FILENO);
    int status = run(&shell, &request, (const char *const *)argv + optind);
    shell_disconnect(&shell);
    g_free(shell.uri);
    g_free(shell.doing);
    return status;
}
