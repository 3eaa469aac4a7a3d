/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that one command of an agent answers: jobs of its mailbox, see vm-agent.h. */
#include "base/error.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "vm/vm-agent.h"
#include "vm/vm-monitor.h"
#include "vm/vm-wire.h"

#define NS_PER_S 1000000000

/* The guest, a reference, once the flags are known to be good. */
static Vm *find(Call *call, const WireDomain *dom, unsigned flags, unsigned allowed, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = flags_check(call, flags, allowed, error) ? wire_domain_find(call, dom, &view, error) : NULL;
    return vm && vm_require_active(view, error) ? g_steal_pointer(&vm) : NULL;
}

static gint64 reply_int(JsonNode *reply, gint64 fallback)
{
    return JSON_NODE_HOLDS_VALUE(reply) ? json_node_get_int(reply) : fallback;
}

static JsonArray *string_array(char *const *strings, unsigned n_strings)
{
    JsonArray *array = json_array_new();
    for (unsigned i = 0; i < n_strings; i++)
        json_array_add_string_element(array, strings[i]);
    return array;
}

bool vm_get_hostname(Call *call, const DomainGetHostnameArgs *args, DomainGetHostnameRet *ret, GError **error)
{
    g_autoptr(JsonNode) reply = NULL;
    unsigned both = VIR_DOMAIN_GET_HOSTNAME_LEASE | VIR_DOMAIN_GET_HOSTNAME_AGENT;
    if ((args->flags & both) == VIR_DOMAIN_GET_HOSTNAME_LEASE)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
                         "leases of this daemon's networks name no guests: ask the agent (--source agent)");
    g_autoptr(Vm) vm = find(call, &args->dom, args->flags, both, error);
    if (!vm || !vm_agent_call(vm, "guest-get-host-name", NULL, &reply, error))
        return false;
    const char *name = qmp_get_string(qmp_node_object(reply), "host-name");
    if (!name)
        return error_set(error, VIR_ERR_NO_HOSTNAME, "the guest agent names no host name");
    ret->hostname = g_strdup(name);
    return true;
}

bool vm_get_time(Call *call, const DomainGetTimeArgs *args, DomainGetTimeRet *ret, GError **error)
{
    g_autoptr(JsonNode) reply = NULL;
    g_autoptr(Vm) vm = find(call, &args->dom, args->flags, 0, error);
    if (!vm || !vm_agent_call(vm, "guest-get-time", NULL, &reply, error))
        return false;
    gint64 ns = reply_int(reply, 0);
    ret->seconds = ns / NS_PER_S;
    ret->nseconds = (uint32_t)(ns % NS_PER_S);
    return true;
}

/* Ticks that KVM still owes the guest would be added to the time that was just set. */
static bool drop_owed_ticks(Vm *vm, GError **error)
{
    g_autoptr(VmView) view = vm_view(vm);
    g_autoptr(Qmp) qmp = vm_monitor_ref(vm);
    bool kvm = view && view->live && view->live->domain->virt_type == VIRT_TYPE_KVM;
    return !kvm || !qmp || qmp_call(qmp, "rtc-reset-reinjection", NULL, VM_QMP_TIMEOUT_MS, NULL, error);
}

bool vm_set_time(Call *call, const DomainSetTimeArgs *args, void *ret, GError **error)
{
    g_autoptr(Vm) vm = find(call, &args->dom, args->flags, VIR_DOMAIN_TIME_SYNC, error);
    if (!vm)
        return false;
    JsonObject *time = NULL;
    if (!(args->flags & VIR_DOMAIN_TIME_SYNC)) {
        if (args->seconds < 0 || args->seconds > G_MAXINT64 / NS_PER_S - 1 || args->nseconds >= NS_PER_S)
            return error_set(error, VIR_ERR_INVALID_ARG, "Time '%" G_GINT64_FORMAT "' is too big for guest agent",
                             (gint64)args->seconds);
        time = qmp_object("i:time", (gint64)args->seconds * NS_PER_S + args->nseconds, NULL);
    }
    return vm_agent_call(vm, "guest-set-time", time, NULL, error) && drop_owed_ticks(vm, error);
}

bool vm_fsfreeze(Call *call, const DomainFsfreezeArgs *args, DomainFsfreezeRet *ret, GError **error)
{
    g_autoptr(JsonNode) reply = NULL;
    g_autoptr(Vm) vm = find(call, &args->dom, args->flags, 0, error);
    if (!vm)
        return false;
    JsonObject *list = args->n_mountpoints
                           ? qmp_object("a:mountpoints", string_array(args->mountpoints, args->n_mountpoints), NULL)
                           : NULL;
    if (!vm_agent_call(vm, list ? "guest-fsfreeze-freeze-list" : "guest-fsfreeze-freeze", list, &reply, error))
        return false;
    ret->filesystems = (int)reply_int(reply, 0);
    return true;
}

