/* SPDX-License-Identifier: Apache-2.0 */
/* Disks of a guest that runs, and the media of its drives. */
#include "base/error.h"
#include "base/log.h"
#include "model/engine.h"
#include "qemu/qmp-object.h"
#include "vm/vm-device-classes.h"
#include "vm/vm-monitor.h"
#include "vm/vm-throttle.h"

#include <string.h>

#define TRAY_TIMEOUT_MS 5000 /* for the guest to open a tray that it has locked */
#define TRAY_POLL_MS    50

static bool is_drive(const DomainDisk *disk)
{
    return disk->device == DISK_DEVICE_CDROM || disk->device == DISK_DEVICE_FLOPPY;
}

static const DomainDisk *find_target(const Domain *domain, const char *target)
{
    for (unsigned i = 0; i < domain->n_disks; i++) {
        if (g_strcmp0(domain->disks[i]->target, target) == 0)
            return domain->disks[i];
    }
    return NULL;
}

const DomainDisk *vm_disk_drive_for(const Domain *live, const DomainDisk *disk)
{
    const DomainDisk *drive = is_drive(disk) ? find_target(live, disk->target) : NULL;
    return drive && is_drive(drive) ? drive : NULL;
}

static bool check_bus(const DomainDisk *disk, const char *verb, GError **error)
{
    switch (disk->bus) {
    case DISK_BUS_VIRTIO:
    case DISK_BUS_SCSI:
    case DISK_BUS_USB: return true;
    default:
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "disk bus '%s' cannot be %s",
                         model_enum_text(&model_enum_disk_bus, disk->bus), verb);
    }
}

bool vm_disk_check_attach(const VmDeviceScope *scope, const void *device, GError **error)
{
    const DomainDisk *disk = device, *there = find_target(scope->domain, disk->target);
    if (there && scope->live)
        return error_set(error, VIR_ERR_XML_ERROR, "target '%s' duplicated for disk sources '%s' and '%s'",
                         disk->target, there->source.path ? there->source.path : "",
                         disk->source.path ? disk->source.path : "");
    if (there)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "target %s already exists", disk->target);
    if (!scope->live)
        return true;
    if (disk->device == DISK_DEVICE_FLOPPY)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "floppy device hotplug isn't supported");
    return check_bus(disk, "hotplugged", error);
}

bool vm_disk_check_detach(const VmDeviceScope *scope, const void *device, GError **error)
{
    const DomainDisk *disk = device;
    if (!scope->live)
        return true;
    if (is_drive(disk) && disk->bus != DISK_BUS_SCSI && disk->bus != DISK_BUS_USB)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "disk device type '%s' cannot be detached",
                         model_enum_text(&model_enum_disk_device, disk->device));
    return check_bus(disk, "hot unplugged", error);
}

/* Opens the images and hands them over; the device's copy for QEMU names them by their descriptors. */
bool vm_disk_prepare(VmPlug *plug, GError **error)
{
    g_autoptr(GArray) fds = NULL;
    if (!vm_files_open_disk(&plug->files, vm_plug_device(plug), &fds, error))
        return false;
    DomainDisk *disk = vm_plug_device(plug);
    if (qemu_disk_is_empty(disk)) { /* perhaps because it may be missing, and is */
        disk->source.index = 0;
        return true;
    }
    qemu_args_number_sources(plug->live);
    return vm_files_give_disk(&plug->files, vm_plug_handed(plug), fds, error);
}

bool vm_disk_settle(Vm *vm, const void *device, GError **error)
{
    const DomainDisk *disk = device;
    return !disk->iotune || !disk->source.index || vm_throttle_apply(vm, disk, error);
}

/* Trays and media */

void vm_disk_note_tray(Vm *vm, const DomainDisk *disk, bool open)
{
    DiskTray tray = open ? DISK_TRAY_OPEN : DISK_TRAY_CLOSED;
    const Domain *old = vm->view->live->domain;
    if (disk->tray == tray || (!open && !disk->tray))
        return;
    Domain *live = domain_copy(old);
    for (unsigned i = 0; i < old->n_disks; i++) {
        if (old->disks[i] == disk)
            live->disks[i]->tray = tray;
    }
    vm_publish_live(vm, live);
}

