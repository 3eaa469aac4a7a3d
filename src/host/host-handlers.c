/* SPDX-License-Identifier: Apache-2.0 */
/* The calls about the host itself. Those that run on the loop read a few small files of /proc and /sys. */
#include "rpc/handlers.h"

#include "base/error.h"
#include "daemon/daemon.h"
#include "host/host-facts.h"
#include "host/host-stats.h"
#include "rpc/procedure.h"

#include <inttypes.h>
#include <libvirt/libvirt.h>
#include <string.h>

static bool check_flags(const Call *call, unsigned flags, unsigned allowed, GError **error)
{
    if ((flags & ~allowed) == 0)
        return true;
    return error_set(error, VIR_ERR_INVALID_ARG, "unsupported flags (0x%x) in function %s", flags & ~allowed,
                     call->procedure->name);
}

static const char *sysroot_of(const Call *call)
{
    return host_facts_sysroot(call->daemon->host);
}

bool host_get_hostname(Call *call, const void *args, ConnectGetHostnameRet *ret, GError **error)
{
    ret->hostname = host_facts_hostname(call->daemon->host, error);
    return ret->hostname != NULL;
}

bool host_get_sysinfo(Call *call, const ConnectGetSysinfoArgs *args, ConnectGetSysinfoRet *ret, GError **error)
{
    if (!check_flags(call, args->flags, 0, error))
        return false;
    ret->sysinfo = host_facts_sysinfo(call->daemon->host, error);
    return ret->sysinfo != NULL;
}

bool host_node_get_info(Call *call, const void *args, NodeGetInfoRet *ret, GError **error)
{
    g_autoptr(HostTopology) topology = host_facts_topology(call->daemon->host, error);
    if (!topology)
        return false;
    const HostProcessor *processor = host_facts_processor(call->daemon->host);
    g_strlcpy(ret->model, processor->arch, sizeof ret->model);
    ret->memory = topology->memory_kib;
    ret->cpus = (int32_t)cpuset_count(topology->online);
    ret->mhz = (int32_t)processor->mhz;
    ret->nodes = (int32_t)topology->nodes;
    ret->sockets = (int32_t)topology->sockets;
    ret->cores = (int32_t)topology->cores;
    ret->threads = (int32_t)topology->threads;
    return true;
}

bool host_node_get_cpu_map(Call *call, const NodeGetCpuMapArgs *args, NodeGetCpuMapRet *ret, GError **error)
{
    if (!check_flags(call, args->flags, 0, error))
        return false;
    g_autoptr(HostTopology) topology = host_facts_topology(call->daemon->host, error);
    if (!topology)
        return false;
    unsigned cpus = cpuset_end(topology->present);
    if (args->need_map) {
        ret->cpumap.length = (cpus + 7) / 8;
        ret->cpumap.data = g_malloc0(ret->cpumap.length);
        for (unsigned cpu = 0; cpu < cpus; cpu++) {
            if (cpuset_has(topology->online, cpu))
                ret->cpumap.data[cpu / 8] |= (uint8_t)(1u << cpu % 8);
        }
    }
    if (args->need_online)
        ret->online = cpuset_count(topology->online);
    ret->ret = (int32_t)cpus;
    return true;
}

bool host_node_get_free_memory(Call *call, const void *args, NodeGetFreeMemoryRet *ret, GError **error)
{
    g_autoptr(HostTopology) topology = host_facts_topology(call->daemon->host, error);
    return topology && host_stats_free_memory(sysroot_of(call), topology, &ret->free_mem, error);
}

bool host_node_get_cells_free_memory(Call *call, const NodeGetCellsFreeMemoryArgs *args, NodeGetCellsFreeMemoryRet *ret,
                                     GError **error)
{
    g_autoptr(GArray) cells = NULL;
    g_autoptr(HostTopology) topology = host_facts_topology(call->daemon->host, error);
    if (!topology ||
        !host_stats_cells_free(sysroot_of(call), topology, args->start_cell, args->maxcells, &cells, error))
        return false;
    ret->n_cells = cells->len;
    ret->cells = (uint64_t *)g_array_free(g_steal_pointer(&cells), FALSE);
    return true;
}

