/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of programs, firmware, network, storage and the rest of the system. */
#include "base/auto-fd.h"
#include "host/host-cgroup.h"
#include "host/host-doctor-internal.h"
#include "host/host-processor.h"
#include "host/host-sysfs.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

/* QEMU takes devices as JSON since this version, which is how guests are started here. */
#define QEMU_VERSION_MIN_MAJOR 6
#define QEMU_VERSION_MIN_MINOR 2

#define MIB            UINT64_C(1048576)
#define MEMORY_MIN_MIB 512
#define DISK_MIN_MIB   1024
#define YEAR_2020      1577836800

/* The full path of @program in the options' PATH, below sysroot; NULL if it is not there. */
static char *find_program(const DoctorRun *run, const char *program)
{
    g_auto(GStrv) dirs = g_strsplit(run->options->path ? run->options->path : "", ":", -1);
    for (char **dir = dirs; *dir; dir++) {
        g_autofree char *path = g_strconcat(run->options->sysroot, *dir, "/", program, NULL);
        if (**dir == '/' && access(path, X_OK) == 0)
            return g_steal_pointer(&path);
    }
    return NULL;
}

static const char *host_arch(void)
{
    static const struct {
        const char *arch, *suffix;
    } rows[] = { { "i686", "i386" }, { "armv7l", "arm" }, { "ppc64le", "ppc64" } };
    static struct utsname name;
    static gsize known;
    if (g_once_init_enter(&known)) {
        if (uname(&name) < 0)
            g_strlcpy(name.machine, "x86_64", sizeof name.machine);
        g_once_init_leave(&known, 1);
    }
    const char *arch = host_processor_arch(name.machine);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].arch, arch) == 0)
            return rows[i].suffix;
    }
    return arch;
}

bool doctor_check_qemu(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    g_autofree char *name = g_strconcat("qemu-system-", host_arch(), NULL);
    g_autofree char *path = find_program(run, name);
    if (!path) {
        *ret_detail = g_strdup_printf("there is no %s in PATH", name);
        return false;
    }
    const char *argv[] = { path, "--version", NULL };
    g_autofree char *output = NULL;
    g_autoptr(GError) error = NULL;
    unsigned major = 0, minor = 0;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL, NULL, &output, NULL, NULL, &error) ||
        sscanf(output, "QEMU emulator version %u.%u", &major, &minor) != 2) {
        *ret_detail =
            g_strdup_printf("%s does not say its version%s%s", path, error ? ": " : "", error ? error->message : "");
        return false;
    }
    bool new_enough =
        major > QEMU_VERSION_MIN_MAJOR || (major == QEMU_VERSION_MIN_MAJOR && minor >= QEMU_VERSION_MIN_MINOR);
    *ret_detail = g_strdup_printf("%s, version %u.%u", path, major, minor);
    if (!new_enough)
        *ret_cure = g_strdup_printf("version %d.%d or later is needed", QEMU_VERSION_MIN_MAJOR, QEMU_VERSION_MIN_MINOR);
    return new_enough;
}

static bool check_program(const DoctorRun *run, const char *program, char **ret_detail)
{
    g_autofree char *path = find_program(run, program);
    *ret_detail = path ? g_steal_pointer(&path) : g_strdup_printf("there is no %s in PATH", program);
    return (*ret_detail)[0] == '/';
}

bool doctor_check_qemu_img(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    return check_program(run, "qemu-img", ret_detail);
}

bool doctor_check_qemu_user(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    struct passwd entry, *found = NULL;
    char buffer[4096];
    int failure = getpwnam_r("lodge-qemu", &entry, buffer, sizeof buffer, &found);
    *ret_detail = found ? g_strdup_printf("user lodge-qemu (%u)", entry.pw_uid)
                        : g_strdup_printf("there is no user lodge-qemu%s%s: QEMU shares the user nobody",
                                          failure ? ": " : "", failure ? g_strerror(failure) : "");
    return found != NULL;
}

