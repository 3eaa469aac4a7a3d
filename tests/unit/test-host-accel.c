/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-accel.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_absent(void)
{
    g_autoptr(HostAccel) accel = host_accel_probe("/dev/lodge-no-such-device");
    g_assert_cmpint(accel->status, ==, HOST_ACCEL_KVM_ABSENT);
    g_assert_nonnull(accel->cure);
}

static void test_not_kvm(void)
{
    g_autoptr(HostAccel) accel = host_accel_probe("/dev/null");
    g_assert_cmpint(accel->status, ==, HOST_ACCEL_KVM_BROKEN);
    g_assert_nonnull(strstr(accel->message, "not a KVM device"));
}

/* Root may open anything, so the permission is tried in a child that gives itself up. */
static void test_no_permission(void)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "lodge-accel-XXXXXX", NULL);
    int fd = g_mkstemp(path);
    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(fchmod(fd, 0), ==, 0);
    close(fd);
    pid_t child = fork();
    g_assert_cmpint(child, >=, 0);
    if (child == 0) {
        if (getuid() == 0 && setuid(65534) < 0)
            _exit(2);
        g_autoptr(HostAccel) accel = host_accel_probe(path);
        _exit(accel->status == HOST_ACCEL_KVM_NO_PERMISSION ? 0 : 1);
    }
    int status;
    g_assert_cmpint(waitpid(child, &status, 0), ==, child);
    g_unlink(path);
    g_assert_true(WIFEXITED(status));
    g_assert_cmpint(WEXITSTATUS(status), ==, 0);
}

/* Whatever this host has: an answer in time, and one that agrees with itself. */
static void test_this_host(void)
{
    gint64 start = g_get_monotonic_time();
    g_autoptr(HostAccel) accel = host_accel_get();
    g_test_message("%s: %s (%.1f ms)", host_accel_status_name(accel->status), accel->message,
                   (double)(g_get_monotonic_time() - start) / 1000);
    g_assert_cmpint(g_get_monotonic_time() - start, <, 2000000);
    g_assert_cmpstr(host_accel_choose(), ==, accel->status == HOST_ACCEL_KVM_WORKS ? "kvm" : "qemu");
    if (accel->status == HOST_ACCEL_KVM_EMULATED) {
        g_assert_cmpfloat(accel->mips, >, 0);
        g_assert_cmpfloat(accel->mips, <, 50);
    }
    if (accel->status != HOST_ACCEL_KVM_WORKS)
        g_assert_nonnull(accel->cure);
}

/* The second question is answered from memory. */
static void test_cached(void)
{
    g_autoptr(HostAccel) first = host_accel_get();
    gint64 start = g_get_monotonic_time();
    for (unsigned i = 0; i < 100; i++) {
        g_autoptr(HostAccel) again = host_accel_get();
        g_assert_cmpfloat(again->mips, ==, first->mips);
        g_assert_cmpstr(again->message, ==, first->message);
    }
    g_assert_cmpint(g_get_monotonic_time() - start, <, 100000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/host/accel/absent", test_absent);
    g_test_add_func("/host/accel/not-kvm", test_not_kvm);
    g_test_add_func("/host/accel/no-permission", test_no_permission);
    g_test_add_func("/host/accel/this-host", test_this_host);
    g_test_add_func("/host/accel/cached", test_cached);
    return g_test_run();
}
