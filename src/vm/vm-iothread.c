/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-iothread.h"

#include "base/error.h"
#include "qemu/qemu-monitor.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "rpc/wire-params.h"
#include "vm/vm-affinity.h"
#include "vm/vm-cgroup.h"
#include "vm/vm-define.h"
#include "vm/vm-events.h"
#include "vm/vm-monitor.h"
#include "vm/vm-tune.h"
#include "vm/vm-wire.h"

#define OBJECT_PREFIX "iothread" /* "iothread3" is the object of IOThread 3 */

static bool has_id(const GArray *ids, unsigned id)
{
    for (unsigned i = 0; i < ids->len; i++) {
        if (g_array_index(ids, unsigned, i) == id)
            return true;
    }
    return false;
}

GArray *vm_iothread_ids(const Domain *domain)
{
    GArray *ids = g_array_new(FALSE, FALSE, sizeof(unsigned));
    for (unsigned i = 0; i < domain->n_iothread_list; i++) {
        if (domain->iothread_list[i]->id > 0)
            g_array_append_val(ids, domain->iothread_list[i]->id);
    }
    for (unsigned id = 1; ids->len < domain->iothreads; id++) {
        if (!has_id(ids, id))
            g_array_append_val(ids, id);
    }
    return ids;
}

bool vm_iothread_threads(Vm *vm, GArray **ret_threads, GError **error)
{
    g_autoptr(GArray) threads = g_array_new(FALSE, FALSE, sizeof(VmIothread));
    g_autoptr(GArray) ids = vm_iothread_ids(vm->view->live->domain);
    JsonNode *reply = NULL;
    if (ids->len > 0 && !vm_qmp(vm, "query-iothreads", NULL, &reply, error))
        return false;
    JsonArray *list = qmp_node_array(reply);
    for (unsigned i = 0; list && i < json_array_get_length(list); i++) {
        JsonObject *object = qmp_array_object(list, i);
        const char *name = qmp_get_string(object, "id");
        if (!name || !g_str_has_prefix(name, OBJECT_PREFIX))
            continue;
        VmIothread thread = {
            .id = (unsigned)g_ascii_strtoull(name + strlen(OBJECT_PREFIX), NULL, 10),
            .tid = (pid_t)qmp_get_int(object, "thread-id", 0),
        };
        g_array_append_val(threads, thread);
    }
    g_clear_pointer(&reply, json_node_unref);
    *ret_threads = g_steal_pointer(&threads);
    return true;
}

/* The thread of one IOThread; VIR_ERR_INVALID_ARG if the guest has none of that number. */
static bool find_thread(Vm *vm, unsigned id, pid_t *ret_tid, GError **error)
{
    g_autoptr(GArray) threads = NULL;
    if (!vm_iothread_threads(vm, &threads, error))
        return false;
    for (unsigned i = 0; i < threads->len; i++) {
        if (g_array_index(threads, VmIothread, i).id == id) {
            *ret_tid = g_array_index(threads, VmIothread, i).tid;
            return true;
        }
    }
    return error_set(error, VIR_ERR_INVALID_ARG, "iothread %u not found", id);
}

static void fill_info(WireDomainIothreadInfo *info, unsigned id, const Cpuset *cpus)
{
    info->iothread_id = id;
    info->cpumap.length = MAX(cpus->size / 8, 1u);
    info->cpumap.data = g_malloc0(info->cpumap.length);
    memcpy(info->cpumap.data, cpus->bytes, cpus->size / 8);
}

static bool live_info(Vm *vm, DomainGetIothreadInfoRet *ret, GError **error)
{
    g_autoptr(GArray) threads = NULL;
    if (!vm_iothread_threads(vm, &threads, error))
        return false;
    ret->info = g_new0(WireDomainIothreadInfo, threads->len);
    for (unsigned i = 0; i < threads->len; i++) {
        const VmIothread *thread = &g_array_index(threads, VmIothread, i);
        g_autoptr(Cpuset) cpus = vm_affinity_get(thread->tid, error);
        if (!cpus)
            return false;
        fill_info(&ret->info[ret->n_info++], thread->id, cpus);
    }
    return true;
}

bool vm_get_iothread_info(Call *call, const DomainGetIothreadInfoArgs *args, DomainGetIothreadInfoRet *ret,
                          GError **error)
{
    Vm *vm = call->object;
    const Domain *domain;
    bool live;
    if (!flags_check(call, args->flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG, error) ||
        !vm_target_domain(vm->view, args->flags, &domain, &live, error))
        return false;
    if (live && !live_info(vm, ret, error))
        return false;
    if (!live) {
        g_autoptr(GArray) ids = vm_iothread_ids(domain);
        ret->info = g_new0(WireDomainIothreadInfo, ids->len);
        for (unsigned i = 0; i < ids->len; i++) {
            unsigned id = g_array_index(ids, unsigned, i);
            g_autoptr(Cpuset) cpus = vm_affinity_wanted(domain, vm_iothread_pin(domain, id));
            fill_info(&ret->info[ret->n_info++], id, cpus);
        }
    }
    ret->ret = ret->n_info;
    return true;
}

