/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-cgroup.h"

#include "base/error.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/paths.h"
#include "host/host-scope.h"
#include "vm/vm-iothread.h"
#include "vm/vm-tunable.h"
#include "vm/vm-tune.h"

#include <string.h>

#define DEFAULT_PARTITION "/machine"
#define NAME_MAX_BYTES    64
#define CONTROLLERS       (HOST_CGROUP_OF_THREADS | HOST_CGROUP_BIT(HOST_CGROUP_MEMORY) | HOST_CGROUP_BIT(HOST_CGROUP_BLKIO))

const HostCgroupLayout *vm_cgroup_layout(void)
{
    static gsize once;
    static HostCgroupLayout *layout;
    if (g_once_init_enter(&once)) {
        layout = host_cgroup_layout_load("");
        g_once_init_leave(&once, 1);
    }
    return layout;
}

char *vm_cgroup_name(const Vm *vm, const Domain *live)
{
    g_autofree char *name = g_strndup(live->name, NAME_MAX_BYTES);
    const char *root = vm->daemon->paths->root;
    for (char *c = name; *c; c++) {
        if (!g_ascii_isalnum(*c) && !strchr("-_.", *c))
            *c = '_';
    }
    return root ? g_strdup_printf("lodge-%d-%s.%08x", live->id, name, g_str_hash(root))
                : g_strdup_printf("lodge-%d-%s", live->id, name);
}

static const char *partition_of(const Domain *live)
{
    const char *partition = live->resource_partition ? live->resource_partition : DEFAULT_PARTITION;
    return partition + (*partition == '/');
}

/* "machine-engineering" for "/machine/engineering". */
static char *slice_stem(const Domain *live)
{
    g_auto(GStrv) parts = g_strsplit(partition_of(live), "/", -1);
    return g_strjoinv("-", parts);
}

/* Each slice's name holds those of its parents: "a.slice/a-b.slice". */
static char *scope_path(const Domain *live, const char *unit)
{
    g_auto(GStrv) parts = g_strsplit(partition_of(live), "/", -1);
    g_autoptr(GString) stem = g_string_new(NULL);
    GString *path = g_string_new(NULL);
    for (char **part = parts; *part; part++) {
        g_string_append_printf(stem, "%s%s", stem->len ? "-" : "", *part);
        g_string_append_printf(path, "%s.slice/", stem->str);
    }
    g_string_append(path, unit);
    return g_string_free(path, FALSE);
}

static char *scope_unit(const Vm *vm, const Domain *live)
{
    g_autofree char *name = vm_cgroup_name(vm, live);
    g_autofree char *escaped = host_scope_escape(name);
    return g_strdup_printf("machine-%s.scope", escaped);
}

/* Only the default partition has its plain name, and is made by us. */
static char *plain_partition(const Domain *live)
{
    g_auto(GStrv) parts = g_strsplit(partition_of(live), "/", -1);
    GString *path = g_string_new(NULL);
    for (char **part = parts; *part; part++)
        g_string_append_printf(path, "%s%s%s", path->len ? "/" : "", *part,
                               part == parts && g_str_equal(*part, DEFAULT_PARTITION + 1) ? "" : ".partition");
    return g_string_free(path, FALSE);
}

static char *group_path(const Vm *vm, const Domain *live)
{
    if (host_scope_used("")) {
        g_autofree char *unit = scope_unit(vm, live);
        return scope_path(live, unit);
    }
    g_autofree char *partition = plain_partition(live);
    g_autofree char *name = vm_cgroup_name(vm, live);
    return g_strconcat(partition, "/", name, NULL);
}

static bool check_partition(const Domain *live, GError **error)
{
    g_autofree char *path = plain_partition(live);
    if (g_str_equal(path, DEFAULT_PARTITION + 1))
        return true;
    g_autoptr(HostCgroup) partition = host_cgroup_open(vm_cgroup_layout(), path, false);
    return partition || error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                                  "<resource><partition>: '%s' is not there: make the control group '%s' first",
                                  live->resource_partition, path);
}

/* Makes the group vm->cgroup; with systemd @pid is in it afterwards. */
static HostCgroup *make_group(Vm *vm, const Domain *live, pid_t pid, GError **error)
{
    if (host_scope_used("")) {
        g_autofree char *unit = scope_unit(vm, live);
        g_autofree char *stem = slice_stem(live);
        g_autofree char *slice = g_strconcat(stem, ".slice", NULL);
        g_autofree char *description = g_strdup_printf("Virtual machine %s", live->name);
        if (!host_scope_start(unit, slice, description, pid, error))
            return NULL;
    } else if (!check_partition(live, error)) {
        return NULL;
    }
    return host_cgroup_create(vm_cgroup_layout(), vm->cgroup, CONTROLLERS, error);
}

static bool place_now(VmPlacing *placing, GError **error)
{
    g_autoptr(HostCgroup) group = make_group(placing->vm, placing->live, placing->pid, error);
    return group && vm_tunables_apply(placing->vm, group, placing->live, error) &&
           host_cgroup_add_process(group, placing->pid, error);
}

void vm_cgroup_plan(VmPlacing *placing, Vm *vm, Domain *live)
{
    const char *knob = vm_tunables_first(live, false);
    *placing = (VmPlacing){ .vm = vm, .live = live, .required = knob || live->resource_partition };
    g_mutex_init(&placing->lock);
    g_cond_init(&placing->ended);
    if (!vm->daemon->paths->privileged || !vm_cgroup_layout()->controllers)
        return;
    if (!live->resource_partition)
        live->resource_partition = g_strdup(DEFAULT_PARTITION);
    vm->cgroup = group_path(vm, live);
}

