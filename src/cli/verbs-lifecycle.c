/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/console.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/keys.h"
#include "cli/verbs.h"

#include <string.h>

static uint32_t start_flags(const Args *args)
{
    return (args_has(args, "paused") ? VIR_DOMAIN_START_PAUSED : 0u) |
           (args_has(args, "autodestroy") ? VIR_DOMAIN_START_AUTODESTROY : 0u) |
           (args_has(args, "bypass-cache") ? VIR_DOMAIN_START_BYPASS_CACHE : 0u) |
           (args_has(args, "force-boot") ? VIR_DOMAIN_START_FORCE_BOOT : 0u) |
           (args_has(args, "validate") ? VIR_DOMAIN_START_VALIDATE : 0u) |
           (args_has(args, "reset-nvram") ? VIR_DOMAIN_START_RESET_NVRAM : 0u);
}

/* --autodestroy ends with the connection: only a console or the interactive shell keeps it. */
static bool after_start(Shell *shell, const Args *args, const LodgeDomain *guest, GError **error)
{
    return !args_has(args, "console") || console_attach(shell, guest, NULL, 0, error);
}

static bool verb_start(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 }, started = { 0 };
    g_autoptr(GArray) fds = NULL;
    if (!args_fds(args, "pass-fds", &fds, error) || !guest_find(shell, args, &guest, error))
        return false;
    if (guest_is_running(&guest))
        return error_set(error, VIR_ERR_OPERATION_INVALID, _("Domain '%s' is already active"), guest.name);
    shell_doing(shell, _("Failed to start domain '%s'"), guest.name);
    uint32_t flags = start_flags(args);
    bool ok = fds->len ? lodge_domain_create_with_files(shell->connection, &guest, flags,
                                                        (const int *)(void *)fds->data, fds->len, &started, error)
                       : lodge_domain_create_with_flags(shell->connection, &guest, flags, &started, error);
    if (!ok)
        return false;
    output_remark(shell->output, _("Domain '%s' started"), started.name);
    return after_start(shell, args, &started, error);
}

static bool verb_create(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autoptr(GArray) fds = NULL;
    g_autofree char *xml = NULL;
    const char *file = args_string(args, "file");
    if (!args_fds(args, "pass-fds", &fds, error) || !guest_read_file(file, &xml, error))
        return false;
    shell_doing(shell, _("Failed to create domain from %s"), file);
    uint32_t flags = start_flags(args);
    bool ok = fds->len ? lodge_domain_create_xml_with_files(shell->connection, xml, flags,
                                                            (const int *)(void *)fds->data, fds->len, &guest, error)
                       : lodge_domain_create_xml(shell->connection, xml, flags, &guest, error);
    if (!ok)
        return false;
    output_remark(shell->output, _("Domain '%s' created from %s"), guest.name, file);
    return after_start(shell, args, &guest, error);
}

/* The ways to ask a guest to shut down or reboot; the flags have the same values for both. */
static bool parse_modes(const Args *args, uint32_t *ret_flags, GError **error)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } modes[] = {
        { "acpi", VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN }, { "agent", VIR_DOMAIN_SHUTDOWN_GUEST_AGENT },
        { "initctl", VIR_DOMAIN_SHUTDOWN_INITCTL },     { "signal", VIR_DOMAIN_SHUTDOWN_SIGNAL },
        { "paravirt", VIR_DOMAIN_SHUTDOWN_PARAVIRT },
    };
    uint32_t flags = 0;
    g_auto(GStrv) words = g_strsplit(args_has(args, "mode") ? args_string(args, "mode") : "", ",", -1);
    for (char **word = words; *word; word++) {
        uint32_t flag = 0;
        for (size_t i = 0; i < G_N_ELEMENTS(modes); i++)
            if (!strcmp(*word, modes[i].name))
                flag = modes[i].flag;
        if (!flag)
            return error_set(error, VIR_ERR_INVALID_ARG,
                             _("Unknown mode %s value, expecting 'acpi', 'agent', 'initctl', 'signal', or 'paravirt'"),
                             *word);
        flags |= flag;
    }
    *ret_flags = flags;
    return true;
}

