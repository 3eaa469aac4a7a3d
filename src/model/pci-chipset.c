/* SPDX-License-Identifier: Apache-2.0 */
/* Places that the PIIX3 (i440fx) and ICH9 (q35) chipsets have had from the start. */
#include "base/error.h"
#include "model/controllers.h"
#include "model/machine.h"
#include "model/pci-devices.h"

#define ALL_FUNCTIONS 0xff

static void chipset_put(DomainDeviceInfo *info, PciMap *map, unsigned slot, unsigned function)
{
    pci_map_take(map, 0, slot, (uint8_t)(1 << function));
    pci_address_set(info, 0, slot, function);
}

static bool chipset_fixed(DomainController *controller, PciMap *map, unsigned slot, unsigned function, GError **error)
{
    if (!controller)
        return true;
    const DomainAddress *a = controller->info.address;
    if (pci_address_is_set(a)) {
        if (a->bus || a->slot != slot || a->function != function)
            return error_set(error, VIR_ERR_INTERNAL_ERROR,
                             "the first %s controller is part of the chipset and sits at 00:%02x.%u",
                             model_enum_text(&model_enum_controller_type, controller->type), slot, function);
        return true;
    }
    if (map->n_buses && map->buses[0].used[slot] & 1 << function)
        return error_set(error, VIR_ERR_XML_ERROR,
                         "PCI address 0000:00:%02x.%u is used twice: the first %s controller sits there", slot,
                         function, model_enum_text(&model_enum_controller_type, controller->type));
    chipset_put(&controller->info, map, slot, function);
    return true;
}

static DomainDeviceInfo *chipset_screen(const Domain *domain)
{
    if (!domain->n_videos)
        return NULL;
    DomainVideo *video = domain->videos[0];
    bool on_pci = video->type != VIDEO_TYPE_NONE && video->type != VIDEO_TYPE_RAMFB;
    bool placed = video->info.address &&
                  (video->info.address->type != ADDRESS_TYPE_PCI || pci_address_is_set(video->info.address));
    return on_pci && !placed ? &video->info : NULL;
}

static bool chipset_place_screen(const Domain *domain, PciMap *map, unsigned slot, GError **error)
{
    DomainDeviceInfo *info = chipset_screen(domain);
    if (!info)
        return true;
    if (pci_map_is_free(map, 0, slot)) {
        chipset_put(info, map, slot, 0);
        return true;
    }
    DomainAddress place = { 0 };
    unsigned connect =
        map->express && domain->videos[0]->type == VIDEO_TYPE_VIRTIO ? PCI_CONNECT_EXPRESS : PCI_CONNECT_DEVICE;
    if (!pci_map_next(map, connect | PCI_CONNECT_HOTPLUG, &place, error))
        return false;
    pci_address_set(info, place.bus, place.slot, place.function);
    return true;
}

/* Functions of the chipset that are no devices of the definition. */
static bool chipset_own(const PciMap *map, unsigned slot, uint8_t functions, GError **error)
{
    if (map->n_buses && map->buses[0].used[slot] & functions)
        return error_set(error, VIR_ERR_XML_ERROR, "PCI slot 00:%02x: the chipset itself sits there; use another one",
                         slot);
    return true;
}

static bool chipset_piix3(Domain *domain, PciMap *map, GError **error)
{
    DomainController *usb = controllers_find(domain, CONTROLLER_TYPE_USB, 0);
    if (usb && usb->model != CONTROLLER_MODEL_PIIX3_UHCI)
        usb = NULL;
    if (!chipset_own(map, 1, 1 << 0 | 1 << 3, error) ||
        !chipset_fixed(controllers_find(domain, CONTROLLER_TYPE_IDE, 0), map, 1, 1, error) ||
        !chipset_fixed(usb, map, 1, 2, error))
        return false;
    pci_map_take(map, 0, 1, ALL_FUNCTIONS);
    return chipset_place_screen(domain, map, 2, error);
}

/* The two EHCI controllers of an ICH9, each with its companions, are at 1d and 1a. */
static void chipset_ich9_usb(Domain *domain, PciMap *map)
{
    static const unsigned slots[] = { 0x1d, 0x1a };
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        DomainController *ehci = domain->controllers[i];
        if (ehci->type != CONTROLLER_TYPE_USB || ehci->model != CONTROLLER_MODEL_ICH9_EHCI1 ||
            pci_address_is_set(ehci->info.address))
            continue;
        for (unsigned k = 0; k < G_N_ELEMENTS(slots); k++) {
            if (!pci_map_is_free(map, 0, slots[k]))
                continue;
            for (unsigned m = 0; m < domain->n_controllers; m++) {
                DomainController *member = domain->controllers[m];
                if (pci_is_ich9_usb(member) && member->index == ehci->index &&
                    !pci_address_is_set(member->info.address))
                    chipset_put(&member->info, map, slots[k], pci_ich9_usb_function(member->model));
            }
            break;
        }
    }
}

static bool chipset_ich9(Domain *domain, PciMap *map, GError **error)
{
    if (!chipset_own(map, 0x1f, 1 << 0 | 1 << 3, error) ||
        !chipset_fixed(controllers_find(domain, CONTROLLER_TYPE_SATA, 0), map, 0x1f, 2, error))
        return false;
    pci_map_take(map, 0, 0x1f, ALL_FUNCTIONS);
    if (!chipset_place_screen(domain, map, 1, error))
        return false;
    chipset_ich9_usb(domain, map);
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        DomainController *dmi = domain->controllers[i];
        if (dmi->type == CONTROLLER_TYPE_PCI && dmi->model == CONTROLLER_MODEL_DMI_TO_PCI_BRIDGE && dmi->index == 1 &&
            !pci_address_is_set(dmi->info.address) && pci_map_is_free(map, 0, 0x1e))
            chipset_put(&dmi->info, map, 0x1e, 0);
    }
    for (unsigned i = 0; i < domain->n_sounds; i++) {
        DomainSound *sound = domain->sounds[i];
        if (sound->model == SOUND_MODEL_ICH9 && !sound->info.address && pci_map_is_free(map, 0, 0x1b)) {
            chipset_put(&sound->info, map, 0x1b, 0);
            break;
        }
    }
    return true;
}

bool pci_place_chipset(Domain *domain, PciMap *map, GError **error)
{
    if (machine_is_q35(domain))
        return chipset_ich9(domain, map, error);
    return !machine_is_i440fx(domain) || chipset_piix3(domain, map, error);
}
