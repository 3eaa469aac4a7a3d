/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Becomes QEMU: does, in a process of one thread, what a threaded daemon cannot do between fork and exec. Its orders
 * are options ("--user=64055:64055"), carried out in the order of the table below whatever their order on the line;
 * then "--" and the program with its arguments. If anything fails it writes one line, "ERRNO what", to the descriptor
 * of --report and ends with status 125; if all went well that descriptor closes with the exec. Not for people, and
 * started by nobody but the daemon.
 */
#include "qemu/launch/launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS_MAX    1024
#define GROUPS_MAX 256
#define MPOL_BIND  2 /* of <numaif.h>, which needs libnuma */

static int report_fd = 2;

_Noreturn void launch_fail(int code, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int length = snprintf(text, sizeof text, "%d ", code);
    vsnprintf(text + length, sizeof text - (size_t)length, format, args);
    va_end(args);
    dprintf(report_fd, "%s\n", text);
    exit(125);
}

static unsigned long long number(const char *text, char **ret_end, unsigned long long max)
{
    errno = 0;
    unsigned long long value = strtoull(text, ret_end, 10);
    if (errno || *ret_end == text || value > max)
        launch_fail(EINVAL, "bad number '%s'", text);
    return value;
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        launch_fail(errno, "write '%s' to %s", text, path);
    close(fd);
}

static void set_report(const char *value)
{
    char *end;
    report_fd = (int)number(value, &end, INT_MAX);
    if (fcntl(report_fd, F_SETFD, FD_CLOEXEC) < 0)
        exit(125);
}

/* Waits until the daemon has put this process where it belongs; if it ends instead, so does this. */
static void wait_gate(const char *value)
{
    char *end, byte;
    int fd = (int)number(value, &end, INT_MAX);
    if (read(fd, &byte, 1) != 1)
        launch_fail(ECANCELED, "wait for the daemon");
    close(fd);
}

static void set_netns(const char *value)
{
    int fd = open(value, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
        launch_fail(errno, "enter network namespace %s", value);
    close(fd);
}

static void set_limit(int resource, const char *name, const char *value)
{
    char *end;
    rlim_t limit = strcmp(value, "infinity") == 0 ? RLIM_INFINITY : (rlim_t)number(value, &end, ULLONG_MAX);
    if (setrlimit(resource, &(struct rlimit){ limit, limit }) < 0)
        launch_fail(errno, "set limit %s to %s", name, value);
}

static void set_memlock(const char *value)
{
    set_limit(RLIMIT_MEMLOCK, "memlock", value);
}

static void set_nofile(const char *value)
{
    set_limit(RLIMIT_NOFILE, "nofile", value);
}

static void set_nproc(const char *value)
{
    set_limit(RLIMIT_NPROC, "nproc", value);
}

static void set_core(const char *value)
{
    set_limit(RLIMIT_CORE, "core", value);
}

/* "0-3,5" as bits of @bits, which has room for @max of them. */
static void parse_set(const char *text, unsigned long *bits, unsigned max)
{
    const unsigned width = 8 * sizeof *bits;
    while (*text) {
        char *end;
        unsigned long long first = number(text, &end, max - 1), last = first;
        if (*end == '-')
            last = number(end + 1, &end, max - 1);
        for (unsigned long long i = first; i <= last; i++)
            bits[i / width] |= 1ul << i % width;
        if (*end && *end != ',')
            launch_fail(EINVAL, "bad set '%s'", text);
        text = *end ? end + 1 : end;
    }
}

static void set_cpus(const char *value)
{
    unsigned long bits[16384 / (8 * sizeof(long))] = { 0 };
    parse_set(value, bits, 16384);
    if (sched_setaffinity(0, sizeof bits, (cpu_set_t *)bits) < 0)
        launch_fail(errno, "set CPU affinity %s", value);
}

static void set_mems(const char *value)
{
    unsigned long bits[1024 / (8 * sizeof(long))] = { 0 };
    parse_set(value, bits, 1024);
    if (syscall(SYS_set_mempolicy, MPOL_BIND, bits, 1024 + 1) < 0)
        launch_fail(errno, "bind memory to NUMA nodes %s", value);
}

static void set_oom_score(const char *value)
{
    write_file("/proc/self/oom_score_adj", value);
}

static void set_scheduler(const char *value)
{
    static const struct {
        const char *name;
        int policy;
    } rows[] = { { "batch", SCHED_BATCH }, { "idle", SCHED_IDLE }, { "fifo", SCHED_FIFO }, { "rr", SCHED_RR } };
    char *end;
    size_t length = strcspn(value, ":");
    struct sched_param param = { 0 };
    if (value[length])
        param.sched_priority = (int)number(value + length + 1, &end, 99);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strlen(rows[i].name) != length || strncmp(rows[i].name, value, length) != 0)
            continue;
        if (sched_setscheduler(0, rows[i].policy, &param) < 0)
            launch_fail(errno, "set scheduler %s", value);
        return;
    }
    launch_fail(EINVAL, "unknown scheduler '%s'", value);
}

static void set_directory(const char *value)
{
    if (chdir(value) < 0)
        launch_fail(errno, "change to directory %s", value);
}

