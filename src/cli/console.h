/* SPDX-License-Identifier: Apache-2.0 */
/* The terminal connected to a guest's serial console, until Ctrl-] or the end of the guest. */
#pragma once
#include "cli/shell.h"

/* @device: alias of the console, NULL for the first. @flags: virDomainConsoleFlags. Errors: no terminal, no console. */
bool console_attach(Shell *shell, const LodgeDomain *guest, const char *device, uint32_t flags, GError **error);
