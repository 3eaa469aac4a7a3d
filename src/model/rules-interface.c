/* SPDX-License-Identifier: Apache-2.0 */
/* Network cards. */
#include "base/error.h"
#include "base/uuid.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>
#include <sys/random.h>

/* 52:54:00 is the range that QEMU's users have shared for ever. */
static bool interface_make_mac(DomainInterface *interface, GError **error)
{
    static const uint8_t prefix[3] = { 0x52, 0x54, 0x00 };
    memcpy(interface->mac.bytes, prefix, sizeof prefix);
    if (getrandom(interface->mac.bytes + 3, 3, 0) != 3)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "no random number for a MAC address");
    interface->mac_set = true;
    return true;
}

static bool interface_check_source(const DomainInterface *interface, GError **error)
{
    switch (interface->type) {
    case INTERFACE_TYPE_NETWORK:
        if (!interface->network)
            return error_set(error, VIR_ERR_XML_ERROR, "<interface type='network'>: <source network='…'/> is missing");
        break;
    case INTERFACE_TYPE_BRIDGE:
        if (!interface->bridge)
            return error_set(error, VIR_ERR_XML_ERROR, "<interface type='bridge'>: <source bridge='…'/> is missing");
        break;
    case INTERFACE_TYPE_DIRECT:
        if (!interface->dev)
            return error_set(error, VIR_ERR_XML_ERROR, "<interface type='direct'>: <source dev='…'/> is missing");
        break;
    case INTERFACE_TYPE_VHOSTUSER:
        if (!interface->vhost_path)
            return error_set(error, VIR_ERR_XML_ERROR, "<interface type='vhostuser'>: <source path='…'/> is missing");
        break;
    case INTERFACE_TYPE_SERVER:
    case INTERFACE_TYPE_CLIENT:
    case INTERFACE_TYPE_MCAST:
    case INTERFACE_TYPE_UDP:
        if (!interface->port)
            return error_set(error, VIR_ERR_XML_ERROR, "<interface>: <source>: attribute 'port' is missing");
        if (!interface->address && interface->type != INTERFACE_TYPE_SERVER)
            return error_set(error, VIR_ERR_XML_ERROR, "<interface>: <source>: attribute 'address' is missing");
        break;
    default: break;
    }
    return true;
}

static bool interface_check(const DomainInterface *interface, GError **error)
{
    if (interface->mac.bytes[0] & 1)
        return error_set(error, VIR_ERR_XML_ERROR,
                         "<mac address='%02x:…'>: a network card cannot have a multicast address",
                         interface->mac.bytes[0]);
    if (interface->mtu && (interface->mtu < 68 || interface->mtu > 65535))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<mtu size='%u'>: expected 68 to 65535", interface->mtu);
    if (interface->n_routes || (interface->n_ips && interface->type != INTERFACE_TYPE_USER))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<interface>: QEMU sets no <route>, and <ip> only for type='user'");
    bool ovs = interface->virtualport && interface->virtualport->type == VIRTUALPORT_TYPE_OPENVSWITCH;
    if (interface->isolated && ovs)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<interface>: <port isolated='…'/> does not work with openvswitch");
    if (!g_strcmp0(interface->teaming, "transient") && interface->type != INTERFACE_TYPE_HOSTDEV &&
        interface->type != INTERFACE_TYPE_NETWORK)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<interface>: <teaming type='transient'> needs type='hostdev'");
    if (interface->vlan && interface->vlan->n_tags > 1 && interface->vlan->trunk == TRI_NO)
        return error_set(error, VIR_ERR_XML_ERROR, "<vlan trunk='no'>: several tags need trunk='yes'");
    if (interface->type == INTERFACE_TYPE_VHOSTUSER &&
        !(interface->model && g_str_has_prefix(interface->model, "virtio")))
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "<interface type='vhostuser'>: needs <model type='virtio'/>");
    for (unsigned i = 0; interface->vlan && i < interface->vlan->n_tags; i++) {
        if (interface->vlan->tags[i]->id > 4095)
            return error_set(error, VIR_ERR_XML_ERROR, "<vlan>: tag %u is above 4095", interface->vlan->tags[i]->id);
    }
    return true;
}

