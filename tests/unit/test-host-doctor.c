/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-doctor.h"

#include "fake-tree.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

static const HostDoctorResult *find(const GPtrArray *results, const char *name)
{
    for (guint i = 0; i < results->len; i++) {
        const HostDoctorResult *result = g_ptr_array_index(results, i);
        if (strcmp(result->name, name) == 0)
            return result;
    }
    g_error("no check '%s'", name);
}

static void assert_complete(const GPtrArray *results)
{
    for (guint i = 0; i < results->len; i++) {
        const HostDoctorResult *result = g_ptr_array_index(results, i);
        g_test_message("%s: %s: %s%s%s", result->name, host_doctor_status_name(result->status), result->detail,
                       result->cure ? "; " : "", result->cure ? result->cure : "");
        g_assert_nonnull(result->title);
        g_assert_nonnull(result->detail);
        g_assert_true((result->status == HOST_DOCTOR_OK) == (result->cure == NULL));
        for (guint j = 0; j < i; j++)
            g_assert_cmpstr(((const HostDoctorResult *)g_ptr_array_index(results, j))->name, !=, result->name);
    }
}

static const FakeFile good_files[] = {
    { "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vmx sse2\n\n" },
    { "/proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable: 6000000 kB\n" },
    { "/proc/self/mountinfo", "26 24 0:23 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n" },
    { "/sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n" },
    { "/sys/module/kvm_intel/parameters/nested", "Y\n" },
    { "/sys/module/bridge/version", "2.3\n" },
    { "/sys/module/apparmor/parameters/enabled", "Y\n" },
    { "/sys/kernel/iommu_groups/0/type", "DMA\n" },
    { "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "4\n" },
    { "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "3\n" },
    { "/dev/net/tun", "" },
    { "/dev/vhost-net", "" },
    { "/dev/kvm", "" },
    { "/usr/share/seabios/bios-256k.bin", "" },
    { "/usr/share/qemu/firmware/50-edk2.json", "{}" },
    { "/bin/qemu-img", "#!/bin/sh\n" },
    { "/bin/nft", "#!/bin/sh\n" },
    { "/bin/dnsmasq", "#!/bin/sh\n" },
    { 0 },
};

static void add_program(const char *root, const char *path, const char *text)
{
    fake_tree_add(root, path, text);
    g_autofree char *full = g_strconcat(root, path, NULL);
    g_assert_cmpint(chmod(full, 0755), ==, 0);
}

/* The emulator of whatever architecture this is. */
static void add_qemu(const char *root, const char *output)
{
    static const char *const suffixes[] = { "x86_64", "i386", "aarch64", "arm", "ppc64", "riscv64", "s390x" };
    for (unsigned i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = g_strdup_printf("/bin/qemu-system-%s", suffixes[i]);
        g_autofree char *text = g_strdup_printf("#!/bin/sh\necho '%s'\n", output);
        add_program(root, path, text);
    }
}

static void test_good(void)
{
    g_autofree char *root = fake_tree_new(good_files);
    static const char *const programs[] = { "/bin/qemu-img", "/bin/nft", "/bin/dnsmasq" };
    for (unsigned i = 0; i < G_N_ELEMENTS(programs); i++)
        add_program(root, programs[i], "#!/bin/sh\n");
    add_qemu(root, "QEMU emulator version 7.2.22 (Debian)");
    const HostDoctorOptions options = { .sysroot = root, .path = "/usr/bin:/bin", .privileged = true };
    g_autoptr(GPtrArray) results = host_doctor_run(&options);
    assert_complete(results);
    static const char *const good[] = { "kvm-module",    "kvm-device",        "nested",        "iommu",    "hugepages",
                                        "qemu",          "qemu-img",          "firmware-bios", "tun",      "vhost-net",
                                        "bridge",        "network-tools",     "cgroups",       "security", "memory",
                                        "firmware-uefi", "cpu-virtualization" };
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_cmpint(find(results, good[i])->status, ==, HOST_DOCTOR_OK);
    fake_tree_remove(root);
}

static void test_bare(void)
{
    g_autofree char *root = fake_tree_new(&(FakeFile){ 0 });
    const HostDoctorOptions options = { .sysroot = root,
                                        .path = "/bin",
                                        .kvm_device = "/dev/lodge-no-such-device",
                                        .socket = "/nonexistent/libvirt-sock",
                                        .privileged = true };
    g_autoptr(GPtrArray) results = host_doctor_run(&options);
    assert_complete(results);
    g_assert_cmpint(find(results, "qemu")->status, ==, HOST_DOCTOR_FAIL);
    g_assert_cmpint(find(results, "kvm-device")->status, ==, HOST_DOCTOR_WARN);
    g_assert_cmpint(find(results, "kvm-speed")->status, ==, HOST_DOCTOR_WARN);
    g_assert_cmpint(find(results, "tun")->status, ==, HOST_DOCTOR_WARN);
    g_assert_cmpint(find(results, "daemon")->status, ==, HOST_DOCTOR_WARN);
    g_assert_nonnull(strstr(find(results, "daemon")->detail, "/nonexistent/libvirt-sock"));
    g_assert_cmpint(host_doctor_worst(results), ==, HOST_DOCTOR_FAIL);
    fake_tree_remove(root);
}

static void test_old_qemu(void)
{
    g_autofree char *root = fake_tree_new(&(FakeFile){ 0 });
    add_qemu(root, "QEMU emulator version 5.2.0");
    const HostDoctorOptions options = { .sysroot = root, .path = "/bin" };
    g_autoptr(GPtrArray) results = host_doctor_run(&options);
    const HostDoctorResult *qemu = find(results, "qemu");
    g_assert_cmpint(qemu->status, ==, HOST_DOCTOR_FAIL);
    g_assert_nonnull(strstr(qemu->cure, "6.2"));
    fake_tree_remove(root);
}

/* What only the system's daemon needs is not asked of a session. */
static void test_session(void)
{
    g_autofree char *root = fake_tree_new(&(FakeFile){ 0 });
    g_autoptr(GPtrArray) session = host_doctor_run(&(HostDoctorOptions){ .sysroot = root });
    g_autoptr(GPtrArray) system_wide = host_doctor_run(&(HostDoctorOptions){ .sysroot = root, .privileged = true });
    g_assert_cmpuint(session->len, <, system_wide->len);
    fake_tree_remove(root);
}

static void test_daemon_listens(void)
{
    g_autofree char *root = fake_tree_new(&(FakeFile){ 0 });
    g_autofree char *path = g_build_filename(root, "sock", NULL);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    g_strlcpy(address.sun_path, path, sizeof address.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(fd, 5), ==, 0);
    g_autoptr(GPtrArray) results = host_doctor_run(&(HostDoctorOptions){ .sysroot = root, .socket = path });
    g_assert_cmpint(find(results, "daemon")->status, ==, HOST_DOCTOR_OK);
    close(fd);
    fake_tree_remove(root);
}

static void test_this_host(void)
{
    static const char *const dirs[] = { "/var/lib/lodge", "/run/lodge", NULL };
    const HostDoctorOptions options = { .sysroot = "",
                                        .kvm_device = "/dev/kvm",
                                        .path = "/usr/sbin:/usr/bin:/sbin:/bin",
                                        .state_dirs = dirs,
                                        .privileged = true };
    gint64 start = g_get_monotonic_time();
    g_autoptr(GPtrArray) results = host_doctor_run(&options);
    assert_complete(results);
    g_assert_cmpint(g_get_monotonic_time() - start, <, 5 * G_USEC_PER_SEC);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/host/doctor/good", test_good);
    g_test_add_func("/host/doctor/bare", test_bare);
    g_test_add_func("/host/doctor/old-qemu", test_old_qemu);
    g_test_add_func("/host/doctor/session", test_session);
    g_test_add_func("/host/doctor/daemon-listens", test_daemon_listens);
    g_test_add_func("/host/doctor/this-host", test_this_host);
    return g_test_run();
}