/* A client asks first with 0 how many there are, then with room for so many. */
static bool check_room(const char *what, int32_t room, uint32_t count, GError **error)
{
    if (room == 0 || room >= (int32_t)count)
        return true;
    return error_set(error, VIR_ERR_INVALID_ARG, "nparams is %d, but the host has %u %s: ask with 0 for their number",
                     room, count, what);
}

bool host_node_get_cpu_stats(Call *call, const NodeGetCpuStatsArgs *args, NodeGetCpuStatsRet *ret, GError **error)
{
    HostCpuTimes times;
    if (!check_flags(call, args->flags, 0, error) || !host_stats_cpu(sysroot_of(call), args->cpu_num, &times, error))
        return false;
    const WireNodeCpuStat rows[] = {
        { (char *)VIR_NODE_CPU_STATS_KERNEL, times.kernel },
        { (char *)VIR_NODE_CPU_STATS_USER, times.user },
        { (char *)VIR_NODE_CPU_STATS_IDLE, times.idle },
        { (char *)VIR_NODE_CPU_STATS_IOWAIT, times.iowait },
    };
    if (!check_room("CPU times", args->nparams, G_N_ELEMENTS(rows), error))
        return false;
    ret->nparams = G_N_ELEMENTS(rows);
    if (args->nparams == 0)
        return true;
    ret->n_params = G_N_ELEMENTS(rows);
    ret->params = g_memdup2(rows, sizeof rows);
    for (uint32_t i = 0; i < ret->n_params; i++)
        ret->params[i].field = g_strdup(rows[i].field);
    return true;
}

bool host_node_get_memory_stats(Call *call, const NodeGetMemoryStatsArgs *args, NodeGetMemoryStatsRet *ret,
                                GError **error)
{
    HostMemoryStats stats;
    if (!check_flags(call, args->flags, 0, error) ||
        !host_stats_memory(sysroot_of(call), args->cell_num, &stats, error))
        return false;
    const WireNodeMemoryStat rows[] = {
        { (char *)VIR_NODE_MEMORY_STATS_TOTAL, stats.total },
        { (char *)VIR_NODE_MEMORY_STATS_FREE, stats.free },
        { (char *)VIR_NODE_MEMORY_STATS_BUFFERS, stats.buffers },
        { (char *)VIR_NODE_MEMORY_STATS_CACHED, stats.cached },
    };
    uint32_t count = stats.has_caches ? 4 : 2;
    if (!check_room("memory sizes", args->nparams, count, error))
        return false;
    ret->nparams = (int32_t)count;
    if (args->nparams == 0)
        return true;
    ret->n_params = count;
    ret->params = g_memdup2(rows, count * sizeof rows[0]);
    for (uint32_t i = 0; i < count; i++)
        ret->params[i].field = g_strdup(rows[i].field);
    return true;
}

bool host_node_get_memory_parameters(Call *call, const NodeGetMemoryParametersArgs *args,
                                     NodeGetMemoryParametersRet *ret, GError **error)
{
    if (!check_flags(call, args->flags, VIR_TYPED_PARAM_STRING_OKAY, error))
        return false;
    g_autoptr(GArray) params = g_array_new(FALSE, FALSE, sizeof(WireTypedParam));
    for (const HostKsmRow *row = host_ksm_rows; row->name; row++) {
        uint64_t value;
        if (!host_stats_ksm_read(sysroot_of(call), row, &value))
            continue;
        WireTypedParam param = { .field = (char *)row->name };
        param.value.type = row->wide ? WIRE_VALUE_ULLONG : WIRE_VALUE_UINT;
        if (row->wide)
            param.value.ul = value;
        else
            param.value.ui = (uint32_t)value;
        g_array_append_val(params, param);
    }
    if (!check_room("memory parameters", args->nparams, params->len, error))
        return false;
    ret->nparams = (int32_t)params->len;
    if (args->nparams == 0)
        return true;
    ret->n_params = params->len;
    ret->params = (WireTypedParam *)g_array_free(g_steal_pointer(&params), FALSE);
    for (uint32_t i = 0; i < ret->n_params; i++)
        ret->params[i].field = g_strdup(ret->params[i].field);
    return true;
}

