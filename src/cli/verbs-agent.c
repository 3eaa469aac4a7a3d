/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs that the agent inside the guest answers. */
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/table.h"
#include "cli/typed-params.h"
#include "cli/verbs.h"

#include <string.h>

static bool verb_domhostname(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autofree char *name = NULL;
    const char *source = args_string(args, "source");
    uint32_t flags = 0;
    if (!g_strcmp0(source, "lease"))
        flags = VIR_DOMAIN_GET_HOSTNAME_LEASE;
    else if (!g_strcmp0(source, "agent"))
        flags = VIR_DOMAIN_GET_HOSTNAME_AGENT;
    else if (source)
        return error_set(error, VIR_ERR_INVALID_ARG, _("Unknown data source '%s'; write lease or agent"), source);
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("failed to get hostname"));
    if (!lodge_domain_get_hostname(shell->connection, &guest, flags, &name, error))
        return false;
    output_whole(shell->output, "hostname", name);
    return true;
}

static bool verb_domfsfreeze(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    const char *const *paths = args_rest(args, "mountpoint");
    int32_t count;
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Unable to freeze filesystems"));
    if (!lodge_domain_fsfreeze(shell->connection, &guest, paths, g_strv_length((char **)paths), 0, &count, error))
        return false;
    output_json_number(shell->output, "filesystems", count);
    output_line(shell->output, _("Froze %d filesystem(s)"), count);
    return true;
}

static bool verb_domfsthaw(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    const char *const *paths = args_rest(args, "mountpoint");
    int32_t count;
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Unable to thaw filesystems"));
    if (!lodge_domain_fsthaw(shell->connection, &guest, paths, g_strv_length((char **)paths), 0, &count, error))
        return false;
    output_json_number(shell->output, "filesystems", count);
    output_line(shell->output, _("Thawed %d filesystem(s)"), count);
    return true;
}

static bool verb_domfstrim(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    uint64_t minimum = 0;
    if (!args_uint64(args, "minimum", &minimum, error) || !guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Unable to invoke fstrim"));
    return lodge_domain_fstrim(shell->connection, &guest, args_string(args, "mountpoint"), minimum, 0, error);
}

static bool verb_domfsinfo(Shell *shell, const Args *args, GError **error)
{
    static const Column columns[] = { { "mountpoint", N_("Mountpoint"), CELL_TEXT },
                                      { "name", N_("Name"), CELL_TEXT },
                                      { "type", N_("Type"), CELL_TEXT },
                                      { "targets", N_("Target"), CELL_SPLIT },
                                      { 0 } };
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetFsinfoRet) info = { 0 };
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Unable to get filesystem information"));
    if (!lodge_domain_get_fsinfo(shell->connection, &guest, 0, &info, error))
        return false;
    if (!info.n_info && !output_is_json(shell->output)) {
        output_remark(shell->output, _("No filesystems are mounted in the domain"));
        return true;
    }
    g_autoptr(Table) table = table_new(columns);
    for (uint32_t i = 0; i < info.n_info; i++) {
        const LodgeDomainFsinfo *filesystem = &info.info[i];
        g_autoptr(GString) targets = g_string_new(NULL);
        for (uint32_t d = 0; d < filesystem->n_dev_aliases; d++)
            g_string_append_printf(targets, "%s%s", d ? "," : "", filesystem->dev_aliases[d]);
        table_row(table, filesystem->mountpoint, filesystem->name, filesystem->fstype, targets->str);
    }
    table_print(table, shell->output, "filesystems");
    return true;
}

static bool verb_guestinfo(Shell *shell, const Args *args, GError **error)
{
    static const struct {
        const char *option;
        uint32_t type;
    } kinds[] = {
        { "user", VIR_DOMAIN_GUEST_INFO_USERS },           { "os", VIR_DOMAIN_GUEST_INFO_OS },
        { "timezone", VIR_DOMAIN_GUEST_INFO_TIMEZONE },    { "hostname", VIR_DOMAIN_GUEST_INFO_HOSTNAME },
        { "disk", VIR_DOMAIN_GUEST_INFO_DISKS },           { "filesystem", VIR_DOMAIN_GUEST_INFO_FILESYSTEM },
        { "interface", VIR_DOMAIN_GUEST_INFO_INTERFACES },
    };
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetGuestInfoRet) info = { 0 };
    uint32_t types = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (args_has(args, kinds[i].option))
            types |= kinds[i].type;
    if (!guest_find(shell, args, &guest, error) ||
        !lodge_domain_get_guest_info(shell->connection, &guest, types, 0, &info, error))
        return false;
    typed_params_print(shell->output, info.params, info.n_params, 20);
    return true;
}

