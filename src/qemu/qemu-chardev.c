/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character devices' back ends are described once, by the names that -chardev gives their options; here that becomes
 * the option's text, or the arguments of chardev-add, which nests and names the same things otherwise (QEMU's QMP
 * reference, qapi/char.json and sockets.json).
 */
#include "qemu/qemu-args-private.h"

#include <string.h>

static void append_member(JsonObject *object, const char *name, JsonNode *node, gpointer data)
{
    GString *text = data;
    if (strcmp(name, "backend") == 0) {
        g_string_append(text, json_node_get_string(node));
        return;
    }
    g_string_append_printf(text, ",%s=", name);
    if (json_node_get_value_type(node) == G_TYPE_BOOLEAN) {
        g_string_append(text, json_node_get_boolean(node) ? "on" : "off");
    } else if (json_node_get_value_type(node) == G_TYPE_INT64) {
        g_string_append_printf(text, "%" G_GINT64_FORMAT, json_node_get_int(node));
    } else {
        g_autofree char *escaped = qemu_args_escape(json_node_get_string(node));
        g_string_append(text, escaped);
    }
}

void qemu_args_add_chardev(QemuArgs *args, JsonObject *object)
{
    if (args->steps) {
        qemu_plug_add(args, "-chardev", qemu_chardev_command(object));
        json_object_unref(object);
        return;
    }
    g_autoptr(JsonObject) owned = object;
    g_autoptr(GString) text = g_string_new(NULL);
    json_object_foreach_member(owned, append_member, text);
    qemu_args_add(args, "-chardev", "%s", text->str);
}

static JsonObject *inet_address(const char *host, const char *port)
{
    return qmp_object("s:type", "inet", "o:data", qmp_object("s:host", host, "s:port", port, NULL), NULL);
}

static JsonObject *socket_address(JsonObject *object)
{
    const char *path = qmp_get_string(object, "path"), *fd = qmp_get_string(object, "fd");
    if (fd)
        return qmp_object("s:type", "fd", "o:data", qmp_object("s:str", fd, NULL), NULL);
    if (path)
        return qmp_object("s:type", "unix", "o:data", qmp_object("s:path", path, NULL), NULL);
    return inet_address(qmp_get_string(object, "host"), qmp_get_string(object, "port"));
}

static JsonObject *socket_data(JsonObject *object)
{
    JsonObject *address = socket_address(object);
    bool server = qmp_get_bool(object, "server", false);
    JsonObject *data = qmp_object("o:addr", address, "b:server", (gboolean)server, "B:telnet",
                                  (gboolean)qmp_get_bool(object, "telnet", false), "I:reconnect",
                                  qmp_get_int(object, "reconnect", 0), NULL);
    if (server) /* a QEMU that runs must not be held up by whoever does not connect */
        json_object_set_boolean_member(data, "wait", FALSE);
    return data;
}

static JsonObject *udp_data(JsonObject *object)
{
    return qmp_object("o:remote", inet_address(qmp_get_string(object, "host"), qmp_get_string(object, "port")),
                      "o:local", inet_address(qmp_get_string(object, "localaddr"), qmp_get_string(object, "localport")),
                      NULL);
}

static JsonObject *file_data(JsonObject *object)
{
    JsonObject *data = qmp_object("s:out", qmp_get_string(object, "path"), NULL);
    if (json_object_has_member(object, "append"))
        json_object_set_boolean_member(data, "append", qmp_get_bool(object, "append", false));
    return data;
}

static JsonObject *device_data(JsonObject *object)
{
    return qmp_object("s:device", qmp_get_string(object, "path"), NULL);
}

static JsonObject *spicevmc_data(JsonObject *object)
{
    return qmp_object("s:type", qmp_get_string(object, "name"), NULL);
}

static JsonObject *spiceport_data(JsonObject *object)
{
    return qmp_object("s:fqdn", qmp_get_string(object, "name"), NULL);
}

static JsonObject *dbus_data(JsonObject *object)
{
    return qmp_object("s:name", qmp_get_string(object, "name"), NULL);
}

static JsonObject *vdagent_data(JsonObject *object)
{
    return qmp_object("b:mouse", (gboolean)qmp_get_bool(object, "mouse", false), "b:clipboard",
                      (gboolean)qmp_get_bool(object, "clipboard", false), NULL);
}

/* Back ends that are not here have no options of their own. */
static const struct {
    const char *backend;
    JsonObject *(*data)(JsonObject *object);
} data_rows[] = {
    { "socket", socket_data },     { "udp", udp_data },
    { "file", file_data },         { "pipe", device_data },
    { "serial", device_data },     { "parallel", device_data },
    { "spicevmc", spicevmc_data }, { "spiceport", spiceport_data },
    { "dbus", dbus_data },         { "qemu-vdagent", vdagent_data },
};

JsonObject *qemu_chardev_command(JsonObject *object)
{
    const char *backend = qmp_get_string(object, "backend");
    JsonObject *data = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(data_rows); i++)
        if (strcmp(data_rows[i].backend, backend) == 0)
            data = data_rows[i].data(object);
    if (!data)
        data = json_object_new();
    if (qmp_get_string(object, "logfile"))
        qmp_object_add(data, "s:logfile", qmp_get_string(object, "logfile"), "b:logappend",
                       (gboolean)qmp_get_bool(object, "logappend", false), NULL);
    return qmp_object("s:id", qmp_get_string(object, "id"), "o:backend",
                      qmp_object("s:type", backend, "o:data", data, NULL), NULL);
}
