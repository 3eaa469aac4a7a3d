/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-plug.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"
#include "qemu/qmp-object.h"
#include "qemu/qmp.h"
#include "vm/vm-confine.h"
#include "vm/vm-monitor.h"

#include <string.h>

/* A command that takes back what was done. */
typedef struct {
    const char *command;
    JsonObject *args;
} Undo;

static void undo_free(gpointer data)
{
    Undo *undo = data;
    if (undo->args)
        json_object_unref(undo->args);
    g_free(undo);
}

/* @args: transfer full. */
static void note_undo(VmPlug *plug, const char *command, JsonObject *args)
{
    Undo *undo = g_new(Undo, 1);
    *undo = (Undo){ command, args };
    g_ptr_array_add(plug->undo, undo);
}

/* Gives @fd to QEMU as a set; plug->undo forgets it again. */
static char *give_file(gpointer data, int fd, const char *tag, GError **error)
{
    VmPlug *plug = data;
    auto_fd int owned = fd;
    g_autoptr(JsonNode) reply = NULL;
    if (!vm_require_monitor(plug->vm, error) ||
        !qmp_call_with_fd(plug->vm->qmp, "add-fd", qmp_object("s:opaque", tag, NULL), owned, VM_QMP_TIMEOUT_MS, &reply,
                          error))
        return NULL;
    gint64 set = qmp_get_int(qmp_node_object(reply), "fdset-id", -1);
    note_undo(plug, "remove-fd", qmp_object("i:fdset-id", set, NULL));
    return g_strdup_printf("/dev/fdset/%" G_GINT64_FORMAT, set);
}

bool vm_plug_give_named_fd(VmPlug *plug, int fd, int number, GError **error)
{
    auto_fd int owned = fd;
    g_autofree char *name = g_strdup_printf(VM_PLUG_FD_PREFIX "%d", number);
    if (!vm_require_monitor(plug->vm, error) ||
        !qmp_call_with_fd(plug->vm->qmp, "getfd", qmp_object("s:fdname", name, NULL), owned, VM_QMP_TIMEOUT_MS, NULL,
                          error))
        return false;
    note_undo(plug, "closefd", qmp_object("s:fdname", name, NULL));
    return true;
}

static bool give_socket(gpointer data, int fd, const char *alias, GError **error)
{
    VmPlug *plug = data;
    auto_fd int owned = fd;
    g_autofree char *name = g_strconcat(VM_PLUG_FD_PREFIX, alias, NULL);
    if (!vm_require_monitor(plug->vm, error) ||
        !qmp_call_with_fd(plug->vm->qmp, "getfd", qmp_object("s:fdname", name, NULL), owned, VM_QMP_TIMEOUT_MS, NULL,
                          error))
        return false;
    note_undo(plug, "closefd", qmp_object("s:fdname", name, NULL));
    qemu_socket_fds_add(&plug->resources, alias, g_steal_pointer(&name));
    return true;
}

void vm_plug_init(VmPlug *plug, Vm *vm, Domain *live, DomainDeviceKind kind, unsigned index)
{
    *plug = (VmPlug){ .vm = vm, .live = live, .kind = kind, .index = index };
    plug->files = (VmFiles){ .guest = live->name,
                             .run_dir = vm->run_dir,
                             .user = &vm->daemon->vm_settings->user,
                             .data = plug,
                             .give = give_file,
                             .give_socket = give_socket };
    plug->undo = g_ptr_array_new_with_free_func(undo_free);
    plug->nets = g_new0(QemuNetResource, live->n_interfaces + 1);
    plug->net_fds = g_array_new(FALSE, FALSE, sizeof(int));
    plug->resources = (QemuStartResources){ .monitor_fd = -1, .run_dir = vm->run_dir, .nets = plug->nets };
}

void vm_plug_clear(VmPlug *plug)
{
    domain_free(plug->live);
    domain_free(plug->handed);
    g_clear_pointer(&plug->undo, g_ptr_array_unref);
    g_clear_pointer(&plug->net_fds, g_array_unref);
    g_free(plug->nets);
    g_clear_pointer(&plug->resources.socket_fds, g_hash_table_unref);
}

static void *device_of(const VmPlug *plug, const Domain *domain)
{
    return domain_device_list(&domain_device_rows[plug->kind], domain)[plug->index];
}

void *vm_plug_device(const VmPlug *plug)
{
    return device_of(plug, plug->live);
}

void *vm_plug_handed(VmPlug *plug)
{
    if (!plug->handed)
        plug->handed = domain_copy(plug->live);
    return device_of(plug, plug->handed);
}

QemuCaps *vm_plug_caps(Vm *vm, GError **error)
{
    if (!vm->caps)
        vm->caps = qemu_caps_cache_get(vm->daemon->qemu_caps, vm->view->live->domain->emulator, error);
    return vm->caps;
}

