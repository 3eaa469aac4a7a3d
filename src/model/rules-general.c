/* SPDX-License-Identifier: Apache-2.0 */
/* The guest as a whole: name, machine, memory, vCPUs, CPU, clock. */
#include "base/cpuset.h"
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

bool rule_name(RuleContext *context, GError **error)
{
    const char *name = context->domain->name;
    if (!name || !*name)
        return error_set(error, VIR_ERR_XML_ERROR, "the guest has no <name>");
    if (strchr(name, '/') || strchr(name, '\n'))
        return error_set(error, VIR_ERR_XML_ERROR, "guest name '%s': '/' and line breaks are not allowed in it", name);
    if (context->domain->title && strchr(context->domain->title, '\n'))
        return error_set(error, VIR_ERR_XML_ERROR, "<title>: line breaks are not allowed in it; use <description>");
    return true;
}

bool rule_uuid(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (uuid_is_null(&domain->uuid))
        domain->uuid = uuid_random();
    if (domain->genid_given && !domain->genid_set) {
        domain->genid = uuid_random();
        domain->genid_set = true;
    }
    return true;
}

bool rule_machine(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    const ModelHost *host = context->host;
    if (domain->os.os_type == OS_TYPE_UNSET)
        return error_set(error, VIR_ERR_XML_ERROR, "guest '%s': <os><type>hvm</type></os> is missing", domain->name);
    if (!domain->os.arch)
        domain->os.arch = g_strdup(host->native_arch);
    const char *usual = host->emulator(host, domain->os.arch);
    if (!usual && !domain->emulator)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "no emulator is installed for arch '%s'", domain->os.arch);
    if (domain->virt_type == VIRT_TYPE_KVM && !host->has_kvm(host, domain->os.arch))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "guest '%s': KVM is not available here for arch '%s'; use <domain type='qemu'>", domain->name,
                         domain->os.arch);
    if (!domain->emulator)
        domain->emulator = g_strdup(usual);
    if (!host->check_emulator(host, domain->emulator, error))
        return false;
    const char *native = host->emulator(host, "x86_64");
    if (g_strcmp0(domain->emulator, usual) && !g_strcmp0(domain->os.arch, "x86_64") &&
        !g_strcmp0(domain->emulator, host->emulator(host, "i686")) && native)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "emulator '%s' cannot run arch 'x86_64'; use '%s'",
                         domain->emulator, native);
    const char *machine = host->machine(host, domain->emulator, domain->os.arch, domain->os.machine);
    if (!machine)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "emulator '%s' has no machine type '%s' for arch '%s'",
                         domain->emulator, domain->os.machine ? domain->os.machine : "(default)", domain->os.arch);
    if (g_strcmp0(machine, domain->os.machine)) {
        g_free(domain->os.machine);
        domain->os.machine = g_strdup(machine);
    }
    return true;
}

#define BOOT_DEVICES 4 /* there are no more kinds */

/* A guest that says nothing of how it boots boots from its first disk, as PCs do. */
bool rule_boot(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (domain->os.bootmenu != TRI_YES)
        domain->os.bootmenu_timeout_set = false;
    bool by_device = false;
    g_autoptr(GHashTable) orders = g_hash_table_new(NULL, NULL);
    for (unsigned kind = 0; kind < DOMAIN_DEVICE_COUNT; kind++) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        void **devices = domain_device_list(row, domain);
        for (unsigned i = 0; i < *domain_device_count(row, domain); i++) {
            context->at = devices[i];
            const DomainDeviceInfo *info = domain_device_info(row, devices[i]);
            if (!info || !info->boot_order)
                continue;
            by_device = true;
            if (!g_hash_table_add(orders, GUINT_TO_POINTER(info->boot_order)))
                return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<boot order='%u'/> is used by two devices",
                                 info->boot_order);
        }
    }
    if (by_device && domain->os.n_boot)
        return error_set(
            error, VIR_ERR_CONFIG_UNSUPPORTED,
            "<boot dev='…'/> in <os> and <boot order='…'/> in devices exclude each other; keep one of them");
    while (domain->os.n_boot > BOOT_DEVICES)
        model_free(&model_domain_boot, model_list_steal(&domain->os.boot, &domain->os.n_boot, domain->os.n_boot - 1));
    if (!by_device && !domain->os.n_boot) {
        DomainBoot *boot = g_new0(DomainBoot, 1);
        boot->dev = BOOT_DEVICE_HD;
        model_list_insert(&domain->os.boot, &domain->os.n_boot, 0, boot);
    }
    return true;
}

