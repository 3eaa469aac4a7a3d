/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree is made on a tmpfs that covers the old root, while the process itself still has the old root: host paths are
 * absolute, new ones relative to root_fd. What is not shown is as good as not there, also for a QEMU that its guest has
 * taken over: images of other guests, their processes in /proc, the host's configuration.
 */
#include "qemu/launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int root_fd = -1;
static int host_ns = -1, guest_ns = -1; /* when joining only */
static uid_t owner;
static gid_t group;

/* Programs and libraries; links among them (/bin → usr/bin) stay links. */
static const char *const system_dirs[] = {
    "usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32", "opt", "nix", "gnu"
};

/* Of /etc, what the loader, the resolver, TLS and QEMU itself read. */
static const char *const system_files[] = {
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/alternatives",
    "/etc/localtime",
    "/etc/timezone",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/services",
    "/etc/gai.conf",
    "/etc/resolv.conf",
    "/etc/ssl",
    "/etc/pki",
    "/etc/gnutls",
    "/etc/sasl2",
    "/etc/qemu",
    "/etc/crypto-policies",
    "/etc/ceph",
    "/etc/machine-id",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys",

    "/sys",
};

static const struct {
    const char *path;
    mode_t mode;
} nodes[] = { { "dev/null", 0666 },   { "dev/zero", 0666 },    { "dev/full", 0666 },
              { "dev/random", 0666 }, { "dev/urandom", 0666 }, { "dev/ptmx", 0666 } };

static const struct {
    const char *path, *target;
} links[] = { { "dev/fd", "/proc/self/fd" },
              { "dev/stdin", "/proc/self/fd/0" },
              { "dev/stdout", "/proc/self/fd/1" },
              { "dev/stderr", "/proc/self/fd/2" } };

/* Makes the directories above @path, which is relative to the new root. */
static void make_parents(const char *path)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    for (char *slash = strchr(parent, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdirat(root_fd, parent, 0755) < 0 && errno != EEXIST && errno != EROFS)
            launch_fail(errno, "make directory %s for QEMU", parent);
        *slash = '/';
    }
}

/* Something for a mount to stand on: a directory or an empty file. */
static void make_place(const char *path, mode_t type)
{
    struct stat there;
    if (fstatat(root_fd, path, &there, 0) == 0)
        return;
    make_parents(path);
    if (S_ISDIR(type)) {
        if (mkdirat(root_fd, path, 0755) < 0 && errno != EEXIST)
            launch_fail(errno, "make directory %s for QEMU", path);
        return;
    }
    int fd = openat(root_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        launch_fail(errno, "make a place for %s", path);
    close(fd);
}

/* The mount of a guest that runs can be changed only from within its namespace. */
static void move_tree(int tree, const char *path)
{
    if (guest_ns >= 0 && setns(guest_ns, CLONE_NEWNS) < 0)
        launch_fail(errno, "enter the mount namespace of QEMU");
    if (move_mount(tree, "", root_fd, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
        launch_fail(errno, "show %s to QEMU", path);
    if (host_ns >= 0 && setns(host_ns, CLONE_NEWNS) < 0)
        launch_fail(errno, "leave the mount namespace of QEMU");
}

/* Shows the host's @path at the same place, or with @as elsewhere. What is missing on the host is so here. */
static void show(const char *path, const char *as, bool writable)
{
    struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
    struct stat info;
    int tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (tree < 0 && (errno == ENOENT || errno == ENOTDIR))
        return;
    if (tree < 0 || fstat(tree, &info) < 0)
        launch_fail(errno, "show %s to QEMU", path);
    if (!writable && mount_setattr(tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) < 0)
        launch_fail(errno, "show %s to QEMU read-only", path);
    make_place(as, info.st_mode);
    move_tree(tree, as);
    close(tree);
}

/* A device of the host, owned by the guest's own user: no other process is given anything by it. */
static bool make_node(const char *path, const struct stat *info, mode_t mode)
{
    make_parents(path);
    if (mknodat(root_fd, path, (info->st_mode & S_IFMT) | mode, info->st_rdev) < 0)
        return errno == EEXIST;
    return fchmodat(root_fd, path, mode, 0) == 0 && (mode != 0600 || fchownat(root_fd, path, owner, group, 0) == 0);
}

static void show_device(const char *path)
{
    struct stat info;
    if (stat(path, &info) < 0)
        return;
    bool node = S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode);
    /* Who may not make nodes (a container) can still show those that are there. */
    if (!node || !make_node(path + 1, &info, 0600))
        show(path, path + 1, true);
}

static void show_system_dir(const char *name)
{
    char path[PATH_MAX], target[PATH_MAX];
    snprintf(path, sizeof path, "/%s", name);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) {
        show(path, name, false);
        return;
    }
    target[length] = '\0';
    if (symlinkat(target, root_fd, name) < 0)
        launch_fail(errno, "make link %s for QEMU", name);
}

static void make_root(void)
{
    int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
    if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "mode", "0755", 0) < 0 ||
        fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        launch_fail(errno, "make a file system for QEMU");
    root_fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID);
    if (root_fd < 0 || move_mount(root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
        launch_fail(errno, "mount a file system for QEMU");
    close(fs);
}

static void make_devices(void)
{
    for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
        char path[64];
        struct stat info;
        snprintf(path, sizeof path, "/%s", nodes[i].path);
        if (stat(path, &info) == 0 && !make_node(nodes[i].path, &info, nodes[i].mode))
            show(path, nodes[i].path, true);
    }
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        if (symlinkat(links[i].target, root_fd, links[i].path) < 0)
            launch_fail(errno, "make link %s for QEMU", links[i].path);
    }
    /* Pseudo-terminals have one number here and for the daemon. */
    show("/dev/pts", "dev/pts", true);
}

