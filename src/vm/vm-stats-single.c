/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of one disk, one interface, or the memory of one guest: outside the mailbox, as the bulk statistics. */
#include "base/error.h"
#include "host/host-netstat.h"
#include "host/host-procstat.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "rpc/wire-params.h"
#include "vm/vm-block-info.h"
#include "vm/vm-monitor.h"
#include "vm/vm-stats.h"
#include "vm/vm-wire.h"

#define ANSWER_MS        1000
#define DIRTY_RATE_MIN_S 1
#define DIRTY_RATE_MAX_S 60

/* The last answers to @questions, new ones if QEMU gives them in time. */
static VmStats *ask(Vm *vm, const VmView *view, VmStatsQuestions questions)
{
    vm_stats_receive(vm_stats_send(vm, view, questions), g_get_monotonic_time() + ANSWER_MS * 1000);
    return vm_stats_last(vm, view);
}

static void add_io(VmBlockIo *sum, const VmBlockIo *io)
{
    sum->rd_bytes += io->rd_bytes;
    sum->wr_bytes += io->wr_bytes;
    sum->rd_ops += io->rd_ops;
    sum->wr_ops += io->wr_ops;
    sum->rd_time_ns += io->rd_time_ns;
    sum->wr_time_ns += io->wr_time_ns;
    sum->flush_ops += io->flush_ops;
    sum->flush_time_ns += io->flush_time_ns;
}

/* Counters of the disk @path, or of all together if it is empty. */
static bool block_io(Call *call, const WireDomain *dom, const char *path, VmBlockIo *ret_io, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, dom, &view, error);
    if (!vm || !vm_require_active(view, error))
        return false;
    const Domain *live = view->live->domain;
    const DomainDisk *wanted = path[0] ? vm_disk_find(live, path) : NULL;
    if (path[0] && !wanted)
        return error_set(error, VIR_ERR_INVALID_ARG, "invalid path: %s", path);
    g_autoptr(VmStats) stats = ask(vm, view, VM_STATS_BLOCK);
    if (!stats || !stats->blocks)
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "guest '%s' cannot be reached, and its disks were not asked for before", live->name);
    for (unsigned i = 0; i < live->n_disks; i++) {
        const DomainDisk *disk = live->disks[i];
        const VmBlockIo *io = disk->info.alias ? g_hash_table_lookup(stats->blocks, disk->info.alias) : NULL;
        if (io && (!wanted || wanted == disk))
            add_io(ret_io, io);
        else if (!io && wanted == disk)
            return error_set(error, VIR_ERR_INTERNAL_ERROR, "cannot find statistics for device '%s'", disk->info.alias);
    }
    return true;
}

bool vm_block_stats(Call *call, const DomainBlockStatsArgs *args, DomainBlockStatsRet *ret, GError **error)
{
    VmBlockIo io = { 0 };
    if (!block_io(call, &args->dom, args->path, &io, error))
        return false;
    ret->rd_req = (int64_t)io.rd_ops;
    ret->rd_bytes = (int64_t)io.rd_bytes;
    ret->wr_req = (int64_t)io.wr_ops;
    ret->wr_bytes = (int64_t)io.wr_bytes;
    ret->errs = -1; /* QEMU tells of errors by events; see domblkerror */
    return true;
}

