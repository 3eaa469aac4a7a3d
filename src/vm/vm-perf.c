/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-perf.h"

#include "base/error.h"
#include "base/log.h"
#include "base/record.h"
#include "host/host-perf.h"
#include "rpc/handlers.h"
#include "vm/vm-define.h"
#include "vm/vm-wire.h"

#define EVENT_COUNT (PERF_EVENT_NAME_EMULATION_FAULTS + 1)

struct VmPerf {
    HostPerfCounter *counters[EVENT_COUNT]; /* by PerfEventName; NULL: not counted */
};

static const char *event_name(unsigned event)
{
    return model_enum_text(&model_enum_perf_event_name, event);
}

static void perf_clear(gpointer data)
{
    VmPerf *perf = data;
    for (unsigned i = 0; i < EVENT_COUNT; i++)
        g_clear_pointer(&perf->counters[i], host_perf_unref);
}

static void perf_unref(VmPerf *perf)
{
    record_unref(perf, perf_clear);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmPerf, perf_unref)

/* A changeable copy that shares the counters. */
static VmPerf *perf_copy(const VmPerf *last)
{
    VmPerf *perf = last ? record_copy(VmPerf, last) : record_new(VmPerf);
    for (unsigned i = 0; i < EVENT_COUNT; i++)
        perf->counters[i] = host_perf_ref(perf->counters[i]);
    return perf;
}

static void publish(Vm *vm, VmPerf *perf)
{
    perf_unref(record_swap(&vm->view_lock, &vm->perf, perf));
}

static bool enable(VmPerf *perf, unsigned event, pid_t pid, GError **error)
{
    if (!perf->counters[event])
        perf->counters[event] = host_perf_open(pid, event_name(event), error);
    return perf->counters[event] != NULL;
}

bool vm_perf_start(Vm *vm, GError **error)
{
    const Domain *live = vm->view->live->domain;
    if (live->n_perf_events == 0)
        return true;
    g_autoptr(VmPerf) perf = perf_copy(NULL);
    for (unsigned i = 0; i < live->n_perf_events; i++) {
        const DomainPerfEvent *row = live->perf_events[i];
        if (row->enabled == TRI_YES && !enable(perf, row->name, vm->view->process.pid, error))
            return false;
    }
    publish(vm, g_steal_pointer(&perf));
    return true;
}

void vm_perf_resume(Vm *vm)
{
    const Domain *live = vm->view->live->domain;
    g_autoptr(VmPerf) perf = perf_copy(NULL);
    for (unsigned i = 0; i < live->n_perf_events; i++) {
        g_autoptr(GError) error = NULL;
        const DomainPerfEvent *row = live->perf_events[i];
        if (row->enabled == TRI_YES && !enable(perf, row->name, vm->view->process.pid, &error))
            log_warning("guest '%s': %s", live->name, error->message);
    }
    if (live->n_perf_events > 0)
        publish(vm, g_steal_pointer(&perf));
}

void vm_perf_stop(Vm *vm)
{
    publish(vm, NULL);
}

void vm_perf_add_stats(Vm *vm, WireParams *params)
{
    g_autoptr(VmPerf) perf = record_get(&vm->view_lock, &vm->perf);
    for (unsigned i = 0; perf && i < EVENT_COUNT; i++) {
        if (!perf->counters[i])
            continue;
        g_autofree char *field = g_strconcat("perf.", event_name(i), NULL);
        wire_params_add_ullong(params, field, host_perf_read(perf->counters[i]));
    }
}

static bool enabled_in(const Domain *domain, unsigned event)
{
    for (unsigned i = 0; i < domain->n_perf_events; i++) {
        if (domain->perf_events[i]->name == event)
            return domain->perf_events[i]->enabled == TRI_YES;
    }
    return false;
}

bool vm_get_perf_events(Call *call, const DomainGetPerfEventsArgs *args, DomainGetPerfEventsRet *ret, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    unsigned string_okay = VIR_TYPED_PARAM_STRING_OKAY;
    const Domain *domain;
    bool live;
    if (!vm ||
        !flags_check(call, args->flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | string_okay, error) ||
        !vm_target_domain(view, args->flags & ~string_okay, &domain, &live, error))
        return false;
    g_autoptr(VmPerf) perf = record_get(&vm->view_lock, &vm->perf);
    g_autoptr(WireParams) params = wire_params_new();
    for (unsigned i = PERF_EVENT_NAME_UNSET + 1; i < EVENT_COUNT; i++)
        wire_params_add_bool(params, event_name(i), live ? perf && perf->counters[i] : enabled_in(domain, i));
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}

/* Events stand in the order of their numbers. */
static void note(Domain *domain, unsigned event, bool enabled)
{
    unsigned at = 0;
    while (at < domain->n_perf_events && domain->perf_events[at]->name < event)
        at++;
    if (at == domain->n_perf_events || domain->perf_events[at]->name != event) {
        DomainPerfEvent *row = g_new0(DomainPerfEvent, 1);
        row->name = event;
        model_list_insert(&domain->perf_events, &domain->n_perf_events, at, row);
    }
    domain->perf_events[at]->enabled = enabled ? TRI_YES : TRI_NO;
}

static unsigned find_event(const char *field)
{
    unsigned event = PERF_EVENT_NAME_UNSET + 1;
    while (event < EVENT_COUNT && strcmp(event_name(event), field) != 0)
        event++;
    return event;
}

static bool change_events(Domain *domain, gconstpointer data, GError **error)
{
    const DomainSetPerfEventsArgs *args = data;
    for (unsigned i = 0; i < args->n_params; i++)
        note(domain, find_event(args->params[i].field), args->params[i].value.b);
    return true;
}

bool vm_set_perf_events(Call *call, const DomainSetPerfEventsArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    WireParamRule rules[EVENT_COUNT] = { 0 };
    for (unsigned i = PERF_EVENT_NAME_UNSET + 1; i < EVENT_COUNT; i++)
        rules[i - 1] = (WireParamRule){ event_name(i), WIRE_VALUE_BOOLEAN };
    if (!flags_check(call, args->flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG, error) ||
        !wire_params_check(args->params, args->n_params, rules, error) ||
        !vm_targets(vm->view, args->flags, &targets, error))
        return false;
    g_autoptr(VmPerf) perf = targets.live ? perf_copy(vm->perf) : NULL;
    for (unsigned i = 0; perf && i < args->n_params; i++) {
        unsigned event = find_event(args->params[i].field);
        if (!args->params[i].value.b)
            g_clear_pointer(&perf->counters[event], host_perf_unref);
        else if (!enable(perf, event, vm->view->process.pid, error))
            return false;
    }
    if (!vm_change(vm, targets, change_events, args, error))
        return false;
    if (perf)
        publish(vm, g_steal_pointer(&perf));
    return true;
}
