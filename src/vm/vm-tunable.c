/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-tunable.h"

#include "base/error.h"
#include "base/log.h"
#include "base/paths.h"
#include "vm/vm-cgroup.h"
#include "vm/vm-define.h"
#include "vm/vm-events.h"
#include "vm/vm-wire.h"

#define ROWS_MAX 32

static const VmTunableFamily *const families[] = { &vm_sched_family, &vm_memtune_family, &vm_blkiotune_family,
                                                   &vm_numatune_family };

/* Calls @visit for each row that @domain sets, until one says no. */
static bool visit_set(const Domain *domain, bool (*visit)(const VmTunable *row, gpointer data), gpointer data)
{
    for (unsigned f = 0; f < G_N_ELEMENTS(families); f++) {
        for (unsigned i = 0; i < families[f]->n_rows; i++) {
            const VmTunable *row = &families[f]->rows[i];
            if (row->kind->is_set(row, domain) && !visit(row, data))
                return false;
        }
    }
    return true;
}

typedef struct {
    const Domain *domain;
    bool needing_group;
    const char *element;
} Search;

static bool note_first(const VmTunable *row, gpointer data)
{
    Search *search = data;
    if (search->needing_group && row->kind->needs_group && !row->kind->needs_group(row, search->domain))
        return true;
    search->element = row->element;
    return false;
}

const char *vm_tunables_first(const Domain *domain, bool needing_group)
{
    Search search = { domain, needing_group, NULL };
    visit_set(domain, note_first, &search);
    return search.element;
}

typedef struct {
    Vm *vm;
    const HostCgroup *group;
    const Domain *domain;
    bool of_threads;
    GError **error;
} Application;

static bool apply_row(const VmTunable *row, gpointer data)
{
    const Application *application = data;
    g_autoptr(GError) why = NULL;
    if (row->of_threads != application->of_threads || !row->kind->apply ||
        row->kind->apply(row, application->vm, application->group, application->domain, &why))
        return true;
    return error_set(application->error, why->code, "%s: %s", row->element, why->message);
}

bool vm_tunables_apply(Vm *vm, const HostCgroup *group, const Domain *domain, GError **error)
{
    Application application = { vm, group, domain, false, error };
    return visit_set(domain, apply_row, &application);
}

static bool note_of_threads(const VmTunable *row, gpointer data)
{
    *(bool *)data |= row->of_threads;
    return true;
}

bool vm_tunables_apply_threads(Vm *vm, const Domain *domain, GError **error)
{
    bool wanted = false;
    visit_set(domain, note_of_threads, &wanted);
    if (!wanted)
        return true;
    g_autoptr(HostCgroup) group = vm_cgroup_ensure(vm, HOST_CGROUP_CPU, error);
    Application application = { vm, group, domain, true, error };
    return group && vm_cgroup_split(vm, group, error) && visit_set(domain, apply_row, &application);
}

static bool check_session(const Vm *vm, const VmTunableFamily *family, GError **error)
{
    return vm->daemon->paths->privileged ||
           error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "%s is not available in session mode", family->what);
}

bool vm_tunables_get(Call *call, const VmTunableFamily *family, int nparams, unsigned flags, uint32_t *ret_n,
                     WireTypedParam **ret_params, int32_t *ret_nparams, GError **error)
{
    Vm *vm = call->object;
    unsigned string_okay = VIR_TYPED_PARAM_STRING_OKAY;
    const Domain *domain;
    bool live;
    if (!flags_check(call, flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | string_okay, error) ||
        !check_session(vm, family, error) || !vm_target_domain(vm->view, flags & ~string_okay, &domain, &live, error))
        return false;
    if (ret_nparams)
        *ret_nparams = (int)family->n_rows;
    if (ret_nparams && nparams == 0)
        return true;
    g_autoptr(HostCgroup) group = live ? vm_cgroup_open(vm, NULL) : NULL;
    g_autoptr(WireParams) params = wire_params_new();
    for (unsigned i = 0; i < family->n_rows && i < (unsigned)MAX(nparams, 0); i++) {
        const VmTunable *row = &family->rows[i];
        if (!live || !row->kind->read_live)
            row->kind->read(row, domain, params);
        else if (!row->kind->read_live(row, vm, group, params, error))
            return false;
    }
    if (ret_nparams)
        *ret_nparams = (int)wire_params_count(params);
    wire_params_steal(params, ret_n, ret_params);
    return true;
}