bool vm_block_stats_flags(Call *call, const DomainBlockStatsFlagsArgs *args, DomainBlockStatsFlagsRet *ret,
                          GError **error)
{
    static const struct {
        const char *field;
        size_t offset;
    } rows[] = {
        { VIR_DOMAIN_BLOCK_STATS_READ_BYTES, offsetof(VmBlockIo, rd_bytes) },
        { VIR_DOMAIN_BLOCK_STATS_READ_REQ, offsetof(VmBlockIo, rd_ops) },
        { VIR_DOMAIN_BLOCK_STATS_READ_TOTAL_TIMES, offsetof(VmBlockIo, rd_time_ns) },
        { VIR_DOMAIN_BLOCK_STATS_WRITE_BYTES, offsetof(VmBlockIo, wr_bytes) },
        { VIR_DOMAIN_BLOCK_STATS_WRITE_REQ, offsetof(VmBlockIo, wr_ops) },
        { VIR_DOMAIN_BLOCK_STATS_WRITE_TOTAL_TIMES, offsetof(VmBlockIo, wr_time_ns) },
        { VIR_DOMAIN_BLOCK_STATS_FLUSH_REQ, offsetof(VmBlockIo, flush_ops) },
        { VIR_DOMAIN_BLOCK_STATS_FLUSH_TOTAL_TIMES, offsetof(VmBlockIo, flush_time_ns) },
    };
    VmBlockIo io = { 0 };
    if (!flags_check(call, args->flags, VIR_TYPED_PARAM_STRING_OKAY, error) ||
        !block_io(call, &args->dom, args->path, &io, error))
        return false;
    g_autoptr(WireParams) params = wire_params_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(rows) && i < (unsigned)MAX(args->nparams, 0); i++)
        wire_params_add_llong(params, rows[i].field,
                              (int64_t) * (const guint64 *)(const void *)((const char *)&io + rows[i].offset));
    ret->nparams = args->nparams == 0 ? (int)G_N_ELEMENTS(rows) : (int)wire_params_count(params);
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}

/* The interface whose host device, or MAC address, is @name. */
static const DomainInterface *find_interface(const Domain *live, const char *name)
{
    for (unsigned i = 0; i < live->n_interfaces; i++) {
        const DomainInterface *interface = live->interfaces[i];
        const uint8_t *mac = interface->mac.bytes;
        g_autofree char *text =
            g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
        if (g_strcmp0(interface->target, name) == 0 || (interface->mac_set && g_ascii_strcasecmp(text, name) == 0))
            return interface;
    }
    return NULL;
}

bool vm_interface_stats(Call *call, const DomainInterfaceStatsArgs *args, DomainInterfaceStatsRet *ret, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    HostNetStat stat;
    if (!vm || !vm_require_active(view, error))
        return false;
    const DomainInterface *interface = find_interface(view->live->domain, args->device);
    if (!interface)
        return error_set(error, VIR_ERR_INVALID_ARG, "'%s' is not a known interface", args->device);
    if (!interface->target)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
                         "interface '%s' has no device on the host whose traffic is counted", args->device);
    if (!host_netstat_read_as_guest("", interface->target, &stat, error))
        return false;
    *ret = (DomainInterfaceStatsRet){
        .rx_bytes = (int64_t)stat.rx_bytes,
        .rx_packets = (int64_t)stat.rx_packets,
        .rx_errs = (int64_t)stat.rx_errors,
        .rx_drop = (int64_t)stat.rx_dropped,
        .tx_bytes = (int64_t)stat.tx_bytes,
        .tx_packets = (int64_t)stat.tx_packets,
        .tx_errs = (int64_t)stat.tx_errors,
        .tx_drop = (int64_t)stat.tx_dropped,
    };
    return true;
}

