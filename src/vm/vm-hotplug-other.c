/* SPDX-License-Identifier: Apache-2.0 */
/* What is particular to the smaller classes of devices of a guest that runs. */
#include "base/error.h"
#include "model/engine.h"
#include "qemu/qemu-monitor.h"
#include "qemu/qmp-object.h"
#include "vm/vm-device-classes.h"
#include "vm/vm-monitor.h"
#include "vm/vm-settle.h"

#include <string.h>

#define USB_DEVICES "/sys/bus/usb/devices"

bool vm_watchdog_check_attach(const VmDeviceScope *scope, const void *device, GError **error)
{
    return scope->domain->n_watchdogs == 0 ||
           error_set(error, VIR_ERR_OPERATION_INVALID, "domain already has a watchdog");
}

bool vm_watchdog_settle(Vm *vm, const void *device, GError **error)
{
    return vm_qmp(vm, "watchdog-set-action", qmp_object("s:action", qemu_watchdog_action(device), NULL), NULL, error);
}

bool vm_vsock_check_attach(const VmDeviceScope *scope, const void *device, GError **error)
{
    return scope->domain->n_vsocks == 0 ||
           error_set(error, VIR_ERR_OPERATION_INVALID, "domain already has a vsock device");
}

static bool is_pluggable(const DomainController *controller)
{
    return controller->type == CONTROLLER_TYPE_SCSI || controller->type == CONTROLLER_TYPE_VIRTIO_SERIAL;
}

bool vm_controller_check_attach(const VmDeviceScope *scope, const void *device, GError **error)
{
    const DomainController *controller = device;
    const char *type = model_enum_text(&model_enum_controller_type, controller->type);
    for (unsigned i = 0; i < scope->domain->n_controllers; i++) {
        const DomainController *other = scope->domain->controllers[i];
        if (other->type != controller->type || other->index != controller->index)
            continue;
        if (scope->live)
            return error_set(error, VIR_ERR_OPERATION_FAILED, "target %s:%d already exists", type, controller->index);
        return error_set(error, VIR_ERR_OPERATION_INVALID, "controller index='%d' already exists", controller->index);
    }
    return !scope->live || is_pluggable(controller) ||
           error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "'%s' controller cannot be hot plugged.", type);
}

static bool is_in_use(const Domain *domain, const DomainController *controller)
{
    AddressType type = controller->type == CONTROLLER_TYPE_SCSI ? ADDRESS_TYPE_DRIVE : ADDRESS_TYPE_VIRTIO_SERIAL;
    for (unsigned kind = 0; kind < DOMAIN_DEVICE_COUNT; kind++) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        for (unsigned i = 0; i < *domain_device_count(row, domain); i++) {
            void *device = domain_device_list(row, domain)[i];
            const DomainDeviceInfo *info = domain_device_info(row, device);
            bool scsi = kind == DOMAIN_DEVICE_HOSTDEVS ||
                        (kind == DOMAIN_DEVICE_DISKS && ((const DomainDisk *)device)->bus == DISK_BUS_SCSI);
            if (info && info->address && info->address->type == type && (type != ADDRESS_TYPE_DRIVE || scsi) &&
                (int)info->address->controller == controller->index)
                return true;
        }
    }
    return false;
}

bool vm_controller_check_detach(const VmDeviceScope *scope, const void *device, GError **error)
{
    const DomainController *controller = device;
    if (!scope->live)
        return true;
    if (!is_pluggable(controller))
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "'%s' controller cannot be hot unplugged.",
                         model_enum_text(&model_enum_controller_type, controller->type));
    return !is_in_use(scope->domain, controller) ||
           error_set(error, VIR_ERR_OPERATION_FAILED, "device cannot be detached: device is busy");
}

static bool usb_has(const char *name, const char *file, unsigned base, unsigned wanted)
{
    g_autofree char *path = g_build_filename(USB_DEVICES, name, file, NULL);
    g_autofree char *text = NULL;
    return g_file_get_contents(path, &text, NULL, NULL) && g_ascii_strtoull(text, NULL, base) == wanted;
}

