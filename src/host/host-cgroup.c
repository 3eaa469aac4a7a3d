/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-cgroup-internal.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "base/process.h"
#include "host/host-sysfs.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMBER_END_MS 2000 /* a process that got SIGKILL; one that hangs in the kernel is left to it */

/* By HostCgroupController: the name in each version; "" in version 2 for what every group has. */
static const struct {
    const char *v1, *v2;
} controllers[HOST_CGROUP_COUNT] = {
    [HOST_CGROUP_CPU] = { "cpu", "cpu" },          [HOST_CGROUP_CPUACCT] = { "cpuacct", "" },
    [HOST_CGROUP_CPUSET] = { "cpuset", "cpuset" }, [HOST_CGROUP_MEMORY] = { "memory", "memory" },
    [HOST_CGROUP_BLKIO] = { "blkio", "io" },       [HOST_CGROUP_DEVICES] = { "devices", NULL },
    [HOST_CGROUP_FREEZER] = { "freezer", "" },     [HOST_CGROUP_PIDS] = { "pids", "pids" },
};

const char *host_cgroup_controller_name(HostCgroupController controller)
{
    return controllers[controller].v1;
}

static bool list_has(const char *const *words, const char *word)
{
    return words && g_strv_contains(words, word);
}

/*
 * One line of mountinfo: "ID PARENT DEV ROOT MOUNT OPTIONS … - TYPE SOURCE SUPER-OPTIONS". A hierarchy that is mounted
 * twice counts where it comes first.
 */
static void read_mount(HostCgroupLayout *layout, const char *sysroot, const char *line, char **unified_dir)
{
    const char *separator = strstr(line, " - cgroup");
    if (!separator)
        return;
    g_auto(GStrv) head = g_strsplit(line, " ", 6);
    g_auto(GStrv) tail = g_strsplit(separator + 3, " ", 3);
    if (g_strv_length(head) < 6 || g_strv_length(tail) < 3)
        return;
    if (strcmp(tail[0], "cgroup2") == 0 && !*unified_dir)
        *unified_dir = g_strconcat(sysroot, head[4], NULL);
    if (strcmp(tail[0], "cgroup") != 0)
        return;
    g_auto(GStrv) options = g_strsplit(tail[2], ",", -1);
    for (unsigned i = 0; i < HOST_CGROUP_COUNT; i++) {
        if (!layout->dirs[i] && list_has((const char *const *)options, controllers[i].v1)) {
            layout->dirs[i] = g_strconcat(sysroot, head[4], NULL);
            layout->controllers |= HOST_CGROUP_BIT(i);
        }
    }
}

static void use_unified(HostCgroupLayout *layout, const char *dir)
{
    layout->unified = true;
    g_autofree char *text = host_sysfs_read(dir, "/cgroup.controllers");
    g_auto(GStrv) words = g_strsplit(text ? text : "", " ", -1);
    for (unsigned i = 0; i < HOST_CGROUP_COUNT; i++) {
        const char *name = controllers[i].v2;
        if (!name || (name[0] && !list_has((const char *const *)words, name)))
            continue;
        layout->dirs[i] = g_strdup(dir);
        layout->controllers |= HOST_CGROUP_BIT(i);
    }
}

HostCgroupLayout *host_cgroup_layout_load(const char *sysroot)
{
    HostCgroupLayout *layout = g_new0(HostCgroupLayout, 1);
    g_autofree char *unified_dir = NULL;
    g_autofree char *text = host_sysfs_read(sysroot, "/proc/self/mountinfo");
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    for (char **line = lines; *line; line++)
        read_mount(layout, sysroot, *line, &unified_dir);
    /* A hybrid host has version 2 mounted too, but its controllers are bound to version 1. */
    if (layout->controllers == 0 && unified_dir)
        use_unified(layout, unified_dir);
    return layout;
}

