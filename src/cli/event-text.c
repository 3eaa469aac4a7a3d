/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/event-text.h"

#include "cli/i18n.h"
#include "cli/typed-params.h"

#include <inttypes.h>
#include <libvirt/libvirt.h>
#include <string.h>

typedef enum { FIELD_END, FIELD_TEXT, FIELD_I32, FIELD_U32, FIELD_I64, FIELD_U64, FIELD_ADDRESS } FieldKind;

/* One value of an event's struct. A number with @words is a place in that NULL-terminated list. */
struct EventField {
    const char *key;
    FieldKind kind;
    size_t offset;
    const char *const *words;
    const char *unit; /* behind the number in text */
};

/* Adds one value: to the line with a blank before it, and as a member. */
static void add(EventText *text, const char *key, const char *value)
{
    g_string_append_printf(text->detail, " %s", value ? value : "-");
    output_json_text(text->output, key, value ? value : "-");
}

static void add_number(EventText *text, const char *key, int64_t value, const char *unit)
{
    g_string_append_printf(text->detail, " %" PRId64 "%s", value, unit ? unit : "");
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

static void add_address(EventText *text, const char *key, const LodgeDomainEventGraphicsAddress *address)
{
    g_autofree char *value = g_strdup_printf("%s %s", address->node, address->service);
    add(text, key, value);
}

static void add_field(EventText *text, const EventField *field, const void *message)
{
    const void *at = (const char *)message + field->offset;
    switch (field->kind) {
    case FIELD_END: break;
    case FIELD_TEXT: add(text, field->key, *(char *const *)at); break;
    case FIELD_I32:
        if (field->words)
            add_word(text, field->key, field->words, *(const int32_t *)at);
        else
            add_number(text, field->key, *(const int32_t *)at, field->unit);
        break;
    case FIELD_U32: add_number(text, field->key, *(const uint32_t *)at, field->unit); break;
    case FIELD_I64: add_number(text, field->key, *(const int64_t *)at, field->unit); break;
    case FIELD_U64: add_number(text, field->key, (int64_t) * (const uint64_t *)at, field->unit); break;
    case FIELD_ADDRESS: add_address(text, field->key, at); break;
    }
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
    for (const EventField *field = row->fields; field && field->kind != FIELD_END; field++)
        add_field(&text, field, event->message);
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

/* The kind follows from the member's type. */
#define FIELD(KEY, TYPE, MEMBER, ...)                                                                                    \
    {                                                                                                                    \
        KEY,                                                                                                           \
        _Generic(((TYPE *)0)->MEMBER,                                                                                  \
            char *: FIELD_TEXT,                                                                                        \
            int32_t: FIELD_I32,                                                                                        \
            uint32_t: FIELD_U32,                                                                                       \
            int64_t: FIELD_I64,                                                                                        \
            uint64_t: FIELD_U64,                                                                                       \
            LodgeDomainEventGraphicsAddress: FIELD_ADDRESS),                                                           \
            offsetof(TYPE, MEMBER), __VA_ARGS__ \
    }
#define CALLBACK(NAME) LodgeDomainEventCallback##NAME##Event

static const char *const watchdog_actions[] = { N_("none"),     N_("pause"), N_("reset"),      N_("poweroff"),
                                                N_("shutdown"), N_("debug"), N_("inject-nmi"), NULL };
static const char *const io_error_actions[] = { N_("none"), N_("pause"), N_("report"), NULL };
static const char *const graphics_phases[] = { N_("connect"), N_("initialize"), N_("disconnect"), NULL };
static const char *const block_jobs[] = { N_("Unknown job"),
                                          N_("Block Pull"),
                                          N_("Block Copy"),
                                          N_("Block Commit"),
                                          N_("Active Block Commit"),
                                          N_("Backup"),
                                          NULL };
static const char *const block_job_states[] = { N_("completed"), N_("failed"), N_("canceled"), N_("ready"), NULL };
static const char *const disk_change_reasons[] = { N_("changed"), N_("dropped"), NULL };
static const char *const tray_change_reasons[] = { N_("opened"), N_("closed"), NULL };
static const char *const agent_states[] = { N_("unknown"), N_("connected"), N_("disconnected"), NULL };
static const char *const agent_reasons[] = { N_("unknown"), N_("domain started"), N_("channel event"), NULL };
static const char *const metadata_types[] = { N_("description"), N_("title"), N_("element"), NULL };
static const char *const failure_recipients[] = { N_("hypervisor"), N_("guest"), NULL };
static const char *const failure_actions[] = { N_("ignore"), N_("inject"), N_("fatal"), N_("reset"), NULL };

static const EventField fields_rtc_change[] = {
    FIELD("offset", CALLBACK(RtcChange), msg.offset, NULL),
    { 0 },
};
static const EventField fields_watchdog[] = {
    FIELD("action", CALLBACK(Watchdog), msg.action, watchdog_actions),
    { 0 },
};
static const EventField fields_io_error[] = {
    FIELD("path", CALLBACK(IoError), msg.src_path, NULL),
    FIELD("device", CALLBACK(IoError), msg.dev_alias, NULL),
    FIELD("action", CALLBACK(IoError), msg.action, io_error_actions),
    { 0 },
};
static const EventField fields_io_error_reason[] = {
    FIELD("path", CALLBACK(IoErrorReason), msg.src_path, NULL),
    FIELD("device", CALLBACK(IoErrorReason), msg.dev_alias, NULL),
    FIELD("action", CALLBACK(IoErrorReason), msg.action, io_error_actions),
    FIELD("reason", CALLBACK(IoErrorReason), msg.reason, NULL),
    { 0 },
};
static const EventField fields_graphics[] = {
    FIELD("phase", CALLBACK(Graphics), msg.phase, graphics_phases),
    FIELD("local", CALLBACK(Graphics), msg.local, NULL),
    FIELD("remote", CALLBACK(Graphics), msg.remote, NULL),
    FIELD("auth", CALLBACK(Graphics), msg.auth_scheme, NULL),
    { 0 },
};
static const EventField fields_block_job[] = {
    FIELD("job", CALLBACK(BlockJob), msg.type, block_jobs),
    FIELD("disk", CALLBACK(BlockJob), msg.path, NULL),
    FIELD("status", CALLBACK(BlockJob), msg.status, block_job_states),
    { 0 },
};
static const EventField fields_block_job_2[] = {
    FIELD("job", LodgeDomainEventBlockJob2Event, type, block_jobs),
    FIELD("disk", LodgeDomainEventBlockJob2Event, dst, NULL),
    FIELD("status", LodgeDomainEventBlockJob2Event, status, block_job_states),
    { 0 },
};
static const EventField fields_disk_change[] = {
    FIELD("device", CALLBACK(DiskChange), msg.dev_alias, NULL),
    FIELD("old", CALLBACK(DiskChange), msg.old_src_path, NULL),
    FIELD("new", CALLBACK(DiskChange), msg.new_src_path, NULL),
    FIELD("reason", CALLBACK(DiskChange), msg.reason, disk_change_reasons),
    { 0 },
};
static const EventField fields_tray_change[] = {
    FIELD("device", CALLBACK(TrayChange), msg.dev_alias, NULL),
    FIELD("reason", CALLBACK(TrayChange), msg.reason, tray_change_reasons),
    { 0 },
};
static const EventField fields_balloon_change[] = {
    FIELD("actual_kib", CALLBACK(BalloonChange), msg.actual, NULL, "KiB"),
    { 0 },
};
static const EventField fields_device_removed[] = {
    FIELD("device", CALLBACK(DeviceRemoved), msg.dev_alias, NULL),
    { 0 },
};
static const EventField fields_agent_lifecycle[] = {
    FIELD("state", CALLBACK(AgentLifecycle), state, agent_states),
    FIELD("reason", CALLBACK(AgentLifecycle), reason, agent_reasons),
    { 0 },
};
static const EventField fields_device_added[] = {
    FIELD("device", CALLBACK(DeviceAdded), dev_alias, NULL),
    { 0 },
};
static const EventField fields_migration_iteration[] = {
    FIELD("iteration", CALLBACK(MigrationIteration), iteration, NULL),
    { 0 },
};
static const EventField fields_removal_failed[] = {
    FIELD("device", CALLBACK(DeviceRemovalFailed), dev_alias, NULL),
    { 0 },
};
static const EventField fields_metadata_change[] = {
    FIELD("type", CALLBACK(MetadataChange), type, metadata_types),
    FIELD("uri", CALLBACK(MetadataChange), nsuri, NULL),
    { 0 },
};
static const EventField fields_block_threshold[] = {
    FIELD("device", LodgeDomainEventBlockThresholdEvent, dev, NULL),
    FIELD("path", LodgeDomainEventBlockThresholdEvent, path, NULL),
    FIELD("threshold", LodgeDomainEventBlockThresholdEvent, threshold, NULL),
    FIELD("excess", LodgeDomainEventBlockThresholdEvent, excess, NULL),
    { 0 },
};
static const EventField fields_memory_failure[] = {
    FIELD("recipient", LodgeDomainEventMemoryFailureEvent, recipient, failure_recipients),
    FIELD("action", LodgeDomainEventMemoryFailureEvent, action, failure_actions),
    FIELD("flags", LodgeDomainEventMemoryFailureEvent, flags, NULL),
    { 0 },
};
static const EventField fields_memory_size[] = {
    FIELD("device", LodgeDomainEventMemoryDeviceSizeChangeEvent, alias, NULL),
    FIELD("size", LodgeDomainEventMemoryDeviceSizeChangeEvent, size, NULL),
    { 0 },
};

#define WITH_MSG(TYPE) offsetof(LodgeDomainEventCallback##TYPE##Event, msg.dom)

const EventRow event_rows[] = {
    { "lifecycle", VIR_DOMAIN_EVENT_ID_LIFECYCLE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_LIFECYCLE, WITH_MSG(Lifecycle),
      NULL, describe_lifecycle },
    { "reboot", VIR_DOMAIN_EVENT_ID_REBOOT, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_REBOOT, WITH_MSG(Reboot), NULL },
    { "rtc-change", VIR_DOMAIN_EVENT_ID_RTC_CHANGE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_RTC_CHANGE, WITH_MSG(RtcChange),
      fields_rtc_change },
    { "watchdog", VIR_DOMAIN_EVENT_ID_WATCHDOG, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_WATCHDOG, WITH_MSG(Watchdog),
      fields_watchdog },
    { "io-error", VIR_DOMAIN_EVENT_ID_IO_ERROR, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_IO_ERROR, WITH_MSG(IoError),
      fields_io_error },
    { "graphics", VIR_DOMAIN_EVENT_ID_GRAPHICS, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_GRAPHICS, WITH_MSG(Graphics),
      fields_graphics },
    { "io-error-reason", VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_IO_ERROR_REASON,
      WITH_MSG(IoErrorReason), fields_io_error_reason },
    { "control-error", VIR_DOMAIN_EVENT_ID_CONTROL_ERROR, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_CONTROL_ERROR,
      WITH_MSG(ControlError), NULL },
    { "block-job", VIR_DOMAIN_EVENT_ID_BLOCK_JOB, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_BLOCK_JOB, WITH_MSG(BlockJob),
      fields_block_job },
    { "disk-change", VIR_DOMAIN_EVENT_ID_DISK_CHANGE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_DISK_CHANGE,
      WITH_MSG(DiskChange), fields_disk_change },
    { "tray-change", VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_TRAY_CHANGE,
      WITH_MSG(TrayChange), fields_tray_change },
    { "pm-wakeup", VIR_DOMAIN_EVENT_ID_PMWAKEUP, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_PMWAKEUP, WITH_MSG(Pmwakeup), NULL },
    { "pm-suspend", VIR_DOMAIN_EVENT_ID_PMSUSPEND, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_PMSUSPEND, WITH_MSG(Pmsuspend),
      NULL },
    { "balloon-change", VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_BALLOON_CHANGE,
      WITH_MSG(BalloonChange), fields_balloon_change },
    { "pm-suspend-disk", VIR_DOMAIN_EVENT_ID_PMSUSPEND_DISK, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_PMSUSPEND_DISK,
      WITH_MSG(PmsuspendDisk), NULL },
    { "device-removed", VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVED,
      WITH_MSG(DeviceRemoved), fields_device_removed },
    { "block-job-2", VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2, LODGE_EVENT_DOMAIN_EVENT_BLOCK_JOB_2,
      offsetof(LodgeDomainEventBlockJob2Event, dom), fields_block_job_2 },
    { "tunable", VIR_DOMAIN_EVENT_ID_TUNABLE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_TUNABLE,
      offsetof(LodgeDomainEventCallbackTunableEvent, dom), NULL, describe_tunable },
    { "agent-lifecycle", VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_AGENT_LIFECYCLE,
      offsetof(LodgeDomainEventCallbackAgentLifecycleEvent, dom), fields_agent_lifecycle },
    { "device-added", VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_DEVICE_ADDED,
      offsetof(LodgeDomainEventCallbackDeviceAddedEvent, dom), fields_device_added },
    { "migration-iteration", VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
      LODGE_EVENT_DOMAIN_EVENT_CALLBACK_MIGRATION_ITERATION,
      offsetof(LodgeDomainEventCallbackMigrationIterationEvent, dom), fields_migration_iteration },
    { "job-completed", VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_JOB_COMPLETED,
      offsetof(LodgeDomainEventCallbackJobCompletedEvent, dom), NULL, describe_job_completed },
    { "device-removal-failed", VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED,
      LODGE_EVENT_DOMAIN_EVENT_CALLBACK_DEVICE_REMOVAL_FAILED,
      offsetof(LodgeDomainEventCallbackDeviceRemovalFailedEvent, dom), fields_removal_failed },
    { "metadata-change", VIR_DOMAIN_EVENT_ID_METADATA_CHANGE, LODGE_EVENT_DOMAIN_EVENT_CALLBACK_METADATA_CHANGE,
      offsetof(LodgeDomainEventCallbackMetadataChangeEvent, dom), fields_metadata_change },
    { "block-threshold", VIR_DOMAIN_EVENT_ID_BLOCK_THRESHOLD, LODGE_EVENT_DOMAIN_EVENT_BLOCK_THRESHOLD,
      offsetof(LodgeDomainEventBlockThresholdEvent, dom), fields_block_threshold },
    { "memory-failure", VIR_DOMAIN_EVENT_ID_MEMORY_FAILURE, LODGE_EVENT_DOMAIN_EVENT_MEMORY_FAILURE,
      offsetof(LodgeDomainEventMemoryFailureEvent, dom), fields_memory_failure },
    { "memory-device-size-change", VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE,
      LODGE_EVENT_DOMAIN_EVENT_MEMORY_DEVICE_SIZE_CHANGE, offsetof(LodgeDomainEventMemoryDeviceSizeChangeEvent, dom),
      fields_memory_size },
    { 0 },
};
