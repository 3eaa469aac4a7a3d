/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/editor.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "cli/i18n.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static bool run_editor(Shell *shell, const char *path, GError **error)
{
    g_auto(GStrv) words = NULL;
    g_autoptr(GError) reason = NULL;
    int status = 0;
    /* $EDITOR may carry options ("emacs -nw"): split as the shell would, without running one. */
    if (!g_shell_parse_argv(shell->editor, NULL, &words, &reason))
        return error_set(error, VIR_ERR_INVALID_ARG, _("editor '%s': %s"), shell->editor, reason->message);
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    for (char **word = words; *word; word++)
        g_ptr_array_add(argv, *word);
    g_ptr_array_add(argv, (char *)path);
    g_ptr_array_add(argv, NULL);
    if (!g_spawn_sync(NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL,
                      NULL, NULL, &status, &reason) ||
        !g_spawn_check_wait_status(status, &reason))
        return error_set(error, VIR_ERR_OPERATION_FAILED, _("editor '%s': %s; set another in $EDITOR"), shell->editor,
                         reason->message);
    return true;
}

bool editor_edit(Shell *shell, const char *text, const char *suffix, char **ret_text, GError **error)
{
    g_autofree char *template = g_strdup_printf("lodge-XXXXXX%s", suffix);
    g_autofree char *path = NULL;
    g_autoptr(GError) reason = NULL;
    auto_fd int fd = g_file_open_tmp(template, &path, &reason);
    if (fd < 0 || !g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_NONE, 0600, &reason))
        return error_set(error, VIR_ERR_SYSTEM_ERROR, _("make a temporary file: %s"), reason->message);
    bool ok = run_editor(shell, path, error);
    if (ok && !g_file_get_contents(path, ret_text, NULL, &reason))
        ok = error_set(error, VIR_ERR_SYSTEM_ERROR, _("read the edited file: %s"), reason->message);
    unlink(path);
    return ok;
}

bool editor_ask_again(Shell *shell, const GError *error)
{
    char answer[16];
    shell_print_error(shell, error);
    if (!isatty(STDIN_FILENO))
        return false;
    fprintf(stderr, "%s ", _("Failed. Try again? [y,n]:"));
    fflush(stderr);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y' || answer[0] == '\n');
}
