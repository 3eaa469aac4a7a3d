/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-device-classes.h"

#include "base/error.h"

void vm_device_missing(DomainDeviceKind kind, const void *device, GError **error)
{
    if (kind == DOMAIN_DEVICE_DISKS) {
        error_set(error, VIR_ERR_DEVICE_MISSING, "disk %s not found", ((const DomainDisk *)device)->target);
    } else if (kind == DOMAIN_DEVICE_INTERFACES) {
        const uint8_t *mac = ((const DomainInterface *)device)->mac.bytes;
        error_set(error, VIR_ERR_DEVICE_MISSING, "no device matching MAC address %02x:%02x:%02x:%02x:%02x:%02x found",
                  mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    } else {
        error_set(error, VIR_ERR_DEVICE_MISSING, "matching %s device not found", vm_device_class(kind)->what);
    }
}

void vm_device_keep_place(DomainDeviceKind kind, void *device, void *there)
{
    const DomainDeviceRow *row = &domain_device_rows[kind];
    DomainDeviceInfo *info = domain_device_info(row, device), *old = domain_device_info(row, there);
    if (!info || !old)
        return;
    if (!info->address)
        info->address = g_steal_pointer(&old->address);
    if (!info->alias)
        info->alias = g_steal_pointer(&old->alias);
}

/* One row a class. Those without a function in a column need nothing special there. */
static const VmDeviceClass classes[] = {
    { .kind = DOMAIN_DEVICE_DISKS,
      .what = "disk",
      .check_attach = vm_disk_check_attach,
      .check_detach = vm_disk_check_detach,
      .prepare = vm_disk_prepare,
      .settle = vm_disk_settle,
      .update = vm_disk_update,
      .in_config = true,
      .attaches = true,
      .detaches = true },
    { .kind = DOMAIN_DEVICE_CONTROLLERS,
      .what = "controller",
      .check_attach = vm_controller_check_attach,
      .check_detach = vm_controller_check_detach,
      .in_config = true,
      .attaches = true,
      .detaches = true },
    { .kind = DOMAIN_DEVICE_LEASES, .what = "lease", .in_config = true },
    { .kind = DOMAIN_DEVICE_FILESYSTEMS,
      .what = "filesystem",
      .check_attach = vm_filesystem_check_attach,
      .in_config = true,
      .attaches = true,
      .detaches = true },
    { .kind = DOMAIN_DEVICE_INTERFACES,
      .what = "interface",
      .check_attach = vm_net_check_attach,
      .prepare = vm_net_prepare,
      .settle = vm_net_settle,
      .release = vm_net_release,
      .update = vm_net_update,
      .in_config = true,
      .attaches = true,
      .detaches = true },
    { .kind = DOMAIN_DEVICE_SMARTCARDS, .what = "smartcard" },
    { .kind = DOMAIN_DEVICE_SERIALS,
      .what = "chr",
      .check_attach = vm_chardev_check_attach,
      .prepare = vm_chardev_prepare,
      .settle = vm_chardev_settle,
      .in_config = true,
      .attaches = true,
      .detaches = true },
    { .kind = DOMAIN_DEVICE_PARALLELS, .what = "chr", .in_config = true },
    { .kind = DOMAIN_DEVICE_CONSOLES,
      .what = "chr",
      .check_attach = vm_chardev_check_attach,
      .prepare = vm_chardev_prepare,
      .settle = vm_chardev_settle,
      .in_config = true,
      .attaches = true,
      .detaches = true },
    { .kind = DOMAIN_DEVICE_CHANNELS,
      .what = "chr",
      .check_attach = vm_chardev_check_attach,
      .prepare = vm_chardev_prepare,
      .settle = vm_chardev_settle,
      .in_config = true,
      .attaches = true,
      .detaches = true },
    { .kind = DOMAIN_DEVICE_INPUTS,
      .what = "input",
      .check_attach = vm_input_check_attach,
      .in_config = true,
      .attaches = true,
      .detaches = true },
    { .kind = DOMAIN_DEVICE_TPMS, .what = "tpm" },
    { .kind = DOMAIN_DEVICE_GRAPHICS, .what = "graphics", .update = vm_graphics_update },
    { .kind = DOMAIN_DEVICE_SOUNDS, .what = "sound", .in_config = true },
    { .kind = DOMAIN_DEVICE_AUDIOS, .what = "audio" },
    { .kind = DOMAIN_DEVICE_VIDEOS, .what = "video" },
    { .kind = DOMAIN_DEVICE_HOSTDEVS,
      .what = "hostdev",
      .check_attach = vm_hostdev_check_attach,
      .in_config = true,
      .attaches = true,
      .detaches = true },
    { .kind = DOMAIN_DEVICE_REDIRDEVS, .what = "redirdev", .in_config = true, .attaches = true, .detaches = true },
    { .kind = DOMAIN_DEVICE_HUBS, .what = "hub" },
    { .kind = DOMAIN_DEVICE_WATCHDOGS,
      .what = "watchdog",
      .check_attach = vm_watchdog_check_attach,
      .settle = vm_watchdog_settle,
      .in_config = true,
      .attaches = true,
      .detaches = true },
    { .kind = DOMAIN_DEVICE_MEMBALLOONS, .what = "memballoon" },
    { .kind = DOMAIN_DEVICE_RNGS, .what = "rng", .in_config = true, .attaches = true, .detaches = true },
    { .kind = DOMAIN_DEVICE_NVRAMS, .what = "nvram" },
    { .kind = DOMAIN_DEVICE_PANICS, .what = "panic" },
    { .kind = DOMAIN_DEVICE_SHMEMS, .what = "shmem", .in_config = true, .attaches = true, .detaches = true },
    { .kind = DOMAIN_DEVICE_MEMORIES,
      .what = "memory",
      .account = vm_memory_account,
      .update = vm_memory_update,
      .in_config = true,
      .attaches = true,
      .detaches = true },
    { .kind = DOMAIN_DEVICE_IOMMUS, .what = "iommu" },
    { .kind = DOMAIN_DEVICE_VSOCKS,
      .what = "vsock",
      .check_attach = vm_vsock_check_attach,
      .in_config = true,
      .attaches = true,
      .detaches = true },
    { .kind = DOMAIN_DEVICE_CRYPTOS, .what = "crypto" },
};

const VmDeviceClass *vm_device_class(DomainDeviceKind kind)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(classes); i++) {
        if (classes[i].kind == kind)
            return &classes[i];
    }
    g_assert_not_reached(); /* every kind has a row */
}