bool vm_fsthaw(Call *call, const DomainFsthawArgs *args, DomainFsthawRet *ret, GError **error)
{
    g_autoptr(JsonNode) reply = NULL;
    g_autoptr(Vm) vm = find(call, &args->dom, args->flags, 0, error);
    if (!vm)
        return false;
    if (args->n_mountpoints)
        return error_set(error, VIR_ERR_ARGUMENT_UNSUPPORTED,
                         "specifying mountpoints is not supported: all are thawed together");
    if (!vm_agent_call(vm, "guest-fsfreeze-thaw", NULL, &reply, error))
        return false;
    ret->filesystems = (int)reply_int(reply, 0);
    return true;
}

bool vm_fstrim(Call *call, const DomainFstrimArgs *args, void *ret, GError **error)
{
    g_autoptr(Vm) vm = find(call, &args->dom, args->flags, 0, error);
    if (!vm)
        return false;
    if (args->mount_point)
        return error_set(error, VIR_ERR_ARGUMENT_UNSUPPORTED,
                         "Specifying mount point is not supported: all are trimmed");
    return vm_agent_call(vm, "guest-fstrim", qmp_object("i:minimum", (gint64)args->minimum, NULL), NULL, error);
}

bool vm_set_user_password(Call *call, const DomainSetUserPasswordArgs *args, void *ret, GError **error)
{
    g_autoptr(Vm) vm = find(call, &args->dom, args->flags, VIR_DOMAIN_PASSWORD_ENCRYPTED, error);
    if (!vm)
        return false;
    if (!args->user || !args->password)
        return error_set(error, VIR_ERR_INVALID_ARG, "a user and a password are needed");
    g_autofree char *password = g_base64_encode((const guchar *)args->password, strlen(args->password));
    gboolean crypted = (args->flags & VIR_DOMAIN_PASSWORD_ENCRYPTED) != 0;
    return vm_agent_call(vm, "guest-set-user-password",
                         qmp_object("b:crypted", crypted, "s:username", args->user, "s:password", password, NULL), NULL,
                         error);
}

bool vm_pm_suspend(Call *call, const DomainPmSuspendForDurationArgs *args, void *ret, GError **error)
{
    static const char *const commands[] = {
        [VIR_NODE_SUSPEND_TARGET_MEM] = "guest-suspend-ram",
        [VIR_NODE_SUSPEND_TARGET_DISK] = "guest-suspend-disk",
        [VIR_NODE_SUSPEND_TARGET_HYBRID] = "guest-suspend-hybrid",
    };
    g_autoptr(Vm) vm = find(call, &args->dom, args->flags, 0, error);
    if (!vm)
        return false;
    if (args->duration)
        return error_set(error, VIR_ERR_ARGUMENT_UNSUPPORTED, "Duration not supported. Use 0 for now");
    if (args->target >= G_N_ELEMENTS(commands))
        return error_set(error, VIR_ERR_INVALID_ARG, "Unknown suspend target: %u", args->target);
    return vm_agent_order(vm, commands[args->target], NULL, error);
}

bool vm_authorized_ssh_keys_get(Call *call, const DomainAuthorizedSshKeysGetArgs *args,
                                DomainAuthorizedSshKeysGetRet *ret, GError **error)
{
    g_autoptr(JsonNode) reply = NULL;
    g_autoptr(Vm) vm = find(call, &args->dom, args->flags, 0, error);
    if (!vm ||
        !vm_agent_call(vm, "guest-ssh-get-authorized-keys", qmp_object("s:username", args->user, NULL), &reply, error))
        return false;
    JsonArray *keys = qmp_get_array(qmp_node_object(reply), "keys");
    unsigned count = keys ? json_array_get_length(keys) : 0;
    ret->keys = g_new0(char *, count);
    for (unsigned i = 0; i < count; i++) {
        JsonNode *key = json_array_get_element(keys, i);
        if (JSON_NODE_HOLDS_VALUE(key) && json_node_get_value_type(key) == G_TYPE_STRING)
            ret->keys[ret->n_keys++] = json_node_dup_string(key);
    }
    return true;
}

bool vm_authorized_ssh_keys_set(Call *call, const DomainAuthorizedSshKeysSetArgs *args, void *ret, GError **error)
{
    unsigned append = VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_APPEND, remove = VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_REMOVE;
    g_autoptr(Vm) vm = find(call, &args->dom, args->flags, append | remove, error);
    if (!vm)
        return false;
    if ((args->flags & append) && (args->flags & remove))
        return error_set(error, VIR_ERR_INVALID_ARG, "flags 'append' and 'remove' exclude each other");
    JsonArray *keys = string_array(args->keys, args->n_keys);
    if (args->flags & remove)
        return vm_agent_call(vm, "guest-ssh-remove-authorized-keys",
                             qmp_object("s:username", args->user, "a:keys", keys, NULL), NULL, error);
    gboolean reset = !(args->flags & append);
    return vm_agent_call(vm, "guest-ssh-add-authorized-keys",
                         qmp_object("s:username", args->user, "a:keys", keys, "b:reset", reset, NULL), NULL, error);
}