bool doctor_check_bios(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    static const char *const files[] = { "/usr/share/seabios/bios-256k.bin", "/usr/share/qemu/bios-256k.bin" };
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        if (host_sysfs_exists(run->options->sysroot, "%s", files[i])) {
            *ret_detail = g_strdup(files[i]);
            return true;
        }
    }
    if (strcmp(host_arch(), "x86_64") != 0 && strcmp(host_arch(), "i386") != 0) {
        *ret_detail = g_strdup("not used on this architecture");
        return true;
    }
    *ret_detail = g_strdup("there is no bios-256k.bin (SeaBIOS)");
    return false;
}

bool doctor_check_uefi(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    static const char *const dirs[] = { "/usr/share/qemu/firmware", "/etc/qemu/firmware" };
    unsigned found = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(dirs); i++) {
        g_autoptr(GPtrArray) names = host_sysfs_list(run->options->sysroot, "%s", dirs[i]);
        for (guint j = 0; j < names->len; j++)
            found += g_str_has_suffix(g_ptr_array_index(names, j), ".json");
    }
    *ret_detail = found ? g_strdup_printf("%u firmware descriptors", found)
                        : g_strdup("no firmware descriptors in /usr/share/qemu/firmware");
    return found > 0;
}

static bool check_device(const DoctorRun *run, const char *device, char **ret_detail, char **ret_cure)
{
    g_autofree char *path = g_strconcat(run->options->sysroot, device, NULL);
    if (access(path, F_OK) < 0) {
        *ret_detail = g_strdup_printf("there is no %s", device);
        return false;
    }
    if (access(path, R_OK | W_OK) < 0) {
        *ret_detail = g_strdup_printf("%s: %s", device, g_strerror(errno));
        *ret_cure = g_strdup_printf("run as root, or give this user the rights to %s", device);
        return false;
    }
    *ret_detail = g_strdup(device);
    return true;
}

bool doctor_check_tun(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    return check_device(run, "/dev/net/tun", ret_detail, ret_cure);
}

bool doctor_check_vhost_net(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    return check_device(run, "/dev/vhost-net", ret_detail, ret_cure);
}

bool doctor_check_bridge(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    bool there = host_sysfs_exists(run->options->sysroot, "/sys/module/bridge");
    *ret_detail = g_strdup(there ? "module bridge" : "the kernel's module bridge is not loaded");
    return there;
}

bool doctor_check_network_tools(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    g_autofree char *nft = find_program(run, "nft"), *dnsmasq = find_program(run, "dnsmasq");
    if (nft && dnsmasq) {
        *ret_detail = g_strdup_printf("%s, %s", nft, dnsmasq);
        return true;
    }
    *ret_detail = g_strdup_printf("not in PATH:%s%s", nft ? "" : " nft", dnsmasq ? "" : " dnsmasq");
    return false;
}

bool doctor_check_cgroups(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    g_autoptr(HostCgroupLayout) layout = host_cgroup_layout_load(run->options->sysroot);
    GString *missing = g_string_new(NULL);
    for (unsigned i = 0; i < HOST_CGROUP_COUNT; i++) {
        bool needed = i != HOST_CGROUP_DEVICES || !layout->unified;
        if (needed && !(layout->controllers & HOST_CGROUP_BIT(i)))
            g_string_append_printf(missing, " %s", host_cgroup_controller_name(i));
    }
    bool complete = missing->len == 0;
    *ret_detail = complete ? g_strdup_printf("version %d, all controllers", layout->unified ? 2 : 1)
                           : g_strdup_printf("missing controllers:%s", missing->str);
    g_string_free(missing, TRUE);
    return complete;
}

bool doctor_check_security(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    const char *sysroot = run->options->sysroot;
    uint64_t enforcing = 0;
    if (host_sysfs_read_u64(&enforcing, sysroot, "/sys/fs/selinux/enforce")) {
        *ret_detail = g_strdup(enforcing ? "SELinux, enforcing" : "SELinux, permissive");
        return enforcing != 0;
    }
    g_autofree char *apparmor = host_sysfs_read(sysroot, "/sys/module/apparmor/parameters/enabled");
    bool on = apparmor && apparmor[0] == 'Y';
    *ret_detail = g_strdup(on ? "AppArmor" : "neither AppArmor nor SELinux is on");
    return on;
}

