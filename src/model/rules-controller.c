/* SPDX-License-Identifier: Apache-2.0 */
/* Controllers: numbers, models, and those that every machine of a kind has. */
#include "base/error.h"
#include "model/controllers.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

static bool controller_is_companion(const DomainController *controller)
{
    return controller->model >= CONTROLLER_MODEL_ICH9_UHCI1 && controller->model <= CONTROLLER_MODEL_ICH9_UHCI3;
}

static bool controller_before(const DomainController *a, const DomainController *b)
{
    bool same = a->index_set && b->index_set && a->index == b->index;
    if (same)
        return !a->info.master_startport_set && b->info.master_startport_set;
    return a->index_set && b->index_set && a->index < b->index;
}

/* Given controllers stand together by type, each type by number; those without a number last. */
static void controllers_sort(Domain *domain)
{
    for (unsigned i = 1; i < domain->n_controllers; i++) {
        DomainController *controller = domain->controllers[i];
        int position = -1;
        for (int k = (int)i - 1; k >= 0; k--) {
            const DomainController *other = domain->controllers[k];
            if (other->type != controller->type)
                continue;
            if (controller_before(controller, other)) {
                position = k;
            } else {
                if (position < 0)
                    position = k + 1;
                break;
            }
        }
        if (position < 0)
            continue;
        memmove(domain->controllers + position + 1, domain->controllers + position,
                (i - (unsigned)position) * sizeof *domain->controllers);
        domain->controllers[position] = controller;
    }
}

/* A UHCI companion without a number belongs to the EHCI controller before it. */
static void controllers_number(Domain *domain)
{
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        DomainController *controller = domain->controllers[i];
        if (controller->index_set)
            continue;
        const DomainController *before = i ? domain->controllers[i - 1] : NULL;
        if (controller_is_companion(controller) && before && before->type == CONTROLLER_TYPE_USB)
            controller->index = before->index;
        else
            controller->index = controllers_free_index(domain, controller->type);
        controller->index_set = true;
    }
}

/* Which models make sense for which type; a guest that names another is told so. */
static bool controller_model_fits(const DomainController *controller)
{
    static const struct {
        ControllerType type;
        ControllerModel first, last;
    } ranges[] = {
        { CONTROLLER_TYPE_SCSI, CONTROLLER_MODEL_AUTO, CONTROLLER_MODEL_AM53C974 },
        { CONTROLLER_TYPE_VIRTIO_SERIAL, CONTROLLER_MODEL_VIRTIO_TRANSITIONAL,
          CONTROLLER_MODEL_VIRTIO_NON_TRANSITIONAL },
        { CONTROLLER_TYPE_VIRTIO_SERIAL, CONTROLLER_MODEL_VIRTIO, CONTROLLER_MODEL_VIRTIO },
        { CONTROLLER_TYPE_USB, CONTROLLER_MODEL_PIIX3_UHCI, CONTROLLER_MODEL_NONE },
        { CONTROLLER_TYPE_IDE, CONTROLLER_MODEL_PIIX3, CONTROLLER_MODEL_ICH6 },
        { CONTROLLER_TYPE_PCI, CONTROLLER_MODEL_PCI_ROOT, CONTROLLER_MODEL_PCIE_EXPANDER_BUS },
    };
    if (!controller->model)
        return true;
    for (unsigned i = 0; i < G_N_ELEMENTS(ranges); i++) {
        if (controller->type == ranges[i].type && controller->model >= ranges[i].first &&
            controller->model <= ranges[i].last)
            return true;
    }
    return false;
}

static bool controllers_check_numbers(const Domain *domain, GError **error)
{
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        const DomainController *controller = domain->controllers[i];
        const char *type = model_enum_text(&model_enum_controller_type, controller->type);
        if (!controller_model_fits(controller))
            return error_set(error, VIR_ERR_XML_ERROR, "<controller type='%s'>: it has no model '%s'", type,
                             model_enum_text(&model_enum_controller_model, controller->model));
        if (controller->type == CONTROLLER_TYPE_PCI && !controller->model)
            return error_set(error, VIR_ERR_INTERNAL_ERROR,
                             "<controller type='pci' index='%d'>: attribute 'model' is missing", controller->index);
        for (unsigned k = 0; k < i; k++) {
            const DomainController *other = domain->controllers[k];
            if (other->type != controller->type || other->index != controller->index)
                continue;
            if (controller->type != CONTROLLER_TYPE_USB)
                return error_set(error, VIR_ERR_XML_ERROR, "two controllers of type '%s' have index '%d'", type,
                                 controller->index);
        }
    }
    return true;
}