/* QEMU would wait for one that is not there, and nobody would know. */
static bool usb_is_there(const DomainHostdev *hostdev, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(USB_DEVICES, 0, NULL);
    bool by_place = hostdev->usb_bus || hostdev->usb_device;
    for (const char *name; dir && (name = g_dir_read_name(dir));) {
        if (by_place ? usb_has(name, "busnum", 10, hostdev->usb_bus) && usb_has(name, "devnum", 10, hostdev->usb_device)
                     : usb_has(name, "idVendor", 16, hostdev->usb_vendor) &&
                           usb_has(name, "idProduct", 16, hostdev->usb_product))
            return true;
    }
    if (by_place)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "Did not find USB device bus:%u device:%u: lsusb lists them",
                         hostdev->usb_bus, hostdev->usb_device);
    return error_set(error, VIR_ERR_INTERNAL_ERROR, "Did not find USB device %04x:%04x: lsusb lists them",
                     hostdev->usb_vendor, hostdev->usb_product);
}

bool vm_hostdev_check_attach(const VmDeviceScope *scope, const void *device, GError **error)
{
    const DomainHostdev *hostdev = device;
    if (domain_device_find(scope->domain, DOMAIN_DEVICE_HOSTDEVS, device))
        return error_set(error, VIR_ERR_OPERATION_INVALID, "device is already in the domain configuration");
    if (scope->live && hostdev->type == HOSTDEV_TYPE_USB && !usb_is_there(hostdev, error))
        return false;
    if (!scope->live || hostdev->mode == HOSTDEV_MODE_SUBSYSTEM)
        return true;
    return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "hotplug is not supported for hostdev mode '%s'",
                     model_enum_text(&model_enum_hostdev_mode, hostdev->mode));
}

bool vm_input_check_attach(const VmDeviceScope *scope, const void *device, GError **error)
{
    const DomainInput *input = device;
    if (!scope->live || input->bus == INPUT_BUS_USB || input->bus == INPUT_BUS_VIRTIO)
        return true;
    return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "input device on bus '%s' cannot be hot plugged.",
                     model_enum_text(&model_enum_input_bus, input->bus));
}

bool vm_filesystem_check_attach(const VmDeviceScope *scope, const void *device, GError **error)
{
    const DomainFilesystem *fs = device;
    if (!scope->live || fs->driver == FILESYSTEM_DRIVER_VIRTIOFS)
        return true;
    return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "only virtiofs filesystems can be hotplugged");
}

void vm_memory_account(Domain *domain, const void *device, bool gone)
{
    const DomainMemory *memory = device;
    uint64_t *totals[] = { &domain->memory, &domain->current_memory };
    for (unsigned i = 0; i < G_N_ELEMENTS(totals); i++)
        *totals[i] = gone ? *totals[i] - MIN(*totals[i], memory->size) : *totals[i] + memory->size;
}

/* virtio-mem alone changes its size while it is plugged in. */
bool vm_memory_update(Vm *vm, Domain *live, void *there, const void *wanted, bool force, GError **error)
{
    DomainMemory *memory = there;
    const DomainMemory *next = wanted;
    DomainMemory same = *next;
    same.requested = memory->requested;
    same.current = memory->current;
    same.info = memory->info;
    if (memory->model != MEMORY_MODEL_VIRTIO_MEM || !model_equal(&model_domain_memory, memory, &same))
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
                         "cannot modify memory device '%s': only <requested> of a virtio-mem can change",
                         memory->info.alias);
    if (next->requested > memory->size)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "requested size must be smaller than or equal to @size");
    g_autofree char *path = g_strconcat("/machine/peripheral/", memory->info.alias, NULL);
    JsonNode *bytes = json_node_init_int(json_node_alloc(), (gint64)next->requested * 1024);
    if (!vm_require_monitor(vm, error) || !qemu_monitor_qom_set(vm->qmp, path, "requested-size", bytes, error))
        return false;
    memory->requested = next->requested;
    return true;
}

/* Passwords, and what becomes of who is connected; ports and listeners are QEMU's for the run. */
bool vm_graphics_update(Vm *vm, Domain *live, void *there, const void *wanted, bool force, GError **error)
{
    DomainGraphics *graphics = there;
    const DomainGraphics *next = wanted;
    if (next->port_set && next->port > 0 && next->autoport != TRI_YES && next->port != graphics->port)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "cannot change port settings on %s graphics",
                         model_enum_text(&model_enum_graphics_type, graphics->type));
    g_free(graphics->passwd);
    g_free(graphics->passwd_valid_to);
    graphics->passwd = g_strdup(next->passwd);
    graphics->passwd_valid_to = g_strdup(next->passwd_valid_to);
    graphics->connected = next->connected;
    return vm_require_monitor(vm, error) && vm_settle_password(vm, graphics, error);
}
