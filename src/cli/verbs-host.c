/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/typed-params.h"
#include "cli/verbs.h"

#include <poll.h>
#include <string.h>

static bool verb_capabilities(Shell *shell, const Args *args, GError **error)
{
    g_autofree char *text = NULL;
    shell_doing(shell, _("failed to get capabilities"));
    if (!lodge_connect_get_capabilities(shell->connection, &text, error))
        return false;
    output_whole(shell->output, "capabilities", text);
    return true;
}

static bool verb_domcapabilities(Shell *shell, const Args *args, GError **error)
{
    g_autofree char *text = NULL;
    shell_doing(shell, _("failed to get emulator capabilities"));
    if (!lodge_connect_get_domain_capabilities(shell->connection, args_string(args, "emulatorbin"),
                                               args_string(args, "arch"), args_string(args, "machine"),
                                               args_string(args, "virttype"), 0, &text, error))
        return false;
    output_whole(shell->output, "capabilities", text);
    return true;
}

static bool verb_nodeinfo(Shell *shell, const Args *args, GError **error)
{
    LodgeNodeGetInfoRet info;
    Output *output = shell->output;
    shell_doing(shell, _("failed to get node information"));
    if (!lodge_node_get_info(shell->connection, &info, error))
        return false;
    g_autofree char *model = g_strndup(info.model, sizeof info.model);
    output_set_label_width(output, 20);
    output_text(output, "model", _("CPU model:"), model);
    output_number(output, "cpus", _("CPU(s):"), info.cpus, NULL);
    output_number(output, "mhz", _("CPU frequency:"), info.mhz, "MHz");
    output_number(output, "sockets", _("CPU socket(s):"), info.sockets, NULL);
    output_number(output, "cores", _("Core(s) per socket:"), info.cores, NULL);
    output_number(output, "threads", _("Thread(s) per core:"), info.threads, NULL);
    output_number(output, "cells", _("NUMA cell(s):"), info.nodes, NULL);
    output_unsigned(output, "memory_kib", _("Memory size:"), info.memory, "KiB");
    return true;
}

static const struct {
    const char *name, *label;
} cpu_times[] = {
    { VIR_NODE_CPU_STATS_USER, N_("user:") }, { VIR_NODE_CPU_STATS_KERNEL, N_("system:") },
    { VIR_NODE_CPU_STATS_IDLE, N_("idle:") }, { VIR_NODE_CPU_STATS_IOWAIT, N_("iowait:") },
    { VIR_NODE_CPU_STATS_INTR, N_("intr:") },
};

