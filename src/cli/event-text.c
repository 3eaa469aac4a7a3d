/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/event-text.h"

#include "cli/i18n.h"
#include "cli/typed-params.h"

#include <inttypes.h>
#include <libvirt/libvirt.h>
#include <string.h>

/* Adds one value: to the line with a blank before it, and as a member. */
static void add(EventText *text, const char *key, const char *value)
{
    g_string_append_printf(text->detail, " %s", value);
    output_json_text(text->output, key, value);
}

static void add_number(EventText *text, const char *key, int64_t value, const char *unit)
{
    g_string_append_printf(text->detail, " %" PRId64 "%s", value, unit);
    output_json_number(text->output, key, value);
}

/* A word of a NULL-terminated list, translated in text only. */
static void add_word(EventText *text, const char *key, const char *const *words, int index)
{
    int i = 0;
    while (words[i] && i < index)
        i++;
    const char *word = index >= 0 && words[i] ? words[i] : N_("unknown");
    g_string_append_printf(text->detail, " %s", _(word));
    output_json_text(text->output, key, word);
}

static const char *const lifecycle_words[] = {
    N_("Defined"), N_("Undefined"), N_("Started"),     N_("Suspended"), N_("Resumed"),
    N_("Stopped"), N_("Shutdown"),  N_("PMSuspended"), N_("Crashed"),   NULL
};
static const char *const lifecycle_details[][10] = {
    { N_("Added"), N_("Updated"), N_("Renamed"), N_("Snapshot"), NULL },
    { N_("Removed"), N_("Renamed"), NULL },
    { N_("Booted"), N_("Migrated"), N_("Restored"), N_("Snapshot"), N_("Event wakeup"), NULL },
    { N_("Paused"), N_("Migrated"), N_("I/O Error"), N_("Watchdog"), N_("Restored"), N_("Snapshot"), N_("API error"),
      N_("Post-copy"), N_("Post-copy Error"), NULL },
    { N_("Unpaused"), N_("Migrated"), N_("Snapshot"), N_("Post-copy"), N_("Post-copy Error"), NULL },
    { N_("Shutdown"), N_("Destroyed"), N_("Crashed"), N_("Migrated"), N_("Saved"), N_("Failed"), N_("Snapshot"), NULL },
    { N_("Finished"), N_("Finished after guest request"), N_("Finished after host request"), NULL },
    { N_("Memory"), N_("Disk"), NULL },
    { N_("Panicked"), N_("Crashloaded"), NULL },
};

static void describe_lifecycle(EventText *text, const void *message)
{
    const LodgeDomainEventCallbackLifecycleEvent *event = message;
    static const char *const none[] = { NULL };
    int kind = event->msg.event;
    bool known = kind >= 0 && (size_t)kind < G_N_ELEMENTS(lifecycle_details);
    add_word(text, "kind", lifecycle_words, kind);
    add_word(text, "detail", known ? lifecycle_details[kind] : none, event->msg.detail);
}

static void describe_rtc_change(EventText *text, const void *message)
{
    const LodgeDomainEventCallbackRtcChangeEvent *event = message;
    add_number(text, "offset", event->msg.offset, "");
}

static void describe_watchdog(EventText *text, const void *message)
{
    static const char *const actions[] = { N_("none"),     N_("pause"), N_("reset"),      N_("poweroff"),
                                           N_("shutdown"), N_("debug"), N_("inject-nmi"), NULL };
    const LodgeDomainEventCallbackWatchdogEvent *event = message;
    add_word(text, "action", actions, event->msg.action);
}

static const char *const io_error_actions[] = { N_("none"), N_("pause"), N_("report"), NULL };

static void describe_io_error(EventText *text, const void *message)
{
    const LodgeDomainEventCallbackIoErrorEvent *event = message;
    add(text, "path", event->msg.src_path);
    add(text, "device", event->msg.dev_alias);
    add_word(text, "action", io_error_actions, event->msg.action);
}

static void describe_io_error_reason(EventText *text, const void *message)
{
    const LodgeDomainEventCallbackIoErrorReasonEvent *event = message;
    add(text, "path", event->msg.src_path);
    add(text, "device", event->msg.dev_alias);
    add_word(text, "action", io_error_actions, event->msg.action);
    add(text, "reason", event->msg.reason);
}

