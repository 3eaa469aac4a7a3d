/* SPDX-License-Identifier: Apache-2.0 */
#include "model/pci-devices.h"
#include "model/machine.h"
#include <string.h>

typedef struct {
    Domain *domain;
    bool express;
    PciVisit visit;
    gpointer data;
    GError **error;
} PciWalk;

bool pci_address_is_set(const DomainAddress *a)
{
    return a && a->type == ADDRESS_TYPE_PCI && (a->domain || a->bus || a->slot || a->function);
}

void pci_address_set(DomainDeviceInfo *info, unsigned bus, unsigned slot, unsigned function)
{
    if (!info->address)
        info->address = g_new0(DomainAddress, 1);
    info->address->type = ADDRESS_TYPE_PCI;
    info->address->bus = bus;
    info->address->slot = slot;
    info->address->function = function;
}

static bool walk_visit(const PciWalk *walk, DomainDeviceInfo *info, unsigned connect)
{
    if (info->address && info->address->type && info->address->type != ADDRESS_TYPE_PCI)
        return true;
    PciEndpoint endpoint = { .info = info, .connect = connect | PCI_CONNECT_HOTPLUG };
    return walk->visit(walk->data, &endpoint, walk->error);
}

static bool walk_pci(const PciWalk *walk, DomainDeviceInfo *info)
{
    return walk_visit(walk, info, PCI_CONNECT_DEVICE);
}

static bool walk_express(const PciWalk *walk, DomainDeviceInfo *info)
{
    return walk_visit(walk, info, walk->express ? PCI_CONNECT_EXPRESS : PCI_CONNECT_DEVICE);
}

/* Transitional virtio devices have a legacy half, which needs I/O ports: conventional PCI. */
static bool walk_virtio(const PciWalk *walk, DomainDeviceInfo *info, bool transitional)
{
    return transitional ? walk_pci(walk, info) : walk_express(walk, info);
}

static bool walk_interfaces(const PciWalk *walk)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < walk->domain->n_interfaces; i++) {
        DomainInterface *interface = walk->domain->interfaces[i];
        const char *model = interface->model ? interface->model : "";
        if (!strcmp(model, "usb-net"))
            continue;
        if (interface->type == INTERFACE_TYPE_HOSTDEV || !strcmp(model, "e1000e") || !strcmp(model, "igb"))
            ok = walk_express(walk, &interface->info);
        else if (g_str_has_prefix(model, "virtio"))
            ok = walk_virtio(walk, &interface->info, !strcmp(model, "virtio-transitional"));
        else
            ok = walk_pci(walk, &interface->info);
    }
    return ok;
}

static bool walk_sounds(const PciWalk *walk)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < walk->domain->n_sounds; i++) {
        DomainSound *sound = walk->domain->sounds[i];
        switch (sound->model) {
        case SOUND_MODEL_SB16:
        case SOUND_MODEL_PCSPK:
        case SOUND_MODEL_USB: break;
        case SOUND_MODEL_VIRTIO: ok = walk_express(walk, &sound->info); break;
        default: ok = walk_pci(walk, &sound->info); break;
        }
    }
    return ok;
}

static bool walk_scsi_controller(const PciWalk *walk, DomainController *controller)
{
    switch (controller->model) {
    case CONTROLLER_MODEL_VIRTIO_SCSI:
    case CONTROLLER_MODEL_VIRTIO_NON_TRANSITIONAL: return walk_express(walk, &controller->info);
    case CONTROLLER_MODEL_LSISAS1078:
    case CONTROLLER_MODEL_LSISAS1068:
    case CONTROLLER_MODEL_VMPVSCSI: return walk_express(walk, &controller->info);
    case CONTROLLER_MODEL_IBMVSCSI: return true;
    default: return walk_pci(walk, &controller->info);
    }
}

unsigned pci_ich9_usb_function(ControllerModel model)
{
    return model == CONTROLLER_MODEL_ICH9_EHCI1 ? 7 : (unsigned)(model - CONTROLLER_MODEL_ICH9_UHCI1);
}

bool pci_is_ich9_usb(const DomainController *controller)
{
    return controller->type == CONTROLLER_TYPE_USB && controller->model >= CONTROLLER_MODEL_ICH9_EHCI1 &&
           controller->model <= CONTROLLER_MODEL_ICH9_UHCI3;
}

static bool walk_usb_controller(const PciWalk *walk, DomainController *controller)
{
    if (pci_is_ich9_usb(controller)) {
        PciEndpoint endpoint = { .info = &controller->info,
                                 .connect = PCI_CONNECT_DEVICE | PCI_CONNECT_HOTPLUG,
                                 .usb = controller };
        return walk->visit(walk->data, &endpoint, walk->error);
    }
    switch (controller->model) {
    case CONTROLLER_MODEL_NONE: return true;
    case CONTROLLER_MODEL_NEC_XHCI:
    case CONTROLLER_MODEL_QEMU_XHCI: return walk_express(walk, &controller->info);
    default: return walk_pci(walk, &controller->info);
    }
}

