/* SPDX-License-Identifier: Apache-2.0 */
/* A bar for work that takes long: another thread asks the daemon how far it is while this one waits for the call. */
#pragma once
#include "cli/shell.h"

typedef struct Progress Progress;

/* Shows "@label: [ 42 %]" on stderr for the guest's job until progress_end(). NULL when nobody would see it. */
Progress *progress_begin(Shell *shell, const LodgeDomain *guest, const char *label);
/* @done: the work succeeded, show 100 %. NULL is ignored. */
void progress_end(Progress *progress, bool done);
