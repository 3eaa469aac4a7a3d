/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and directories of the host handed to the guest. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

static JsonObject *new_usb(const DomainHostdev *hostdev)
{
    JsonObject *device = qmp_object("s:driver", "usb-host", NULL);
    g_autofree char *path = g_strdup_printf("/dev/bus/usb/%03u/%03u", hostdev->usb_bus, hostdev->usb_device);
    if (hostdev->usb_bus || hostdev->usb_device)
        qmp_object_add(device, "s:hostdevice", path, NULL);
    else
        qmp_object_add(device, "i:vendorid", (gint64)hostdev->usb_vendor, "i:productid", (gint64)hostdev->usb_product,
                       NULL);
    if (hostdev->guest_reset)
        qmp_object_add(device, "b:guest-reset", (gboolean)(hostdev->guest_reset != USB_GUEST_RESET_OFF),
                       "b:guest-resets-all", (gboolean)(hostdev->guest_reset == USB_GUEST_RESET_ALL), NULL);
    return device;
}

static JsonObject *new_pci(uint32_t domain, uint32_t bus, uint32_t slot, uint32_t function)
{
    g_autofree char *host = g_strdup_printf("%04x:%02x:%02x.%x", domain, bus, slot, function);
    return qmp_object("s:driver", "vfio-pci", "s:host", host, NULL);
}

static JsonObject *new_mdev(const DomainHostdev *hostdev)
{
    static const char *const drivers[HOSTDEV_MODEL_COUNT] = { [HOSTDEV_MODEL_VFIO_PCI] = "vfio-pci",
                                                              [HOSTDEV_MODEL_VFIO_CCW] = "vfio-ccw",
                                                              [HOSTDEV_MODEL_VFIO_AP] = "vfio-ap" };
    const char *driver = drivers[hostdev->model] ? drivers[hostdev->model] : "vfio-pci";
    g_autofree char *path = g_strconcat("/sys/bus/mdev/devices/", hostdev->mdev_uuid, NULL);
    bool ramfb = hostdev->ramfb == TRI_YES;
    JsonObject *device = qmp_object("s:driver", ramfb ? "vfio-pci-nohotplug" : driver, "s:sysfsdev", path, NULL);
    if (hostdev->display)
        json_object_set_string_member(device, "display", hostdev->display == TRI_YES ? "on" : "off");
    if (ramfb)
        json_object_set_boolean_member(device, "ramfb", TRUE);
    return device;
}

static bool add_hostdev(QemuArgs *args, const DomainHostdev *hostdev, GError **error)
{
    const char *type = model_enum_text(&model_enum_hostdev_type, hostdev->type);
    JsonObject *device;
    if (hostdev->mode == HOSTDEV_MODE_CAPABILITIES)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<hostdev mode='capabilities'> is for containers");
    if (hostdev->missing)
        return true; /* startupPolicy allowed the guest to start without it */
    switch (hostdev->type) {
    case HOSTDEV_TYPE_USB: device = new_usb(hostdev); break;
    case HOSTDEV_TYPE_PCI: device = new_pci(hostdev->domain, hostdev->bus, hostdev->slot, hostdev->function); break;
    case HOSTDEV_TYPE_MDEV: device = new_mdev(hostdev); break;
    default: return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<hostdev type='%s'> is not supported", type);
    }
    return qemu_args_add_device(args, device, &hostdev->info, "<hostdev>", error);
}

bool qemu_args_hostdev(QemuArgs *args, unsigned index, GError **error)
{
    return add_hostdev(args, args->def->hostdevs[index], error);
}

bool qemu_args_hostdev_net(QemuArgs *args, const DomainInterface *net, GError **error)
{
    const DomainAddress *host = net->hostdev_address;
    if (!host || host->type != ADDRESS_TYPE_PCI)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<interface type='hostdev'> names no PCI address");
    JsonObject *device = new_pci(host->domain, host->bus, host->slot, host->function);
    return qemu_args_add_device(args, device, &net->info, "<interface type='hostdev'>", error);
}

