/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU shares and bandwidth. They need a control group, which is made when they are first asked for: a guest without
 * limits starts the faster. Below the guest's group stand those of its vCPUs, IOThreads and the emulator.
 */
#include "base/error.h"
#include "base/log.h"
#include "base/paths.h"
#include "host/host-cgroup.h"
#include "host/host-procstat.h"
#include "rpc/handlers.h"
#include "rpc/wire-params.h"
#include "vm/vm-define.h"
#include "vm/vm-events.h"
#include "vm/vm-iothread.h"
#include "vm/vm-tune.h"
#include "vm/vm-vcpu.h"
#include "vm/vm-wire.h"

#define DEFAULT_SHARES  1024   /* the kernel's, of a process in no group of its own */
#define DEFAULT_PERIOD  100000 /* µs */
#define PERIOD_MIN      1000
#define PERIOD_MAX      1000000
#define QUOTA_MIN       1000
#define QUOTA_MAX       17592186044415 /* the most that the kernel can count in ns */
#define GROUP_OF_GUESTS "machine"

static const HostCgroupLayout *layout_get(void)
{
    static gsize once;
    static HostCgroupLayout *layout;
    if (g_once_init_enter(&once)) {
        layout = host_cgroup_layout_load("");
        g_once_init_leave(&once, 1);
    }
    return layout;
}

static char *group_path(const Vm *vm)
{
    return g_strdup_printf(GROUP_OF_GUESTS "/lodge-%d", (int)vm->view->process.pid);
}

/* NULL, without error, if the guest has no group yet. */
static HostCgroup *group_open(const Vm *vm, const char *child)
{
    g_autofree char *path = group_path(vm);
    g_autofree char *child_path = child ? g_strdup_printf("%s/%s", path, child) : NULL;
    return host_cgroup_open(layout_get(), child ? child_path : path, child != NULL);
}

static bool place_in_child(const HostCgroup *group, const char *role, int number, pid_t tid, GError **error)
{
    g_autofree char *name = number < 0 ? g_strdup(role) : g_strdup_printf("%s%d", role, number);
    g_autoptr(HostCgroup) child = host_cgroup_create_child(group, name, error);
    return child && host_cgroup_add_thread(child, tid, error);
}

/* Moves QEMU into a group of its own, and its threads into those of their kind. */
static HostCgroup *group_make(Vm *vm, GError **error)
{
    if (!vm->daemon->paths->privileged) {
        error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "CPU tuning is not available in session mode");
        return NULL;
    }
    if (!(layout_get()->controllers & HOST_CGROUP_BIT(HOST_CGROUP_CPU))) {
        error_set(error, VIR_ERR_OPERATION_INVALID, "cgroup CPU controller is not mounted");
        return NULL;
    }
    g_autofree char *path = group_path(vm);
    g_autoptr(HostCgroup) group = host_cgroup_create(
        layout_get(), path, HOST_CGROUP_BIT(HOST_CGROUP_CPU) | HOST_CGROUP_BIT(HOST_CGROUP_CPUACCT), error);
    g_autoptr(GArray) iothreads = NULL;
    g_autoptr(GArray) emulator = NULL;
    if (!group || !host_cgroup_add_process(group, vm->view->process.pid, error) ||
        !vm_iothread_threads(vm, &iothreads, error) || !vm_emulator_threads(vm, &emulator, error))
        return NULL;
    for (unsigned i = 0; i < vm->view->vcpu_tids->len; i++) {
        pid_t tid = g_array_index(vm->view->vcpu_tids, pid_t, i);
        if (tid && !place_in_child(group, "vcpu", (int)i, tid, error))
            return NULL;
    }
    for (unsigned i = 0; i < iothreads->len; i++) {
        const VmIothread *thread = &g_array_index(iothreads, VmIothread, i);
        if (!place_in_child(group, "iothread", (int)thread->id, thread->tid, error))
            return NULL;
    }
    for (unsigned i = 0; i < emulator->len; i++) {
        pid_t tid = g_array_index(emulator, pid_t, i);
        g_autoptr(GError) gone = NULL; /* a worker thread may have ended */
        bool main_thread = tid == vm->view->process.pid;
        if (!place_in_child(group, "emulator", -1, tid, main_thread ? error : &gone) && main_thread)
            return NULL;
    }
    return g_steal_pointer(&group);
}

