/* SPDX-License-Identifier: Apache-2.0 */
/* Help for people, and the man page and completion script, all from the verb tables. */
#pragma once
#include "cli/verb.h"

void help_verb(Output *output, const Verb *verb);
/* All verbs, grouped; @group: only that one (a keyword), or NULL. False when there is no such group. */
bool help_verbs(Output *output, const char *group);
/* lodge.1: @prose is the text around the verbs, in which the line ".\" VERBS" is replaced. */
void help_man_page(FILE *file, const char *prose);
/* What the options of the command itself are, for --help. */
void help_usage(FILE *file);