void host_cgroup_layout_free(HostCgroupLayout *layout)
{
    if (!layout)
        return;
    for (unsigned i = 0; i < HOST_CGROUP_COUNT; i++)
        g_free(layout->dirs[i]);
    g_free(layout);
}

char *host_cgroup_file(const HostCgroup *group, HostCgroupController controller, const char *file)
{
    return g_strconcat(group->layout->dirs[controller], "/", group->path, "/", file, NULL);
}

bool host_cgroup_write(const char *path, const char *value, GError **error)
{
    return host_sysfs_write("", path, value, error);
}

/* The first controller of each hierarchy: in version 1 some share one, in version 2 all do. */
static bool is_first_of_hierarchy(const HostCgroupLayout *layout, unsigned controller, unsigned wanted)
{
    for (unsigned i = 0; i < controller; i++) {
        if ((wanted & HOST_CGROUP_BIT(i)) && g_strcmp0(layout->dirs[i], layout->dirs[controller]) == 0)
            return false;
    }
    return true;
}

/* A new cpuset of version 1 is empty and takes no process until it is filled. */
static bool inherit_cpuset(const char *dir, GError **error)
{
    static const char *const files[] = { "cpuset.cpus", "cpuset.mems" };
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *own = host_sysfs_read(dir, "/%s", files[i]);
        if (own && own[0])
            continue;
        g_autofree char *parent = host_sysfs_read(dir, "/../%s", files[i]);
        g_autofree char *path = g_strconcat(dir, "/", files[i], NULL);
        if (!parent || !host_cgroup_write(path, parent, error))
            return parent ? false
                          : error_set(error, VIR_ERR_SYSTEM_ERROR, "no '%s' in the parent of '%s'", files[i], dir);
    }
    return true;
}

/* Passes those of @wanted on from @dir to its children; the kernel takes them one by one, each may be refused. */
static unsigned enable_controllers(const char *dir, unsigned wanted)
{
    unsigned enabled = 0;
    g_autofree char *path = g_strconcat(dir, "/cgroup.subtree_control", NULL);
    for (unsigned i = 0; i < HOST_CGROUP_COUNT; i++) {
        if (!(wanted & HOST_CGROUP_BIT(i)))
            continue;
        const char *name = controllers[i].v2;
        g_autofree char *value = g_strconcat("+", name, NULL);
        if (!name[0] || host_cgroup_write(path, value, NULL))
            enabled |= HOST_CGROUP_BIT(i);
    }
    return enabled;
}

static bool make_dir(const char *dir, GError **error)
{
    if (mkdir(dir, 0755) < 0 && errno != EEXIST)
        return error_set_errno(error, errno, "make control group '%s'", dir);
    return true;
}

/* Makes @path component by component in the hierarchy of @controller. */
static bool create_in_hierarchy(HostCgroup *group, unsigned controller, GError **error)
{
    const HostCgroupLayout *layout = group->layout;
    g_auto(GStrv) parts = g_strsplit(group->path, "/", -1);
    g_autofree char *dir = g_strdup(layout->dirs[controller]);
    for (char **part = parts; *part; part++) {
        if (layout->unified)
            group->controllers = enable_controllers(dir, group->controllers);
        g_autofree char *child = g_strconcat(dir, "/", *part, NULL);
        if (!make_dir(child, error))
            return false;
        bool is_cpuset = !layout->unified && (group->controllers & HOST_CGROUP_BIT(HOST_CGROUP_CPUSET)) &&
                         strcmp(layout->dirs[HOST_CGROUP_CPUSET], layout->dirs[controller]) == 0;
        if (is_cpuset && !inherit_cpuset(child, error))
            return false;
        if (layout->unified && group->of_threads && !part[1]) {
            g_autofree char *type = g_strconcat(child, "/cgroup.type", NULL);
            if (!host_cgroup_write(type, "threaded", error))
                return false;
        }
        g_free(dir);
        dir = g_steal_pointer(&child);
    }
    return true;
}