static HostCgroup *group_ensure(Vm *vm, GError **error)
{
    HostCgroup *group = group_open(vm, NULL);
    return group ? group : group_make(vm, error);
}

void vm_tune_release(Vm *vm)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = group_path(vm);
    if (vm->view && vm->view->process.pid > 0 && !host_cgroup_remove(layout_get(), path, &error))
        log_warning("guest '%s': %s", vm_view_domain(vm->view)->name, error->message);
}

/* Who a pair of period and quota is for. */
typedef enum { SCOPE_VCPU, SCOPE_EMULATOR, SCOPE_GLOBAL, SCOPE_IOTHREAD, SCOPE_COUNT } Scope;

/* One row a parameter of the scheduler, in the order in which clients get them. */
typedef enum { KIND_SHARES, KIND_PERIOD, KIND_QUOTA } SchedKind;
typedef struct {
    const char *field;
    const char *event; /* its name in the tunable event */
    SchedKind kind;
    Scope scope;
    size_t offset; /* in DomainCputune */
} SchedRow;

static const SchedRow sched_rows[] = {
    { VIR_DOMAIN_SCHEDULER_CPU_SHARES, VIR_DOMAIN_TUNABLE_CPU_CPU_SHARES, KIND_SHARES, SCOPE_GLOBAL,
      offsetof(DomainCputune, shares) },
    { VIR_DOMAIN_SCHEDULER_VCPU_PERIOD, VIR_DOMAIN_TUNABLE_CPU_VCPU_PERIOD, KIND_PERIOD, SCOPE_VCPU,
      offsetof(DomainCputune, period) },
    { VIR_DOMAIN_SCHEDULER_VCPU_QUOTA, VIR_DOMAIN_TUNABLE_CPU_VCPU_QUOTA, KIND_QUOTA, SCOPE_VCPU,
      offsetof(DomainCputune, quota) },
    { VIR_DOMAIN_SCHEDULER_EMULATOR_PERIOD, VIR_DOMAIN_TUNABLE_CPU_EMULATOR_PERIOD, KIND_PERIOD, SCOPE_EMULATOR,
      offsetof(DomainCputune, emulator_period) },
    { VIR_DOMAIN_SCHEDULER_EMULATOR_QUOTA, VIR_DOMAIN_TUNABLE_CPU_EMULATOR_QUOTA, KIND_QUOTA, SCOPE_EMULATOR,
      offsetof(DomainCputune, emulator_quota) },
    { VIR_DOMAIN_SCHEDULER_GLOBAL_PERIOD, VIR_DOMAIN_TUNABLE_CPU_GLOBAL_PERIOD, KIND_PERIOD, SCOPE_GLOBAL,
      offsetof(DomainCputune, global_period) },
    { VIR_DOMAIN_SCHEDULER_GLOBAL_QUOTA, VIR_DOMAIN_TUNABLE_CPU_GLOBAL_QUOTA, KIND_QUOTA, SCOPE_GLOBAL,
      offsetof(DomainCputune, global_quota) },
    { VIR_DOMAIN_SCHEDULER_IOTHREAD_PERIOD, VIR_DOMAIN_TUNABLE_CPU_IOTHREAD_PERIOD, KIND_PERIOD, SCOPE_IOTHREAD,
      offsetof(DomainCputune, iothread_period) },
    { VIR_DOMAIN_SCHEDULER_IOTHREAD_QUOTA, VIR_DOMAIN_TUNABLE_CPU_IOTHREAD_QUOTA, KIND_QUOTA, SCOPE_IOTHREAD,
      offsetof(DomainCputune, iothread_quota) },
};

/* Periods and quotas are both 64 bit wide; the sign is a matter of how they are read. */
static gint64 tune_value(const DomainCputune *tune, const SchedRow *row)
{
    return tune ? *(const gint64 *)(const void *)((const char *)tune + row->offset) : 0;
}

