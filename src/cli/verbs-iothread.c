/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpuset.h"
#include "base/error.h"
#include "cli/guest.h"
#include "cli/host-cpus.h"
#include "cli/i18n.h"
#include "cli/table.h"
#include "cli/typed-params.h"
#include "cli/verbs.h"

static bool verb_iothreadinfo(Shell *shell, const Args *args, GError **error)
{
    static const Column columns[] = { { "id", N_("IOThread ID"), CELL_NUMBER },
                                      { "affinity", N_("CPU Affinity"), CELL_TEXT },
                                      { 0 } };
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetIothreadInfoRet) info = { 0 };
    uint32_t flags;
    if (!guest_affect_flags(args, &flags, error) || !guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Unable to get domain IOThreads information"));
    if (!lodge_domain_get_iothread_info(shell->connection, &guest, flags, &info, error))
        return false;
    if (!info.n_info && !output_is_json(shell->output)) {
        output_remark(shell->output, _("No IOThreads found for the domain"));
        return true;
    }
    g_autoptr(Table) table = table_new(columns);
    for (uint32_t i = 0; i < info.n_info; i++) {
        g_autoptr(Cpuset) set = cpuset_from_bytes(info.info[i].cpumap.data, info.info[i].cpumap.length);
        g_autofree char *ranges = cpuset_format(set), *id = g_strdup_printf("%u", info.info[i].iothread_id);
        table_row(table, id, ranges);
    }
    table_print(table, shell->output, "iothreads");
    return true;
}

static bool verb_iothreadpin(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autofree uint8_t *map = NULL;
    uint32_t flags, length;
    unsigned id = 0, host_cpus;
    return guest_affect_flags(args, &flags, error) && args_uint(args, "iothread", &id, error) &&
           guest_find(shell, args, &guest, error) && host_cpus_count(shell, &host_cpus, error) &&
           host_cpus_map(args_string(args, "cpulist"), host_cpus, &map, &length, error) &&
           lodge_domain_pin_iothread(shell->connection, &guest, id, map, length, flags, error);
}

static bool read_id(const Args *args, unsigned *ret_id, GError **error)
{
    if (!args_uint(args, "id", ret_id, error))
        return false;
    return *ret_id ||
           error_set(error, VIR_ERR_INVALID_ARG, _("Invalid IOThread id value: '%s'"), args_string(args, "id"));
}

static bool verb_iothreadadd(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    uint32_t flags;
    unsigned id = 0;
    return guest_affect_flags(args, &flags, error) && read_id(args, &id, error) &&
           guest_find(shell, args, &guest, error) &&
           lodge_domain_add_iothread(shell->connection, &guest, id, flags, error);
}

static bool verb_iothreaddel(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    uint32_t flags;
    unsigned id = 0;
    return guest_affect_flags(args, &flags, error) && read_id(args, &id, error) &&
           guest_find(shell, args, &guest, error) &&
           lodge_domain_del_iothread(shell->connection, &guest, id, flags, error);
}

static bool verb_iothreadset(Shell *shell, const Args *args, GError **error)
{
    static const struct {
        const char *option, *parameter;
        LodgeValueType type;
    } settings[] = {
        { "poll-max-ns", VIR_DOMAIN_IOTHREAD_POLL_MAX_NS, LODGE_VALUE_ULLONG },
        { "poll-grow", VIR_DOMAIN_IOTHREAD_POLL_GROW, LODGE_VALUE_UINT },
        { "poll-shrink", VIR_DOMAIN_IOTHREAD_POLL_SHRINK, LODGE_VALUE_UINT },
        { "thread-pool-min", VIR_DOMAIN_IOTHREAD_THREAD_POOL_MIN, LODGE_VALUE_INT },
        { "thread-pool-max", VIR_DOMAIN_IOTHREAD_THREAD_POOL_MAX, LODGE_VALUE_INT },
    };
    g_auto(LodgeDomain) guest = { 0 };
    g_autoptr(GArray) params = typed_params_new();
    uint32_t flags;
    unsigned id = 0;
    if (!guest_affect_flags(args, &flags, error) || !read_id(args, &id, error))
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(settings); i++)
        if (args_has(args, settings[i].option) &&
            !typed_params_add_text(params, settings[i].parameter, settings[i].type,
                                   args_string(args, settings[i].option), error))
            return false;
    if (!params->len)
        return error_set(error, VIR_ERR_INVALID_ARG, _("Not enough arguments passed, nothing to set"));
    return guest_find(shell, args, &guest, error) &&
           lodge_domain_set_iothread_params(shell->connection, &guest, id,
                                            (const LodgeTypedParam *)(void *)params->data, params->len, flags, error);
}

static const VerbOption options_info[] = { OPTION_DOMAIN, OPTIONS_AFFECT, { 0 } };

static const VerbOption options_pin[] = {
    OPTION_DOMAIN,
    { "iothread", OPTION_NUMBER, true, N_("IOThread ID number") },
    { "cpulist", OPTION_STRING, true, N_("host cpu number(s) to set") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_id[] = {
    OPTION_DOMAIN,
    { "id", OPTION_NUMBER, true, N_("IOThread ID number") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_set[] = {
    OPTION_DOMAIN,
    { "id", OPTION_NUMBER, true, N_("iothread id of existing IOThread") },
    { "poll-max-ns", OPTION_NAMED, false, N_("set the maximum IOThread polling time in ns") },
    { "poll-grow", OPTION_NAMED, false, N_("set the value to increase the IOThread polling time") },
    { "poll-shrink", OPTION_NAMED, false, N_("set the value for reduction of the IOThread polling time") },
    { "thread-pool-min", OPTION_NAMED, false, N_("lower boundary for worker thread pool") },
    { "thread-pool-max", OPTION_NAMED, false, N_("upper boundary for worker thread pool") },
    OPTIONS_AFFECT,
    { 0 },
};

const Verb verbs_iothread[] = {
    { "iothreadinfo", GROUP_DOMAIN, N_("view domain IOThreads"), options_info, verb_iothreadinfo, 0, NULL },
    { "iothreadpin", GROUP_DOMAIN, N_("control domain IOThread affinity"), options_pin, verb_iothreadpin, 0, NULL },
    { "iothreadadd", GROUP_DOMAIN, N_("add an IOThread to the guest domain"), options_id, verb_iothreadadd, 0, NULL },
    { "iothreadset", GROUP_DOMAIN, N_("modifies an existing IOThread of the guest domain"), options_set,
      verb_iothreadset, 0, NULL },
    { "iothreaddel", GROUP_DOMAIN, N_("delete an IOThread from the guest domain"), options_id, verb_iothreaddel, 0,
      NULL },
    { 0 },
};
