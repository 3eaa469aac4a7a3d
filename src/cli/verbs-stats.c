/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/typed-params.h"
#include "cli/verbs.h"

#include <string.h>

static const struct {
    const char *option;
    uint32_t stats, flag;
} stat_choices[] = {
    { "state", VIR_DOMAIN_STATS_STATE, 0 },
    { "cpu-total", VIR_DOMAIN_STATS_CPU_TOTAL, 0 },
    { "balloon", VIR_DOMAIN_STATS_BALLOON, 0 },
    { "vcpu", VIR_DOMAIN_STATS_VCPU, 0 },
    { "interface", VIR_DOMAIN_STATS_INTERFACE, 0 },
    { "block", VIR_DOMAIN_STATS_BLOCK, 0 },
    { "perf", VIR_DOMAIN_STATS_PERF, 0 },
    { "iothread", VIR_DOMAIN_STATS_IOTHREAD, 0 },
    { "memory", VIR_DOMAIN_STATS_MEMORY, 0 },
    { "dirtyrate", VIR_DOMAIN_STATS_DIRTYRATE, 0 },
    { "vm", VIR_DOMAIN_STATS_VM, 0 },
    { "list-active", 0, VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE },
    { "list-inactive", 0, VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE },
    { "list-persistent", 0, VIR_CONNECT_GET_ALL_DOMAINS_STATS_PERSISTENT },
    { "list-transient", 0, VIR_CONNECT_GET_ALL_DOMAINS_STATS_TRANSIENT },
    { "list-running", 0, VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING },
    { "list-paused", 0, VIR_CONNECT_GET_ALL_DOMAINS_STATS_PAUSED },
    { "list-shutoff", 0, VIR_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF },
    { "list-other", 0, VIR_CONNECT_GET_ALL_DOMAINS_STATS_OTHER },
    { "enforce", 0, VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS },
    { "backing", 0, VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING },
    { "nowait", 0, VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT },
};

static void clear_guest(gpointer guest)
{
    lodge_domain_clear(guest);
}

static void print_record(Shell *shell, const LodgeDomainStatsRecord *record)
{
    Output *output = shell->output;
    output_begin_object(output, NULL);
    output_json_text(output, "domain", record->dom.name);
    output_line(output, _("Domain: '%s'"), record->dom.name);
    output_begin_object(output, "stats");
    for (uint32_t i = 0; i < record->n_params; i++) {
        const LodgeTypedParam *param = &record->params[i];
        g_autofree char *text = typed_value_text(&param->value);
        output_line(output, "  %s=%s", param->field, text);
        typed_value_json(output, param->field, &param->value);
    }
    output_end_object(output);
    output_end_object(output);
}

static bool verb_domstats(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeConnectGetAllDomainStatsRet) stats = { 0 };
    g_autoptr(GArray) guests = g_array_new(FALSE, TRUE, sizeof(LodgeDomain));
    uint32_t groups = 0, flags = 0;
    g_array_set_clear_func(guests, clear_guest);
    for (size_t i = 0; i < G_N_ELEMENTS(stat_choices); i++) {
        if (!args_has(args, stat_choices[i].option))
            continue;
        groups |= stat_choices[i].stats;
        flags |= stat_choices[i].flag;
    }
    for (const char *const *name = args_rest(args, "domain"); *name; name++) {
        LodgeDomain guest = { 0 };
        if (!guest_find_named(shell, *name, &guest, error))
            return false;
        g_array_append_val(guests, guest);
    }
    g_clear_pointer(&shell->doing, g_free);
    if (!lodge_connect_get_all_domain_stats(shell->connection, (const LodgeDomain *)(void *)guests->data, guests->len,
                                            groups, flags, &stats, error))
        return false;
    output_begin_list(shell->output, "domains");
    for (uint32_t i = 0; i < stats.n_ret_stats; i++) {
        if (i)
            output_gap(shell->output);
        print_record(shell, &stats.ret_stats[i]);
    }
    output_end_list(shell->output);
    return true;
}

/* Times as seconds, everything else as it is. */
static void print_cpu_params(Shell *shell, const LodgeTypedParam *params, uint32_t n_params)
{
    for (uint32_t i = 0; i < n_params; i++) {
        const LodgeTypedValue *value = &params[i].value;
        typed_value_json(shell->output, params[i].field, value);
        if (value->type == LODGE_VALUE_ULLONG && g_str_has_suffix(params[i].field, "time")) {
            output_line(shell->output, "\t%-12s %9" G_GUINT64_FORMAT ".%09" G_GUINT64_FORMAT " %s", params[i].field,
                        value->ul / 1000000000, value->ul % 1000000000, _("seconds"));
        } else {
            g_autofree char *text = typed_value_text(value);
            output_line(shell->output, "\t%-12s %s", params[i].field, text);
        }
    }
}

static bool print_cpu_total(Shell *shell, const LodgeDomain *guest, GError **error)
{
    g_auto(LodgeDomainGetCpuStatsRet) count = { 0 }, total = { 0 };
    if (!lodge_domain_get_cpu_stats(shell->connection, guest, 0, -1, 1, 0, &count, error) ||
        !lodge_domain_get_cpu_stats(shell->connection, guest, (uint32_t)MAX(count.nparams, 0), -1, 1, 0, &total, error))
        return false;
    output_line(shell->output, "%s", _("Total:"));
    output_begin_object(shell->output, "total");
    print_cpu_params(shell, total.params, total.n_params);
    output_end_object(shell->output);
    return true;
}