/* Writes the numbers out, so that single IOThreads can be added, removed and tuned. */
static void complete_list(Domain *domain)
{
    g_autoptr(GArray) ids = vm_iothread_ids(domain);
    for (unsigned i = 0; i < ids->len; i++) {
        if (i >= domain->n_iothread_list)
            model_list_insert(&domain->iothread_list, &domain->n_iothread_list, i, g_new0(DomainIothread, 1));
    }
    for (unsigned i = 0, next = 0; i < domain->n_iothread_list; i++) {
        DomainIothread *entry = domain->iothread_list[i];
        for (; entry->id == 0; next++) {
            bool used = false;
            unsigned id = g_array_index(ids, unsigned, next);
            for (unsigned u = 0; u < domain->n_iothread_list; u++)
                used |= domain->iothread_list[u]->id == id;
            if (!used)
                entry->id = id;
        }
    }
    domain->iothreads = domain->n_iothread_list;
}

static DomainIothread *find_entry(const Domain *domain, unsigned id)
{
    for (unsigned i = 0; i < domain->n_iothread_list; i++) {
        if (domain->iothread_list[i]->id == id)
            return domain->iothread_list[i];
    }
    return NULL;
}

static bool exists(const Domain *domain, unsigned id)
{
    g_autoptr(GArray) ids = vm_iothread_ids(domain);
    return has_id(ids, id);
}

static bool change_pin(Domain *domain, gconstpointer data, GError **error)
{
    const DomainIothreadPin *change = data;
    if (!domain->cputune)
        domain->cputune = g_new0(DomainCputune, 1);
    DomainCputune *tune = domain->cputune;
    complete_list(domain);
    unsigned at = 0;
    while (at < tune->n_iothreadpins && tune->iothreadpins[at]->iothread < change->iothread)
        at++;
    if (at == tune->n_iothreadpins || tune->iothreadpins[at]->iothread != change->iothread) {
        DomainIothreadPin *pin = g_new0(DomainIothreadPin, 1);
        pin->iothread = change->iothread;
        model_list_insert(&tune->iothreadpins, &tune->n_iothreadpins, at, pin);
    }
    g_free(tune->iothreadpins[at]->cpuset);
    tune->iothreadpins[at]->cpuset = g_strdup(change->cpuset);
    return true;
}

bool vm_pin_iothread(Call *call, const DomainPinIothreadArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    unsigned id = args->iothreads_id;
    pid_t tid = 0;
    if (!vm_begin_change(call, args->flags, &targets, error))
        return false;
    if (targets.config && !exists(vm->view->config->domain, id))
        return error_set(error, VIR_ERR_INVALID_ARG, "iothreadid %u not found", id);
    g_autoptr(Cpuset) cpus = vm_cpumap_parse(args->cpumap.data, args->cpumap.length, error);
    if (!cpus || (targets.live && (!find_thread(vm, id, &tid, error) || !vm_affinity_set(tid, cpus, error))))
        return false;
    g_autofree char *text = cpuset_format(cpus);
    DomainIothreadPin change = { text, id };
    if (!vm_change(vm, targets, change_pin, &change, error))
        return false;
    g_autofree char *field = g_strdup_printf(VIR_DOMAIN_TUNABLE_CPU_IOTHREADSPIN, id);
    if (targets.live)
        vm_emit_tunable(vm, field, text);
    return true;
}

static bool change_add(Domain *domain, gconstpointer data, GError **error)
{
    complete_list(domain);
    DomainIothread *entry = g_new0(DomainIothread, 1);
    entry->id = GPOINTER_TO_UINT(data);
    model_list_insert(&domain->iothread_list, &domain->n_iothread_list, domain->n_iothread_list, entry);
    domain->iothreads = domain->n_iothread_list;
    return true;
}

static bool add_live(Vm *vm, unsigned id, GError **error)
{
    g_autofree char *name = g_strdup_printf(OBJECT_PREFIX "%u", id);
    pid_t tid;
    if (!vm_qmp(vm, "object-add", qmp_object("s:qom-type", "iothread", "s:id", name, NULL), NULL, error))
        return false;
    if (!vm_change(vm, (VmTargets){ .live = true }, change_add, GUINT_TO_POINTER(id), error) ||
        !find_thread(vm, id, &tid, error))
        return false;
    const Domain *live = vm->view->live->domain;
    g_autoptr(Cpuset) cpus = vm_affinity_wanted(live, vm_iothread_pin(live, id));
    return vm_affinity_set(tid, cpus, error) && vm_cgroup_place_thread(vm, "iothread", id, tid, error);
}

