/* SPDX-License-Identifier: Apache-2.0 */
/* Disks as the guest sees them: the front end on its bus. Their block nodes are in qemu-block.c. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

#define VIRTIO_QUEUES_MAX 1024 /* of one device; asked for more, QEMU aborts */

/* The node the front end is attached to. */
static char *top_node(const Domain *def, const DomainDisk *disk)
{
    if (qemu_disk_is_empty(disk))
        return NULL;
    return disk->copy_on_read == TRI_YES ? g_strconcat("lodge-CoR-", disk->target, NULL)
                                         : qemu_disk_format_node(def, disk);
}

/* rerror and werror, as QEMU splits the one policy. */
static void add_error_policy(JsonObject *device, const DomainDisk *disk)
{
    DiskErrorPolicy write = disk->error_policy, read = disk->rerror_policy;
    if (write == DISK_ERROR_POLICY_DEFAULT)
        write = DISK_ERROR_POLICY_UNSET;
    if (read == DISK_ERROR_POLICY_DEFAULT)
        read = DISK_ERROR_POLICY_UNSET;
    if (!read && write != DISK_ERROR_POLICY_ENOSPACE)
        read = write;
    if (write)
        json_object_set_string_member(
            device, "werror",
            write == DISK_ERROR_POLICY_ENOSPACE ? "enospc" : model_enum_text(&model_enum_disk_error_policy, write));
    if (read)
        json_object_set_string_member(device, "rerror", model_enum_text(&model_enum_disk_error_policy, read));
}

static void add_cache(JsonObject *device, const DomainDisk *disk)
{
    if (disk->cache && disk->cache != DISK_CACHE_DEFAULT)
        json_object_set_string_member(
            device, "write-cache",
            disk->cache == DISK_CACHE_WRITETHROUGH || disk->cache == DISK_CACHE_DIRECTSYNC ? "off" : "on");
}

static void add_geometry(JsonObject *device, const DomainDisk *disk)
{
    const DomainDiskGeometry *geometry = disk->geometry;
    if (!geometry || !geometry->cyls)
        return;
    qmp_object_add(device, "i:cyls", (gint64)geometry->cyls, "i:heads", (gint64)geometry->heads, "i:secs",
                   (gint64)geometry->secs, NULL);
    if (geometry->trans && geometry->trans != DISK_GEOMETRY_TRANS_DEFAULT)
        json_object_set_string_member(device, "bios-chs-trans",
                                      model_enum_text(&model_enum_disk_geometry_trans, geometry->trans));
}

/* What all buses have in common. */
static void add_common(JsonObject *device, QemuArgs *args, const DomainDisk *disk)
{
    static const QemuProperty rows[] = {
        { "logical_block_size", QEMU_PROPERTY_U32, offsetof(DomainDisk, logical_block_size) },
        { "physical_block_size", QEMU_PROPERTY_U32, offsetof(DomainDisk, physical_block_size) },
        { "serial", QEMU_PROPERTY_STRING, offsetof(DomainDisk, serial) },
        { NULL },
    };
    g_autofree char *node = top_node(args->def, disk);
    BootDevice kind = disk->device == DISK_DEVICE_CDROM    ? BOOT_DEVICE_CDROM
                      : disk->device == DISK_DEVICE_FLOPPY ? BOOT_DEVICE_FD
                                                           : BOOT_DEVICE_HD;
    if (disk->shareable)
        json_object_set_boolean_member(device, "share-rw", TRUE);
    qmp_object_add(device, "s:drive", node, "s:id", disk->info.alias, NULL);
    if (disk->bus != DISK_BUS_FDC)
        qmp_object_add(device, "I:bootindex", (gint64)qemu_args_boot_index(args, kind, disk, &disk->info), NULL);
    qemu_args_add_properties(device, rows, disk);
    if (disk->discard_granularity_set)
        json_object_set_int_member(device, "discard_granularity", disk->discard_granularity);
    if (disk->wwn)
        json_object_set_int_member(device, "wwn", (gint64)g_ascii_strtoull(disk->wwn, NULL, 16));
    if (disk->rotation_rate)
        json_object_set_int_member(device, "rotation_rate", disk->rotation_rate);
    add_geometry(device, disk);
    add_error_policy(device, disk);
    add_cache(device, disk);
}

static JsonObject *new_virtio(QemuArgs *args, const DomainDisk *disk)
{
    static const QemuProperty rows[] = {
        { "ioeventfd", QEMU_PROPERTY_BOOL, offsetof(DomainDisk, ioeventfd) },
        { "event_idx", QEMU_PROPERTY_BOOL, offsetof(DomainDisk, event_idx) },
        { "num-queues", QEMU_PROPERTY_U32, offsetof(DomainDisk, queues) },
        { "queue-size", QEMU_PROPERTY_U32, offsetof(DomainDisk, queue_size) },
        { NULL },
    };
    g_autofree char *driver = qemu_args_virtio_driver("virtio-blk", disk->info.address, disk->model);
    JsonObject *device = qmp_object("s:driver", driver, NULL);
    if (disk->iothread) {
        g_autofree char *thread = g_strdup_printf("iothread%u", disk->iothread);
        json_object_set_string_member(device, "iothread", thread);
    }
    qemu_args_add_properties(device, rows, disk);
    qemu_args_add_virtio(device, &disk->virtio);
    return device;
}