static bool drive_command(Vm *vm, const char *command, const DomainDisk *drive, const char *key, const char *value,
                          GError **error)
{
    g_autofree char *id = qemu_disk_front_end(drive);
    JsonObject *args = qmp_object("s:id", id, NULL);
    if (key)
        json_object_set_string_member(args, key, value);
    return vm_qmp(vm, command, args, NULL, error);
}

static bool read_tray(Vm *vm, const char *alias, bool *ret_open, GError **error)
{
    g_autoptr(JsonNode) reply = NULL;
    if (!vm_qmp(vm, "query-block", NULL, &reply, error))
        return false;
    JsonArray *blocks = qmp_node_array(reply);
    for (unsigned i = 0; blocks && i < json_array_get_length(blocks); i++) {
        JsonObject *block = qmp_array_object(blocks, i);
        const char *qdev = qmp_get_string(block, "qdev");
        if (qdev && strstr(qdev, alias))
            *ret_open = qmp_get_bool(block, "tray_open", true);
    }
    return true;
}

/* The guest is asked for a tray that it has locked, and has some time to open it; with @force it is opened. */
static bool open_tray(Vm *vm, const DomainDisk *drive, bool force, GError **error)
{
    g_autofree char *id = qemu_disk_front_end(drive);
    JsonObject *args = qmp_object("s:id", id, "b:force", (gboolean)force, NULL);
    gint64 deadline = g_get_monotonic_time() + TRAY_TIMEOUT_MS * 1000;
    if (!vm_qmp(vm, "blockdev-open-tray", args, NULL, error))
        return false;
    /* The event that tells of it waits behind this job, so QEMU is asked; the wait ends at once with QEMU. */
    do {
        bool open = false;
        if (!read_tray(vm, drive->info.alias, &open, error))
            return false;
        if (open)
            return true;
    } while (g_get_monotonic_time() < deadline && !process_wait(vm->pidfd, TRAY_POLL_MS));
    return error_set(error, VIR_ERR_OPERATION_FAILED,
                     "the guest keeps the tray of drive '%s' locked: unmount its medium there, or give --force",
                     drive->target);
}

/* Puts the nodes of @medium (NULL: nothing) in place of what is in the drive. */
static bool swap_medium(VmPlug *plug, const DomainDisk *drive, const char *node, bool force, GError **error)
{
    Vm *vm = plug->vm;
    if (!open_tray(vm, drive, force, error) ||
        (drive->source.index && !drive_command(vm, "blockdev-remove-medium", drive, NULL, NULL, error)))
        return false;
    if (!node)
        return true;
    if (!drive_command(vm, "blockdev-insert-medium", drive, "node-name", node, error)) {
        g_autofree char *old = qemu_disk_format_node(plug->live, drive);
        if (drive->source.index && !drive_command(vm, "blockdev-insert-medium", drive, "node-name", old, NULL))
            log_warning("guest '%s': drive '%s' is left empty", plug->live->name, drive->target);
        return false;
    }
    return drive_command(vm, "blockdev-close-tray", drive, NULL, NULL, error);
}

static void take_medium(DomainDisk *drive, const DomainDisk *from)
{
    DomainDisk *medium = domain_device_copy(DOMAIN_DEVICE_DISKS, from), rest = *medium;
    medium->source = drive->source;
    medium->backing = drive->backing;
    medium->format = drive->format;
    drive->source = rest.source;
    drive->backing = rest.backing;
    drive->format = rest.format;
    domain_device_free(DOMAIN_DEVICE_DISKS, medium);
}

/* The drive's index in @live. */
static unsigned index_of(const Domain *live, const DomainDisk *drive)
{
    unsigned index = 0;
    while (live->disks[index] != drive)
        index++;
    return index;
}

static bool insert_medium(VmPlug *plug, const DomainDisk *old, bool force, GError **error)
{
    DomainDisk *drive = vm_plug_device(plug);
    g_autofree char *node = NULL;
    if (!vm_disk_prepare(plug, error))
        return false;
    if (drive->source.index) {
        QemuCaps *caps = vm_plug_caps(plug->vm, error);
        vm_plug_handed(plug);
        g_autoptr(GPtrArray) steps =
            caps ? qemu_plug_medium(plug->handed, caps, &plug->resources, plug->index, error) : NULL;
        if (!steps || !vm_plug_run_steps(plug, steps, error))
            return false;
        node = qemu_disk_format_node(plug->live, drive);
    }
    return swap_medium(plug, old, node, force, error);
}

