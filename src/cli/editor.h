/* SPDX-License-Identifier: Apache-2.0 */
/* The user's editor on a temporary file. */
#pragma once
#include "cli/shell.h"

/* Edits @text in a file whose name ends in @suffix (".xml"). *ret_text is the result; it may equal @text. */
bool editor_edit(Shell *shell, const char *text, const char *suffix, char **ret_text, GError **error);
/* After an error: whether to edit again. False at once where nobody can be asked. */
bool editor_ask_again(Shell *shell, const GError *error);