bool vm_add_iothread(Call *call, const DomainAddIothreadArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    unsigned id = args->iothread_id;
    if (!vm_begin_change(call, args->flags, &targets, error))
        return false;
    if (id == 0)
        return error_set(error, VIR_ERR_INVALID_ARG, "invalid value of 0 for iothread_id: they are counted from 1");
    if ((targets.live && exists(vm->view->live->domain, id)) ||
        (targets.config && exists(vm->view->config->domain, id)))
        return error_set(error, VIR_ERR_INVALID_ARG, "an IOThread is already using iothread_id '%u'", id);
    if (targets.live && !add_live(vm, id, error))
        return false;
    return !targets.config || vm_change(vm, (VmTargets){ .config = true }, change_add, GUINT_TO_POINTER(id), error);
}

/* An IOThread that serves a device cannot go. */
static bool check_unused(const Domain *domain, unsigned id, GError **error)
{
    if (!exists(domain, id))
        return error_set(error, VIR_ERR_INVALID_ARG, "cannot find IOThread '%u' in iothreadids list", id);
    for (unsigned i = 0; i < domain->n_disks; i++) {
        if (domain->disks[i]->iothread == id)
            return error_set(error, VIR_ERR_INVALID_ARG,
                             "cannot remove IOThread %u since it is being used by disk '%s'", id,
                             domain->disks[i]->target);
    }
    for (unsigned i = 0; i < domain->n_controllers; i++) {
        if (domain->controllers[i]->iothread == id)
            return error_set(error, VIR_ERR_INVALID_ARG,
                             "cannot remove IOThread '%u' since it is being used by controller", id);
    }
    return true;
}

static bool change_del(Domain *domain, gconstpointer data, GError **error)
{
    unsigned id = GPOINTER_TO_UINT(data);
    complete_list(domain);
    for (unsigned i = 0; i < domain->n_iothread_list; i++) {
        if (domain->iothread_list[i]->id != id)
            continue;
        model_free(&model_domain_iothread, model_list_steal(&domain->iothread_list, &domain->n_iothread_list, i));
        break;
    }
    domain->iothreads = domain->n_iothread_list;
    DomainCputune *tune = domain->cputune;
    for (unsigned i = 0; tune && i < tune->n_iothreadpins; i++) {
        if (tune->iothreadpins[i]->iothread != id)
            continue;
        model_free(&model_domain_iothread_pin, model_list_steal(&tune->iothreadpins, &tune->n_iothreadpins, i));
        break;
    }
    return true;
}

bool vm_del_iothread(Call *call, const DomainDelIothreadArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    unsigned id = args->iothread_id;
    if (!vm_begin_change(call, args->flags, &targets, error))
        return false;
    if ((targets.live && !check_unused(vm->view->live->domain, id, error)) ||
        (targets.config && !check_unused(vm->view->config->domain, id, error)))
        return false;
    g_autofree char *name = g_strdup_printf(OBJECT_PREFIX "%u", id);
    if (targets.live && !vm_qmp(vm, "object-del", qmp_object("s:id", name, NULL), NULL, error))
        return false;
    return vm_change(vm, targets, change_del, GUINT_TO_POINTER(id), error);
}

/* What virDomainSetIOThreadParams can change: the parameter, QEMU's property, and the largest value. */
static const struct {
    const char *field;
    const char *property;
    WireValueType type;
} param_rows[] = {
    { VIR_DOMAIN_IOTHREAD_POLL_MAX_NS, "poll-max-ns", WIRE_VALUE_ULLONG },
    { VIR_DOMAIN_IOTHREAD_POLL_GROW, "poll-grow", WIRE_VALUE_UINT },
    { VIR_DOMAIN_IOTHREAD_POLL_SHRINK, "poll-shrink", WIRE_VALUE_UINT },
    { VIR_DOMAIN_IOTHREAD_THREAD_POOL_MIN, "thread-pool-min", WIRE_VALUE_INT },
    { VIR_DOMAIN_IOTHREAD_THREAD_POOL_MAX, "thread-pool-max", WIRE_VALUE_INT },
};

static gint64 param_value(const WireTypedParam *param)
{
    switch (param->value.type) {
    case WIRE_VALUE_UINT: return param->value.ui;
    case WIRE_VALUE_ULLONG: return (gint64)param->value.ul;
    default: return param->value.i;
    }
}

