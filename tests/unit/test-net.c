/* SPDX-License-Identifier: Apache-2.0 */
/* Runs in a network namespace of its own; where none can be had, the tests are skipped. */
#include "base/auto-fd.h"
#include "base/error.h"
#include "net/net-bridge.h"
#include "net/net-link.h"
#include "net/net-tap.h"

#include <fcntl.h>
#include <sched.h>

static bool isolated;

static bool require_namespace(void)
{
    if (!isolated)
        g_test_skip("no network namespace for this user");
    return isolated;
}

static bool require_tap(void)
{
    auto_fd int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        g_test_skip("no /dev/net/tun");
    return fd >= 0 && require_namespace();
}

static void test_names(void)
{
    static const struct {
        const char *name;
        bool valid;
    } rows[] = { { "eth0", true },
                 { "", false },
                 { "a/b", false },
                 { "a b", false },
                 { "a:1", false },
                 { ".", false },
                 { "..", false },
                 { "abcdefghijklmno", true },
                 { "abcdefghijklmnop", false } };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_true(net_link_name_valid(rows[i].name) == rows[i].valid);
}

static void test_tap(void)
{
    if (!require_tap())
        return;
    g_autoptr(GError) error = NULL;
    g_autofree char *first_name = NULL, *second_name = NULL;
    const uint8_t guest_mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };
    uint8_t mac[6], found[6];
    net_tap_host_mac(guest_mac, mac);
    const NetTapOptions options = { .name = "vnet%d", .queues = 1, .vnet_header = true, .mac = mac, .mtu = 1400 };
    auto_fd int first = -1, second = -1;
    g_assert_true(net_tap_open(&options, &first, &first_name, &error));
    g_assert_cmpstr(first_name, ==, "vnet0");
    g_assert_true(fcntl(first, F_GETFD) & FD_CLOEXEC);
    g_assert_true(net_tap_open(&options, &second, &second_name, &error));
    g_assert_cmpstr(second_name, ==, "vnet1");
    unsigned mtu;
    g_assert_true(net_link_get_mtu("vnet0", &mtu, &error));
    g_assert_cmpuint(mtu, ==, 1400);
    g_assert_true(net_link_get_mac("vnet0", found, &error));
    g_assert_cmpmem(found, 6, mac, 6);
    g_assert_cmpint(found[0], ==, 0xfe);
    g_assert_true(net_link_set_up("vnet0", true, &error));
    auto_fd_close(&first);
    g_assert_false(net_link_exists("vnet0"));
}

static void test_tap_queues(void)
{
    if (!require_tap())
        return;
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;
    int fds[4];
    const NetTapOptions options = { .name = "mq0", .queues = 4, .vnet_header = true };
    g_assert_true(net_tap_open(&options, fds, &name, &error));
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpint(fds[i], >=, 0);
        g_assert_true(net_link_exists("mq0"));
        close(fds[i]);
    }
    g_assert_false(net_link_exists("mq0"));
}

static void test_tap_refused(void)
{
    if (!require_tap())
        return;
    const NetTapOptions wrong[] = {
        { .name = "vnet%d", .queues = 0 },
        { .name = "vnet%d", .queues = 1000 },
        { .name = "vnet%s", .queues = 1 },
        { .name = "vnet%d%d", .queues = 1 },
        { .name = "vnet%d", .queues = 1, .existing = true },
        { .name = "nothere", .queues = 1, .existing = true },
        { .name = "a/b", .queues = 1 },
        { .name = "lo", .queues = 1 },
        { .name = "big%d", .queues = 1, .mtu = 4000000 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *name = NULL;
        int fd = -1;
        g_assert_false(net_tap_open(&wrong[i], &fd, &name, &error));
        g_assert_nonnull(error);
        g_assert_null(name);
        g_assert_cmpint(fd, ==, -1);
    }
    g_assert_false(net_link_exists("big0"));
}

/* What iproute2 says of a bridge's port: 1, 0; -1 if it is not installed. */
static int port_isolated(const char *port)
{
    g_autofree char *command = g_strdup_printf("bridge -d link show dev %s", port);
    g_autofree char *text = NULL;
    g_auto(GStrv) argv = g_strsplit(command, " ", -1);
    if (!g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &text, NULL, NULL, NULL))
        return -1;
    return strstr(text, "isolated on") != NULL;
}

static void test_bridge(void)
{
    if (!require_tap())
        return;
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;
    auto_fd int tap = -1;
    g_assert_true(net_tap_open(&(NetTapOptions){ .name = "port0", .queues = 1 }, &tap, &name, &error));
    g_assert_false(net_bridge_add_port("br7", "port0", &error));
    g_assert_nonnull(strstr(error->message, "there is no bridge 'br7'"));
    g_clear_error(&error);
    if (!net_bridge_create("br7", NULL)) {
        g_test_skip("the kernel makes no bridges");
        return;
    }
    g_assert_true(net_bridge_exists("br7"));
    g_assert_false(net_bridge_exists("port0"));
    g_assert_false(net_bridge_create("br7", &error));
    g_assert_true(error_is(error, VIR_ERR_OPERATION_FAILED));
    g_clear_error(&error);
    g_assert_false(net_bridge_add_port("br7", "nothere", &error));
    g_clear_error(&error);
    for (unsigned i = 0; i < 2; i++) { /* the second time there is nothing to do */
        g_assert_true(net_bridge_add_port("br7", "port0", &error));
        g_assert_no_error(error);
    }
    g_assert_true(net_bridge_isolate_port("port0", true, &error));
    g_assert_no_error(error);
    g_assert_cmpint(port_isolated("port0"), !=, 0);
    g_assert_true(net_bridge_isolate_port("port0", false, &error));
    g_assert_cmpint(port_isolated("port0"), !=, 1);
    g_assert_false(net_bridge_isolate_port("nothere", true, &error));
    g_assert_nonnull(strstr(error->message, "nothere"));
    g_clear_error(&error);
    g_assert_true(net_link_set_up("br7", true, &error));
    for (unsigned i = 0; i < 2; i++) {
        g_assert_true(net_bridge_remove_port("br7", "port0", &error));
        g_assert_no_error(error);
    }
    for (unsigned i = 0; i < 2; i++) {
        g_assert_true(net_bridge_remove("br7", &error));
        g_assert_no_error(error);
    }
    g_assert_false(net_link_exists("br7"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    isolated = unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
    g_test_add_func("/net/names", test_names);
    g_test_add_func("/net/tap/one-queue", test_tap);
    g_test_add_func("/net/tap/queues", test_tap_queues);
    g_test_add_func("/net/tap/refused", test_tap_refused);
    g_test_add_func("/net/bridge", test_bridge);
    return g_test_run();
}
