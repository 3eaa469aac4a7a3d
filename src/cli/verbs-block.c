/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/table.h"
#include "cli/typed-params.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <string.h>

/* Whatever names the source of a disk or interface. */
#define DISK_SOURCE                                                                                                    \
    "source/@*[local-name()='file' or local-name()='dev' or local-name()='dir' or local-name()='volume' or "           \
    "local-name()='name']"

static bool verb_domblklist(Shell *shell, const Args *args, GError **error)
{
    static const Column brief[] = { { "target", N_("Target"), CELL_TEXT },
                                    { "source", N_("Source"), CELL_TEXT },
                                    { 0 } };
    static const Column detailed[] = { { "type", N_("Type"), CELL_TEXT },
                                       { "device", N_("Device"), CELL_TEXT },
                                       { "target", N_("Target"), CELL_TEXT },
                                       { "source", N_("Source"), CELL_TEXT },
                                       { 0 } };
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(GuestXml) xml = { 0 };
    bool details = args_has(args, "details") || output_is_json(shell->output);
    if (!guest_find(shell, args, &guest, error) ||
        !guest_xml_get(shell, &guest, args_has(args, "inactive") ? VIR_DOMAIN_XML_INACTIVE : 0, &xml, error))
        return false;
    g_autoptr(Table) table = table_new(details ? detailed : brief);
    xmlXPathObject *disks = guest_xml_find(&xml, "/domain/devices/disk");
    for (int i = 0; disks->nodesetval && i < disks->nodesetval->nodeNr; i++) {
        xmlNode *disk = disks->nodesetval->nodeTab[i];
        g_autofree char *type = guest_xml_text(&xml, disk, "@type");
        g_autofree char *device = guest_xml_text(&xml, disk, "@device");
        g_autofree char *target = guest_xml_text(&xml, disk, "target/@dev");
        g_autofree char *source = guest_xml_text(&xml, disk, DISK_SOURCE);
        if (details)
            table_row(table, type, device, target, source);
        else
            table_row(table, target, source);
    }
    xmlXPathFreeObject(disks);
    table_print(table, shell->output, "disks");
    return true;
}

static const struct {
    const char *name; /* of the parameter and the JSON key */
    const char *shown;
    const char *words;
} block_stats[] = {
    { "rd_operations", "rd_req", N_("number of read operations:") },
    { "rd_bytes", "rd_bytes", N_("number of bytes read:") },
    { "wr_operations", "wr_req", N_("number of write operations:") },
    { "wr_bytes", "wr_bytes", N_("number of bytes written:") },
    { "errs", "errs", N_("error count:") },
    { "flush_operations", "flush_operations", N_("number of flush operations:") },
    { "rd_total_times", "rd_total_times", N_("total duration of reads (ns):") },
    { "wr_total_times", "wr_total_times", N_("total duration of writes (ns):") },
    { "flush_total_times", "flush_total_times", N_("total duration of flushes (ns):") },
};

static void print_block_stat(Shell *shell, const char *device, bool human, size_t row, int64_t value)
{
    Output *output = shell->output;
    output_json_number(output, block_stats[row].shown, value);
    if (human) {
        const char *words = _(block_stats[row].words);
        output_line(output, " %s%*s %" PRId64, words, MAX(31 - table_display_width(words), 0), "", value);
    } else {
        output_line(output, "%s %s %" PRId64, device, block_stats[row].shown, value);
    }
}

static bool verb_domblkstat(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainBlockStatsFlagsRet) count = { 0 }, stats = { 0 };
    /* No device: the sum of all. */
    const char *device = args_has(args, "device") ? args_string(args, "device") : "";
    bool human = args_has(args, "human");
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to get block stats for domain '%s' device '%s'"), guest.name, device);
    if (!lodge_domain_block_stats_flags(shell->connection, &guest, device, 0, 0, &count, error) ||
        !lodge_domain_block_stats_flags(shell->connection, &guest, device, count.nparams, 0, &stats, error))
        return false;
    output_json_text(shell->output, "device", *device ? device : NULL);
    if (human)
        output_line(shell->output, _("Device: %s"), device);
    for (size_t i = 0; i < G_N_ELEMENTS(block_stats); i++) {
        int64_t value;
        if (typed_params_number(stats.params, stats.n_params, block_stats[i].name, &value) && value >= 0)
            print_block_stat(shell, device, human, i, value);
    }
    return true;
}

