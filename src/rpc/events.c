/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/events.h"

#include "base/error.h"
#include "base/log.h"
#include "base/main-loop.h"

#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <stdatomic.h>
#include <string.h>

typedef struct {
    EventClass class;
    int event_id;
    ProcedureId event;
    int legacy;           /* the ProcedureId without callback id; -1: none */
    unsigned legacy_skip; /* bytes of the payload that this form leaves out at its beginning */
} EventRow;

static const EventRow event_rows[];
static const unsigned n_event_rows;

typedef struct {
    Client *client; /* not a reference: the close hook removes the registration */
    guint close_hook;
    int32_t callback_id;
    const EventRow *row; /* NULL: QMP events */
    bool legacy;
    const XdrType *subject_type;
    WireDomain *subject; /* or another object of subject_type, a copy; NULL: all */
    char *monitor_name;  /* QMP events: exact name; NULL: all, or by pattern */
    GRegex *monitor_pattern;
} Registration;

struct EventHub {
    GPtrArray *registrations; /* of Registration *; main loop */
    int32_t last_callback_id;
    atomic_uint wanted[PROCEDURE_COUNT]; /* registrations of each event */
};

/* An event on its way to the main loop. */
typedef struct {
    EventHub *hub;
    const Procedure *procedure;
    GByteArray *payload;
    void *message; /* decoded anew from the payload for the filters; NULL: only if one asks */
} Emitted;

static ProcedureId registration_event(const Registration *registration)
{
    return registration->row ? registration->row->event : PROC_QEMU_DOMAIN_MONITOR_EVENT;
}

static void registration_free(Registration *registration)
{
    if (registration->subject) {
        xdr_clear(registration->subject_type, registration->subject);
        g_free(registration->subject);
    }
    g_free(registration->monitor_name);
    g_clear_pointer(&registration->monitor_pattern, g_regex_unref);
    g_free(registration);
}

EventHub *event_hub_new(void)
{
    EventHub *hub = g_new0(EventHub, 1);
    hub->registrations = g_ptr_array_new_with_free_func((GDestroyNotify)registration_free);
    return hub;
}

void event_hub_free(EventHub *hub)
{
    if (!hub)
        return;
    g_ptr_array_unref(hub->registrations);
    g_free(hub);
}

bool event_is_wanted(EventHub *hub, ProcedureId event)
{
    return atomic_load(&hub->wanted[event]) > 0;
}

/* Registering */

static void remove_at(EventHub *hub, guint index)
{
    Registration *registration = hub->registrations->pdata[index];
    atomic_fetch_sub(&hub->wanted[registration_event(registration)], 1);
    g_ptr_array_remove_index(hub->registrations, index);
}

static void on_client_closed(Client *client, gpointer data)
{
    EventHub *hub = data;
    for (guint i = hub->registrations->len; i-- > 0;) {
        if (((Registration *)hub->registrations->pdata[i])->client == client)
            remove_at(hub, i);
    }
}

static Registration *add_registration(EventHub *hub, Client *client, const EventRow *row)
{
    Registration *registration = g_new0(Registration, 1);
    registration->client = client;
    registration->callback_id = ++hub->last_callback_id;
    registration->row = row;
    registration->close_hook = client_add_close_hook(client, on_client_closed, hub);
    g_ptr_array_add(hub->registrations, registration);
    atomic_fetch_add(&hub->wanted[registration_event(registration)], 1);
    return registration;
}

static const EventRow *find_row(EventClass class, int event_id)
{
    for (unsigned i = 0; i < n_event_rows; i++) {
        if (event_rows[i].class == class && event_rows[i].event_id == event_id)
            return &event_rows[i];
    }
    return NULL;
}

/* A deep copy by way of the wire. */
static void *copy_object(const XdrType *type, const void *object)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    void *copy = g_malloc0(type->size);
    if (!xdr_encode(type, object, bytes, NULL) || !xdr_decode(type, bytes->data, bytes->len, copy, NULL))
        g_clear_pointer(&copy, g_free);
    return copy;
}

bool event_register(EventHub *hub, Client *client, EventClass class, int event_id, const void *subject,
                    int32_t *ret_callback_id, GError **error)
{
    const EventRow *row = find_row(class, event_id);
    if (!row)
        return error_set(error, VIR_ERR_INVALID_ARG, "unsupported event ID %d", event_id);
    Registration *registration = add_registration(hub, client, row);
    if (subject) {
        registration->subject_type = procedure_rows[row->event].subject;
        registration->subject = copy_object(registration->subject_type, subject);
    }
    *ret_callback_id = registration->callback_id;
    return true;
}

