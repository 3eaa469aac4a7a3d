/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics of many guests in one call. All QEMUs are asked before the first answer is waited for, all share one
 * deadline, and no mailbox is entered: a guest that is busy or hangs delays nobody, its last answers stand in.
 */
#include "base/error.h"
#include "host/host-netstat.h"
#include "host/host-procstat.h"
#include "host/host-sysfs.h"
#include "qemu/qemu-args.h"
#include "rpc/handlers.h"
#include "rpc/wire-params.h"
#include "vm/vm-block-info.h"
#include "vm/vm-lookup.h"
#include "vm/vm-perf.h"
#include "vm/vm-registry.h"
#include "vm/vm-stats.h"
#include "vm/vm-vcpu.h"
#include "vm/vm-wire.h"

#define DEADLINE_MS    200 /* for the answers of all guests together; a QEMU that is well needs less than 1 ms */
#define NAME_MAX_BYTES 96

/* One guest of the call. */
typedef struct {
    Vm *vm;
    VmView *view;
    VmStatsQuery *query;
    VmStats *stats; /* NULL: it has never answered, or is off */
} Subject;

typedef struct {
    unsigned flags;
    bool wait_counted; /* whether the kernel keeps the time that threads wait */
} Context;

static void subject_clear(gpointer data)
{
    Subject *subject = data;
    vm_stats_unref(subject->stats);
    vm_view_unref(subject->view);
    vm_unref(subject->vm);
}

static void add_state(const Context *context, const Subject *subject, WireParams *params)
{
    wire_params_add_int(params, "state.state", subject->view->state);
    wire_params_add_int(params, "state.reason", subject->view->reason);
}

/* Sums a file over KVM's debug directories of a process: one a virtual machine. */
static uint64_t kvm_debug_sum(GPtrArray *names, pid_t pid, const char *file)
{
    g_autofree char *prefix = g_strdup_printf("%d-", (int)pid);
    uint64_t sum = 0, value;
    for (unsigned i = 0; i < names->len; i++) {
        if (g_str_has_prefix(names->pdata[i], prefix) &&
            host_sysfs_read_u64(&value, "", "/sys/kernel/debug/kvm/%s/%s", (const char *)names->pdata[i], file))
            sum += value;
    }
    return sum;
}

static void add_cpu(const Context *context, const Subject *subject, WireParams *params)
{
    const VmView *view = subject->view;
    HostProcStat stat;
    if (!vm_view_active(view) || !host_procstat_process("", view->process.pid, &stat, NULL))
        return;
    wire_params_add_ullong(params, "cpu.time", stat.user_ns + stat.system_ns);
    wire_params_add_ullong(params, "cpu.user", stat.user_ns);
    wire_params_add_ullong(params, "cpu.system", stat.system_ns);
    wire_params_add_uint(params, "cpu.cache.monitor.count", 0);
    uint64_t success = 0, fail = 0;
    if (view->live->domain->virt_type == VIRT_TYPE_KVM) {
        g_autoptr(GPtrArray) names = host_sysfs_list("", "/sys/kernel/debug/kvm");
        success = kvm_debug_sum(names, view->process.pid, "halt_poll_success_ns");
        fail = kvm_debug_sum(names, view->process.pid, "halt_poll_fail_ns");
    }
    wire_params_add_ullong(params, "cpu.haltpoll.success.time", success);
    wire_params_add_ullong(params, "cpu.haltpoll.fail.time", fail);
}

static void add_known(WireParams *params, const char *field, uint64_t value, uint64_t divisor)
{
    if (value != UINT64_MAX)
        wire_params_add_ullong(params, field, value / divisor);
}

