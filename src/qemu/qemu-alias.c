/* SPDX-License-Identifier: Apache-2.0 */
/* Names of devices: what QEMU, the live XML and the events call them. The patterns are those that scripts know. */
#include "model/device.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

/* 0 for "vda", 1 for "sdb", 26 for "hdaa". */
static unsigned target_index(const char *target)
{
    unsigned index = 0;
    for (const char *c = target && strlen(target) > 2 ? target + 2 : ""; g_ascii_islower(*c); c++)
        index = index * 26 + (unsigned)(*c - 'a') + 1;
    return index ? index - 1 : 0;
}

static char *disk_alias(const Domain *def, const DomainDisk *disk)
{
    const DomainAddress *at = disk->info.address;
    bool drive = at && at->type == ADDRESS_TYPE_DRIVE;
    const char *bus = model_enum_text(&model_enum_disk_bus, disk->bus);
    unsigned index = target_index(disk->target);
    if (!drive)
        return g_strdup_printf("%s-disk%u", bus ? bus : "disk", index);
    if (disk->bus == DISK_BUS_SCSI) {
        const DomainController *controller = qemu_args_find_controller(def, CONTROLLER_TYPE_SCSI, (int)at->controller);
        if (controller && controller->model == CONTROLLER_MODEL_LSILOGIC)
            return g_strdup_printf("scsi%u-%u-%u", at->controller, at->bus, at->unit);
        return g_strdup_printf("scsi%u-%u-%u-%u", at->controller, at->bus, at->target, at->unit);
    }
    return g_strdup_printf("%s%u-%u-%u", bus ? bus : "disk", at->controller, at->bus, at->unit);
}

static char *controller_alias(const Domain *def, const DomainController *controller)
{
    const char *type = model_enum_text(&model_enum_controller_type, controller->type);
    if (controller->type == CONTROLLER_TYPE_PCI)
        return controller->model == CONTROLLER_MODEL_PCIE_ROOT ? g_strdup("pcie.0")
                                                               : g_strdup_printf("pci.%d", controller->index);
    if (qemu_args_controller_is_builtin(def, controller) && controller->type != CONTROLLER_TYPE_FDC)
        return g_strdup("ide");
    if (controller->type == CONTROLLER_TYPE_USB && controller->index == 0)
        return g_strdup("usb");
    return g_strdup_printf("%s%d", type, controller->index);
}

static const char *memory_prefix(const DomainMemory *memory)
{
    static const char *const names[MEMORY_MODEL_COUNT] = {
        [MEMORY_MODEL_DIMM] = "dimm",
        [MEMORY_MODEL_NVDIMM] = "nvdimm",
        [MEMORY_MODEL_VIRTIO_PMEM] = "virtiopmem",
        [MEMORY_MODEL_VIRTIO_MEM] = "virtiomem",
        [MEMORY_MODEL_SGX_EPC] = "epc",
    };
    return memory->model < MEMORY_MODEL_COUNT && names[memory->model] ? names[memory->model] : "dimm";
}

/* Of what is simply numbered. */
static const char *const prefixes[DOMAIN_DEVICE_COUNT];

static bool is_taken(Domain *def, const char *alias)
{
    for (unsigned kind = 0; kind < DOMAIN_DEVICE_COUNT; kind++) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        for (unsigned i = 0; i < *domain_device_count(row, def); i++) {
            const DomainDeviceInfo *info = domain_device_info(row, domain_device_list(row, def)[i]);
            if (info && g_strcmp0(info->alias, alias) == 0)
                return true;
        }
    }
    return false;
}

/* PREFIX with the first number from @start that nobody has, so that hot-plugged devices get one too. */
static char *numbered(Domain *def, const char *prefix, unsigned start)
{
    for (unsigned number = start;; number++) {
        g_autofree char *alias = g_strdup_printf("%s%u", prefix, number);
        if (!is_taken(def, alias))
            return g_steal_pointer(&alias);
    }
}

/* The first console is often another view of the first serial port, which QEMU has once. */
static bool is_serial_view(const Domain *def, const DomainChardev *console)
{
    return def->n_serials > 0 && (console->target_type == CHARDEV_TARGET_SERIAL || !console->target_type);
}