static Registration *find_legacy(EventHub *hub, const Client *client, int event_id, guint *ret_index)
{
    for (guint i = 0; i < hub->registrations->len; i++) {
        Registration *registration = hub->registrations->pdata[i];
        if (registration->client == client && registration->legacy && registration->row->event_id == event_id) {
            *ret_index = i;
            return registration;
        }
    }
    return NULL;
}

bool event_register_legacy(EventHub *hub, Client *client, int event_id, GError **error)
{
    const EventRow *row = find_row(EVENTS_DOMAIN, event_id);
    guint index;
    if (!row || row->legacy < 0)
        return error_set(error, VIR_ERR_INVALID_ARG, "unsupported event ID %d", event_id);
    if (find_legacy(hub, client, event_id, &index))
        return error_set(error, VIR_ERR_OPERATION_INVALID, "event ID %d is already registered", event_id);
    add_registration(hub, client, row)->legacy = true;
    return true;
}

static bool compile_pattern(Registration *registration, const char *name, uint32_t flags, GError **error)
{
    if (!(flags & VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX)) {
        registration->monitor_name = g_strdup(name);
        if (!(flags & VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE))
            return true;
    }
    g_autofree char *quoted = registration->monitor_name ? g_regex_escape_string(name, -1) : g_strdup(name);
    g_autofree char *anchored = registration->monitor_name ? g_strdup_printf("^%s$", quoted) : g_strdup(quoted);
    GRegexCompileFlags options = G_REGEX_OPTIMIZE;
    if (flags & VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE)
        options |= G_REGEX_CASELESS;
    g_autoptr(GError) reason = NULL;
    registration->monitor_pattern = g_regex_new(anchored, options, 0, &reason);
    if (!registration->monitor_pattern)
        return error_set(error, VIR_ERR_INVALID_ARG, "event pattern '%s': %s", name, reason->message);
    g_clear_pointer(&registration->monitor_name, g_free);
    return true;
}

bool event_register_monitor(EventHub *hub, Client *client, const WireDomain *dom, const char *name, uint32_t flags,
                            int32_t *ret_callback_id, GError **error)
{
    const uint32_t known =
        VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_REGEX | VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_NOCASE;
    if (flags & ~known)
        return error_set(error, VIR_ERR_INVALID_ARG, "unsupported flags 0x%x", flags & ~known);
    Registration *registration = add_registration(hub, client, NULL);
    if (name && !compile_pattern(registration, name, flags, error)) {
        client_remove_close_hook(client, registration->close_hook);
        remove_at(hub, hub->registrations->len - 1);
        return false;
    }
    if (dom) {
        registration->subject_type = &xdr_WireDomain;
        registration->subject = copy_object(&xdr_WireDomain, dom);
    }
    *ret_callback_id = registration->callback_id;
    return true;
}

static void deregister_at(EventHub *hub, guint index)
{
    const Registration *registration = hub->registrations->pdata[index];
    client_remove_close_hook(registration->client, registration->close_hook);
    remove_at(hub, index);
}

/* @row_fits: class ≥ 0: of that class; -1: QMP events. */
static bool deregister_id(EventHub *hub, const Client *client, int class, int32_t callback_id, GError **error)
{
    for (guint i = 0; i < hub->registrations->len; i++) {
        const Registration *registration = hub->registrations->pdata[i];
        int own_class = registration->row ? (int)registration->row->class : -1;
        if (registration->client != client || registration->legacy || own_class != class ||
            registration->callback_id != callback_id)
            continue;
        deregister_at(hub, i);
        return true;
    }
    return error_set(error, VIR_ERR_INVALID_ARG, "event callback with id %d is not registered", callback_id);
}

bool event_deregister(EventHub *hub, Client *client, EventClass class, int32_t callback_id, GError **error)
{
    return deregister_id(hub, client, (int)class, callback_id, error);
}

bool event_deregister_monitor(EventHub *hub, Client *client, int32_t callback_id, GError **error)
{
    return deregister_id(hub, client, -1, callback_id, error);
}

bool event_deregister_legacy(EventHub *hub, Client *client, int event_id, GError **error)
{
    guint index;
    if (!find_legacy(hub, client, event_id, &index))
        return error_set(error, VIR_ERR_INVALID_ARG, "event ID %d is not registered", event_id);
    deregister_at(hub, index);
    return true;
}

