/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses of a guest's interfaces: by its agent, or by the host's ARP table. */
#include "base/error.h"
#include "host/host-sysfs.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "vm/vm-agent.h"
#include "vm/vm-wire.h"

#define ARP_COMPLETE 0x2 /* flag of an entry in /proc/net/arp whose address is known */
#define IFACES_MAX   2048

static WireDomainInterface *add_interface(DomainInterfaceAddressesRet *ret, const char *name, const char *mac)
{
    ret->ifaces = g_renew(WireDomainInterface, ret->ifaces, ret->n_ifaces + 1);
    WireDomainInterface *interface = &ret->ifaces[ret->n_ifaces++];
    *interface = (WireDomainInterface){ .name = g_strdup(name), .hwaddr = g_strdup(mac) };
    return interface;
}

static void add_address(WireDomainInterface *interface, int type, const char *address, unsigned prefix)
{
    interface->addrs = g_renew(WireDomainIpAddr, interface->addrs, interface->n_addrs + 1);
    interface->addrs[interface->n_addrs++] = (WireDomainIpAddr){ type, g_strdup(address), prefix };
}

static void add_agent_interface(DomainInterfaceAddressesRet *ret, JsonObject *object)
{
    const char *name = qmp_get_string(object, "name");
    JsonArray *addresses = qmp_get_array(object, "ip-addresses");
    if (!name || ret->n_ifaces >= IFACES_MAX)
        return;
    WireDomainInterface *interface = add_interface(ret, name, qmp_get_string(object, "hardware-address"));
    for (unsigned i = 0; addresses && i < MIN(json_array_get_length(addresses), IFACES_MAX); i++) {
        JsonObject *entry = qmp_array_object(addresses, i);
        const char *text = qmp_get_string(entry, "ip-address");
        bool v6 = g_strcmp0(qmp_get_string(entry, "ip-address-type"), "ipv6") == 0;
        if (text)
            add_address(interface, v6 ? VIR_IP_ADDR_TYPE_IPV6 : VIR_IP_ADDR_TYPE_IPV4, text,
                        (unsigned)qmp_get_int(entry, "prefix", 0));
    }
}

static bool by_agent(Vm *vm, DomainInterfaceAddressesRet *ret, GError **error)
{
    g_autoptr(JsonNode) reply = NULL;
    if (!vm_agent_call(vm, "guest-network-get-interfaces", NULL, &reply, error))
        return false;
    JsonArray *list = qmp_node_array(reply);
    for (unsigned i = 0; list && i < json_array_get_length(list); i++)
        add_agent_interface(ret, qmp_array_object(list, i));
    return true;
}

/* "192.168.1.5  0x1  0x2  52:54:00:11:22:33  *  br0" */
static void add_arp_line(DomainInterfaceAddressesRet *ret, const DomainInterface *interface, const char *mac,
                         const char *line)
{
    char address[64], hardware[32];
    unsigned type, flags;
    if (sscanf(line, "%63s 0x%x 0x%x %31s", address, &type, &flags, hardware) != 4 || !(flags & ARP_COMPLETE) ||
        g_ascii_strcasecmp(hardware, mac) != 0)
        return;
    WireDomainInterface *last = ret->n_ifaces ? &ret->ifaces[ret->n_ifaces - 1] : NULL;
    if (!last || g_strcmp0(last->hwaddr, mac) != 0)
        last = add_interface(ret, interface->target ? interface->target : interface->info.alias, mac);
    add_address(last, VIR_IP_ADDR_TYPE_IPV4, address, 0);
}

static void by_arp(const Domain *live, DomainInterfaceAddressesRet *ret)
{
    g_autofree char *table = host_sysfs_read("", "/proc/net/arp");
    g_auto(GStrv) lines = g_strsplit(table ? table : "", "\n", -1);
    for (unsigned i = 0; i < live->n_interfaces; i++) {
        const DomainInterface *interface = live->interfaces[i];
        const uint8_t *bytes = interface->mac.bytes;
        g_autofree char *mac = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3],
                                               bytes[4], bytes[5]);
        for (unsigned l = 0; lines[0] && lines[l]; l++)
            add_arp_line(ret, interface, mac, lines[l]);
    }
}

/* Only interfaces of networks that this daemon runs have leases. */
static bool by_lease(const Domain *live, GError **error)
{
    for (unsigned i = 0; i < live->n_interfaces; i++) {
        if (live->interfaces[i]->type == INTERFACE_TYPE_NETWORK)
            return error_set(error, VIR_ERR_NO_SUPPORT,
                             "leases of networks are not served by this version: give --source agent or --source arp");
    }
    return true;
}

bool vm_interface_addresses(Call *call, const DomainInterfaceAddressesArgs *args, DomainInterfaceAddressesRet *ret,
                            GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    if (!vm || !flags_check(call, args->flags, 0, error) || !vm_require_active(view, error))
        return false;
    switch (args->source) {
    case VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE: return by_lease(view->live->domain, error);
    case VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT: return by_agent(vm, ret, error);
    case VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP: by_arp(view->live->domain, ret); return true;
    default: return error_set(error, VIR_ERR_ARGUMENT_UNSUPPORTED, "Unknown IP address data source %u", args->source);
    }
}
