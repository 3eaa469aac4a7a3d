/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-scope.h"

#include "base/error.h"
#include "host/host-sysfs.h"

#include <gio/gio.h>
#include <string.h>

#define SERVICE    "org.freedesktop.systemd1"
#define OBJECT     "/org/freedesktop/systemd1"
#define MANAGER    SERVICE ".Manager"
#define TIMEOUT_MS 10000

bool host_scope_used(const char *sysroot)
{
    return host_sysfs_exists(sysroot, "/run/systemd/system");
}

char *host_scope_escape(const char *text)
{
    GString *name = g_string_new(NULL);
    for (const char *c = text; *c; c++) {
        if (g_ascii_isalnum(*c) || *c == '_' || *c == ':' || (*c == '.' && c > text))
            g_string_append_c(name, *c);
        else
            g_string_append_printf(name, "\\x%02x", (unsigned char)*c);
    }
    return g_string_free(name, FALSE);
}

/* One job of systemd that is waited for. */
typedef struct {
    const char *unit;
    char *result; /* "done", "failed" …; NULL while it runs */
    bool late;
} Waiting;

static void on_job_removed(GDBusConnection *bus, const char *sender, const char *object, const char *interface,
                           const char *signal, GVariant *parameters, gpointer data)
{
    Waiting *waiting = data;
    const char *unit, *result;
    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(uoss)")))
        return;
    g_variant_get(parameters, "(uo&s&s)", NULL, NULL, &unit, &result);
    if (strcmp(unit, waiting->unit) == 0 && !waiting->result)
        waiting->result = g_strdup(result);
}

static gboolean on_late(gpointer data)
{
    ((Waiting *)data)->late = true;
    return G_SOURCE_REMOVE;
}

static GDBusConnection *connect_bus(GError **why)
{
    GDBusConnectionFlags flags =
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION;
    g_autofree char *address = g_dbus_address_get_for_bus_sync(G_BUS_TYPE_SYSTEM, NULL, why);
    return address ? g_dbus_connection_new_for_address_sync(address, flags, NULL, NULL, why) : NULL;
}

static GVariant *order(const char *unit, const char *slice, const char *description, pid_t pid)
{
    GVariantBuilder properties;
    g_variant_builder_init(&properties, G_VARIANT_TYPE("a(sv)"));
    g_variant_builder_add(&properties, "(sv)", "Description", g_variant_new_string(description));
    g_variant_builder_add(&properties, "(sv)", "Slice", g_variant_new_string(slice));
    g_variant_builder_add(&properties, "(sv)", "Delegate", g_variant_new_boolean(TRUE));
    g_variant_builder_add(&properties, "(sv)", "PIDs",
                          g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, &(guint32){ (guint32)pid }, 1, 4));
    return g_variant_new("(ssa(sv)@a(sa(sv)))", unit, "fail", &properties,
                         g_variant_new_array(G_VARIANT_TYPE("(sa(sv))"), NULL, 0));
}

/* @context: the calling thread's own, where the bus tells of the job's end. */
static bool start_on(GDBusConnection *bus, GMainContext *context, GVariant *arguments, Waiting *waiting, GError **why)
{
    guint subscription = g_dbus_connection_signal_subscribe(bus, SERVICE, MANAGER, "JobRemoved", OBJECT, NULL,
                                                            G_DBUS_SIGNAL_FLAGS_NONE, on_job_removed, waiting, NULL);
    g_autoptr(GVariant) job =
        g_dbus_connection_call_sync(bus, SERVICE, OBJECT, MANAGER, "StartTransientUnit", arguments,
                                    G_VARIANT_TYPE("(o)"), G_DBUS_CALL_FLAGS_NONE, TIMEOUT_MS, NULL, why);
    g_autoptr(GSource) timer = g_timeout_source_new(TIMEOUT_MS);
    g_source_set_callback(timer, on_late, waiting, NULL);
    g_source_attach(timer, context);
    while (job && !waiting->result && !waiting->late)
        g_main_context_iteration(context, TRUE);
    g_source_destroy(timer);
    g_dbus_connection_signal_unsubscribe(bus, subscription);
    return job != NULL;
}

bool host_scope_start(const char *unit, const char *slice, const char *description, pid_t pid, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(GVariant) arguments = g_variant_ref_sink(order(unit, slice, description, pid));
    Waiting waiting = { .unit = unit };
    g_autoptr(GMainContext) context = g_main_context_new();
    g_main_context_push_thread_default(context);
    g_autoptr(GDBusConnection) bus = connect_bus(&why);
    bool asked = bus && start_on(bus, context, arguments, &waiting, &why);
    if (bus)
        g_dbus_connection_close_sync(bus, NULL, NULL);
    g_main_context_pop_thread_default(context);
    g_autofree char *result = waiting.result;
    if (!asked)
        return error_set(error, VIR_ERR_DBUS_SERVICE, "systemd does not make the scope '%s': %s", unit, why->message);
    if (g_strcmp0(result, "done") == 0)
        return true;
    return error_set(error, VIR_ERR_DBUS_SERVICE, "systemd did not make the scope '%s': %s; see 'journalctl -u %s'",
                     unit, result ? result : "it took too long", unit);
}
