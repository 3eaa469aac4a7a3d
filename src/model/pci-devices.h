/* SPDX-License-Identifier: Apache-2.0 */
/* How the devices of a guest plug into PCI, and where its chipset has fixed places. One thread. */
#pragma once
#include "model/pci-map.h"

typedef struct {
    DomainDeviceInfo *info;
    unsigned connect;            /* PCI_CONNECT_… */
    const DomainController *usb; /* an ICH9 USB function, which shares its slot with those of the same index; or NULL */
} PciEndpoint;

typedef bool (*PciVisit)(gpointer data, const PciEndpoint *endpoint, GError **error);

/* Its function within the slot: EHCI 7, its companions 0 to 2. */
unsigned pci_ich9_usb_function(ControllerModel model);
bool pci_is_ich9_usb(const DomainController *controller);

/* Visits every endpoint on PCI (controllers of other buses included) in the order in which slots are given out. */
bool pci_each_endpoint(Domain *domain, bool express, PciVisit visit, gpointer data, GError **error);

/* Whether the address is one that was given or assigned, not absent or <address type='pci'/>. */
bool pci_address_is_set(const DomainAddress *address);
/* Writes an address where none is. */
void pci_address_set(DomainDeviceInfo *info, unsigned bus, unsigned slot, unsigned function);

/* Takes the chipset's own slots and gives devices that are part of it (IDE, SATA, the first screen …) their places. */
bool pci_place_chipset(Domain *domain, PciMap *map, GError **error);
