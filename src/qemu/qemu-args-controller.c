/* SPDX-License-Identifier: Apache-2.0 */
/* Controllers: the buses that other devices are plugged into, and USB hubs. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

/* Models that need nothing but their name. By ControllerModel. */
static const char *const drivers[CONTROLLER_MODEL_COUNT];

static char *controller_name(const DomainController *controller)
{
    return g_strdup_printf("<controller type='%s' index='%d'>",
                           model_enum_text(&model_enum_controller_type, controller->type), controller->index);
}

static void add_virtio_scsi(JsonObject *device, const DomainController *controller)
{
    static const QemuProperty rows[] = {
        { "num_queues", QEMU_PROPERTY_U32, offsetof(DomainController, queues) },
        { "cmd_per_lun", QEMU_PROPERTY_U32, offsetof(DomainController, cmd_per_lun) },
        { "max_sectors", QEMU_PROPERTY_U32, offsetof(DomainController, max_sectors) },
        { "ioeventfd", QEMU_PROPERTY_BOOL, offsetof(DomainController, ioeventfd) },
        { NULL },
    };
    if (controller->iothread) {
        g_autofree char *thread = g_strdup_printf("iothread%u", controller->iothread);
        json_object_set_string_member(device, "iothread", thread);
    }
    qemu_args_add_virtio(device, &controller->virtio);
    qemu_args_add_properties(device, rows, controller);
}

static JsonObject *new_scsi(const DomainController *controller)
{
    unsigned variant = 0;
    switch (controller->model) {
    case CONTROLLER_MODEL_VIRTIO_SCSI: variant = 1; break;
    case CONTROLLER_MODEL_VIRTIO_TRANSITIONAL: variant = 2; break;
    case CONTROLLER_MODEL_VIRTIO_NON_TRANSITIONAL: variant = 3; break;
    default: return drivers[controller->model] ? qmp_object("s:driver", drivers[controller->model], NULL) : NULL;
    }
    g_autofree char *driver = qemu_args_virtio_driver("virtio-scsi", controller->info.address, variant);
    JsonObject *device = qmp_object("s:driver", driver, NULL);
    add_virtio_scsi(device, controller);
    return device;
}

static JsonObject *new_virtio_serial(const DomainController *controller)
{
    unsigned variant = controller->model == CONTROLLER_MODEL_VIRTIO_TRANSITIONAL       ? 2
                       : controller->model == CONTROLLER_MODEL_VIRTIO_NON_TRANSITIONAL ? 3
                                                                                       : 1;
    g_autofree char *driver = qemu_args_virtio_driver("virtio-serial", controller->info.address, variant);
    JsonObject *device = qmp_object("s:driver", driver, NULL);
    qemu_args_add_virtio(device, &controller->virtio);
    if (controller->ports_set)
        json_object_set_int_member(device, "max_ports", controller->ports);
    if (controller->vectors_set)
        json_object_set_int_member(device, "vectors", controller->vectors);
    return device;
}

/* Whether the machine's USB 1 companions hang on this EHCI controller or on another of the same index. */
static bool is_companion(const DomainController *controller)
{
    return controller->info.master_startport_set;
}

static JsonObject *new_usb(const Domain *def, const DomainController *controller)
{
    const char *driver = controller->model ? drivers[controller->model] : "piix3-usb-uhci";
    if (!driver)
        return NULL;
    JsonObject *device = qmp_object("s:driver", driver, NULL);
    if (is_companion(controller)) {
        g_autofree char *alias = qemu_args_controller_alias(def, CONTROLLER_TYPE_USB, controller->index);
        g_autofree char *master = g_strconcat(alias, ".0", NULL);
        qmp_object_add(device, "s:masterbus", master, "i:firstport", (gint64)controller->info.master_startport, NULL);
    } else if (controller->ports_set) {
        qmp_object_add(device, "i:p2", (gint64)controller->ports, "i:p3", (gint64)controller->ports, NULL);
    }
    return device;
}

static JsonObject *new_pci(const DomainController *controller)
{
    static const char *const names[PCI_MODEL_NAME_COUNT] = {
        [PCI_MODEL_NAME_PCI_BRIDGE] = "pci-bridge",
        [PCI_MODEL_NAME_I82801B11_BRIDGE] = "i82801b11-bridge",
        [PCI_MODEL_NAME_PCIE_PCI_BRIDGE] = "pcie-pci-bridge",
        [PCI_MODEL_NAME_IOH3420] = "ioh3420",
        [PCI_MODEL_NAME_X3130_UPSTREAM] = "x3130-upstream",
        [PCI_MODEL_NAME_XIO3130_DOWNSTREAM] = "xio3130-downstream",
        [PCI_MODEL_NAME_PXB] = "pxb",
        [PCI_MODEL_NAME_PXB_PCIE] = "pxb-pcie",
        [PCI_MODEL_NAME_PCIE_ROOT_PORT] = "pcie-root-port",
        [PCI_MODEL_NAME_SPAPR_PCI_HOST_BRIDGE] = "spapr-pci-host-bridge",
    };
    const char *driver = controller->model_name ? names[controller->model_name] : drivers[controller->model];
    if (!driver)
        return NULL;
    JsonObject *device = qmp_object("s:driver", driver, NULL);
    if (controller->chassis_nr_set)
        json_object_set_int_member(device, "chassis_nr", controller->chassis_nr);
    if (controller->bus_nr_set)
        json_object_set_int_member(device, "bus_nr", controller->bus_nr);
    if (controller->port_set)
        json_object_set_int_member(device, "port", controller->port);
    if (controller->chassis_set)
        json_object_set_int_member(device, "chassis", controller->chassis);
    if (controller->target_index_set)
        json_object_set_int_member(device, "index", controller->target_index);
    if (controller->numa_node_set)
        json_object_set_int_member(device, "numa_node", controller->numa_node);
    if (controller->hotplug)
        json_object_set_boolean_member(device, "hotplug", controller->hotplug == TRI_YES);
    return device;
}