static void place_job(gpointer data)
{
    VmPlacing *placing = data;
    place_now(placing, &placing->error);
    g_mutex_lock(&placing->lock);
    placing->done = true;
    g_cond_signal(&placing->ended);
    g_mutex_unlock(&placing->lock);
}

/* There are no groups: true if they are not needed after all. */
static bool do_without(const VmPlacing *placing, GError **error)
{
    const char *knob = vm_tunables_first(placing->live, true);
    if (!knob && !placing->live->resource_partition)
        return true; /* QEMU itself holds what it sets */
    if (!placing->vm->daemon->paths->privileged)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "%s is not available in session mode: leave it out, or use qemu:///system",
                         knob ? knob : "<resource>");
    return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                     "%s needs control groups, and this host has none: leave it out, or mount them on /sys/fs/cgroup",
                     knob ? knob : "<resource>");
}

bool vm_cgroup_place(pid_t pid, gpointer data, GError **error)
{
    VmPlacing *placing = data;
    placing->pid = pid;
    if (!placing->vm->cgroup)
        return !placing->required || do_without(placing, error);
    if (placing->required)
        return place_now(placing, error);
    placing->begun = true;
    worker_post(place_job, placing);
    return true;
}

void vm_cgroup_placed(VmPlacing *placing)
{
    g_mutex_lock(&placing->lock);
    while (placing->begun && !placing->done)
        g_cond_wait(&placing->ended, &placing->lock);
    g_mutex_unlock(&placing->lock);
    if (placing->error)
        log_info("guest '%s' has no control group: %s", placing->live->name, placing->error->message);
    g_clear_error(&placing->error);
    g_mutex_clear(&placing->lock);
    g_cond_clear(&placing->ended);
}

void vm_cgroup_adopt(Vm *vm)
{
    g_clear_pointer(&vm->cgroup, g_free);
    if (vm->daemon->paths->privileged && vm_cgroup_layout()->controllers)
        vm->cgroup = group_path(vm, vm->view->live->domain);
}

void vm_cgroup_release(Vm *vm)
{
    g_autoptr(GError) error = NULL;
    if (vm->cgroup)
        host_cgroup_end_members(vm_cgroup_layout(), vm->cgroup);
    if (vm->cgroup && !host_cgroup_remove(vm_cgroup_layout(), vm->cgroup, &error))
        log_warning("guest '%s': %s", vm_view_domain(vm->view)->name, error->message);
    g_clear_pointer(&vm->cgroup, g_free);
}

HostCgroup *vm_cgroup_open(const Vm *vm, const char *child)
{
    if (!vm->cgroup)
        return NULL;
    g_autofree char *child_path = child ? g_strdup_printf("%s/%s", vm->cgroup, child) : NULL;
    return host_cgroup_open(vm_cgroup_layout(), child ? child_path : vm->cgroup, child != NULL);
}

HostCgroup *vm_cgroup_ensure(Vm *vm, HostCgroupController controller, GError **error)
{
    if (!vm->cgroup || !(vm_cgroup_layout()->controllers & HOST_CGROUP_BIT(controller))) {
        error_set(error, VIR_ERR_OPERATION_INVALID, "cgroup %s controller is not mounted",
                  host_cgroup_controller_name(controller));
        return NULL;
    }
    HostCgroup *there = vm_cgroup_open(vm, NULL);
    if (there)
        return there;
    g_autoptr(HostCgroup) group = make_group(vm, vm->view->live->domain, vm->view->process.pid, error);
    return group && host_cgroup_add_process(group, vm->view->process.pid, error) ? g_steal_pointer(&group) : NULL;
}

static bool place_in_child(const HostCgroup *group, const char *role, int number, pid_t tid, GError **error)
{
    g_autofree char *name = number < 0 ? g_strdup(role) : g_strdup_printf("%s%d", role, number);
    g_autoptr(HostCgroup) child = host_cgroup_create_child(group, name, error);
    return child && host_cgroup_add_thread(child, tid, error);
}

bool vm_cgroup_split(Vm *vm, const HostCgroup *group, GError **error)
{
    g_autoptr(HostCgroup) there = vm_cgroup_open(vm, "emulator");
    g_autoptr(GArray) iothreads = NULL;
    g_autoptr(GArray) emulator = NULL;
    if (there)
        return true;
    if (!vm_iothread_threads(vm, &iothreads, error) || !vm_emulator_threads(vm, &emulator, error))
        return false;
    for (unsigned i = 0; i < vm->view->vcpu_tids->len; i++) {
        pid_t tid = g_array_index(vm->view->vcpu_tids, pid_t, i);
        if (tid && !place_in_child(group, "vcpu", (int)i, tid, error))
            return false;
    }
    for (unsigned i = 0; i < iothreads->len; i++) {
        const VmIothread *thread = &g_array_index(iothreads, VmIothread, i);
        if (!place_in_child(group, "iothread", (int)thread->id, thread->tid, error))
            return false;
    }
    for (unsigned i = 0; i < emulator->len; i++) {
        pid_t tid = g_array_index(emulator, pid_t, i);
        g_autoptr(GError) gone = NULL; /* a worker thread may have ended */
        bool main_thread = tid == vm->view->process.pid;
        if (!place_in_child(group, "emulator", -1, tid, main_thread ? error : &gone) && main_thread)
            return false;
    }
    return true;
}

bool vm_cgroup_place_thread(Vm *vm, const char *role, unsigned number, pid_t tid, GError **error)
{
    g_autoptr(HostCgroup) split = vm_cgroup_open(vm, "emulator");
    g_autoptr(HostCgroup) group = split ? vm_cgroup_open(vm, NULL) : NULL;
    return !group || (place_in_child(group, role, (int)number, tid, error) &&
                      vm_tune_apply_threads(vm, vm->view->live->domain, error));
}
