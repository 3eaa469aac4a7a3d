/* SPDX-License-Identifier: Apache-2.0 */
/* What can follow a half-written command line; for bash and for the interactive shell. */
#pragma once
#include "cli/shell.h"

/*
 * Candidates for the last word of @line (the empty word if it ends in a blank), NULL-terminated. Asks the daemon for
 * names where the option wants them; one that does not answer only makes the list shorter.
 */
char **complete_line(Shell *shell, const char *line);
