/* SPDX-License-Identifier: Apache-2.0 */
/* Where a device sits: from the definition's <address> to QEMU's bus, addr, port and nr. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

const DomainController *qemu_args_find_controller(const Domain *def, ControllerType type, int index)
{
    for (unsigned i = 0; i < def->n_controllers; i++)
        if (def->controllers[i]->type == type && def->controllers[i]->index == index)
            return def->controllers[i];
    return NULL;
}

bool qemu_args_controller_is_builtin(const Domain *def, const DomainController *controller)
{
    switch (controller->type) {
    case CONTROLLER_TYPE_PCI:
        return controller->index == 0 &&
               (controller->model == CONTROLLER_MODEL_PCI_ROOT || controller->model == CONTROLLER_MODEL_PCIE_ROOT);
    case CONTROLLER_TYPE_IDE: return controller->index == 0 && qemu_args_is_i440fx(def);
    case CONTROLLER_TYPE_SATA: return controller->index == 0 && qemu_args_is_q35(def);
    case CONTROLLER_TYPE_FDC: return controller->index == 0 && qemu_args_is_i440fx(def);
    default: return false;
    }
}

char *qemu_args_controller_alias(const Domain *def, ControllerType type, int index)
{
    const DomainController *controller = qemu_args_find_controller(def, type, index);
    bool builtin = controller && qemu_args_controller_is_builtin(def, controller);
    if (builtin && type != CONTROLLER_TYPE_PCI)
        return g_strdup("ide");
    /* QEMU names its own buses itself, whatever alias the user gave them. */
    if (controller && controller->info.alias && !builtin)
        return g_strdup(controller->info.alias);
    if (type == CONTROLLER_TYPE_PCI)
        return g_strdup_printf("pci%s.%d", index == 0 && qemu_args_is_q35(def) ? "e" : "", index);
    return NULL;
}

static bool add_pci(QemuArgs *args, JsonObject *device, const DomainAddress *address, const char *what, GError **error)
{
    g_autofree char *bus = qemu_args_controller_alias(args->def, CONTROLLER_TYPE_PCI, (int)address->bus);
    if (address->bus != 0 && !qemu_args_find_controller(args->def, CONTROLLER_TYPE_PCI, (int)address->bus))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: there is no PCI controller with index %u", what,
                         address->bus);
    g_autofree char *place = address->function ? g_strdup_printf("0x%x.0x%x", address->slot, address->function)
                                               : g_strdup_printf("0x%x", address->slot);
    qmp_object_add(device, "s:bus", bus, NULL);
    if (address->multifunction)
        json_object_set_boolean_member(device, "multifunction", address->multifunction == TRI_YES);
    json_object_set_string_member(device, "addr", place);
    return true;
}

/* The bus "ALIAS.0" of the controller that the address names. */
static bool add_bus(QemuArgs *args, JsonObject *device, ControllerType type, unsigned index, const char *kind,
                    const char *what, GError **error)
{
    g_autofree char *alias = qemu_args_controller_alias(args->def, type, (int)index);
    if (!alias)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: there is no %s controller with index %u", what, kind,
                         index);
    g_autofree char *bus = g_strconcat(alias, ".0", NULL);
    json_object_set_string_member(device, "bus", bus);
    return true;
}

static void add_ccw(JsonObject *device, const DomainAddress *address)
{
    g_autofree char *place = g_strdup_printf("%x.%x.%04x", address->cssid, address->ssid, address->devno);
    json_object_set_string_member(device, "devno", place);
}

bool qemu_args_add_address(QemuArgs *args, JsonObject *device, const DomainDeviceInfo *info, const char *what,
                           GError **error)
{
    const DomainAddress *address = info->address;
    if (!address)
        return true;
    switch (address->type) {
    case ADDRESS_TYPE_PCI: return add_pci(args, device, address, what, error);
    case ADDRESS_TYPE_USB:
        qmp_object_add(device, "s:port", address->usb_port, NULL);
        return add_bus(args, device, CONTROLLER_TYPE_USB, address->bus, "USB", what, error);
    case ADDRESS_TYPE_VIRTIO_SERIAL:
        json_object_set_int_member(device, "nr", address->port);
        return add_bus(args, device, CONTROLLER_TYPE_VIRTIO_SERIAL, address->controller, "virtio-serial", what, error);
    case ADDRESS_TYPE_CCID:
        return add_bus(args, device, CONTROLLER_TYPE_CCID, address->controller, "ccid", what, error);
    case ADDRESS_TYPE_CCW: add_ccw(device, address); return true;
    case ADDRESS_TYPE_SPAPR_VIO:
        if (address->reg_set)
            json_object_set_int_member(device, "reg", address->reg);
        return true;
    case ADDRESS_TYPE_ISA:
        if (address->iobase_set)
            json_object_set_int_member(device, "iobase", address->iobase);
        if (address->irq_set)
            json_object_set_int_member(device, "irq", address->irq);
        return true;
    case ADDRESS_TYPE_DIMM:
        json_object_set_int_member(device, "slot", address->slot);
        if (address->base)
            json_object_set_int_member(device, "addr", (gint64)address->base);
        return true;
    default: return true; /* drive: the disk says it; mmio, mdev, unassigned: nothing to say */
    }
}
