/* SPDX-License-Identifier: Apache-2.0 */
/* Places on IDE, SCSI, SATA and floppy controllers. */
#include "base/error.h"
#include "model/controllers.h"
#include "model/disk-name.h"
#include "model/rules.h"

#define SCSI_UNITS 7

static bool drive_same(const DomainAddress *a, uint32_t controller, uint32_t bus, uint32_t target, uint32_t unit)
{
    return a && a->type == ADDRESS_TYPE_DRIVE && a->controller == controller && a->bus == bus && a->target == target &&
           a->unit == unit;
}

static bool drive_used_by_disk(const Domain *domain, const DomainDisk *but, DiskBus bus, const DomainAddress *a)
{
    for (unsigned i = 0; i < domain->n_disks; i++) {
        const DomainDisk *disk = domain->disks[i];
        if (disk != but && disk->bus == bus &&
            drive_same(disk->info.address, a->controller, a->bus, a->target, a->unit))
            return true;
    }
    return false;
}

static bool drive_used_by_hostdev(const Domain *domain, const DomainHostdev *but, const DomainAddress *a)
{
    for (unsigned i = 0; i < domain->n_hostdevs; i++) {
        const DomainHostdev *hostdev = domain->hostdevs[i];
        if (hostdev != but && hostdev->type == HOSTDEV_TYPE_SCSI &&
            drive_same(hostdev->info.address, a->controller, a->bus, a->target, a->unit))
            return true;
    }
    return false;
}

/* The name of a disk says where it hangs: sdb is the second one on its bus. */
static bool drive_by_name(const Domain *domain, DomainDisk *disk, GError **error)
{
    bool partition;
    unsigned index = (unsigned)disk_name_index(disk->target, &partition);
    DomainAddress place = { .type = ADDRESS_TYPE_DRIVE };
    switch (disk->bus) {
    case DISK_BUS_SCSI: /* unit 7 of the bus is the adapter itself */
        place.controller = index / SCSI_UNITS;
        place.unit = index % SCSI_UNITS;
        break;
    case DISK_BUS_IDE:
        place.controller = index / 4;
        place.bus = index % 4 / 2;
        place.unit = index % 2;
        break;
    case DISK_BUS_SATA:
        place.controller = index / 6;
        place.unit = index % 6;
        break;
    case DISK_BUS_FDC:
        place.controller = index / 2;
        place.unit = index % 2;
        break;
    default: return true;
    }
    if (disk->bus == DISK_BUS_SCSI && drive_used_by_hostdev(domain, NULL, &place))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "disk target '%s' means controller %u, unit %u, which a <hostdev> has; use another name",
                         disk->target, place.controller, place.unit);
    disk->info.address = g_memdup2(&place, sizeof place);
    return true;
}

static bool drive_check_kind(const DomainDisk *disk, GError **error)
{
    const DomainAddress *address = disk->info.address;
    if (!address || !address->type)
        return true;
    bool drive = disk->bus == DISK_BUS_IDE || disk->bus == DISK_BUS_SCSI || disk->bus == DISK_BUS_SATA ||
                 disk->bus == DISK_BUS_FDC;
    if (drive && address->type != ADDRESS_TYPE_DRIVE)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "disk '%s' on bus '%s' needs an address of type 'drive', not '%s'", disk->target,
                         model_enum_text(&model_enum_disk_bus, disk->bus),
                         model_enum_text(&model_enum_address_type, address->type));
    if (disk->bus == DISK_BUS_USB && address->type != ADDRESS_TYPE_USB)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "disk '%s' on bus 'usb' needs an address of type 'usb'",
                         disk->target);
    if (disk->bus == DISK_BUS_VIRTIO && address->type != ADDRESS_TYPE_PCI &&
        address->type != ADDRESS_TYPE_VIRTIO_MMIO && address->type != ADDRESS_TYPE_CCW &&
        address->type != ADDRESS_TYPE_UNASSIGNED)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "disk '%s' on bus 'virtio' cannot have an address of type '%s'", disk->target,
                         model_enum_text(&model_enum_address_type, address->type));
    return true;
}

bool rule_drive_addresses(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_disks; i++) {
        context->at = domain->disks[i];
        DomainDisk *disk = domain->disks[i];
        if (!drive_check_kind(disk, error))
            return false;
        if (!disk->info.address && !drive_by_name(domain, disk, error))
            return false;
    }
    for (unsigned i = 0; i < domain->n_disks; i++) {
        context->at = domain->disks[i];
        const DomainDisk *disk = domain->disks[i];
        const DomainAddress *a = disk->info.address;
        if (a && a->type == ADDRESS_TYPE_DRIVE && drive_used_by_disk(domain, disk, disk->bus, a))
            return error_set(error, VIR_ERR_XML_ERROR,
                             "disk '%s': controller %u, bus %u, target %u, unit %u is taken by another disk",
                             disk->target, a->controller, a->bus, a->target, a->unit);
    }
    return true;
}

static bool drive_place_hostdev(Domain *domain, DomainHostdev *hostdev, GError **error)
{
    DomainAddress place = { .type = ADDRESS_TYPE_DRIVE };
    for (unsigned n = 0; n < 256 * SCSI_UNITS; n++) {
        place.controller = n / SCSI_UNITS;
        place.unit = n % SCSI_UNITS;
        if (drive_used_by_disk(domain, NULL, DISK_BUS_SCSI, &place) || drive_used_by_hostdev(domain, hostdev, &place))
            continue;
        hostdev->info.address = g_memdup2(&place, sizeof place);
        return true;
    }
    return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<hostdev type='scsi'>: no free place on any SCSI controller");
}

bool rule_scsi_hostdev_addresses(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    int highest = -1;
    for (unsigned i = 0; i < domain->n_hostdevs; i++) {
        context->at = domain->hostdevs[i];
        DomainHostdev *hostdev = domain->hostdevs[i];
        if (hostdev->type != HOSTDEV_TYPE_SCSI)
            continue;
        if (!hostdev->info.address && !drive_place_hostdev(domain, hostdev, error))
            return false;
        const DomainAddress *a = hostdev->info.address;
        if (a->type != ADDRESS_TYPE_DRIVE)
            return error_set(error, VIR_ERR_XML_ERROR, "<hostdev type='scsi'>: needs an address of type 'drive'");
        if (drive_used_by_hostdev(domain, hostdev, a) || drive_used_by_disk(domain, NULL, DISK_BUS_SCSI, a))
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<hostdev type='scsi'>: controller %u, bus %u, target %u, unit %u is taken", a->controller,
                             a->bus, a->target, a->unit);
        highest = MAX(highest, (int)MIN(a->controller, 255));
    }
    controllers_ensure(domain, CONTROLLER_TYPE_SCSI, highest);
    return true;
}