static bool path_valid(const char *path, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    for (char **part = parts; *part; part++) {
        if (!**part || strcmp(*part, ".") == 0 || strcmp(*part, "..") == 0)
            return error_set(error, VIR_ERR_INVALID_ARG, "'%s' is not a path of a control group", path);
    }
    return parts[0] ? true : error_set(error, VIR_ERR_INVALID_ARG, "a control group needs a path");
}

static HostCgroup *create_group(const HostCgroupLayout *layout, const char *path, unsigned wanted, bool of_threads,
                                GError **error)
{
    if (!path_valid(path, error))
        return NULL;
    g_autoptr(HostCgroup) group = g_new0(HostCgroup, 1);
    group->layout = layout;
    group->path = g_strdup(path);
    group->controllers = wanted & layout->controllers;
    group->of_threads = of_threads;
    unsigned to_make = group->controllers; /* enabling may drop some, their hierarchy is one then */
    for (unsigned i = 0; i < HOST_CGROUP_COUNT; i++) {
        if ((to_make & HOST_CGROUP_BIT(i)) && is_first_of_hierarchy(layout, i, to_make) &&
            !create_in_hierarchy(group, i, error)) {
            host_cgroup_remove(layout, path, NULL);
            return NULL;
        }
    }
    return g_steal_pointer(&group);
}

HostCgroup *host_cgroup_create(const HostCgroupLayout *layout, const char *path, unsigned wanted, GError **error)
{
    return create_group(layout, path, wanted, false, error);
}

HostCgroup *host_cgroup_create_child(const HostCgroup *group, const char *name, GError **error)
{
    g_autofree char *path = g_strconcat(group->path, "/", name, NULL);
    return create_group(group->layout, path, group->controllers & HOST_CGROUP_OF_THREADS, true, error);
}

HostCgroup *host_cgroup_open(const HostCgroupLayout *layout, const char *path, bool of_threads)
{
    if (!path_valid(path, NULL))
        return NULL;
    unsigned found = 0;
    for (unsigned i = 0; i < HOST_CGROUP_COUNT; i++) {
        if ((layout->controllers & HOST_CGROUP_BIT(i)) && host_sysfs_exists(layout->dirs[i], "/%s", path))
            found |= HOST_CGROUP_BIT(i);
    }
    if (found && layout->unified) {
        g_autofree char *text = host_sysfs_read(layout->dirs[HOST_CGROUP_CPUACCT], "/%s/cgroup.controllers", path);
        g_auto(GStrv) words = g_strsplit(text ? text : "", " ", -1);
        for (unsigned i = 0; i < HOST_CGROUP_COUNT; i++) {
            if ((found & HOST_CGROUP_BIT(i)) && controllers[i].v2[0] &&
                !list_has((const char *const *)words, controllers[i].v2))
                found &= ~HOST_CGROUP_BIT(i);
        }
    }
    if (!found)
        return NULL;
    HostCgroup *group = g_new0(HostCgroup, 1);
    *group = (HostCgroup){ .layout = layout, .path = g_strdup(path), .controllers = found, .of_threads = of_threads };
    return group;
}

GPtrArray *host_cgroup_children(const HostCgroup *group)
{
    GPtrArray *children = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < HOST_CGROUP_COUNT; i++) {
        if (!(group->controllers & HOST_CGROUP_BIT(i)) || children->len > 0)
            continue;
        g_autofree char *dir = host_cgroup_file(group, i, ".");
        g_autoptr(GPtrArray) names = host_sysfs_list("", "%s", dir);
        for (guint n = 0; n < names->len; n++) {
            g_autofree char *path = g_build_filename(dir, names->pdata[n], NULL);
            if (g_file_test(path, G_FILE_TEST_IS_DIR))
                g_ptr_array_add(children, g_strdup(names->pdata[n]));
        }
    }
    return children;
}

