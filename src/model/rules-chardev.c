/* SPDX-License-Identifier: Apache-2.0 */
/* Serial and parallel ports, consoles, channels. */
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

/* A port without a number follows the highest one: of all, or for parallel ports of those before it. */
static void chardev_number(DomainChardev **ports, unsigned n, bool of_all)
{
    int next = 0;
    for (unsigned i = 0; of_all && i < n; i++)
        next = ports[i]->port_set ? MAX(next, ports[i]->port + 1) : next;
    for (unsigned i = 0; i < n; i++) {
        if (!ports[i]->port_set)
            ports[i]->port = next;
        ports[i]->port_set = true;
        next = MAX(next, ports[i]->port + 1);
    }
}

/* What goes with each kind of serial port of a PC. */
static const struct {
    ChardevTarget target;
    SerialModel model;
    AddressType address;
} serial_rows[] = {
    { CHARDEV_TARGET_ISA_SERIAL, SERIAL_MODEL_ISA_SERIAL, ADDRESS_TYPE_ISA },
    { CHARDEV_TARGET_USB_SERIAL, SERIAL_MODEL_USB_SERIAL, ADDRESS_TYPE_USB },
    { CHARDEV_TARGET_PCI_SERIAL, SERIAL_MODEL_PCI_SERIAL, ADDRESS_TYPE_PCI },
    { CHARDEV_TARGET_ISA_DEBUG, SERIAL_MODEL_ISA_DEBUGCON, ADDRESS_TYPE_ISA },
    { CHARDEV_TARGET_SYSTEM_SERIAL, SERIAL_MODEL_UNSET, ADDRESS_TYPE_UNSET },
};

static bool serial_complete(const Domain *domain, DomainChardev *serial, GError **error)
{
    if (!serial->target_type)
        serial->target_type = CHARDEV_TARGET_ISA_SERIAL;
    const char *target = model_enum_text(&model_enum_chardev_target, serial->target_type);
    unsigned row = 0;
    while (row < G_N_ELEMENTS(serial_rows) && serial_rows[row].target != serial->target_type)
        row++;
    if (row == G_N_ELEMENTS(serial_rows))
        return !machine_is_x86(domain) || error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                                                    "<serial>: a PC has no target type '%s'; use 'isa-serial'", target);
    if (!serial->target_model)
        serial->target_model = serial_rows[row].model;
    if (serial->target_model != serial_rows[row].model)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<serial>: target type '%s' has no model '%s'", target,
                         model_enum_text(&model_enum_serial_model, serial->target_model));
    AddressType wanted = serial_rows[row].address;
    const DomainAddress *a = serial->info.address;
    if (wanted && a && a->type != wanted)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<serial>: target type '%s' needs an address of type '%s'",
                         target, model_enum_text(&model_enum_address_type, wanted));
    return true;
}

static DomainChardev *chardev_twin(const DomainChardev *original)
{
    DomainChardev *twin = model_copy(&model_domain_chardev, original);
    twin->target_type = CHARDEV_TARGET_UNSET;
    twin->target_model = SERIAL_MODEL_UNSET;
    return twin;
}

static bool chardev_same_source(const DomainChardev *a, const DomainChardev *b)
{
    return model_equal(&model_chardev_source, &a->source, &b->source);
}

/*
 * The first serial port is the guest's console: whoever asks for one of the two gets both, with the same source.
 */
