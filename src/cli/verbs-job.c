/* SPDX-License-Identifier: Apache-2.0 */
/* Work that runs on a guest for a while: how far it is, how it went, its end. */
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/table.h"
#include "cli/typed-params.h"
#include "cli/verbs.h"

#include <inttypes.h>
#include <string.h>

static const char *const job_types[] = { N_("None"),      N_("Bounded"), N_("Unbounded"),
                                         N_("Completed"), N_("Failed"),  N_("Cancelled") };

static const char *const operations[] = {
    [VIR_DOMAIN_JOB_OPERATION_UNKNOWN] = N_("Unknown"),
    [VIR_DOMAIN_JOB_OPERATION_START] = N_("Start"),
    [VIR_DOMAIN_JOB_OPERATION_SAVE] = N_("Save"),
    [VIR_DOMAIN_JOB_OPERATION_RESTORE] = N_("Restore"),
    [VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN] = N_("Incoming migration"),
    [VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT] = N_("Outgoing migration"),
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT] = N_("Snapshot"),
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_REVERT] = N_("Snapshot revert"),
    [VIR_DOMAIN_JOB_OPERATION_DUMP] = N_("Dump"),
    [VIR_DOMAIN_JOB_OPERATION_BACKUP] = N_("Backup"),
    [VIR_DOMAIN_JOB_OPERATION_SNAPSHOT_DELETE] = N_("Snapshot delete"),
};

typedef enum { FIGURE_COUNT, FIGURE_SIZE, FIGURE_RATE, FIGURE_TEXT } FigureKind;

/* What people are told of a job, in this order. */
static const struct {
    const char *parameter, *key, *label;
    FigureKind kind;
    const char *unit;
    bool skip_zero; /* 0 says that nothing is known */
} figures[] = {
    { VIR_DOMAIN_JOB_TIME_ELAPSED, "elapsed_ms", N_("Time elapsed:"), FIGURE_COUNT, "ms", false },
    { VIR_DOMAIN_JOB_TIME_ELAPSED_NET, "elapsed_net_ms", N_("Time elapsed w/o network:"), FIGURE_COUNT, "ms", false },
    { VIR_DOMAIN_JOB_TIME_REMAINING, "remaining_ms", N_("Time remaining:"), FIGURE_COUNT, "ms", false },
    { VIR_DOMAIN_JOB_DATA_PROCESSED, "data_processed", N_("Data processed:"), FIGURE_SIZE, NULL, false },
    { VIR_DOMAIN_JOB_DATA_REMAINING, "data_remaining", N_("Data remaining:"), FIGURE_SIZE, NULL, false },
    { VIR_DOMAIN_JOB_DATA_TOTAL, "data_total", N_("Data total:"), FIGURE_SIZE, NULL, false },
    { VIR_DOMAIN_JOB_MEMORY_PROCESSED, "memory_processed", N_("Memory processed:"), FIGURE_SIZE, NULL, false },
    { VIR_DOMAIN_JOB_MEMORY_REMAINING, "memory_remaining", N_("Memory remaining:"), FIGURE_SIZE, NULL, false },
    { VIR_DOMAIN_JOB_MEMORY_TOTAL, "memory_total", N_("Memory total:"), FIGURE_SIZE, NULL, false },
    { VIR_DOMAIN_JOB_MEMORY_BPS, "memory_bytes_per_second", N_("Memory bandwidth:"), FIGURE_RATE, NULL, true },
    { VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE, "dirty_pages_per_second", N_("Dirty rate:"), FIGURE_COUNT, "pages/s", false },
    { VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE, "page_size", N_("Page size:"), FIGURE_COUNT, "bytes", false },
    { VIR_DOMAIN_JOB_MEMORY_ITERATION, "iteration", N_("Iteration:"), FIGURE_COUNT, NULL, false },
    { VIR_DOMAIN_JOB_MEMORY_POSTCOPY_REQS, "postcopy_requests", N_("Postcopy requests:"), FIGURE_COUNT, NULL, false },
    { VIR_DOMAIN_JOB_MEMORY_CONSTANT, "constant_pages", N_("Constant pages:"), FIGURE_COUNT, NULL, false },
    { VIR_DOMAIN_JOB_MEMORY_NORMAL, "normal_pages", N_("Normal pages:"), FIGURE_COUNT, NULL, false },
    { VIR_DOMAIN_JOB_MEMORY_NORMAL_BYTES, "normal_bytes", N_("Normal data:"), FIGURE_SIZE, NULL, false },
    { VIR_DOMAIN_JOB_DOWNTIME, "downtime_ms", N_("Total downtime:"), FIGURE_COUNT, "ms", false },
    { VIR_DOMAIN_JOB_SETUP_TIME, "setup_ms", N_("Setup time:"), FIGURE_COUNT, "ms", false },
    { VIR_DOMAIN_JOB_ERRMSG, "error", N_("Error message:"), FIGURE_TEXT, NULL, false },
};

