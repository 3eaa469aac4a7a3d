/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of the host lent to the guest. */
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

static bool hostdev_check_scsi(const DomainHostdev *hostdev, GError **error)
{
    if (hostdev->protocol != HOSTDEV_PROTOCOL_ISCSI && !hostdev->adapter)
        return error_set(error, VIR_ERR_XML_ERROR, "<hostdev type='scsi'>: <source><adapter name='…'/> is missing");
    if (hostdev->protocol != HOSTDEV_PROTOCOL_ISCSI && !hostdev->scsi_unit_set)
        return error_set(error, VIR_ERR_XML_ERROR, "<hostdev type='scsi'>: <source><address …/> is missing");
    if (hostdev->sgio == DISK_SGIO_UNFILTERED)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<hostdev sgio='unfiltered'>: it is gone from the kernel");
    return true;
}

static bool hostdev_check_source(const DomainHostdev *hostdev, GError **error)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    switch (hostdev->type) {
    case HOSTDEV_TYPE_USB:
        if (hostdev->usb_vendor_set != hostdev->usb_product_set)
            return error_set(error, VIR_ERR_INTERNAL_ERROR,
                             "<hostdev type='usb'>: <vendor> and <product> belong together");
        return true;
    case HOSTDEV_TYPE_PCI:
        if (hostdev->bus > 255 || hostdev->slot > 31 || hostdev->function > 7)
            return error_set(error, VIR_ERR_XML_ERROR, "<hostdev type='pci'>: %04x:%02x:%02x.%x is no PCI address",
                             hostdev->domain, hostdev->bus, hostdev->slot, hostdev->function);
        if (hostdev->write_filtering)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<hostdev type='pci'>: QEMU has no 'writeFiltering'");
        return true;
    case HOSTDEV_TYPE_SCSI: return hostdev_check_scsi(hostdev, error);
    case HOSTDEV_TYPE_SCSI_HOST:
        if (!hostdev->wwpn || !g_str_has_prefix(hostdev->wwpn, "naa.") || strspn(hostdev->wwpn + 4, digits) != 16 ||
            hostdev->wwpn[20])
            return error_set(error, VIR_ERR_XML_ERROR,
                             "<hostdev type='scsi_host'>: wwpn='%s': expected \"naa.\" and 16 digits",
                             hostdev->wwpn ? hostdev->wwpn : "");
        return true;
    default: return true;
    }
}

static void hostdev_complete(DomainHostdev *hostdev)
{
    if (!hostdev->managed)
        hostdev->managed = TRI_NO;
    if (hostdev->type == HOSTDEV_TYPE_MDEV && hostdev->model == HOSTDEV_MODEL_VFIO_PCI && !hostdev->display)
        hostdev->display = TRI_NO;
    if (hostdev->iscsi_name && !strchr(hostdev->iscsi_name, '/')) {
        char *first_lun = g_strconcat(hostdev->iscsi_name, "/0", NULL);
        g_free(hostdev->iscsi_name);
        hostdev->iscsi_name = first_lun;
    }
}

static bool hostdev_check(const DomainHostdev *hostdev, GError **error)
{
    if (hostdev->mode != HOSTDEV_MODE_SUBSYSTEM)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<hostdev mode='capabilities'> is for containers");
    if (!hostdev->source_given)
        return error_set(error, VIR_ERR_XML_ERROR, "<hostdev>: <source> is missing");
    if (!hostdev_check_source(hostdev, error))
        return false;
    const DomainAddress *address = hostdev->info.address;
    if (hostdev->type == HOSTDEV_TYPE_MDEV) {
        if (!hostdev->model)
            return error_set(error, VIR_ERR_XML_ERROR, "<hostdev type='mdev'>: attribute 'model' is missing");
        if (hostdev->model != HOSTDEV_MODEL_VFIO_PCI)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<hostdev type='mdev'>: a PC has only model='vfio-pci'");
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
    for (unsigned i = 0; i < domain->n_hostdevs; i++) {
        n += domain->hostdevs[i]->ramfb == TRI_YES;
        if (domain->hostdevs[i]->display == TRI_YES && !domain->n_graphics)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<hostdev display='on'>: the guest has no <graphics>");
    }
    if (n > 1)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<hostdev ramfb='on'>: only one device can have it");
    return true;
}

bool rule_hostdevs(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_hostdevs; i++) {
        context->at = domain->hostdevs[i];
        DomainHostdev *hostdev = domain->hostdevs[i];
        hostdev_complete(hostdev);
        if (!hostdev_check(hostdev, error))
            return false;
        for (unsigned k = 0; k < i; k++) {
            if (hostdev_same_source(hostdev, domain->hostdevs[k]))
                return error_set(error, VIR_ERR_XML_ERROR, "<hostdev>: the same device of the host is lent twice");
        }
    }
    return hostdev_check_ramfb(domain, error);
}
