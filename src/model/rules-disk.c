/* SPDX-License-Identifier: Apache-2.0 */
/* Disks: names, buses, formats, sources. */
#include "base/error.h"
#include "model/disk-name.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

static DiskBus disk_default_bus(const DomainDisk *disk)
{
    static const struct {
        const char *prefix;
        DiskBus bus;
    } by_prefix[] = {
        { "fd", DISK_BUS_FDC },    { "hd", DISK_BUS_IDE },  { "sd", DISK_BUS_SCSI },
        { "vd", DISK_BUS_VIRTIO }, { "xvd", DISK_BUS_XEN }, { "ubd", DISK_BUS_UML },
    };
    if (disk->device == DISK_DEVICE_FLOPPY)
        return DISK_BUS_FDC;
    for (unsigned i = 0; i < G_N_ELEMENTS(by_prefix); i++) {
        if (g_str_has_prefix(disk->target, by_prefix[i].prefix))
            return by_prefix[i].bus;
    }
    return DISK_BUS_IDE;
}

static uint32_t storage_default_port(StorageProtocol protocol)
{
    static const uint32_t ports[STORAGE_PROTOCOL_COUNT] = {
        [STORAGE_PROTOCOL_NBD] = 10809,  [STORAGE_PROTOCOL_SHEEPDOG] = 7000, [STORAGE_PROTOCOL_GLUSTER] = 24007,
        [STORAGE_PROTOCOL_ISCSI] = 3260, [STORAGE_PROTOCOL_HTTP] = 80,       [STORAGE_PROTOCOL_HTTPS] = 443,
        [STORAGE_PROTOCOL_FTP] = 21,     [STORAGE_PROTOCOL_FTPS] = 990,      [STORAGE_PROTOCOL_TFTP] = 69,
        [STORAGE_PROTOCOL_SSH] = 22,     [STORAGE_PROTOCOL_VXHS] = 9999,     [STORAGE_PROTOCOL_NFS] = 2049,
    };
    return ports[protocol];
}

static void storage_complete(StorageSource *source)
{
    if (source->encryption && !source->encryption->engine)
        source->encryption->engine = ENCRYPTION_ENGINE_QEMU;
    if (source->type != STORAGE_TYPE_NETWORK)
        return;
    if (source->protocol == STORAGE_PROTOCOL_ISCSI && source->path && !strchr(source->path, '/')) {
        char *first_lun = g_strconcat(source->path, "/0", NULL);
        g_free(source->path);
        source->path = first_lun;
    }
    for (unsigned i = 0; i < source->n_hosts; i++) {
        StorageHost *host = source->hosts[i];
        if (!host->port && (!host->transport || host->transport == STORAGE_TRANSPORT_TCP))
            host->port = storage_default_port(source->protocol);
    }
}

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
    if (encryption->cipher)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "disk '%s': <cipher> is written in the image itself; leave it out", disk->target);
    if (encryption->engine != ENCRYPTION_ENGINE_LIBRBD && disk->format && disk->format != STORAGE_FORMAT_RAW &&
        disk->format != STORAGE_FORMAT_QCOW2)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': encryption works for raw and qcow2 images only",
                         disk->target);
    return true;
}

static bool disk_check_target(DomainDisk *disk, GError **error)
{
    bool partition;
    if (!disk->target || disk_name_index(disk->target, &partition) < 0)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "disk target '%s': expected hda, sda, vda, fda …",
                         disk->target ? disk->target : "");
    if (partition)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "disk target '%s': a partition cannot be a target; drop the number", disk->target);
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
    if (disk->device == DISK_DEVICE_LUN) {
        bool iscsi = disk->source.type == STORAGE_TYPE_NETWORK && disk->source.protocol == STORAGE_PROTOCOL_ISCSI;
        if (disk->source.type != STORAGE_TYPE_BLOCK && disk->source.type != STORAGE_TYPE_VOLUME && !iscsi)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "disk '%s': device='lun' needs a block device (or iSCSI) as its source", disk->target);
        if (disk->bus != DISK_BUS_SCSI && disk->bus != DISK_BUS_VIRTIO)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': device='lun' needs bus='scsi' or 'virtio'",
                             disk->target);
    }
    if ((disk->format == STORAGE_FORMAT_COW || disk->format == STORAGE_FORMAT_DIR) &&
        disk->source.type != STORAGE_TYPE_DIR)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': QEMU has no image format '%s'", disk->target,
                         model_enum_text(&model_enum_storage_format, disk->format));
    return true;
}