static bool walk_controllers(const PciWalk *walk)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < walk->domain->n_controllers; i++) {
        DomainController *controller = walk->domain->controllers[i];
        switch (controller->type) {
        case CONTROLLER_TYPE_IDE:
        case CONTROLLER_TYPE_SATA: ok = walk_pci(walk, &controller->info); break;
        case CONTROLLER_TYPE_SCSI: ok = walk_scsi_controller(walk, controller); break;
        case CONTROLLER_TYPE_USB: ok = walk_usb_controller(walk, controller); break;
        case CONTROLLER_TYPE_VIRTIO_SERIAL:
            ok = walk_virtio(walk, &controller->info, controller->model == CONTROLLER_MODEL_VIRTIO_TRANSITIONAL);
            break;
        default: break;
        }
    }
    return ok;
}

static bool walk_disks(const PciWalk *walk)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < walk->domain->n_disks; i++) {
        DomainDisk *disk = walk->domain->disks[i];
        if (disk->bus == DISK_BUS_VIRTIO)
            ok = walk_virtio(walk, &disk->info, disk->model == DISK_MODEL_VIRTIO_TRANSITIONAL);
    }
    return ok;
}

static bool walk_hostdevs(const PciWalk *walk)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < walk->domain->n_hostdevs; i++) {
        DomainHostdev *hostdev = walk->domain->hostdevs[i];
        if (hostdev->type == HOSTDEV_TYPE_PCI)
            ok = walk_express(walk, &hostdev->info);
        else if (hostdev->type == HOSTDEV_TYPE_MDEV && hostdev->model == HOSTDEV_MODEL_VFIO_PCI)
            ok = walk_express(walk, &hostdev->info);
        else if (hostdev->type == HOSTDEV_TYPE_SCSI_HOST)
            ok = walk_virtio(walk, &hostdev->info, hostdev->model == HOSTDEV_MODEL_VIRTIO_TRANSITIONAL);
    }
    return ok;
}

static bool walk_videos(const PciWalk *walk)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < walk->domain->n_videos; i++) {
        DomainVideo *video = walk->domain->videos[i];
        if (video->type == VIDEO_TYPE_NONE || video->type == VIDEO_TYPE_RAMFB)
            continue;
        bool express = video->type == VIDEO_TYPE_VIRTIO || video->type == VIDEO_TYPE_BOCHS;
        ok = express ? walk_express(walk, &video->info) : walk_pci(walk, &video->info);
    }
    return ok;
}

static bool walk_virtio_devices(const PciWalk *walk)
{
    const Domain *domain = walk->domain;
    bool ok = true;
    for (unsigned i = 0; ok && i < domain->n_memballoons; i++) {
        DomainMemballoon *balloon = domain->memballoons[i];
        if (balloon->model != MEMBALLOON_MODEL_NONE)
            ok = walk_virtio(walk, &balloon->info, balloon->model == MEMBALLOON_MODEL_VIRTIO_TRANSITIONAL);
    }
    for (unsigned i = 0; ok && i < domain->n_rngs; i++)
        ok = walk_virtio(walk, &domain->rngs[i]->info, domain->rngs[i]->model == RNG_MODEL_VIRTIO_TRANSITIONAL);
    for (unsigned i = 0; ok && i < domain->n_watchdogs; i++) {
        if (domain->watchdogs[i]->model == WATCHDOG_MODEL_I6300ESB)
            ok = walk_pci(walk, &domain->watchdogs[i]->info);
    }
    return ok && walk_videos(walk);
}

static bool walk_late_devices(const PciWalk *walk)
{
    const Domain *domain = walk->domain;
    bool ok = true;
    for (unsigned i = 0; ok && i < domain->n_shmems; i++)
        ok = walk_pci(walk, &domain->shmems[i]->info);
    for (unsigned i = 0; ok && i < domain->n_inputs; i++) {
        DomainInput *input = domain->inputs[i];
        if (input->bus == INPUT_BUS_VIRTIO)
            ok = walk_virtio(walk, &input->info, input->model == INPUT_MODEL_VIRTIO_TRANSITIONAL);
    }
    for (unsigned i = 0; ok && i < domain->n_serials; i++) {
        if (domain->serials[i]->target_type == CHARDEV_TARGET_PCI_SERIAL)
            ok = walk_pci(walk, &domain->serials[i]->info);
    }
    for (unsigned i = 0; ok && i < domain->n_vsocks; i++)
        ok = walk_virtio(walk, &domain->vsocks[i]->info, domain->vsocks[i]->model == VSOCK_MODEL_VIRTIO_TRANSITIONAL);
    for (unsigned i = 0; ok && i < domain->n_memories; i++) {
        DomainMemory *memory = domain->memories[i];
        if (memory->model == MEMORY_MODEL_VIRTIO_MEM || memory->model == MEMORY_MODEL_VIRTIO_PMEM)
            ok = walk_express(walk, &memory->info);
    }
    for (unsigned i = 0; ok && i < domain->n_cryptos; i++)
        ok = walk_express(walk, &domain->cryptos[i]->info);
    return ok;
}

bool pci_each_endpoint(Domain *domain, bool express, PciVisit visit, gpointer data, GError **error)
{
    PciWalk walk = { domain, express, visit, data, error };
    bool ok = true;
    for (unsigned i = 0; ok && i < domain->n_filesystems; i++)
        ok = walk_virtio(&walk, &domain->filesystems[i]->info,
                         domain->filesystems[i]->model == FILESYSTEM_MODEL_VIRTIO_TRANSITIONAL);
    return ok && walk_interfaces(&walk) && walk_sounds(&walk) && walk_controllers(&walk) && walk_disks(&walk) &&
           walk_hostdevs(&walk) && walk_virtio_devices(&walk) && walk_late_devices(&walk);
}
