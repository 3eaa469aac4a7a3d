/* SPDX-License-Identifier: Apache-2.0 */
/* Fields outside of devices that a plan changes while the guest runs: one row each. */
#include "base/error.h"
#include "qemu/qemu-monitor.h"
#include "qemu/qmp-object.h"
#include "vm/vm-monitor.h"
#include "vm/vm-plan.h"
#include "vm/vm-tune.h"

#include <string.h>

static void take_text(char **live, const char *wanted)
{
    g_free(*live);
    *live = g_strdup(wanted);
}

static void take_title(Domain *live, const Domain *wanted)
{
    take_text(&live->title, wanted->title);
}

static void take_description(Domain *live, const Domain *wanted)
{
    take_text(&live->description, wanted->description);
}

static void take_metadata(Domain *live, const Domain *wanted)
{
    take_text(&live->metadata, wanted->metadata);
}

static void take_on_poweroff(Domain *live, const Domain *wanted)
{
    live->on_poweroff = wanted->on_poweroff;
}

static void take_on_crash(Domain *live, const Domain *wanted)
{
    live->on_crash = wanted->on_crash;
}

/* Only a reset is QEMU's own doing: it has to know whether the guest survives it. */
static const char *reboot_word(const Domain *domain)
{
    return domain->on_reboot == LIFECYCLE_ACTION_DESTROY ? "shutdown" : "reset";
}

static char *reboot_command(const Vm *vm, const Domain *wanted)
{
    return g_strdup_printf("{\"execute\":\"set-action\",\"arguments\":{\"reboot\":\"%s\"}}", reboot_word(wanted));
}

static bool run_reboot(Vm *vm, const Domain *live, GError **error)
{
    return vm_qmp(vm, "set-action", qmp_object("s:reboot", reboot_word(live), NULL), NULL, error);
}

static void take_on_reboot(Domain *live, const Domain *wanted)
{
    live->on_reboot = wanted->on_reboot;
}

static char *balloon_command(const Vm *vm, const Domain *wanted)
{
    return g_strdup_printf("{\"execute\":\"balloon\",\"arguments\":{\"value\":%" G_GUINT64_FORMAT "}}",
                           wanted->current_memory * 1024);
}

static bool run_balloon(Vm *vm, const Domain *live, GError **error)
{
    if (live->n_memballoons == 0 || live->memballoons[0]->model == MEMBALLOON_MODEL_NONE)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "<currentMemory>: the guest has no balloon");
    return vm_require_monitor(vm, error) && qemu_monitor_set_balloon(vm->qmp, live->current_memory * 1024, error);
}

static void take_balloon(Domain *live, const Domain *wanted)
{
    live->current_memory = wanted->current_memory;
}

/* Pins, schedulers and bandwidth are the kernel's: QEMU is told nothing. */
static bool run_cputune(Vm *vm, const Domain *live, GError **error)
{
    return vm_tune_apply_pins(vm, error);
}

static void take_cputune(Domain *live, const Domain *wanted)
{
    model_free(&model_domain_cputune, live->cputune);
    live->cputune = model_copy(&model_domain_cputune, wanted->cputune);
}

static const PlanField fields[] = {
    { "title", NULL, NULL, take_title },
    { "description", NULL, NULL, take_description },
    { "metadata", NULL, NULL, take_metadata },
    { "currentMemory", balloon_command, run_balloon, take_balloon },
    { "on_poweroff", NULL, NULL, take_on_poweroff },
    { "on_reboot", reboot_command, run_reboot, take_on_reboot },
    { "on_crash", NULL, NULL, take_on_crash },
    { "cputune/", NULL, run_cputune, take_cputune },
};

const PlanField *vm_plan_field(const char *path)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        gsize length = strlen(fields[i].path) - g_str_has_suffix(fields[i].path, "/");
        bool group = fields[i].path[length] == '/';
        if (!strncmp(path, fields[i].path, length) && (!path[length] || (group && path[length] == '/')))
            return &fields[i];
    }
    return NULL;
}
