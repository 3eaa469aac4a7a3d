/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/event-text.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <json-glib/json-glib.h>
#include <libvirt/libvirt-qemu.h>
#include <signal.h>
#include <string.h>

#define SLICE_MS 500 /* how long an interruption may go unnoticed */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number)
{
    interrupted = 1;
}

typedef struct {
    Output *output;
    bool timestamp, pretty;
    unsigned count;
} Listener;

static void on_domain_event(LodgeConnection *connection, const LodgeEvent *event, void *data)
{
    Listener *listener = data;
    const EventRow *row = event_find_type(event->type);
    if (!row)
        return;
    event_print(listener->output, row, event, listener->timestamp);
    listener->count++;
}

static void on_monitor_event(LodgeConnection *connection, const LodgeEvent *event, void *data)
{
    Listener *listener = data;
    const LodgeQemuDomainMonitorEventEvent *message = event->message;
    Output *output = listener->output;
    g_autofree char *stamp = event_timestamp(message->seconds, message->micros);
    g_autofree char *pretty = NULL;
    const char *details = message->details ? message->details : "";
    listener->count++;
    if (output_is_json(output)) {
        output_begin_object(output, NULL);
        output_json_text(output, "time", stamp);
        output_json_text(output, "event", message->event);
        output_json_text(output, "domain", message->dom.name);
        output_json_raw(output, "details", *details ? details : "null");
        output_end_object(output);
    } else {
        JsonNode *node = listener->pretty ? json_from_string(details, NULL) : NULL;
        if (node) {
            pretty = json_to_string(node, TRUE);
            json_node_unref(node);
        }
        g_autofree char *head =
            listener->timestamp
                ? g_strdup_printf(_("%s: event %s for domain '%s'"), stamp, message->event, message->dom.name)
                : g_strdup_printf(_("event %s at %" PRId64 ".%06u for domain '%s'"), message->event, message->seconds,
                                  message->micros, message->dom.name);
        output_line(output, "%s: %s", head, pretty ? pretty : details);
    }
    output_flush_line(output);
}

/* Waits for events: for one, or with @loop until the time is over or the user interrupts. */
static bool listen_for(Shell *shell, Listener *listener, bool loop, unsigned timeout_s, GError **error)
{
    struct sigaction action = { .sa_handler = on_interrupt }, old;
    gint64 deadline = timeout_s ? g_get_monotonic_time() + (gint64)timeout_s * G_USEC_PER_SEC : G_MAXINT64;
    bool ok = true, in_time = true;
    interrupted = 0;
    sigaction(SIGINT, &action, &old);
    while (ok && in_time && !interrupted && (loop || !listener->count)) {
        gint64 left_ms = (deadline - g_get_monotonic_time()) / 1000;
        in_time = left_ms > 0;
        if (in_time)
            ok = lodge_connection_dispatch(shell->connection, (int)MIN(left_ms, SLICE_MS), error) >= 0;
    }
    sigaction(SIGINT, &old, NULL);
    if (interrupted)
        output_line(listener->output, "%s", _("event loop interrupted"));
    else if (!in_time)
        output_line(listener->output, "%s", _("event loop timed out"));
    output_line(listener->output, _("events received: %u"), listener->count);
    return ok;
}

static bool list_events(Shell *shell)
{
    output_begin_list(shell->output, "events");
    for (const EventRow *row = event_rows; row->name; row++) {
        output_line(shell->output, "%s", row->name);
        output_json_text(shell->output, NULL, row->name);
    }
    output_end_list(shell->output);
    return true;
}

/* Watches the wanted events; the ids go to @watches. */
static bool watch_all(Shell *shell, const EventRow *only, const LodgeDomain *guest, Listener *listener, GArray *watches,
                      GError **error)
{
    for (const EventRow *row = only ? only : event_rows; row->name; row++) {
        int id = lodge_watch(shell->connection, LODGE_WATCH_DOMAIN, row->event_id, guest, on_domain_event, listener,
                             NULL, error);
        if (id < 0)
            return false;
        g_array_append_val(watches, id);
        if (only)
            break;
    }
    return true;
}

static void unwatch_all(Shell *shell, const GArray *watches)
{
    for (unsigned i = 0; i < watches->len; i++)
        /* The daemon forgets them with the connection in any case. */
        lodge_unwatch(shell->connection, g_array_index(watches, int, i), NULL);
}