static JsonObject *new_ide(const Domain *def, const DomainDisk *disk)
{
    const DomainAddress *at = disk->info.address;
    ControllerType type = disk->bus == DISK_BUS_SATA ? CONTROLLER_TYPE_SATA : CONTROLLER_TYPE_IDE;
    JsonObject *device = qmp_object("s:driver", disk->device == DISK_DEVICE_CDROM ? "ide-cd" : "ide-hd", NULL);
    if (!at || at->type != ADDRESS_TYPE_DRIVE)
        return device;
    g_autofree char *alias = qemu_args_controller_alias(def, type, (int)at->controller);
    bool ahci = disk->bus == DISK_BUS_SATA; /* each of its ports is a bus of one unit */
    g_autofree char *bus = g_strdup_printf("%s.%u", alias ? alias : "ide", ahci ? at->unit : at->bus);
    json_object_set_string_member(device, "bus", bus);
    if (!ahci)
        json_object_set_int_member(device, "unit", at->unit);
    return device;
}

static JsonObject *new_scsi(const Domain *def, const DomainDisk *disk)
{
    const DomainAddress *at = disk->info.address;
    const char *driver = disk->device == DISK_DEVICE_LUN     ? "scsi-block"
                         : disk->device == DISK_DEVICE_CDROM ? "scsi-cd"
                                                             : "scsi-hd";
    JsonObject *device = qmp_object("s:driver", driver, NULL);
    if (at && at->type == ADDRESS_TYPE_DRIVE) {
        const DomainController *controller = qemu_args_find_controller(def, CONTROLLER_TYPE_SCSI, (int)at->controller);
        g_autofree char *alias = qemu_args_controller_alias(def, CONTROLLER_TYPE_SCSI, (int)at->controller);
        g_autofree char *bus = g_strdup_printf("%s.%u", alias ? alias : "scsi0", 0u);
        json_object_set_string_member(device, "bus", bus);
        if (controller && controller->model == CONTROLLER_MODEL_LSILOGIC)
            json_object_set_int_member(device, "scsi-id", at->unit);
        else
            qmp_object_add(device, "i:channel", (gint64)at->bus, "i:scsi-id", (gint64)at->target, "i:lun",
                           (gint64)at->unit, NULL);
    }
    if (disk->device != DISK_DEVICE_LUN) {
        g_autofree char *drive_id = g_strconcat("drive-", disk->info.alias, NULL);
        qmp_object_add(device, "s:device_id", disk->serial ? disk->serial : drive_id, "s:vendor", disk->vendor,
                       "s:product", disk->product, NULL);
    }
    return device;
}

static JsonObject *new_usb(const DomainDisk *disk)
{
    JsonObject *device = qmp_object("s:driver", "usb-storage", NULL);
    json_object_set_boolean_member(device, "removable", disk->removable == TRI_YES);
    return device;
}

static JsonObject *new_floppy(const DomainDisk *disk)
{
    unsigned unit = disk->info.address ? disk->info.address->unit : 0;
    return qmp_object("s:driver", "floppy", "i:unit", (gint64)unit, NULL);
}

static bool check_disk(const DomainDisk *disk, GError **error)
{
    if (disk->device == DISK_DEVICE_LUN && disk->source.type != STORAGE_TYPE_BLOCK &&
        disk->source.type != STORAGE_TYPE_NETWORK)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "disk '%s': device='lun' needs a block device as its source", disk->target);
    if (disk->source.type == STORAGE_TYPE_VOLUME)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "disk '%s': volumes of pools are not supported yet; name the file or device itself",
                         disk->target);
    if (qemu_disk_is_empty(disk) && disk->device != DISK_DEVICE_CDROM && disk->device != DISK_DEVICE_FLOPPY)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s' has no source", disk->target);
    if (disk->queues > VIRTIO_QUEUES_MAX)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': %u queues are more than the %d that QEMU has",
                         disk->target, disk->queues, VIRTIO_QUEUES_MAX);
    if (disk->transient)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk '%s': <transient/> is not supported yet",
                         disk->target);
    return true;
}

static bool add_disk(QemuArgs *args, const DomainDisk *disk, GError **error)
{
    g_autofree char *what = g_strdup_printf("disk '%s'", disk->target);
    JsonObject *device = NULL;
    if (!check_disk(disk, error) || !qemu_args_blockdevs(args, disk, error))
        return false;
    switch (disk->bus) {
    case DISK_BUS_VIRTIO: device = new_virtio(args, disk); break;
    case DISK_BUS_IDE:
    case DISK_BUS_SATA: device = new_ide(args->def, disk); break;
    case DISK_BUS_SCSI: device = new_scsi(args->def, disk); break;
    case DISK_BUS_USB: device = new_usb(disk); break;
    case DISK_BUS_FDC: device = new_floppy(disk); break;
    default:
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: bus '%s' is not supported", what,
                         model_enum_text(&model_enum_disk_bus, disk->bus));
    }
    add_common(device, args, disk);
    DomainDeviceInfo info = disk->info;
    info.boot_order = 0; /* said above; and floppies say it at their controller */
    return qemu_args_add_device(args, device, &info, what, error);
}

bool qemu_args_disk(QemuArgs *args, unsigned index, GError **error)
{
    return add_disk(args, args->def->disks[index], error);
}

bool qemu_args_disks(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_disks; i++)
        if (!add_disk(args, args->def->disks[i], error))
            return false;
    return true;
}
