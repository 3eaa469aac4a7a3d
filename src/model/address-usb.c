/* SPDX-License-Identifier: Apache-2.0 */
/* Ports on USB buses and hubs. */
#include "base/error.h"
#include "model/controllers.h"
#include "model/rules.h"
#include <stdlib.h>
#include <string.h>

#define USB_DEPTH     5 /* hubs behind hubs */
#define USB_HUB_PORTS 8

typedef struct UsbHub UsbHub;
struct UsbHub {
    unsigned n_ports;
    UsbHub **behind; /* [n_ports] */
    bool *used;      /* [n_ports] */
};

typedef struct {
    Domain *domain;
    UsbHub **buses;
    unsigned n_buses;
} UsbMap;

static void usb_hub_free(UsbHub *hub)
{
    if (!hub)
        return;
    for (unsigned i = 0; i < hub->n_ports; i++)
        usb_hub_free(hub->behind[i]);
    g_free(hub->behind);
    g_free(hub->used);
    g_free(hub);
}

static UsbHub *usb_hub_new(unsigned ports)
{
    UsbHub *hub = g_new0(UsbHub, 1);
    hub->n_ports = ports;
    hub->behind = g_new0(UsbHub *, ports);
    hub->used = g_new0(bool, ports);
    return hub;
}

