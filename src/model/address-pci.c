/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PCI addresses: given ones are kept, the rest are found in a fixed order, so that the same definition always makes the
 * same guest. Rehearsed on a copy first, to learn how many bridges and ports have to be added.
 */
#include "base/error.h"
#include "model/controllers.h"
#include "model/machine.h"
#include "model/pci-devices.h"
#include "model/rules.h"

typedef struct {
    Domain *domain;
    PciMap map;
    bool running; /* the guest runs: what is new must be plugged in, and no controller can be added for it */
} PciPlan;

static bool plan_reserve(gpointer data, const PciEndpoint *endpoint, GError **error)
{
    PciPlan *plan = data;
    const DomainAddress *a = endpoint->info->address;
    return !pci_address_is_set(a) || pci_map_reserve(&plan->map, a, endpoint->connect, error);
}

static bool plan_reserve_controllers(PciPlan *plan, GError **error)
{
    for (unsigned i = 0; i < plan->domain->n_controllers; i++) {
        const DomainController *controller = plan->domain->controllers[i];
        if (controller->type != CONTROLLER_TYPE_PCI)
            continue;
        unsigned connect = pci_controller_connect(controller->model);
        if (!connect && controller->info.address)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<controller type='pci' index='%d'>: a root has no <address>", controller->index);
        if (pci_address_is_set(controller->info.address) &&
            !pci_map_reserve(&plan->map, controller->info.address, connect, error))
            return false;
    }
    return true;
}

static bool plan_is_full(const PciMap *map)
{
    for (unsigned i = 0; i < map->n_buses; i++) {
        for (unsigned slot = map->buses[i].first_slot; slot <= map->buses[i].last_slot; slot++) {
            if (!map->buses[i].used[slot])
                return false;
        }
    }
    return true;
}

/* All functions of one ICH9 USB controller share a slot. */
static bool plan_place_beside(PciPlan *plan, const PciEndpoint *endpoint)
{
    if (!endpoint->usb)
        return false;
    for (unsigned i = 0; i < plan->domain->n_controllers; i++) {
        const DomainController *other = plan->domain->controllers[i];
        const DomainAddress *a = other->info.address;
        if (other == endpoint->usb || !pci_is_ich9_usb(other) || other->index != endpoint->usb->index ||
            !pci_address_is_set(a))
            continue;
        unsigned function = pci_ich9_usb_function(endpoint->usb->model);
        pci_map_take(&plan->map, a->bus, a->slot, (uint8_t)(1 << function));
        pci_address_set(endpoint->info, a->bus, a->slot, function);
        return true;
    }
    return false;
}

static bool plan_no_slot(const PciPlan *plan, unsigned connect, GError **error)
{
    const char *needed = !plan->map.express              ? "pci-bridge"
                         : connect & PCI_CONNECT_EXPRESS ? "pcie-root-port"
                                                         : "pcie-to-pci-bridge";
    return error_set(error, VIR_ERR_INTERNAL_ERROR,
                     "No more available PCI slots that a device can be plugged into while the guest runs: give it a "
                     "<controller type='pci' model='%s'/> with --config, for the next start",
                     needed);
}

static bool plan_place(gpointer data, const PciEndpoint *endpoint, GError **error)
{
    PciPlan *plan = data;
    if (pci_address_is_set(endpoint->info->address) || plan_place_beside(plan, endpoint))
        return true;
    DomainAddress place = { 0 };
    unsigned connect = endpoint->connect | (plan->running ? PCI_CONNECT_HOTPLUG : 0);
    if (!pci_map_next(&plan->map, connect, &place, plan->running ? NULL : error))
        return !plan->running ? false : plan_no_slot(plan, connect, error);
    if (endpoint->usb) {
        unsigned function = pci_ich9_usb_function(endpoint->usb->model);
        plan->map.buses[place.bus].used[place.slot] = (uint8_t)(1 << function);
        place.function = function;
    }
    pci_address_set(endpoint->info, place.bus, place.slot, place.function);
    return true;
}

static bool plan_place_controllers(PciPlan *plan, GError **error)
{
    for (unsigned i = 0; i < plan->domain->n_controllers; i++) {
        DomainController *controller = plan->domain->controllers[i];
        unsigned connect = pci_controller_connect(controller->model);
        if (controller->type != CONTROLLER_TYPE_PCI || !connect || pci_address_is_set(controller->info.address))
            continue;
        DomainAddress place = { 0 };
        if (!pci_map_next(&plan->map, connect, &place, error))
            return false;
        pci_address_set(&controller->info, place.bus, place.slot, place.function);
    }
    return true;
}

