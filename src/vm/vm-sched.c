/* SPDX-License-Identifier: Apache-2.0 */
/* CPU shares and bandwidth: of the whole guest, and of its vCPUs, IOThreads and emulator. */
#include "base/error.h"
#include "base/paths.h"
#include "rpc/handlers.h"
#include "vm/vm-cgroup.h"
#include "vm/vm-iothread.h"
#include "vm/vm-tunable.h"
#include "vm/vm-tune.h"
#include "vm/vm-wire.h"

#define DEFAULT_SHARES 1024   /* the kernel's, of a process in no group of its own */
#define DEFAULT_PERIOD 100000 /* µs */
#define PERIOD_MIN     1000
#define PERIOD_MAX     1000000
#define QUOTA_MIN      1000
#define QUOTA_MAX      17592186044415 /* the most that the kernel can count in ns */

/* VmTunable.setting: who a pair of period and quota is for. */
typedef enum { SCOPE_VCPU, SCOPE_EMULATOR, SCOPE_GLOBAL, SCOPE_IOTHREAD } Scope;

/* Where each scope's pair stands in the definition. */
static const struct {
    size_t period, quota;
} scope_offsets[] = {
    [SCOPE_VCPU] = { offsetof(DomainCputune, period), offsetof(DomainCputune, quota) },
    [SCOPE_EMULATOR] = { offsetof(DomainCputune, emulator_period), offsetof(DomainCputune, emulator_quota) },
    [SCOPE_GLOBAL] = { offsetof(DomainCputune, global_period), offsetof(DomainCputune, global_quota) },
    [SCOPE_IOTHREAD] = { offsetof(DomainCputune, iothread_period), offsetof(DomainCputune, iothread_quota) },
};

/* All are 64 bit wide; the sign is a matter of how they are read. */
static gint64 tune_value(const Domain *domain, size_t offset)
{
    const DomainCputune *tune = domain->cputune;
    return tune ? *(const gint64 *)(const void *)((const char *)tune + offset) : 0;
}

static void add_value(const VmTunable *row, gint64 value, WireParams *params)
{
    if (row->type == WIRE_VALUE_LLONG)
        wire_params_add_llong(params, row->field, value);
    else
        wire_params_add_ullong(params, row->field, (guint64)value);
}

static bool sched_is_set(const VmTunable *row, const Domain *domain)
{
    return tune_value(domain, row->offset) != 0;
}

static void sched_read(const VmTunable *row, const Domain *domain, WireParams *params)
{
    add_value(row, tune_value(domain, row->offset), params);
}

static bool sched_write(const VmTunable *row, Domain *domain, const WireTypedValue *value, GError **error)
{
    if (!domain->cputune)
        domain->cputune = g_new0(DomainCputune, 1);
    *(gint64 *)(void *)((char *)domain->cputune + row->offset) = value->l;
    domain->cputune->shares_set |= row->offset == offsetof(DomainCputune, shares);
    return true;
}

static bool shares_read_live(const VmTunable *row, Vm *vm, const HostCgroup *group, WireParams *params, GError **error)
{
    guint64 shares = DEFAULT_SHARES;
    if (group && !host_cgroup_get(group, HOST_CGROUP_CPU_SHARES, &shares, error))
        return false;
    add_value(row, (gint64)shares, params);
    return true;
}

static bool shares_apply(const VmTunable *row, Vm *vm, const HostCgroup *group, const Domain *domain, GError **error)
{
    gint64 shares = tune_value(domain, row->offset);
    return host_cgroup_set(group, HOST_CGROUP_CPU_SHARES, shares ? (guint64)shares : DEFAULT_SHARES, error);
}

