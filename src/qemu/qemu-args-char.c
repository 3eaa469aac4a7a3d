/* SPDX-License-Identifier: Apache-2.0 */
/* Character devices: their back ends on the host, and the ports, consoles and channels of the guest. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

/* Who connects: a server that does not wait, or a client that may try again. */
static void add_socket_mode(JsonObject *object, const ChardevSource *source)
{
    if (source->mode == CHARDEV_MODE_BIND)
        qmp_object_add(object, "b:server", TRUE, "b:wait", FALSE, NULL);
    else if (source->reconnect && source->reconnect->enabled == TRI_YES)
        json_object_set_int_member(object, "reconnect", source->reconnect->timeout);
    else if (source->reconnect && source->reconnect->enabled == TRI_NO)
        json_object_set_int_member(object, "reconnect", 0);
}

static JsonObject *tcp_backend(const ChardevSource *source, const char *id, GError **error)
{
    if (source->tls == TRI_YES || source->protocol == CHARDEV_PROTOCOL_TLS ||
        source->protocol == CHARDEV_PROTOCOL_TELNETS) {
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "character device '%s': TLS is not supported", id);
        return NULL;
    }
    JsonObject *object = qmp_object("s:backend", "socket", "s:id", id, "s:host", source->host ? source->host : "",
                                    "s:port", source->service ? source->service : "0", "B:telnet",
                                    (gboolean)(source->protocol == CHARDEV_PROTOCOL_TELNET), NULL);
    add_socket_mode(object, source);
    return object;
}

static JsonObject *udp_backend(const ChardevSource *source, const char *id)
{
    return qmp_object("s:backend", "udp", "s:id", id, "s:host", source->host ? source->host : "", "s:port",
                      source->service ? source->service : "0", "s:localaddr",
                      source->bind_host ? source->bind_host : "", "s:localport",
                      source->bind_service ? source->bind_service : "0", NULL);
}

/* The agents behind spicevmc are told apart by the port that the guest sees. */
static const char *spicevmc_name(const char *alias)
{
    if (g_str_has_prefix(alias, "redir"))
        return "usbredir";
    return g_str_has_prefix(alias, "smartcard") ? "smartcard" : "vdagent";
}

static JsonObject *vdagent_backend(const ChardevSource *source, const char *id)
{
    return qmp_object("s:backend", "qemu-vdagent", "s:id", id, "s:name", "vdagent", "b:clipboard",
                      (gboolean)(source->clipboard_copypaste == TRI_YES), "b:mouse",
                      (gboolean)(source->mouse_mode == CHARDEV_MOUSE_MODE_CLIENT), NULL);
}

static JsonObject *file_backend(const ChardevSource *source, const char *type, const char *id)
{
    JsonObject *object = qmp_object("s:backend", type, "s:id", id, "s:path", source->path, NULL);
    if (source->append && source->type != CHARDEV_TYPE_DEV)
        json_object_set_boolean_member(object, "append", source->append == TRI_YES);
    return object;
}

/* The socket that the daemon has made, which QEMU knows as @fd, or (NULL) one that QEMU is to make. */
static JsonObject *unix_backend(const ChardevSource *source, const char *id, const char *fd)
{
    JsonObject *object =
        qmp_object("s:backend", "socket", "s:id", id, fd ? "s:fd" : "s:path", fd ? fd : source->path, NULL);
    if (!fd || source->mode == CHARDEV_MODE_BIND)
        add_socket_mode(object, source);
    return object;
}

static JsonObject *new_backend(const ChardevSource *source, const char *id, const char *alias, const char *fd,
                               GError **error)
{
    const char *type = model_enum_text(&model_enum_chardev_type, source->type);
    switch (source->type) {
    case CHARDEV_TYPE_PTY:
    case CHARDEV_TYPE_NULL:
    case CHARDEV_TYPE_VC:
    case CHARDEV_TYPE_STDIO: return qmp_object("s:backend", type, "s:id", id, NULL);
    case CHARDEV_TYPE_FILE:
    case CHARDEV_TYPE_PIPE: return file_backend(source, type, id);
    case CHARDEV_TYPE_DEV: return file_backend(source, g_str_has_prefix(alias, "parallel") ? "parallel" : "serial", id);
    case CHARDEV_TYPE_UNIX: return unix_backend(source, id, fd);
    case CHARDEV_TYPE_TCP: return tcp_backend(source, id, error);
    case CHARDEV_TYPE_UDP: return udp_backend(source, id);
    case CHARDEV_TYPE_SPICEVMC: return qmp_object("s:backend", type, "s:id", id, "s:name", spicevmc_name(alias), NULL);
    case CHARDEV_TYPE_SPICEPORT:
    case CHARDEV_TYPE_DBUS: return qmp_object("s:backend", type, "s:id", id, "s:name", source->channel, NULL);
    case CHARDEV_TYPE_QEMU_VDAGENT: return vdagent_backend(source, id);
    default:
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "character device '%s': type '%s' is not supported", alias,
                  source->type ? type : "(none)");
        return NULL;
    }
}

