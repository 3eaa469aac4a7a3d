/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/table.h"
#include "cli/typed-params.h"
#include "cli/verbs.h"

#include "base/error.h"
#include "base/state-words.h"
#include "base/uuid.h"

#include <string.h>

/* One guest with all that a row can show. */
typedef struct {
    const LodgeDomain *guest;
    int state;
    bool saved;
    char *title;
} Row;

static void row_clear(gpointer data)
{
    g_free(((Row *)data)->title);
}

static const struct {
    const char *option;
    uint32_t flag;
} filters[] = {
    { "transient", VIR_CONNECT_LIST_DOMAINS_TRANSIENT },
    { "persistent", VIR_CONNECT_LIST_DOMAINS_PERSISTENT },
    { "with-snapshot", VIR_CONNECT_LIST_DOMAINS_HAS_SNAPSHOT },
    { "without-snapshot", VIR_CONNECT_LIST_DOMAINS_NO_SNAPSHOT },
    { "with-checkpoint", VIR_CONNECT_LIST_DOMAINS_HAS_CHECKPOINT },
    { "without-checkpoint", VIR_CONNECT_LIST_DOMAINS_NO_CHECKPOINT },
    { "state-running", VIR_CONNECT_LIST_DOMAINS_RUNNING },
    { "state-paused", VIR_CONNECT_LIST_DOMAINS_PAUSED },
    { "state-shutoff", VIR_CONNECT_LIST_DOMAINS_SHUTOFF },
    { "state-other", VIR_CONNECT_LIST_DOMAINS_OTHER },
    { "autostart", VIR_CONNECT_LIST_DOMAINS_AUTOSTART },
    { "no-autostart", VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART },
    { "with-managed-save", VIR_CONNECT_LIST_DOMAINS_MANAGEDSAVE },
    { "without-managed-save", VIR_CONNECT_LIST_DOMAINS_NO_MANAGEDSAVE },
};

/* Which guests: running ones unless something else is asked for. */
static uint32_t list_flags(const Args *args)
{
    uint32_t flags = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(filters); i++)
        if (args_has(args, filters[i].option))
            flags |= filters[i].flag;
    if (args_has(args, "inactive"))
        return flags | VIR_CONNECT_LIST_DOMAINS_INACTIVE;
    bool named_state = args_has(args, "state-shutoff") || args_has(args, "state-other");
    if (!args_has(args, "all") && !named_state)
        flags |= VIR_CONNECT_LIST_DOMAINS_ACTIVE;
    return flags;
}

/* Running guests by id, then the others by name. */
static int compare_rows(gconstpointer a, gconstpointer b)
{
    const LodgeDomain *first = ((const Row *)a)->guest, *second = ((const Row *)b)->guest;
    if (guest_is_running(first) != guest_is_running(second))
        return guest_is_running(first) ? -1 : 1;
    if (guest_is_running(first))
        return first->id - second->id;
    return g_ascii_strcasecmp(first->name, second->name);
}

/* The states of all guests by one call; guests that went away meanwhile keep "no state". */
static bool fill_states(Shell *shell, const LodgeConnectListAllDomainsRet *guests, GArray *rows, GError **error)
{
    g_auto(LodgeConnectGetAllDomainStatsRet) stats = { 0 };
    g_autoptr(GHashTable) by_uuid = g_hash_table_new(uuid_hash, uuid_key_equal);
    g_autoptr(GError) reason = NULL;
    if (!lodge_connect_get_all_domain_stats(shell->connection, guests->domains, guests->n_domains,
                                            VIR_DOMAIN_STATS_STATE, 0, &stats, &reason)) {
        if (!error_is(reason, VIR_ERR_NO_SUPPORT)) {
            g_propagate_error(error, g_steal_pointer(&reason));
            return false;
        }
        for (unsigned i = 0; i < rows->len; i++) {
            Row *row = &g_array_index(rows, Row, i);
            LodgeDomainGetStateRet state;
            if (lodge_domain_get_state(shell->connection, row->guest, 0, &state, NULL))
                row->state = state.state;
        }
        return true;
    }
    for (uint32_t i = 0; i < stats.n_ret_stats; i++)
        g_hash_table_insert(by_uuid, &stats.ret_stats[i].dom.uuid, &stats.ret_stats[i]);
    for (unsigned i = 0; i < rows->len; i++) {
        Row *row = &g_array_index(rows, Row, i);
        const LodgeDomainStatsRecord *record = g_hash_table_lookup(by_uuid, &row->guest->uuid);
        int64_t state;
        if (record && typed_params_number(record->params, record->n_params, "state.state", &state))
            row->state = (int)state;
    }
    return true;
}

/* What costs a call for each guest, only where a column shows it. */
static void fill_details(Shell *shell, const Args *args, Row *row)
{
    int32_t saved = 0;
    if (args_has(args, "managed-save") && !guest_is_running(row->guest) &&
        lodge_domain_has_managed_save_image(shell->connection, row->guest, 0, &saved, NULL))
        row->saved = saved > 0;
    if (args_has(args, "title"))
        /* A guest without a title is the normal case, not a failure. */
        lodge_domain_get_metadata(shell->connection, row->guest, VIR_DOMAIN_METADATA_TITLE, NULL, 0, &row->title, NULL);
}