/* "UID:GID[:GROUP,GROUP…]". After everything that needs root. */
static void set_user(const char *value)
{
    gid_t groups[GROUPS_MAX];
    size_t n_groups = 0;
    char *end;
    uid_t uid = (uid_t)number(value, &end, UINT32_MAX - 1);
    if (*end != ':')
        launch_fail(EINVAL, "bad user '%s'", value);
    gid_t gid = (gid_t)number(end + 1, &end, UINT32_MAX - 1);
    while (*end) {
        if (n_groups == GROUPS_MAX)
            launch_fail(E2BIG, "more than %d groups", GROUPS_MAX);
        groups[n_groups++] = (gid_t)number(end + 1, &end, UINT32_MAX - 1);
    }
    if (setgroups(n_groups, groups) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
        launch_fail(errno, "become user %u:%u", uid, gid);
    /* Changing the user clears it; the administrator decides on core files by the limit. */
    prctl(PR_SET_DUMPABLE, 1);
}

/*
 * No privilege is left, and none can be had: no set-user-ID program or file capability gives any. Only root has a
 * bounding set to empty; the rest goes with the user, or below if QEMU stays root.
 */
static void drop_bounding_set(const char *value)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability) < 0 && errno != EPERM)
            launch_fail(errno, "drop capability %lu", capability);
    }
}

static void drop_privileges(const char *value)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, none) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        launch_fail(errno, "give up privileges");
}

typedef struct {
    const char *option;
    void (*set)(const char *value);
} Order;

/* From top to bottom is the order of doing. */
static const Order orders[] = {
    { "gate", wait_gate },
    { "netns", set_netns },
    { "cpus", set_cpus },
    { "mems", set_mems },
    { "scheduler", set_scheduler },
    { "oom-score", set_oom_score },
    { "memlock", set_memlock },
    { "nofile", set_nofile },
    { "nproc", set_nproc },
    { "core", set_core },
    { "confine", confine_begin },
    { "join", confine_join },
    { "see", confine_see },
    { "enter", confine_enter },
    { "directory", set_directory },
    { "capabilities", drop_bounding_set },
    { "user", set_user },
    { "capabilities", drop_privileges },
    { 0 },
};

/* The value of "--NAME=VALUE", or NULL if @argument is another option. */
static const char *option_value(const char *argument, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(argument, "--", 2) != 0 || strncmp(argument + 2, name, length) != 0 || argument[2 + length] != '=')
        return NULL;
    return argument + 3 + length;
}

static bool is_known(const char *argument)
{
    if (option_value(argument, "report") || option_value(argument, "fd") || option_value(argument, "log"))
        return true;
    for (const Order *order = orders; order->option; order++)
        if (option_value(argument, order->option))
            return true;
    return false;
}

/* The numbers of "--fd=SOURCE:TARGET" orders. */
static size_t parse_moves(int argc, char **argv, int *sources, int *targets)
{
    size_t n = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = option_value(argv[i], "fd");
        if (!value)
            continue;
        char *end;
        if (n == FDS_MAX)
            launch_fail(E2BIG, "more than %d descriptors", FDS_MAX);
        sources[n] = (int)number(value, &end, INT_MAX);
        if (*end != ':')
            launch_fail(EINVAL, "bad descriptor order '%s'", value);
        targets[n++] = (int)number(end + 1, &end, INT_MAX);
    }
    return n;
}

/* Lifts all sources above every target first, so that no move overwrites the source of a later one. */
static void move_descriptors(int argc, char **argv)
{
    int sources[FDS_MAX], targets[FDS_MAX], last = 2;
    size_t n = parse_moves(argc, argv, sources, targets);
    for (size_t i = 0; i < n; i++)
        last = targets[i] > last ? targets[i] : last;
    for (size_t i = 0; i <= n; i++) {
        int *fd = i < n ? &sources[i] : &report_fd, lifted = fcntl(*fd, F_DUPFD_CLOEXEC, last + 1);
        if (lifted < 0)
            launch_fail(errno, "descriptor %d", *fd);
        *fd = lifted;
    }
    for (size_t i = 0; i < n; i++)
        if (dup2(sources[i], targets[i]) < 0)
            launch_fail(errno, "descriptor %d", targets[i]);
    /* What is not QEMU's goes with the exec. */
    if (syscall(SYS_close_range, last + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
        launch_fail(errno, "close descriptors");
}

static void open_log(int argc, char **argv)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0 || dup2(null_fd, 0) < 0)
        launch_fail(errno, "open /dev/null");
    for (int i = 1; i < argc; i++) {
        const char *value = option_value(argv[i], "log");
        if (!value)
            continue;
        char *end;
        int fd = (int)number(value, &end, INT_MAX);
        if (dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
            launch_fail(errno, "redirect to the log");
    }
}

static void run_orders(int argc, char **argv)
{
    for (const Order *order = orders; order->option; order++) {
        for (int i = 1; i < argc; i++) {
            const char *value = option_value(argv[i], order->option);
            if (value)
                order->set(value);
        }
    }
}

int main(int argc, char **argv)
{
    int end = 1;
    while (end < argc && strcmp(argv[end], "--") != 0)
        end++;
    for (int i = 1; i < end; i++)
        if (option_value(argv[i], "report"))
            set_report(option_value(argv[i], "report"));
    bool joins = false;
    for (int i = 1; i < end; i++)
        joins = joins || option_value(argv[i], "join");
    if (end + 1 >= argc && !joins)
        launch_fail(EINVAL, "no program given; lodge-launch is started by lodged only");
    for (int i = 1; i < end; i++)
        if (!is_known(argv[i]))
            launch_fail(EINVAL, "unknown order '%s'", argv[i]);
    setsid();
    umask(077);
    open_log(end, argv);
    run_orders(end, argv);
    if (joins)
        return 0;
    move_descriptors(end, argv);
    execv(argv[end + 1], argv + end + 1);
    launch_fail(errno, "execute %s", argv[end + 1]);
}