void qemu_socket_fds_add(QemuStartResources *resources, const char *alias, char *name)
{
    if (!resources->socket_fds)
        resources->socket_fds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_hash_table_insert(resources->socket_fds, g_strdup(alias), name);
}

bool qemu_args_chardev(QemuArgs *args, const ChardevSource *source, const char *alias, GError **error)
{
    g_autofree char *id = qemu_chardev_id(alias);
    bool needs_path = source->type == CHARDEV_TYPE_FILE || source->type == CHARDEV_TYPE_PIPE ||
                      source->type == CHARDEV_TYPE_DEV || source->type == CHARDEV_TYPE_UNIX;
    if (needs_path && !source->path)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "character device '%s': <source> names no path", alias);
    GHashTable *fds = args->resources->socket_fds;
    JsonObject *object = new_backend(source, id, alias, fds ? g_hash_table_lookup(fds, alias) : NULL, error);
    if (!object)
        return false;
    if (source->log_file)
        qmp_object_add(object, "s:logfile", source->log_file, "b:logappend", (gboolean)(source->log_append != TRI_NO),
                       NULL);
    qemu_args_add_chardev(args, object);
    return true;
}

/* Back end and front end of one device. @device: transfer full. */
static bool add_pair(QemuArgs *args, const ChardevSource *source, const DomainDeviceInfo *info, JsonObject *device,
                     GError **error)
{
    if (!qemu_args_chardev(args, source, info->alias, error)) {
        json_object_unref(device);
        return false;
    }
    g_autofree char *id = qemu_chardev_id(info->alias);
    json_object_set_string_member(device, "chardev", id);
    return qemu_args_add_device(args, device, info, info->alias, error);
}

static const char *serial_driver(const DomainChardev *serial)
{
    static const char *const by_model[SERIAL_MODEL_COUNT] = {
        [SERIAL_MODEL_ISA_SERIAL] = "isa-serial",     [SERIAL_MODEL_USB_SERIAL] = "usb-serial",
        [SERIAL_MODEL_PCI_SERIAL] = "pci-serial",     [SERIAL_MODEL_SPAPR_VTY] = "spapr-vty",
        [SERIAL_MODEL_SCLPCONSOLE] = "sclpconsole",   [SERIAL_MODEL_SCLPLMCONSOLE] = "sclplmconsole",
        [SERIAL_MODEL_ISA_DEBUGCON] = "isa-debugcon",
    };
    switch (serial->target_type) {
    case CHARDEV_TARGET_USB_SERIAL: return "usb-serial";
    case CHARDEV_TARGET_PCI_SERIAL: return "pci-serial";
    case CHARDEV_TARGET_ISA_DEBUG: return "isa-debugcon";
    case CHARDEV_TARGET_SPAPR_VIO_SERIAL: return "spapr-vty";
    case CHARDEV_TARGET_SYSTEM_SERIAL: return NULL; /* part of the board */
    default: return serial->target_model ? by_model[serial->target_model] : "isa-serial";
    }
}

static bool add_serial(QemuArgs *args, const DomainChardev *serial, GError **error)
{
    const char *driver = serial_driver(serial);
    if (!driver) {
        if (!qemu_args_chardev(args, &serial->source, serial->info.alias, error))
            return false;
        qemu_args_add(args, "-serial", "chardev:char%s", serial->info.alias);
        return true;
    }
    JsonObject *device = qmp_object("s:driver", driver, NULL);
    if (strcmp(driver, "isa-serial") == 0 && serial->port_set)
        json_object_set_int_member(device, "index", serial->port);
    return add_pair(args, &serial->source, &serial->info, device, error);
}

bool qemu_args_serial(QemuArgs *args, unsigned index, GError **error)
{
    return add_serial(args, args->def->serials[index], error);
}

bool qemu_args_serials(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_serials; i++)
        if (!add_serial(args, args->def->serials[i], error))
            return false;
    return true;
}

bool qemu_args_parallels(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_parallels; i++) {
        const DomainChardev *parallel = args->def->parallels[i];
        JsonObject *device = qmp_object("s:driver", "isa-parallel", NULL);
        if (!add_pair(args, &parallel->source, &parallel->info, device, error))
            return false;
    }
    return true;
}

static bool add_guestfwd(QemuArgs *args, const DomainChardev *channel, GError **error)
{
    if (!qemu_args_chardev(args, &channel->source, channel->info.alias, error))
        return false;
    g_autofree char *text =
        g_strdup_printf("tcp:%s:%u-chardev:char%s", channel->guestfwd_address ? channel->guestfwd_address : "10.0.2.1",
                        channel->guestfwd_port, channel->info.alias);
    JsonArray *array = json_array_new();
    json_array_add_object_element(array, qmp_object("s:str", text, NULL));
    qemu_args_add_json(args, "-netdev",
                       qmp_object("s:type", "user", "a:guestfwd", array, "s:id", channel->info.alias, NULL));
    return true;
}

