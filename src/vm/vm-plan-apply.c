/* SPDX-License-Identifier: Apache-2.0 */
/* The calls about plans: showing one, and doing it step by step until the first failure. */
#include "base/error.h"
#include "rpc/handlers.h"
#include "vm/vm-define.h"
#include "vm/vm-device-classes.h"
#include "vm/vm-hotplug.h"
#include "vm/vm-plan.h"
#include "vm/vm-registry.h"
#include "vm/vm-runstate.h"
#include "vm/vm-wire.h"

#define UNPLUG_GRACE_MS 5000 /* for the guest to let a device go */

static const char *const when_words[] = { [PLAN_LIVE] = "live", [PLAN_START] = "start", [PLAN_NEVER] = "never" };
static const char *const action_words[] = { [PLAN_SET] = "set",
                                            [PLAN_ATTACH] = "attach",
                                            [PLAN_DETACH] = "detach",
                                            [PLAN_UPDATE] = "update",
                                            [PLAN_STORE] = "store" };
static const char *const state_words[] = { [PLAN_TO_DO] = "to do", [PLAN_DONE] = "done", [PLAN_FAILED] = "failed" };

/* The guest by its UUID, else by its name: a file without a UUID means the one that there is. */
static bool find_guest(Call *call, VmPlan *plan, GError **error)
{
    VmRegistry *registry = call->daemon->vms;
    plan->vm = vm_registry_lookup_uuid(registry, &plan->wanted->uuid);
    if (!plan->vm)
        plan->vm = vm_registry_lookup_name(registry, plan->wanted->name);
    if (!plan->vm)
        return error_set(error, VIR_ERR_NO_DOMAIN, "no guest with the UUID or the name '%s' to compare with; define it",
                         plan->wanted->name);
    plan->wanted->uuid = plan->vm->uuid;
    return true;
}

static bool make_job(gpointer data, GError **error)
{
    return vm_plan_make(data, error);
}

static bool make(Call *call, const char *xml, unsigned flags, VmPlan *plan, GError **error)
{
    if (!flags_check(call, flags, VIR_DOMAIN_DEFINE_VALIDATE, error))
        return false;
    plan->wanted = vm_parse_definition(call->daemon, xml, flags & VIR_DOMAIN_DEFINE_VALIDATE, &plan->warnings, error);
    return plan->wanted && find_guest(call, plan, error) && mailbox_run(plan->vm->mailbox, make_job, plan, error);
}

static void fill_step(WirePlanStep *wire, const PlanStep *step)
{
    g_autoptr(GString) commands = g_string_new(NULL);
    for (unsigned i = 0; i < step->commands->len; i++)
        g_string_append_printf(commands, "%s%s", i ? "\n" : "", (const char *)step->commands->pdata[i]);
    wire->when = g_strdup(when_words[step->when]);
    wire->action = g_strdup(action_words[step->action]);
    wire->what = g_strdup(step->what);
    wire->commands = g_strdup(commands->str);
    wire->reason = g_strdup(step->reason);
    wire->state = g_strdup(state_words[step->state]);
}

static char **strings_of(const GPtrArray *strings, uint32_t *ret_n)
{
    char **copy = g_new0(char *, strings->len + 1);
    for (unsigned i = 0; i < strings->len; i++)
        copy[i] = g_strdup(strings->pdata[i]);
    *ret_n = strings->len;
    return copy;
}

static void fill(OwnPlanRet *ret, const VmPlan *plan)
{
    g_autoptr(VmView) view = vm_view(plan->vm);
    if (view)
        wire_domain_fill(&ret->dom, plan->vm, view);
    ret->n_steps = plan->steps->len;
    ret->steps = g_new0(WirePlanStep, plan->steps->len + 1);
    for (unsigned i = 0; i < plan->steps->len; i++)
        fill_step(&ret->steps[i], plan->steps->pdata[i]);
    ret->removed = strings_of(plan->removed, &ret->n_removed);
    ret->added = strings_of(plan->added, &ret->n_added);
}

bool vm_plan_show(Call *call, const OwnPlanArgs *args, OwnPlanRet *ret, GError **error)
{
    g_auto(VmPlan) plan = { 0 };
    if (!make(call, args->xml, args->flags, &plan, error))
        return false;
    fill(ret, &plan);
    return true;
}

/* Doing it ----------------------------------------------------------------------------------------------------------
 */

