/* SPDX-License-Identifier: Apache-2.0 */
/* The calls about the host, on recorded hosts: what a client is told, and how it is refused. */
#include "base/error.h"
#include "daemon/daemon.h"
#include "host/host-facts.h"
#include "rpc/handlers.h"
#include "rpc/procedures.h"

#include "fake-tree.h"

#include <libvirt/libvirt.h>
#include <string.h>

static const FakeFile files[] = {
    { "/proc/meminfo", "MemTotal:  8000000 kB\nMemFree: 3000000 kB\nBuffers: 5000 kB\nCached: 90000 kB\n" },
    { "/proc/stat", "cpu  10 5 20 400 30 2 3 9 0 0\ncpu0 4 1 5 100 6 0 0 0 0 0\n" },
    { "/proc/cpuinfo", "processor\t: 0\ncpu MHz\t\t: 2400.12\n\n" },
    { "/sys/devices/system/cpu/present", "0-9\n" },
    { "/sys/devices/system/cpu/online", "0-8\n" },
    { "/sys/devices/system/node/online", "0,2\n" },
    { "/sys/devices/system/node/node0/cpulist", "0-4\n" },
    { "/sys/devices/system/node/node0/meminfo", "Node 0 MemTotal: 4000 kB\nNode 0 MemFree: 1000 kB\n" },
    { "/sys/devices/system/node/node2/cpulist", "5-8\n" },
    { "/sys/devices/system/node/node2/meminfo", "Node 2 MemTotal: 5000 kB\nNode 2 MemFree: 2000 kB\n" },
    { "/sys/kernel/mm/ksm/pages_to_scan", "100\n" },
    { "/sys/kernel/mm/ksm/full_scans", "7\n" },
    { 0 },
};

typedef struct {
    char *root;
    Daemon daemon;
    Call call;
    GError *error;
} Fixture;

static void set_up(Fixture *fixture, gconstpointer data)
{
    const Uuid uuid = uuid_random();
    fixture->root = fake_tree_new(files);
    fixture->daemon.host = host_facts_new(fixture->root, &uuid);
    fixture->call.daemon = &fixture->daemon;
    fixture->call.procedure = procedure_find_name("node_get_info");
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    g_assert_no_error(fixture->error);
    host_facts_free(fixture->daemon.host);
    fake_tree_remove(fixture->root);
    g_free(fixture->root);
}

static void expect_error(Fixture *fixture, int code)
{
    g_assert_true(error_is(fixture->error, code));
    g_clear_error(&fixture->error);
}

static void test_info(Fixture *fixture, gconstpointer data)
{
    NodeGetInfoRet ret = { 0 };
    g_assert_true(host_node_get_info(&fixture->call, NULL, &ret, &fixture->error));
    g_assert_cmpuint(ret.memory, ==, 9000);
    g_assert_cmpint(ret.cpus, ==, 9);
    g_assert_cmpint(ret.mhz, ==, 2400);
    g_assert_cmpint(ret.nodes * ret.sockets * ret.cores * ret.threads, ==, 10);
    /* A CPU that comes, and memory, are seen at the next call. */
    fake_tree_add(fixture->root, "/sys/devices/system/cpu/online", "0-9\n");
    fake_tree_add(fixture->root, "/sys/devices/system/node/node2/meminfo", "Node 2 MemTotal: 6000 kB\n");
    g_assert_true(host_node_get_info(&fixture->call, NULL, &ret, &fixture->error));
    g_assert_cmpint(ret.cpus, ==, 10);
    g_assert_cmpuint(ret.memory, ==, 10000);
}

static void test_cpu_map(Fixture *fixture, gconstpointer data)
{
    NodeGetCpuMapArgs args = { .need_map = 1, .need_online = 1 };
    NodeGetCpuMapRet ret = { 0 };
    static const uint8_t expected[] = { 0xff, 0x01 };
    g_assert_true(host_node_get_cpu_map(&fixture->call, &args, &ret, &fixture->error));
    g_assert_cmpmem(ret.cpumap.data, ret.cpumap.length, expected, sizeof expected);
    g_assert_cmpuint(ret.online, ==, 9);
    g_assert_cmpint(ret.ret, ==, 10);
    xdr_clear(&xdr_NodeGetCpuMapRet, &ret);
    args = (NodeGetCpuMapArgs){ 0 };
    ret = (NodeGetCpuMapRet){ 0 };
    g_assert_true(host_node_get_cpu_map(&fixture->call, &args, &ret, &fixture->error));
    g_assert_cmpuint(ret.cpumap.length, ==, 0);
    g_assert_cmpint(ret.ret, ==, 10);
    args.flags = 1;
    g_assert_false(host_node_get_cpu_map(&fixture->call, &args, &ret, &fixture->error));
    expect_error(fixture, VIR_ERR_INVALID_ARG);
}