static bool verb_guestvcpus(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetGuestVcpusRet) vcpus = { 0 };
    const char *list = args_string(args, "cpulist");
    bool on = args_has(args, "enable"), off = args_has(args, "disable");
    if (!args_exclusive(args, "enable", "disable", error) || !args_requires(args, "enable", "cpulist", error) ||
        !args_requires(args, "disable", "cpulist", error))
        return false;
    if (list && !on && !off)
        return error_set(error, VIR_ERR_INVALID_ARG,
                         _("One of options --enable or --disable is required by option --cpulist"));
    if (!guest_find(shell, args, &guest, error))
        return false;
    if (list)
        return lodge_domain_set_guest_vcpus(shell->connection, &guest, list, on, 0, error);
    if (!lodge_domain_get_guest_vcpus(shell->connection, &guest, 0, &vcpus, error))
        return false;
    typed_params_print(shell->output, vcpus.params, vcpus.n_params, 15);
    return true;
}

static bool verb_guest_agent_timeout(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    int timeout = VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK;
    int32_t result;
    return args_int(args, "timeout", &timeout, error) && guest_find(shell, args, &guest, error) &&
           lodge_domain_agent_set_response_timeout(shell->connection, &guest, timeout, 0, &result, error);
}

static bool verb_set_user_password(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    const char *user = args_string(args, "user");
    uint32_t flags = args_has(args, "encrypted") ? VIR_DOMAIN_PASSWORD_ENCRYPTED : 0;
    if (!guest_find(shell, args, &guest, error) ||
        !lodge_domain_set_user_password(shell->connection, &guest, user, args_string(args, "password"), flags, error))
        return false;
    output_remark(shell->output, _("Password set successfully for %s in %s"), user, guest.name);
    return true;
}

static bool verb_get_user_sshkeys(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainAuthorizedSshKeysGetRet) keys = { 0 };
    if (!guest_find(shell, args, &guest, error) ||
        !lodge_domain_authorized_ssh_keys_get(shell->connection, &guest, args_string(args, "user"), 0, &keys, error))
        return false;
    output_begin_list(shell->output, "keys");
    for (uint32_t i = 0; i < keys.n_keys; i++) {
        output_json_text(shell->output, NULL, keys.keys[i]);
        output_line(shell->output, "%s", keys.keys[i]);
    }
    output_end_list(shell->output);
    return true;
}

/* The lines of the file that hold a key. */
static bool read_keys(const char *path, char ***ret_keys, GError **error)
{
    g_autofree char *text = NULL;
    if (!guest_read_file(path, &text, error))
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GStrvBuilder) keys = g_strv_builder_new();
    for (char **line = lines; *line; line++)
        if (*g_strstrip(*line))
            g_strv_builder_add(keys, *line);
    *ret_keys = g_strv_builder_end(keys);
    return true;
}

static bool verb_set_user_sshkeys(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(GStrv) keys = g_new0(char *, 1);
    const char *file = args_string(args, "file");
    bool reset = args_has(args, "reset"), remove = args_has(args, "remove");
    if (!args_exclusive(args, "reset", "remove", error) || !args_requires(args, "remove", "file", error))
        return false;
    if (!file && !reset)
        return error_set(error, VIR_ERR_INVALID_ARG, _("Option --file is required"));
    if (file) {
        g_strfreev(g_steal_pointer(&keys));
        if (!read_keys(file, &keys, error))
            return false;
    }
    uint32_t flags = remove  ? VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_REMOVE
                     : reset ? 0
                             : VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND;
    return guest_find(shell, args, &guest, error) &&
           lodge_domain_authorized_ssh_keys_set(shell->connection, &guest, args_string(args, "user"),
                                                (const char *const *)keys, g_strv_length(keys), flags, error);
}

static const VerbOption options_domhostname[] = {
    OPTION_ACTIVE_DOMAIN,
    { "source", OPTION_STRING, false, N_("address source: 'lease' or 'agent'"), COMPLETE_WORDS, "lease agent" },
    { 0 },
};

static const VerbOption options_domfsfreeze[] = {
    OPTION_ACTIVE_DOMAIN,
    { "mountpoint", OPTION_REST, false, N_("mountpoint path to be frozen") },
    { 0 },
};

static const VerbOption options_domfsthaw[] = {
    OPTION_ACTIVE_DOMAIN,
    { "mountpoint", OPTION_REST, false, N_("mountpoint path to be thawed") },
    { 0 },
};

static const VerbOption options_domfstrim[] = {
    OPTION_ACTIVE_DOMAIN,
    { "minimum", OPTION_NUMBER, false, N_("just a hint to ignore contiguous free ranges smaller than this (bytes)") },
    { "mountpoint", OPTION_STRING, false, N_("which mount point to trim") },
    { 0 },
};