bool rule_memory(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    uint64_t numa = 0, modules = 0;
    for (unsigned i = 0; domain->cpu && i < domain->cpu->n_numa_cells; i++)
        numa += domain->cpu->numa_cells[i]->memory;
    for (unsigned i = 0; i < domain->n_memories; i++)
        modules += domain->memories[i]->size;
    if (numa)
        domain->memory = numa + modules;
    if (modules && modules >= domain->memory)
        return error_set(error, VIR_ERR_XML_ERROR, "<memory>: %llu KiB, but the modules alone have %llu KiB",
                         (unsigned long long)domain->memory, (unsigned long long)modules);
    if (!domain->memory)
        return error_set(error, VIR_ERR_XML_ERROR, "guest '%s': no memory; give it by <memory> or by <numa> cells",
                         domain->name);
    if (!domain->current_memory || domain->current_memory > domain->memory)
        domain->current_memory = domain->memory;
    if (!domain->max_memory != !domain->memory_slots)
        return error_set(error, VIR_ERR_XML_ERROR, "<maxMemory>: both the size and the attribute 'slots' are needed");
    if (domain->max_memory && !(domain->cpu && domain->cpu->n_numa_cells))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<maxMemory>: memory can be added only to a guest with <cpu><numa> cells");
    if (domain->max_memory && domain->max_memory < domain->memory)
        return error_set(error, VIR_ERR_XML_ERROR, "<maxMemory> of %llu KiB is less than <memory>, %llu KiB",
                         (unsigned long long)domain->max_memory, (unsigned long long)domain->memory);
    return true;
}

#define VCPUS_WITHOUT_EIM 255

/* <vcpus> says vCPU by vCPU which are on. */
static bool vcpus_of_list(Domain *domain, GError **error)
{
    if (!domain->n_vcpu_list)
        return true;
    unsigned on = domain->max_vcpus;
    for (unsigned i = 0; i < domain->n_vcpu_list; i++) {
        const DomainVcpu *vcpu = domain->vcpu_list[i];
        if (vcpu->id >= domain->max_vcpus)
            return error_set(error, VIR_ERR_XML_ERROR, "<vcpus>: vCPU %u does not exist", vcpu->id);
        if (vcpu->enabled == TRI_NO && (!vcpu->id || vcpu->hotpluggable == TRI_NO))
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<vcpus>: vCPU %u cannot be off", vcpu->id);
        on -= vcpu->enabled == TRI_NO;
    }
    if (domain->n_vcpu_list < domain->max_vcpus)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<vcpus>: there must be one <vcpu> for each of the %u vCPUs", domain->max_vcpus);
    domain->vcpus = on;
    return true;
}

bool rule_vcpus(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (!domain->max_vcpus && domain->vcpu_given)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "<vcpu>: a guest needs at least one vCPU");
    if (!domain->max_vcpus)
        domain->max_vcpus = 1;
    if (!vcpus_of_list(domain, error))
        return false;
    if (domain->vcpus > domain->max_vcpus)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<vcpu current='%u'>%u</vcpu>: more vCPUs on than there are", domain->vcpus,
                         domain->max_vcpus);
    if (domain->vcpus == domain->max_vcpus)
        domain->vcpus = 0;
    if (!domain->vcpu_placement)
        domain->vcpu_placement = VCPU_PLACEMENT_STATIC;
    if (domain->vcpu_placement == VCPU_PLACEMENT_AUTO)
        g_clear_pointer(&domain->vcpu_cpuset, g_free);
    const DomainIommu *iommu = domain->n_iommus ? domain->iommus[0] : NULL;
    if (domain->max_vcpus > VCPUS_WITHOUT_EIM && machine_is_x86(domain) && !(iommu && iommu->eim == TRI_YES))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "more than %d vCPUs need <iommu model='intel'><driver intremap='on' eim='on'/></iommu>",
                         VCPUS_WITHOUT_EIM);
    unsigned limit = context->host->max_vcpus(context->host, domain->emulator, domain->os.arch, domain->os.machine,
                                              domain->virt_type == VIRT_TYPE_KVM);
    if (limit && domain->max_vcpus > limit)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "machine type '%s' takes at most %u vCPUs, not %u",
                         domain->os.machine, limit, domain->max_vcpus);
    return true;
}

static void cpu_default_model(RuleContext *context, DomainCpu *cpu)
{
    const Domain *domain = context->domain;
    const char *model = context->host->default_cpu(context->host, domain->emulator, domain->os.arch, domain->os.machine,
                                                   domain->virt_type == VIRT_TYPE_KVM);
    if (!model)
        return;
    cpu->mode = CPU_MODE_CUSTOM;
    cpu->match = CPU_MATCH_EXACT;
    cpu->check = CPU_CHECK_NONE;
    cpu->fallback = CPU_FALLBACK_FORBID;
    g_free(cpu->model);
    cpu->model = g_strdup(model);
}