static bool verb_shutdown(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    uint32_t flags;
    if (!parse_modes(args, &flags, error) || !guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to shutdown domain '%s'"), guest.name);
    if (!lodge_domain_shutdown_flags(shell->connection, &guest, flags, error))
        return false;
    output_remark(shell->output, _("Domain '%s' is being shutdown"), guest.name);
    return true;
}

static bool verb_reboot(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    uint32_t flags;
    if (!parse_modes(args, &flags, error) || !guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to reboot domain '%s'"), guest.name);
    if (!lodge_domain_reboot(shell->connection, &guest, flags, error))
        return false;
    output_remark(shell->output, _("Domain '%s' is being rebooted"), guest.name);
    return true;
}

static bool verb_reset(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to reset domain '%s'"), guest.name);
    if (!lodge_domain_reset(shell->connection, &guest, 0, error))
        return false;
    output_remark(shell->output, _("Domain '%s' was reset"), guest.name);
    return true;
}

static bool verb_destroy(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    if (!guest_find(shell, args, &guest, error))
        return false;
    uint32_t flags = (args_has(args, "graceful") ? VIR_DOMAIN_DESTROY_GRACEFUL : 0u) |
                     (args_has(args, "remove-logs") ? VIR_DOMAIN_DESTROY_REMOVE_LOGS : 0u);
    shell_doing(shell, _("Failed to destroy domain '%s'"), guest.name);
    if (!lodge_domain_destroy_flags(shell->connection, &guest, flags, error))
        return false;
    output_remark(shell->output, _("Domain '%s' destroyed"), guest.name);
    return true;
}

static bool verb_suspend(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to suspend domain '%s'"), guest.name);
    if (!lodge_domain_suspend(shell->connection, &guest, error))
        return false;
    output_remark(shell->output, _("Domain '%s' suspended"), guest.name);
    return true;
}

static bool verb_resume(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to resume domain '%s'"), guest.name);
    if (!lodge_domain_resume(shell->connection, &guest, error))
        return false;
    output_remark(shell->output, _("Domain '%s' resumed"), guest.name);
    return true;
}

static bool verb_dompmsuspend(Shell *shell, const Args *args, GError **error)
{
    static const char *const targets[] = {
        [VIR_NODE_SUSPEND_TARGET_MEM] = "mem",
        [VIR_NODE_SUSPEND_TARGET_DISK] = "disk",
        [VIR_NODE_SUSPEND_TARGET_HYBRID] = "hybrid",
    };
    g_auto(LodgeDomain) guest = { 0 };
    const char *name = args_string(args, "target");
    uint64_t duration = 0;
    uint32_t target = 0;
    while (target < G_N_ELEMENTS(targets) && strcmp(targets[target], name) != 0)
        target++;
    if (target == G_N_ELEMENTS(targets))
        return error_set(error, VIR_ERR_INVALID_ARG, _("Invalid target '%s'; write mem, disk or hybrid"), name);
    if (!args_uint64(args, "duration", &duration, error) || !guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Domain '%s' could not be suspended"), guest.name);
    if (!lodge_domain_pm_suspend_for_duration(shell->connection, &guest, target, duration, 0, error))
        return false;
    output_remark(shell->output, _("Domain '%s' successfully suspended"), guest.name);
    return true;
}

static bool verb_dompmwakeup(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Domain '%s' could not be woken up"), guest.name);
    if (!lodge_domain_pm_wakeup(shell->connection, &guest, 0, error))
        return false;
    output_remark(shell->output, _("Domain '%s' successfully woken up"), guest.name);
    return true;
}

static bool verb_inject_nmi(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    return guest_find(shell, args, &guest, error) && lodge_domain_inject_nmi(shell->connection, &guest, 0, error);
}

static bool verb_send_key(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    const char *codeset_name = args_has(args, "codeset") ? args_string(args, "codeset") : "linux";
    g_autoptr(GArray) codes = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    unsigned hold_ms = 0;
    uint32_t codeset;
    if (!keys_find_codeset(codeset_name, &codeset, error) || !args_uint(args, "holdtime", &hold_ms, error))
        return false;
    for (const char *const *word = args_rest(args, "keycode"); *word; word++) {
        uint32_t code;
        if (!keys_parse(codeset, *word, &code, error))
            return false;
        g_array_append_val(codes, code);
    }
    if (codes->len > VIR_DOMAIN_SEND_KEY_MAX_KEYS)
        return error_set(error, VIR_ERR_INVALID_ARG, _("too many keycodes; at most %d"), VIR_DOMAIN_SEND_KEY_MAX_KEYS);
    return guest_find(shell, args, &guest, error) &&
           lodge_domain_send_key(shell->connection, &guest, codeset, hold_ms, (const uint32_t *)(void *)codes->data,
                                 codes->len, 0, error);
}

static bool verb_autostart(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    bool on = !args_has(args, "disable");
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell,
                on ? _("Failed to mark domain '%s' as autostarted") : _("Failed to unmark domain '%s' as autostarted"),
                guest.name);
    if (!lodge_domain_set_autostart(shell->connection, &guest, on, error))
        return false;
    output_remark(shell->output, on ? _("Domain '%s' marked as autostarted") : _("Domain '%s' unmarked as autostarted"),
                  guest.name);
    return true;
}

static bool find_word(const char *const *words, const char *option, const Args *args, uint32_t *ret_value,
                      GError **error)
{
    const char *given = args_string(args, option);
    for (*ret_value = 0; words[*ret_value]; (*ret_value)++)
        if (!strcmp(words[*ret_value], given))
            return true;
    g_autofree char *all = g_strjoinv(", ", (char **)words);
    return error_set(error, VIR_ERR_INVALID_ARG, _("Invalid lifecycle %s '%s'; one of: %s"), option, given, all);
}

static bool verb_set_lifecycle_action(Shell *shell, const Args *args, GError **error)
{
    static const char *const types[] = { "poweroff", "reboot", "crash", NULL };
    static const char *const actions[] = { "destroy",  "restart",          "rename-restart",
                                           "preserve", "coredump-destroy", "coredump-restart",
                                           NULL };
    g_auto(LodgeDomain) guest = { 0 };
    uint32_t flags, type, action;
    return find_word(types, "type", args, &type, error) && find_word(actions, "action", args, &action, error) &&
           guest_affect_flags(args, &flags, error) && guest_find(shell, args, &guest, error) &&
           lodge_domain_set_lifecycle_action(shell->connection, &guest, type, action, flags, error);
}

#define OPTIONS_START                                                                                                  \
    { "console", OPTION_FLAG, false, N_("attach to console after creation") },                                         \
        { "paused", OPTION_FLAG, false, N_("leave the guest paused after creation") },                                 \
        { "autodestroy", OPTION_FLAG, false, N_("automatically destroy the guest when lodge disconnects") },           \
        { "pass-fds", OPTION_NAMED, false, N_("pass file descriptors N,M,... to the guest") },                         \
    {                                                                                                                  \
        "reset-nvram", OPTION_FLAG, false, N_("re-initialize NVRAM from its pristine template")                        \
    }

static const VerbOption options_start[] = {
    { "domain", OPTION_STRING, true, N_("name of the inactive domain"), COMPLETE_INACTIVE_GUEST },
    OPTIONS_START,
    { "bypass-cache", OPTION_FLAG, false, N_("avoid file system cache when loading") },
    { "force-boot", OPTION_FLAG, false, N_("force fresh boot by discarding any managed save") },
    { 0 },
};

static const VerbOption options_create[] = {
    { "file", OPTION_STRING, true, N_("file containing an XML domain description"), COMPLETE_FILE },
    OPTIONS_START,
    { "validate", OPTION_FLAG, false, N_("validate the XML against the schema") },
    { 0 },
};

static const VerbOption options_mode[] = {
    OPTION_ACTIVE_DOMAIN,
    { "mode", OPTION_STRING, false, N_("shutdown mode: acpi|agent|initctl|signal|paravirt"), COMPLETE_WORDS,
      "acpi agent initctl signal paravirt" },
    { 0 },
};

static const VerbOption options_active[] = { OPTION_ACTIVE_DOMAIN, { 0 } };

static const VerbOption options_destroy[] = {
    OPTION_ACTIVE_DOMAIN,
    { "graceful", OPTION_FLAG, false, N_("terminate gracefully") },
    { "remove-logs", OPTION_FLAG, false, N_("remove domain logs") },
    { 0 },
};

static const VerbOption options_dompmsuspend[] = {
    OPTION_ACTIVE_DOMAIN,
    { "target", OPTION_STRING, true, N_("mem(Suspend-to-RAM), disk(Suspend-to-Disk), hybrid(Hybrid-Suspend)"),
      COMPLETE_WORDS, "mem disk hybrid" },
    { "duration", OPTION_NUMBER, false, N_("duration in seconds") },
    { 0 },
};

static const VerbOption options_send_key[] = {
    OPTION_ACTIVE_DOMAIN,
    { "codeset", OPTION_NAMED, false, N_("the codeset of keycodes, default:linux"), COMPLETE_WORDS,
      "linux xt atset1 atset2 atset3 os_x xt_kbd usb win32 qnum" },
    { "holdtime", OPTION_NAMED, false, N_("the time (in milliseconds) how long the keys will be held") },
    { "keycode", OPTION_REST, true, N_("the key code") },
    { 0 },
};

static const VerbOption options_autostart[] = {
    OPTION_DOMAIN,
    { "disable", OPTION_FLAG, false, N_("disable autostarting") },
    { 0 },
};

static const VerbOption options_lifecycle_action[] = {
    OPTION_DOMAIN,
    { "type", OPTION_STRING, true, N_("lifecycle type to modify"), COMPLETE_WORDS, "poweroff reboot crash" },
    { "action", OPTION_STRING, true, N_("lifecycle action to set"), COMPLETE_WORDS,
      "destroy restart rename-restart preserve coredump-destroy coredump-restart" },
    OPTIONS_AFFECT,
    { 0 },
};

const Verb verbs_lifecycle[] = {
    { "start", GROUP_DOMAIN, N_("start a (previously defined) inactive domain"), options_start, verb_start, 0,
      N_("Starts a domain, from its managed save if there is one, else by a fresh boot.") },
    { "create", GROUP_DOMAIN, N_("create a domain from an XML file"), options_create, verb_create, 0,
      N_("Creates and starts a transient domain.") },
    { "shutdown", GROUP_DOMAIN, N_("gracefully shutdown a domain"), options_mode, verb_shutdown, 0, NULL },
    { "reboot", GROUP_DOMAIN, N_("reboot a domain"), options_mode, verb_reboot, 0, NULL },
    { "reset", GROUP_DOMAIN, N_("reset a domain"), options_active, verb_reset, 0,
      N_("Resets the domain as if by its reset button.") },
    { "destroy", GROUP_DOMAIN, N_("destroy (stop) a domain"), options_destroy, verb_destroy, 0,
      N_("Stops a domain at once, like pulling its plug; its disks and definition stay.") },
    { "suspend", GROUP_DOMAIN, N_("suspend a domain"), options_active, verb_suspend, 0, NULL },
    { "resume", GROUP_DOMAIN, N_("resume a domain"), options_active, verb_resume, 0, NULL },
    { "dompmsuspend", GROUP_DOMAIN, N_("suspend a domain gracefully using power management functions"),
      options_dompmsuspend, verb_dompmsuspend, 0, N_("Needs a guest agent that runs in the guest.") },
    { "dompmwakeup", GROUP_DOMAIN, N_("wakeup a domain from pmsuspended state"), options_active, verb_dompmwakeup, 0,
      NULL },
    { "inject-nmi", GROUP_DOMAIN, N_("Inject NMI to the guest"), options_active, verb_inject_nmi, 0, NULL },
    { "send-key", GROUP_DOMAIN, N_("Send keycodes to the guest"), options_send_key, verb_send_key, 0,
      N_("Keys are numbers of the codeset or names such as KEY_LEFTCTRL; all are pressed together.") },
    { "autostart", GROUP_DOMAIN, N_("autostart a domain"), options_autostart, verb_autostart, 0,
      N_("The domain comes up when the daemon first starts after the host's boot.") },
    { "set-lifecycle-action", GROUP_DOMAIN, N_("change lifecycle actions"), options_lifecycle_action,
      verb_set_lifecycle_action, 0, NULL },
    { 0 },
};
