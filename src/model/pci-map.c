/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pci-map.h"
#include "base/error.h"

#define PCI_BUSES 256

typedef struct {
    ControllerModel model;
    unsigned connect; /* what it is */
    unsigned takes;   /* what plugs into it */
    uint8_t first_slot, last_slot;
} PciModelRow;

static const PciModelRow model_rows[] = {
    { CONTROLLER_MODEL_PCI_ROOT, 0,
      PCI_CONNECT_DEVICE | PCI_CONNECT_BRIDGE | PCI_CONNECT_EXPANDER | PCI_CONNECT_HOTPLUG, 1, 31 },
    { CONTROLLER_MODEL_PCIE_ROOT, 0,
      PCI_CONNECT_ENDPOINT | PCI_CONNECT_ROOT_PORT | PCI_CONNECT_DMI_BRIDGE | PCI_CONNECT_EXPRESS_TO_PCI |
          PCI_CONNECT_EXPRESS_EXPANDER,
      1, 31 },
    { CONTROLLER_MODEL_PCI_BRIDGE, PCI_CONNECT_BRIDGE, PCI_CONNECT_DEVICE | PCI_CONNECT_BRIDGE | PCI_CONNECT_HOTPLUG, 1,
      31 },
    { CONTROLLER_MODEL_DMI_TO_PCI_BRIDGE, PCI_CONNECT_DMI_BRIDGE, PCI_CONNECT_DEVICE | PCI_CONNECT_BRIDGE, 0, 31 },
    { CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE, PCI_CONNECT_EXPRESS_TO_PCI | PCI_CONNECT_HOTPLUG,
      PCI_CONNECT_DEVICE | PCI_CONNECT_BRIDGE | PCI_CONNECT_HOTPLUG, 1, 31 },
    { CONTROLLER_MODEL_PCIE_ROOT_PORT, PCI_CONNECT_ROOT_PORT,
      PCI_CONNECT_EXPRESS | PCI_CONNECT_UPSTREAM | PCI_CONNECT_EXPRESS_TO_PCI | PCI_CONNECT_HOTPLUG, 0, 0 },
    { CONTROLLER_MODEL_PCIE_SWITCH_UPSTREAM_PORT, PCI_CONNECT_UPSTREAM, PCI_CONNECT_DOWNSTREAM, 0, 31 },
    { CONTROLLER_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT, PCI_CONNECT_DOWNSTREAM,
      PCI_CONNECT_EXPRESS | PCI_CONNECT_UPSTREAM | PCI_CONNECT_EXPRESS_TO_PCI | PCI_CONNECT_HOTPLUG, 0, 0 },
    { CONTROLLER_MODEL_PCI_EXPANDER_BUS, PCI_CONNECT_EXPANDER, PCI_CONNECT_DEVICE | PCI_CONNECT_BRIDGE, 0, 31 },
    { CONTROLLER_MODEL_PCIE_EXPANDER_BUS, PCI_CONNECT_EXPRESS_EXPANDER, PCI_CONNECT_ROOT_PORT | PCI_CONNECT_DMI_BRIDGE,
      0, 31 },
};

static const PciModelRow *pci_model_row(ControllerModel model)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(model_rows); i++) {
        if (model_rows[i].model == model)
            return &model_rows[i];
    }
    return NULL;
}

unsigned pci_controller_connect(ControllerModel model)
{
    const PciModelRow *row = pci_model_row(model);
    return row ? row->connect : 0;
}

void pci_map_clear(PciMap *map)
{
    g_free(map->buses);
    map->buses = NULL;
    map->n_buses = 0;
}

bool pci_map_add_bus(PciMap *map, unsigned index, ControllerModel model, GError **error)
{
    const PciModelRow *row = pci_model_row(model);
    if (index >= PCI_BUSES || !row)
        return error_set(error, VIR_ERR_XML_ERROR, "PCI bus %u: numbers end at %d", index, PCI_BUSES - 1);
    if (index >= map->n_buses) {
        map->buses = g_renew(PciBus, map->buses, index + 1);
        for (; map->n_buses <= index; map->n_buses++)
            map->buses[map->n_buses] = (PciBus){ 0 };
    }
    PciBus *bus = &map->buses[index];
    bus->model = model;
    bus->takes = row->takes;
    bus->first_slot = row->first_slot;
    bus->last_slot = row->last_slot;
    return true;
}