static bool change_medium(Vm *vm, Domain *live, DomainDisk *drive, const DomainDisk *wanted, bool force, GError **error)
{
    unsigned index = index_of(live, drive);
    g_auto(VmPlug) plug = { 0 };
    vm_plug_init(&plug, vm, domain_copy(live), DOMAIN_DEVICE_DISKS, index);
    DomainDisk *next = plug.live->disks[index];
    take_medium(next, wanted);
    /* The nodes of both are there for a moment. */
    next->source.index = qemu_disk_is_empty(next) ? 0 : qemu_args_last_source(live) + 1;
    g_autoptr(GPtrArray) old = drive->source.index ? vm_plug_medium_of(vm, live, index) : NULL;
    if (!insert_medium(&plug, drive, force, error)) {
        vm_plug_undo(&plug);
        return false;
    }
    if (old)
        vm_plug_release(vm, old);
    take_medium(drive, next);
    drive->tray = drive->device == DISK_DEVICE_CDROM && !drive->source.index ? DISK_TRAY_OPEN : DISK_TRAY_UNSET;
    return !drive->iotune || !drive->source.index || vm_throttle_apply(vm, drive, error);
}

/* What names a disk's front end or how its nodes are opened: fixed while it is plugged in. */
static bool check_fixed(const DomainDisk *there, const DomainDisk *wanted, GError **error)
{
    static const struct {
        const char *name;
        size_t offset, size;
    } rows[] = {
#define ROW(name, field) { name, offsetof(DomainDisk, field), sizeof(((DomainDisk *)0)->field) }
        ROW("device", device),
        ROW("bus", bus),
        ROW("cache", cache),
        ROW("error_policy", error_policy),
        ROW("rerror_policy", rerror_policy),
        ROW("io", io),
        ROW("ioeventfd", ioeventfd),
        ROW("event_idx", event_idx),
        ROW("copy_on_read", copy_on_read),
        ROW("discard", discard),
        ROW("iothread", iothread),
        ROW("detect_zeroes", detect_zeroes),
        ROW("queues", queues),
        ROW("blockio logical_block_size", logical_block_size),
        ROW("blockio physical_block_size", physical_block_size),
        ROW("removable", removable),
        ROW("rawio", rawio),
        ROW("sgio", sgio),
        ROW("boot order", info.boot_order),
#undef ROW
    };
    static const char unset[sizeof(uint64_t)];
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *old = (const char *)there + rows[i].offset, *new = (const char *)wanted + rows[i].offset;
        /* What is not said is left as it is. */
        if (memcmp(new, unset, rows[i].size) != 0 && memcmp(new, old, rows[i].size) != 0)
            return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify field '%s' of the disk",
                             rows[i].name);
    }
    const char *const texts[][3] = { { "serial", there->serial, wanted->serial },
                                     { "wwn", there->wwn, wanted->wwn },
                                     { "vendor", there->vendor, wanted->vendor },
                                     { "product", there->product, wanted->product } };
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (texts[i][2] && g_strcmp0(texts[i][1], texts[i][2]) != 0)
            return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify field '%s' of the disk", texts[i][0]);
    }
    if (!is_drive(there) && there->read_only != wanted->read_only)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "cannot modify field 'readonly' of the disk");
    return true;
}

static bool same_medium(const DomainDisk *a, const DomainDisk *b)
{
    DomainDisk x = *a, y = *b;
    x.source.index = y.source.index = 0;
    x.source.startup_policy = y.source.startup_policy = 0;
    if (qemu_disk_is_empty(a) || qemu_disk_is_empty(b))
        return qemu_disk_is_empty(a) == qemu_disk_is_empty(b);
    return model_equal(&model_storage_source, &x.source, &y.source) && (!b->format || a->format == b->format);
}

bool vm_disk_update(Vm *vm, Domain *live, void *there, const void *wanted, bool force, GError **error)
{
    DomainDisk *disk = there;
    const DomainDisk *next = wanted;
    if (!check_fixed(disk, next, error))
        return false;
    if (!same_medium(disk, next)) {
        if (!is_drive(disk))
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "disk source can be changed only in removable drives");
        if (!vm_require_monitor(vm, error) || !change_medium(vm, live, disk, next, force, error))
            return false;
    }
    disk->source.startup_policy = next->source.startup_policy;
    return true;
}
