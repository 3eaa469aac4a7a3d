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
        [STORAGE_PROTOCOL_SSH] = 22,     [STORAGE_PROTOCOL_VXHS] = 9999,
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

static bool disk_check_target(DomainDisk *disk, GError **error)
{
    bool partition;
    if (!disk->target)
        return error_set(error, VIR_ERR_NO_TARGET, "disk with source '%s': <target dev='…'/> is missing",
                         disk->source.path ? disk->source.path : "");
    if (disk_name_index(disk->target, &partition) < 0)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "disk target '%s': expected hda, sda, vda, fda …",
                         disk->target);
    if (partition)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "disk target '%s': a partition cannot be a target; drop the number", disk->target);
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
    if (!disk->format && disk->source.type != STORAGE_TYPE_VOLUME)
        disk->format = STORAGE_FORMAT_RAW;
    if (disk->source.type == STORAGE_TYPE_VHOSTUSER && !disk->snapshot)
        disk->snapshot = DISK_SNAPSHOT_NO;
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
        context->at = domain->disks[i];
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