static void add_balloon(const Context *context, const Subject *subject, WireParams *params)
{
    const Domain *domain = vm_view_domain(subject->view);
    HostProcStat stat;
    wire_params_add_ullong(params, "balloon.current", domain->current_memory);
    wire_params_add_ullong(params, "balloon.maximum", domain->memory);
    if (!vm_view_active(subject->view))
        return;
    if (subject->stats && subject->stats->has_balloon) {
        const QemuBalloonStats *balloon = &subject->stats->balloon;
        add_known(params, "balloon.swap_in", balloon->swap_in, 1024);
        add_known(params, "balloon.swap_out", balloon->swap_out, 1024);
        add_known(params, "balloon.major_fault", balloon->major_faults, 1);
        add_known(params, "balloon.minor_fault", balloon->minor_faults, 1);
        add_known(params, "balloon.unused", balloon->free, 1024);
        add_known(params, "balloon.available", balloon->total, 1024);
        add_known(params, "balloon.usable", balloon->available, 1024);
        wire_params_add_ullong(params, "balloon.last-update", (uint64_t)balloon->last_update);
        add_known(params, "balloon.disk_caches", balloon->disk_caches, 1024);
        add_known(params, "balloon.hugetlb_pgalloc", balloon->hugetlb_allocations, 1);
        add_known(params, "balloon.hugetlb_pgfail", balloon->hugetlb_failures, 1);
    }
    if (host_procstat_process("", subject->view->process.pid, &stat, NULL))
        wire_params_add_ullong(params, "balloon.rss", stat.rss_bytes / 1024);
}

/* "wait_sum : 12.345678" in ms, of a file that is costly to read: only where the kernel counts it at all. */
static uint64_t thread_wait_ns(pid_t pid, pid_t tid)
{
    g_autofree char *text = host_sysfs_read("", "/proc/%d/task/%d/sched", (int)pid, (int)tid);
    const char *line = text ? strstr(text, "wait_sum") : NULL;
    const char *colon = line ? strchr(line, ':') : NULL;
    return colon ? (uint64_t)(g_ascii_strtod(colon + 1, NULL) * 1e6) : 0;
}

static void add_vcpu(const Context *context, const Subject *subject, WireParams *params)
{
    const VmView *view = subject->view;
    const Domain *domain = vm_view_domain(view);
    char name[NAME_MAX_BYTES];
    wire_params_add_uint(params, "vcpu.current", vm_vcpus_online(domain));
    wire_params_add_uint(params, "vcpu.maximum", domain->max_vcpus);
    for (unsigned i = 0; view->vcpu_tids && i < view->vcpu_tids->len; i++) {
        pid_t tid = vm_vcpu_thread(view, i), pid = view->process.pid;
        HostProcStat stat;
        HostProcSched sched = { 0 };
        if (!tid || !host_procstat_thread("", pid, tid, &stat, NULL))
            continue;
        host_procstat_sched("", pid, tid, &sched, NULL);
        g_snprintf(name, sizeof name, "vcpu.%u.state", i);
        wire_params_add_int(params, name, VIR_VCPU_RUNNING);
        g_snprintf(name, sizeof name, "vcpu.%u.time", i);
        wire_params_add_ullong(params, name, stat.user_ns + stat.system_ns);
        g_snprintf(name, sizeof name, "vcpu.%u.wait", i);
        wire_params_add_ullong(params, name, context->wait_counted ? thread_wait_ns(pid, tid) : 0);
        g_snprintf(name, sizeof name, "vcpu.%u.delay", i);
        wire_params_add_ullong(params, name, sched.wait_ns);
        if (subject->stats)
            vm_counters_add_vcpu(&subject->stats->counters, i, params);
    }
}

static void add_net_counter(WireParams *params, unsigned index, const char *what, uint64_t value)
{
    char name[NAME_MAX_BYTES];
    g_snprintf(name, sizeof name, "net.%u.%s", index, what);
    wire_params_add_ullong(params, name, value);
}

