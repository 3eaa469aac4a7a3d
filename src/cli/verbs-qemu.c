/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

#include <json-glib/json-glib.h>
#include <libvirt/libvirt-qemu.h>
#include <string.h>

static char *pretty_json(const char *text)
{
    JsonNode *node = json_from_string(text, NULL);
    if (!node)
        return g_strdup(text);
    char *pretty = json_to_string(node, TRUE);
    json_node_unref(node);
    return pretty;
}

/* The value of the member "return" alone. */
static bool return_value(const char *text, char **ret_text, GError **error)
{
    JsonNode *node = json_from_string(text, NULL);
    JsonNode *value =
        node && JSON_NODE_HOLDS_OBJECT(node) ? json_object_get_member(json_node_get_object(node), "return") : NULL;
    bool ok = value != NULL;
    if (ok)
        *ret_text = json_to_string(value, FALSE);
    if (node)
        json_node_unref(node);
    return ok || error_set(error, VIR_ERR_OPERATION_FAILED, _("'return' member missing in: %s"), text);
}

static void print_answer(Shell *shell, const char *text, bool pretty)
{
    g_autofree char *formatted = pretty ? pretty_json(text) : NULL;
    if (output_is_json(shell->output))
        output_json_raw(shell->output, "result", text);
    else
        output_whole(shell->output, "result", formatted ? formatted : text);
}

static bool verb_monitor_command(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autoptr(GArray) fds = NULL;
    g_autofree char *command = g_strjoinv(" ", (char **)args_rest(args, "cmd"));
    g_autofree char *result = NULL, *value = NULL;
    bool hmp = args_has(args, "hmp"), only_value = args_has(args, "return-value");
    uint32_t flags = hmp ? VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP : 0;
    if (!args_exclusive(args, "hmp", "pretty", error) || !args_exclusive(args, "hmp", "return-value", error))
        return false;
    if (!args_fds(args, "pass-fds", &fds, error) || !guest_find(shell, args, &guest, error))
        return false;
    bool ok = fds->len ? lodge_qemu_domain_monitor_command_with_files(shell->connection, &guest, command, flags,
                                                                      (const int *)(void *)fds->data, fds->len, &result,
                                                                      error)
                       : lodge_qemu_domain_monitor_command(shell->connection, &guest, command, flags, &result, error);
    if (!ok || (only_value && !return_value(result, &value, error)))
        return false;
    print_answer(shell, value ? value : result, args_has(args, "pretty"));
    return true;
}

static bool verb_agent_command(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autofree char *command = g_strjoinv(" ", (char **)args_rest(args, "cmd"));
    g_autofree char *result = NULL;
    int timeout = VIR_DOMAIN_QEMU_AGENT_COMMAND_DEFAULT;
    if (!args_exclusive(args, "async", "block", error) || !args_exclusive(args, "async", "timeout", error) ||
        !args_exclusive(args, "block", "timeout", error) || !args_int(args, "timeout", &timeout, error))
        return false;
    if (args_has(args, "timeout") && timeout < 1)
        return error_set(error, VIR_ERR_INVALID_ARG, _("timeout must be positive"));
    if (args_has(args, "async"))
        timeout = VIR_DOMAIN_QEMU_AGENT_COMMAND_NOWAIT;
    if (args_has(args, "block"))
        timeout = VIR_DOMAIN_QEMU_AGENT_COMMAND_BLOCK;
    if (!guest_find(shell, args, &guest, error) ||
        !lodge_qemu_domain_agent_command(shell->connection, &guest, command, timeout, 0, &result, error))
        return false;
    if (result)
        print_answer(shell, result, args_has(args, "pretty"));
    return true;
}

static const VerbOption options_monitor[] = {
    OPTION_ACTIVE_DOMAIN,
    { "hmp", OPTION_FLAG, false, N_("command is in human monitor protocol") },
    { "pretty", OPTION_FLAG, false, N_("pretty-print any qemu monitor protocol output") },
    { "return-value", OPTION_FLAG, false, N_("extract the value of the 'return' key from the returned string") },
    { "pass-fds", OPTION_NAMED, false, N_("pass file descriptors N,M,... along with the command") },
    { "cmd", OPTION_REST, true, N_("command") },
    { 0 },
};

static const VerbOption options_agent[] = {
    OPTION_ACTIVE_DOMAIN,
    { "timeout", OPTION_NAMED, false, N_("timeout seconds. must be positive.") },
    { "async", OPTION_FLAG, false, N_("execute command without waiting for timeout") },
    { "block", OPTION_FLAG, false, N_("execute command without timeout") },
    { "pretty", OPTION_FLAG, false, N_("pretty-print the output") },
    { "cmd", OPTION_REST, true, N_("command") },
    { 0 },
};

const Verb verbs_qemu[] = {
    { "qemu-monitor-command", GROUP_DOMAIN, N_("QEMU Monitor Command"), options_monitor, verb_monitor_command,
      VERB_NO_GAP, N_("Sends a QMP command (JSON) or, with --hmp, one of the human monitor, and prints the answer.") },
    { "qemu-agent-command", GROUP_DOMAIN, N_("QEMU Guest Agent Command"), options_agent, verb_agent_command,
      VERB_NO_GAP, N_("Runs a command of the guest's agent; at your own risk.") },
    { 0 },
};