static void print_word(Output *output, const char *key, const char *label, const char *word)
{
    g_autofree char *padded = table_padded(_(word), 12);
    output_text(output, key, label, output_is_json(output) ? word : padded);
}

static void print_figure(Output *output, size_t row, const LodgeDomainGetJobStatsRet *stats)
{
    const char *label = _(figures[row].label), *key = figures[row].key;
    if (figures[row].kind == FIGURE_TEXT) {
        const LodgeTypedValue *text = typed_params_find(stats->params, stats->n_params, figures[row].parameter);
        if (text && text->type == LODGE_VALUE_STRING)
            output_text(output, key, label, text->s);
        return;
    }
    int64_t value;
    if (!typed_params_number(stats->params, stats->n_params, figures[row].parameter, &value) ||
        (!value && figures[row].skip_zero))
        return;
    g_autofree char *size = output_human_size((uint64_t)value);
    g_autofree char *text = figures[row].kind == FIGURE_RATE   ? g_strconcat(size, "/s", NULL)
                            : figures[row].kind == FIGURE_SIZE ? g_steal_pointer(&size)
                            : figures[row].unit ? g_strdup_printf("%-12" PRId64 " %s", value, figures[row].unit)
                                                : g_strdup_printf("%-12" PRId64, value);
    if (output_is_json(output))
        output_json_number(output, key, value);
    else
        output_text(output, NULL, label, text);
}

static void print_raw(Output *output, const LodgeDomainGetJobStatsRet *stats)
{
    output_json_number(output, "type", stats->type);
    output_line(output, _("Job type: %d"), stats->type);
    output_line(output, "%s", "");
    for (uint32_t i = 0; i < stats->n_params; i++) {
        const LodgeTypedValue *value = &stats->params[i].value;
        g_autofree char *text =
            value->type == LODGE_VALUE_BOOLEAN ? g_strdup(value->b ? "1" : "0") : typed_value_text(value);
        typed_value_json(output, stats->params[i].field, value);
        output_line(output, "%s: %s", stats->params[i].field, text);
    }
}

static bool verb_domjobinfo(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetJobStatsRet) stats = { 0 };
    Output *output = shell->output;
    uint32_t flags = (args_has(args, "completed") ? VIR_DOMAIN_JOB_STATS_COMPLETED : 0u) |
                     (args_has(args, "keep-completed") ? VIR_DOMAIN_JOB_STATS_KEEP_COMPLETED : 0u);
    if (!args_requires(args, "keep-completed", "completed", error) || !guest_find(shell, args, &guest, error) ||
        !lodge_domain_get_job_stats(shell->connection, &guest, flags, &stats, error))
        return false;
    if (args_has(args, "rawstats")) {
        print_raw(output, &stats);
        return true;
    }
    output_set_label_width(output, 17);
    bool known = stats.type >= 0 && (size_t)stats.type < G_N_ELEMENTS(job_types);
    print_word(output, "type", _("Job type:"), known ? job_types[stats.type] : N_("unknown"));
    bool shown = stats.type == VIR_DOMAIN_JOB_BOUNDED || stats.type == VIR_DOMAIN_JOB_UNBOUNDED ||
                 stats.type == VIR_DOMAIN_JOB_COMPLETED || args_has(args, "anystats");
    if (!shown || stats.type == VIR_DOMAIN_JOB_NONE)
        return true;
    int64_t operation = 0;
    typed_params_number(stats.params, stats.n_params, VIR_DOMAIN_JOB_OPERATION, &operation);
    known = operation >= 0 && (size_t)operation < G_N_ELEMENTS(operations);
    print_word(output, "operation", _("Operation:"), operations[known ? operation : 0]);
    for (size_t i = 0; i < G_N_ELEMENTS(figures); i++)
        print_figure(output, i, &stats);
    return true;
}