static void add_interface(const Context *context, const Subject *subject, WireParams *params)
{
    char name[NAME_MAX_BYTES];
    if (!vm_view_active(subject->view))
        return;
    const Domain *live = subject->view->live->domain;
    wire_params_add_uint(params, "net.count", live->n_interfaces);
    for (unsigned i = 0; i < live->n_interfaces; i++) {
        const char *device = live->interfaces[i]->target;
        HostNetStat stat;
        if (!device)
            continue;
        g_snprintf(name, sizeof name, "net.%u.name", i);
        wire_params_add_string(params, name, device);
        if (!host_netstat_read_as_guest("", device, &stat, NULL))
            continue;
        add_net_counter(params, i, "rx.bytes", stat.rx_bytes);
        add_net_counter(params, i, "rx.pkts", stat.rx_packets);
        add_net_counter(params, i, "rx.errs", stat.rx_errors);
        add_net_counter(params, i, "rx.drop", stat.rx_dropped);
        add_net_counter(params, i, "tx.bytes", stat.tx_bytes);
        add_net_counter(params, i, "tx.pkts", stat.tx_packets);
        add_net_counter(params, i, "tx.errs", stat.tx_errors);
        add_net_counter(params, i, "tx.drop", stat.tx_dropped);
    }
}

static void add_block_number(WireParams *params, unsigned index, const char *what, uint64_t value)
{
    char name[NAME_MAX_BYTES];
    g_snprintf(name, sizeof name, "block.%u.%s", index, what);
    wire_params_add_ullong(params, name, value);
}

/* @number: the link's in its chain, 0: it has none. */
static void add_block_source(WireParams *params, unsigned index, const char *target, const StorageSource *source,
                             unsigned number)
{
    char name[NAME_MAX_BYTES];
    g_snprintf(name, sizeof name, "block.%u.name", index);
    wire_params_add_string(params, name, target);
    if (source->type == STORAGE_TYPE_FILE || source->type == STORAGE_TYPE_BLOCK) {
        g_snprintf(name, sizeof name, "block.%u.path", index);
        wire_params_add_string(params, name, source->path);
    }
    if (number) {
        g_snprintf(name, sizeof name, "block.%u.backingIndex", index);
        wire_params_add_uint(params, name, number);
    }
}

static void add_block_io(WireParams *params, unsigned index, const VmBlockIo *io)
{
    add_block_number(params, index, "rd.reqs", io->rd_ops);
    add_block_number(params, index, "rd.bytes", io->rd_bytes);
    add_block_number(params, index, "rd.times", io->rd_time_ns);
    add_block_number(params, index, "wr.reqs", io->wr_ops);
    add_block_number(params, index, "wr.bytes", io->wr_bytes);
    add_block_number(params, index, "wr.times", io->wr_time_ns);
    add_block_number(params, index, "fl.reqs", io->flush_ops);
    add_block_number(params, index, "fl.times", io->flush_time_ns);
}

/* Sizes of the image of link @number, by its nodes. */
static void add_block_nodes(WireParams *params, unsigned index, const VmStats *stats, unsigned number,
                            uint64_t highest_offset)
{
    if (!stats->nodes || !number)
        return;
    g_autofree char *format = g_strdup_printf("lodge-%u-format", number);
    g_autofree char *storage = qemu_storage_node(number);
    const VmBlockNode *node = g_hash_table_lookup(stats->nodes, format);
    const VmBlockNode *file = g_hash_table_lookup(stats->nodes, storage);
    if (!node)
        node = file;
    if (!node)
        return;
    add_block_number(params, index, "allocation", highest_offset);
    add_block_number(params, index, "capacity", node->virtual_size);
    add_block_number(params, index, "physical", file ? file->actual_size : node->actual_size);
    if (file && file->threshold)
        add_block_number(params, index, "threshold", file->threshold);
}

static uint64_t backing_highest_offset(const VmStats *stats, unsigned number)
{
    g_autofree char *format = g_strdup_printf("lodge-%u-format", number);
    const VmBlockIo *io = stats->node_io ? g_hash_table_lookup(stats->node_io, format) : NULL;
    return io ? io->highest_offset : 0;
}