static void describe_graphics(EventText *text, const void *message)
{
    static const char *const phases[] = { N_("connect"), N_("initialize"), N_("disconnect"), NULL };
    const LodgeDomainEventCallbackGraphicsEvent *event = message;
    g_autofree char *local = g_strdup_printf("%s %s", event->msg.local.node, event->msg.local.service);
    g_autofree char *remote = g_strdup_printf("%s %s", event->msg.remote.node, event->msg.remote.service);
    add_word(text, "phase", phases, event->msg.phase);
    add(text, "local", local);
    add(text, "remote", remote);
    add(text, "auth", event->msg.auth_scheme);
}

static const char *const block_jobs[] = { N_("Unknown job"),
                                          N_("Block Pull"),
                                          N_("Block Copy"),
                                          N_("Block Commit"),
                                          N_("Active Block Commit"),
                                          N_("Backup"),
                                          NULL };
static const char *const block_job_states[] = { N_("completed"), N_("failed"), N_("canceled"), N_("ready"), NULL };

static void describe_block_job(EventText *text, const void *message)
{
    const LodgeDomainEventCallbackBlockJobEvent *event = message;
    add_word(text, "job", block_jobs, event->msg.type);
    add(text, "disk", event->msg.path);
    add_word(text, "status", block_job_states, event->msg.status);
}

static void describe_block_job_2(EventText *text, const void *message)
{
    const LodgeDomainEventBlockJob2Event *event = message;
    add_word(text, "job", block_jobs, event->type);
    add(text, "disk", event->dst);
    add_word(text, "status", block_job_states, event->status);
}

static void describe_disk_change(EventText *text, const void *message)
{
    static const char *const reasons[] = { N_("changed"), N_("dropped"), NULL };
    const LodgeDomainEventCallbackDiskChangeEvent *event = message;
    add(text, "device", event->msg.dev_alias);
    add(text, "old", event->msg.old_src_path ? event->msg.old_src_path : "-");
    add(text, "new", event->msg.new_src_path ? event->msg.new_src_path : "-");
    add_word(text, "reason", reasons, event->msg.reason);
}

static void describe_tray_change(EventText *text, const void *message)
{
    static const char *const reasons[] = { N_("opened"), N_("closed"), NULL };
    const LodgeDomainEventCallbackTrayChangeEvent *event = message;
    add(text, "device", event->msg.dev_alias);
    add_word(text, "reason", reasons, event->msg.reason);
}

static void describe_balloon_change(EventText *text, const void *message)
{
    const LodgeDomainEventCallbackBalloonChangeEvent *event = message;
    add_number(text, "actual_kib", (int64_t)event->msg.actual, "KiB");
}

static void describe_device_removed(EventText *text, const void *message)
{
    const LodgeDomainEventCallbackDeviceRemovedEvent *event = message;
    add(text, "device", event->msg.dev_alias);
}

static void describe_params(EventText *text, const LodgeTypedParam *params, uint32_t n_params)
{
    output_begin_object(text->output, "parameters");
    for (uint32_t i = 0; i < n_params; i++) {
        g_autofree char *value = typed_value_text(&params[i].value);
        g_string_append_printf(text->detail, "\n\t%s: %s", params[i].field, value);
        typed_value_json(text->output, params[i].field, &params[i].value);
    }
    output_end_object(text->output);
}

static void describe_tunable(EventText *text, const void *message)
{
    const LodgeDomainEventCallbackTunableEvent *event = message;
    describe_params(text, event->params, event->n_params);
}

static void describe_job_completed(EventText *text, const void *message)
{
    const LodgeDomainEventCallbackJobCompletedEvent *event = message;
    describe_params(text, event->params, event->n_params);
}

static void describe_agent_lifecycle(EventText *text, const void *message)
{
    static const char *const states[] = { N_("unknown"), N_("connected"), N_("disconnected"), NULL };
    static const char *const reasons[] = { N_("unknown"), N_("domain started"), N_("channel event"), NULL };
    const LodgeDomainEventCallbackAgentLifecycleEvent *event = message;
    add_word(text, "state", states, event->state);
    add_word(text, "reason", reasons, event->reason);
}

static void describe_device_added(EventText *text, const void *message)
{
    const LodgeDomainEventCallbackDeviceAddedEvent *event = message;
    add(text, "device", event->dev_alias);
}