static void tune_scope(const DomainCputune *tune, Scope scope, guint64 *ret_period, gint64 *ret_quota)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(sched_rows); i++) {
        if (sched_rows[i].scope != scope)
            continue;
        if (sched_rows[i].kind == KIND_PERIOD)
            *ret_period = (guint64)tune_value(tune, &sched_rows[i]);
        else if (sched_rows[i].kind == KIND_QUOTA)
            *ret_quota = tune_value(tune, &sched_rows[i]);
    }
}

static bool set_bandwidth(const HostCgroup *group, guint64 period, gint64 quota, GError **error)
{
    return host_cgroup_set_bandwidth(group, period ? period : DEFAULT_PERIOD, quota ? quota : -1, error);
}

/* Applies one pair to all the groups it is for. */
static bool apply_scope(Vm *vm, const HostCgroup *group, Scope scope, GError **error)
{
    guint64 period = 0;
    gint64 quota = 0;
    tune_scope(vm->view->live->domain->cputune, scope, &period, &quota);
    if (!period && !quota)
        return true;
    if (scope == SCOPE_GLOBAL)
        return set_bandwidth(group, period, quota, error);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    if (scope == SCOPE_EMULATOR)
        g_ptr_array_add(names, g_strdup("emulator"));
    for (unsigned i = 0; scope == SCOPE_VCPU && i < vm->view->vcpu_tids->len; i++) {
        if (g_array_index(vm->view->vcpu_tids, pid_t, i))
            g_ptr_array_add(names, g_strdup_printf("vcpu%u", i));
    }
    g_autoptr(GArray) ids = vm_iothread_ids(vm->view->live->domain);
    for (unsigned i = 0; scope == SCOPE_IOTHREAD && i < ids->len; i++)
        g_ptr_array_add(names, g_strdup_printf("iothread%u", g_array_index(ids, unsigned, i)));
    for (unsigned i = 0; i < names->len; i++) {
        g_autoptr(HostCgroup) child = host_cgroup_create_child(group, names->pdata[i], error);
        if (!child || !set_bandwidth(child, period, quota, error))
            return false;
    }
    return true;
}

static bool wants_group(const DomainCputune *tune)
{
    bool wants = tune && tune->shares_set;
    for (unsigned i = 0; i < G_N_ELEMENTS(sched_rows); i++)
        wants |= tune_value(tune, &sched_rows[i]) != 0;
    return wants;
}

bool vm_tune_apply_bandwidth(Vm *vm, GError **error)
{
    const DomainCputune *tune = vm->view->live->domain->cputune;
    if (!wants_group(tune))
        return true;
    g_autoptr(HostCgroup) group = group_ensure(vm, error);
    if (!group || (tune->shares && !host_cgroup_set(group, HOST_CGROUP_CPU_SHARES, tune->shares, error)))
        return false;
    for (Scope scope = 0; scope < SCOPE_COUNT; scope++) {
        if (!apply_scope(vm, group, scope, error))
            return false;
    }
    return true;
}

bool vm_tune_place_thread(Vm *vm, const char *role, unsigned number, pid_t tid, GError **error)
{
    g_autoptr(HostCgroup) group = group_open(vm, NULL);
    return !group || (place_in_child(group, role, (int)number, tid, error) && vm_tune_apply_bandwidth(vm, error));
}

bool vm_get_scheduler_type(Call *call, const DomainGetSchedulerTypeArgs *args, DomainGetSchedulerTypeRet *ret,
                           GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    if (!vm)
        return false;
    bool tunable = call->daemon->paths->privileged && (layout_get()->controllers & HOST_CGROUP_BIT(HOST_CGROUP_CPU));
    ret->type = g_strdup("posix");
    ret->nparams = tunable ? G_N_ELEMENTS(sched_rows) : 0;
    return true;
}

/* The group that a live value is read from: of the guest, or of the first thread of its kind. */
static HostCgroup *group_of_scope(Vm *vm, Scope scope)
{
    g_autofree char *iothread = NULL;
    g_autoptr(GArray) ids = NULL;
    switch (scope) {
    case SCOPE_VCPU: return group_open(vm, "vcpu0");
    case SCOPE_EMULATOR: return group_open(vm, "emulator");
    case SCOPE_IOTHREAD:
        ids = vm_iothread_ids(vm->view->live->domain);
        iothread = ids->len > 0 ? g_strdup_printf("iothread%u", g_array_index(ids, unsigned, 0)) : NULL;
        return iothread ? group_open(vm, iothread) : NULL;
    default: return group_open(vm, NULL);
    }
}