static void add_block_active(const Subject *subject, const DomainDisk *disk, bool chain, unsigned *index,
                             WireParams *params)
{
    const VmStats *stats = subject->stats;
    const VmBlockIo *io =
        stats && stats->blocks && disk->info.alias ? g_hash_table_lookup(stats->blocks, disk->info.alias) : NULL;
    add_block_source(params, *index, disk->target, &disk->source, disk->source.index);
    if (io)
        add_block_io(params, *index, io);
    if (io && disk->source.type)
        add_block_nodes(params, *index, stats, disk->source.index, io->highest_offset);
    ++*index;
    for (const StorageBacking *link = disk->backing; chain && link; link = link->backing) {
        if (!link->source.type)
            break;
        add_block_source(params, *index, disk->target, &link->source, link->index);
        if (stats)
            add_block_nodes(params, *index, stats, link->index, backing_highest_offset(stats, link->index));
        ++*index;
    }
}

static void add_block_inactive(const DomainDisk *disk, unsigned *index, WireParams *params)
{
    VmImageSizes sizes;
    add_block_source(params, *index, disk->target, &disk->source, disk->source.index);
    if (vm_image_sizes(&disk->source, disk->format, &sizes, NULL)) {
        add_block_number(params, *index, "allocation", sizes.allocation);
        add_block_number(params, *index, "capacity", sizes.capacity);
        add_block_number(params, *index, "physical", sizes.physical);
    }
    ++*index;
}

static void add_block(const Context *context, const Subject *subject, WireParams *params)
{
    const Domain *domain = vm_view_domain(subject->view);
    bool chain = context->flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING;
    unsigned count = domain->n_disks, index = 0;
    for (unsigned i = 0; chain && vm_view_active(subject->view) && i < domain->n_disks; i++) {
        for (const StorageBacking *link = domain->disks[i]->backing; link && link->source.type; link = link->backing)
            count++;
    }
    wire_params_add_uint(params, "block.count", count);
    for (unsigned i = 0; i < domain->n_disks; i++) {
        if (vm_view_active(subject->view))
            add_block_active(subject, domain->disks[i], chain, &index, params);
        else
            add_block_inactive(domain->disks[i], &index, params);
    }
}

static void add_iothread(const Context *context, const Subject *subject, WireParams *params)
{
    const GArray *threads = subject->stats ? subject->stats->iothreads : NULL;
    char name[NAME_MAX_BYTES];
    if (!vm_view_active(subject->view) || !threads || threads->len == 0)
        return;
    wire_params_add_uint(params, "iothread.count", threads->len);
    for (unsigned i = 0; i < threads->len; i++) {
        const VmIothreadStats *thread = &g_array_index(threads, VmIothreadStats, i);
        g_snprintf(name, sizeof name, "iothread.%u.poll-max-ns", thread->id);
        wire_params_add_ullong(params, name, thread->poll_max_ns);
        g_snprintf(name, sizeof name, "iothread.%u.poll-grow", thread->id);
        wire_params_add_uint(params, name, (uint32_t)thread->poll_grow);
        g_snprintf(name, sizeof name, "iothread.%u.poll-shrink", thread->id);
        wire_params_add_uint(params, name, (uint32_t)thread->poll_shrink);
    }
}

static int dirty_status(const char *text)
{
    if (g_str_equal(text, "measured"))
        return VIR_DOMAIN_DIRTYRATE_MEASURED;
    return g_str_equal(text, "measuring") ? VIR_DOMAIN_DIRTYRATE_MEASURING : VIR_DOMAIN_DIRTYRATE_UNSTARTED;
}