static bool check_params(const WireTypedParam *params, unsigned n_params, GError **error)
{
    static const WireParamRule rules[] = {
        { VIR_DOMAIN_IOTHREAD_POLL_MAX_NS, WIRE_VALUE_ULLONG },
        { VIR_DOMAIN_IOTHREAD_POLL_GROW, WIRE_VALUE_UINT },
        { VIR_DOMAIN_IOTHREAD_POLL_SHRINK, WIRE_VALUE_UINT },
        { VIR_DOMAIN_IOTHREAD_THREAD_POOL_MIN, WIRE_VALUE_INT },
        { VIR_DOMAIN_IOTHREAD_THREAD_POOL_MAX, WIRE_VALUE_INT },
        { NULL, 0 },
    };
    if (!wire_params_check(params, n_params, rules, error))
        return false;
    for (unsigned i = 0; i < n_params; i++) {
        if (param_value(&params[i]) < 0 || param_value(&params[i]) > G_MAXINT32)
            return error_set(error, VIR_ERR_INVALID_ARG, "%s is to be from 0 to %d", params[i].field, G_MAXINT32);
    }
    return true;
}

typedef struct {
    unsigned id;
    const WireTypedParam *params;
    unsigned n_params;
} ParamsChange;

static bool change_params(Domain *domain, gconstpointer data, GError **error)
{
    const ParamsChange *change = data;
    complete_list(domain);
    DomainIothread *entry = find_entry(domain, change->id);
    if (!entry)
        return error_set(error, VIR_ERR_INVALID_ARG, "cannot find IOThread '%u' in iothreadids list", change->id);
    for (unsigned i = 0; i < change->n_params; i++) {
        const char *field = change->params[i].field;
        gint64 value = param_value(&change->params[i]);
        if (g_str_equal(field, VIR_DOMAIN_IOTHREAD_POLL_MAX_NS)) {
            entry->poll_max = (uint64_t)value;
            entry->poll_max_set = true;
        } else if (g_str_equal(field, VIR_DOMAIN_IOTHREAD_POLL_GROW)) {
            entry->poll_grow = (uint64_t)value;
            entry->poll_grow_set = true;
        } else if (g_str_equal(field, VIR_DOMAIN_IOTHREAD_POLL_SHRINK)) {
            entry->poll_shrink = (uint64_t)value;
            entry->poll_shrink_set = true;
        } else if (g_str_equal(field, VIR_DOMAIN_IOTHREAD_THREAD_POOL_MIN)) {
            entry->thread_pool_min = (int32_t)value;
            entry->thread_pool_min_set = true;
        } else {
            entry->thread_pool_max = (int32_t)value;
            entry->thread_pool_max_set = true;
        }
    }
    if (entry->thread_pool_min_set && entry->thread_pool_max_set && entry->thread_pool_min > entry->thread_pool_max)
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "thread_pool_min (%d) can't be greater than thread_pool_max (%d)", entry->thread_pool_min,
                         entry->thread_pool_max);
    return true;
}

static bool set_live_params(Vm *vm, unsigned id, const WireTypedParam *params, unsigned n_params, GError **error)
{
    g_autofree char *path = g_strdup_printf("/objects/" OBJECT_PREFIX "%u", id);
    for (unsigned i = 0; i < n_params; i++) {
        for (unsigned r = 0; r < G_N_ELEMENTS(param_rows); r++) {
            if (!g_str_equal(params[i].field, param_rows[r].field))
                continue;
            JsonObject *args = qmp_object("s:path", path, "s:property", param_rows[r].property, "i:value",
                                          param_value(&params[i]), NULL);
            if (!vm_qmp(vm, "qom-set", args, NULL, error))
                return false;
        }
    }
    return true;
}

bool vm_set_iothread_params(Call *call, const DomainSetIothreadParamsArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    ParamsChange change = { args->iothread_id, args->params, args->n_params };
    unsigned allowed = VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | VIR_TYPED_PARAM_STRING_OKAY;
    if (!flags_check(call, args->flags, allowed, error) || !vm_targets(vm->view, args->flags, &targets, error) ||
        !check_params(args->params, args->n_params, error))
        return false;
    if (targets.live && !exists(vm->view->live->domain, args->iothread_id))
        return error_set(error, VIR_ERR_INVALID_ARG, "cannot find IOThread '%u' in iothreadids list",
                         args->iothread_id);
    if (targets.live && !set_live_params(vm, args->iothread_id, args->params, args->n_params, error))
        return false;
    return vm_change(vm, targets, change_params, &change, error);
}