static bool live_value(Vm *vm, const SchedRow *row, gint64 *ret_value, GError **error)
{
    g_autoptr(HostCgroup) group = group_of_scope(vm, row->scope);
    guint64 shares = DEFAULT_SHARES, period = DEFAULT_PERIOD;
    gint64 quota = -1;
    if (group && row->kind == KIND_SHARES && !host_cgroup_get(group, HOST_CGROUP_CPU_SHARES, &shares, error))
        return false;
    if (group && row->kind != KIND_SHARES && !host_cgroup_get_bandwidth(group, &period, &quota, error))
        return false;
    *ret_value = row->kind == KIND_SHARES ? (gint64)shares : row->kind == KIND_PERIOD ? (gint64)period : quota;
    return true;
}

static bool get_params(Call *call, int nparams, unsigned flags, uint32_t *ret_n, WireTypedParam **ret_params,
                       GError **error)
{
    Vm *vm = call->object;
    const Domain *domain;
    bool live;
    unsigned allowed = VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | VIR_TYPED_PARAM_STRING_OKAY;
    if (!flags_check(call, flags, allowed, error) ||
        !vm_target_domain(vm->view, flags & ~(unsigned)VIR_TYPED_PARAM_STRING_OKAY, &domain, &live, error))
        return false;
    if (!vm->daemon->paths->privileged)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "CPU tuning is not available in session mode");
    g_autoptr(WireParams) params = wire_params_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(sched_rows) && i < (unsigned)MAX(nparams, 0); i++) {
        const SchedRow *row = &sched_rows[i];
        gint64 value = tune_value(domain->cputune, row);
        if (live && !live_value(vm, row, &value, error))
            return false;
        if (row->kind == KIND_QUOTA)
            wire_params_add_llong(params, row->field, value);
        else
            wire_params_add_ullong(params, row->field, (guint64)value);
    }
    wire_params_steal(params, ret_n, ret_params);
    return true;
}

bool vm_get_scheduler_parameters(Call *call, const DomainGetSchedulerParametersArgs *args,
                                 DomainGetSchedulerParametersRet *ret, GError **error)
{
    return get_params(call, args->nparams, 0, &ret->n_params, &ret->params, error);
}

bool vm_get_scheduler_parameters_flags(Call *call, const DomainGetSchedulerParametersFlagsArgs *args,
                                       DomainGetSchedulerParametersFlagsRet *ret, GError **error)
{
    return get_params(call, args->nparams, args->flags, &ret->n_params, &ret->params, error);
}

static const SchedRow *find_row(const char *field)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(sched_rows); i++) {
        if (g_str_equal(sched_rows[i].field, field))
            return &sched_rows[i];
    }
    return NULL;
}

static bool check_param(const WireTypedParam *param, GError **error)
{
    const SchedRow *row = find_row(param->field);
    gint64 value = param->value.l;
    if (row->kind == KIND_PERIOD && (value < PERIOD_MIN || value > PERIOD_MAX))
        return error_set(error, VIR_ERR_INVALID_ARG, "value of '%s' is out of range [%d, %d]", row->field, PERIOD_MIN,
                         PERIOD_MAX);
    if (row->kind == KIND_QUOTA && value >= 0 && (value < QUOTA_MIN || value > QUOTA_MAX))
        return error_set(error, VIR_ERR_INVALID_ARG, "value of '%s' is out of range [%d, %" G_GINT64_FORMAT "]",
                         row->field, QUOTA_MIN, (gint64)QUOTA_MAX);
    return true;
}