static void print_words(Shell *shell, const Args *args, const GArray *rows)
{
    for (unsigned i = 0; i < rows->len; i++) {
        const LodgeDomain *guest = g_array_index(rows, Row, i).guest;
        bool only_id = args_has(args, "id") && !args_has(args, "uuid") && !args_has(args, "name");
        if (only_id && !guest_is_running(guest))
            continue; /* it has none */
        g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
        char uuid[UUID_TEXT_SIZE];
        uuid_format((const Uuid *)(const void *)&guest->uuid, uuid);
        if (args_has(args, "uuid"))
            g_ptr_array_add(words, g_strdup(uuid));
        if (args_has(args, "id"))
            g_ptr_array_add(words, guest_is_running(guest) ? g_strdup_printf("%d", guest->id) : g_strdup("-"));
        if (args_has(args, "name"))
            g_ptr_array_add(words, g_strdup(guest->name));
        g_ptr_array_add(words, NULL);
        g_autofree char *line = g_strjoinv(" ", (char **)words->pdata);
        output_line(shell->output, "%s", line);
    }
}

static void print_table(Shell *shell, const Args *args, const GArray *rows)
{
    static const Column plain[] = {
        { "id", N_("Id"), CELL_NUMBER }, { "name", N_("Name"), CELL_TEXT }, { "state", N_("State"), CELL_STATE }, { 0 }
    };
    static const Column titled[] = { { "id", N_("Id"), CELL_NUMBER },
                                     { "name", N_("Name"), CELL_TEXT },
                                     { "state", N_("State"), CELL_STATE },
                                     { "title", N_("Title"), CELL_TEXT },
                                     { 0 } };
    static const Column json[] = { { "id", "", CELL_NUMBER },  { "name", "", CELL_TEXT },  { "uuid", "", CELL_TEXT },
                                   { "state", "", CELL_TEXT }, { "title", "", CELL_TEXT }, { 0 } };
    bool as_json = output_is_json(shell->output), with_title = args_has(args, "title");
    g_autoptr(Table) table = table_new(as_json ? json : with_title ? titled : plain);
    for (unsigned i = 0; i < rows->len; i++) {
        const Row *row = &g_array_index(rows, Row, i);
        const char *state = row->saved ? N_("saved") : state_word(row->state);
        g_autofree char *id = guest_is_running(row->guest) ? g_strdup_printf("%d", row->guest->id) : NULL;
        char uuid[UUID_TEXT_SIZE];
        uuid_format((const Uuid *)(const void *)&row->guest->uuid, uuid);
        if (as_json)
            table_row(table, id, row->guest->name, uuid, state, row->title);
        else
            table_row(table, id, row->guest->name, state, row->title ? row->title : "");
    }
    table_print(table, shell->output, "domains");
}

static bool verb_list(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeConnectListAllDomainsRet) guests = { 0 };
    bool words = args_has(args, "uuid") || args_has(args, "name") || args_has(args, "id");
    shell_doing(shell, _("Failed to list domains"));
    if (words && args_has(args, "table"))
        return error_set(error, VIR_ERR_INVALID_ARG,
                         _("Only one argument from --table, --name and --uuid may be specified."));
    if (!lodge_connect_list_all_domains(shell->connection, list_flags(args), &guests, error))
        return false;
    g_autoptr(GArray) rows = g_array_new(FALSE, TRUE, sizeof(Row));
    g_array_set_clear_func(rows, row_clear);
    for (uint32_t i = 0; i < guests.n_domains; i++) {
        Row row = { .guest = &guests.domains[i], .state = VIR_DOMAIN_NOSTATE };
        g_array_append_val(rows, row);
    }
    g_array_sort(rows, compare_rows);
    words &= !output_is_json(shell->output);
    if (!words && guests.n_domains && !fill_states(shell, &guests, rows, error))
        return false;
    for (unsigned i = 0; i < rows->len && !words; i++)
        fill_details(shell, args, &g_array_index(rows, Row, i));
    if (words)
        print_words(shell, args, rows);
    else
        print_table(shell, args, rows);
    return true;
}

static const VerbOption options_list[] = {
    { "inactive", OPTION_FLAG, false, N_("list inactive domains") },
    { "all", OPTION_FLAG, false, N_("list inactive & active domains") },
    { "transient", OPTION_FLAG, false, N_("list transient domains") },
    { "persistent", OPTION_FLAG, false, N_("list persistent domains") },
    { "with-snapshot", OPTION_FLAG, false, N_("list domains with existing snapshot") },
    { "without-snapshot", OPTION_FLAG, false, N_("list domains without a snapshot") },
    { "with-checkpoint", OPTION_FLAG, false, N_("list domains with existing checkpoint") },
    { "without-checkpoint", OPTION_FLAG, false, N_("list domains without a checkpoint") },
    { "state-running", OPTION_FLAG, false, N_("list domains in running state") },
    { "state-paused", OPTION_FLAG, false, N_("list domains in paused state") },
    { "state-shutoff", OPTION_FLAG, false, N_("list domains in shutoff state") },
    { "state-other", OPTION_FLAG, false, N_("list domains in other states") },
    { "autostart", OPTION_FLAG, false, N_("list domains with autostart enabled") },
    { "no-autostart", OPTION_FLAG, false, N_("list domains with autostart disabled") },
    { "with-managed-save", OPTION_FLAG, false, N_("list domains with managed save state") },
    { "without-managed-save", OPTION_FLAG, false, N_("list domains without managed save") },
    { "uuid", OPTION_FLAG, false, N_("list UUIDs only") },
    { "name", OPTION_FLAG, false, N_("list domain names only") },
    { "id", OPTION_FLAG, false, N_("list domain IDs only") },
    { "table", OPTION_FLAG, false, N_("list table (default)") },
    { "managed-save", OPTION_FLAG, false, N_("mark inactive domains with managed save state") },
    { "title", OPTION_FLAG, false, N_("show domain title") },
    { 0 },
};

const Verb verbs_list[] = {
    { "list", GROUP_MONITOR, N_("list domains"), options_list, verb_list, 0,
      N_("Lists the running domains, or those that the options choose.") },
    { 0 },
};