static void describe_migration_iteration(EventText *text, const void *message)
{
    const LodgeDomainEventCallbackMigrationIterationEvent *event = message;
    add_number(text, "iteration", event->iteration, "");
}

static void describe_removal_failed(EventText *text, const void *message)
{
    const LodgeDomainEventCallbackDeviceRemovalFailedEvent *event = message;
    add(text, "device", event->dev_alias);
}

static void describe_metadata_change(EventText *text, const void *message)
{
    static const char *const types[] = { N_("description"), N_("title"), N_("element"), NULL };
    const LodgeDomainEventCallbackMetadataChangeEvent *event = message;
    add_word(text, "type", types, event->type);
    add(text, "uri", event->nsuri ? event->nsuri : "-");
}

static void describe_block_threshold(EventText *text, const void *message)
{
    const LodgeDomainEventBlockThresholdEvent *event = message;
    add(text, "device", event->dev);
    add(text, "path", event->path ? event->path : "-");
    add_number(text, "threshold", (int64_t)event->threshold, "");
    add_number(text, "excess", (int64_t)event->excess, "");
}

static void describe_memory_failure(EventText *text, const void *message)
{
    static const char *const recipients[] = { N_("hypervisor"), N_("guest"), NULL };
    static const char *const actions[] = { N_("ignore"), N_("inject"), N_("fatal"), N_("reset"), NULL };
    const LodgeDomainEventMemoryFailureEvent *event = message;
    add_word(text, "recipient", recipients, event->recipient);
    add_word(text, "action", actions, event->action);
    add_number(text, "flags", event->flags, "");
}

static void describe_memory_size(EventText *text, const void *message)
{
    const LodgeDomainEventMemoryDeviceSizeChangeEvent *event = message;
    add(text, "device", event->alias);
    add_number(text, "size", (int64_t)event->size, "");
}

const EventRow *event_find(const char *name)
{
    for (const EventRow *row = event_rows; row->name; row++)
        if (!strcmp(row->name, name))
            return row;
    return NULL;
}

const EventRow *event_find_type(int type)
{
    for (const EventRow *row = event_rows; row->name; row++)
        if ((int)row->type == type)
            return row;
    return NULL;
}

char *event_timestamp(int64_t seconds, unsigned micros)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(seconds);
    g_autofree char *text = time ? g_date_time_format(time, "%Y-%m-%d %H:%M:%S") : g_strdup("?");
    return g_strdup_printf("%s.%03u+0000", text, micros / 1000);
}

void event_print(Output *output, const EventRow *row, const LodgeEvent *event, bool timestamp)
{
    const LodgeDomain *domain = (const LodgeDomain *)(const void *)((const char *)event->message + row->domain_offset);
    g_autoptr(GString) detail = g_string_new(NULL);
    g_autofree char *stamp = NULL;
    EventText text = { output, domain->name, detail };
    output_begin_object(output, NULL);
    if (timestamp) {
        gint64 now = g_get_real_time();
        stamp = event_timestamp(now / G_USEC_PER_SEC, (unsigned)(now % G_USEC_PER_SEC));
        output_json_text(output, "time", stamp);
    }
    output_json_text(output, "event", row->name);
    output_json_text(output, "domain", domain->name);
    if (row->describe)
        row->describe(&text, event->message);
    output_end_object(output);
    if (!output_is_json(output)) {
        g_autofree char *head = g_strdup_printf(_("event '%s' for domain '%s'"), row->name, domain->name);
        output_line(output, "%s%s%s%s%s", stamp ? stamp : "", stamp ? ": " : "", head, detail->len ? ":" : "",
                    detail->str);
    }
    output_flush_line(output);
}

#define WITH_MSG(TYPE) offsetof(LodgeDomainEventCallback##TYPE##Event, msg.dom)