/* People write models in any case; QEMU does not. */
static void interface_spell_model(DomainInterface *interface)
{
    static const char *const models[] = { "virtio",
                                          "virtio-transitional",
                                          "virtio-non-transitional",
                                          "e1000",
                                          "e1000e",
                                          "igb",
                                          "rtl8139",
                                          "netfront",
                                          "vmxnet3",
                                          "usb-net",
                                          "lan9118",
                                          "smc91c111",
                                          "spapr-vlan",
                                          "pcnet",
                                          "ne2k_pci" };
    for (unsigned i = 0; interface->model && i < G_N_ELEMENTS(models); i++) {
        if (g_ascii_strcasecmp(interface->model, models[i]) || !strcmp(interface->model, models[i]))
            continue;
        g_free(interface->model);
        interface->model = g_strdup(models[i]);
    }
}

/* Options of virtio mean nothing to other cards, and one queue is no news. */
static void interface_drop_useless(DomainInterface *interface)
{
    bool virtio = interface->model && g_str_has_prefix(interface->model, "virtio");
    if (!virtio && interface->model) {
        model_free(&model_domain_interface_driver, interface->driver);
        interface->driver = NULL;
        g_clear_pointer(&interface->backend_vhost, g_free);
    }
    if (interface->driver && interface->driver->queues == 1)
        interface->driver->queues = 0;
}

static void virtualport_make_id(char **id)
{
    if (*id)
        return;
    Uuid uuid = uuid_random();
    *id = g_malloc(UUID_TEXT_SIZE);
    uuid_format(&uuid, *id);
}

/* One without a type takes that of the network, so it gets the ids of every kind. */
static void virtualport_identify(DomainVirtualport *port)
{
    if (!port->type || port->type == VIRTUALPORT_TYPE_OPENVSWITCH)
        virtualport_make_id(&port->interfaceid);
    if (!port->type)
        virtualport_make_id(&port->instanceid);
}

static bool virtualport_check(const DomainInterface *interface, GError **error)
{
    const DomainVirtualport *port = interface->virtualport;
    if (!port || interface->type == INTERFACE_TYPE_NETWORK)
        return true;
    bool qbg = port->managerid_set && port->typeid_set && port->typeidversion_set;
    if (!port->type)
        return error_set(error, VIR_ERR_XML_ERROR, "<virtualport>: attribute 'type' is missing");
    if (port->type == VIRTUALPORT_TYPE_802_1QBG && !qbg)
        return error_set(error, VIR_ERR_XML_ERROR,
                         "<virtualport type='802.1Qbg'>: managerid, typeid and typeidversion are needed");
    if (port->type == VIRTUALPORT_TYPE_802_1QBH && !port->profileid)
        return error_set(error, VIR_ERR_XML_ERROR, "<virtualport type='802.1Qbh'>: profileid is missing");
    return true;
}

static void interface_defaults(DomainInterface *interface, DomainParseFlags flags)
{
    if (!interface->model && interface->type == INTERFACE_TYPE_VDPA)
        interface->model = g_strdup("virtio");
    else if (!interface->model && interface->type != INTERFACE_TYPE_HOSTDEV)
        interface->model = g_strdup("rtl8139");
    if (interface->virtualport)
        virtualport_identify(interface->virtualport);
    if (interface->type == INTERFACE_TYPE_DIRECT && !interface->direct_mode)
        interface->direct_mode = DIRECT_MODE_VEPA;
    if (interface->vlan && interface->vlan->n_tags > 1 && !interface->vlan->trunk)
        interface->vlan->trunk = TRI_YES;
    /* names like vnet3 are made anew at every start */
    if (!(flags & DOMAIN_PARSE_ACTIVE) && interface->target &&
        (g_str_has_prefix(interface->target, "vnet") || g_str_has_prefix(interface->target, "macvtap") ||
         g_str_has_prefix(interface->target, "macvlan")) &&
        interface->target_managed != TRI_NO)
        g_clear_pointer(&interface->target, g_free);
}

bool rule_interfaces(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_interfaces; i++) {
        context->at = domain->interfaces[i];
        DomainInterface *interface = domain->interfaces[i];
        if (!interface->mac_set && !interface_make_mac(interface, error))
            return false;
        if (!virtualport_check(interface, error))
            return false;
        interface_defaults(interface, context->flags);
        interface_spell_model(interface);
        interface_drop_useless(interface);
        if (interface->backend == INTERFACE_BACKEND_PASST && !context->host->has_passt)
            return error_set(error, VIR_ERR_XML_ERROR,
                             "<interface>: <backend type='passt'>: the program passt is not installed");
        if (!interface_check_source(interface, error) || !interface_check(interface, error))
            return false;
    }
    return true;
}
