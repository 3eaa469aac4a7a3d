/* SPDX-License-Identifier: Apache-2.0 */
/* What a disk may not be. */
#include "base/error.h"
#include "model/controllers.h"
#include "model/rules.h"
#include <string.h>

static bool storage_check(const StorageSource *source, const char *what, GError **error)
{
    if (source->encryption && source->encryption->engine == ENCRYPTION_ENGINE_LIBRBD &&
        source->protocol != STORAGE_PROTOCOL_RBD)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: encryption engine 'librbd' works for rbd sources only",
                         what);
    for (unsigned i = 0; i < source->n_hosts; i++) {
        const StorageHost *host = source->hosts[i];
        if (host->transport == STORAGE_TRANSPORT_UNIX && !host->socket)
            return error_set(error, VIR_ERR_XML_ERROR, "%s: <host transport='unix'>: attribute 'socket' is missing",
                             what);
        if (host->transport != STORAGE_TRANSPORT_UNIX && !host->name)
            return error_set(error, VIR_ERR_XML_ERROR, "%s: <host>: attribute 'name' is missing", what);
        if (host->transport && host->transport != STORAGE_TRANSPORT_UNIX && host->socket)
            return error_set(error, VIR_ERR_XML_ERROR, "%s: <host>: 'socket' needs transport='unix'", what);
    }
    return true;
}

static bool encryption_check(const DomainDisk *disk, const StorageEncryption *encryption, GError **error)
{
    if (!encryption)
        return true;
    if (encryption->format == ENCRYPTION_FORMAT_QCOW || encryption->format == ENCRYPTION_FORMAT_DEFAULT)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "disk '%s': the old qcow encryption is gone; use format='luks'", disk->target);
    if (encryption->cipher)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "disk '%s': <cipher> is written in the image itself; leave it out", disk->target);
    if (encryption->engine != ENCRYPTION_ENGINE_LIBRBD && disk->format && disk->format != STORAGE_FORMAT_RAW &&
        disk->format != STORAGE_FORMAT_QCOW2)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': encryption works for raw and qcow2 images only",
                         disk->target);
    return true;
}

static bool disk_check_format(const DomainDisk *disk, GError **error)
{
    const char *format = model_enum_text(&model_enum_storage_format, disk->format);
    if (disk->source.type == STORAGE_TYPE_DIR) {
        if (disk->format != STORAGE_FORMAT_FAT)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': a directory needs <driver type='fat'/>",
                             disk->target);
        if (!disk->read_only)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': a directory needs <readonly/>",
                             disk->target);
        return true;
    }
    switch (disk->format) {
    case STORAGE_FORMAT_COW:
    case STORAGE_FORMAT_DIR:
    case STORAGE_FORMAT_VHD:
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': QEMU has no image format '%s'", disk->target,
                         format);
    case STORAGE_FORMAT_ISO:
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': format 'iso' is 'raw' to QEMU; use that",
                         disk->target);
    default: return true;
    }
}

static bool disk_check_driver(const Domain *domain, const DomainDisk *disk, GError **error)
{
    if (strcmp(disk->driver_name, "qemu"))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': <driver name='%s'>: only 'qemu' is possible",
                         disk->target, disk->driver_name);
    if (disk->io == DISK_IO_NATIVE && disk->cache != DISK_CACHE_NONE && disk->cache != DISK_CACHE_DIRECTSYNC)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': io='native' needs cache='none' or 'directsync'",
                         disk->target);
    if (!disk->iothread)
        return true;
    bool there = !domain->n_iothread_list && disk->iothread <= domain->iothreads;
    for (unsigned i = 0; i < domain->n_iothread_list; i++)
        there |= domain->iothread_list[i]->id == disk->iothread;
    if (!there)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "disk '%s': the guest has no I/O thread %u; raise <iothreads>", disk->target, disk->iothread);
    if (disk->bus != DISK_BUS_VIRTIO)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': an I/O thread needs bus='virtio'",
                         disk->target);
    return true;
}