static bool console_mirror_serial(Domain *domain, GError **error)
{
    DomainChardev *console = domain->n_consoles ? domain->consoles[0] : NULL;
    if (!console) {
        if (!domain->n_serials || (domain->serials[0]->target_type != CHARDEV_TARGET_ISA_SERIAL &&
                                   domain->serials[0]->target_type != CHARDEV_TARGET_SYSTEM_SERIAL))
            return true;
        console = chardev_twin(domain->serials[0]);
        console->target_type = CHARDEV_TARGET_SERIAL;
        model_list_insert(&domain->consoles, &domain->n_consoles, 0, console);
        return true;
    }
    if (console->target_type && console->target_type != CHARDEV_TARGET_SERIAL)
        return true;
    console->target_type = CHARDEV_TARGET_SERIAL;
    if (!domain->n_serials) {
        DomainChardev *serial = chardev_twin(console);
        serial->target_type = CHARDEV_TARGET_ISA_SERIAL;
        serial->port = console->port = 0;
        serial->port_set = console->port_set = true;
        serial->target_model = SERIAL_MODEL_ISA_SERIAL;
        model_list_insert(&domain->serials, &domain->n_serials, 0, serial);
        return serial_complete(domain, serial, error);
    }
    if (!chardev_same_source(console, domain->serials[0]) ||
        !console->info.address != !domain->serials[0]->info.address) {
        DomainChardev *twin = chardev_twin(domain->serials[0]);
        twin->target_type = CHARDEV_TARGET_SERIAL;
        model_free(&model_domain_chardev, console);
        domain->consoles[0] = twin;
    }
    domain->consoles[0]->port = domain->serials[0]->port;
    domain->consoles[0]->port_set = domain->serials[0]->port_set;
    return true;
}

static bool console_check(const DomainChardev *console, unsigned index, GError **error)
{
    if (console->target_type > CHARDEV_TARGET_UNSET && console->target_type != CHARDEV_TARGET_SERIAL &&
        console->target_type != CHARDEV_TARGET_VIRTIO)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<console>: QEMU has no target type '%s'; use 'serial' or 'virtio'",
                         model_enum_text(&model_enum_chardev_target, console->target_type));
    if (index && console->target_type != CHARDEV_TARGET_VIRTIO)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<console>: only the first one can be a serial port; use <target type='virtio'/>");
    return true;
}

static bool channel_check(const DomainChardev *channel, GError **error)
{
    if (!channel->target_type)
        return error_set(error, VIR_ERR_XML_ERROR, "<channel>: <target type='…'/> is missing");
    if (channel->target_type != CHARDEV_TARGET_GUESTFWD)
        return true;
    if (!channel->guestfwd_address)
        return error_set(error, VIR_ERR_XML_ERROR,
                         "<channel>: <target type='guestfwd'>: attribute 'address' is missing");
    if (!channel->guestfwd_port)
        return error_set(error, VIR_ERR_XML_ERROR, "<channel>: <target type='guestfwd'>: attribute 'port' is missing");
    return true;
}

bool rule_chardevs(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_serials; i++) {
        context->at = domain->serials[i];
        if (!serial_complete(domain, domain->serials[i], error))
            return false;
    }
    for (unsigned i = 0; i < domain->n_consoles; i++) {
        context->at = domain->consoles[i];
        if (!console_check(domain->consoles[i], i, error))
            return false;
    }
    for (unsigned i = 0; i < domain->n_channels; i++) {
        context->at = domain->channels[i];
        if (!channel_check(domain->channels[i], error))
            return false;
    }
    chardev_number(domain->serials, domain->n_serials, true);
    chardev_number(domain->parallels, domain->n_parallels, false);
    context->at = domain->n_consoles ? domain->consoles[0] : NULL;
    if (!console_mirror_serial(domain, error))
        return false;
    for (unsigned i = 0; i < domain->n_consoles; i++) {
        if (!domain->consoles[i]->target_type)
            domain->consoles[i]->target_type = CHARDEV_TARGET_SERIAL;
    }
    chardev_number(domain->consoles, domain->n_consoles, true);
    return true;
}