void event_deregister_all(EventHub *hub, Client *client)
{
    for (guint i = hub->registrations->len; i-- > 0;) {
        if (((Registration *)hub->registrations->pdata[i])->client == client)
            deregister_at(hub, i);
    }
}

/* Emitting */

/* Objects are compared by what identifies them: node devices by name, the others by UUID. */
static bool same_object(const XdrType *type, const void *a, const void *b)
{
    if (type == &xdr_WireDomain)
        return uuid_equal(&((const WireDomain *)a)->uuid, &((const WireDomain *)b)->uuid);
    if (type == &xdr_WireNetwork)
        return uuid_equal(&((const WireNetwork *)a)->uuid, &((const WireNetwork *)b)->uuid);
    if (type == &xdr_WireStoragePool)
        return uuid_equal(&((const WireStoragePool *)a)->uuid, &((const WireStoragePool *)b)->uuid);
    if (type == &xdr_WireSecret)
        return uuid_equal(&((const WireSecret *)a)->uuid, &((const WireSecret *)b)->uuid);
    return !g_strcmp0(((const WireNodeDevice *)a)->name, ((const WireNodeDevice *)b)->name);
}

static bool wants(const Registration *registration, const Emitted *emitted)
{
    if (procedure_id(emitted->procedure) != registration_event(registration))
        return false;
    if (registration->subject && !same_object(registration->subject_type, registration->subject,
                                              (const char *)emitted->message + emitted->procedure->subject_offset))
        return false;
    if (registration->row)
        return true;
    const char *name = ((const QemuDomainMonitorEventMsg *)emitted->message)->event;
    if (registration->monitor_name)
        return !strcmp(registration->monitor_name, name);
    return !registration->monitor_pattern || g_regex_match(registration->monitor_pattern, name, 0, NULL);
}

static void send_to(const Registration *registration, const Emitted *emitted)
{
    const Procedure *procedure = registration->legacy ? &procedure_rows[registration->row->legacy] : emitted->procedure;
    unsigned skip = registration->legacy ? registration->row->legacy_skip : 4;
    FrameHeader header = { procedure->program, FRAME_VERSION, procedure->number, FRAME_EVENT, 0, FRAME_OK };
    GByteArray *frame = frame_new(&header);
    if (!registration->legacy)
        frame_append_u32(frame, (uint32_t)registration->callback_id);
    g_byte_array_append(frame, emitted->payload->data + skip, emitted->payload->len - skip);
    if (!frame_finish(frame, NULL)) { /* xdr_encode() keeps every string below the limit: events are small */
        g_byte_array_unref(frame);
        return;
    }
    client_send(registration->client, frame, NULL, 0);
}

static void route(gpointer data)
{
    g_autofree Emitted *emitted = data;
    g_autoptr(GByteArray) payload = emitted->payload;
    g_autofree void *message = g_malloc0(emitted->procedure->args->size);
    emitted->message = message;
    if (xdr_decode(emitted->procedure->args, payload->data, payload->len, message, NULL)) {
        /* Sending never removes registrations: clients that fail are closed later. */
        for (guint i = 0; i < emitted->hub->registrations->len; i++) {
            const Registration *registration = emitted->hub->registrations->pdata[i];
            if (wants(registration, emitted))
                send_to(registration, emitted);
        }
    }
    xdr_clear(emitted->procedure->args, message);
}

void event_emit(EventHub *hub, ProcedureId event, const void *payload)
{
    const Procedure *procedure = &procedure_rows[event];
    g_assert(procedure->kind == KIND_EVENT);
    if (!event_is_wanted(hub, event))
        return;
    g_autoptr(GError) error = NULL;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    if (!xdr_encode(procedure->args, payload, bytes, &error)) {
        log_error("event %s: %s", procedure->name, error->message);
        return;
    }
    Emitted *emitted = g_new0(Emitted, 1);
    emitted->hub = hub;
    emitted->procedure = procedure;
    emitted->payload = g_steal_pointer(&bytes);
    main_loop_post(route, emitted);
}

#define DOMAIN(id, name)                                                                                               \
    {                                                                                                                  \
        EVENTS_DOMAIN, VIR_DOMAIN_EVENT_ID_##id, PROC_DOMAIN_EVENT_##name, -1, 0                                       \
    }
