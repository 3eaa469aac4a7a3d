/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that clients give QEMU themselves, and what is to be said about a guest since. */
#include "base/auto-fd.h"
#include "base/error.h"
#include "qemu/qemu-caps.h"
#include "qemu/qemu-monitor.h"
#include "qemu/qmp-lines.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "vm/vm-log.h"
#include "vm/vm-monitor.h"
#include "vm/vm-wire.h"

#include <libvirt/libvirt-qemu.h>

/* From now on the guest's state may differ from what the daemon knows. */
static void note_monitor_use(Vm *vm)
{
    if (vm->view->monitor_used)
        return;
    VmView *next = vm_view_copy(vm->view);
    next->monitor_used = true;
    vm_publish(vm, next);
    vm_log_event(vm, "tainted: custom monitor control commands issued");
}

static bool run_text(Vm *vm, const char *line, char **ret_result, GError **error)
{
    return qemu_monitor_hmp(vm->qmp, line, ret_result, error);
}

/* @fd: sent along when ≥ 0. */
static bool run_json(Vm *vm, const char *text, int fd, char **ret_result, GError **error)
{
    g_autoptr(GError) why = NULL;
    g_autoptr(JsonNode) reply = NULL;
    g_autoptr(JsonObject) command = qmp_lines_parse_one(text, &why);
    if (!command)
        return error_set(error, VIR_ERR_INVALID_ARG,
                         "cannot parse json %s: %s; --hmp takes commands of the human monitor", text, why->message);
    if (!qmp_call_raw_with_fd(vm->qmp, json_object_ref(command), fd, VM_QMP_TIMEOUT_MS, &reply, error))
        return false;
    *ret_result = qmp_object_text(qmp_node_object(reply));
    return true;
}

static bool run_command(Call *call, const char *command, unsigned flags, int fd, char **ret_result, GError **error)
{
    Vm *vm = call->object;
    if (!flags_check(call, flags, VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP, error) || !vm_require_monitor(vm, error))
        return false;
    note_monitor_use(vm);
    return flags & VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP ? run_text(vm, command, ret_result, error)
                                                       : run_json(vm, command, fd, ret_result, error);
}

bool vm_monitor_command(Call *call, const QemuDomainMonitorCommandArgs *args, QemuDomainMonitorCommandRet *ret,
                        GError **error)
{
    return run_command(call, args->cmd, args->flags, -1, &ret->result, error);
}

/* QEMU returns no descriptors, and takes one a command. */
bool vm_monitor_command_with_files(Call *call, const QemuDomainMonitorCommandWithFilesArgs *args,
                                   QemuDomainMonitorCommandWithFilesRet *ret, GError **error)
{
    if (call->n_fds > 1)
        return error_set(error, VIR_ERR_INVALID_ARG, "at most one fd can be passed to qemu, not %u", call->n_fds);
    if (call->n_fds == 1 && (args->flags & VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP))
        return error_set(error, VIR_ERR_INVALID_ARG, "a descriptor can be passed with commands in JSON only");
    return run_command(call, args->cmd, args->flags, call->n_fds == 1 ? call->fds[0] : -1, &ret->result, error);
}

static void add_message(GPtrArray *messages, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void add_message(GPtrArray *messages, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_ptr_array_add(messages, g_strdup_vprintf(format, args));
    va_end(args);
}

/* What the emulator's makers mean to drop; nothing is said of an emulator that is not known yet. */
static void add_deprecations(Daemon *daemon, const Domain *live, GPtrArray *messages)
{
    g_autoptr(QemuCaps) caps = qemu_caps_cache_peek(daemon->qemu_caps, live->emulator);
    const QemuMachine *machine = caps ? qemu_caps_machine(caps, live->os.machine) : NULL;
    const QemuAccelerator *accelerator = caps ? live->virt_type == VIRT_TYPE_KVM ? &caps->kvm : &caps->tcg : NULL;
    const char *model = live->cpu ? live->cpu->model : NULL;
    const QemuCpuModel *cpu = accelerator && model ? qemu_caps_cpu(accelerator, model) : NULL;
    if (machine && machine->deprecated)
        add_message(messages, "deprecated configuration: machine type '%s'", live->os.machine);
    if (cpu && cpu->deprecated)
        add_message(messages, "deprecated configuration: CPU model '%s'", model);
}

bool vm_get_messages(Call *call, const DomainGetMessagesArgs *args, DomainGetMessagesRet *ret, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    unsigned all = VIR_DOMAIN_MESSAGE_DEPRECATION | VIR_DOMAIN_MESSAGE_TAINTING;
    unsigned wanted = args->flags ? args->flags : all;
    if (!vm || !flags_check(call, args->flags, all, error))
        return false;
    g_autoptr(GPtrArray) messages = g_ptr_array_new();
    g_autoptr(GPtrArray) deprecations = g_ptr_array_new_with_free_func(g_free);
    if (view->live)
        add_deprecations(call->daemon, view->live->domain, deprecations);
    if (view->live && (wanted & VIR_DOMAIN_MESSAGE_TAINTING)) {
        if (view->live->domain->qemu_commandline)
            add_message(messages, "tainted: custom configuration parameters specified");
        if (view->monitor_used)
            add_message(messages, "tainted: custom monitor control commands issued");
        if (deprecations->len > 0)
            add_message(messages, "tainted: use of deprecated configuration settings");
    }
    if (wanted & VIR_DOMAIN_MESSAGE_DEPRECATION) {
        for (unsigned i = 0; i < deprecations->len; i++)
            g_ptr_array_add(messages, g_strdup(deprecations->pdata[i]));
    }
    /* Not of the two kinds that can be asked for one by one: with both only. */
    const GPtrArray *left_out = view->config ? view->config->warnings : NULL;
    for (unsigned i = 0; wanted == all && left_out && i < left_out->len; i++)
        add_message(messages, "%s", (const char *)left_out->pdata[i]);
    ret->n_msgs = messages->len;
    ret->msgs = (char **)g_ptr_array_free(g_steal_pointer(&messages), FALSE);
    return true;
}