static void add_dirty_rate(const Context *context, const Subject *subject, WireParams *params)
{
    char name[NAME_MAX_BYTES];
    if (!vm_view_active(subject->view) || !subject->stats || !subject->stats->has_dirty_rate)
        return;
    const VmDirtyRate *rate = &subject->stats->dirty_rate;
    int status = dirty_status(rate->status);
    wire_params_add_int(params, "dirtyrate.calc_status", status);
    wire_params_add_llong(params, "dirtyrate.calc_start_time", rate->start_s);
    wire_params_add_int(params, "dirtyrate.calc_period", (int)rate->period_s);
    wire_params_add_string(params, "dirtyrate.calc_mode", rate->mode);
    if (status != VIR_DOMAIN_DIRTYRATE_MEASURED)
        return;
    wire_params_add_llong(params, "dirtyrate.megabytes_per_second", rate->rate);
    for (unsigned i = 0; rate->vcpu_rates && i < rate->vcpu_rates->len; i++) {
        g_snprintf(name, sizeof name, "dirtyrate.vcpu.%u.megabytes_per_second", i);
        wire_params_add_ullong(params, name, (uint64_t)g_array_index(rate->vcpu_rates, gint64, i));
    }
}

static void add_perf(const Context *context, const Subject *subject, WireParams *params)
{
    vm_perf_add_stats(subject->vm, params);
}

static void add_vm(const Context *context, const Subject *subject, WireParams *params)
{
    if (subject->stats)
        vm_counters_add_vm(&subject->stats->counters, params);
}

/* One row a group: what it asks QEMU, and how it is written. A group without a writer has nothing to say on any guest
 * that Lodge runs: memory bandwidth is not monitored. */
static const struct {
    unsigned group;
    VmStatsQuestions questions;
    void (*add)(const Context *context, const Subject *subject, WireParams *params);
} group_rows[] = {
    { VIR_DOMAIN_STATS_STATE, 0, add_state },
    { VIR_DOMAIN_STATS_CPU_TOTAL, 0, add_cpu },
    { VIR_DOMAIN_STATS_BALLOON, VM_STATS_BALLOON, add_balloon },
    { VIR_DOMAIN_STATS_VCPU, VM_STATS_VCPU, add_vcpu },
    { VIR_DOMAIN_STATS_INTERFACE, 0, add_interface },
    { VIR_DOMAIN_STATS_BLOCK, VM_STATS_BLOCK, add_block },
    { VIR_DOMAIN_STATS_PERF, 0, add_perf },
    { VIR_DOMAIN_STATS_IOTHREAD, VM_STATS_IOTHREAD, add_iothread },
    { VIR_DOMAIN_STATS_MEMORY, 0, NULL },
    { VIR_DOMAIN_STATS_DIRTYRATE, VM_STATS_DIRTY_RATE, add_dirty_rate },
    { VIR_DOMAIN_STATS_VM, VM_STATS_VM, add_vm },
};

#define FILTER_FLAGS                                                                                                   \
    (VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | VIR_CONNECT_GET_ALL_DOMAINS_STATS_INACTIVE |                           \
     VIR_CONNECT_GET_ALL_DOMAINS_STATS_PERSISTENT | VIR_CONNECT_GET_ALL_DOMAINS_STATS_TRANSIENT |                      \
     VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING | VIR_CONNECT_GET_ALL_DOMAINS_STATS_PAUSED |                            \
     VIR_CONNECT_GET_ALL_DOMAINS_STATS_SHUTOFF | VIR_CONNECT_GET_ALL_DOMAINS_STATS_OTHER)
#define STATS_FLAGS                                                                                                    \
    (FILTER_FLAGS | VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT | VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING |             \
     VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS)

/* The groups that are to be answered: all known ones when none is named. */
static bool choose_groups(unsigned wanted, unsigned flags, unsigned *ret_groups, GError **error)
{
    unsigned known = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(group_rows); i++)
        known |= group_rows[i].group;
    if ((wanted & ~known) && (flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS))
        return error_set(error, VIR_ERR_ARGUMENT_UNSUPPORTED,
                         "Stats types bits 0x%x are not supported by this daemon or QEMU: leave --enforce out",
                         wanted & ~known);
    *ret_groups = wanted ? wanted & known : known;
    return true;
}