static void usb_map_clear(UsbMap *map)
{
    for (unsigned i = 0; i < map->n_buses; i++)
        usb_hub_free(map->buses[i]);
    g_free(map->buses);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(UsbMap, usb_map_clear)

static unsigned usb_controller_ports(const DomainController *controller)
{
    switch (controller->model) {
    case CONTROLLER_MODEL_PIIX3_UHCI:
    case CONTROLLER_MODEL_PIIX4_UHCI:
    case CONTROLLER_MODEL_VT82C686B_UHCI: return 2;
    case CONTROLLER_MODEL_EHCI:
    case CONTROLLER_MODEL_ICH9_EHCI1: return 6;
    case CONTROLLER_MODEL_PCI_OHCI: return 3;
    case CONTROLLER_MODEL_NEC_XHCI:
    case CONTROLLER_MODEL_QEMU_XHCI: return controller->ports_set ? controller->ports : 4;
    default: return 0;
    }
}

static void usb_map_add_bus(UsbMap *map, unsigned index, unsigned ports)
{
    if (index >= map->n_buses) {
        map->buses = g_renew(UsbHub *, map->buses, index + 1);
        while (map->n_buses <= index)
            map->buses[map->n_buses++] = NULL;
    }
    if (!map->buses[index])
        map->buses[index] = usb_hub_new(ports);
}

/* "1.2.3" → {0, 1, 2}; the number of steps, or 0 if it is malformed. */
static unsigned usb_path(const char *text, unsigned steps[USB_DEPTH])
{
    unsigned n = 0;
    while (n < USB_DEPTH) {
        char *end;
        unsigned long port = strtoul(text, &end, 10);
        if (end == text || port < 1 || port > 255)
            return 0;
        steps[n++] = (unsigned)port - 1;
        if (!*end)
            return n;
        if (*end != '.')
            return 0;
        text = end + 1;
    }
    return 0;
}

static bool usb_reserve(UsbMap *map, const DomainAddress *address, bool is_hub, GError **error)
{
    unsigned steps[USB_DEPTH];
    unsigned n = usb_path(address->usb_port, steps);
    if (!n)
        return error_set(error, VIR_ERR_XML_ERROR, "USB port '%s': expected numbers with dots, as in \"1.2\"",
                         address->usb_port);
    if (address->bus >= map->n_buses || !map->buses[address->bus])
        return error_set(error, VIR_ERR_XML_ERROR, "USB bus %u: there is no controller with that index", address->bus);
    UsbHub *hub = map->buses[address->bus];
    for (unsigned i = 0; i + 1 < n; i++) {
        hub = steps[i] < hub->n_ports ? hub->behind[steps[i]] : NULL;
        if (!hub)
            return error_set(error, VIR_ERR_XML_ERROR, "USB bus %u, port %s: there is no hub on that way", address->bus,
                             address->usb_port);
    }
    unsigned port = steps[n - 1];
    if (port >= hub->n_ports)
        return error_set(error, VIR_ERR_XML_ERROR, "USB bus %u, port %s: there are only %u ports", address->bus,
                         address->usb_port, hub->n_ports);
    if (hub->used[port])
        return error_set(error, VIR_ERR_XML_ERROR, "USB bus %u, port %s is used twice", address->bus,
                         address->usb_port);
    hub->used[port] = true;
    if (is_hub)
        hub->behind[port] = usb_hub_new(USB_HUB_PORTS);
    return true;
}

/* Ports of the hub itself come before those of hubs behind it. */
static bool usb_find_free(const UsbHub *hub, GString *path, unsigned depth)
{
    gsize length = path->len;
    for (unsigned i = 0; i < hub->n_ports; i++) {
        if (!hub->used[i]) {
            g_string_append_printf(path, "%s%u", length ? "." : "", i + 1);
            return true;
        }
    }
    for (unsigned i = 0; depth + 1 < USB_DEPTH && i < hub->n_ports; i++) {
        if (!hub->behind[i])
            continue;
        g_string_append_printf(path, "%s%u", length ? "." : "", i + 1);
        if (usb_find_free(hub->behind[i], path, depth + 1))
            return true;
        g_string_truncate(path, length);
    }
    return false;
}

static unsigned usb_free_on_hub(const UsbHub *hub)
{
    unsigned n = 0;
    for (unsigned i = 0; i < hub->n_ports; i++)
        n += hub->behind[i] ? usb_free_on_hub(hub->behind[i]) : !hub->used[i];
    return n;
}

static bool usb_is_off(const Domain *domain)
{
    const DomainController *first = controllers_find(domain, CONTROLLER_TYPE_USB, 0);
    return first && first->model == CONTROLLER_MODEL_NONE;
}

static bool usb_place(UsbMap *map, DomainDeviceInfo *info, bool is_hub, GError **error)
{
    g_autoptr(GString) path = g_string_new(NULL);
    bool any = info->address && info->address->type == ADDRESS_TYPE_USB; /* a bus was asked for */
    if (!map->n_buses && usb_is_off(map->domain))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "a USB device, but USB is off: <controller type='usb' model='none'/>");
    if (any && (info->address->bus >= map->n_buses || !map->buses[info->address->bus]))
        return error_set(error, VIR_ERR_XML_ERROR, "USB bus %u: there is no controller with that index",
                         info->address->bus);
    for (unsigned bus = 0; bus < map->n_buses; bus++) {
        if (!map->buses[bus] || (any && info->address->bus != bus) || !usb_find_free(map->buses[bus], path, 0))
            continue;
        if (!info->address)
            info->address = g_new0(DomainAddress, 1);
        info->address->type = ADDRESS_TYPE_USB;
        info->address->bus = bus;
        info->address->usb_port = g_strdup(path->str);
        return usb_reserve(map, info->address, is_hub, error);
    }
    return error_set(error, VIR_ERR_INTERNAL_ERROR,
                     "no free USB port; add a <controller type='usb'> or a <hub type='usb'>");
}

typedef bool (*UsbVisit)(UsbMap *map, DomainDeviceInfo *info, bool is_hub, GError **error);

static bool usb_given(const DomainDeviceInfo *info)
{
    return info->address && info->address->type == ADDRESS_TYPE_USB && info->address->usb_port;
}

static bool usb_wanted(const DomainDeviceInfo *info)
{
    return !info->address || (info->address->type == ADDRESS_TYPE_USB && !info->address->usb_port);
}

static bool usb_visit_given(UsbMap *map, DomainDeviceInfo *info, bool is_hub, GError **error)
{
    return !usb_given(info) || usb_reserve(map, info->address, is_hub, error);
}

static bool usb_visit_wanted(UsbMap *map, DomainDeviceInfo *info, bool is_hub, GError **error)
{
    return !usb_wanted(info) || usb_place(map, info, is_hub, error);
}