/* Cells may have gaps in their numbers. */
static void test_cells(Fixture *fixture, gconstpointer data)
{
    NodeGetFreeMemoryRet all = { 0 };
    g_assert_true(host_node_get_free_memory(&fixture->call, NULL, &all, &fixture->error));
    g_assert_cmpuint(all.free_mem, ==, 3000 * 1024);
    NodeGetCellsFreeMemoryArgs args = { .start_cell = 0, .maxcells = 100 };
    NodeGetCellsFreeMemoryRet ret = { 0 };
    g_assert_true(host_node_get_cells_free_memory(&fixture->call, &args, &ret, &fixture->error));
    g_assert_cmpuint(ret.n_cells, ==, 3);
    g_assert_cmpuint(ret.cells[0], ==, 1000 * 1024);
    g_assert_cmpuint(ret.cells[1], ==, 0);
    g_assert_cmpuint(ret.cells[2], ==, 2000 * 1024);
    xdr_clear(&xdr_NodeGetCellsFreeMemoryRet, &ret);
    args.start_cell = 3;
    g_assert_false(host_node_get_cells_free_memory(&fixture->call, &args, &ret, &fixture->error));
    expect_error(fixture, VIR_ERR_INTERNAL_ERROR);
}

static void test_cpu_stats(Fixture *fixture, gconstpointer data)
{
    NodeGetCpuStatsArgs args = { .cpu_num = VIR_NODE_CPU_STATS_ALL_CPUS };
    NodeGetCpuStatsRet ret = { 0 };
    g_assert_true(host_node_get_cpu_stats(&fixture->call, &args, &ret, &fixture->error));
    g_assert_cmpint(ret.nparams, ==, 4);
    g_assert_cmpuint(ret.n_params, ==, 0);
    args.nparams = 4;
    g_assert_true(host_node_get_cpu_stats(&fixture->call, &args, &ret, &fixture->error));
    g_assert_cmpuint(ret.n_params, ==, 4);
    g_assert_cmpstr(ret.params[0].field, ==, VIR_NODE_CPU_STATS_KERNEL);
    xdr_clear(&xdr_NodeGetCpuStatsRet, &ret);
    args.nparams = 3;
    g_assert_false(host_node_get_cpu_stats(&fixture->call, &args, &ret, &fixture->error));
    expect_error(fixture, VIR_ERR_INVALID_ARG);
}

static void test_memory_stats(Fixture *fixture, gconstpointer data)
{
    NodeGetMemoryStatsArgs args = { .cell_num = 2, .nparams = 2 };
    NodeGetMemoryStatsRet ret = { 0 };
    g_assert_true(host_node_get_memory_stats(&fixture->call, &args, &ret, &fixture->error));
    g_assert_cmpuint(ret.n_params, ==, 2);
    g_assert_cmpuint(ret.params[1].value, ==, 2000);
    xdr_clear(&xdr_NodeGetMemoryStatsRet, &ret);
    args.cell_num = 1;
    g_assert_false(host_node_get_memory_stats(&fixture->call, &args, &ret, &fixture->error));
    expect_error(fixture, VIR_ERR_INVALID_ARG);
}