static bool pci_map_fill_gaps(PciMap *map, GError **error)
{
    for (unsigned i = 1; i < map->n_buses; i++) {
        if (map->buses[i].model)
            continue;
        if (!map->grow)
            return error_set(error, VIR_ERR_XML_ERROR, "PCI bus %u is missing", i);
        if (!pci_map_add_bus(map, i, map->express ? CONTROLLER_MODEL_PCIE_ROOT_PORT : CONTROLLER_MODEL_PCI_BRIDGE,
                             error))
            return false;
        map->buses[i].added = map->grew = true;
    }
    return true;
}

bool pci_map_init(PciMap *map, const Domain *domain, bool grow, GError **error)
{
    *map = (PciMap){ .grow = grow };
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        const DomainController *controller = domain->controllers[i];
        if (controller->type == CONTROLLER_TYPE_PCI &&
            !pci_map_add_bus(map, (unsigned)controller->index, controller->model, error))
            return false;
    }
    map->express = map->n_buses && map->buses[0].model == CONTROLLER_MODEL_PCIE_ROOT;
    return pci_map_fill_gaps(map, error);
}

void pci_map_take(PciMap *map, unsigned bus, unsigned slot, uint8_t functions)
{
    if (bus < map->n_buses && slot < 32)
        map->buses[bus].used[slot] |= functions;
}

bool pci_map_is_free(const PciMap *map, unsigned bus, unsigned slot)
{
    return bus < map->n_buses && map->buses[bus].model && map->buses[bus].used[slot] == 0;
}

static const char *pci_connect_name(unsigned connect)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(model_rows); i++) {
        if (model_rows[i].connect & connect & ~PCI_CONNECT_HOTPLUG)
            return model_enum_text(&model_enum_controller_model, model_rows[i].model);
    }
    return connect & PCI_CONNECT_EXPRESS ? "a PCI Express device" : "a PCI device";
}

/* The kind of bus that has room for @connect on this machine. */
static ControllerModel pci_map_growth(const PciMap *map, unsigned connect)
{
    if (connect & (PCI_CONNECT_DEVICE | PCI_CONNECT_BRIDGE) && !map->express)
        return CONTROLLER_MODEL_PCI_BRIDGE;
    if (connect & PCI_CONNECT_DEVICE)
        return CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE;
    if (map->express && connect & (PCI_CONNECT_EXPRESS | PCI_CONNECT_UPSTREAM | PCI_CONNECT_EXPRESS_TO_PCI))
        return CONTROLLER_MODEL_PCIE_ROOT_PORT;
    return CONTROLLER_MODEL_UNSET;
}

static bool pci_map_grow(PciMap *map, unsigned connect, GError **error)
{
    ControllerModel model = map->grow ? pci_map_growth(map, connect) : CONTROLLER_MODEL_UNSET;
    if (!model)
        return error_set(error, VIR_ERR_INTERNAL_ERROR,
                         "no free PCI slot for %s, and none can be added; give the guest another PCI controller",
                         pci_connect_name(connect));
    if (model == CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE) {
        DomainAddress place;
        if (!pci_map_grow(map, PCI_CONNECT_EXPRESS_TO_PCI, error)) /* it brings a root port of its own */
            return false;
        if (!pci_map_next(map, PCI_CONNECT_EXPRESS_TO_PCI | PCI_CONNECT_HOTPLUG, &place, error))
            return false;
    }
    unsigned index = map->n_buses;
    if (!pci_map_add_bus(map, index, model, error))
        return false;
    map->buses[index].added = map->grew = true;
    return true;
}

