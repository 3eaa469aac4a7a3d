/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-capabilities.h"

#include "host/host-sysfs.h"

#include <inttypes.h>
#include <string.h>

/* Appends with the arguments escaped for XML attributes and text. */
static void add(GString *xml, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add(GString *xml, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_markup_vprintf_escaped(format, args);
    va_end(args);
    g_string_append(xml, text);
}

static void add_cpu(GString *xml, const HostCapabilities *caps)
{
    const HostProcessor *processor = caps->processor;
    const HostTopology *topology = caps->topology;
    add(xml, "    <cpu>\n      <arch>%s</arch>\n", processor->arch);
    if (caps->cpu_model)
        add(xml, "      <model>%s</model>\n", caps->cpu_model);
    if (processor->vendor && caps->cpu_model)
        add(xml, "      <vendor>%s</vendor>\n", processor->vendor);
    if (processor->microcode)
        add(xml, "      <microcode version='%" PRIu64 "'/>\n", processor->microcode);
    if (processor->has_signature)
        add(xml, "      <signature family='%u' model='%u' stepping='%u'/>\n", processor->family, processor->model,
            processor->stepping);
    if (caps->tsc_khz)
        add(xml, "      <counter name='tsc' frequency='%" PRIu64 "' scaling='%s'/>\n", (uint64_t)caps->tsc_khz * 1000,
            caps->tsc_scaling ? "yes" : "no");
    add(xml, "      <topology sockets='%u' dies='%u' cores='%u' threads='%u'/>\n", topology->sockets, topology->dies,
        topology->cores / topology->dies, topology->threads);
    if (processor->phys_bits)
        add(xml, "      <maxphysaddr mode='emulate' bits='%u'/>\n", processor->phys_bits);
    for (const char *const *name = caps->cpu_model ? caps->cpu_features : NULL; name && *name; name++)
        add(xml, "      <feature name='%s'/>\n", *name);
    g_autoptr(GArray) sizes = host_topology_page_sizes(caps->sysroot);
    for (guint i = 0; i < sizes->len; i++)
        add(xml, "      <pages unit='KiB' size='%u'/>\n", g_array_index(sizes, unsigned, i));
    g_string_append(xml, "    </cpu>\n");
}

static bool has_word(const char *text, const char *word)
{
    g_auto(GStrv) words = g_strsplit_set(text ? text : "", " []\n", -1);
    return g_strv_contains((const char *const *)words, word);
}

/* What the kernel can do to save power; how it would be asked (systemd, /sys/power/state) is not said here. */
static void add_power(GString *xml, const char *sysroot)
{
    g_autofree char *state = host_sysfs_read(sysroot, "/sys/power/state");
    g_autofree char *disk = host_sysfs_read(sysroot, "/sys/power/disk");
    bool mem = has_word(state, "mem"), to_disk = has_word(state, "disk"), hybrid = to_disk && has_word(disk, "suspend");
    if (!mem && !to_disk) {
        g_string_append(xml, "    <power_management/>\n");
        return;
    }
    g_string_append(xml, "    <power_management>\n");
    if (mem)
        g_string_append(xml, "      <suspend_mem/>\n");
    if (to_disk)
        g_string_append(xml, "      <suspend_disk/>\n");
    if (hybrid)
        g_string_append(xml, "      <suspend_hybrid/>\n");
    g_string_append(xml, "    </power_management>\n");
}

static void add_migration(GString *xml, const char *const *transports)
{
    if (!transports)
        return;
    g_string_append(xml, "    <migration_features>\n      <live/>\n      <uri_transports>\n");
    for (; *transports; transports++)
        add(xml, "        <uri_transport>%s</uri_transport>\n", *transports);
    g_string_append(xml, "      </uri_transports>\n    </migration_features>\n");
}

static void add_cell_cpu(GString *xml, const HostCpu *cpu)
{
    if (!cpu->online) {
        add(xml, "            <cpu id='%u'/>\n", cpu->id);
        return;
    }
    g_autofree char *siblings = cpuset_format(cpu->siblings);
    add(xml, "            <cpu id='%u' socket_id='%u' die_id='%u' core_id='%u' siblings='%s'/>\n", cpu->id,
        cpu->socket_id, cpu->die_id, cpu->core_id, siblings);
}

static void add_cell(GString *xml, const HostTopology *topology, const HostCell *cell)
{
    add(xml, "        <cell id='%u'>\n          <memory unit='KiB'>%" PRIu64 "</memory>\n", cell->id, cell->memory_kib);
    for (guint i = 0; i < cell->pages->len; i++) {
        const HostPages *pages = &g_array_index(cell->pages, HostPages, i);
        add(xml, "          <pages unit='KiB' size='%u'>%" PRIu64 "</pages>\n", pages->size_kib, pages->count);
    }
    if (cell->distances->len > 0) {
        g_string_append(xml, "          <distances>\n");
        for (guint i = 0; i < cell->distances->len && i < topology->cells->len; i++) {
            const HostCell *sibling = g_ptr_array_index(topology->cells, i);
            add(xml, "            <sibling id='%u' value='%u'/>\n", sibling->id,
                g_array_index(cell->distances, unsigned, i));
        }
        g_string_append(xml, "          </distances>\n");
    }
    add(xml, "          <cpus num='%u'>\n", cell->cpus->len);
    for (guint i = 0; i < cell->cpus->len; i++)
        add_cell_cpu(xml, &g_array_index(cell->cpus, HostCpu, i));
    g_string_append(xml, "          </cpus>\n        </cell>\n");
}

static void add_topology(GString *xml, const HostTopology *topology)
{
    add(xml, "    <topology>\n      <cells num='%u'>\n", topology->cells->len);
    for (guint i = 0; i < topology->cells->len; i++)
        add_cell(xml, topology, g_ptr_array_index(topology->cells, i));
    g_string_append(xml, "      </cells>\n    </topology>\n");
}

static void add_caches(GString *xml, const HostTopology *topology)
{
    if (topology->caches->len == 0)
        return;
    g_string_append(xml, "    <cache>\n");
    for (guint i = 0; i < topology->caches->len; i++) {
        const HostCache *cache = g_ptr_array_index(topology->caches, i);
        bool mib = cache->size_kib >= 1024 && cache->size_kib % 1024 == 0;
        g_autofree char *cpus = cpuset_format(cache->cpus);
        add(xml, "      <bank id='%u' level='%u' type='%s' size='%" PRIu64 "' unit='%s' cpus='%s'/>\n", cache->id,
            cache->level, cache->type, mib ? cache->size_kib / 1024 : cache->size_kib, mib ? "MiB" : "KiB", cpus);
    }
    g_string_append(xml, "    </cache>\n");
}

static void add_security(GString *xml, const HostCapabilities *caps)
{
    for (unsigned i = 0; i < caps->n_security; i++) {
        const HostSecurityModel *security = &caps->security[i];
        add(xml, "    <secmodel>\n      <model>%s</model>\n      <doi>%s</doi>\n", security->model, security->doi);
        if (security->base_label) {
            add(xml, "      <baselabel type='kvm'>%s</baselabel>\n", security->base_label);
            add(xml, "      <baselabel type='qemu'>%s</baselabel>\n", security->base_label);
        }
        g_string_append(xml, "    </secmodel>\n");
    }
}

static void add_machine(GString *xml, const char *name, const char *canonical, const HostGuestMachine *machine)
{
    g_string_append(xml, "      <machine");
    if (canonical)
        add(xml, " canonical='%s'", canonical);
    if (machine->max_cpus)
        add(xml, " maxCpus='%u'", machine->max_cpus);
    if (machine->deprecated)
        g_string_append(xml, " deprecated='yes'");
    add(xml, ">%s</machine>\n", name);
}

static void add_guest(GString *xml, const HostGuest *guest)
{
    bool x86 = strcmp(guest->arch, "x86_64") == 0 || strcmp(guest->arch, "i686") == 0;
    bool acpi = x86 || strcmp(guest->arch, "aarch64") == 0;
    add(xml, "  <guest>\n    <os_type>hvm</os_type>\n    <arch name='%s'>\n", guest->arch);
    add(xml, "      <wordsize>%u</wordsize>\n      <emulator>%s</emulator>\n", guest->word_size, guest->emulator);
    for (unsigned i = 0; i < guest->n_machines; i++) {
        const HostGuestMachine *machine = &guest->machines[i];
        add_machine(xml, machine->name, NULL, machine);
        if (machine->alias)
            add_machine(xml, machine->alias, machine->name, machine);
    }
    g_string_append(xml, "      <domain type='qemu'/>\n");
    if (guest->kvm)
        g_string_append(xml, "      <domain type='kvm'/>\n");
    g_string_append(xml, "    </arch>\n    <features>\n");
    if (strcmp(guest->arch, "i686") == 0)
        g_string_append(xml, "      <pae/>\n      <nonpae/>\n");
    if (acpi)
        g_string_append(xml, "      <acpi default='on' toggle='yes'/>\n");
    if (x86)
        g_string_append(xml, "      <apic default='on' toggle='no'/>\n");
    g_string_append(xml, "      <cpuselection/>\n      <deviceboot/>\n"
                         "      <disksnapshot default='on' toggle='no'/>\n    </features>\n  </guest>\n\n");
}

char *host_capabilities_format(const HostCapabilities *capabilities)
{
    GString *xml = g_string_new("<capabilities>\n\n  <host>\n");
    char uuid[UUID_TEXT_SIZE];
    uuid_format(&capabilities->uuid, uuid);
    add(xml, "    <uuid>%s</uuid>\n", uuid);
    add_cpu(xml, capabilities);
    add_power(xml, capabilities->sysroot);
    g_autoptr(GPtrArray) groups = host_sysfs_list(capabilities->sysroot, "/sys/kernel/iommu_groups");
    add(xml, "    <iommu support='%s'/>\n", groups->len > 0 ? "yes" : "no");
    add_migration(xml, capabilities->migration_transports);
    add_topology(xml, capabilities->topology);
    add_caches(xml, capabilities->topology);
    add_security(xml, capabilities);
    g_string_append(xml, "  </host>\n\n");
    for (unsigned i = 0; i < capabilities->n_guests; i++)
        add_guest(xml, &capabilities->guests[i]);
    g_string_append(xml, "</capabilities>\n");
    return g_string_free(xml, FALSE);
}

Uuid host_capabilities_uuid(const char *sysroot, bool use_smbios)
{
    static const char *const files[] = { "/sys/class/dmi/id/product_uuid", "/etc/machine-id" };
    for (unsigned i = use_smbios ? 0 : 1; i < G_N_ELEMENTS(files); i++) {
        Uuid uuid;
        g_autofree char *text = host_sysfs_read(sysroot, "%s", files[i]);
        if (text && uuid_parse(text, &uuid) && !uuid_is_null(&uuid))
            return uuid;
    }
    return uuid_random();
}