/* The times (ns) in the order of cpu_times; -1 where the daemon has none. */
static bool get_cpu_times(Shell *shell, int cpu, int64_t *ret_times, GError **error)
{
    g_auto(LodgeNodeGetCpuStatsRet) count = { 0 }, stats = { 0 };
    if (!lodge_node_get_cpu_stats(shell->connection, cpu, 0, 0, &count, error) ||
        !lodge_node_get_cpu_stats(shell->connection, cpu, count.nparams, 0, &stats, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(cpu_times); i++) {
        ret_times[i] = -1;
        for (uint32_t j = 0; j < stats.n_params; j++)
            if (!strcmp(stats.params[j].field, cpu_times[i].name))
                ret_times[i] = (int64_t)stats.params[j].value;
    }
    return true;
}

static bool print_cpu_percent(Shell *shell, int cpu, const int64_t *before, GError **error)
{
    int64_t after[G_N_ELEMENTS(cpu_times)];
    double total = 0, idle = 0;
    poll(NULL, 0, 1000);
    if (!get_cpu_times(shell, cpu, after, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(cpu_times); i++) {
        if (after[i] < 0)
            continue;
        after[i] -= before[i];
        total += (double)after[i];
        if (!strcmp(cpu_times[i].name, VIR_NODE_CPU_STATS_IDLE))
            idle = (double)after[i];
    }
    total = MAX(total, 1);
    double usage = (total - idle) / total * 100;
    g_autofree char *usage_text = g_strdup_printf("%5.1f%%", usage);
    output_number_as(shell->output, "usage_percent", _("usage:"), usage, usage_text);
    for (size_t i = 0; i < G_N_ELEMENTS(cpu_times); i++) {
        if (after[i] < 0)
            continue;
        double percent = (double)after[i] / total * 100;
        g_autofree char *text = g_strdup_printf("%5.1f%%", percent);
        g_autofree char *key = g_strdup_printf("%s_percent", cpu_times[i].name);
        output_number_as(shell->output, key, _(cpu_times[i].label), percent, text);
    }
    return true;
}

static bool verb_nodecpustats(Shell *shell, const Args *args, GError **error)
{
    int64_t times[G_N_ELEMENTS(cpu_times)];
    int cpu = VIR_NODE_CPU_STATS_ALL_CPUS;
    if (!args_int(args, "cpu", &cpu, error))
        return false;
    shell_doing(shell, _("Unable to get node cpu stats"));
    if (!get_cpu_times(shell, cpu, times, error))
        return false;
    if (args_has(args, "percent"))
        return print_cpu_percent(shell, cpu, times, error);
    for (size_t i = 0; i < G_N_ELEMENTS(cpu_times); i++) {
        if (times[i] < 0)
            continue;
        g_autofree char *text = g_strdup_printf("%20" G_GINT64_FORMAT, times[i]);
        if (output_is_json(shell->output))
            output_json_number(shell->output, cpu_times[i].name, times[i]);
        else
            output_text(shell->output, NULL, _(cpu_times[i].label), text);
    }
    return true;
}

static bool verb_nodememstats(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeNodeGetMemoryStatsRet) count = { 0 }, stats = { 0 };
    int cell = VIR_NODE_MEMORY_STATS_ALL_CELLS;
    if (!args_int(args, "cell", &cell, error))
        return false;
    shell_doing(shell, _("Unable to get memory stats"));
    if (!lodge_node_get_memory_stats(shell->connection, 0, cell, 0, &count, error) ||
        !lodge_node_get_memory_stats(shell->connection, count.nparams, cell, 0, &stats, error))
        return false;
    for (uint32_t i = 0; i < stats.n_params; i++) {
        output_line(shell->output, "%-7s: %20" G_GUINT64_FORMAT " KiB", stats.params[i].field, stats.params[i].value);
        output_json_number(shell->output, stats.params[i].field, (int64_t)stats.params[i].value);
    }
    return true;
}

static bool verb_node_memory_tune(Shell *shell, const Args *args, GError **error)
{
    static const struct {
        const char *option, *parameter;
    } settings[] = {
        { "shm-pages-to-scan", VIR_NODE_MEMORY_SHARED_PAGES_TO_SCAN },
        { "shm-sleep-millisecs", VIR_NODE_MEMORY_SHARED_SLEEP_MILLISECS },
        { "shm-merge-across-nodes", VIR_NODE_MEMORY_SHARED_MERGE_ACROSS_NODES },
    };
    g_auto(LodgeNodeGetMemoryParametersRet) count = { 0 }, now = { 0 };
    g_autoptr(GArray) params = typed_params_new();
    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
        if (args_has(args, settings[i].option) &&
            !typed_params_add_text(params, settings[i].parameter, LODGE_VALUE_UINT,
                                   args_string(args, settings[i].option), error))
            return false;
    if (params->len) {
        shell_doing(shell, _("Unable to change memory parameters"));
        return lodge_node_set_memory_parameters(shell->connection, (const LodgeTypedParam *)(void *)params->data,
                                                params->len, 0, error);
    }
    shell_doing(shell, _("Unable to get memory parameters"));
    if (!lodge_node_get_memory_parameters(shell->connection, 0, 0, &count, error) ||
        !lodge_node_get_memory_parameters(shell->connection, count.nparams, 0, &now, error))
        return false;
    output_line(shell->output, "%s", _("Shared memory:"));
    for (uint32_t i = 0; i < now.n_params; i++) {
        g_autofree char *text = typed_value_text(&now.params[i].value);
        output_line(shell->output, "\t%-15s %s", now.params[i].field, text);
        typed_value_json(shell->output, now.params[i].field, &now.params[i].value);
    }
    return true;
}

static bool verb_hostname(Shell *shell, const Args *args, GError **error)
{
    g_autofree char *text = NULL;
    shell_doing(shell, _("failed to get hostname"));
    if (!lodge_connect_get_hostname(shell->connection, &text, error))
        return false;
    output_whole(shell->output, "hostname", text);
    return true;
}

static bool verb_uri(Shell *shell, const Args *args, GError **error)
{
    output_whole(shell->output, "uri", lodge_connection_get_uri(shell->connection));
    return true;
}

static bool verb_sysinfo(Shell *shell, const Args *args, GError **error)
{
    g_autofree char *text = NULL;
    shell_doing(shell, _("failed to get sysinfo"));
    if (!lodge_connect_get_sysinfo(shell->connection, 0, &text, error))
        return false;
    output_whole(shell->output, "sysinfo", text);
    return true;
}

static bool verb_maxvcpus(Shell *shell, const Args *args, GError **error)
{
    int32_t count = 0;
    const char *type = args_string(args, "type");
    g_autofree char *text = NULL, *limit = NULL;
    g_auto(GuestXml) xml = { 0 };
    gint64 number;
    /* The emulator's own limit, where the daemon knows it; else the driver's. */
    if (lodge_connect_get_domain_capabilities(shell->connection, NULL, NULL, NULL, type, 0, &text, NULL) &&
        guest_xml_parse(text, &xml, NULL))
        limit = guest_xml_text(&xml, NULL, "/domainCapabilities/vcpu/@max");
    if (limit && g_ascii_string_to_signed(limit, 10, 1, G_MAXINT32, &number, NULL))
        count = (int32_t)number;
    else if (!lodge_connect_get_max_vcpus(shell->connection, type, &count, error))
        return false;
    output_json_number(shell->output, "maxvcpus", count);
    output_line(shell->output, "%d", count);
    return true;
}

static void print_version(Shell *shell, const char *key, const char *format, uint64_t number)
{
    g_autofree char *text = g_strdup_printf("%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT ".%" G_GUINT64_FORMAT,
                                            number / 1000000, number / 1000 % 1000, number % 1000);
    output_json_text(shell->output, key, text);
    if (!output_is_json(shell->output))
        fprintf(output_file(shell->output), "%s %s\n", format, text);
}

static bool verb_version(Shell *shell, const Args *args, GError **error)
{
    uint64_t hypervisor, protocol;
    g_autofree char *type = NULL;
    print_version(shell, "lodge", _("Using library: lodge"), lodge_version());
    shell_doing(shell, _("failed to get the daemon's version"));
    if (!lodge_connect_get_lib_version(shell->connection, &protocol, error) ||
        !lodge_connect_get_type(shell->connection, &type, error) ||
        !lodge_connect_get_version(shell->connection, &hypervisor, error))
        return false;
    g_autofree char *running = g_strdup_printf(_("Running hypervisor: %s"), type);
    print_version(shell, "hypervisor", running, hypervisor);
    if (args_has(args, "daemon") || output_is_json(shell->output))
        print_version(shell, "daemon", _("Running against daemon:"), protocol);
    return true;
}

static const VerbOption options_domcapabilities[] = {
    { "virttype", OPTION_STRING, false, N_("virtualization type (/domain/@type)"), COMPLETE_WORDS, "kvm qemu" },
    { "emulatorbin", OPTION_STRING, false, N_("path to emulator binary (/domain/devices/emulator)"), COMPLETE_FILE },
    { "arch", OPTION_STRING, false, N_("domain architecture (/domain/os/type/@arch)") },
    { "machine", OPTION_STRING, false, N_("machine type (/domain/os/type/@machine)") },
    { 0 },
};

static const VerbOption options_cpustats[] = {
    { "cpu", OPTION_NUMBER, false, N_("prints specified cpu statistics only.") },
    { "percent", OPTION_FLAG, false, N_("prints by percentage during 1 second.") },
    { 0 },
};

static const VerbOption options_memstats[] = {
    { "cell", OPTION_NUMBER, false, N_("prints specified cell statistics only.") },
    { 0 },
};

static const VerbOption options_version[] = {
    { "daemon", OPTION_FLAG, false, N_("report daemon version too") },
    { 0 },
};

static const VerbOption options_maxvcpus[] = {
    { "type", OPTION_STRING, false, N_("domain type"), COMPLETE_WORDS, "kvm qemu" },
    { 0 },
};

static const VerbOption options_memory_tune[] = {
    { "shm-pages-to-scan", OPTION_NUMBER, false,
      N_("number of pages to scan before the shared memory service goes to sleep") },
    { "shm-sleep-millisecs", OPTION_NUMBER, false,
      N_("number of millisecs the shared memory service should sleep before next scan") },
    { "shm-merge-across-nodes", OPTION_NUMBER, false,
      N_("whether pages of different NUMA nodes can be merged: 0 or 1") },
    { 0 },
};

const Verb verbs_host[] = {
    { "capabilities", GROUP_HOST, N_("capabilities"), NULL, verb_capabilities, 0,
      N_("Prints what the host and its emulators can do, as XML.") },
    { "domcapabilities", GROUP_HOST, N_("domain capabilities"), options_domcapabilities, verb_domcapabilities, 0,
      N_("Prints what guests of one emulator, architecture and machine can have, as XML.") },
    { "nodeinfo", GROUP_HOST, N_("node information"), NULL, verb_nodeinfo, 0, NULL },
    { "nodecpustats", GROUP_HOST, N_("Prints cpu stats of the node."), options_cpustats, verb_nodecpustats, 0,
      N_("CPU times of the host in nanoseconds, or percentages over one second.") },
    { "nodememstats", GROUP_HOST, N_("Prints memory stats of the node."), options_memstats, verb_nodememstats, 0,
      NULL },
    { "node-memory-tune", GROUP_HOST, N_("Get or set node memory parameters"), options_memory_tune,
      verb_node_memory_tune, 0, N_("The shared memory service is KSM, which merges equal pages of guests.") },
    { "hostname", GROUP_HOST, N_("print the hypervisor hostname"), NULL, verb_hostname, 0, NULL },
    { "uri", GROUP_HOST, N_("print the hypervisor canonical URI"), NULL, verb_uri, 0, NULL },
    { "sysinfo", GROUP_HOST, N_("print the hypervisor sysinfo"), NULL, verb_sysinfo, 0, NULL },
    { "maxvcpus", GROUP_HOST, N_("connection vcpu maximum"), options_maxvcpus, verb_maxvcpus, 0, NULL },
    { "version", GROUP_HOST, N_("show version"), options_version, verb_version, 0, NULL },
    { 0 },
};