/* What the balloon's driver reports: which statistic, and what its bytes are divided by. */
static const struct {
    int tag;
    size_t offset;
    unsigned divisor;
} balloon_rows[] = {
    { VIR_DOMAIN_MEMORY_STAT_SWAP_IN, offsetof(QemuBalloonStats, swap_in), 1024 },
    { VIR_DOMAIN_MEMORY_STAT_SWAP_OUT, offsetof(QemuBalloonStats, swap_out), 1024 },
    { VIR_DOMAIN_MEMORY_STAT_MAJOR_FAULT, offsetof(QemuBalloonStats, major_faults), 1 },
    { VIR_DOMAIN_MEMORY_STAT_MINOR_FAULT, offsetof(QemuBalloonStats, minor_faults), 1 },
    { VIR_DOMAIN_MEMORY_STAT_UNUSED, offsetof(QemuBalloonStats, free), 1024 },
    { VIR_DOMAIN_MEMORY_STAT_AVAILABLE, offsetof(QemuBalloonStats, total), 1024 },
    { VIR_DOMAIN_MEMORY_STAT_USABLE, offsetof(QemuBalloonStats, available), 1024 },
    { VIR_DOMAIN_MEMORY_STAT_LAST_UPDATE, offsetof(QemuBalloonStats, last_update), 1 },
    { VIR_DOMAIN_MEMORY_STAT_DISK_CACHES, offsetof(QemuBalloonStats, disk_caches), 1024 },
    { VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGALLOC, offsetof(QemuBalloonStats, hugetlb_allocations), 1 },
    { VIR_DOMAIN_MEMORY_STAT_HUGETLB_PGFAIL, offsetof(QemuBalloonStats, hugetlb_failures), 1 },
};

static void add_stat(DomainMemoryStatsRet *ret, unsigned limit, int tag, uint64_t value)
{
    if (ret->n_stats < limit)
        ret->stats[ret->n_stats++] = (WireDomainMemoryStat){ tag, value };
}

bool vm_memory_stats(Call *call, const DomainMemoryStatsArgs *args, DomainMemoryStatsRet *ret, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    HostProcStat stat;
    if (!vm || !flags_check(call, args->flags, 0, error) || !vm_require_active(view, error))
        return false;
    g_autoptr(VmStats) stats = ask(vm, view, VM_STATS_BALLOON);
    unsigned limit = MIN(args->max_stats, (unsigned)VIR_DOMAIN_MEMORY_STAT_NR);
    ret->stats = g_new0(WireDomainMemoryStat, limit);
    add_stat(ret, limit, VIR_DOMAIN_MEMORY_STAT_ACTUAL_BALLOON, view->live->domain->current_memory);
    for (unsigned i = 0; stats && stats->has_balloon && i < G_N_ELEMENTS(balloon_rows); i++) {
        uint64_t value = *(const guint64 *)(const void *)((const char *)&stats->balloon + balloon_rows[i].offset);
        if (value != UINT64_MAX)
            add_stat(ret, limit, balloon_rows[i].tag, value / balloon_rows[i].divisor);
    }
    if (host_procstat_process("", view->process.pid, &stat, NULL))
        add_stat(ret, limit, VIR_DOMAIN_MEMORY_STAT_RSS, stat.rss_bytes / 1024);
    return true;
}

bool vm_start_dirty_rate_calc(Call *call, const DomainStartDirtyRateCalcArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    unsigned bitmap = VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_BITMAP, ring = VIR_DOMAIN_DIRTYRATE_MODE_DIRTY_RING;
    if (!flags_check(call, args->flags, bitmap | ring, error) || !vm_require_monitor(vm, error))
        return false;
    if ((args->flags & bitmap) && (args->flags & ring))
        return error_set(error, VIR_ERR_INVALID_ARG, "flags 'dirty-bitmap' and 'dirty-ring' exclude each other");
    if (args->seconds < DIRTY_RATE_MIN_S || args->seconds > DIRTY_RATE_MAX_S)
        return error_set(error, VIR_ERR_INVALID_ARG, "seconds=%d is invalid, please choose value within [%d, %d].",
                         args->seconds, DIRTY_RATE_MIN_S, DIRTY_RATE_MAX_S);
    const char *mode = args->flags & bitmap ? "dirty-bitmap" : args->flags & ring ? "dirty-ring" : "page-sampling";
    JsonObject *order = qmp_object("i:calc-time", (gint64)args->seconds, "s:mode", mode, NULL);
    if (!vm_qmp(vm, "calc-dirty-rate", order, NULL, error))
        return false;
    VmView *next = vm_view_copy(vm->view);
    next->dirty_rate_ordered = true;
    vm_publish(vm, next);
    return true;
}
