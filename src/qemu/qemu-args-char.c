/* SPDX-License-Identifier: Apache-2.0 */
/* Character devices: their back ends on the host, and the ports, consoles and channels of the guest. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

static void append_option(GString *text, const char *name, const char *value)
{
    if (!value)
        return;
    g_autofree char *escaped = qemu_args_escape(value);
    g_string_append_printf(text, ",%s=%s", name, escaped);
}

/* Who connects: a server that does not wait, or a client that may try again. */
static void append_socket_mode(GString *text, const ChardevSource *source)
{
    if (source->mode == CHARDEV_MODE_BIND)
        g_string_append(text, ",server=on,wait=off");
    else if (source->reconnect && source->reconnect->enabled == TRI_YES)
        g_string_append_printf(text, ",reconnect=%u", source->reconnect->timeout);
    else if (source->reconnect && source->reconnect->enabled == TRI_NO)
        g_string_append(text, ",reconnect=0");
}

static bool tcp_backend(GString *text, const ChardevSource *source, const char *id, GError **error)
{
    if (source->tls == TRI_YES || source->protocol == CHARDEV_PROTOCOL_TLS ||
        source->protocol == CHARDEV_PROTOCOL_TELNETS)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "character device '%s': TLS is not supported", id);
    g_string_append_printf(text, "socket,id=%s", id);
    append_option(text, "host", source->host ? source->host : "");
    append_option(text, "port", source->service ? source->service : "0");
    if (source->protocol == CHARDEV_PROTOCOL_TELNET)
        g_string_append(text, ",telnet=on");
    append_socket_mode(text, source);
    return true;
}

static void udp_backend(GString *text, const ChardevSource *source, const char *id)
{
    g_string_append_printf(text, "udp,id=%s", id);
    append_option(text, "host", source->host ? source->host : "");
    append_option(text, "port", source->service ? source->service : "0");
    append_option(text, "localaddr", source->bind_host ? source->bind_host : "");
    append_option(text, "localport", source->bind_service ? source->bind_service : "0");
}

/* The agents behind spicevmc are told apart by the port that the guest sees. */
static const char *spicevmc_name(const char *alias)
{
    if (g_str_has_prefix(alias, "redir"))
        return "usbredir";
    return g_str_has_prefix(alias, "smartcard") ? "smartcard" : "vdagent";
}

static void vdagent_backend(GString *text, const ChardevSource *source, const char *id)
{
    bool mouse = source->mouse_mode == CHARDEV_MOUSE_MODE_CLIENT;
    bool clipboard = source->clipboard_copypaste == TRI_YES;
    g_string_append_printf(text, "qemu-vdagent,id=%s,name=vdagent,clipboard=%s,mouse=%s", id, clipboard ? "on" : "off",
                           mouse ? "on" : "off");
}

static bool append_backend(GString *text, const ChardevSource *source, const char *id, const char *alias,
                           GError **error)
{
    switch (source->type) {
    case CHARDEV_TYPE_PTY:
    case CHARDEV_TYPE_NULL:
    case CHARDEV_TYPE_VC:
    case CHARDEV_TYPE_STDIO:
        g_string_append_printf(text, "%s,id=%s", model_enum_text(&model_enum_chardev_type, source->type), id);
        return true;
    case CHARDEV_TYPE_FILE:
    case CHARDEV_TYPE_PIPE:
        g_string_append_printf(text, "%s,id=%s", model_enum_text(&model_enum_chardev_type, source->type), id);
        append_option(text, "path", source->path);
        if (source->append)
            g_string_append_printf(text, ",append=%s", source->append == TRI_YES ? "on" : "off");
        return true;
    case CHARDEV_TYPE_DEV:
        g_string_append_printf(text, "%s,id=%s", g_str_has_prefix(alias, "parallel") ? "parallel" : "serial", id);
        append_option(text, "path", source->path);
        return true;
    case CHARDEV_TYPE_UNIX:
        g_string_append_printf(text, "socket,id=%s", id);
        append_option(text, "path", source->path);
        append_socket_mode(text, source);
        return true;
    case CHARDEV_TYPE_TCP: return tcp_backend(text, source, id, error);
    case CHARDEV_TYPE_UDP: udp_backend(text, source, id); return true;
    case CHARDEV_TYPE_SPICEVMC:
        g_string_append_printf(text, "spicevmc,id=%s,name=%s", id, spicevmc_name(alias));
        return true;
    case CHARDEV_TYPE_SPICEPORT:
    case CHARDEV_TYPE_DBUS:
        g_string_append_printf(text, "%s,id=%s", model_enum_text(&model_enum_chardev_type, source->type), id);
        append_option(text, "name", source->channel);
        return true;
    case CHARDEV_TYPE_QEMU_VDAGENT: vdagent_backend(text, source, id); return true;
    default:
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "character device '%s': type '%s' is not supported", alias,
                         source->type ? model_enum_text(&model_enum_chardev_type, source->type) : "(none)");
    }
}

bool qemu_args_chardev(QemuArgs *args, const ChardevSource *source, const char *alias, GError **error)
{
    g_autofree char *id = qemu_chardev_id(alias);
    g_autoptr(GString) text = g_string_new(NULL);
    bool needs_path = source->type == CHARDEV_TYPE_FILE || source->type == CHARDEV_TYPE_PIPE ||
                      source->type == CHARDEV_TYPE_DEV || source->type == CHARDEV_TYPE_UNIX;
    if (needs_path && !source->path)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "character device '%s': <source> names no path", alias);
    if (!append_backend(text, source, id, alias, error))
        return false;
    if (source->log_file) {
        append_option(text, "logfile", source->log_file);
        g_string_append_printf(text, ",logappend=%s", source->log_append == TRI_NO ? "off" : "on");
    }
    qemu_args_add(args, "-chardev", "%s", text->str);
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

bool qemu_args_channels(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_channels; i++)
        if (!add_channel(args, args->def->channels[i], error))
            return false;
    return true;
}

bool qemu_args_consoles(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_consoles; i++) {
        const DomainChardev *console = args->def->consoles[i];
        const char *driver = NULL;
        switch (console->target_type) {
        case CHARDEV_TARGET_VIRTIO: driver = "virtconsole"; break;
        case CHARDEV_TARGET_SCLP: driver = "sclpconsole"; break;
        case CHARDEV_TARGET_SCLPLM: driver = "sclplmconsole"; break;
        case CHARDEV_TARGET_UNSET:
        case CHARDEV_TARGET_SERIAL: continue; /* another view of the first serial port */
        default:
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "console '%s': target type '%s' is not supported",
                             console->info.alias, model_enum_text(&model_enum_chardev_target, console->target_type));
        }
        if (!add_pair(args, &console->source, &console->info, qmp_object("s:driver", driver, NULL), error))
            return false;
    }
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

bool qemu_args_redirdevs(QemuArgs *args, GError **error)
{
    const DomainRedirfilter *filter = args->def->redirfilter;
    for (unsigned i = 0; i < args->def->n_redirdevs; i++) {
        const DomainRedirdev *redir = args->def->redirdevs[i];
        g_autofree char *rules = filter && filter->n_rules ? redir_filter(filter) : NULL;
        JsonObject *device = qmp_object("s:driver", "usb-redir", "s:filter", rules, NULL);
        if (!add_pair(args, &redir->source, &redir->info, device, error))
            return false;
    }
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
