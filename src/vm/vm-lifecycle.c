/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers for what happens to a guest as a whole: start, stop, pause, reset, wake, keys. */
#include "base/error.h"
#include "qemu/qemu-monitor.h"
#include "rpc/handlers.h"
#include "vm/vm-agent.h"
#include "vm/vm-define.h"
#include "vm/vm-events.h"
#include "vm/vm-job.h"
#include "vm/vm-keycodes.h"
#include "vm/vm-log.h"
#include "vm/vm-monitor.h"
#include "vm/vm-registry.h"
#include "vm/vm-runstate.h"
#include "vm/vm-start.h"
#include "vm/vm-stop.h"
#include "vm/vm-wire.h"

#define DESTROY_GRACE_MS          1000
#define DESTROY_GRACEFUL_GRACE_MS 15000
#define CREATE_FLAGS                                                                                                   \
    (VIR_DOMAIN_START_PAUSED | VIR_DOMAIN_START_AUTODESTROY | VIR_DOMAIN_START_BYPASS_CACHE |                          \
     VIR_DOMAIN_START_FORCE_BOOT | VIR_DOMAIN_START_VALIDATE | VIR_DOMAIN_START_RESET_NVRAM)

bool vm_create(Call *call, const DomainCreateArgs *args, void *ret, GError **error)
{
    return vm_start(call->object, 0, call->client, error);
}

bool vm_create_with_flags(Call *call, const DomainCreateWithFlagsArgs *args, DomainCreateWithFlagsRet *ret,
                          GError **error)
{
    Vm *vm = call->object;
    if (!flags_check(call, args->flags, CREATE_FLAGS, error) || !vm_start(vm, args->flags, call->client, error))
        return false;
    wire_domain_fill(&ret->dom, vm, vm->view);
    return true;
}

typedef struct {
    Call *call;
    Vm *vm;
    Domain *domain;
    unsigned flags;
    WireDomain *ret_dom;
} CreateJob;

static bool create_job(gpointer data, GError **error)
{
    CreateJob *job = data;
    Vm *vm = job->vm;
    if (vm->view && !vm_require_inactive(vm->view, error)) {
        g_clear_pointer(&job->domain, domain_free);
        return false;
    }
    if (!vm_start_definition(vm, g_steal_pointer(&job->domain), job->flags, job->call->client, error))
        return false;
    wire_domain_fill(job->ret_dom, vm, vm->view);
    return true;
}

bool vm_create_xml(Call *call, const DomainCreateXmlArgs *args, DomainCreateXmlRet *ret, GError **error)
{
    if (!flags_check(call, args->flags, CREATE_FLAGS, error))
        return false;
    g_autoptr(GPtrArray) warnings = NULL;
    g_autoptr(Domain) domain =
        vm_parse_definition(call->daemon, args->xml_desc, args->flags & VIR_DOMAIN_START_VALIDATE, &warnings, error);
    if (!domain)
        return false;
    g_autofree char *name = g_strdup(domain->name);
    g_autoptr(Vm) vm = vm_registry_claim(call->daemon->vms, &domain->uuid, name, error);
    if (!vm)
        return false;
    CreateJob job = { call, vm, g_steal_pointer(&domain), args->flags, &ret->dom };
    bool done = mailbox_run(vm->mailbox, create_job, &job, error);
    vm_registry_release(call->daemon->vms, vm, name);
    return done;
}

static bool destroy(Vm *vm, bool graceful, GError **error)
{
    int grace = graceful ? DESTROY_GRACEFUL_GRACE_MS : DESTROY_GRACE_MS;
    return vm_require_active(vm->view, error) && vm_kill(vm, grace, graceful, VIR_DOMAIN_SHUTOFF_DESTROYED, error);
}

bool vm_destroy(Call *call, const DomainDestroyArgs *args, void *ret, GError **error)
{
    return destroy(call->object, false, error);
}

bool vm_destroy_flags(Call *call, const DomainDestroyFlagsArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    if (!flags_check(call, args->flags, VIR_DOMAIN_DESTROY_GRACEFUL | VIR_DOMAIN_DESTROY_REMOVE_LOGS, error))
        return false;
    g_autofree char *name = g_strdup(vm_view_domain(vm->view)->name);
    if (!destroy(vm, args->flags & VIR_DOMAIN_DESTROY_GRACEFUL, error))
        return false;
    if (args->flags & VIR_DOMAIN_DESTROY_REMOVE_LOGS)
        vm_log_remove(call->daemon->paths, name);
    return true;
}

/* Presses the power button; @reset: the guest's shutdown is then followed by a start. */
static bool press_power_button(Vm *vm, bool reset, GError **error)
{
    if (!vm_require_active(vm->view, error))
        return false;
    vm->reset_on_shutdown = reset;
    return vm_qmp(vm, "system_powerdown", NULL, NULL, error);
}