static bool verb_domjobabort(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    return guest_find(shell, args, &guest, error) &&
           (args_has(args, "postcopy")
                ? lodge_domain_abort_job_flags(shell->connection, &guest, VIR_DOMAIN_ABORT_JOB_POSTCOPY, error)
                : lodge_domain_abort_job(shell->connection, &guest, error));
}

static bool verb_domdirtyrate_calc(Shell *shell, const Args *args, GError **error)
{
    static const struct {
        const char *name;
        uint32_t flag;
    } modes[] = {
        { "page-sampling", VIR_DOMAIN_DIRTYRATE_MODE_PAGE_SAMPLING },
        { "dirty-bitmap", VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_BITMAP },
        { "dirty-ring", VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_RING },
    };
    g_auto(LodgeDomain) guest = { 0 };
    const char *name = args_has(args, "mode") ? args_string(args, "mode") : modes[0].name;
    int seconds = 1;
    size_t mode = 0;
    while (mode < G_N_ELEMENTS(modes) && strcmp(modes[mode].name, name) != 0)
        mode++;
    if (mode == G_N_ELEMENTS(modes))
        return error_set(error, VIR_ERR_INVALID_ARG,
                         _("Unknown calculation mode '%s'; write page-sampling, dirty-bitmap or dirty-ring"), name);
    if (!args_int(args, "seconds", &seconds, error) || !guest_find(shell, args, &guest, error) ||
        !lodge_domain_start_dirty_rate_calc(shell->connection, &guest, seconds, modes[mode].flag, error))
        return false;
    output_remark(shell->output, _("Start to calculate domain's memory dirty rate successfully."));
    return true;
}

static const VerbOption options_domjobinfo[] = {
    OPTION_DOMAIN,
    { "completed", OPTION_FLAG, false, N_("return statistics of a recently completed job") },
    { "keep-completed", OPTION_FLAG, false, N_("don't destroy statistics of a recently completed job when reading") },
    { "anystats", OPTION_FLAG, false, N_("print statistics for any kind of job (even failed ones)") },
    { "rawstats", OPTION_FLAG, false, N_("print all figures as the daemon sends them") },
    { 0 },
};

static const VerbOption options_domjobabort[] = {
    OPTION_ACTIVE_DOMAIN,
    { "postcopy", OPTION_FLAG, false, N_("interrupt post-copy migration") },
    { 0 },
};

static const VerbOption options_dirtyrate[] = {
    OPTION_ACTIVE_DOMAIN,
    { "seconds", OPTION_NUMBER, false, N_("how long to measure, 1 to 60 seconds (default: 1)") },
    { "mode", OPTION_STRING, false, N_("how to measure; default: page-sampling"), COMPLETE_WORDS,
      "page-sampling dirty-bitmap dirty-ring" },
    { 0 },
};

const Verb verbs_job[] = {
    { "domjobinfo", GROUP_DOMAIN, N_("domain job information"), options_domjobinfo, verb_domjobinfo, 0, NULL },
    { "domjobabort", GROUP_DOMAIN, N_("abort active domain job"), options_domjobabort, verb_domjobabort, 0, NULL },
    { "domdirtyrate-calc", GROUP_DOMAIN, N_("Calculate a vm's memory dirty rate"), options_dirtyrate,
      verb_domdirtyrate_calc, 0,
      N_("Measures how fast a domain writes its memory; domstats --dirtyrate shows the result.") },
    { 0 },
};