static bool pci_map_check(const PciMap *map, const DomainAddress *a, unsigned connect, GError **error)
{
    if (a->domain)
        return error_set(error, VIR_ERR_XML_ERROR, "PCI address %04x:%02x:%02x.%x: a guest has only domain 0",
                         a->domain, a->bus, a->slot, a->function);
    if (a->bus > 255 || a->slot > 31 || a->function > 7)
        return error_set(error, VIR_ERR_XML_ERROR,
                         "PCI address %04x:%02x:%02x.%x: bus ends at 0xff, slot at 0x1f, function at 7", a->domain,
                         a->bus, a->slot, a->function);
    if (a->bus >= map->n_buses || !map->buses[a->bus].model)
        return error_set(error, VIR_ERR_XML_ERROR,
                         "PCI address %04x:%02x:%02x.%x: there is no PCI controller with index %u", a->domain, a->bus,
                         a->slot, a->function, a->bus);
    const PciBus *bus = &map->buses[a->bus];
    unsigned wanted = connect & PCI_CONNECT_ENDPOINT ? PCI_CONNECT_ENDPOINT : connect & ~PCI_CONNECT_HOTPLUG;
    const char *model = model_enum_text(&model_enum_controller_model, bus->model);
    if (!(bus->takes & wanted))
        return error_set(error, VIR_ERR_XML_ERROR, "PCI address %04x:%02x:%02x.%x: %s does not plug into a %s",
                         a->domain, a->bus, a->slot, a->function, pci_connect_name(connect), model);
    if (a->slot < bus->first_slot || a->slot > bus->last_slot)
        return error_set(error, VIR_ERR_XML_ERROR,
                         "PCI address %04x:%02x:%02x.%x: a %s has slots 0x%02x to 0x%02x only", a->domain, a->bus,
                         a->slot, a->function, model, bus->first_slot, bus->last_slot);
    return true;
}

static bool pci_map_grow_to(PciMap *map, unsigned index, unsigned connect, GError **error)
{
    ControllerModel model = connect & PCI_CONNECT_DEVICE && !map->express ? CONTROLLER_MODEL_PCI_BRIDGE
                            : map->express                                ? CONTROLLER_MODEL_PCIE_ROOT_PORT
                                                                          : CONTROLLER_MODEL_PCI_BRIDGE;
    while (map->grow && map->n_buses && map->n_buses <= index && index < PCI_BUSES) {
        unsigned next = map->n_buses;
        if (!pci_map_add_bus(map, next, model, error))
            return false;
        map->buses[next].added = map->grew = true;
    }
    return true;
}

bool pci_map_reserve(PciMap *map, const DomainAddress *a, unsigned connect, GError **error)
{
    if (!pci_map_grow_to(map, a->bus, connect, error) || !pci_map_check(map, a, connect, error))
        return false;
    PciBus *bus = &map->buses[a->bus];
    if (bus->used[a->slot] & 1 << a->function)
        return error_set(error, VIR_ERR_XML_ERROR, "PCI address %04x:%02x:%02x.%x is used twice", a->domain, a->bus,
                         a->slot, a->function);
    if (connect & PCI_CONNECT_ROOT_PORT && !bus->used[a->slot])
        bus->shared |= 1u << a->slot;
    if (!(connect & PCI_CONNECT_ROOT_PORT))
        bus->shared &= ~(1u << a->slot);
    bus->used[a->slot] |= (uint8_t)(1 << a->function);
    return true;
}

/* A slot of its own, or for a root port the next function beside other root ports. */
static int pci_bus_free_function(const PciBus *bus, unsigned slot, unsigned connect)
{
    if (!bus->used[slot])
        return 0;
    if (!(connect & PCI_CONNECT_ROOT_PORT) || !(bus->shared & 1u << slot))
        return -1;
    for (int function = 0; function < 8; function++) {
        if (!(bus->used[slot] & 1 << function))
            return function;
    }
    return -1;
}

bool pci_map_next(PciMap *map, unsigned connect, DomainAddress *ret_address, GError **error)
{
    for (unsigned i = 0; i < map->n_buses; i++) {
        PciBus *bus = &map->buses[i];
        if (!bus->model || (bus->takes & connect) != connect)
            continue;
        for (unsigned slot = bus->first_slot; slot <= bus->last_slot; slot++) {
            int function = pci_bus_free_function(bus, slot, connect);
            if (function < 0)
                continue;
            if (connect & PCI_CONNECT_ROOT_PORT && !bus->used[slot])
                bus->shared |= 1u << slot;
            bus->used[slot] |= (uint8_t)(1 << function);
            ret_address->type = ADDRESS_TYPE_PCI;
            ret_address->domain = 0;
            ret_address->bus = i;
            ret_address->slot = slot;
            ret_address->function = (unsigned)function;
            return true;
        }
    }
    return pci_map_grow(map, connect, error) && pci_map_next(map, connect, ret_address, error);
}