/* What only some buses have. */
static bool disk_check_bus(const DomainDisk *disk, GError **error)
{
    const char *bus = model_enum_text(&model_enum_disk_bus, disk->bus);
    bool rotates = disk->bus == DISK_BUS_SCSI || disk->bus == DISK_BUS_IDE || disk->bus == DISK_BUS_SATA;
    if (disk->rotation_rate && !rotates)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "disk '%s': rotation_rate is for SCSI, IDE and SATA only",
                         disk->target);
    if (disk->wwn && !rotates)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': <wwn> is for SCSI, IDE and SATA only",
                         disk->target);
    if ((disk->vendor || disk->product) && disk->bus != DISK_BUS_SCSI)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': <vendor> and <product> are for SCSI only",
                         disk->target);
    if (disk->model && disk->bus != DISK_BUS_VIRTIO)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': attribute 'model' is not for bus='%s'",
                         disk->target, bus);
    if (disk->removable && disk->bus != DISK_BUS_USB && disk->bus != DISK_BUS_SCSI)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': removable='…' is for USB and SCSI only",
                         disk->target);
    if (disk->bus == DISK_BUS_UNSET)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': QEMU has no bus '%s'", disk->target, bus);
    return true;
}

static bool disk_check_words(const DomainDisk *disk, GError **error)
{
    static const char serial_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ .+";
    if (disk->serial && strspn(disk->serial, serial_characters) != strlen(disk->serial))
        return error_set(error, VIR_ERR_INTERNAL_ERROR,
                         "disk '%s': <serial>%s: letters, digits, blanks and - _ . + only", disk->target, disk->serial);
    if (disk->vendor && strlen(disk->vendor) > 8)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': <vendor> has more than 8 characters",
                         disk->target);
    if (disk->product && strlen(disk->product) > 16)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': <product> has more than 16 characters",
                         disk->target);
    if (disk->wwn) {
        const char *digits = g_str_has_prefix(disk->wwn, "0x") ? disk->wwn + 2 : disk->wwn;
        if (strspn(digits, "0123456789abcdefABCDEF") != 16 || digits[16])
            return error_set(error, VIR_ERR_INTERNAL_ERROR, "disk '%s': <wwn>%s: expected 16 hexadecimal digits",
                             disk->target, disk->wwn);
    }
    return true;
}

static bool disk_check_iotune(const DomainDisk *disk, GError **error)
{
    const DomainDiskIotune *t = disk->iotune;
    if (!t)
        return true;
    bool both = (t->total_bytes_sec && (t->read_bytes_sec || t->write_bytes_sec)) ||
                (t->total_iops_sec && (t->read_iops_sec || t->write_iops_sec)) ||
                (t->total_bytes_sec_max && (t->read_bytes_sec_max || t->write_bytes_sec_max)) ||
                (t->total_iops_sec_max && (t->read_iops_sec_max || t->write_iops_sec_max));
    if (both)
        return error_set(error, VIR_ERR_XML_ERROR,
                         "disk '%s': <iotune>: a total limit excludes those for reading and writing", disk->target);
    return true;
}

static bool disk_has_source(const DomainDisk *disk)
{
    switch (disk->source.type) {
    case STORAGE_TYPE_FILE:
    case STORAGE_TYPE_BLOCK:
    case STORAGE_TYPE_DIR: return disk->source.path != NULL;
    default: return true;
    }
}

static bool disk_check_source(const Domain *domain, const DomainDisk *disk, GError **error)
{
    if (!disk_has_source(disk) && disk->device != DISK_DEVICE_CDROM && disk->device != DISK_DEVICE_FLOPPY)
        return error_set(error, VIR_ERR_NO_SOURCE, "disk '%s': <source> is missing", disk->target);
    bool shared = domain->memory_access == MEMORY_ACCESS_SHARED;
    for (unsigned i = 0; domain->cpu && i < domain->cpu->n_numa_cells; i++)
        shared |= domain->cpu->numa_cells[i]->mem_access == MEMORY_ACCESS_SHARED;
    if (disk->source.type == STORAGE_TYPE_VHOSTUSER && !shared)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "disk '%s': type 'vhostuser' needs shared memory: <memoryBacking><access mode='shared'/>",
                         disk->target);
    return true;
}

