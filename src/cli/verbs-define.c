/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

/* What the daemon left out of the definition; on stderr, so that scripts see it and still can read the rest. */
static void warn_of_messages(Shell *shell, const LodgeDomain *guest)
{
    g_auto(LodgeDomainGetMessagesRet) messages = { 0 };
    g_autoptr(GError) error = NULL;
    if (!lodge_domain_get_messages(shell->connection, guest, 0, &messages, &error))
        return; /* other daemons may not know the call */
    for (uint32_t i = 0; i < messages.n_msgs; i++)
        fprintf(stderr, _("warning: %s\n"), messages.msgs[i]);
}

static bool verb_define(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autofree char *xml = NULL;
    const char *file = args_string(args, "file");
    if (!guest_read_file(file, &xml, error))
        return false;
    shell_doing(shell, _("Failed to define domain from %s"), file);
    uint32_t flags = args_has(args, "validate") ? VIR_DOMAIN_DEFINE_VALIDATE : 0;
    if (!lodge_domain_define_xml_flags(shell->connection, xml, flags, &guest, error))
        return false;
    warn_of_messages(shell, &guest);
    output_remark(shell->output, _("Domain '%s' defined from %s"), guest.name, file);
    return true;
}

static bool verb_undefine(Shell *shell, const Args *args, GError **error)
{
    static const struct {
        const char *option;
        uint32_t flag;
    } choices[] = {
        { "managed-save", VIR_DOMAIN_UNDEFINE_MANAGED_SAVE },
        { "snapshots-metadata", VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA },
        { "checkpoints-metadata", VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA },
        { "nvram", VIR_DOMAIN_UNDEFINE_NVRAM },
        { "keep-nvram", VIR_DOMAIN_UNDEFINE_KEEP_NVRAM },
        { "tpm", VIR_DOMAIN_UNDEFINE_TPM },
        { "keep-tpm", VIR_DOMAIN_UNDEFINE_KEEP_TPM },
    };
    g_auto(LodgeDomain) guest = { 0 };
    uint32_t flags = 0;
    if (!args_exclusive(args, "nvram", "keep-nvram", error) || !args_exclusive(args, "tpm", "keep-tpm", error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(choices); i++)
        if (args_has(args, choices[i].option))
            flags |= choices[i].flag;
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to undefine domain '%s'"), guest.name);
    if (!lodge_domain_undefine_flags(shell->connection, &guest, flags, error))
        return false;
    output_remark(shell->output, _("Domain '%s' has been undefined"), guest.name);
    return true;
}

static bool verb_domrename(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    int32_t code;
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to rename domain '%s'"), guest.name);
    if (!lodge_domain_rename(shell->connection, &guest, args_string(args, "new-name"), 0, &code, error))
        return false;
    output_remark(shell->output, _("Domain successfully renamed"));
    return true;
}

static const VerbOption options_define[] = {
    { "file", OPTION_STRING, true, N_("file containing an XML domain description"), COMPLETE_FILE },
    { "validate", OPTION_FLAG, false, N_("validate the XML against the schema") },
    { 0 },
};

static const VerbOption options_undefine[] = {
    OPTION_DOMAIN,
    { "managed-save", OPTION_FLAG, false, N_("remove domain managed state file") },
    { "snapshots-metadata", OPTION_FLAG, false, N_("remove all domain snapshot metadata (vm must be inactive)") },
    { "checkpoints-metadata", OPTION_FLAG, false, N_("remove all domain checkpoint metadata (vm must be inactive)") },
    { "nvram", OPTION_FLAG, false, N_("remove nvram file") },
    { "keep-nvram", OPTION_FLAG, false, N_("keep nvram file") },
    { "tpm", OPTION_FLAG, false, N_("remove TPM state") },
    { "keep-tpm", OPTION_FLAG, false, N_("keep TPM state") },
    { 0 },
};

static const VerbOption options_domrename[] = {
    { "domain", OPTION_STRING, true, N_("domain name or uuid"), COMPLETE_INACTIVE_GUEST },
    { "new-name", OPTION_STRING, true, N_("new domain name") },
    { 0 },
};

const Verb verbs_define[] = {
    { "define", GROUP_DOMAIN, N_("define (but don't start) a domain from an XML file"), options_define, verb_define, 0,
      NULL },
    { "undefine", GROUP_DOMAIN, N_("undefine a domain"), options_undefine, verb_undefine, 0,
      N_("Removes an inactive domain's definition, or makes a running one transient.") },
    { "domrename", GROUP_DOMAIN, N_("rename a domain"), options_domrename, verb_domrename, 0, NULL },
    { 0 },
};
