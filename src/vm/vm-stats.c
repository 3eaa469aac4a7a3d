/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-stats.h"

#include "base/error.h"
#include "base/record.h"
#include "qemu/qemu-args.h"
#include "qemu/qmp-object.h"
#include "vm/vm-monitor.h"

#include <string.h>

#define SILENCE_MS 150 /* a QEMU that has not answered for this long is not asked anew */

static gpointer table_ref(GHashTable *table)
{
    return table ? g_hash_table_ref(table) : NULL;
}

static void table_clear(GHashTable **table)
{
    g_clear_pointer(table, g_hash_table_unref);
}

VmStats *vm_stats_ref(VmStats *stats)
{
    return record_ref(stats);
}

static void stats_clear(gpointer data)
{
    VmStats *stats = data;
    table_clear(&stats->blocks);
    table_clear(&stats->node_io);
    table_clear(&stats->nodes);
    g_clear_pointer(&stats->iothreads, g_array_unref);
    g_clear_pointer(&stats->dirty_rate.vcpu_rates, g_array_unref);
    vm_counters_clear(&stats->counters);
}

void vm_stats_unref(VmStats *stats)
{
    record_unref(stats, stats_clear);
}

/* The last answers of the run with the number @run. */
static VmStats *last_of_run(Vm *vm, int run)
{
    g_autoptr(VmStats) stats = record_get(&vm->view_lock, &vm->stats);
    return stats && stats->run == run ? g_steal_pointer(&stats) : NULL;
}

VmStats *vm_stats_last(Vm *vm, const VmView *view)
{
    return last_of_run(vm, view->id);
}

/* A changeable copy that shares what it holds; of an empty one for NULL. */
static VmStats *stats_copy(const VmStats *last, int run)
{
    VmStats *stats = last ? record_copy(VmStats, last) : record_new(VmStats);
    if (last) {
        table_ref(stats->blocks);
        table_ref(stats->node_io);
        table_ref(stats->nodes);
        if (stats->iothreads)
            g_array_ref(stats->iothreads);
        if (stats->dirty_rate.vcpu_rates)
            g_array_ref(stats->dirty_rate.vcpu_rates);
        vm_counters_share(&stats->counters);
    }
    stats->run = run;
    return stats;
}

static void parse_io(JsonObject *stats, VmBlockIo *io)
{
    io->rd_bytes = (guint64)qmp_get_int(stats, "rd_bytes", 0);
    io->wr_bytes = (guint64)qmp_get_int(stats, "wr_bytes", 0);
    io->rd_ops = (guint64)qmp_get_int(stats, "rd_operations", 0);
    io->wr_ops = (guint64)qmp_get_int(stats, "wr_operations", 0);
    io->rd_time_ns = (guint64)qmp_get_int(stats, "rd_total_time_ns", 0);
    io->wr_time_ns = (guint64)qmp_get_int(stats, "wr_total_time_ns", 0);
    io->flush_ops = (guint64)qmp_get_int(stats, "flush_operations", 0);
    io->flush_time_ns = (guint64)qmp_get_int(stats, "flush_total_time_ns", 0);
    io->errors =
        (guint64)(qmp_get_int(stats, "failed_rd_operations", 0) + qmp_get_int(stats, "failed_wr_operations", 0) +
                  qmp_get_int(stats, "failed_flush_operations", 0));
}

char *vm_alias_of_device(const char *device)
{
    static const char prefix[] = "/machine/peripheral/";
    if (!g_str_has_prefix(device, prefix))
        return g_strdup(device);
    const char *start = device + strlen(prefix);
    return g_strndup(start, strcspn(start, "/"));
}

static gpointer parse_block(JsonObject *object)
{
    VmBlockIo *io = g_new0(VmBlockIo, 1);
    JsonObject *parent = qmp_get_object(object, "parent");
    parse_io(qmp_get_object(object, "stats"), io);
    io->highest_offset =
        (guint64)qmp_get_int(qmp_get_object(parent ? parent : object, "stats"), "wr_highest_offset", 0);
    return io;
}

static gpointer parse_node(JsonObject *object)
{
    VmBlockNode *node = g_new0(VmBlockNode, 1);
    JsonObject *image = qmp_get_object(object, "image");
    node->virtual_size = (guint64)qmp_get_int(image, "virtual-size", 0);
    node->actual_size = (guint64)qmp_get_int(image, "actual-size", 0);
    node->threshold = (guint64)qmp_get_int(object, "write_threshold", 0);
    return node;
}

/* The alias of the guest's device that a backend serves; NULL: none. */
static char *device_alias(JsonObject *object)
{
    const char *device = qmp_get_string(object, "qdev");
    if (!device || !device[0])
        device = qmp_get_string(object, "device");
    return device && device[0] ? vm_alias_of_device(device) : NULL;
}

static char *node_name(JsonObject *object)
{
    return g_strdup(qmp_get_string(object, "node-name"));
}