void host_cgroup_free(HostCgroup *group)
{
    if (group)
        g_free(group->path);
    g_free(group);
}

static bool add_id(const HostCgroup *group, const char *file, pid_t id, GError **error)
{
    g_autofree char *value = g_strdup_printf("%d", (int)id);
    for (unsigned i = 0; i < HOST_CGROUP_COUNT; i++) {
        if (!(group->controllers & HOST_CGROUP_BIT(i)) || !is_first_of_hierarchy(group->layout, i, group->controllers))
            continue;
        g_autofree char *path = host_cgroup_file(group, i, file);
        if (!host_cgroup_write(path, value, error))
            return false;
    }
    return true;
}

bool host_cgroup_add_process(const HostCgroup *group, pid_t pid, GError **error)
{
    return add_id(group, "cgroup.procs", pid, error);
}

bool host_cgroup_add_thread(const HostCgroup *group, pid_t tid, GError **error)
{
    return add_id(group, group->layout->unified ? "cgroup.threads" : "tasks", tid, error);
}

/*
 * Whoever the group's processes were when they were listed, only one that is in it while its pidfd is open is ended.
 * Its main thread may have ended already: the others hold the group.
 */
static void end_member(const char *dir, pid_t pid)
{
    if (pid <= 1 || pid == getpid())
        return;
    auto_fd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    g_autofree char *line = g_strdup_printf("%d", (int)pid), *text = host_sysfs_read(dir, "/cgroup.procs");
    g_auto(GStrv) members = g_strsplit(text ? text : "", "\n", -1);
    if (pidfd < 0 || !g_strv_contains((const char *const *)members, line))
        return;
    process_signal(pidfd, SIGKILL, NULL);
    process_wait(pidfd, MEMBER_END_MS);
}

static void end_members(const char *dir)
{
    g_autoptr(GPtrArray) names = host_sysfs_list(dir, "/.");
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *child = g_build_filename(dir, g_ptr_array_index(names, i), NULL);
        if (g_file_test(child, G_FILE_TEST_IS_DIR))
            end_members(child);
    }
    g_autofree char *text = host_sysfs_read(dir, "/cgroup.procs");
    g_auto(GStrv) members = g_strsplit(text ? text : "", "\n", -1);
    for (char **member = members; *member; member++)
        end_member(dir, (pid_t)g_ascii_strtoll(*member, NULL, 10));
}

void host_cgroup_end_members(const HostCgroupLayout *layout, const char *path)
{
    for (unsigned i = 0; path_valid(path, NULL) && i < HOST_CGROUP_COUNT; i++) {
        if (!layout->dirs[i] || !is_first_of_hierarchy(layout, i, layout->controllers))
            continue;
        g_autofree char *dir = g_strconcat(layout->dirs[i], "/", path, NULL);
        end_members(dir);
    }
}

/* Depth first; the files in a group's directory are the kernel's and go with it. */
static bool remove_tree(const char *dir, GError **error)
{
    g_autoptr(GPtrArray) names = host_sysfs_list(dir, "/.");
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *child = g_build_filename(dir, g_ptr_array_index(names, i), NULL);
        if (g_file_test(child, G_FILE_TEST_IS_DIR) && !remove_tree(child, error))
            return false;
    }
    if (rmdir(dir) < 0 && errno != ENOENT)
        return error_set_errno(error, errno, "remove control group '%s'", dir);
    return true;
}

bool host_cgroup_remove(const HostCgroupLayout *layout, const char *path, GError **error)
{
    if (!path_valid(path, error))
        return false;
    for (unsigned i = 0; i < HOST_CGROUP_COUNT; i++) {
        if (!layout->dirs[i] || !is_first_of_hierarchy(layout, i, layout->controllers))
            continue;
        g_autofree char *dir = g_strconcat(layout->dirs[i], "/", path, NULL);
        if (!remove_tree(dir, error))
            return false;
    }
    return true;
}