static bool disk_check_device(const DomainDisk *disk, GError **error)
{
    if (disk->device == DISK_DEVICE_FLOPPY && disk->bus != DISK_BUS_FDC)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "disk '%s': a floppy drive needs bus='fdc'", disk->target);
    if (disk->device != DISK_DEVICE_FLOPPY && disk->bus == DISK_BUS_FDC)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "disk '%s': bus='fdc' is for floppy drives", disk->target);
    if (disk->device == DISK_DEVICE_CDROM && disk->bus == DISK_BUS_VIRTIO)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': a CD-ROM drive cannot be on bus='virtio'",
                         disk->target);
    if (disk->sgio == DISK_SGIO_UNFILTERED)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': sgio='unfiltered' is gone from the kernel",
                         disk->target);
    if (disk->device == DISK_DEVICE_LUN) {
        bool iscsi = disk->source.type == STORAGE_TYPE_NETWORK && disk->source.protocol == STORAGE_PROTOCOL_ISCSI;
        if (disk->source.type != STORAGE_TYPE_BLOCK && disk->source.type != STORAGE_TYPE_VOLUME && !iscsi)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "disk '%s': device='lun' needs a block device (or iSCSI) as its source", disk->target);
        if (disk->bus != DISK_BUS_SCSI && disk->bus != DISK_BUS_VIRTIO)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': device='lun' needs bus='scsi' or 'virtio'",
                             disk->target);
    }
    return true;
}

static bool disks_unique(const Domain *domain, const DomainDisk *disk, unsigned index, GError **error)
{
    for (unsigned k = 0; k < index; k++) {
        const DomainDisk *other = domain->disks[k];
        if (!strcmp(disk->target, other->target))
            return error_set(error, VIR_ERR_XML_ERROR, "disk target '%s' is used twice, for '%s' and for '%s'",
                             disk->target, disk->source.path ? disk->source.path : "",
                             other->source.path ? other->source.path : "");
        if (disk->wwn && other->wwn && !strcmp(disk->wwn, other->wwn) && disk->bus == other->bus)
            return error_set(error, VIR_ERR_XML_ERROR, "disks '%s' and '%s' have the same WWN '%s'", disk->target,
                             other->target, disk->wwn);
    }
    return true;
}

bool rule_check_disks(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_disks; i++) {
        context->at = domain->disks[i];
        const DomainDisk *disk = domain->disks[i];
        g_autofree char *what = g_strdup_printf("disk '%s'", disk->target);
        if (!disk_check_source(domain, disk, error) || !disk_check_device(disk, error) ||
            !disk_check_bus(disk, error) || !disk_check_format(disk, error) ||
            !disk_check_driver(domain, disk, error) || !disk_check_words(disk, error) ||
            !disk_check_iotune(disk, error) || !disks_unique(domain, disk, i, error) ||
            !storage_check(&disk->source, what, error) || !encryption_check(disk, disk->source.encryption, error) ||
            !encryption_check(disk, disk->old_encryption, error))
            return false;
    }
    return true;
}

/* Adapters that know only one target, and chipsets that have only one IDE controller. */
bool rule_check_drive_controllers(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_disks; i++) {
        context->at = domain->disks[i];
        const DomainDisk *disk = domain->disks[i];
        const DomainAddress *a = disk->info.address;
        if (!a || a->type != ADDRESS_TYPE_DRIVE)
            continue;
        if (disk->bus == DISK_BUS_IDE && a->controller)
            return error_set(error, VIR_ERR_INTERNAL_ERROR, "disk '%s': a PC has only one IDE controller",
                             disk->target);
        const DomainController *controller = controllers_find(domain, CONTROLLER_TYPE_SCSI, (int)a->controller);
        if (disk->bus == DISK_BUS_SCSI && controller && controller->model == CONTROLLER_MODEL_LSILOGIC && a->target)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': an lsilogic controller has only target 0",
                             disk->target);
    }
    return true;
}
