/* SPDX-License-Identifier: Apache-2.0 */
/* Asking systemd for a scope: a bus of the test's own, with a thread in systemd's place. */
#include "base/error.h"
#include "host/host-scope.h"

#include <gio/gio.h>
#include <string.h>

typedef struct {
    GTestDBus *bus;
    GMainContext *context;
    GMainLoop *loop;
    GThread *thread;
    const char *result; /* of the job; NULL: the order itself is refused */
    char *unit, *slice;
    guint32 pid;
    bool delegated;
    gint ready;
} Fixture;

static const char introspection[] =
    "<node><interface name='org.freedesktop.systemd1.Manager'>"
    "<method name='StartTransientUnit'><arg type='s' direction='in'/><arg type='s' direction='in'/>"
    "<arg type='a(sv)' direction='in'/><arg type='a(sa(sv))' direction='in'/><arg type='o' direction='out'/></method>"
    "<signal name='JobRemoved'><arg type='u'/><arg type='o'/><arg type='s'/><arg type='s'/></signal>"
    "</interface></node>";

static void note_property(Fixture *fixture, const char *name, GVariant *value)
{
    gsize count;
    if (strcmp(name, "Slice") == 0)
        fixture->slice = g_variant_dup_string(value, NULL);
    else if (strcmp(name, "Delegate") == 0)
        fixture->delegated = g_variant_get_boolean(value);
    else if (strcmp(name, "PIDs") == 0)
        fixture->pid = *(const guint32 *)g_variant_get_fixed_array(value, &count, sizeof(guint32));
}

static void on_call(GDBusConnection *connection, const char *sender, const char *object, const char *interface,
                    const char *method, GVariant *parameters, GDBusMethodInvocation *invocation, gpointer data)
{
    Fixture *fixture = data;
    g_autoptr(GVariantIter) properties = NULL;
    const char *name;
    GVariant *value;
    g_variant_get(parameters, "(ssa(sv)a(sa(sv)))", &fixture->unit, NULL, &properties, NULL);
    while (g_variant_iter_loop(properties, "(&sv)", &name, &value))
        note_property(fixture, name, value);
    if (!fixture->result) {
        g_dbus_method_invocation_return_dbus_error(invocation, "org.freedesktop.systemd1.UnitExists",
                                                   "Unit was already loaded.");
        return;
    }
    /* The job may be done before the caller has heard its number. */
    g_dbus_connection_emit_signal(connection, NULL, object, interface, "JobRemoved",
                                  g_variant_new("(uoss)", 1, "/job/1", "other.scope", "failed"), NULL);
    g_dbus_connection_emit_signal(connection, NULL, object, interface, "JobRemoved",
                                  g_variant_new("(uoss)", 2, "/job/2", fixture->unit, fixture->result), NULL);
    g_dbus_method_invocation_return_value(invocation, g_variant_new("(o)", "/job/2"));
}

static void on_name(GDBusConnection *connection, const char *name, gpointer data)
{
    g_atomic_int_set(&((Fixture *)data)->ready, 1);
}

static gpointer serve(gpointer data)
{
    static const GDBusInterfaceVTable table = { .method_call = on_call };
    Fixture *fixture = data;
    g_main_context_push_thread_default(fixture->context);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusNodeInfo) node = g_dbus_node_info_new_for_xml(introspection, &error);
    g_autoptr(GDBusConnection) connection = g_dbus_connection_new_for_address_sync(
        g_test_dbus_get_bus_address(fixture->bus),
        G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL,
        &error);
    g_assert_no_error(error);
    g_dbus_connection_register_object(connection, "/org/freedesktop/systemd1", node->interfaces[0], &table, fixture,
                                      NULL, &error);
    g_assert_no_error(error);
    guint owner = g_bus_own_name_on_connection(connection, "org.freedesktop.systemd1", G_BUS_NAME_OWNER_FLAGS_NONE,
                                               on_name, NULL, fixture, NULL);
    g_main_loop_run(fixture->loop);
    g_bus_unown_name(owner);
    g_dbus_connection_close_sync(connection, NULL, NULL);
    g_main_context_pop_thread_default(fixture->context);
    return NULL;
}

static void set_up(Fixture *fixture, gconstpointer result)
{
    fixture->result = result;
    fixture->bus = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(fixture->bus);
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_test_dbus_get_bus_address(fixture->bus), TRUE);
    fixture->context = g_main_context_new();
    fixture->loop = g_main_loop_new(fixture->context, FALSE);
    fixture->thread = g_thread_new("systemd", serve, fixture);
    while (!g_atomic_int_get(&fixture->ready))
        g_usleep(1000);
}

static void tear_down(Fixture *fixture, gconstpointer result)
{
    g_main_loop_quit(fixture->loop);
    g_thread_join(fixture->thread);
    g_main_loop_unref(fixture->loop);
    g_main_context_unref(fixture->context);
    g_unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
    g_test_dbus_down(fixture->bus);
    g_object_unref(fixture->bus);
    g_free(fixture->unit);
    g_free(fixture->slice);
}

static void test_start(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_assert_true(host_scope_start("machine-lodge\\x2d1\\x2dweb.scope", "machine.slice", "web", 4711, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(fixture->unit, ==, "machine-lodge\\x2d1\\x2dweb.scope");
    g_assert_cmpstr(fixture->slice, ==, "machine.slice");
    g_assert_cmpuint(fixture->pid, ==, 4711);
    g_assert_true(fixture->delegated);
}

static void test_failed(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(host_scope_start("machine-a.scope", "machine.slice", "a", 1, &error));
    g_assert_true(error_is(error, VIR_ERR_DBUS_SERVICE));
    g_assert_nonnull(strstr(error->message, "failed"));
}

static void test_refused(Fixture *fixture, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_assert_false(host_scope_start("machine-a.scope", "machine.slice", "a", 1, &error));
    g_assert_nonnull(strstr(error->message, "Unit was already loaded"));
}

static void test_no_bus(void)
{
    g_autoptr(GError) error = NULL;
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/bus", TRUE);
    g_assert_false(host_scope_start("machine-a.scope", "machine.slice", "a", 1, &error));
    g_assert_true(error_is(error, VIR_ERR_DBUS_SERVICE));
    g_unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
}

static void test_escape(void)
{
    g_autofree char *name = host_scope_escape("lodge-1-a b.c_d");
    g_autofree char *dot = host_scope_escape(".x");
    g_assert_cmpstr(name, ==, "lodge\\x2d1\\x2da\\x20b.c_d");
    g_assert_cmpstr(dot, ==, "\\x2ex");
    g_assert_false(host_scope_used("/nonexistent"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_autofree char *daemon = g_find_program_in_path("dbus-daemon");
    g_test_add_func("/host/scope/escape", test_escape);
    g_test_add_func("/host/scope/no-bus", test_no_bus);
    if (daemon) {
        g_test_add("/host/scope/start", Fixture, "done", set_up, test_start, tear_down);
        g_test_add("/host/scope/failed", Fixture, "failed", set_up, test_failed, tear_down);
        g_test_add("/host/scope/refused", Fixture, NULL, set_up, test_refused, tear_down);
    }
    return g_test_run();
}