static bool cpu_disables(const DomainCpu *cpu, const char *name)
{
    for (unsigned i = 0; i < cpu->n_features; i++) {
        if (!strcmp(cpu->features[i]->name, name))
            return cpu->features[i]->policy == CPU_POLICY_DISABLE;
    }
    return false;
}

static void cpu_complete(const Domain *domain, DomainCpu *cpu)
{
    if (cpu->mode == CPU_MODE_CUSTOM) {
        if (!cpu->match)
            cpu->match = CPU_MATCH_EXACT;
        if (!cpu->fallback)
            cpu->fallback = CPU_FALLBACK_ALLOW;
        if (!cpu->check)
            cpu->check = domain->virt_type == VIRT_TYPE_KVM ? CPU_CHECK_PARTIAL : CPU_CHECK_NONE;
        return;
    }
    cpu->match = CPU_MATCH_UNSET;
    if (!cpu->check)
        cpu->check = cpu->mode == CPU_MODE_HOST_MODEL ? CPU_CHECK_PARTIAL : CPU_CHECK_NONE;
    if (!cpu->migratable && cpu->mode == CPU_MODE_HOST_PASSTHROUGH)
        cpu->migratable = cpu_disables(cpu, "invtsc") ? TRI_NO : TRI_YES;
    if (!cpu->model)
        cpu->fallback = CPU_FALLBACK_UNSET;
    else if (!cpu->fallback)
        cpu->fallback = CPU_FALLBACK_ALLOW;
}

bool rule_cpu(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    DomainCpu *cpu = domain->cpu;
    if (!cpu)
        cpu = domain->cpu = g_new0(DomainCpu, 1);
    if (!cpu->mode && cpu->model)
        cpu->mode = CPU_MODE_CUSTOM;
    if (!cpu->model && (!cpu->mode || cpu->mode == CPU_MODE_CUSTOM))
        cpu_default_model(context, cpu);
    else
        cpu_complete(domain, cpu);
    return true;
}

bool rule_cpu_topology(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    DomainCpu *cpu = domain->cpu;
    if (cpu->maxphysaddr_mode == CPU_MAXPHYSADDR_MODE_EMULATE && !cpu->maxphysaddr_bits)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<maxphysaddr mode='emulate'>: attribute 'bits' is missing");
    if (cpu->maxphysaddr_mode == CPU_MAXPHYSADDR_MODE_PASSTHROUGH && cpu->maxphysaddr_bits)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<maxphysaddr mode='passthrough'> takes no attribute 'bits'");
    if (!cpu->sockets && !cpu->cores && !cpu->threads)
        return true;
    if (!cpu->sockets || !cpu->cores || !cpu->threads)
        return error_set(error, VIR_ERR_XML_ERROR,
                         "<topology>: sockets, cores and threads are all needed, none may be 0");
    if (!cpu->dies)
        cpu->dies = 1;
    uint64_t product = (uint64_t)cpu->sockets * cpu->dies * cpu->cores * cpu->threads;
    if (product != domain->max_vcpus)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<topology> makes %llu CPUs, <vcpu> says %u",
                         (unsigned long long)product, domain->max_vcpus);
    return true;
}

static bool numa_number_cells(DomainCpu *cpu, GError **error)
{
    static const char complaint[] =
        "<cell>: ids must be 0, 1, 2 … without gap and each only once; or leave them all out";
    g_autofree DomainNumaCell **ordered = g_new0(DomainNumaCell *, cpu->n_numa_cells);
    bool numbered = cpu->numa_cells[0]->id_set;
    for (unsigned i = 0; i < cpu->n_numa_cells; i++) {
        DomainNumaCell *cell = cpu->numa_cells[i];
        if (cell->id_set != numbered)
            return error_set(error, VIR_ERR_XML_ERROR, complaint);
        unsigned id = numbered ? cell->id : i;
        if (id >= cpu->n_numa_cells || ordered[id])
            return error_set(error, VIR_ERR_XML_ERROR, complaint);
        cell->id = id;
        cell->id_set = true;
        ordered[id] = cell;
    }
    memcpy(cpu->numa_cells, ordered, cpu->n_numa_cells * sizeof *ordered);
    return true;
}

/* vCPUs that no cell claims belong to the first one. */
static void numa_claim_rest(DomainCpu *cpu, Cpuset *taken, unsigned vcpus)
{
    g_autoptr(Cpuset) first =
        cpu->numa_cells[0]->cpus ? cpuset_parse(cpu->numa_cells[0]->cpus, NULL) : cpuset_new(vcpus);
    bool changed = false;
    for (unsigned i = 0; i < vcpus; i++) {
        if (!cpuset_has(taken, i)) {
            cpuset_add(first, i);
            changed = true;
        }
    }
    if (changed) {
        g_free(cpu->numa_cells[0]->cpus);
        cpu->numa_cells[0]->cpus = cpuset_format(first);
    }
}

