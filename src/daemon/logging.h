/* SPDX-License-Identifier: Apache-2.0 */
/* The log's level and place: from the configuration, later from virt-admin. Main thread. */
#pragma once
#include "daemon/config.h"

/* @verbose: at least level 2, whatever the file says. */
bool logging_apply(const Config *config, bool verbose, GError **error);
/* "LEVEL:stderr" or "LEVEL:file:PATH"; VIR_ERR_INVALID_ARG for anything else. */
bool logging_set_output(const char *text, GError **error);
/* In the same form. Free it. */
char *logging_output(void);