/* In the order in which ports are given out; hubs apart, because others may sit behind them. */
static bool usb_each_device(UsbMap *map, UsbVisit visit, GError **error)
{
    Domain *domain = map->domain;
    bool ok = true;
    for (unsigned i = 0; ok && i < domain->n_hostdevs; i++)
        ok = domain->hostdevs[i]->type != HOSTDEV_TYPE_USB || visit(map, &domain->hostdevs[i]->info, false, error);
    for (unsigned i = 0; ok && i < domain->n_disks; i++)
        ok = domain->disks[i]->bus != DISK_BUS_USB || visit(map, &domain->disks[i]->info, false, error);
    for (unsigned i = 0; ok && i < domain->n_controllers; i++)
        ok = domain->controllers[i]->type != CONTROLLER_TYPE_CCID ||
             visit(map, &domain->controllers[i]->info, false, error);
    for (unsigned i = 0; ok && i < domain->n_inputs; i++)
        ok = domain->inputs[i]->bus != INPUT_BUS_USB || visit(map, &domain->inputs[i]->info, false, error);
    for (unsigned i = 0; ok && i < domain->n_sounds; i++)
        ok = domain->sounds[i]->model != SOUND_MODEL_USB || visit(map, &domain->sounds[i]->info, false, error);
    for (unsigned i = 0; ok && i < domain->n_serials; i++)
        ok = domain->serials[i]->target_type != CHARDEV_TARGET_USB_SERIAL ||
             visit(map, &domain->serials[i]->info, false, error);
    for (unsigned i = 0; ok && i < domain->n_redirdevs; i++)
        ok = domain->redirdevs[i]->bus != REDIRDEV_BUS_USB || visit(map, &domain->redirdevs[i]->info, false, error);
    return ok;
}

static bool usb_each_hub(UsbMap *map, UsbVisit visit, GError **error)
{
    for (unsigned i = 0; i < map->domain->n_hubs; i++) {
        if (!visit(map, &map->domain->hubs[i]->info, true, error))
            return false;
    }
    return true;
}

static bool usb_count_visit(UsbMap *map, DomainDeviceInfo *info, bool is_hub, GError **error)
{
    if (usb_wanted(info))
        map->n_buses++;
    return true;
}

/* Hubs given with deeper ports sit behind others: the shortest paths first. */
static bool usb_reserve_hubs(UsbMap *map, GError **error)
{
    for (unsigned depth = 1; depth <= USB_DEPTH; depth++) {
        for (unsigned i = 0; i < map->domain->n_hubs; i++) {
            DomainDeviceInfo *info = &map->domain->hubs[i]->info;
            unsigned steps[USB_DEPTH];
            if (usb_given(info) && usb_path(info->address->usb_port, steps) == depth &&
                !usb_reserve(map, info->address, true, error))
                return false;
        }
    }
    return true;
}

/* One hub takes a port and gives eight. */
static bool usb_add_hubs(UsbMap *map, GError **error)
{
    UsbMap wanted = { .domain = map->domain };
    usb_each_device(&wanted, usb_count_visit, NULL);
    unsigned n = wanted.n_buses, free_ports = 0;
    for (unsigned i = 0; i < map->n_buses; i++)
        free_ports += map->buses[i] ? usb_free_on_hub(map->buses[i]) : 0;
    for (; free_ports && free_ports < n; free_ports += USB_HUB_PORTS - 1) {
        DomainHub *hub = g_new0(DomainHub, 1);
        hub->type = HUB_TYPE_USB;
        model_list_insert(&map->domain->hubs, &map->domain->n_hubs, map->domain->n_hubs, hub);
        if (!usb_place(map, &hub->info, true, error))
            return false;
    }
    return true;
}

bool rule_usb_addresses(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    g_auto(UsbMap) map = { .domain = domain };
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        const DomainController *controller = domain->controllers[i];
        if (controller->type == CONTROLLER_TYPE_USB && usb_controller_ports(controller) && controller->index < 256)
            usb_map_add_bus(&map, (unsigned)controller->index, usb_controller_ports(controller));
    }
    if (!usb_reserve_hubs(&map, error) || !usb_each_device(&map, usb_visit_given, error) ||
        !usb_each_hub(&map, usb_visit_wanted, error) || !usb_add_hubs(&map, error))
        return false;
    return usb_each_device(&map, usb_visit_wanted, error);
}