static bool numa_distances(DomainCpu *cpu, GError **error)
{
    for (unsigned i = 0; i < cpu->n_numa_cells; i++) {
        for (unsigned k = 0; k < cpu->numa_cells[i]->n_distances; k++) {
            const DomainNumaDistance *distance = cpu->numa_cells[i]->distances[k];
            if (distance->id >= cpu->n_numa_cells)
                return error_set(error, VIR_ERR_XML_ERROR, "<cell id='%u'>: <sibling id='%u'> is no cell of the guest",
                                 i, distance->id);
            if (distance->value < 10 || distance->value > 255 || (distance->id == i && distance->value != 10))
                return error_set(error, VIR_ERR_XML_ERROR,
                                 "<cell id='%u'>: <sibling id='%u' value='%u'>: 10 to itself, 11 to 255 to others", i,
                                 distance->id, distance->value);
        }
    }
    return true;
}

static DomainNumaDistance *numa_distance(const DomainNumaCell *cell, uint32_t to)
{
    for (unsigned k = 0; k < cell->n_distances; k++) {
        if (cell->distances[k]->id == to)
            return cell->distances[k];
    }
    return NULL;
}

/* Who gives some distances gets the whole matrix: mirrored where one direction is known, else 10 and 20. */
static void numa_complete_distances(DomainCpu *cpu)
{
    unsigned n = cpu->n_numa_cells, given = 0;
    for (unsigned i = 0; i < n; i++)
        given += cpu->numa_cells[i]->n_distances;
    for (unsigned i = 0; given && i < n; i++) {
        DomainNumaDistance **row = g_new0(DomainNumaDistance *, n);
        for (unsigned k = 0; k < n; k++) {
            const DomainNumaDistance *here = numa_distance(cpu->numa_cells[i], k),
                                     *back = numa_distance(cpu->numa_cells[k], i);
            row[k] = g_new0(DomainNumaDistance, 1);
            row[k]->id = k;
            row[k]->value = here ? here->value : back ? back->value : i == k ? 10 : 20;
        }
        for (unsigned k = 0; k < cpu->numa_cells[i]->n_distances; k++)
            model_free(&model_domain_numa_distance, cpu->numa_cells[i]->distances[k]);
        g_free(cpu->numa_cells[i]->distances);
        cpu->numa_cells[i]->distances = row;
        cpu->numa_cells[i]->n_distances = n;
    }
}

bool rule_numa(RuleContext *context, GError **error)
{
    const Domain *domain = context->domain;
    DomainCpu *cpu = domain->cpu;
    if (!cpu || !cpu->n_numa_cells)
        return true;
    if (!numa_number_cells(cpu, error))
        return false;
    g_autoptr(Cpuset) taken = cpuset_new(domain->max_vcpus);
    for (unsigned i = 0; i < cpu->n_numa_cells; i++) {
        g_autoptr(Cpuset) cpus = cpu->numa_cells[i]->cpus ? cpuset_parse(cpu->numa_cells[i]->cpus, NULL) : NULL;
        for (unsigned k = 0; cpus && k < cpuset_end(cpus); k++) {
            if (!cpuset_has(cpus, k))
                continue;
            if (cpuset_has(taken, k))
                return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<cell id='%u'>: vCPU %u is in another cell too", i,
                                 k);
            cpuset_add(taken, k);
        }
    }
    if (cpuset_end(taken) > domain->max_vcpus)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "<numa>: vCPU %u is in a cell, but the guest has only %u",
                         cpuset_end(taken) - 1, domain->max_vcpus);
    numa_claim_rest(cpu, taken, domain->max_vcpus);
    if (!numa_distances(cpu, error))
        return false;
    numa_complete_distances(cpu);
    return true;
}

bool rule_clock(RuleContext *context, GError **error)
{
    DomainClock *clock = &context->domain->clock;
    if (clock->adjustment && strcmp(clock->adjustment, "reset")) {
        char *number = g_strdup_printf("%lld", (long long)g_ascii_strtoll(clock->adjustment, NULL, 10));
        g_free(clock->adjustment);
        clock->adjustment = number;
    }
    if (clock->offset == CLOCK_OFFSET_VARIABLE) {
        if (!clock->adjustment)
            clock->adjustment = g_strdup("0");
        if (!clock->basis)
            clock->basis = CLOCK_BASIS_UTC;
    } else if (clock->adjustment && strcmp(clock->adjustment, "reset")) {
        clock->basis = clock->offset == CLOCK_OFFSET_UTC ? CLOCK_BASIS_UTC : CLOCK_BASIS_LOCALTIME;
        clock->offset = CLOCK_OFFSET_VARIABLE;
    }
    if (clock->offset == CLOCK_OFFSET_TIMEZONE && !clock->timezone)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "<clock offset='timezone'>: attribute 'timezone' is missing");
    return true;
}