/* Each CPU's statistics have as many parameters as the first call says; the whole list is CPU after CPU. */
static bool print_each_cpu(Shell *shell, const LodgeDomain *guest, int first, unsigned limit, GError **error)
{
    g_auto(LodgeDomainGetCpuStatsRet) cpus = { 0 }, width = { 0 };
    if (!lodge_domain_get_cpu_stats(shell->connection, guest, 0, 0, 0, 0, &cpus, error) ||
        !lodge_domain_get_cpu_stats(shell->connection, guest, 0, 0, 1, 0, &width, error))
        return false;
    unsigned host_cpus = (unsigned)MAX(cpus.nparams, 0), per_cpu = (unsigned)MAX(width.nparams, 0);
    if ((unsigned)first >= host_cpus)
        return error_set(error, VIR_ERR_INVALID_ARG, _("Start CPU %d is out of range (min: 0, max: %u)"), first,
                         host_cpus ? host_cpus - 1 : 0);
    limit = MIN(limit, host_cpus - (unsigned)first);
    output_begin_list(shell->output, "cpus");
    for (unsigned cpu = (unsigned)first; cpu < (unsigned)first + limit; cpu++) {
        g_auto(LodgeDomainGetCpuStatsRet) one = { 0 };
        if (!lodge_domain_get_cpu_stats(shell->connection, guest, per_cpu, (int32_t)cpu, 1, 0, &one, error))
            return false;
        output_line(shell->output, "CPU%u:", cpu);
        output_begin_object(shell->output, NULL);
        output_json_number(shell->output, "cpu", cpu);
        print_cpu_params(shell, one.params, one.n_params);
        output_end_object(shell->output);
    }
    output_end_list(shell->output);
    return true;
}

static bool verb_cpu_stats(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    int first = 0;
    unsigned limit = G_MAXUINT;
    if (!args_int(args, "start", &first, error) || !args_uint(args, "count", &limit, error) ||
        !guest_find(shell, args, &guest, error))
        return false;
    if (first < 0)
        return error_set(error, VIR_ERR_INVALID_ARG, _("Invalid value for start CPU"));
    bool part = args_has(args, "start") || args_has(args, "count"), total = args_has(args, "total");
    shell_doing(shell, _("Failed to retrieve CPU statistics for domain '%s'"), guest.name);
    if ((part || !total) && !print_each_cpu(shell, &guest, first, limit, error))
        return false;
    return (part && !total) || print_cpu_total(shell, &guest, error);
}

static const VerbOption options_domstats[] = {
    { "state", OPTION_FLAG, false, N_("report domain state") },
    { "cpu-total", OPTION_FLAG, false, N_("report domain physical cpu usage") },
    { "balloon", OPTION_FLAG, false, N_("report domain balloon statistics") },
    { "vcpu", OPTION_FLAG, false, N_("report domain virtual cpu information") },
    { "interface", OPTION_FLAG, false, N_("report domain network interface information") },
    { "block", OPTION_FLAG, false, N_("report domain block device statistics") },
    { "perf", OPTION_FLAG, false, N_("report domain perf event statistics") },
    { "iothread", OPTION_FLAG, false, N_("report domain IOThread information") },
    { "memory", OPTION_FLAG, false, N_("report domain memory usage") },
    { "dirtyrate", OPTION_FLAG, false, N_("report domain dirty rate information") },
    { "vm", OPTION_FLAG, false, N_("report hypervisor-specific statistics") },
    { "list-active", OPTION_FLAG, false, N_("list only active domains") },
    { "list-inactive", OPTION_FLAG, false, N_("list only inactive domains") },
    { "list-persistent", OPTION_FLAG, false, N_("list only persistent domains") },
    { "list-transient", OPTION_FLAG, false, N_("list only transient domains") },
    { "list-running", OPTION_FLAG, false, N_("list only running domains") },
    { "list-paused", OPTION_FLAG, false, N_("list only paused domains") },
    { "list-shutoff", OPTION_FLAG, false, N_("list only shutoff domains") },
    { "list-other", OPTION_FLAG, false, N_("list only domains in other states") },
    { "raw", OPTION_FLAG, false, N_("do not pretty-print the fields (they never are)") },
    { "enforce", OPTION_FLAG, false, N_("enforce requested stats parameters") },
    { "backing", OPTION_FLAG, false, N_("add backing chain information to block stats") },
    { "nowait", OPTION_FLAG, false, N_("report only stats that are accessible instantly") },
    { "domain", OPTION_REST, false, N_("list of domains to get stats for"), COMPLETE_GUEST },
    { 0 },
};

static const VerbOption options_cpu_stats[] = {
    OPTION_ACTIVE_DOMAIN,
    { "total", OPTION_FLAG, false, N_("Show total statistics only") },
    { "start", OPTION_NUMBER, false, N_("Show statistics from this CPU") },
    { "count", OPTION_NUMBER, false, N_("Number of shown CPUs at most") },
    { 0 },
};

const Verb verbs_stats[] = {
    { "domstats", GROUP_MONITOR, N_("get statistics about one or multiple domains"), options_domstats, verb_domstats, 0,
      NULL },
    { "cpu-stats", GROUP_DOMAIN, N_("show domain cpu statistics"), options_cpu_stats, verb_cpu_stats, 0, NULL },
    { 0 },
};