#define DOMAIN_BOTH(id, name) DOMAIN_SKIPPING(id, name, 4)
/* The payload begins with the callback id and a reason, which the older form does not have. */
#define DOMAIN_SKIPPING(id, name, skip)                                                                                \
    {                                                                                                                  \
        EVENTS_DOMAIN, VIR_DOMAIN_EVENT_ID_##id, PROC_DOMAIN_EVENT_CALLBACK_##name, PROC_DOMAIN_EVENT_##name, skip     \
    }

static const EventRow event_rows[] = {
    DOMAIN_BOTH(LIFECYCLE, LIFECYCLE),
    DOMAIN_BOTH(REBOOT, REBOOT),
    DOMAIN_BOTH(RTC_CHANGE, RTC_CHANGE),
    DOMAIN_BOTH(WATCHDOG, WATCHDOG),
    DOMAIN_BOTH(IO_ERROR, IO_ERROR),
    DOMAIN_BOTH(GRAPHICS, GRAPHICS),
    DOMAIN_BOTH(IO_ERROR_REASON, IO_ERROR_REASON),
    DOMAIN_BOTH(CONTROL_ERROR, CONTROL_ERROR),
    DOMAIN_BOTH(BLOCK_JOB, BLOCK_JOB),
    DOMAIN_BOTH(DISK_CHANGE, DISK_CHANGE),
    DOMAIN_BOTH(TRAY_CHANGE, TRAY_CHANGE),
    DOMAIN_SKIPPING(PMWAKEUP, PMWAKEUP, 8),
    DOMAIN_SKIPPING(PMSUSPEND, PMSUSPEND, 8),
    DOMAIN_BOTH(BALLOON_CHANGE, BALLOON_CHANGE),
    DOMAIN_SKIPPING(PMSUSPEND_DISK, PMSUSPEND_DISK, 8),
    DOMAIN_BOTH(DEVICE_REMOVED, DEVICE_REMOVED),
    DOMAIN(BLOCK_JOB_2, BLOCK_JOB_2),
    DOMAIN(TUNABLE, CALLBACK_TUNABLE),
    DOMAIN(AGENT_LIFECYCLE, CALLBACK_AGENT_LIFECYCLE),
    DOMAIN(DEVICE_ADDED, CALLBACK_DEVICE_ADDED),
    DOMAIN(MIGRATION_ITERATION, CALLBACK_MIGRATION_ITERATION),
    DOMAIN(JOB_COMPLETED, CALLBACK_JOB_COMPLETED),
    DOMAIN(DEVICE_REMOVAL_FAILED, CALLBACK_DEVICE_REMOVAL_FAILED),
    DOMAIN(METADATA_CHANGE, CALLBACK_METADATA_CHANGE),
    DOMAIN(BLOCK_THRESHOLD, BLOCK_THRESHOLD),
    DOMAIN(MEMORY_FAILURE, MEMORY_FAILURE),
    DOMAIN(MEMORY_DEVICE_SIZE_CHANGE, MEMORY_DEVICE_SIZE_CHANGE),
    { EVENTS_NETWORK, VIR_NETWORK_EVENT_ID_LIFECYCLE, PROC_NETWORK_EVENT_LIFECYCLE, -1, 0 },
    { EVENTS_STORAGE_POOL, VIR_STORAGE_POOL_EVENT_ID_LIFECYCLE, PROC_STORAGE_POOL_EVENT_LIFECYCLE, -1, 0 },
    { EVENTS_STORAGE_POOL, VIR_STORAGE_POOL_EVENT_ID_REFRESH, PROC_STORAGE_POOL_EVENT_REFRESH, -1, 0 },
    { EVENTS_NODE_DEVICE, VIR_NODE_DEVICE_EVENT_ID_LIFECYCLE, PROC_NODE_DEVICE_EVENT_LIFECYCLE, -1, 0 },
    { EVENTS_NODE_DEVICE, VIR_NODE_DEVICE_EVENT_ID_UPDATE, PROC_NODE_DEVICE_EVENT_UPDATE, -1, 0 },
    { EVENTS_SECRET, VIR_SECRET_EVENT_ID_LIFECYCLE, PROC_SECRET_EVENT_LIFECYCLE, -1, 0 },
    { EVENTS_SECRET, VIR_SECRET_EVENT_ID_VALUE_CHANGED, PROC_SECRET_EVENT_VALUE_CHANGED, -1, 0 },
};
static const unsigned n_event_rows = G_N_ELEMENTS(event_rows);