bool rule_sort_controllers(RuleContext *context, GError **error)
{
    controllers_sort(context->domain);
    return true;
}

bool rule_controllers(RuleContext *context, GError **error)
{
    controllers_number(context->domain);
    return controllers_check_numbers(context->domain, error);
}

/* What the machine has soldered on. */
bool rule_builtin_controllers(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (!machine_is_x86(domain) || !machine_has_pci(domain))
        return true;
    bool q35 = machine_is_q35(domain);
    bool has_usb = false;
    for (unsigned i = 0; i < domain->n_controllers; i++)
        has_usb |= domain->controllers[i]->type == CONTROLLER_TYPE_USB;
    if (!has_usb)
        controllers_add(domain, CONTROLLER_TYPE_USB, 0, q35 ? CONTROLLER_MODEL_QEMU_XHCI : CONTROLLER_MODEL_UNSET);
    if (q35 && !controllers_find(domain, CONTROLLER_TYPE_SATA, 0))
        controllers_add(domain, CONTROLLER_TYPE_SATA, 0, CONTROLLER_MODEL_UNSET);
    if (has_usb)
        controllers_ensure(domain, CONTROLLER_TYPE_USB, 0);
    const DomainController *root = controllers_find(domain, CONTROLLER_TYPE_PCI, 0);
    ControllerModel wanted = q35 ? CONTROLLER_MODEL_PCIE_ROOT : CONTROLLER_MODEL_PCI_ROOT;
    if (!root) {
        controllers_add(domain, CONTROLLER_TYPE_PCI, 0, wanted);
    } else if (root->model != wanted) {
        return error_set(error, VIR_ERR_XML_ERROR, "<controller type='pci' index='0'>: machine '%s' has model '%s'",
                         domain->os.machine, model_enum_text(&model_enum_controller_model, wanted));
    }
    return true;
}

static bool usb_check(const Domain *domain, const DomainController *controller, bool *seen_none, bool *seen_other,
                      GError **error)
{
    bool none = controller->model == CONTROLLER_MODEL_NONE;
    *seen_none |= none;
    *seen_other |= !none;
    if (*seen_none && *seen_other)
        return error_set(error, VIR_ERR_XML_DETAIL,
                         "<controller type='usb' model='none'>: USB is off, so there can be no other one");
    bool xhci = controller->model == CONTROLLER_MODEL_QEMU_XHCI || controller->model == CONTROLLER_MODEL_NEC_XHCI;
    if (xhci && controller->ports_set && (controller->ports > 15 || controller->ports == 0))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<controller type='usb' ports='%u'>: this model has 1 to 15 ports", controller->ports);
    if (controller_is_companion(controller)) {
        bool master = false;
        for (unsigned i = 0; i < domain->n_controllers; i++) {
            const DomainController *other = domain->controllers[i];
            master |= other->type == CONTROLLER_TYPE_USB && other->index == controller->index &&
                      !controller_is_companion(other);
        }
        if (!master)
            return error_set(error, VIR_ERR_XML_DETAIL,
                             "USB controller %d: the companions have no master; add model='ich9-ehci1'",
                             controller->index);
    }
    return true;
}

bool rule_usb_controllers(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    bool seen_none = false, seen_other = false;
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        context->at = domain->controllers[i];
        DomainController *controller = domain->controllers[i];
        if (controller->type != CONTROLLER_TYPE_USB)
            continue;
        if (!controller->model)
            controller->model = CONTROLLER_MODEL_PIIX3_UHCI;
        if (controller_is_companion(controller) && !controller->info.master_startport_set) {
            controller->info.master_startport = 2 * (uint32_t)(controller->model - CONTROLLER_MODEL_ICH9_UHCI1);
            controller->info.master_startport_set = true;
        }
        if (!usb_check(domain, controller, &seen_none, &seen_other, error))
            return false;
    }
    return true;
}