static char *size_text(uint64_t bytes, bool human)
{
    return human ? output_human_size(bytes) : g_strdup_printf("%" PRIu64, bytes);
}

static bool print_all_blocks(Shell *shell, const LodgeDomain *guest, bool human, GError **error)
{
    static const Column columns[] = { { "target", N_("Target"), CELL_TEXT },
                                      { "capacity", N_("Capacity"), CELL_NUMBER },
                                      { "allocation", N_("Allocation"), CELL_NUMBER },
                                      { "physical", N_("Physical"), CELL_NUMBER },
                                      { 0 } };
    g_auto(GuestXml) xml = { 0 };
    if (!guest_xml_get(shell, guest, 0, &xml, error))
        return false;
    g_autoptr(Table) table = table_new(columns);
    xmlXPathObject *targets = guest_xml_find(&xml, "/domain/devices/disk/target/@dev");
    for (int i = 0; targets->nodesetval && i < targets->nodesetval->nodeNr; i++) {
        LodgeDomainGetBlockInfoRet info;
        xmlChar *target = xmlNodeGetContent(targets->nodesetval->nodeTab[i]);
        /* An empty drive has no sizes: its row says so. */
        if (lodge_domain_get_block_info(shell->connection, guest, (char *)target, 0, &info, NULL)) {
            g_autofree char *capacity = size_text(info.capacity, human),
                            *allocation = size_text(info.allocation, human);
            g_autofree char *physical = size_text(info.physical, human);
            table_row(table, (char *)target, capacity, allocation, physical);
        } else {
            table_row(table, (char *)target, NULL, NULL, NULL);
        }
        xmlFree(target);
    }
    xmlXPathFreeObject(targets);
    table_print(table, shell->output, "disks");
    return true;
}

static bool verb_domblkinfo(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    LodgeDomainGetBlockInfoRet info;
    const char *device = args_string(args, "device");
    bool human = args_has(args, "human") && !output_is_json(shell->output);
    if (!device == !args_has(args, "all"))
        return error_set(error, VIR_ERR_INVALID_ARG, _("command 'domblkinfo' requires either <device> or --all"));
    if (!guest_find(shell, args, &guest, error))
        return false;
    if (!device)
        return print_all_blocks(shell, &guest, human, error);
    if (!lodge_domain_get_block_info(shell->connection, &guest, device, 0, &info, error))
        return false;
    g_autofree char *capacity = size_text(info.capacity, human), *allocation = size_text(info.allocation, human);
    g_autofree char *physical = size_text(info.physical, human);
    output_number_as(shell->output, "capacity", _("Capacity:"), (double)info.capacity, capacity);
    output_number_as(shell->output, "allocation", _("Allocation:"), (double)info.allocation, allocation);
    output_number_as(shell->output, "physical", _("Physical:"), (double)info.physical, physical);
    return true;
}

static bool verb_domblkerror(Shell *shell, const Args *args, GError **error)
{
    static const char *const words[] = { N_("no error"), N_("unspecified error"), N_("no space") };
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetDiskErrorsRet) count = { 0 }, found = { 0 };
    if (!guest_find(shell, args, &guest, error) ||
        !lodge_domain_get_disk_errors(shell->connection, &guest, 0, 0, &count, error))
        return false;
    if (count.nerrors > 0 &&
        !lodge_domain_get_disk_errors(shell->connection, &guest, (uint32_t)count.nerrors, 0, &found, error))
        return false;
    if (!found.n_errors)
        output_line(shell->output, "%s", _("No errors found"));
    output_begin_list(shell->output, "errors");
    for (uint32_t i = 0; i < found.n_errors; i++) {
        int32_t code = found.errors[i].error;
        const char *word = code >= 0 && (size_t)code < G_N_ELEMENTS(words) ? words[code] : N_("unspecified error");
        output_line(shell->output, "%s: %s", found.errors[i].disk, _(word));
        output_begin_object(shell->output, NULL);
        output_json_text(shell->output, "disk", found.errors[i].disk);
        output_json_text(shell->output, "error", word);
        output_end_object(shell->output);
    }
    output_end_list(shell->output);
    return true;
}