static const VerbOption options_active[] = { OPTION_ACTIVE_DOMAIN, { 0 } };

static const VerbOption options_guestinfo[] = {
    OPTION_ACTIVE_DOMAIN,
    { "user", OPTION_FLAG, false, N_("report active users") },
    { "os", OPTION_FLAG, false, N_("report operating system information") },
    { "timezone", OPTION_FLAG, false, N_("report timezone information") },
    { "hostname", OPTION_FLAG, false, N_("report hostname") },
    { "filesystem", OPTION_FLAG, false, N_("report filesystem information") },
    { "disk", OPTION_FLAG, false, N_("report disk information") },
    { "interface", OPTION_FLAG, false, N_("report interface information") },
    { 0 },
};

static const VerbOption options_guestvcpus[] = {
    OPTION_ACTIVE_DOMAIN,
    { "cpulist", OPTION_STRING, false, N_("list of cpus to enable or disable") },
    { "enable", OPTION_FLAG, false, N_("enable cpus specified by cpulist") },
    { "disable", OPTION_FLAG, false, N_("disable cpus specified by cpulist") },
    { 0 },
};

static const VerbOption options_timeout[] = {
    OPTION_DOMAIN,
    { "timeout", OPTION_NAMED, false, N_("timeout in seconds; -2 (the default): wait for ever, -1: the usual one") },
    { 0 },
};

static const VerbOption options_password[] = {
    OPTION_ACTIVE_DOMAIN,
    { "user", OPTION_STRING, true, N_("the username") },
    { "password", OPTION_STRING, true, N_("the new password") },
    { "encrypted", OPTION_FLAG, false, N_("the password is already encrypted") },
    { 0 },
};

static const VerbOption options_get_sshkeys[] = {
    OPTION_ACTIVE_DOMAIN,
    { "user", OPTION_STRING, true, N_("user to list authorized keys for") },
    { 0 },
};

static const VerbOption options_set_sshkeys[] = {
    OPTION_ACTIVE_DOMAIN,
    { "user", OPTION_STRING, true, N_("user to set authorized keys for") },
    { "file", OPTION_STRING, false, N_("file to read keys from, one a line"), COMPLETE_FILE },
    { "reset", OPTION_FLAG, false, N_("clear out authorized keys file before adding new keys") },
    { "remove", OPTION_FLAG, false, N_("remove keys from the authorized keys file") },
    { 0 },
};

const Verb verbs_agent[] = {
    { "domhostname", GROUP_DOMAIN, N_("print the domain's hostname"), options_domhostname, verb_domhostname, 0, NULL },
    { "domfsfreeze", GROUP_DOMAIN, N_("Freeze domain's mounted filesystems."), options_domfsfreeze, verb_domfsfreeze, 0,
      N_("Thaw them soon: what writes in the guest waits until then.") },
    { "domfsthaw", GROUP_DOMAIN, N_("Thaw domain's mounted filesystems."), options_domfsthaw, verb_domfsthaw, 0, NULL },
    { "domfstrim", GROUP_DOMAIN, N_("Invoke fstrim on domain's mounted filesystems."), options_domfstrim,
      verb_domfstrim, 0, NULL },
    { "domfsinfo", GROUP_DOMAIN, N_("Get information of domain's mounted filesystems."), options_active, verb_domfsinfo,
      0, NULL },
    { "guestinfo", GROUP_DOMAIN, N_("query information about the guest (via agent)"), options_guestinfo, verb_guestinfo,
      0, N_("Without options, all that the agent can tell.") },
    { "guestvcpus", GROUP_DOMAIN, N_("query or modify state of vcpu in the guest (via agent)"), options_guestvcpus,
      verb_guestvcpus, 0, NULL },
    { "guest-agent-timeout", GROUP_DOMAIN, N_("Set the guest agent timeout"), options_timeout, verb_guest_agent_timeout,
      0, N_("Sets how many seconds calls wait for the guest agent's answer.") },
    { "set-user-password", GROUP_DOMAIN, N_("set the user password inside the domain"), options_password,
      verb_set_user_password, VERB_NO_GAP, NULL },
    { "get-user-sshkeys", GROUP_DOMAIN, N_("list authorized SSH keys for given user (via agent)"), options_get_sshkeys,
      verb_get_user_sshkeys, VERB_NO_GAP, NULL },
    { "set-user-sshkeys", GROUP_DOMAIN, N_("manipulate authorized SSH keys file for given user (via agent)"),
      options_set_sshkeys, verb_set_user_sshkeys, 0,
      N_("Adds the keys of a file to those that a user accepts; --reset replaces them, --remove takes them out.") },
    { 0 },
};