/* The group that a live value is read from: of the guest, or of the first thread of its kind. */
static HostCgroup *group_of_scope(Vm *vm, Scope scope)
{
    g_autofree char *iothread = NULL;
    g_autoptr(GArray) ids = NULL;
    switch (scope) {
    case SCOPE_VCPU: return vm_cgroup_open(vm, "vcpu0");
    case SCOPE_EMULATOR: return vm_cgroup_open(vm, "emulator");
    case SCOPE_IOTHREAD:
        ids = vm_iothread_ids(vm->view->live->domain);
        iothread = ids->len > 0 ? g_strdup_printf("iothread%u", g_array_index(ids, unsigned, 0)) : NULL;
        return iothread ? vm_cgroup_open(vm, iothread) : NULL;
    default: return vm_cgroup_open(vm, NULL);
    }
}

static bool pair_read_live(const VmTunable *row, Vm *vm, const HostCgroup *guest, WireParams *params, GError **error)
{
    g_autoptr(HostCgroup) group = group_of_scope(vm, row->setting);
    guint64 period = DEFAULT_PERIOD;
    gint64 quota = -1;
    if (group && !host_cgroup_get_bandwidth(group, &period, &quota, error))
        return false;
    add_value(row, row->type == WIRE_VALUE_LLONG ? quota : (gint64)period, params);
    return true;
}

/* The names of the groups of all threads of a scope. */
static GPtrArray *thread_groups(const Vm *vm, Scope scope, const Domain *domain)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    if (scope == SCOPE_EMULATOR)
        g_ptr_array_add(names, g_strdup("emulator"));
    for (unsigned i = 0; scope == SCOPE_VCPU && i < vm->view->vcpu_tids->len; i++) {
        if (g_array_index(vm->view->vcpu_tids, pid_t, i))
            g_ptr_array_add(names, g_strdup_printf("vcpu%u", i));
    }
    g_autoptr(GArray) ids = vm_iothread_ids(domain);
    for (unsigned i = 0; scope == SCOPE_IOTHREAD && i < ids->len; i++)
        g_ptr_array_add(names, g_strdup_printf("iothread%u", g_array_index(ids, unsigned, i)));
    return names;
}

/* Both rows of a pair apply it whole: in version 2 it is one file. */
static bool pair_apply(const VmTunable *row, Vm *vm, const HostCgroup *group, const Domain *domain, GError **error)
{
    gint64 period = tune_value(domain, scope_offsets[row->setting].period);
    gint64 quota = tune_value(domain, scope_offsets[row->setting].quota);
    period = period ? period : DEFAULT_PERIOD;
    quota = quota ? quota : -1;
    if (row->setting == SCOPE_GLOBAL)
        return host_cgroup_set_bandwidth(group, (guint64)period, quota, error);
    g_autoptr(GPtrArray) names = thread_groups(vm, row->setting, domain);
    for (unsigned i = 0; i < names->len; i++) {
        g_autoptr(HostCgroup) child = host_cgroup_create_child(group, names->pdata[i], error);
        if (!child || !host_cgroup_set_bandwidth(child, (guint64)period, quota, error))
            return false;
    }
    return true;
}

static bool period_check(const VmTunable *row, const WireTypedValue *value, GError **error)
{
    return (value->ul >= PERIOD_MIN && value->ul <= PERIOD_MAX) ||
           error_set(error, VIR_ERR_INVALID_ARG, "value of '%s' is out of range [%d, %d]", row->field, PERIOD_MIN,
                     PERIOD_MAX);
}

static bool quota_check(const VmTunable *row, const WireTypedValue *value, GError **error)
{
    return value->l < 0 || (value->l >= QUOTA_MIN && value->l <= QUOTA_MAX) ||
           error_set(error, VIR_ERR_INVALID_ARG, "value of '%s' is out of range [%d, %" G_GINT64_FORMAT "]", row->field,
                     QUOTA_MIN, (gint64)QUOTA_MAX);
}

bool vm_tune_apply_threads(Vm *vm, const Domain *domain, GError **error)
{
    return vm_tunables_apply_threads(vm, domain, error);
}