static bool scsi_needs_model(const DomainController *controller)
{
    return controller->type == CONTROLLER_TYPE_SCSI &&
           (controller->model == CONTROLLER_MODEL_UNSET || controller->model == CONTROLLER_MODEL_AUTO);
}

/* Controllers for the addresses that disks, channels and the rest have by now. */
bool rule_needed_controllers(RuleContext *context, GError **error)
{
    static const struct {
        DiskBus bus;
        ControllerType type;
    } by_bus[] = {
        { DISK_BUS_SCSI, CONTROLLER_TYPE_SCSI },
        { DISK_BUS_FDC, CONTROLLER_TYPE_FDC },
        { DISK_BUS_IDE, CONTROLLER_TYPE_IDE },
        { DISK_BUS_SATA, CONTROLLER_TYPE_SATA },
    };
    Domain *domain = context->domain;
    for (unsigned k = 0; k < G_N_ELEMENTS(by_bus); k++) {
        int highest = -1;
        for (unsigned i = 0; i < domain->n_disks; i++) {
            const DomainDisk *disk = domain->disks[i];
            if (disk->bus == by_bus[k].bus && disk->info.address && disk->info.address->type == ADDRESS_TYPE_DRIVE)
                highest = MAX(highest, (int)disk->info.address->controller);
        }
        if (highest > 255)
            return error_set(error, VIR_ERR_XML_ERROR, "disk on controller %d: numbers end at 255", highest);
        controllers_ensure(domain, by_bus[k].type, highest);
    }
    return true;
}

static bool scsi_check(const Domain *domain, const DomainController *controller, GError **error)
{
    bool virtio = controller->model == CONTROLLER_MODEL_VIRTIO_SCSI ||
                  controller->model == CONTROLLER_MODEL_VIRTIO_TRANSITIONAL ||
                  controller->model == CONTROLLER_MODEL_VIRTIO_NON_TRANSITIONAL;
    if (!virtio && (controller->queues || controller->cmd_per_lun || controller->max_sectors || controller->ioeventfd ||
                    controller->iothread))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<controller type='scsi'>: these <driver> options need model='virtio-scsi'");
    if (controller->model == CONTROLLER_MODEL_BUSLOGIC || controller->model == CONTROLLER_MODEL_NCR53C90)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<controller type='scsi' model='%s'>: a PC has none; use 'virtio-scsi'",
                         model_enum_text(&model_enum_controller_model, controller->model));
    bool there = !controller->iothread || (!domain->n_iothread_list && controller->iothread <= domain->iothreads);
    for (unsigned i = 0; i < domain->n_iothread_list; i++)
        there |= domain->iothread_list[i]->id == controller->iothread;
    if (!there)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<controller type='scsi'>: the guest has no I/O thread %u; raise <iothreads>",
                         controller->iothread);
    return true;
}

/* What the machine types of a PC do not have. */
bool rule_check_controllers(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        context->at = domain->controllers[i];
        DomainController *controller = domain->controllers[i];
        if (controller->index)
            controller->pcihole64_set = false;
        if (controller->type == CONTROLLER_TYPE_IDE && (controller->index || machine_is_q35(domain)))
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<controller type='ide' index='%d'>: machine '%s' has none", controller->index,
                             domain->os.machine);
        if (controller->type == CONTROLLER_TYPE_XENBUS || controller->type == CONTROLLER_TYPE_ISA)
            return error_set(error, VIR_ERR_INTERNAL_ERROR, "<controller type='%s'>: QEMU has none",
                             model_enum_text(&model_enum_controller_type, controller->type));
        if (controller->type == CONTROLLER_TYPE_SCSI && !scsi_check(domain, controller, error))
            return false;
    }
    return true;
}

bool rule_scsi_models(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    uint32_t reg = 0x2000;
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        DomainController *controller = domain->controllers[i];
        if (scsi_needs_model(controller))
            controller->model = CONTROLLER_MODEL_LSILOGIC;
        if (controller->model == CONTROLLER_MODEL_IBMVSCSI && !controller->info.address) {
            DomainAddress *address = controller->info.address = g_new0(DomainAddress, 1);
            address->type = ADDRESS_TYPE_SPAPR_VIO;
            address->reg = reg;
            address->reg_set = true;
            reg += 0x1000;
        }
    }
    return true;
}