const EventRow event_rows[] = {
    { "lifecycle", VIR_DOMAIN_EVENT_ID_LIFECYCLE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_LIFECYCLE, WITH_MSG(Lifecycle),
      describe_lifecycle },
    { "reboot", VIR_DOMAIN_EVENT_ID_REBOOT, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_REBOOT, WITH_MSG(Reboot), NULL },
    { "rtc-change", VIR_DOMAIN_EVENT_ID_RTC_CHANGE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_RTC_CHANGE, WITH_MSG(RtcChange),
      describe_rtc_change },
    { "watchdog", VIR_DOMAIN_EVENT_ID_WATCHDOG, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_WATCHDOG, WITH_MSG(Watchdog),
      describe_watchdog },
    { "io-error", VIR_DOMAIN_EVENT_ID_IO_ERROR, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_IO_ERROR, WITH_MSG(IoError),
      describe_io_error },
    { "graphics", VIR_DOMAIN_EVENT_ID_GRAPHICS, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_GRAPHICS, WITH_MSG(Graphics),
      describe_graphics },
    { "io-error-reason", VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_IO_ERROR_REASON,
      WITH_MSG(IoErrorReason), describe_io_error_reason },
    { "control-error", VIR_DOMAIN_EVENT_ID_CONTROL_ERROR, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_CONTROL_ERROR,
      WITH_MSG(ControlError), NULL },
    { "block-job", VIR_DOMAIN_EVENT_ID_BLOCK_JOB, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_BLOCK_JOB, WITH_MSG(BlockJob),
      describe_block_job },
    { "disk-change", VIR_DOMAIN_EVENT_ID_DISK_CHANGE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_DISK_CHANGE,
      WITH_MSG(DiskChange), describe_disk_change },
    { "tray-change", VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_TRAY_CHANGE,
      WITH_MSG(TrayChange), describe_tray_change },
    { "pm-wakeup", VIR_DOMAIN_EVENT_ID_PMWAKEUP, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_PMWAKEUP, WITH_MSG(Pmwakeup), NULL },
    { "pm-suspend", VIR_DOMAIN_EVENT_ID_PMSUSPEND, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_PMSUSPEND, WITH_MSG(Pmsuspend),
      NULL },
    { "balloon-change", VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_BALLOON_CHANGE,
      WITH_MSG(BalloonChange), describe_balloon_change },
    { "pm-suspend-disk", VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_PMSUSPEND_DISK,
      WITH_MSG(PmsuspendDisk), NULL },
    { "device-removed", VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVED,
      WITH_MSG(DeviceRemoved), describe_device_removed },
    { "block-job-2", VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, LODGE_EVENT_DOMAIN_EVENT_BLOCK_JOB_2,
      offsetof(LodgeDomainEventBlockJob2Event, dom), describe_block_job_2 },
    { "tunable", VIR_DOMAIN_EVENT_ID_TUNABLE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_TUNABLE,
      offsetof(LodgeDomainEventCallbackTunableEvent, dom), describe_tunable },
    { "agent-lifecycle", VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE,
      offsetof(LodgeDomainEventCallbackAgentLifecycleEvent, dom), describe_agent_lifecycle },
    { "device-added", VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_DEVICE_ADDED,
      offsetof(LodgeDomainEventCallbackDeviceAddedEvent, dom), describe_device_added },
    { "migration-iteration", VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
      LODGE_EVENT_DOMAIN_EVENT_CALLBACK_MIGRATION_ITERATION,
      offsetof(LodgeDomainEventCallbackMigrationIterationEvent, dom), describe_migration_iteration },
    { "job-completed", VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_JOB_COMPLETED,
      offsetof(LodgeDomainEventCallbackJobCompletedEvent, dom), describe_job_completed },
    { "device-removal-failed", VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED,
      LODGE_EVENT_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVAL_FAILED,
      offsetof(LodgeDomainEventCallbackDeviceRemovalFailedEvent, dom), describe_removal_failed },
    { "metadata-change", VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_METADATA_CHANGE,
      offsetof(LodgeDomainEventCallbackMetadataChangeEvent, dom), describe_metadata_change },
    { "block-threshold", VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD, LODGE_EVENT_DOMAIN_EVENT_BLOCK_THRESHOLD,
      offsetof(LodgeDomainEventBlockThresholdEvent, dom), describe_block_threshold },
    { "memory-failure", VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE, LODGE_EVENT_DOMAIN_EVENT_MEMORY_FAILURE,
      offsetof(LodgeDomainEventMemoryFailureEvent, dom), describe_memory_failure },
    { "memory-device-size-change", VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE,
      LODGE_EVENT_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE, offsetof(LodgeDomainEventMemoryDeviceSizeChangeEvent, dom),
      describe_memory_size },
    { 0 },
};