/* Replaces @table by the reply's items by name; those without one are left out. */
static void take_named(GHashTable **table, JsonNode *reply, char *(*name_of)(JsonObject *object),
                       gpointer (*parse)(JsonObject *object))
{
    JsonArray *list = qmp_node_array(reply);
    table_clear(table);
    *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (unsigned i = 0; list && i < json_array_get_length(list); i++) {
        JsonObject *object = qmp_array_object(list, i);
        char *name = name_of(object);
        if (name)
            g_hash_table_insert(*table, name, parse(object));
    }
}

static void take_blocks(VmStats *stats, JsonNode *reply)
{
    take_named(&stats->blocks, reply, device_alias, parse_block);
}

static void take_node_io(VmStats *stats, JsonNode *reply)
{
    take_named(&stats->node_io, reply, node_name, parse_block);
}

static void take_nodes(VmStats *stats, JsonNode *reply)
{
    take_named(&stats->nodes, reply, node_name, parse_node);
}

static void take_iothreads(VmStats *stats, JsonNode *reply)
{
    JsonArray *list = qmp_node_array(reply);
    g_clear_pointer(&stats->iothreads, g_array_unref);
    stats->iothreads = g_array_new(FALSE, FALSE, sizeof(VmIothreadStats));
    for (unsigned i = 0; list && i < json_array_get_length(list); i++) {
        JsonObject *object = qmp_array_object(list, i);
        const char *name = qmp_get_string(object, "id");
        if (!name || !g_str_has_prefix(name, "iothread"))
            continue;
        VmIothreadStats thread = {
            .id = (unsigned)g_ascii_strtoull(name + strlen("iothread"), NULL, 10),
            .poll_max_ns = (guint64)qmp_get_int(object, "poll-max-ns", 0),
            .poll_grow = (guint64)qmp_get_int(object, "poll-grow", 0),
            .poll_shrink = (guint64)qmp_get_int(object, "poll-shrink", 0),
        };
        g_array_append_val(stats->iothreads, thread);
    }
}

static void take_balloon(VmStats *stats, JsonNode *reply)
{
    qemu_balloon_stats_parse(reply, &stats->balloon);
    stats->has_balloon = true;
}

static void copy_word(char *target, size_t size, const char *word)
{
    g_strlcpy(target, word ? word : "", size);
}

static void take_dirty_rate(VmStats *stats, JsonNode *reply)
{
    JsonObject *object = qmp_node_object(reply);
    JsonArray *vcpus = qmp_get_array(object, "vcpu-dirty-rate");
    VmDirtyRate *rate = &stats->dirty_rate;
    g_clear_pointer(&rate->vcpu_rates, g_array_unref);
    copy_word(rate->status, sizeof rate->status, qmp_get_string(object, "status"));
    copy_word(rate->mode, sizeof rate->mode, qmp_get_string(object, "mode"));
    rate->start_s = qmp_get_int(object, "start-time", 0);
    rate->period_s = qmp_get_int(object, "calc-time", 0);
    rate->rate = qmp_get_int(object, "dirty-rate", -1);
    if (vcpus)
        rate->vcpu_rates = g_array_new(FALSE, FALSE, sizeof(gint64));
    for (unsigned i = 0; vcpus && i < json_array_get_length(vcpus); i++) {
        gint64 value = qmp_get_int(qmp_array_object(vcpus, i), "dirty-rate", 0);
        g_array_append_val(rate->vcpu_rates, value);
    }
    stats->has_dirty_rate = true;
}

static void take_counter_kinds(VmStats *stats, JsonNode *reply)
{
    vm_counters_take_kinds(&stats->counters, reply);
}

static void take_vm_counters(VmStats *stats, JsonNode *reply)
{
    vm_counters_take_vm(&stats->counters, reply);
}

static void take_vcpu_counters(VmStats *stats, JsonNode *reply)
{
    vm_counters_take_vcpus(&stats->counters, reply);
}

static void take_vcpu_indexes(VmStats *stats, JsonNode *reply)
{
    vm_counters_take_indexes(&stats->counters, reply);
}

static JsonObject *target_vm_args(const VmView *view)
{
    return qmp_object("s:target", "vm", NULL);
}

static JsonObject *target_vcpu_args(const VmView *view)
{
    return qmp_object("s:target", "vcpu", NULL);
}

static JsonObject *query_nodes_args(const VmView *view)
{
    return qmp_object("b:query-nodes", (gboolean)TRUE, NULL);
}

static JsonObject *flat_args(const VmView *view)
{
    return qmp_object("b:flat", (gboolean)TRUE, NULL);
}

static const DomainMemballoon *find_balloon(const Domain *live)
{
    return live->n_memballoons > 0 && live->memballoons[0]->model != MEMBALLOON_MODEL_NONE ? live->memballoons[0]
                                                                                           : NULL;
}

static JsonObject *balloon_args(const VmView *view)
{
    return qemu_balloon_stats_args(find_balloon(view->live->domain)->info.alias);
}