bool qemu_args_hostdevs(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    for (unsigned i = 0; i < def->n_hostdevs; i++)
        if (!add_hostdev(args, def->hostdevs[i], error))
            return false;
    for (unsigned i = 0; i < def->n_interfaces; i++)
        if (def->interfaces[i]->type == INTERFACE_TYPE_HOSTDEV &&
            !qemu_args_hostdev_net(args, def->interfaces[i], error))
            return false;
    return true;
}

static bool add_virtiofs(QemuArgs *args, const DomainFilesystem *fs, GError **error)
{
    if (!fs->socket)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "filesystem '%s': virtiofs needs <source socket=> of a virtiofsd that runs already",
                         fs->target);
    g_autofree char *id = g_strconcat("chr-vu-", fs->info.alias, NULL);
    qemu_args_add_chardev(args, qmp_object("s:backend", "socket", "s:id", id, "s:path", fs->socket, NULL));
    g_autofree char *driver = qemu_args_virtio_driver("vhost-user-fs", fs->info.address, 1);
    JsonObject *device =
        qmp_object("s:driver", driver, "s:chardev", id, "I:queue-size", (gint64)fs->queue, "s:tag", fs->target, NULL);
    qemu_args_add_virtio(device, &fs->virtio);
    return qemu_args_add_device(args, device, &fs->info, "<filesystem>", error);
}

static bool add_9p(QemuArgs *args, const DomainFilesystem *fs, GError **error)
{
    static const char *const models[FILESYSTEM_ACCESS_COUNT] = { [FILESYSTEM_ACCESS_UNSET] = "passthrough",
                                                                 [FILESYSTEM_ACCESS_PASSTHROUGH] = "passthrough",
                                                                 [FILESYSTEM_ACCESS_MAPPED] = "mapped",
                                                                 [FILESYSTEM_ACCESS_SQUASH] = "none" };
    static const char *const multidevs[FILESYSTEM_MULTIDEVS_COUNT] = { [FILESYSTEM_MULTIDEVS_REMAP] = "remap",
                                                                       [FILESYSTEM_MULTIDEVS_FORBID] = "forbid",
                                                                       [FILESYSTEM_MULTIDEVS_WARN] = "warn" };
    g_autoptr(GString) text = g_string_new("local");
    g_autofree char *id = g_strconcat("fsdev-", fs->info.alias, NULL);
    g_autofree char *path = qemu_args_escape(fs->source);
    g_string_append_printf(text, ",security_model=%s", models[fs->accessmode]);
    if (multidevs[fs->multidevs])
        g_string_append_printf(text, ",multidevs=%s", multidevs[fs->multidevs]);
    if (fs->fmode)
        g_string_append_printf(text, ",fmode=%s", fs->fmode);
    if (fs->dmode)
        g_string_append_printf(text, ",dmode=%s", fs->dmode);
    if (fs->wrpolicy == FILESYSTEM_WRPOLICY_IMMEDIATE)
        g_string_append(text, ",writeout=immediate");
    g_string_append_printf(text, ",id=%s,path=%s%s", id, path, fs->read_only ? ",readonly=on" : "");
    qemu_args_add(args, "-fsdev", "%s", text->str);
    g_autofree char *driver = qemu_args_virtio_driver("virtio-9p", fs->info.address, fs->model);
    JsonObject *device = qmp_object("s:driver", driver, "s:fsdev", id, "s:mount_tag", fs->target, NULL);
    qemu_args_add_virtio(device, &fs->virtio);
    return qemu_args_add_device(args, device, &fs->info, "<filesystem>", error);
}

bool qemu_args_filesystem(QemuArgs *args, unsigned index, GError **error)
{
    const DomainFilesystem *fs = args->def->filesystems[index];
    if (fs->driver == FILESYSTEM_DRIVER_VIRTIOFS)
        return add_virtiofs(args, fs, error);
    if ((fs->type && fs->type != FILESYSTEM_TYPE_MOUNT) || !fs->source)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "filesystem '%s': only type='mount' is supported",
                         fs->target);
    return add_9p(args, fs, error);
}

bool qemu_args_filesystems(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_filesystems; i++)
        if (!qemu_args_filesystem(args, i, error))
            return false;
    return true;
}