static bool chardev_check_source(const char *what, const ChardevSource *source, bool names_itself, GError **error)
{
    if (source->reconnect && source->reconnect->enabled == TRI_YES && source->reconnect->timeout_set &&
        !source->reconnect->timeout)
        return error_set(error, VIR_ERR_INVALID_ARG, "%s: <reconnect timeout='0'>: use a number of seconds above 0",
                         what);
    const struct {
        ChardevType type;
        const char *value, *attribute;
    } needed[] = {
        { CHARDEV_TYPE_DEV, source->path, "path" },
        { CHARDEV_TYPE_FILE, source->path, "path" },
        { CHARDEV_TYPE_PIPE, source->path, "path" },
        { names_itself ? CHARDEV_TYPE_UNSET : CHARDEV_TYPE_UNIX, source->path, "path" },
        { CHARDEV_TYPE_TCP, source->host, "host" },
        { CHARDEV_TYPE_TCP, source->service, "service" },
        { CHARDEV_TYPE_UDP, source->service, "service" },
        { CHARDEV_TYPE_NMDM, source->nmdm_master, "master" },
        { CHARDEV_TYPE_NMDM, source->nmdm_slave, "slave" },
        { CHARDEV_TYPE_SPICEPORT, source->channel, "channel" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (needed[i].type == source->type && source->type && !needed[i].value)
            return error_set(error, VIR_ERR_INTERNAL_ERROR, "%s: <source>: attribute '%s' is missing", what,
                             needed[i].attribute);
    }
    return true;
}

static void chardev_default_source(ChardevSource *source)
{
    if (source->type == CHARDEV_TYPE_UNIX && !source->path)
        source->mode = CHARDEV_MODE_UNSET;
    else if ((source->type == CHARDEV_TYPE_TCP || source->type == CHARDEV_TYPE_UNIX) && !source->mode)
        source->mode = CHARDEV_MODE_CONNECT;
    if (source->type == CHARDEV_TYPE_TCP && !source->protocol)
        source->protocol = CHARDEV_PROTOCOL_RAW;
}

/*
 * Sockets of channels without a path of the user's are named anew at every start; what older starts named, under
 * …/channel/target/, may stand in definitions made from live XML and is forgotten.
 */
static void channel_forget_made_path(DomainChardev *channel)
{
    const char *path = channel->source.path, *at = path ? strstr(path, "/channel/") : NULL;
    if (!at || channel->source.type != CHARDEV_TYPE_UNIX || channel->target_type != CHARDEV_TARGET_VIRTIO ||
        !channel->name)
        return;
    at += strlen("/channel/");
    if (g_str_has_prefix(at, "target/"))
        at += strlen("target/");
    size_t rest = strlen(at), name = strlen(channel->name);
    if (rest <= name || strcmp(at + rest - name, channel->name))
        return;
    char before = at[rest - name - 1];
    if (before == '.' || (before == '/' && g_str_has_prefix(at, "domain-")))
        g_clear_pointer(&channel->source.path, g_free);
}

bool rule_chardev_sources(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    const struct {
        const char *what;
        DomainChardev **items;
        unsigned n;
    } lists[] = {
        { "<serial>", domain->serials, domain->n_serials },
        { "<parallel>", domain->parallels, domain->n_parallels },
        { "<console>", domain->consoles, domain->n_consoles },
        { "<channel>", domain->channels, domain->n_channels },
    };
    for (unsigned i = 0; i < domain->n_channels && !(context->flags & DOMAIN_PARSE_ACTIVE); i++)
        channel_forget_made_path(domain->channels[i]);
    for (unsigned k = 0; k < G_N_ELEMENTS(lists); k++) {
        for (unsigned i = 0; i < lists[k].n; i++) {
            ChardevSource *source = &lists[k].items[i]->source;
            chardev_default_source(source);
            bool virtio = lists[k].items[i]->target_type == CHARDEV_TARGET_VIRTIO;
            if (!chardev_check_source(lists[k].what, source, virtio && lists[k].items == domain->channels, error))
                return false;
            if (source->type == CHARDEV_TYPE_SPICEVMC && !virtio)
                return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s type='spicevmc': needs <target type='virtio'/>",
                                 lists[k].what);
        }
    }
    for (unsigned i = 0; i < domain->n_redirdevs; i++) {
        context->at = domain->redirdevs[i];
        chardev_default_source(&domain->redirdevs[i]->source);
        if (!chardev_check_source("<redirdev>", &domain->redirdevs[i]->source, false, error))
            return false;
    }
    for (unsigned i = 0; i < domain->n_smartcards; i++)
        chardev_default_source(&domain->smartcards[i]->source);
    for (unsigned i = 0; i < domain->n_rngs; i++) {
        context->at = domain->rngs[i];
        chardev_default_source(&domain->rngs[i]->source);
        if (!chardev_check_source("<rng>", &domain->rngs[i]->source, false, error))
            return false;
    }
    return true;
}
