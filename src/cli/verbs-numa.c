/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpuset.h"
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

#include <inttypes.h>

static bool verb_nodecpumap(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeNodeGetCpuMapRet) map = { 0 };
    Output *output = shell->output;
    shell_doing(shell, _("Unable to get cpu map"));
    if (!lodge_node_get_cpu_map(shell->connection, 1, 1, 0, &map, error))
        return false;
    g_autoptr(Cpuset) set = cpuset_from_bytes(map.cpumap.data, map.cpumap.length);
    g_autoptr(GString) text = g_string_new(NULL);
    if (args_has(args, "pretty") || output_is_json(output)) {
        g_autofree char *ranges = cpuset_format(set);
        g_string_append(text, ranges);
    } else {
        for (int32_t cpu = 0; cpu < map.ret; cpu++)
            g_string_append_c(text, cpuset_has(set, (unsigned)cpu) ? 'y' : '-');
    }
    output_number(output, "present", _("CPUs present:"), map.ret, NULL);
    output_number(output, "online", _("CPUs online:"), map.online, NULL);
    output_text(output, "map", _("CPU map:"), text->str);
    return true;
}

/* Ids of the host's NUMA cells, from its capabilities. */
static bool get_cells(Shell *shell, GArray **ret_cells, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GuestXml) xml = { 0 };
    g_autoptr(GArray) cells = g_array_new(FALSE, FALSE, sizeof(int));
    if (!lodge_connect_get_capabilities(shell->connection, &text, error) || !guest_xml_parse(text, &xml, error))
        return false;
    xmlXPathObject *ids = guest_xml_find(&xml, "/capabilities/host/topology/cells/cell/@id");
    for (int i = 0; ids->nodesetval && i < ids->nodesetval->nodeNr; i++) {
        xmlChar *id = xmlNodeGetContent(ids->nodesetval->nodeTab[i]);
        gint64 number;
        if (g_ascii_string_to_signed((char *)id, 10, 0, G_MAXINT, &number, NULL)) {
            int cell = (int)number;
            g_array_append_val(cells, cell);
        }
        xmlFree(id);
    }
    xmlXPathFreeObject(ids);
    *ret_cells = g_steal_pointer(&cells);
    return true;
}

static bool free_of_cell(Shell *shell, int cell, uint64_t *ret_kib, GError **error)
{
    g_auto(LodgeNodeGetCellsFreeMemoryRet) memory = { 0 };
    if (!lodge_node_get_cells_free_memory(shell->connection, cell, 1, &memory, error))
        return false;
    if (!memory.n_cells)
        return error_set(error, VIR_ERR_INVALID_ARG, _("the host has no NUMA cell %d"), cell);
    *ret_kib = memory.cells[0] / 1024;
    return true;
}

static bool print_all_cells(Shell *shell, GError **error)
{
    g_autoptr(GArray) cells = NULL;
    uint64_t total = 0;
    if (!get_cells(shell, &cells, error))
        return false;
    output_begin_list(shell->output, "cells");
    for (unsigned i = 0; i < cells->len; i++) {
        int cell = g_array_index(cells, int, i);
        uint64_t kib;
        if (!free_of_cell(shell, cell, &kib, error))
            return false;
        output_line(shell->output, "%5d: %10" PRIu64 " KiB", cell, kib);
        output_begin_object(shell->output, NULL);
        output_json_number(shell->output, "cell", cell);
        output_json_number(shell->output, "free_kib", (int64_t)kib);
        output_end_object(shell->output);
        total += kib;
    }
    output_end_list(shell->output);
    output_line(shell->output, "--------------------");
    output_line(shell->output, "%s: %10" PRIu64 " KiB", _("Total"), total);
    output_json_number(shell->output, "total_kib", (int64_t)total);
    return true;
}

static bool verb_freecell(Shell *shell, const Args *args, GError **error)
{
    int cell = -1;
    uint64_t amount;
    if (!args_exclusive(args, "all", "cellno", error) || !args_int(args, "cellno", &cell, error))
        return false;
    if (args_has(args, "all"))
        return print_all_cells(shell, error);
    if (args_has(args, "cellno")) {
        if (!free_of_cell(shell, cell, &amount, error))
            return false;
        output_line(shell->output, "%d: %" PRIu64 " KiB", cell, amount);
        output_json_number(shell->output, "cell", cell);
    } else {
        if (!lodge_node_get_free_memory(shell->connection, &amount, error))
            return false;
        amount /= 1024;
        output_line(shell->output, "%s: %" PRIu64 " KiB", _("Total"), amount);
    }
    output_json_number(shell->output, "free_kib", (int64_t)amount);
    return true;
}

/* Page sizes (KiB) that the host knows, from its capabilities. */
static bool get_page_sizes(Shell *shell, GArray **ret_sizes, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GuestXml) xml = { 0 };
    g_autoptr(GArray) sizes = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    if (!lodge_connect_get_capabilities(shell->connection, &text, error) || !guest_xml_parse(text, &xml, error))
        return false;
    xmlXPathObject *pages =
        guest_xml_find(&xml, "/capabilities/host/topology/cells/cell[1]/pages/@size | "
                             "/capabilities/host/cpu[not(../topology/cells/cell/pages)]/pages/@size");
    for (int i = 0; pages->nodesetval && i < pages->nodesetval->nodeNr; i++) {
        xmlChar *size = xmlNodeGetContent(pages->nodesetval->nodeTab[i]);
        guint64 number;
        if (g_ascii_string_to_unsigned((char *)size, 10, 1, G_MAXUINT32, &number, NULL)) {
            uint32_t kib = (uint32_t)number;
            g_array_append_val(sizes, kib);
        }
        xmlFree(size);
    }
    xmlXPathFreeObject(pages);
    *ret_sizes = g_steal_pointer(&sizes);
    return true;
}

