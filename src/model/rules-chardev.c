/* SPDX-License-Identifier: Apache-2.0 */
/* Serial and parallel ports, consoles, channels. */
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

static void chardev_number(DomainChardev **ports, unsigned n)
{
    int next = 0;
    for (unsigned i = 0; i < n; i++) {
        if (ports[i]->port_set)
            next = MAX(next, ports[i]->port + 1);
    }
    for (unsigned i = 0; i < n; i++) {
        if (ports[i]->port_set)
            continue;
        ports[i]->port = next++;
        ports[i]->port_set = true;
    }
}

static void serial_default_target(DomainChardev *serial)
{
    static const struct {
        AddressType address;
        ChardevTarget target;
    } by_address[] = {
        { ADDRESS_TYPE_USB, CHARDEV_TARGET_USB_SERIAL },
        { ADDRESS_TYPE_PCI, CHARDEV_TARGET_PCI_SERIAL },
    };
    static const struct {
        ChardevTarget target;
        SerialModel model;
    } by_target[] = {
        { CHARDEV_TARGET_ISA_SERIAL, SERIAL_MODEL_ISA_SERIAL },
        { CHARDEV_TARGET_USB_SERIAL, SERIAL_MODEL_USB_SERIAL },
        { CHARDEV_TARGET_PCI_SERIAL, SERIAL_MODEL_PCI_SERIAL },
        { CHARDEV_TARGET_SPAPR_VIO_SERIAL, SERIAL_MODEL_SPAPR_VTY },
        { CHARDEV_TARGET_ISA_DEBUG, SERIAL_MODEL_ISA_DEBUGCON },
    };
    if (!serial->target_type) {
        serial->target_type = CHARDEV_TARGET_ISA_SERIAL;
        for (unsigned i = 0; i < G_N_ELEMENTS(by_address); i++) {
            if (serial->info.address && serial->info.address->type == by_address[i].address)
                serial->target_type = by_address[i].target;
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(by_target) && !serial->target_model; i++) {
        if (serial->target_type == by_target[i].target)
            serial->target_model = by_target[i].model;
    }
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
static void console_mirror_serial(Domain *domain)
{
    DomainChardev *console = domain->n_consoles ? domain->consoles[0] : NULL;
    if (!console) {
        if (!domain->n_serials || domain->serials[0]->target_type != CHARDEV_TARGET_ISA_SERIAL)
            return;
        console = chardev_twin(domain->serials[0]);
        console->target_type = CHARDEV_TARGET_SERIAL;
        model_list_insert(&domain->consoles, &domain->n_consoles, 0, console);
        return;
    }
    if (console->target_type && console->target_type != CHARDEV_TARGET_SERIAL)
        return;
    console->target_type = CHARDEV_TARGET_SERIAL;
    if (!domain->n_serials) {
        DomainChardev *serial = chardev_twin(console);
        serial->target_type = CHARDEV_TARGET_ISA_SERIAL;
        serial->port = 0;
        serial->port_set = true;
        model_list_insert(&domain->serials, &domain->n_serials, 0, serial);
        serial_default_target(serial);
        return;
    }
    if (!chardev_same_source(console, domain->serials[0]) ||
        !console->info.address != !domain->serials[0]->info.address) {
        DomainChardev *twin = chardev_twin(domain->serials[0]);
        twin->target_type = CHARDEV_TARGET_SERIAL;
        twin->port = console->port;
        twin->port_set = console->port_set;
        model_free(&model_domain_chardev, console);
        domain->consoles[0] = twin;
    }
}

static bool serial_check(const Domain *domain, const DomainChardev *serial, GError **error)
{
    static const uint64_t on_x86 = 1 << CHARDEV_TARGET_ISA_SERIAL | 1 << CHARDEV_TARGET_USB_SERIAL |
                                   1 << CHARDEV_TARGET_PCI_SERIAL | 1 << CHARDEV_TARGET_ISA_DEBUG;
    if (machine_is_x86(domain) && !(on_x86 >> serial->target_type & 1))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<serial>: a PC has no target type '%s'; use 'isa-serial'",
                         model_enum_text(&model_enum_chardev_target, serial->target_type));
    return true;
}

bool rule_chardevs(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_serials; i++) {
        if (domain->serials[i]->target_type && !serial_check(domain, domain->serials[i], error))
            return false;
    }
    for (unsigned i = 1; i < domain->n_consoles; i++) {
        if (domain->consoles[i]->target_type <= CHARDEV_TARGET_SERIAL)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<console>: only the first one can be a serial port; use <target type='virtio'/>");
    }
    for (unsigned i = 0; i < domain->n_serials; i++)
        serial_default_target(domain->serials[i]);
    chardev_number(domain->serials, domain->n_serials);
    chardev_number(domain->parallels, domain->n_parallels);
    console_mirror_serial(domain);
    for (unsigned i = 0; i < domain->n_consoles; i++) {
        if (!domain->consoles[i]->target_type)
            domain->consoles[i]->target_type = CHARDEV_TARGET_SERIAL;
    }
    chardev_number(domain->consoles, domain->n_consoles);
    return true;
}

static bool chardev_check_source(const char *what, const ChardevSource *source, GError **error)
{
    if (source->reconnect && source->reconnect->enabled == TRI_YES && source->reconnect->timeout_set &&
        !source->reconnect->timeout)
        return error_set(error, VIR_ERR_INVALID_ARG, "%s: <reconnect timeout='0'>: use a number of seconds above 0",
                         what);
    switch (source->type) {
    case CHARDEV_TYPE_DEV:
    case CHARDEV_TYPE_FILE:
    case CHARDEV_TYPE_PIPE:
        if (!source->path)
            return error_set(error, VIR_ERR_XML_ERROR, "%s: <source>: attribute 'path' is missing", what);
        break;
    case CHARDEV_TYPE_TCP:
        if (!source->host || !source->service)
            return error_set(error, VIR_ERR_XML_ERROR, "%s: <source>: attributes 'host' and 'service' are needed",
                             what);
        break;
    case CHARDEV_TYPE_UDP:
        if (!source->service)
            return error_set(error, VIR_ERR_XML_ERROR, "%s: <source mode='connect'>: attribute 'service' is missing",
                             what);
        break;
    default: break;
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
            if (!chardev_check_source(lists[k].what, source, error))
                return false;
        }
    }
    for (unsigned i = 0; i < domain->n_redirdevs; i++) {
        chardev_default_source(&domain->redirdevs[i]->source);
        if (!chardev_check_source("<redirdev>", &domain->redirdevs[i]->source, error))
            return false;
    }
    for (unsigned i = 0; i < domain->n_smartcards; i++)
        chardev_default_source(&domain->smartcards[i]->source);
    for (unsigned i = 0; i < domain->n_rngs; i++) {
        chardev_default_source(&domain->rngs[i]->source);
        if (!chardev_check_source("<rng>", &domain->rngs[i]->source, error))
            return false;
    }
    return true;
}