bool vm_plug_run_steps(VmPlug *plug, GPtrArray *steps, GError **error)
{
    for (unsigned i = 0; i < steps->len; i++) {
        const QemuStep *step = steps->pdata[i];
        if (!vm_qmp(plug->vm, step->command, json_object_ref(step->args), NULL, error))
            return false;
        JsonObject *args = json_object_new();
        json_object_set_string_member(args, step->undo_key, step->id);
        note_undo(plug, step->undo, args);
    }
    return true;
}

bool vm_plug_run(VmPlug *plug, GError **error)
{
    QemuCaps *caps = vm_plug_caps(plug->vm, error);
    if (!caps)
        return false;
    if (!vm_confine_expose(plug->vm, domain_device_rows[plug->kind].type, vm_plug_handed(plug), error))
        return false;
    g_autoptr(GPtrArray) steps = qemu_plug_steps(plug->handed, caps, &plug->resources, plug->kind, plug->index, error);
    return steps && vm_plug_run_steps(plug, steps, error);
}

void vm_plug_undo(VmPlug *plug)
{
    while (plug->undo->len > 0) {
        Undo *undo = g_ptr_array_steal_index(plug->undo, plug->undo->len - 1);
        g_autoptr(GError) error = NULL;
        /* A descriptor that a command took is gone with what took it: that closing it fails is as it should be. */
        if (!vm_qmp(plug->vm, undo->command, g_steal_pointer(&undo->args), NULL, &error))
            log_debug("guest '%s': take back: %s", plug->live->name, error->message);
        undo_free(undo);
    }
}

/* A card of any kind has its descriptors; which does not matter to who only wants to know the names. */
static void fill_in(QemuNetResource *nets, const Domain *live)
{
    static const int none[] = { 0 };
    for (unsigned i = 0; i < live->n_interfaces; i++)
        nets[i] = (QemuNetResource){ .fd_prefix = VM_PLUG_FD_PREFIX, .tap_fds = none, .n_tap_fds = 1 };
}

GPtrArray *vm_plug_steps_of(Vm *vm, const Domain *live, DomainDeviceKind kind, unsigned index)
{
    g_autoptr(GError) error = NULL;
    QemuCaps *caps = vm_plug_caps(vm, &error);
    g_autofree QemuNetResource *nets = g_new0(QemuNetResource, live->n_interfaces + 1);
    fill_in(nets, live);
    QemuStartResources resources = { .monitor_fd = -1, .run_dir = vm->run_dir, .nets = nets };
    GPtrArray *steps = caps ? qemu_plug_steps(live, caps, &resources, kind, index, &error) : NULL;
    if (!steps)
        log_debug("guest '%s': %s", live->name, error->message);
    return steps;
}

GPtrArray *vm_plug_medium_of(Vm *vm, const Domain *live, unsigned index)
{
    g_autoptr(GError) error = NULL;
    QemuStartResources resources = { .monitor_fd = -1, .run_dir = vm->run_dir };
    QemuCaps *caps = vm_plug_caps(vm, &error);
    GPtrArray *steps = caps ? qemu_plug_medium(live, caps, &resources, index, &error) : NULL;
    if (!steps)
        log_warning("guest '%s': %s", live->name, error->message);
    return steps;
}

static bool is_tag_of(GPtrArray *steps, const char *tag)
{
    for (unsigned i = 0; tag && i < steps->len; i++) {
        if (strcmp(((const QemuStep *)steps->pdata[i])->id, tag) == 0)
            return true;
    }
    return false;
}

/* Descriptor sets are called after the node or device that has them open. */
static bool remove_fds(Vm *vm, GPtrArray *steps, GError **error)
{
    g_autoptr(JsonNode) reply = NULL;
    if (!vm_qmp(vm, "query-fdsets", NULL, &reply, error))
        return false;
    JsonArray *sets = qmp_node_array(reply);
    for (unsigned i = 0; sets && i < json_array_get_length(sets); i++) {
        JsonObject *set = qmp_array_object(sets, i);
        JsonObject *first = qmp_array_object(qmp_get_array(set, "fds"), 0);
        if (is_tag_of(steps, qmp_get_string(first, "opaque")) &&
            !vm_qmp(vm, "remove-fd", qmp_object("i:fdset-id", qmp_get_int(set, "fdset-id", -1), NULL), NULL, error))
            return false;
    }
    return true;
}

void vm_plug_release(Vm *vm, GPtrArray *steps)
{
    const char *name = vm_view_domain(vm->view)->name;
    for (unsigned i = steps->len; i > 0; i--) {
        const QemuStep *step = steps->pdata[i - 1];
        g_autoptr(GError) error = NULL;
        if (strcmp(step->command, QEMU_STEP_DEVICE) == 0)
            continue;
        JsonObject *args = json_object_new();
        json_object_set_string_member(args, step->undo_key, step->id);
        if (!vm_qmp(vm, step->undo, args, NULL, &error))
            log_warning("guest '%s': %s", name, error->message);
    }
    g_autoptr(GError) error = NULL;
    if (vm->qmp && !remove_fds(vm, steps, &error))
        log_warning("guest '%s': %s", name, error->message);
}