/* A directory in which QEMU, and nobody else, may make files. */
static void make_private(const char *path)
{
    make_parents(path);
    if (mkdirat(root_fd, path, 0700) < 0 || fchownat(root_fd, path, owner, group, 0) < 0)
        launch_fail(errno, "make directory %s for QEMU", path);
}

/* Only its own entry of /proc: that of another guest's QEMU would give its open images away. */
static void make_proc(void)
{
    char own[32];
    snprintf(own, sizeof own, "proc/%d", (int)getpid());
    show("/proc/self", own, true);
    if (symlinkat(own + strlen("proc/"), root_fd, "proc/self") < 0)
        launch_fail(errno, "make /proc for QEMU");
}

static void set_owner(const char *value)
{
    unsigned uid, gid;
    if (sscanf(value, "%u:%u", &uid, &gid) != 2)
        launch_fail(EINVAL, "bad owner '%s'", value);
    owner = uid;
    group = gid;
}

void confine_begin(const char *value)
{
    set_owner(value);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_SLAVE | MS_REC, NULL) < 0)
        launch_fail(errno, "make a mount namespace for QEMU (namespaces = [] in the config file does without)");
    umask(0);
    make_root();
    for (size_t i = 0; i < sizeof system_dirs / sizeof *system_dirs; i++)
        show_system_dir(system_dirs[i]);
    for (size_t i = 0; i < sizeof system_files / sizeof *system_files; i++)
        show(system_files[i], system_files[i] + 1, false);
    make_devices();
    make_proc();
    make_private("tmp");
    make_private("var/tmp");
    make_private("dev/shm");
}

void confine_join(const char *value)
{
    char path[64];
    int pid;
    unsigned uid, gid;
    if (sscanf(value, "%d:%u:%u", &pid, &uid, &gid) != 3)
        launch_fail(EINVAL, "bad process '%s'", value);
    owner = uid;
    group = gid;
    umask(0);
    snprintf(path, sizeof path, "/proc/%d/root", pid);
    root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
    guest_ns = open(path, O_RDONLY | O_CLOEXEC);
    host_ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    if (root_fd < 0 || guest_ns < 0 || host_ns < 0)
        launch_fail(errno, "find the tree of process %d", pid);
}

/* What QEMU has of its own at @path already, the host cannot be shown at. */
static bool is_private(const char *path)
{
    return strcmp(path, "/tmp") == 0 || strcmp(path, "/var/tmp") == 0 || strcmp(path, "/dev/shm") == 0;
}

void confine_see(const char *value)
{
    bool writable = strncmp(value, "rw:", 3) == 0;
    const char *path = value + 3;
    struct stat there;
    if (strlen(value) < 5 || (!writable && strncmp(value, "ro:", 3) != 0) || path[0] != '/')
        launch_fail(EINVAL, "bad path '%s'", value);
    bool device = strncmp(path, "/dev/", 5) == 0;
    bool exists = fstatat(root_fd, path + 1, &there, 0) == 0;
    if (exists && guest_ns >= 0 && is_private(path))
        launch_fail(EXDEV, "%s of this guest is its own while it runs: use another directory", path);
    /* Shown already, but perhaps only to be read. */
    if (exists && !is_private(path) && (device || !writable || guest_ns >= 0))
        return;
    if (device)
        show_device(path);
    else
        show(path, path + 1, writable);
}

void confine_enter(const char *value)
{
    (void)value;
    if (fchdir(root_fd) < 0 || chroot(".") < 0)
        launch_fail(errno, "enter the tree made for QEMU");
    close(root_fd);
    umask(077);
}