static const VmTunable *find_row(const VmTunableFamily *family, const char *field)
{
    for (unsigned i = 0; i < family->n_rows; i++) {
        if (g_str_equal(family->rows[i].field, field))
            return &family->rows[i];
    }
    return NULL;
}

typedef struct {
    const VmTunableFamily *family;
    const WireTypedParam *params;
    unsigned n_params;
} Change;

static bool check_params(const Change *change, GError **error)
{
    WireParamRule rules[ROWS_MAX + 1] = { 0 };
    for (unsigned i = 0; i < change->family->n_rows; i++)
        rules[i] = (WireParamRule){ change->family->rows[i].field, change->family->rows[i].type };
    if (!wire_params_check(change->params, change->n_params, rules, error))
        return false;
    for (unsigned i = 0; i < change->n_params; i++) {
        const VmTunable *row = find_row(change->family, change->params[i].field);
        if (row->kind->check && !row->kind->check(row, &change->params[i].value, error))
            return false;
    }
    return true;
}

static bool write_rows(Domain *domain, gconstpointer data, GError **error)
{
    const Change *change = data;
    for (unsigned i = 0; i < change->n_params; i++) {
        const VmTunable *row = find_row(change->family, change->params[i].field);
        if (!row->kind->write(row, domain, &change->params[i].value, error))
            return false;
    }
    return true;
}

/* What @last would be; NULL if it cannot. */
static Domain *changed_copy(const Domain *last, const Change *change, bool live, GError **error)
{
    g_autoptr(Domain) next = domain_copy(last);
    bool possible = write_rows(next, change, error) &&
                    (!change->family->validate || change->family->validate(next, last, live, error));
    return possible ? g_steal_pointer(&next) : NULL;
}

/* Makes the rows of @change effective as @next has them; when one cannot be, those before it become again as they are.
 */
static bool apply_changed(Vm *vm, const Change *change, const Domain *next, GError **error)
{
    g_autoptr(HostCgroup) group = vm_cgroup_ensure(vm, change->family->controller, error);
    if (!group)
        return false;
    for (unsigned i = 0; i < change->n_params; i++) {
        const VmTunable *row = find_row(change->family, change->params[i].field);
        if (row->of_threads && !vm_cgroup_split(vm, group, error))
            return false;
        if (!row->kind->apply || row->kind->apply(row, vm, group, next, error))
            continue;
        while (i-- > 0) {
            g_autoptr(GError) why = NULL;
            row = find_row(change->family, change->params[i].field);
            if (row->kind->apply && !row->kind->apply(row, vm, group, vm->view->live->domain, &why))
                log_warning("guest '%s': %s: %s", next->name, row->element, why->message);
        }
        return false;
    }
    return true;
}

static void emit(Vm *vm, const Change *change)
{
    g_autoptr(WireParams) told = wire_params_new();
    for (unsigned i = 0; i < change->n_params; i++) {
        const VmTunable *row = find_row(change->family, change->params[i].field);
        const WireTypedValue *value = &change->params[i].value;
        if (row->event && row->type == WIRE_VALUE_ULLONG)
            wire_params_add_ullong(told, row->event, value->ul);
        else if (row->event)
            wire_params_add_llong(told, row->event, value->l);
    }
    if (wire_params_count(told) > 0)
        vm_emit_tunables(vm, told);
}

bool vm_tunables_set(Call *call, const VmTunableFamily *family, const WireTypedParam *params, unsigned n_params,
                     unsigned flags, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    Change change = { family, params, n_params };
    if (!flags_check(call, flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | VIR_TYPED_PARAM_STRING_OKAY,
                     error) ||
        !check_params(&change, error) || !check_session(vm, family, error) ||
        !vm_targets(vm->view, flags & ~(unsigned)VIR_TYPED_PARAM_STRING_OKAY, &targets, error))
        return false;
    g_autoptr(Domain) config = targets.config ? changed_copy(vm->view->config->domain, &change, false, error) : NULL;
    if (targets.config && !config)
        return false;
    g_autoptr(Domain) live = targets.live ? changed_copy(vm->view->live->domain, &change, true, error) : NULL;
    if (targets.live && (!live || !apply_changed(vm, &change, live, error)))
        return false;
    if (!vm_change(vm, targets, write_rows, &change, error))
        return false;
    if (targets.live)
        emit(vm, &change);
    return true;
}
