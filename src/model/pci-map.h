/* SPDX-License-Identifier: Apache-2.0 */
/* Which slots of which PCI buses of a guest are taken, and by what. One thread. */
#pragma once
#include "model/domain.h"

/* What a device plugs into, and what a bus takes. */
enum {
    PCI_CONNECT_DEVICE = 1 << 0,  /* conventional PCI endpoint */
    PCI_CONNECT_EXPRESS = 1 << 1, /* PCI Express endpoint */
    PCI_CONNECT_BRIDGE = 1 << 2,
    PCI_CONNECT_DMI_BRIDGE = 1 << 3,
    PCI_CONNECT_EXPRESS_TO_PCI = 1 << 4,
    PCI_CONNECT_ROOT_PORT = 1 << 5,
    PCI_CONNECT_UPSTREAM = 1 << 6,
    PCI_CONNECT_DOWNSTREAM = 1 << 7,
    PCI_CONNECT_EXPANDER = 1 << 8,
    PCI_CONNECT_EXPRESS_EXPANDER = 1 << 9,
    PCI_CONNECT_HOTPLUG = 1 << 10, /* wants (offers) a slot that can be plugged while the guest runs */
    PCI_CONNECT_ENDPOINT = PCI_CONNECT_DEVICE | PCI_CONNECT_EXPRESS,
};

typedef struct {
    ControllerModel model; /* UNSET: no such bus */
    unsigned takes;        /* PCI_CONNECT_… */
    unsigned first_slot, last_slot;
    bool added;       /* by us: not in the definition yet */
    uint8_t used[32]; /* functions of each slot */
    uint32_t shared;  /* slots whose functions are root ports, which may be joined by more */
} PciBus;

typedef struct {
    PciBus *buses;
    unsigned n_buses;
    bool express; /* the root is pcie-root */
    bool grow;    /* add buses where there is no room */
    bool grew;
} PciMap;

void pci_map_clear(PciMap *map);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(PciMap, pci_map_clear)

/* The buses of the definition's PCI controllers, all slots free. Gaps in their numbers are filled if @grow. */
bool pci_map_init(PciMap *map, const Domain *domain, bool grow, GError **error);
bool pci_map_add_bus(PciMap *map, unsigned index, ControllerModel model, GError **error);

/* Takes a given address. Endpoints may sit on any bus that takes endpoints: users know their machines. */
bool pci_map_reserve(PciMap *map, const DomainAddress *address, unsigned connect, GError **error);
void pci_map_take(PciMap *map, unsigned bus, unsigned slot, uint8_t functions);
bool pci_map_is_free(const PciMap *map, unsigned bus, unsigned slot);

/* Finds a free slot for @connect and takes it; adds a bus if it may and must. */
bool pci_map_next(PciMap *map, unsigned connect, DomainAddress *ret_address, GError **error);

/* How a controller itself plugs in; 0 for roots. */
unsigned pci_controller_connect(ControllerModel model);