static bool verb_domiflist(Shell *shell, const Args *args, GError **error)
{
    static const Column columns[] = { { "interface", N_("Interface"), CELL_TEXT },
                                      { "type", N_("Type"), CELL_TEXT },
                                      { "source", N_("Source"), CELL_TEXT },
                                      { "model", N_("Model"), CELL_TEXT },
                                      { "mac", N_("MAC"), CELL_TEXT },
                                      { 0 } };
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(GuestXml) xml = { 0 };
    if (!guest_find(shell, args, &guest, error) ||
        !guest_xml_get(shell, &guest, args_has(args, "inactive") ? VIR_DOMAIN_XML_INACTIVE : 0, &xml, error))
        return false;
    g_autoptr(Table) table = table_new(columns);
    xmlXPathObject *interfaces = guest_xml_find(&xml, "/domain/devices/interface");
    for (int i = 0; interfaces->nodesetval && i < interfaces->nodesetval->nodeNr; i++) {
        xmlNode *node = interfaces->nodesetval->nodeTab[i];
        g_autofree char *target = guest_xml_text(&xml, node, "target/@dev");
        g_autofree char *type = guest_xml_text(&xml, node, "@type");
        g_autofree char *attribute = g_strdup_printf("source/@%s", g_strcmp0(type, "direct") ? type : "dev");
        g_autofree char *source = guest_xml_text(&xml, node, attribute);
        g_autofree char *model = guest_xml_text(&xml, node, "model/@type");
        g_autofree char *mac = guest_xml_text(&xml, node, "mac/@address");
        table_row(table, target, type, source, model, mac);
    }
    xmlXPathFreeObject(interfaces);
    table_print(table, shell->output, "interfaces");
    return true;
}

static bool verb_domifstat(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    LodgeDomainInterfaceStatsRet stats;
    const char *device = args_string(args, "interface");
    if (!guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to get interface stats %s %s"), guest.name, device);
    if (!lodge_domain_interface_stats(shell->connection, &guest, device, &stats, error))
        return false;
    const struct {
        const char *name;
        int64_t value;
    } rows[] = {
        { "rx_bytes", stats.rx_bytes }, { "rx_packets", stats.rx_packets }, { "rx_errs", stats.rx_errs },
        { "rx_drop", stats.rx_drop },   { "tx_bytes", stats.tx_bytes },     { "tx_packets", stats.tx_packets },
        { "tx_errs", stats.tx_errs },   { "tx_drop", stats.tx_drop },
    };
    output_json_text(shell->output, "interface", device);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].value < 0)
            continue;
        output_line(shell->output, "%s %s %" PRId64, device, rows[i].name, rows[i].value);
        output_json_number(shell->output, rows[i].name, rows[i].value);
    }
    return true;
}

static bool find_source(const char *name, uint32_t *ret_source, GError **error)
{
    static const char *const sources[] = {
        [VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE] = "lease",
        [VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT] = "agent",
        [VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_ARP] = "arp",
    };
    for (*ret_source = 0; *ret_source < G_N_ELEMENTS(sources); (*ret_source)++)
        if (!name || !strcmp(sources[*ret_source], name))
            return true;
    return error_set(error, VIR_ERR_INVALID_ARG, _("Unknown data source '%s'; write lease, agent or arp"), name);
}

/* One row an address; the name and MAC only in the first of an interface unless all are asked for. */
static void add_addresses(Table *table, const LodgeDomainInterface *interface, bool full)
{
    for (uint32_t i = 0; i < interface->n_addrs; i++) {
        const LodgeDomainIpAddr *address = &interface->addrs[i];
        g_autofree char *shown = g_strdup_printf("%s/%u", address->addr, address->prefix);
        const char *protocol = address->type == VIR_IP_ADDR_TYPE_IPV6 ? "ipv6" : "ipv4";
        bool repeat = i && !full;
        table_row(table, repeat ? NULL : interface->name, repeat ? NULL : interface->hwaddr, protocol, shown);
    }
    if (!interface->n_addrs)
        table_row(table, interface->name, interface->hwaddr, "N/A", "N/A");
}