bool host_node_set_memory_parameters(Call *call, const NodeSetMemoryParametersArgs *args, void *ret, GError **error)
{
    if (!check_flags(call, args->flags, 0, error))
        return false;
    for (uint32_t i = 0; i < args->n_params; i++) {
        const WireTypedParam *param = &args->params[i];
        const HostKsmRow *row = host_stats_ksm_setting(param->field, error);
        if (!row)
            return false;
        if (param->value.type != WIRE_VALUE_UINT)
            return error_set(error, VIR_ERR_INVALID_ARG, "parameter '%s' must be an unsigned int", param->field);
        if (!host_stats_ksm_write(sysroot_of(call), row, param->value.ui, error))
            return false;
    }
    return true;
}

/*
 * The cells that a call names: *@ret_last is the last one. Cell -1 is the host as a whole, one cell. More cells than
 * there are is no error: clients ask for "all".
 */
static bool check_cells(Call *call, int32_t start, uint32_t count, int *ret_last, GError **error)
{
    g_autoptr(HostTopology) topology = host_facts_topology(call->daemon->host, error);
    if (!topology)
        return false;
    const HostCell *last_cell = g_ptr_array_index(topology->cells, topology->cells->len - 1);
    int last = (int)last_cell->id;
    if (start < -1 || start > last)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "start cell %d out of range (0-%d)", start, last);
    *ret_last = start == -1 ? -1 : (int)MIN((int64_t)last, (int64_t)start + (int64_t)count - 1);
    return true;
}

bool host_node_get_free_pages(Call *call, const NodeGetFreePagesArgs *args, NodeGetFreePagesRet *ret, GError **error)
{
    int last;
    if (!check_flags(call, args->flags, 0, error) ||
        !check_cells(call, args->start_cell, args->cell_count, &last, error))
        return false;
    g_autoptr(GArray) counts = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    for (int cell = args->start_cell; cell <= last; cell++) {
        for (uint32_t i = 0; i < args->n_pages; i++) {
            uint64_t pages;
            if (!host_stats_free_pages(sysroot_of(call), cell, args->pages[i], &pages, error))
                return false;
            g_array_append_val(counts, pages);
        }
    }
    ret->n_counts = counts->len;
    ret->counts = (uint64_t *)g_array_free(g_steal_pointer(&counts), FALSE);
    return true;
}

bool host_node_alloc_pages(Call *call, const NodeAllocPagesArgs *args, NodeAllocPagesRet *ret, GError **error)
{
    int last;
    if (!check_flags(call, args->flags, VIR_NODE_ALLOC_PAGES_SET, error) ||
        !check_cells(call, args->start_cell, args->cell_count, &last, error))
        return false;
    if (args->n_page_sizes != args->n_page_counts)
        return error_set(error, VIR_ERR_INVALID_ARG, "%u page sizes, but %u page counts", args->n_page_sizes,
                         args->n_page_counts);
    for (int cell = args->start_cell; cell <= last; cell++) {
        for (uint32_t i = 0; i < args->n_page_sizes; i++) {
            if (!host_stats_allocate_pages(sysroot_of(call), cell, args->page_sizes[i], args->page_counts[i],
                                           args->flags & VIR_NODE_ALLOC_PAGES_SET, error))
                return false;
            ret->ret++;
        }
    }
    return true;
}

static void set_chars(const char *text, uint32_t *ret_length, char **ret_chars)
{
    *ret_length = (uint32_t)strlen(text) + 1; /* the NUL travels too */
    *ret_chars = g_strdup(text);
}

/* The first model of the capabilities: guests are confined by user and group, no label comes into it. */
bool host_node_get_security_model(Call *call, const void *args, NodeGetSecurityModelRet *ret, GError **error)
{
    set_chars("none", &ret->n_model, &ret->model);
    set_chars("0", &ret->n_doi, &ret->doi);
    return true;
}