/* IOMMUs are part of the root complex. */
static bool plan_place_iommus(PciPlan *plan, GError **error)
{
    for (unsigned i = 0; i < plan->domain->n_iommus; i++) {
        DomainIommu *iommu = plan->domain->iommus[i];
        if (iommu->model != IOMMU_MODEL_VIRTIO)
            continue;
        PciEndpoint endpoint = { .info = &iommu->info, .connect = PCI_CONNECT_DEVICE };
        if (pci_address_is_set(iommu->info.address) ? !plan_reserve(plan, &endpoint, error)
                                                    : !plan_place(plan, &endpoint, error))
            return false;
    }
    return true;
}

/* Room for one more device: a guest that runs cannot be given another bridge. */
static bool plan_spare(PciPlan *plan, bool full, bool spare_port, GError **error)
{
    DomainAddress place;
    if (plan->map.express)
        return !spare_port || !plan->map.grew ||
               pci_map_next(&plan->map, PCI_CONNECT_EXPRESS | PCI_CONNECT_HOTPLUG, &place, error);
    return full || pci_map_next(&plan->map, PCI_CONNECT_DEVICE | PCI_CONNECT_HOTPLUG, &place, error);
}

static bool plan_run(PciPlan *plan, bool grow, bool spare_port, GError **error)
{
    if (!pci_map_init(&plan->map, plan->domain, grow, error) || !plan_reserve_controllers(plan, error) ||
        !pci_each_endpoint(plan->domain, plan->map.express, plan_reserve, plan, error))
        return false;
    bool full = plan_is_full(&plan->map);
    if (!pci_place_chipset(plan->domain, &plan->map, error) || !plan_place_iommus(plan, error) ||
        !plan_place_controllers(plan, error) ||
        !pci_each_endpoint(plan->domain, plan->map.express, plan_place, plan, error))
        return false;
    return !grow || plan_spare(plan, full, spare_port, error);
}

/* Adds to @domain the PCI controllers that it lacks. */
static bool plan_rehearse(Domain *domain, bool spare_port, bool *ret_grew, GError **error)
{
    g_autoptr(Domain) copy = domain_copy(domain);
    PciPlan plan = { .domain = copy };
    bool ok = plan_run(&plan, true, spare_port, error);
    for (unsigned i = 0; ok && i < plan.map.n_buses; i++) {
        if (plan.map.buses[i].added)
            controllers_add(domain, CONTROLLER_TYPE_PCI, (int)i, plan.map.buses[i].model);
    }
    *ret_grew = plan.map.grew;
    pci_map_clear(&plan.map);
    return ok;
}

static bool plan_only_root(const Domain *domain)
{
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        if (domain->controllers[i]->type == CONTROLLER_TYPE_PCI && domain->controllers[i]->index)
            return false;
    }
    return true;
}

typedef struct {
    uint8_t functions[256][32];
} PciFunctions;

static bool functions_count(gpointer data, const PciEndpoint *endpoint, GError **error)
{
    PciFunctions *functions = data;
    const DomainAddress *a = endpoint->info->address;
    if (pci_address_is_set(a))
        functions->functions[a->bus & 255][a->slot & 31] |= (uint8_t)(1 << (a->function & 7));
    return true;
}

static bool functions_mark(gpointer data, const PciEndpoint *endpoint, GError **error)
{
    const PciFunctions *functions = data;
    DomainAddress *a = endpoint->info->address;
    if (pci_address_is_set(a) && !a->function && !a->multifunction &&
        functions->functions[a->bus & 255][a->slot & 31] & ~1)
        a->multifunction = TRI_YES;
    return true;
}

static void functions_each(Domain *domain, bool express, PciVisit visit, PciFunctions *functions)
{
    pci_each_endpoint(domain, express, visit, functions, NULL);
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        PciEndpoint endpoint = { .info = &domain->controllers[i]->info };
        if (domain->controllers[i]->type == CONTROLLER_TYPE_PCI && endpoint.info->address)
            visit(functions, &endpoint, NULL);
    }
}

static bool plan_refuse(gpointer data, const PciEndpoint *endpoint, GError **error)
{
    return error_set(error, VIR_ERR_XML_ERROR,
                     "a device needs PCI, which machine '%s' has not (its balloon is off by "
                     "<memballoon model='none'/>)",
                     (const char *)data);
}