static bool verb_domifaddr(Shell *shell, const Args *args, GError **error)
{
    static const Column columns[] = { { "name", N_("Name"), CELL_TEXT },
                                      { "mac", N_("MAC address"), CELL_TEXT },
                                      { "protocol", N_("Protocol"), CELL_TEXT },
                                      { "address", N_("Address"), CELL_TEXT },
                                      { 0 } };
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainInterfaceAddressesRet) found = { 0 };
    const char *only = args_string(args, "interface");
    bool full = args_has(args, "full") || output_is_json(shell->output);
    uint32_t source;
    if (!find_source(args_string(args, "source"), &source, error) || !guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Failed to query for interfaces addresses"));
    if (!lodge_domain_interface_addresses(shell->connection, &guest, source, 0, &found, error))
        return false;
    g_autoptr(Table) table = table_new(columns);
    for (uint32_t i = 0; i < found.n_ifaces; i++)
        if (!only || !strcmp(only, found.ifaces[i].name))
            add_addresses(table, &found.ifaces[i], full);
    table_print(table, shell->output, "addresses");
    return true;
}

static const VerbOption options_list[] = {
    OPTION_DOMAIN,
    { "inactive", OPTION_FLAG, false, N_("get inactive rather than running configuration") },
    { "details", OPTION_FLAG, false, N_("additionally display the type and device value") },
    { 0 },
};

static const VerbOption options_stat[] = {
    OPTION_ACTIVE_DOMAIN,
    { "device", OPTION_STRING, false, N_("block device"), COMPLETE_DISK },
    { "human", OPTION_FLAG, false, N_("print a more human readable output") },
    { 0 },
};

static const VerbOption options_info[] = {
    OPTION_DOMAIN,
    { "device", OPTION_STRING, false, N_("block device"), COMPLETE_DISK },
    { "human", OPTION_FLAG, false, N_("Human readable output") },
    { "all", OPTION_FLAG, false, N_("display all block devices info") },
    { 0 },
};

static const VerbOption options_active[] = { OPTION_ACTIVE_DOMAIN, { 0 } };

static const VerbOption options_iflist[] = {
    OPTION_DOMAIN,
    { "inactive", OPTION_FLAG, false, N_("get inactive rather than running configuration") },
    { 0 },
};

static const VerbOption options_ifstat[] = {
    OPTION_ACTIVE_DOMAIN,
    { "interface", OPTION_STRING, true, N_("interface device specified by name or MAC Address"), COMPLETE_INTERFACE },
    { 0 },
};

static const VerbOption options_ifaddr[] = {
    OPTION_ACTIVE_DOMAIN,
    { "interface", OPTION_STRING, false, N_("network interface name") },
    { "full", OPTION_FLAG, false, N_("always display names and MACs of interfaces") },
    { "source", OPTION_STRING, false, N_("address source: 'lease', 'agent', or 'arp'"), COMPLETE_WORDS,
      "lease agent arp" },
    { 0 },
};

const Verb verbs_block[] = {
    { "domblklist", GROUP_MONITOR, N_("list all domain blocks"), options_list, verb_domblklist, 0, NULL },
    { "domblkstat", GROUP_MONITOR, N_("get device block stats for a domain"), options_stat, verb_domblkstat, 0, NULL },
    { "domblkinfo", GROUP_MONITOR, N_("domain block device size information"), options_info, verb_domblkinfo, 0, NULL },
    { "domblkerror", GROUP_MONITOR, N_("Show errors on block devices"), options_active, verb_domblkerror, 0, NULL },
    { "domiflist", GROUP_MONITOR, N_("list all domain virtual interfaces"), options_iflist, verb_domiflist, 0, NULL },
    { "domifstat", GROUP_MONITOR, N_("get network interface stats for a domain"), options_ifstat, verb_domifstat, 0,
      NULL },
    { "domifaddr", GROUP_MONITOR, N_("Get network interfaces' addresses for a running domain"), options_ifaddr,
      verb_domifaddr, 0, NULL },
    { 0 },
};