static JsonObject *new_device(const Domain *def, const DomainController *controller)
{
    switch (controller->type) {
    case CONTROLLER_TYPE_SCSI: return new_scsi(controller);
    case CONTROLLER_TYPE_VIRTIO_SERIAL: return new_virtio_serial(controller);
    case CONTROLLER_TYPE_USB: return new_usb(def, controller);
    case CONTROLLER_TYPE_PCI: return new_pci(controller);
    case CONTROLLER_TYPE_SATA: return qmp_object("s:driver", "ich9-ahci", NULL);
    case CONTROLLER_TYPE_CCID: return qmp_object("s:driver", "usb-ccid", NULL);
    case CONTROLLER_TYPE_IDE:
        return qmp_object("s:driver", controller->model ? drivers[controller->model] : "piix3-ide", NULL);
    case CONTROLLER_TYPE_FDC: return qmp_object("s:driver", "isa-fdc", NULL);
    default: return NULL;
    }
}

/* The floppy drives' boot order is a property of their controller. */
static void floppy_boot(const QemuArgs *args, const char *names[2], uint32_t indexes[2])
{
    names[0] = "bootindexA";
    names[1] = "bootindexB";
    for (unsigned i = 0; i < args->def->n_disks; i++) {
        const DomainDisk *disk = args->def->disks[i];
        unsigned unit = disk->info.address ? disk->info.address->unit : 0;
        if (disk->bus == DISK_BUS_FDC && unit < 2)
            indexes[unit] = qemu_args_boot_index(args, BOOT_DEVICE_FD, disk, &disk->info);
    }
}

static bool add_fdc(QemuArgs *args, const DomainController *controller, GError **error)
{
    const char *names[2];
    uint32_t indexes[2] = { 0 };
    floppy_boot(args, names, indexes);
    if (qemu_args_controller_is_builtin(args->def, controller)) {
        for (unsigned i = 0; i < 2; i++)
            if (indexes[i])
                qemu_args_add(args, "-global", "isa-fdc.%s=%u", names[i], indexes[i]);
        return true;
    }
    JsonObject *device = new_device(args->def, controller);
    for (unsigned i = 0; i < 2; i++)
        if (indexes[i])
            json_object_set_int_member(device, names[i], indexes[i]);
    return qemu_args_add_device(args, device, &controller->info, "<controller type='fdc'>", error);
}

static void add_hole(QemuArgs *args, const DomainController *root)
{
    const char *host = qemu_args_is_q35(args->def) ? "q35-pcihost" : "i440FX-pcihost";
    if (root->pcihole64_set)
        qemu_args_add(args, "-global", "%s.pci-hole64-size=%" G_GUINT64_FORMAT "K", host, root->pcihole64);
    if (root->hotplug && qemu_args_is_i440fx(args->def) && qemu_args_pm_device(args->def))
        qemu_args_add(args, "-global", "PIIX4_PM.acpi-root-pci-hotplug=%s", root->hotplug == TRI_YES ? "on" : "off");
}

static bool add_controller(QemuArgs *args, const DomainController *controller, GError **error)
{
    if (controller->type == CONTROLLER_TYPE_FDC)
        return add_fdc(args, controller, error);
    if (controller->type == CONTROLLER_TYPE_USB && controller->model == CONTROLLER_MODEL_NONE)
        return true;
    if (qemu_args_controller_is_builtin(args->def, controller)) {
        if (controller->type == CONTROLLER_TYPE_PCI)
            add_hole(args, controller);
        return true;
    }
    g_autofree char *what = controller_name(controller);
    JsonObject *device = new_device(args->def, controller);
    if (!device)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: model '%s' is not supported", what,
                         controller->model ? model_enum_text(&model_enum_controller_model, controller->model)
                                           : "(none given)");
    /* Companions share their master's index and would share its alias. */
    if (is_companion(controller) && controller->type == CONTROLLER_TYPE_USB) {
        bool added = qemu_args_add_address(args, device, &controller->info, what, error);
        if (!added)
            json_object_unref(device);
        return added && qemu_args_add_device_raw(args, device, NULL, what, error);
    }
    return qemu_args_add_device(args, device, &controller->info, what, error);
}

