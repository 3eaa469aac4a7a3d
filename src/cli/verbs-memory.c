/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

#include <inttypes.h>

static bool read_size(const Args *args, uint64_t *ret_kib, GError **error)
{
    uint64_t bytes = 0;
    if (!args_size(args, "size", 1024, &bytes, error))
        return false;
    *ret_kib = bytes / 1024;
    return *ret_kib || error_set(error, VIR_ERR_INVALID_ARG, _("a memory size of 0 makes no sense"));
}

static bool verb_setmem(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    uint32_t flags;
    uint64_t kib;
    return guest_affect_flags(args, &flags, error) && read_size(args, &kib, error) &&
           guest_find(shell, args, &guest, error) &&
           (flags ? lodge_domain_set_memory_flags(shell->connection, &guest, kib, flags, error)
                  : lodge_domain_set_memory(shell->connection, &guest, kib, error));
}

static bool verb_setmaxmem(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    uint32_t flags;
    uint64_t kib;
    if (!guest_affect_flags(args, &flags, error) || !read_size(args, &kib, error) ||
        !guest_find(shell, args, &guest, error))
        return false;
    shell_doing(shell, _("Unable to change MaxMemorySize"));
    return flags ? lodge_domain_set_memory_flags(shell->connection, &guest, kib, flags | VIR_DOMAIN_MEM_MAXIMUM, error)
                 : lodge_domain_set_max_memory(shell->connection, &guest, kib, error);
}

static bool verb_dommemstat(Shell *shell, const Args *args, GError **error)
{
    static const char *const names[VIR_DOMAIN_MEMORY_STAT_NR] = {
        [VIR_DOMAIN_MEMORY_STAT_SWAP_IN] = "swap_in",
        [VIR_DOMAIN_MEMORY_STAT_SWAP_OUT] = "swap_out",
        [VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT] = "major_fault",
        [VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT] = "minor_fault",
        [VIR_DOMAIN_MEMORY_STAT_UNUSED] = "unused",
        [VIR_DOMAIN_MEMORY_STAT_AVAILABLE] = "available",
        [VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON] = "actual",
        [VIR_DOMAIN_MEMORY_STAT_RSS] = "rss",
        [VIR_DOMAIN_MEMORY_STAT_USABLE] = "usable",
        [VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE] = "last_update",
        [VIR_DOMAIN_MEMORY_STAT_DISK_CACHES] = "disk_caches",
        [VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC] = "hugetlb_pgalloc",
        [VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL] = "hugetlb_pgfail",
    };
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainMemoryStatsRet) stats = { 0 };
    uint32_t flags;
    int period = -1;
    if (!guest_affect_flags(args, &flags, error) || !args_int(args, "period", &period, error))
        return false;
    if (args_has(args, "period") && period < 0)
        return error_set(error, VIR_ERR_INVALID_ARG, _("Invalid collection period value '%d'"), period);
    if (!guest_find(shell, args, &guest, error))
        return false;
    if (period >= 0)
        return lodge_domain_set_memory_stats_period(shell->connection, &guest, period, flags, error);
    shell_doing(shell, _("Failed to get memory statistics for domain '%s'"), guest.name);
    if (!lodge_domain_memory_stats(shell->connection, &guest, VIR_DOMAIN_MEMORY_STAT_NR, 0, &stats, error))
        return false;
    for (uint32_t i = 0; i < stats.n_stats; i++) {
        int32_t tag = stats.stats[i].tag;
        if (tag < 0 || (size_t)tag >= G_N_ELEMENTS(names) || !names[tag])
            continue;
        output_line(shell->output, "%s %" PRIu64, names[tag], stats.stats[i].val);
        output_json_number(shell->output, names[tag], (int64_t)stats.stats[i].val);
    }
    return true;
}

static const VerbOption options_setmem[] = {
    OPTION_DOMAIN,
    { "size", OPTION_NUMBER, true, N_("new memory size, as scaled integer (default KiB)") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_setmaxmem[] = {
    OPTION_DOMAIN,
    { "size", OPTION_NUMBER, true, N_("new maximum memory size, as scaled integer (default KiB)") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_dommemstat[] = {
    OPTION_DOMAIN,
    { "period", OPTION_NUMBER, false, N_("period in seconds to set collection") },
    OPTIONS_AFFECT,
    { 0 },
};

const Verb verbs_memory[] = {
    { "setmem", GROUP_DOMAIN, N_("change memory allocation"), options_setmem, verb_setmem, 0, NULL },
    { "setmaxmem", GROUP_DOMAIN, N_("change maximum memory limit"), options_setmaxmem, verb_setmaxmem, 0, NULL },
    { "dommemstat", GROUP_MONITOR, N_("get memory statistics for a domain"), options_dommemstat, verb_dommemstat, 0,
      NULL },
    { 0 },
};