static bool print_pages(Shell *shell, int cell, const GArray *sizes, GError **error)
{
    g_auto(LodgeNodeGetFreePagesRet) pages = { 0 };
    if (!lodge_node_get_free_pages(shell->connection, (const uint32_t *)(void *)sizes->data, sizes->len, cell, 1, 0,
                                   &pages, error))
        return false;
    for (unsigned i = 0; i < MIN(pages.n_counts, sizes->len); i++) {
        uint32_t kib = g_array_index(sizes, uint32_t, i);
        output_line(shell->output, "%uKiB: %" PRIu64, kib, pages.counts[i]);
        output_begin_object(shell->output, NULL);
        output_json_number(shell->output, "cell", cell);
        output_json_number(shell->output, "page_kib", kib);
        output_json_number(shell->output, "free", (int64_t)pages.counts[i]);
        output_end_object(shell->output);
    }
    return true;
}

static bool verb_freepages(Shell *shell, const Args *args, GError **error)
{
    g_autoptr(GArray) cells = NULL, sizes = NULL;
    int cell = -1;
    uint64_t bytes = 0;
    if (!args_exclusive(args, "all", "cellno", error) || !args_int(args, "cellno", &cell, error) ||
        !args_size(args, "pagesize", 1024, &bytes, error))
        return false;
    if (!args_has(args, "all") && !args_has(args, "cellno"))
        return error_set(error, VIR_ERR_INVALID_ARG, _("missing cellno argument"));
    if (!get_page_sizes(shell, &sizes, error) || !get_cells(shell, &cells, error))
        return false;
    if (bytes) {
        uint32_t kib = (uint32_t)(bytes / 1024);
        g_array_set_size(sizes, 0);
        g_array_append_val(sizes, kib);
    }
    output_begin_list(shell->output, "pages");
    for (unsigned i = 0; args_has(args, "all") && i < cells->len; i++) {
        output_line(shell->output, _("Node %d:"), g_array_index(cells, int, i));
        if (!print_pages(shell, g_array_index(cells, int, i), sizes, error))
            return false;
        output_gap(shell->output);
    }
    bool ok = args_has(args, "all") || print_pages(shell, cell, sizes, error);
    output_end_list(shell->output);
    return ok;
}

/* The same for every cell of the host. */
static bool alloc_all_cells(Shell *shell, uint32_t kib, uint64_t count, uint32_t flags, GError **error)
{
    g_autoptr(GArray) cells = NULL;
    int32_t pools;
    if (!get_cells(shell, &cells, error))
        return false;
    for (unsigned i = 0; i < cells->len; i++)
        if (!lodge_node_alloc_pages(shell->connection, &kib, 1, &count, 1, g_array_index(cells, int, i), 1, flags,
                                    &pools, error))
            return false;
    return true;
}

static bool verb_allocpages(Shell *shell, const Args *args, GError **error)
{
    uint64_t bytes = 0, count = 0;
    int cell = -1;
    int32_t pools;
    uint32_t flags = args_has(args, "add") ? VIR_NODE_ALLOC_PAGES_ADD : VIR_NODE_ALLOC_PAGES_SET;
    if (!args_exclusive(args, "all", "cellno", error) || !args_int(args, "cellno", &cell, error) ||
        !args_size(args, "pagesize", 1024, &bytes, error) || !args_uint64(args, "pagecount", &count, error))
        return false;
    if (cell < -1)
        return error_set(error, VIR_ERR_INVALID_ARG, _("cell number must be non-negative integer or -1"));
    uint32_t kib = (uint32_t)(MIN(bytes / 1024, (uint64_t)G_MAXUINT32));
    return args_has(args, "all")
               ? alloc_all_cells(shell, kib, count, flags, error)
               : lodge_node_alloc_pages(shell->connection, &kib, 1, &count, 1, cell, 1, flags, &pools, error);
}

static const VerbOption options_cpumap[] = {
    { "pretty", OPTION_FLAG, false, N_("return human readable output") },
    { 0 },
};

static const VerbOption options_freecell[] = {
    { "cellno", OPTION_NUMBER, false, N_("NUMA cell number") },
    { "all", OPTION_FLAG, false, N_("show free memory for all NUMA cells") },
    { 0 },
};

static const VerbOption options_freepages[] = {
    { "cellno", OPTION_NUMBER, false, N_("NUMA cell number") },
    { "pagesize", OPTION_NUMBER, false, N_("page size (in kibibytes)") },
    { "all", OPTION_FLAG, false, N_("show free pages for all NUMA cells") },
    { 0 },
};

static const VerbOption options_allocpages[] = {
    { "pagesize", OPTION_NUMBER, true, N_("page size (in kibibytes)") },
    { "pagecount", OPTION_NUMBER, true, N_("page count") },
    { "cellno", OPTION_NUMBER, false, N_("NUMA cell number") },
    { "add", OPTION_FLAG, false, N_("instead of setting new pool size add pages to it") },
    { "all", OPTION_FLAG, false, N_("set on all NUMA cells") },
    { 0 },
};

const Verb verbs_numa[] = {
    { "nodecpumap", GROUP_HOST, N_("node cpu map"), options_cpumap, verb_nodecpumap, 0, NULL },
    { "freecell", GROUP_HOST, N_("NUMA free memory"), options_freecell, verb_freecell, 0, NULL },
    { "freepages", GROUP_HOST, N_("NUMA free pages"), options_freepages, verb_freepages, 0, NULL },
    { "allocpages", GROUP_HOST, N_("Manipulate pages pool size"), options_allocpages, verb_allocpages, 0,
      N_("Sets how many huge pages the host keeps ready, or adds some.") },
    { 0 },
};