static bool add_channel(QemuArgs *args, const DomainChardev *channel, GError **error)
{
    if (channel->target_type == CHARDEV_TARGET_GUESTFWD)
        return add_guestfwd(args, channel, error);
    if (channel->target_type != CHARDEV_TARGET_VIRTIO)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "channel '%s': target type '%s' is not supported",
                         channel->info.alias, model_enum_text(&model_enum_chardev_target, channel->target_type));
    ChardevSource source = channel->source;
    g_autofree char *path = NULL;
    const char *name = channel->name;
    if (source.type == CHARDEV_TYPE_UNIX && !source.path) {
        path = qemu_channel_path(args->resources->run_dir, channel);
        source.path = path;
        source.mode = CHARDEV_MODE_BIND;
    }
    if (!name && (source.type == CHARDEV_TYPE_SPICEVMC || source.type == CHARDEV_TYPE_QEMU_VDAGENT))
        name = "com.redhat.spice.0";
    JsonObject *device = qmp_object("s:driver", "virtserialport", "s:name", name, NULL);
    return add_pair(args, &source, &channel->info, device, error);
}

bool qemu_args_channel(QemuArgs *args, unsigned index, GError **error)
{
    return add_channel(args, args->def->channels[index], error);
}

bool qemu_args_channels(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_channels; i++)
        if (!add_channel(args, args->def->channels[i], error))
            return false;
    return true;
}

bool qemu_args_console(QemuArgs *args, unsigned index, GError **error)
{
    const DomainChardev *console = args->def->consoles[index];
    const char *driver = NULL;
    switch (console->target_type) {
    case CHARDEV_TARGET_VIRTIO: driver = "virtconsole"; break;
    case CHARDEV_TARGET_SCLP: driver = "sclpconsole"; break;
    case CHARDEV_TARGET_SCLPLM: driver = "sclplmconsole"; break;
    case CHARDEV_TARGET_UNSET:
    case CHARDEV_TARGET_SERIAL: return true; /* another view of the first serial port */
    default:
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "console '%s': target type '%s' is not supported",
                         console->info.alias, model_enum_text(&model_enum_chardev_target, console->target_type));
    }
    return add_pair(args, &console->source, &console->info, qmp_object("s:driver", driver, NULL), error);
}

bool qemu_args_consoles(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_consoles; i++)
        if (!qemu_args_console(args, i, error))
            return false;
    return true;
}

static void append_id(GString *text, int digits, bool set, uint32_t value)
{
    if (set)
        g_string_append_printf(text, "0x%0*X:", digits, value);
    else
        g_string_append(text, "-1:");
}

/* "class:vendor:product:version:allow|…"; -1 is any. */
static char *redir_filter(const DomainRedirfilter *filter)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < filter->n_rules; i++) {
        const DomainRedirfilterUsb *rule = filter->rules[i];
        g_string_append(text, i ? "|" : "");
        append_id(text, 2, rule->class_set, rule->class);
        append_id(text, 4, rule->vendor_set, rule->vendor);
        append_id(text, 4, rule->product_set, rule->product);
        append_id(text, 4, rule->version > 0, (uint32_t)rule->version);
        g_string_append_c(text, rule->allow == TRI_YES ? '1' : '0');
    }
    return g_string_free(text, FALSE);
}

bool qemu_args_redirdev(QemuArgs *args, unsigned index, GError **error)
{
    const DomainRedirfilter *filter = args->def->redirfilter;
    const DomainRedirdev *redir = args->def->redirdevs[index];
    g_autofree char *rules = filter && filter->n_rules ? redir_filter(filter) : NULL;
    JsonObject *device = qmp_object("s:driver", "usb-redir", "s:filter", rules, NULL);
    return add_pair(args, &redir->source, &redir->info, device, error);
}

bool qemu_args_redirdevs(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_redirdevs; i++)
        if (!qemu_args_redirdev(args, i, error))
            return false;
    return true;
}

static bool add_smartcard(QemuArgs *args, const DomainSmartcard *card, GError **error)
{
    if (card->mode == SMARTCARD_MODE_PASSTHROUGH)
        return add_pair(args, &card->source, &card->info, qmp_object("s:driver", "ccid-card-passthru", NULL), error);
    JsonObject *device = qmp_object("s:driver", "ccid-card-emulated", "s:backend",
                                    card->mode == SMARTCARD_MODE_HOST ? "nss-emulated" : "certificates", NULL);
    for (unsigned i = 0; i < card->n_certificates; i++) {
        g_autofree char *name = g_strdup_printf("cert%u", i + 1);
        json_object_set_string_member(device, name, card->certificates[i]->name);
    }
    if (card->mode == SMARTCARD_MODE_HOST_CERTIFICATES)
        json_object_set_string_member(device, "db", card->database ? card->database : "/etc/pki/nssdb");
    return qemu_args_add_device(args, device, &card->info, "<smartcard>", error);
}

bool qemu_args_smartcards(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_smartcards; i++)
        if (!add_smartcard(args, args->def->smartcards[i], error))
            return false;
    return true;
}