bool doctor_check_memory(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    g_autofree char *text = host_sysfs_read(run->options->sysroot, "/proc/meminfo");
    uint64_t total = 0, available = 0;
    if (!text || !host_sysfs_find_u64(text, "MemTotal:", &total) ||
        !host_sysfs_find_u64(text, "MemAvailable:", &available)) {
        *ret_detail = g_strdup("the kernel does not say (/proc/meminfo)");
        *ret_cure = g_strdup("mount /proc");
        return false;
    }
    *ret_detail = g_strdup_printf("%" PRIu64 " of %" PRIu64 " MiB available", available / 1024, total / 1024);
    return available / 1024 >= MEMORY_MIN_MIB;
}

/* statvfs of @dir, or of the nearest parent that exists: what the directory will be made in. */
static bool stat_nearest(const char *dir, struct statvfs *ret_stat)
{
    g_autofree char *path = g_strdup(dir);
    while (statvfs(path, ret_stat) < 0) {
        if (errno != ENOENT || strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
            return false;
        char *parent = g_path_get_dirname(path);
        g_free(path);
        path = parent;
    }
    return true;
}

bool doctor_check_disk_space(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    uint64_t least = UINT64_MAX;
    const char *least_dir = NULL;
    for (const char *const *dir = run->options->state_dirs; dir && *dir; dir++) {
        struct statvfs fs;
        g_autofree char *path = g_strconcat(run->options->sysroot, *dir, NULL);
        if (!stat_nearest(path, &fs)) {
            *ret_detail = g_strdup_printf("%s: %s", path, g_strerror(errno));
            *ret_cure = g_strdup("correct the directory's path or rights");
            return false;
        }
        uint64_t mib = (uint64_t)fs.f_bavail * fs.f_frsize / MIB;
        if (fs.f_files > 0 && fs.f_favail == 0)
            mib = 0; /* no inode left is no space left */
        if (mib < least) {
            least = mib;
            least_dir = *dir;
        }
    }
    if (!least_dir) {
        *ret_detail = g_strdup("no directories were named");
        return true;
    }
    *ret_detail = g_strdup_printf("%" PRIu64 " MiB free for %s", least, least_dir);
    return least >= DISK_MIN_MIB;
}

bool doctor_check_time(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    struct timex state = { 0 };
    g_autofree char *source =
        host_sysfs_read(run->options->sysroot, "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    const char *name = source ? source : "unknown";
    if (g_get_real_time() / G_USEC_PER_SEC < YEAR_2020) {
        *ret_detail = g_strdup("it says a time before 2020");
        return false;
    }
    bool synchronised = adjtimex(&state) != TIME_ERROR && !(state.status & STA_UNSYNC);
    *ret_detail = g_strdup_printf("clock source %s, %s", name,
                                  synchronised ? "synchronised" : "not synchronised by a time service");
    return synchronised;
}

bool doctor_check_daemon(const DoctorRun *run, char **ret_detail, char **ret_cure)
{
    const char *path = run->options->socket;
    if (!path) {
        *ret_detail = g_strdup("not asked");
        return true;
    }
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (g_strlcpy(address.sun_path, path, sizeof address.sun_path) >= sizeof address.sun_path) {
        *ret_detail = g_strdup_printf("the path of its socket is too long: '%s'", path);
        *ret_cure = g_strdup_printf("choose a directory with a path below %zu characters", sizeof address.sun_path);
        return false;
    }
    auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
        int saved = errno;
        *ret_detail = g_strdup_printf("nothing listens on %s (%s)", path, g_strerror(saved));
        if (saved == EACCES)
            *ret_cure =
                g_strdup_printf("this user may not write to the socket: run as root, or join the group that owns it");
        return false;
    }
    *ret_detail = g_strdup_printf("it listens on %s", path);
    return true;
}
