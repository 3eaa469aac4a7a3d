/* SPDX-License-Identifier: Apache-2.0 */
/* What follows when a guest powers off, reboots or crashes. */
#include "base/error.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "vm/vm-define.h"
#include "vm/vm-monitor.h"
#include "vm/vm-wire.h"

static const char *const event_names[] = { "poweroff", "reboot", "crash" };

/* virDomainLifecycleAction counts from 0, the model leaves 0 to "not given". */
static LifecycleAction action_of(unsigned wire)
{
    static const LifecycleAction actions[] = {
        [VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY] = LIFECYCLE_ACTION_DESTROY,
        [VIR_DOMAIN_LIFECYCLE_ACTION_RESTART] = LIFECYCLE_ACTION_RESTART,
        [VIR_DOMAIN_LIFECYCLE_ACTION_RESTART_RENAME] = LIFECYCLE_ACTION_RENAME_RESTART,
        [VIR_DOMAIN_LIFECYCLE_ACTION_PRESERVE] = LIFECYCLE_ACTION_PRESERVE,
        [VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_DESTROY] = LIFECYCLE_ACTION_COREDUMP_DESTROY,
        [VIR_DOMAIN_LIFECYCLE_ACTION_COREDUMP_RESTART] = LIFECYCLE_ACTION_COREDUMP_RESTART,
    };
    return wire < G_N_ELEMENTS(actions) ? actions[wire] : LIFECYCLE_ACTION_UNSET;
}

typedef struct {
    unsigned type;
    LifecycleAction action;
} ActionChange;

static bool change_action(Domain *domain, gconstpointer data, GError **error)
{
    const ActionChange *change = data;
    LifecycleAction *const fields[] = { &domain->on_poweroff, &domain->on_reboot, &domain->on_crash };
    *fields[change->type] = change->action;
    return true;
}

/* Only a reset is QEMU's own doing: it has to know whether the guest survives it. */
static bool tell_qemu(Vm *vm, const ActionChange *change, GError **error)
{
    if (change->type != VIR_DOMAIN_LIFECYCLE_REBOOT)
        return true;
    const char *reboot = change->action == LIFECYCLE_ACTION_DESTROY ? "shutdown" : "reset";
    return vm_qmp(vm, "set-action", qmp_object("s:reboot", reboot, NULL), NULL, error);
}

bool vm_set_lifecycle_action(Call *call, const DomainSetLifecycleActionArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    ActionChange change = { args->type, action_of(args->action) };
    if (!vm_begin_change(call, args->flags, &targets, error))
        return false;
    if (args->type >= G_N_ELEMENTS(event_names))
        return error_set(error, VIR_ERR_INVALID_ARG, "unknown lifecycle event %u", args->type);
    if (change.action == LIFECYCLE_ACTION_UNSET)
        return error_set(error, VIR_ERR_INVALID_ARG, "unknown lifecycle action %u", args->action);
    bool dumps =
        change.action == LIFECYCLE_ACTION_COREDUMP_DESTROY || change.action == LIFECYCLE_ACTION_COREDUMP_RESTART;
    if (dumps && args->type != VIR_DOMAIN_LIFECYCLE_CRASH)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "Lifecycle event '%s' doesn't support '%s' action",
                         event_names[args->type], model_enum_lifecycle_action.words[change.action]);
    return (!targets.live || tell_qemu(vm, &change, error)) && vm_change(vm, targets, change_action, &change, error);
}