bool qemu_args_controller(QemuArgs *args, unsigned index, GError **error)
{
    return add_controller(args, args->def->controllers[index], error);
}

/* Controllers that are plugged into USB, perhaps into a hub. */
#define RANK_ON_USB 4

/* A bus must be there before what is plugged into it: PCI first, then USB masters before their companions. */
static unsigned rank(const DomainController *controller)
{
    switch (controller->type) {
    case CONTROLLER_TYPE_PCI: return 0;
    case CONTROLLER_TYPE_USB: return is_companion(controller) ? 2 : 1;
    case CONTROLLER_TYPE_CCID: return RANK_ON_USB;
    default: return 3;
    }
}

/* How many bridges stand between a PCI controller and the root; indexes need not ascend with it. */
static unsigned pci_depth(const Domain *def, const DomainController *controller)
{
    unsigned depth = 0;
    for (; controller && controller->index != 0 && depth < def->n_controllers; depth++) {
        const DomainAddress *at = controller->info.address;
        controller = at && at->type == ADDRESS_TYPE_PCI
                         ? qemu_args_find_controller(def, CONTROLLER_TYPE_PCI, (int)at->bus)
                         : NULL;
    }
    return depth;
}

static bool add_rank(QemuArgs *args, unsigned wanted, GError **error)
{
    const Domain *def = args->def;
    for (unsigned i = 0; i < def->n_controllers; i++)
        if (rank(def->controllers[i]) == wanted && !add_controller(args, def->controllers[i], error))
            return false;
    return true;
}

bool qemu_args_controllers(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    for (unsigned depth = 0; depth <= def->n_controllers; depth++)
        for (unsigned i = 0; i < def->n_controllers; i++)
            if (rank(def->controllers[i]) == 0 && pci_depth(def, def->controllers[i]) == depth &&
                !add_controller(args, def->controllers[i], error))
                return false;
    for (unsigned now = 1; now < RANK_ON_USB; now++)
        if (!add_rank(args, now, error))
            return false;
    return true;
}

bool qemu_args_hubs(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_hubs; i++) {
        JsonObject *device = qmp_object("s:driver", "usb-hub", NULL);
        if (!qemu_args_add_device(args, device, &args->def->hubs[i]->info, "<hub>", error))
            return false;
    }
    return add_rank(args, RANK_ON_USB, error);
}

static const char *const drivers[CONTROLLER_MODEL_COUNT] = {
    [CONTROLLER_MODEL_LSILOGIC] = "lsi53c895a",
    [CONTROLLER_MODEL_LSISAS1068] = "mptsas1068",
    [CONTROLLER_MODEL_LSISAS1078] = "megasas",
    [CONTROLLER_MODEL_VMPVSCSI] = "pvscsi",
    [CONTROLLER_MODEL_IBMVSCSI] = "spapr-vscsi",
    [CONTROLLER_MODEL_DC390] = "dc390",
    [CONTROLLER_MODEL_AM53C974] = "am53c974",
    [CONTROLLER_MODEL_PIIX3_UHCI] = "piix3-usb-uhci",
    [CONTROLLER_MODEL_PIIX4_UHCI] = "piix4-usb-uhci",
    [CONTROLLER_MODEL_EHCI] = "usb-ehci",
    [CONTROLLER_MODEL_ICH9_EHCI1] = "ich9-usb-ehci1",
    [CONTROLLER_MODEL_ICH9_UHCI1] = "ich9-usb-uhci1",
    [CONTROLLER_MODEL_ICH9_UHCI2] = "ich9-usb-uhci2",
    [CONTROLLER_MODEL_ICH9_UHCI3] = "ich9-usb-uhci3",
    [CONTROLLER_MODEL_VT82C686B_UHCI] = "vt82c686b-usb-uhci",
    [CONTROLLER_MODEL_PCI_OHCI] = "pci-ohci",
    [CONTROLLER_MODEL_NEC_XHCI] = "nec-usb-xhci",
    [CONTROLLER_MODEL_QEMU_XHCI] = "qemu-xhci",
    [CONTROLLER_MODEL_PIIX3] = "piix3-ide",
    [CONTROLLER_MODEL_PIIX4] = "piix4-ide",
    [CONTROLLER_MODEL_PCI_BRIDGE] = "pci-bridge",
    [CONTROLLER_MODEL_DMI_TO_PCI_BRIDGE] = "i82801b11-bridge",
    [CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE] = "pcie-pci-bridge",
    [CONTROLLER_MODEL_PCIE_ROOT_PORT] = "pcie-root-port",
    [CONTROLLER_MODEL_PCIE_SWITCH_UPSTREAM_PORT] = "x3130-upstream",
    [CONTROLLER_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT] = "xio3130-downstream",
    [CONTROLLER_MODEL_PCI_EXPANDER_BUS] = "pxb",
    [CONTROLLER_MODEL_PCIE_EXPANDER_BUS] = "pxb-pcie",
};
