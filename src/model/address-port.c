/* SPDX-License-Identifier: Apache-2.0 */
/* Places on virtio-serial, smart-card (CCID) and memory-module buses: numbered ports. */
#include "base/error.h"
#include "model/controllers.h"
#include "model/machine.h"
#include "model/rules.h"

#define VIRTIO_SERIAL_PORTS 31

static DomainAddress *port_address(AddressType type, uint32_t controller)
{
    DomainAddress *address = g_new0(DomainAddress, 1);
    address->type = type;
    address->controller = controller;
    return address;
}

static bool virtio_serial_taken(const Domain *domain, const DomainChardev *but, uint32_t controller, uint32_t port)
{
    DomainChardev *const *lists[] = { domain->consoles, domain->channels };
    const unsigned counts[] = { domain->n_consoles, domain->n_channels };
    for (unsigned k = 0; k < G_N_ELEMENTS(lists); k++) {
        for (unsigned i = 0; i < counts[k]; i++) {
            const DomainAddress *a = lists[k][i]->info.address;
            if (lists[k][i] != but && a && a->type == ADDRESS_TYPE_VIRTIO_SERIAL && a->controller == controller &&
                a->port == port)
                return true;
        }
    }
    return false;
}

static uint32_t virtio_serial_ports(const Domain *domain, uint32_t controller)
{
    const DomainController *there = controllers_find(domain, CONTROLLER_TYPE_VIRTIO_SERIAL, (int)MIN(controller, 255));
    return there && there->ports_set ? there->ports : VIRTIO_SERIAL_PORTS;
}

static bool virtio_serial_check(const Domain *domain, const DomainChardev *chardev, GError **error)
{
    const DomainAddress *a = chardev->info.address;
    if (a->port >= virtio_serial_ports(domain, a->controller))
        return error_set(error, VIR_ERR_XML_ERROR, "virtio-serial controller %u has no port %u", a->controller,
                         a->port);
    if (virtio_serial_taken(domain, chardev, a->controller, a->port))
        return error_set(error, VIR_ERR_XML_ERROR, "port %u of virtio-serial controller %u is used twice", a->port,
                         a->controller);
    return true;
}

static bool virtio_serial_place(Domain *domain, DomainChardev *chardev, uint32_t first_port, GError **error)
{
    DomainAddress *given = chardev->info.address;
    if (given && given->type != ADDRESS_TYPE_VIRTIO_SERIAL)
        return true;
    if (given && given->port)
        return virtio_serial_check(domain, chardev, error);
    for (uint32_t controller = given ? given->controller : 0; controller < 256; controller++) {
        uint32_t ports = virtio_serial_ports(domain, controller);
        for (uint32_t port = first_port; port < ports; port++) {
            if (virtio_serial_taken(domain, chardev, controller, port))
                continue;
            if (!given)
                given = chardev->info.address = port_address(ADDRESS_TYPE_VIRTIO_SERIAL, controller);
            given->controller = controller;
            given->bus = 0;
            given->port = port;
            return true;
        }
        if (chardev->info.address)
            break;
    }
    return error_set(error, VIR_ERR_XML_ERROR, "no free port on any virtio-serial controller");
}

static void virtio_serial_controller(Domain *domain, const DomainChardev *chardev)
{
    const DomainAddress *a = chardev->info.address;
    int index = a && a->type == ADDRESS_TYPE_VIRTIO_SERIAL ? (int)MIN(a->controller, 255) : 0;
    if (chardev->target_type == CHARDEV_TARGET_VIRTIO &&
        !controllers_find(domain, CONTROLLER_TYPE_VIRTIO_SERIAL, index))
        controllers_add(domain, CONTROLLER_TYPE_VIRTIO_SERIAL, index, CONTROLLER_MODEL_UNSET);
}

/* Consoles get their port at the start, as libvirt does it; channels keep theirs. */
bool rule_virtio_serial_addresses(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_channels; i++)
        virtio_serial_controller(domain, domain->channels[i]);
    for (unsigned i = 0; i < domain->n_consoles; i++)
        virtio_serial_controller(domain, domain->consoles[i]);
    for (unsigned i = 0; i < domain->n_channels; i++) {
        context->at = domain->channels[i];
        if (domain->channels[i]->target_type == CHARDEV_TARGET_VIRTIO &&
            !virtio_serial_place(domain, domain->channels[i], 1, error))
            return false;
        virtio_serial_controller(domain, domain->channels[i]);
    }
    return true;
}

bool rule_ccid_addresses(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    int highest = -1;
    if (domain->n_smartcards > 1)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<smartcard>: QEMU has only one reader");
    for (unsigned i = 0; i < domain->n_smartcards; i++) {
        context->at = domain->smartcards[i];
        DomainSmartcard *card = domain->smartcards[i];
        if (card->mode == SMARTCARD_MODE_HOST_CERTIFICATES && card->n_certificates != 3)
            return error_set(error, VIR_ERR_XML_ERROR,
                             "<smartcard mode='host-certificates'>: needs three <certificate>");
        if (!card->info.address) {
            card->info.address = port_address(ADDRESS_TYPE_CCID, 0);
        }
        if (card->info.address->type != ADDRESS_TYPE_CCID)
            return error_set(error, VIR_ERR_XML_ERROR, "<smartcard>: needs an address of type 'ccid'");
        if (card->info.address->slot)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<smartcard>: QEMU's reader has only slot 0");
        highest = MAX(highest, (int)MIN(card->info.address->controller, 255));
    }
    controllers_ensure(domain, CONTROLLER_TYPE_CCID, highest);
    return true;
}

static bool dimm_slot_taken(const Domain *domain, const DomainMemory *but, uint32_t slot)
{
    for (unsigned i = 0; i < domain->n_memories; i++) {
        const DomainAddress *a = domain->memories[i]->info.address;
        if (domain->memories[i] != but && a && a->type == ADDRESS_TYPE_DIMM && a->slot == slot)
            return true;
    }
    return false;
}

bool rule_dimm_addresses(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_memories; i++) {
        context->at = domain->memories[i];
        DomainMemory *memory = domain->memories[i];
        if (memory->model != MEMORY_MODEL_DIMM && memory->model != MEMORY_MODEL_NVDIMM)
            continue;
        if (!memory->info.address) {
            uint32_t slot = 0;
            while (dimm_slot_taken(domain, memory, slot))
                slot++;
            if (slot >= domain->memory_slots)
                return error_set(error, VIR_ERR_INTERNAL_ERROR,
                                 "<memory>: all %u slots are taken; raise <maxMemory slots='…'>", domain->memory_slots);
            memory->info.address = port_address(ADDRESS_TYPE_DIMM, 0);
            memory->info.address->slot = slot;
        }
        const DomainAddress *a = memory->info.address;
        if (a->type == ADDRESS_TYPE_DIMM && a->slot >= domain->memory_slots)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<memory model='dimm'>: slot %u does not exist; <maxMemory slots='%u'> has too few",
                             a->slot, domain->memory_slots);
        if (a->type == ADDRESS_TYPE_DIMM && dimm_slot_taken(domain, memory, a->slot))
            return error_set(error, VIR_ERR_XML_ERROR, "<memory model='dimm'>: slot %u is used twice", a->slot);
    }
    return true;
}