typedef struct {
    Vm *vm;
    bool reset;
} ButtonJob;

static bool button_job(gpointer data, GError **error)
{
    const ButtonJob *job = data;
    return press_power_button(job->vm, job->reset, error);
}

/*
 * By the ways that @flags allow: the agent first, then the power button. With the agent among them this is a job of the
 * agent's mailbox, else of the guest's.
 */
static bool shutdown_by(Vm *vm, unsigned flags, unsigned acpi, unsigned agent, bool reset, GError **error)
{
    ButtonJob job = { vm, reset };
    if (!(flags & agent))
        return press_power_button(vm, reset, error);
    if (!(flags & acpi))
        return vm_agent_shutdown(vm, reset, error);
    return vm_agent_shutdown(vm, reset, NULL) || mailbox_run(vm->mailbox, button_job, &job, error);
}

bool vm_shutdown(Call *call, const DomainShutdownArgs *args, void *ret, GError **error)
{
    return press_power_button(call->object, false, error);
}

bool vm_shutdown_flags(Call *call, const DomainShutdownFlagsArgs *args, void *ret, GError **error)
{
    return flags_check(call, args->flags, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN | VIR_DOMAIN_SHUTDOWN_GUEST_AGENT,
                       error) &&
           shutdown_by(call->object, args->flags, VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN, VIR_DOMAIN_SHUTDOWN_GUEST_AGENT,
                       false, error);
}

bool vm_reboot(Call *call, const DomainRebootArgs *args, void *ret, GError **error)
{
    return flags_check(call, args->flags, VIR_DOMAIN_REBOOT_ACPI_POWER_BTN | VIR_DOMAIN_REBOOT_GUEST_AGENT, error) &&
           shutdown_by(call->object, args->flags, VIR_DOMAIN_REBOOT_ACPI_POWER_BTN, VIR_DOMAIN_REBOOT_GUEST_AGENT, true,
                       error);
}

bool vm_reset(Call *call, const DomainResetArgs *args, void *ret, GError **error)
{
    return flags_check(call, args->flags, 0, error) && vm_job_require_none(call->object, error) &&
           vm_qmp(call->object, "system_reset", NULL, NULL, error);
}

bool vm_suspend(Call *call, const DomainSuspendArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    if (!vm_require_active(vm->view, error) || !vm_job_require_none(vm, error))
        return false;
    if (vm->view->state == VIR_DOMAIN_PMSUSPENDED)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "domain is pmsuspended: wake it with dompmwakeup");
    if (vm->view->state == VIR_DOMAIN_PAUSED)
        return true;
    if (!vm_qmp(vm, "stop", NULL, NULL, error))
        return false;
    vm_set_state(vm, VIR_DOMAIN_PAUSED, VIR_DOMAIN_PAUSED_USER);
    vm_runstate_save_state(vm);
    vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    return true;
}

bool vm_resume(Call *call, const DomainResumeArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    if (!vm_require_active(vm->view, error) || !vm_job_require_none(vm, error))
        return false;
    if (vm->view->state == VIR_DOMAIN_PMSUSPENDED)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "domain is pmsuspended: wake it with dompmwakeup");
    if (vm->view->state == VIR_DOMAIN_RUNNING)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "domain is already running");
    if (!vm_qmp(vm, "cont", NULL, NULL, error))
        return false;
    vm_set_state(vm, VIR_DOMAIN_RUNNING, VIR_DOMAIN_RUNNING_UNPAUSED);
    vm_runstate_save_state(vm);
    vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_RESUMED, VIR_DOMAIN_EVENT_RESUMED_UNPAUSED);
    return true;
}

bool vm_pm_wakeup(Call *call, const DomainPmWakeupArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    if (!flags_check(call, args->flags, 0, error) || !vm_require_active(vm->view, error))
        return false;
    if (vm->view->state != VIR_DOMAIN_PMSUSPENDED)
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "Unable to wake up domain: it is not suspended by power management");
    return vm_qmp(vm, "system_wakeup", NULL, NULL, error);
}

bool vm_inject_nmi(Call *call, const DomainInjectNmiArgs *args, void *ret, GError **error)
{
    return flags_check(call, args->flags, 0, error) && vm_qmp(call->object, "inject-nmi", NULL, NULL, error);
}

bool vm_send_key(Call *call, const DomainSendKeyArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    unsigned codes[16];
    if (!flags_check(call, args->flags, 0, error) || !vm_require_active(vm->view, error))
        return false;
    for (unsigned i = 0; i < args->n_keycodes; i++) {
        if (!keycode_to_qemu(args->codeset, args->keycodes[i], &codes[i]))
            return error_set(error, VIR_ERR_INVALID_ARG, "key code %u is not known in code set %u", args->keycodes[i],
                             args->codeset);
    }
    return qemu_monitor_send_key(vm->qmp, codes, args->n_keycodes, args->holdtime, error);
}