static bool verb_event(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autoptr(GArray) watches = g_array_new(FALSE, FALSE, sizeof(int));
    Listener listener = { .output = shell->output, .timestamp = args_has(args, "timestamp") };
    const char *name = args_string(args, "event");
    const EventRow *row = name ? event_find(name) : NULL;
    unsigned timeout = 0;
    if (args_has(args, "list"))
        return list_events(shell);
    if (!name == !args_has(args, "all"))
        return error_set(error, VIR_ERR_INVALID_ARG, _("one of --list, --all, or --event <type> is required"));
    if (name && !row)
        return error_set(error, VIR_ERR_INVALID_ARG, _("unknown event type %s; see: event --list"), name);
    if (!args_uint(args, "timeout", &timeout, error))
        return false;
    if (args_has(args, "timeout") && !timeout)
        return error_set(error, VIR_ERR_INVALID_ARG, _("timeout must be positive"));
    if (args_has(args, "domain") && !guest_find(shell, args, &guest, error))
        return false;
    bool ok = watch_all(shell, row, guest.name ? &guest : NULL, &listener, watches, error) &&
              listen_for(shell, &listener, args_has(args, "loop"), timeout, error);
    unwatch_all(shell, watches);
    return ok;
}

static bool verb_monitor_event(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    Listener listener = { .output = shell->output,
                          .timestamp = args_has(args, "timestamp"),
                          .pretty = args_has(args, "pretty") };
    uint32_t flags = (args_has(args, "regex") ? VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX : 0u) |
                     (args_has(args, "no-case") ? VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE : 0u);
    unsigned timeout = 0;
    if (!args_uint(args, "timeout", &timeout, error))
        return false;
    if (args_has(args, "domain") && !guest_find(shell, args, &guest, error))
        return false;
    int watch = lodge_watch_monitor(shell->connection, guest.name ? &guest : NULL, args_string(args, "event"), flags,
                                    on_monitor_event, &listener, NULL, error);
    if (watch < 0)
        return false;
    bool ok = listen_for(shell, &listener, args_has(args, "loop"), timeout, error);
    lodge_unwatch(shell->connection, watch, NULL);
    return ok;
}

static const VerbOption options_event[] = {
    { "domain", OPTION_NAMED, false, N_("filter by domain name, id or uuid"), COMPLETE_GUEST },
    { "event", OPTION_STRING, false, N_("which event type to wait for"), COMPLETE_EVENT },
    { "all", OPTION_FLAG, false, N_("wait for all events instead of just one type") },
    { "loop", OPTION_FLAG, false, N_("loop until timeout or interrupt, rather than one-shot") },
    { "timeout", OPTION_NUMBER, false, N_("timeout seconds") },
    { "list", OPTION_FLAG, false, N_("list valid event types") },
    { "timestamp", OPTION_FLAG, false, N_("show timestamp for each printed event") },
    { 0 },
};

static const VerbOption options_monitor_event[] = {
    { "domain", OPTION_STRING, false, N_("filter by domain name, id or uuid"), COMPLETE_ACTIVE_GUEST },
    { "event", OPTION_STRING, false, N_("filter by event name") },
    { "pretty", OPTION_FLAG, false, N_("pretty-print any JSON output") },
    { "loop", OPTION_FLAG, false, N_("loop until timeout or interrupt, rather than one-shot") },
    { "timeout", OPTION_NUMBER, false, N_("timeout seconds") },
    { "regex", OPTION_FLAG, false, N_("treat event as a regex rather than literal filter") },
    { "no-case", OPTION_FLAG, false, N_("treat event case-insensitively") },
    { "timestamp", OPTION_FLAG, false, N_("show timestamp for each printed event") },
    { 0 },
};

const Verb verbs_event[] = {
    { "event", GROUP_EVENTS, N_("Domain Events"), options_event, verb_event, 0,
      N_("Lists event types, or waits for domain events to occur; with --json each event is one line.") },
    { "qemu-monitor-event", GROUP_DOMAIN, N_("QEMU Monitor Events"), options_monitor_event, verb_monitor_event, 0,
      N_("Waits for events of QEMU's own monitor; with --json each event is one line.") },
    { 0 },
};