static void take_subject(GArray *subjects, Vm *vm, VmView *view, VmStatsQuestions questions)
{
    Subject subject = { .vm = vm, .view = view, .query = vm_stats_send(vm, view, questions) };
    g_array_append_val(subjects, subject);
}

static int compare_subjects(gconstpointer a, gconstpointer b)
{
    const VmView *left = ((const Subject *)a)->view, *right = ((const Subject *)b)->view;
    if (left->id != right->id)
        return left->id < right->id ? -1 : 1;
    return strcmp(vm_view_domain(left)->name, vm_view_domain(right)->name);
}

/* Guests by name, or all that pass the filter; their questions are on the way when this returns. */
static GArray *gather(Call *call, const ConnectGetAllDomainStatsArgs *args, VmStatsQuestions questions)
{
    GArray *subjects = g_array_new(FALSE, FALSE, sizeof(Subject));
    g_array_set_clear_func(subjects, subject_clear);
    for (unsigned i = 0; i < args->n_doms; i++) {
        VmView *view = NULL;
        Vm *vm = wire_domain_find(call, &args->doms[i], &view, NULL); /* one that is gone is left out */
        if (vm)
            take_subject(subjects, vm, view, questions);
    }
    if (args->n_doms > 0)
        return subjects;
    g_autoptr(GPtrArray) all = vm_registry_all(call->daemon->vms);
    for (unsigned i = 0; i < all->len; i++) {
        VmView *view = vm_view(all->pdata[i]);
        if (view && vm_view_matches(args->flags & FILTER_FLAGS, view))
            take_subject(subjects, vm_ref(all->pdata[i]), view, questions);
        else
            vm_view_unref(view);
    }
    g_array_sort(subjects, compare_subjects);
    return subjects;
}

static void fill_record(const Context *context, const Subject *subject, unsigned groups, WireDomainStatsRecord *record)
{
    g_autoptr(WireParams) params = wire_params_new();
    wire_domain_fill(&record->dom, subject->vm, subject->view);
    for (unsigned i = 0; i < G_N_ELEMENTS(group_rows); i++) {
        if ((groups & group_rows[i].group) && group_rows[i].add)
            group_rows[i].add(context, subject, params);
    }
    wire_params_steal(params, &record->n_params, &record->params);
}

bool vm_get_all_stats(Call *call, const ConnectGetAllDomainStatsArgs *args, ConnectGetAllDomainStatsRet *ret,
                      GError **error)
{
    unsigned groups = 0;
    if (!flags_check(call, args->flags, STATS_FLAGS, error) || !choose_groups(args->stats, args->flags, &groups, error))
        return false;
    VmStatsQuestions questions = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(group_rows); i++)
        questions |= groups & group_rows[i].group ? group_rows[i].questions : 0;
    if ((questions & VM_STATS_BLOCK) && (args->flags & VIR_CONNECT_GET_ALL_DOMAINS_STATS_BACKING))
        questions |= VM_STATS_BACKING;

    gint64 deadline = g_get_monotonic_time() + DEADLINE_MS * 1000;
    g_autoptr(GArray) subjects = gather(call, args, questions);
    uint64_t counted = 0;
    host_sysfs_read_u64(&counted, "", "/proc/sys/kernel/sched_schedstats");
    Context context = { args->flags, counted != 0 };
    ret->ret_stats = g_new0(WireDomainStatsRecord, subjects->len);
    for (unsigned i = 0; i < subjects->len; i++) {
        Subject *subject = &g_array_index(subjects, Subject, i);
        vm_stats_receive(g_steal_pointer(&subject->query), deadline);
        subject->stats = vm_stats_last(subject->vm, subject->view);
        fill_record(&context, subject, groups, &ret->ret_stats[ret->n_ret_stats++]);
    }
    return true;
}
