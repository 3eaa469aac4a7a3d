/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of the host lent to the guest. */
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

static bool hostdev_check(const DomainHostdev *hostdev, GError **error)
{
    if (hostdev->mode != HOSTDEV_MODE_SUBSYSTEM)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<hostdev mode='capabilities'> is for containers");
    const DomainAddress *address = hostdev->info.address;
    if (hostdev->type == HOSTDEV_TYPE_MDEV) {
        if (!hostdev->mdev_uuid)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<hostdev type='mdev'>: <source><address uuid='…'/> is missing");
        if (hostdev->model == HOSTDEV_MODEL_VFIO_PCI && address && address->type && address->type != ADDRESS_TYPE_PCI)
            return error_set(error, VIR_ERR_XML_ERROR,
                             "<hostdev type='mdev' model='vfio-pci'>: needs a PCI address, not '%s'",
                             model_enum_text(&model_enum_address_type, address->type));
    }
    if (hostdev->type == HOSTDEV_TYPE_SCSI_HOST && hostdev->info.boot_order)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<hostdev type='scsi_host'>: it is impossible to boot from it");
    if (address && address->type == ADDRESS_TYPE_PCI && address->zpci)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<zpci>: only s390 guests have it");
    return true;
}

static bool hostdev_same_source(const DomainHostdev *a, const DomainHostdev *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case HOSTDEV_TYPE_PCI:
        return a->domain == b->domain && a->bus == b->bus && a->slot == b->slot && a->function == b->function;
    case HOSTDEV_TYPE_USB:
        if (a->usb_bus && a->usb_device)
            return a->usb_bus == b->usb_bus && a->usb_device == b->usb_device;
        return !b->usb_bus && a->usb_vendor == b->usb_vendor && a->usb_product == b->usb_product;
    case HOSTDEV_TYPE_MDEV: return !g_strcmp0(a->mdev_uuid, b->mdev_uuid);
    case HOSTDEV_TYPE_SCSI:
        return !g_strcmp0(a->adapter, b->adapter) && !g_strcmp0(a->iscsi_name, b->iscsi_name) &&
               a->scsi_bus == b->scsi_bus && a->scsi_target == b->scsi_target && a->scsi_unit == b->scsi_unit;
    default: return a->wwpn && !g_strcmp0(a->wwpn, b->wwpn);
    }
}

static bool hostdev_check_ramfb(const Domain *domain, GError **error)
{
    unsigned n = 0;
    for (unsigned i = 0; i < domain->n_hostdevs; i++)
        n += domain->hostdevs[i]->ramfb == TRI_YES;
    if (n > 1)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<hostdev ramfb='on'>: only one device can have it");
    return true;
}

bool rule_hostdevs(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_hostdevs; i++) {
        DomainHostdev *hostdev = domain->hostdevs[i];
        if (!hostdev->managed)
            hostdev->managed = TRI_NO;
        if (hostdev->type == HOSTDEV_TYPE_MDEV && hostdev->model == HOSTDEV_MODEL_VFIO_PCI && !hostdev->display)
            hostdev->display = TRI_NO;
        if (!hostdev_check(hostdev, error))
            return false;
        for (unsigned k = 0; k < i; k++) {
            if (hostdev_same_source(hostdev, domain->hostdevs[k]))
                return error_set(error, VIR_ERR_XML_ERROR, "<hostdev>: the same device of the host is lent twice");
        }
    }
    return hostdev_check_ramfb(domain, error);
}