static bool has_balloon_stats(const VmView *view, const VmStats *last)
{
    const DomainMemballoon *balloon = find_balloon(view->live->domain);
    return balloon && balloon->info.alias && balloon->stats_period > 0;
}

static bool has_disks(const VmView *view, const VmStats *last)
{
    return view->live->domain->n_disks > 0;
}

static bool has_iothreads(const VmView *view, const VmStats *last)
{
    return view->live->domain->iothreads > 0 || view->live->domain->n_iothread_list > 0;
}

/* Only KVM keeps counters that QEMU passes on. */
static bool is_kvm(const VmView *view, const VmStats *last)
{
    return view->live->domain->virt_type == VIRT_TYPE_KVM;
}

static bool needs_kinds(const VmView *view, const VmStats *last)
{
    return is_kvm(view, last) && !(last && last->counters.kinds);
}

/* Once it is known, it changes only if somebody has ordered a measurement. */
static bool may_measure(const VmView *view, const VmStats *last)
{
    return view->monitor_used || view->dirty_rate_ordered || !last || !last->has_dirty_rate;
}

/* One row a question to QEMU: when it makes sense, and what becomes of the answer. */
static const struct {
    VmStatsQuestions question;
    const char *command;
    JsonObject *(*args)(const VmView *view); /* NULL: none */
    bool (*applies)(const VmView *view, const VmStats *last);
    void (*take)(VmStats *stats, JsonNode *reply);
} question_rows[] = {
    { VM_STATS_BALLOON, "qom-get", balloon_args, has_balloon_stats, take_balloon },
    { VM_STATS_BLOCK, "query-blockstats", NULL, has_disks, take_blocks },
    { VM_STATS_BLOCK, "query-named-block-nodes", flat_args, has_disks, take_nodes },
    { VM_STATS_BACKING, "query-blockstats", query_nodes_args, has_disks, take_node_io },
    { VM_STATS_IOTHREAD, "query-iothreads", NULL, has_iothreads, take_iothreads },
    { VM_STATS_DIRTY_RATE, "query-dirty-rate", NULL, may_measure, take_dirty_rate },
    { VM_STATS_VM | VM_STATS_VCPU, "query-stats-schemas", NULL, needs_kinds, take_counter_kinds },
    { VM_STATS_VM, "query-stats", target_vm_args, is_kvm, take_vm_counters },
    { VM_STATS_VCPU, "query-stats", target_vcpu_args, is_kvm, take_vcpu_counters },
    { VM_STATS_VCPU, "query-cpus-fast", NULL, is_kvm, take_vcpu_indexes },
};

struct VmStatsQuery {
    Vm *vm; /* a reference */
    Qmp *qmp;
    int run;
    QmpPending *pending[G_N_ELEMENTS(question_rows)]; /* NULL: not asked */
};

VmStatsQuery *vm_stats_send(Vm *vm, const VmView *view, VmStatsQuestions questions)
{
    if (!vm_view_active(view))
        return NULL;
    g_autoptr(Qmp) qmp = vm_monitor_ref(vm);
    if (!qmp || qmp_silence_ms(qmp) > SILENCE_MS)
        return NULL;
    g_autoptr(VmStats) last = vm_stats_last(vm, view);
    VmStatsQuery *query = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(question_rows); i++) {
        if (!(questions & question_rows[i].question) || !question_rows[i].applies(view, last))
            continue;
        if (!query) {
            query = g_new0(VmStatsQuery, 1);
            query->vm = vm_ref(vm);
            query->qmp = qmp_ref(qmp);
            query->run = view->id;
        }
        JsonObject *args = question_rows[i].args ? question_rows[i].args(view) : NULL;
        query->pending[i] = qmp_send(qmp, question_rows[i].command, args);
    }
    return query;
}

bool vm_stats_receive(VmStatsQuery *query, gint64 deadline)
{
    if (!query)
        return false;
    g_autoptr(VmStats) last = last_of_run(query->vm, query->run);
    VmStats *next = stats_copy(last, query->run);
    bool complete = true;
    for (unsigned i = 0; i < G_N_ELEMENTS(question_rows); i++) {
        g_autoptr(JsonNode) reply = NULL;
        g_autoptr(GError) error = NULL;
        if (!query->pending[i])
            continue;
        gint64 left_ms = MAX((deadline - g_get_monotonic_time()) / 1000, 0);
        if (qmp_wait(query->pending[i], (int)left_ms, &reply, &error))
            question_rows[i].take(next, reply);
        else if (error_is(error, VIR_ERR_OPERATION_TIMEOUT) || error_is(error, VIR_ERR_OPERATION_FAILED))
            complete = false; /* as against a question that this QEMU does not know */
    }
    vm_stats_unref(record_swap(&query->vm->view_lock, &query->vm->stats, next));
    qmp_unref(query->qmp);
    vm_unref(query->vm);
    g_free(query);
    return complete;
}