typedef struct {
    VmPlan *plan;
    PlanStep *step;
    VmJobWaiter *waiter; /* PLAN_DETACH: told when the guest has let go */
} Doing;

static bool set_field(Vm *vm, const PlanField *field, const Domain *wanted, GError **error)
{
    g_autoptr(Definition) before = definition_ref(vm->view->live);
    Domain *live = domain_copy(before->domain);
    field->take(live, wanted);
    vm_publish_live(vm, live);
    if (field->run && !field->run(vm, vm->view->live->domain, error)) {
        vm_publish_live(vm, domain_copy(before->domain));
        return false;
    }
    return vm_runstate_save(vm, error);
}

static bool do_live(Doing *doing, GError **error)
{
    Vm *vm = doing->plan->vm;
    PlanStep *step = doing->step;
    const Domain *live = vm->view->live->domain;
    const void *there = NULL;
    switch (step->action) {
    case PLAN_SET: return set_field(vm, step->set, doing->plan->wanted, error);
    case PLAN_ATTACH: return vm_hotplug_attach(vm, step->kind, step->device, error);
    case PLAN_DETACH:
        there = domain_device_find(live, step->kind, step->device);
        if (there)
            return vm_hotplug_detach(vm, step->kind, there, doing->waiter, error);
        vm_device_missing(step->kind, step->device, error);
        return false;
    default: return vm_device_update(vm, step->kind, step->device, error);
    }
}

static bool store(VmPlan *plan, GError **error)
{
    return vm_set_config(plan->vm, g_steal_pointer(&plan->wanted), g_steal_pointer(&plan->warnings),
                         VIR_DOMAIN_EVENT_DEFINED_UPDATED, error);
}

static bool step_job(gpointer data, GError **error)
{
    Doing *doing = data;
    Vm *vm = doing->plan->vm;
    if (!vm->view)
        return error_set(error, VIR_ERR_NO_DOMAIN, "the guest was undefined meanwhile");
    if (doing->step->action == PLAN_STORE)
        return store(doing->plan, error);
    if (!vm_view_active(vm->view))
        return error_set(error, VIR_ERR_OPERATION_INVALID, "the guest has ended meanwhile");
    return vm_job_require_none(vm, error) && do_live(doing, error);
}

static bool do_step(VmPlan *plan, PlanStep *step, GError **error)
{
    g_autoptr(VmJobWaiter) waiter = vm_job_waiter_new();
    Doing doing = { plan, step, waiter };
    if (!mailbox_run(plan->vm->mailbox, step_job, &doing, error))
        return false;
    return step->action != PLAN_DETACH || vm_job_waiter_wait_for(waiter, UNPLUG_GRACE_MS, error);
}

/* Marks each step; false at the first that fails. What is for the next start is done by storing the definition. */
static bool do_plan(VmPlan *plan, GError **error)
{
    for (unsigned i = 0; i < plan->steps->len; i++) {
        PlanStep *step = plan->steps->pdata[i];
        if (step->when != PLAN_LIVE && step->action != PLAN_STORE)
            continue;
        bool done = do_step(plan, step, error);
        step->state = done ? PLAN_DONE : PLAN_FAILED;
        if (!done)
            return false;
    }
    for (unsigned i = 0; i < plan->steps->len; i++)
        ((PlanStep *)plan->steps->pdata[i])->state = PLAN_DONE;
    return true;
}

bool vm_plan_apply(Call *call, const OwnApplyArgs *args, OwnApplyRet *ret, GError **error)
{
    g_auto(VmPlan) plan = { 0 };
    g_autoptr(GError) failure = NULL;
    if (!make(call, args->xml, args->flags, &plan, error))
        return false;
    if (plan.impossible)
        error_set(&failure, VIR_ERR_OPERATION_UNSUPPORTED, "nothing was done: a part of the edit cannot be");
    else
        do_plan(&plan, &failure);
    OwnPlanRet shown = { 0 };
    fill(&shown, &plan);
    *ret = (OwnApplyRet){ .dom = shown.dom,
                          .n_steps = shown.n_steps,
                          .steps = shown.steps,
                          .n_removed = shown.n_removed,
                          .removed = shown.removed,
                          .n_added = shown.n_added,
                          .added = shown.added,
                          .failure = failure ? g_strdup(failure->message) : NULL };
    return true;
}