static char *device_alias(Domain *def, DomainDeviceKind kind, void *device, unsigned position)
{
    switch (kind) {
    case DOMAIN_DEVICE_DISKS: return disk_alias(def, device);
    case DOMAIN_DEVICE_CONTROLLERS: return controller_alias(def, device);
    case DOMAIN_DEVICE_MEMORIES: return numbered(def, memory_prefix(device), position);
    case DOMAIN_DEVICE_NVRAMS: return g_strdup("nvram");
    case DOMAIN_DEVICE_CONSOLES:
        if (is_serial_view(def, device))
            return g_strdup(def->serials[0]->info.alias);
        return numbered(def, "console", position);
    default: return prefixes[kind] ? numbered(def, prefixes[kind], position) : NULL;
    }
}

void qemu_args_assign_aliases(Domain *def)
{
    for (unsigned kind = 0; kind < DOMAIN_DEVICE_COUNT; kind++) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        for (unsigned i = 0; i < *domain_device_count(row, def); i++) {
            void *device = domain_device_list(row, def)[i];
            DomainDeviceInfo *info = domain_device_info(row, device);
            if (info && !info->alias)
                info->alias = device_alias(def, (DomainDeviceKind)kind, device, i);
        }
    }
}

unsigned qemu_args_last_source(const Domain *def)
{
    unsigned last = 0;
    for (unsigned i = 0; i < def->n_disks; i++) {
        const DomainDisk *disk = def->disks[i];
        last = MAX(last, disk->source.index);
        for (const StorageBacking *link = disk->backing; link; link = link->backing)
            last = MAX(last, link->index);
    }
    return last;
}

void qemu_args_number_sources(Domain *def)
{
    unsigned last = qemu_args_last_source(def);
    for (unsigned i = 0; i < def->n_disks; i++) {
        DomainDisk *disk = def->disks[i];
        if (disk->source.index == 0 && !qemu_disk_is_empty(disk))
            disk->source.index = ++last;
        for (StorageBacking *link = disk->backing; link; link = link->backing)
            if (link->index == 0 && link->source.type)
                link->index = ++last;
    }
}

char *qemu_disk_format_node(const Domain *def, const DomainDisk *disk)
{
    return g_strdup_printf("lodge-%u-format", disk->source.index);
}

char *qemu_disk_front_end(const DomainDisk *disk)
{
    const char *alias = disk->info.alias;
    switch (disk->bus) {
    case DISK_BUS_VIRTIO: return g_strdup_printf("/machine/peripheral/%s/virtio-backend", alias);
    case DISK_BUS_USB: return g_strdup_printf("/machine/peripheral/%s/%s.0/legacy[0]", alias, alias);
    default: return g_strdup(alias);
    }
}

char *qemu_chardev_id(const char *alias)
{
    return g_strconcat("char", alias, NULL);
}

char *qemu_netdev_id(const char *alias)
{
    return g_strconcat("host", alias, NULL);
}

char *qemu_channel_path(const char *run_dir, const DomainChardev *channel)
{
    g_autofree char *name = g_strdup(channel->name ? channel->name : channel->info.alias);
    g_strdelimit(name, "/", '_');
    return g_strdup_printf("%s/channel-%s", run_dir, name);
}

static const char *const prefixes[DOMAIN_DEVICE_COUNT] = {
    [DOMAIN_DEVICE_FILESYSTEMS] = "fs",
    [DOMAIN_DEVICE_INTERFACES] = "net",
    [DOMAIN_DEVICE_SMARTCARDS] = "smartcard",
    [DOMAIN_DEVICE_SERIALS] = "serial",
    [DOMAIN_DEVICE_PARALLELS] = "parallel",
    [DOMAIN_DEVICE_CHANNELS] = "channel",
    [DOMAIN_DEVICE_INPUTS] = "input",
    [DOMAIN_DEVICE_TPMS] = "tpm",
    [DOMAIN_DEVICE_SOUNDS] = "sound",
    [DOMAIN_DEVICE_VIDEOS] = "video",
    [DOMAIN_DEVICE_HOSTDEVS] = "hostdev",
    [DOMAIN_DEVICE_REDIRDEVS] = "redir",
    [DOMAIN_DEVICE_HUBS] = "hub",
    [DOMAIN_DEVICE_WATCHDOGS] = "watchdog",
    [DOMAIN_DEVICE_MEMBALLOONS] = "balloon",
    [DOMAIN_DEVICE_RNGS] = "rng",
    [DOMAIN_DEVICE_PANICS] = "panic",
    [DOMAIN_DEVICE_SHMEMS] = "shmem",
    [DOMAIN_DEVICE_IOMMUS] = "iommu",
    [DOMAIN_DEVICE_VSOCKS] = "vsock",
    [DOMAIN_DEVICE_CRYPTOS] = "crypto",
};