static void test_parameters(Fixture *fixture, gconstpointer data)
{
    NodeGetMemoryParametersArgs args = { .nparams = 16, .flags = VIR_TYPED_PARAM_STRING_OKAY };
    NodeGetMemoryParametersRet ret = { 0 };
    g_assert_true(host_node_get_memory_parameters(&fixture->call, &args, &ret, &fixture->error));
    g_assert_cmpuint(ret.n_params, ==, 2);
    g_assert_cmpint(ret.params[0].value.type, ==, WIRE_VALUE_UINT);
    g_assert_cmpint(ret.params[1].value.type, ==, WIRE_VALUE_ULLONG);
    xdr_clear(&xdr_NodeGetMemoryParametersRet, &ret);

    WireTypedParam param = { (char *)VIR_NODE_MEMORY_SHARED_PAGES_TO_SCAN, { .type = WIRE_VALUE_UINT, .ui = 5 } };
    NodeSetMemoryParametersArgs set = { .n_params = 1, .params = &param };
    g_assert_true(host_node_set_memory_parameters(&fixture->call, &set, NULL, &fixture->error));
    g_autofree char *text = fake_tree_text(fixture->root, "/sys/kernel/mm/ksm/pages_to_scan");
    g_assert_cmpstr(text, ==, "5");
    param.value.type = WIRE_VALUE_INT;
    g_assert_false(host_node_set_memory_parameters(&fixture->call, &set, NULL, &fixture->error));
    expect_error(fixture, VIR_ERR_INVALID_ARG);
    param.field = (char *)VIR_NODE_MEMORY_SHARED_FULL_SCANS;
    g_assert_false(host_node_set_memory_parameters(&fixture->call, &set, NULL, &fixture->error));
    expect_error(fixture, VIR_ERR_ARGUMENT_UNSUPPORTED);
}

static void test_pages(Fixture *fixture, gconstpointer data)
{
    uint32_t sizes[] = { 4 };
    NodeGetFreePagesArgs args = { .n_pages = 1, .pages = sizes, .start_cell = -1, .cell_count = 1 };
    NodeGetFreePagesRet ret = { 0 };
    g_assert_true(host_node_get_free_pages(&fixture->call, &args, &ret, &fixture->error));
    g_assert_cmpuint(ret.n_counts, ==, 1);
    g_assert_cmpuint(ret.counts[0], ==, 750000);
    xdr_clear(&xdr_NodeGetFreePagesRet, &ret);
    static const int32_t wrong[] = { -2, 3 };
    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        args.start_cell = wrong[i];
        g_assert_false(host_node_get_free_pages(&fixture->call, &args, &ret, &fixture->error));
        expect_error(fixture, VIR_ERR_INTERNAL_ERROR);
    }
    uint64_t counts[] = { 1, 2 };
    NodeAllocPagesArgs alloc = { .n_page_sizes = 1, .page_sizes = sizes, .n_page_counts = 2, .page_counts = counts };
    NodeAllocPagesRet done = { 0 };
    alloc.cell_count = 1;
    g_assert_false(host_node_alloc_pages(&fixture->call, &alloc, &done, &fixture->error));
    expect_error(fixture, VIR_ERR_INVALID_ARG);
    alloc.n_page_counts = 1;
    g_assert_false(host_node_alloc_pages(&fixture->call, &alloc, &done, &fixture->error));
    expect_error(fixture, VIR_ERR_OPERATION_UNSUPPORTED);
}

static void test_words(Fixture *fixture, gconstpointer data)
{
    NodeGetSecurityModelRet model = { 0 };
    g_assert_true(host_node_get_security_model(&fixture->call, NULL, &model, &fixture->error));
    g_assert_cmpstr(model.model, ==, "none");
    g_assert_cmpuint(model.n_model, ==, 5);
    xdr_clear(&xdr_NodeGetSecurityModelRet, &model);
    ConnectGetHostnameRet name = { 0 };
    g_assert_true(host_get_hostname(&fixture->call, NULL, &name, &fixture->error));
    g_assert_cmpuint(strlen(name.hostname), >, 0);
    xdr_clear(&xdr_ConnectGetHostnameRet, &name);
    ConnectGetSysinfoArgs args = { 0 };
    ConnectGetSysinfoRet ret = { 0 };
    for (unsigned i = 0; i < 2; i++) { /* the refusal is kept like an answer */
        g_assert_false(host_get_sysinfo(&fixture->call, &args, &ret, &fixture->error));
        expect_error(fixture, VIR_ERR_CONFIG_UNSUPPORTED);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/host/calls/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("info", test_info);
    ADD("cpu-map", test_cpu_map);
    ADD("cells", test_cells);
    ADD("cpu-stats", test_cpu_stats);
    ADD("memory-stats", test_memory_stats);
    ADD("parameters", test_parameters);
    ADD("pages", test_pages);
    ADD("words", test_words);
    return g_test_run();
}