bool rule_pci_addresses(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (!controllers_find(domain, CONTROLLER_TYPE_PCI, 0))
        return pci_each_endpoint(domain, false, plan_refuse, domain->os.machine, error);
    bool running = context->flags & DOMAIN_PARSE_ACTIVE;
    bool spare_port = plan_only_root(domain), grew = !running;
    while (grew) {
        if (!plan_rehearse(domain, spare_port, &grew, error))
            return false;
    }
    PciPlan plan = { .domain = domain, .running = running };
    bool ok = plan_run(&plan, false, false, error);
    g_autofree PciFunctions *functions = g_new0(PciFunctions, 1);
    if (ok) {
        functions_each(domain, plan.map.express, functions_count, functions);
        functions_each(domain, plan.map.express, functions_mark, functions);
    }
    pci_map_clear(&plan.map);
    return ok;
}

static bool controller_has_port(const DomainController *controller)
{
    return controller->model == CONTROLLER_MODEL_PCIE_ROOT_PORT ||
           controller->model == CONTROLLER_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT;
}

static void controller_pci_options(DomainController *controller)
{
    static const PciModelName names[CONTROLLER_MODEL_COUNT] = {
        [CONTROLLER_MODEL_PCI_BRIDGE] = PCI_MODEL_NAME_PCI_BRIDGE,
        [CONTROLLER_MODEL_DMI_TO_PCI_BRIDGE] = PCI_MODEL_NAME_I82801B11_BRIDGE,
        [CONTROLLER_MODEL_PCIE_TO_PCI_BRIDGE] = PCI_MODEL_NAME_PCIE_PCI_BRIDGE,
        [CONTROLLER_MODEL_PCIE_ROOT_PORT] = PCI_MODEL_NAME_PCIE_ROOT_PORT,
        [CONTROLLER_MODEL_PCIE_SWITCH_UPSTREAM_PORT] = PCI_MODEL_NAME_X3130_UPSTREAM,
        [CONTROLLER_MODEL_PCIE_SWITCH_DOWNSTREAM_PORT] = PCI_MODEL_NAME_XIO3130_DOWNSTREAM,
        [CONTROLLER_MODEL_PCI_EXPANDER_BUS] = PCI_MODEL_NAME_PXB,
        [CONTROLLER_MODEL_PCIE_EXPANDER_BUS] = PCI_MODEL_NAME_PXB_PCIE,
    };
    if (!controller->model_name)
        controller->model_name = names[controller->model];
    if (controller->model == CONTROLLER_MODEL_PCI_BRIDGE && !controller->chassis_nr_set) {
        controller->chassis_nr = (uint32_t)controller->index;
        controller->chassis_nr_set = true;
    }
    const DomainAddress *a = controller->info.address;
    if (controller_has_port(controller) && a) {
        if (!controller->chassis_set)
            controller->chassis = (uint32_t)controller->index;
        if (!controller->port_set)
            controller->port =
                controller->model == CONTROLLER_MODEL_PCIE_ROOT_PORT ? a->slot << 3 | a->function : a->slot;
        controller->chassis_set = controller->port_set = true;
    }
}

/* Expander buses get numbers from the top, far from those of the bridges. */
static void controller_bus_number(const Domain *domain, DomainController *controller)
{
    bool expander = controller->model == CONTROLLER_MODEL_PCI_EXPANDER_BUS ||
                    controller->model == CONTROLLER_MODEL_PCIE_EXPANDER_BUS;
    if (!expander || controller->bus_nr_set)
        return;
    uint32_t lowest = 256;
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        if (domain->controllers[i]->type == CONTROLLER_TYPE_PCI && domain->controllers[i]->bus_nr_set)
            lowest = MIN(lowest, domain->controllers[i]->bus_nr);
    }
    controller->bus_nr = lowest - 2;
    controller->bus_nr_set = true;
}

bool rule_pci_options(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        context->at = domain->controllers[i];
        DomainController *controller = domain->controllers[i];
        if (controller->type != CONTROLLER_TYPE_PCI)
            continue;
        controller_pci_options(controller);
        controller_bus_number(domain, controller);
        unsigned cells = domain->cpu ? domain->cpu->n_numa_cells : 0;
        if (controller->numa_node_set && controller->numa_node >= cells)
            return error_set(error, VIR_ERR_XML_ERROR, "PCI controller %d: the guest has no NUMA cell %u",
                             controller->index, controller->numa_node);
    }
    return true;
}
