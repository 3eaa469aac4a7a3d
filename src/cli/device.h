/* SPDX-License-Identifier: Apache-2.0 */
/* What the verbs that change a guest's devices share. */
#pragma once
#include "cli/guest.h"

/* --config, --live, --current and --persistent, which means the definition and, if it runs, the guest. */
bool device_flags(const Args *args, const LodgeDomain *guest, uint32_t *ret_flags, GError **error);
/* Whether a flag was given; without any, the older calls do that change only a guest that runs. */
bool device_flags_given(const Args *args);
/* Attaches the device, or with --print-xml prints it; @done says so afterwards. */
bool device_attach(Shell *shell, const Args *args, const char *xml, const char *done, GError **error);

#define OPTIONS_DEVICE_AFFECT { "persistent", OPTION_FLAG, false, N_("make live change persistent") }, OPTIONS_AFFECT