static bool check_params(const WireTypedParam *params, unsigned n_params, GError **error)
{
    WireParamRule rules[G_N_ELEMENTS(sched_rows) + 1] = { 0 };
    for (unsigned i = 0; i < G_N_ELEMENTS(sched_rows); i++)
        rules[i] = (WireParamRule){ sched_rows[i].field,
                                    sched_rows[i].kind == KIND_QUOTA ? WIRE_VALUE_LLONG : WIRE_VALUE_ULLONG };
    if (!wire_params_check(params, n_params, rules, error))
        return false;
    for (unsigned i = 0; i < n_params; i++) {
        if (!check_param(&params[i], error))
            return false;
    }
    return true;
}

typedef struct {
    const WireTypedParam *params;
    unsigned n_params;
} SchedChange;

static bool change_sched(Domain *domain, gconstpointer data, GError **error)
{
    const SchedChange *change = data;
    if (!domain->cputune)
        domain->cputune = g_new0(DomainCputune, 1);
    for (unsigned i = 0; i < change->n_params; i++) {
        const SchedRow *row = find_row(change->params[i].field);
        *(gint64 *)(void *)((char *)domain->cputune + row->offset) = change->params[i].value.l;
        if (row->kind == KIND_SHARES)
            domain->cputune->shares_set = true;
    }
    return true;
}

static bool set_params(Call *call, const WireTypedParam *params, unsigned n_params, unsigned flags, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    SchedChange change = { params, n_params };
    if (!flags_check(call, flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | VIR_TYPED_PARAM_STRING_OKAY,
                     error) ||
        !vm_targets(vm->view, flags, &targets, error) || !check_params(params, n_params, error))
        return false;
    if (targets.live) {
        g_autoptr(HostCgroup) group = group_ensure(vm, error); /* before anything is noted: it may not be possible */
        if (!group)
            return false;
    }
    if (!vm_change(vm, targets, change_sched, &change, error) || (targets.live && !vm_tune_apply_bandwidth(vm, error)))
        return false;
    for (unsigned i = 0; targets.live && i < n_params; i++) {
        g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, (gint64)params[i].value.l);
        vm_emit_tunable(vm, find_row(params[i].field)->event, text);
    }
    return true;
}

bool vm_set_scheduler_parameters(Call *call, const DomainSetSchedulerParametersArgs *args, void *ret, GError **error)
{
    return set_params(call, args->params, args->n_params, 0, error);
}

bool vm_set_scheduler_parameters_flags(Call *call, const DomainSetSchedulerParametersFlagsArgs *args, void *ret,
                                       GError **error)
{
    return set_params(call, args->params, args->n_params, args->flags, error);
}

/* Number of host CPUs that statistics are counted for. */
static int host_cpu_count(void)
{
    return (int)sysconf(_SC_NPROCESSORS_CONF);
}

bool vm_get_cpu_stats(Call *call, const DomainGetCpuStatsArgs *args, DomainGetCpuStatsRet *ret, GError **error)
{
    Vm *vm = call->object;
    HostProcStat stat;
    if (!flags_check(call, args->flags, VIR_TYPED_PARAM_STRING_OKAY, error) || !vm_require_active(vm->view, error))
        return false;
    if (args->start_cpu >= 0) {
        if (args->ncpus == 0 && args->nparams == 0) {
            ret->nparams = host_cpu_count();
            return true;
        }
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
                         "times on single host CPUs are not counted by cgroup V2: ask for the total (--total)");
    }
    if (args->start_cpu != -1 || args->ncpus != 1)
        return error_set(error, VIR_ERR_INVALID_ARG, "start_cpu is to be -1, with ncpus 1, or from 0");
    g_autoptr(WireParams) params = wire_params_new();
    if (!host_procstat_process("", vm->view->process.pid, &stat, error))
        return false;
    const struct {
        const char *field;
        uint64_t value;
    } rows[] = {
        { VIR_DOMAIN_CPU_STATS_CPUTIME, stat.user_ns + stat.system_ns },
        { VIR_DOMAIN_CPU_STATS_USERTIME, stat.user_ns },
        { VIR_DOMAIN_CPU_STATS_SYSTEMTIME, stat.system_ns },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows) && i < args->nparams; i++)
        wire_params_add_ullong(params, rows[i].field, rows[i].value);
    ret->nparams = args->nparams == 0 ? (int)G_N_ELEMENTS(rows) : (int)wire_params_count(params);
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}