static bool disk_is_empty(const DomainDisk *disk)
{
    switch (disk->source.type) {
    case STORAGE_TYPE_NETWORK: return disk->source.protocol == STORAGE_PROTOCOL_UNSET;
    case STORAGE_TYPE_VOLUME: return !disk->source.pool;
    default: return false;
    }
}

static bool disk_complete(DomainDisk *disk, GError **error)
{
    if (!disk_check_target(disk, error))
        return false;
    if (!disk->bus)
        disk->bus = disk_default_bus(disk);
    if (disk->device == DISK_DEVICE_CDROM)
        disk->read_only = true;
    if (!disk->driver_name)
        disk->driver_name = g_strdup("qemu");
    if (disk_is_empty(disk))
        disk->source.type = STORAGE_TYPE_FILE;
    if (!disk->format && disk->source.type != STORAGE_TYPE_DIR && disk->source.type != STORAGE_TYPE_VOLUME)
        disk->format = STORAGE_FORMAT_RAW;
    if (disk->source.type == STORAGE_TYPE_VHOSTUSER && !disk->snapshot)
        disk->snapshot = DISK_SNAPSHOT_NO;
    if (disk->source.type == STORAGE_TYPE_DIR && !disk->format)
        disk->format = STORAGE_FORMAT_FAT;
    storage_complete(&disk->source);
    for (StorageBacking *backing = disk->backing; backing; backing = backing->backing)
        storage_complete(&backing->source);
    if (disk->old_encryption && !disk->old_encryption->engine)
        disk->old_encryption->engine = ENCRYPTION_ENGINE_QEMU;
    if (disk->snapshot == DISK_SNAPSHOT_NO && disk->read_only)
        disk->snapshot = DISK_SNAPSHOT_UNSET;
    return true;
}

/* Among disks of one bus the order is that of their names, whatever the order in the document. */
static unsigned disk_position(const Domain *domain, unsigned n, const DomainDisk *disk)
{
    bool partition;
    int index = disk_name_index(disk->target, &partition), position = -1;
    for (int i = (int)n - 1; i >= 0; i--) {
        const DomainDisk *other = domain->disks[i];
        if (other->bus != disk->bus)
            continue;
        if (disk_name_index(other->target, &partition) > index) {
            position = i;
        } else {
            if (position < 0)
                position = i + 1;
            break;
        }
    }
    return position < 0 ? n : (unsigned)position;
}

bool rule_disks(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_disks; i++) {
        if (!disk_complete(domain->disks[i], error))
            return false;
    }
    for (unsigned i = 1; i < domain->n_disks; i++) {
        DomainDisk *disk = domain->disks[i];
        unsigned position = disk_position(domain, i, disk);
        memmove(domain->disks + position + 1, domain->disks + position, (i - position) * sizeof *domain->disks);
        domain->disks[position] = disk;
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
        const DomainDisk *disk = domain->disks[i];
        g_autofree char *what = g_strdup_printf("disk '%s'", disk->target);
        if (!disk_check_device(disk, error) || !disks_unique(domain, disk, i, error) ||
            !storage_check(&disk->source, what, error) || !encryption_check(disk, disk->source.encryption, error) ||
            !encryption_check(disk, disk->old_encryption, error))
            return false;
    }
    return true;
}
