/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/console.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

static bool verb_console(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    uint32_t flags = (args_has(args, "force") ? VIR_DOMAIN_CONSOLE_FORCE : 0u) |
                     (args_has(args, "safe") ? VIR_DOMAIN_CONSOLE_SAFE : 0u);
    return guest_find(shell, args, &guest, error) &&
           console_attach(shell, &guest, args_string(args, "devname"), flags, error);
}

static const VerbOption options_console[] = {
    OPTION_ACTIVE_DOMAIN,
    { "devname", OPTION_STRING, false, N_("character device name") },
    { "force", OPTION_FLAG, false, N_("force console connection (disconnect already connected sessions)") },
    { "safe", OPTION_FLAG, false, N_("only connect if safe console handling is supported") },
    { 0 },
};

const Verb verbs_console[] = {
    { "console", GROUP_DOMAIN, N_("connect to the guest console"), options_console, verb_console, VERB_NO_GAP,
      N_("Connects the terminal to the guest's serial console. Ctrl-] leaves.") },
    { 0 },
};
