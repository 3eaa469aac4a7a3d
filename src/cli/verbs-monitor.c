/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "base/state-words.h"
#include "base/uuid.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

#include <string.h>

/* The security driver of the host and, of a running guest, its label. A daemon without one says so by a failure. */
static void print_security(Shell *shell, const LodgeDomain *guest)
{
    Output *output = shell->output;
    g_auto(LodgeNodeGetSecurityModelRet) model = { 0 };
    g_auto(LodgeDomainGetSecurityLabelRet) label = { 0 };
    if (!lodge_node_get_security_model(shell->connection, &model, NULL) || !model.n_model || !model.model[0])
        return;
    g_autofree char *name = g_strndup(model.model, model.n_model);
    g_autofree char *doi = g_strndup(model.doi ? model.doi : "", model.n_doi);
    output_text(output, "security_model", _("Security model:"), name);
    output_text(output, "security_doi", _("Security DOI:"), doi);
    if (!guest_is_running(guest) || !lodge_domain_get_security_label(shell->connection, guest, &label, NULL) ||
        !label.n_label || !label.label[0])
        return;
    g_autofree char *words = g_strndup(label.label, label.n_label);
    g_autofree char *shown = g_strdup_printf("%s (%s)", words, label.enforcing ? "enforcing" : "permissive");
    output_text(output, "security_label", _("Security label:"), shown);
}

/* Questions that not every daemon answers for every guest: a failure only leaves the line out. */
static void print_persistence(Shell *shell, const LodgeDomain *guest)
{
    Output *output = shell->output;
    int32_t answer;
    if (lodge_domain_is_persistent(shell->connection, guest, &answer, NULL))
        output_bool(output, "persistent", _("Persistent:"), answer, _("yes"), _("no"));
    if (lodge_domain_get_autostart(shell->connection, guest, &answer, NULL))
        output_bool(output, "autostart", _("Autostart:"), answer, _("enable"), _("disable"));
    if (lodge_domain_has_managed_save_image(shell->connection, guest, 0, &answer, NULL))
        output_bool(output, "managed_save", _("Managed save:"), answer, _("yes"), _("no"));
    print_security(shell, guest);
}

static void print_messages(Shell *shell, const LodgeDomain *guest)
{
    Output *output = shell->output;
    g_auto(LodgeDomainGetMessagesRet) messages = { 0 };
    if (!lodge_domain_get_messages(shell->connection, guest, 0, &messages, NULL) || !messages.n_msgs)
        return;
    output_begin_list(output, "messages");
    for (uint32_t i = 0; i < messages.n_msgs; i++)
        output_text(output, NULL, i ? "" : _("Messages:"), messages.msgs[i]);
    output_end_list(output);
}

static bool verb_dominfo(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    LodgeDomainGetInfoRet info;
    Output *output = shell->output;
    g_autofree char *os_type = NULL;
    char uuid[UUID_TEXT_SIZE];
    if (!guest_find(shell, args, &guest, error) || !lodge_domain_get_info(shell->connection, &guest, &info, error))
        return false;
    uuid_format((const Uuid *)(const void *)&guest.uuid, uuid);
    if (guest_is_running(&guest))
        output_number(output, "id", _("Id:"), guest.id, NULL);
    else
        output_text(output, "id", _("Id:"), NULL);
    output_text(output, "name", _("Name:"), guest.name);
    output_text(output, "uuid", _("UUID:"), uuid);
    if (lodge_domain_get_os_type(shell->connection, &guest, &os_type, NULL))
        output_text(output, "os_type", _("OS Type:"), os_type);
    output_word(output, "state", _("State:"), state_word(info.state));
    output_number(output, "vcpus", _("CPU(s):"), info.nr_virt_cpu, NULL);
    if (info.cpu_time || output_is_json(output)) {
        double seconds = (double)info.cpu_time / 1e9;
        g_autofree char *text = g_strdup_printf("%.1fs", seconds);
        output_number_as(output, "cpu_seconds", _("CPU time:"), seconds, text);
    }
    /* "No limit" travels as all ones. */
    if (info.max_mem != UINT64_MAX >> 10)
        output_unsigned(output, "max_memory_kib", _("Max memory:"), info.max_mem, "KiB");
    else
        output_text(output, "max_memory_kib", _("Max memory:"), _("no limit"));
    output_unsigned(output, "used_memory_kib", _("Used memory:"), info.memory, "KiB");
    print_persistence(shell, &guest);
    print_messages(shell, &guest);
    return true;
}

static bool verb_domstate(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    LodgeDomainGetStateRet state;
    if (!guest_find(shell, args, &guest, error) || !lodge_domain_get_state(shell->connection, &guest, 0, &state, error))
        return false;
    const char *word = state_word(state.state), *reason = state_reason_word(state.state, state.reason);
    output_json_text(shell->output, "state", word);
    output_json_text(shell->output, "reason", reason);
    if (args_has(args, "reason"))
        output_line(shell->output, "%s (%s)", _(word), _(reason));
    else
        output_line(shell->output, "%s", _(word));
    return true;
}

static bool verb_domcontrol(Shell *shell, const Args *args, GError **error)
{
    static const char *const states[] = { N_("ok"), N_("background job"), N_("occupied"), N_("error") };
    static const char *const details[] = { "", N_("unknown"), N_("monitor failure"), N_("internal (locking) error") };
    g_auto(LodgeDomain) guest = { 0 };
    LodgeDomainGetControlInfoRet info;
    if (!guest_find(shell, args, &guest, error) ||
        !lodge_domain_get_control_info(shell->connection, &guest, 0, &info, error))
        return false;
    const char *word = info.state < G_N_ELEMENTS(states) ? states[info.state] : N_("unknown");
    const char *detail = info.details < G_N_ELEMENTS(details) ? details[info.details] : "";
    output_json_text(shell->output, "control", word);
    output_json_number(shell->output, "seconds", (int64_t)(info.state_time / 1000));
    if (info.state == VIR_DOMAIN_CONTROL_OK)
        output_line(shell->output, "%s", _(word));
    else if (info.state == VIR_DOMAIN_CONTROL_ERROR)
        output_line(shell->output, "%s: %s", _(word), *detail ? _(detail) : "");
    else
        output_line(shell->output, "%s (%0.3fs)", _(word), (double)info.state_time / 1000);
    return true;
}

static const VerbOption options_domain[] = { OPTION_DOMAIN, { 0 } };

static const VerbOption options_domstate[] = {
    OPTION_DOMAIN,
    { "reason", OPTION_FLAG, false, N_("also print reason for the state") },
    { 0 },
};

const Verb verbs_monitor[] = {
    { "dominfo", GROUP_MONITOR, N_("domain information"), options_domain, verb_dominfo, 0, NULL },
    { "domstate", GROUP_MONITOR, N_("domain state"), options_domstate, verb_domstate, 0, NULL },
    { "domcontrol", GROUP_MONITOR, N_("domain control interface state"), options_domain, verb_domcontrol, 0, NULL },
    { 0 },
};