bool vm_get_scheduler_type(Call *call, const DomainGetSchedulerTypeArgs *args, DomainGetSchedulerTypeRet *ret,
                           GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    if (!vm)
        return false;
    bool tunable =
        call->daemon->paths->privileged && (vm_cgroup_layout()->controllers & HOST_CGROUP_BIT(HOST_CGROUP_CPU));
    ret->type = g_strdup("posix");
    ret->nparams = tunable ? (int)vm_sched_family.n_rows : 0;
    return true;
}

bool vm_get_scheduler_parameters(Call *call, const DomainGetSchedulerParametersArgs *args,
                                 DomainGetSchedulerParametersRet *ret, GError **error)
{
    return vm_tunables_get(call, &vm_sched_family, args->nparams, 0, &ret->n_params, &ret->params, NULL, error);
}

bool vm_get_scheduler_parameters_flags(Call *call, const DomainGetSchedulerParametersFlagsArgs *args,
                                       DomainGetSchedulerParametersFlagsRet *ret, GError **error)
{
    return vm_tunables_get(call, &vm_sched_family, args->nparams, args->flags, &ret->n_params, &ret->params, NULL,
                           error);
}

bool vm_set_scheduler_parameters(Call *call, const DomainSetSchedulerParametersArgs *args, void *ret, GError **error)
{
    return vm_tunables_set(call, &vm_sched_family, args->params, args->n_params, 0, error);
}

bool vm_set_scheduler_parameters_flags(Call *call, const DomainSetSchedulerParametersFlagsArgs *args, void *ret,
                                       GError **error)
{
    return vm_tunables_set(call, &vm_sched_family, args->params, args->n_params, args->flags, error);
}

static const VmTunableKind shares_kind = {
    sched_is_set, sched_read, shares_read_live, NULL, sched_write, shares_apply
};
static const VmTunableKind period_kind = { sched_is_set, sched_read,  pair_read_live,
                                           period_check, sched_write, pair_apply };
static const VmTunableKind quota_kind = {
    sched_is_set, sched_read, pair_read_live, quota_check, sched_write, pair_apply
};

#define PERIOD(NAME, member, scope, threads)                                                                           \
    {                                                                                                                  \
        VIR_DOMAIN_SCHEDULER_##NAME, "<cputune><" #member ">", VIR_DOMAIN_TUNABLE_CPU_##NAME, WIRE_VALUE_ULLONG,       \
            threads, scope, offsetof(DomainCputune, member), &period_kind                                              \
    }
#define QUOTA(NAME, member, scope, threads)                                                                            \
    {                                                                                                                  \
        VIR_DOMAIN_SCHEDULER_##NAME, "<cputune><" #member ">", VIR_DOMAIN_TUNABLE_CPU_##NAME, WIRE_VALUE_LLONG,        \
            threads, scope, offsetof(DomainCputune, member), &quota_kind                                               \
    }
/* In the order in which clients get them. */
static const VmTunable rows[] = {
    { VIR_DOMAIN_SCHEDULER_CPU_SHARES, "<cputune><shares>", VIR_DOMAIN_TUNABLE_CPU_CPU_SHARES, WIRE_VALUE_ULLONG, false,
      SCOPE_GLOBAL, offsetof(DomainCputune, shares), &shares_kind },
    PERIOD(VCPU_PERIOD, period, SCOPE_VCPU, true),
    QUOTA(VCPU_QUOTA, quota, SCOPE_VCPU, true),
    PERIOD(EMULATOR_PERIOD, emulator_period, SCOPE_EMULATOR, true),
    QUOTA(EMULATOR_QUOTA, emulator_quota, SCOPE_EMULATOR, true),
    PERIOD(GLOBAL_PERIOD, global_period, SCOPE_GLOBAL, false),
    QUOTA(GLOBAL_QUOTA, global_quota, SCOPE_GLOBAL, false),
    PERIOD(IOTHREAD_PERIOD, iothread_period, SCOPE_IOTHREAD, true),
    QUOTA(IOTHREAD_QUOTA, iothread_quota, SCOPE_IOTHREAD, true),
};

const VmTunableFamily vm_sched_family = { "CPU tuning", HOST_CGROUP_CPU, G_N_ELEMENTS(rows), rows, NULL };
