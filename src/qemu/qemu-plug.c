/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qemu-plug.h"

#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

/* Which command does to a QEMU that runs what an option does at its start. */
static const struct {
    const char *option, *command, *undo, *undo_key;
} command_rows[] = {
    { "-blockdev", "blockdev-add", "blockdev-del", "node-name" },
    { "-chardev", "chardev-add", "chardev-remove", "id" },
    { "-netdev", "netdev_add", "netdev_del", "id" },
    { "-object", "object-add", "object-del", "id" },
    { "-device", QEMU_STEP_DEVICE, "device_del", "id" },
};

static const struct {
    DomainDeviceKind kind;
    bool (*add)(QemuArgs *args, unsigned index, GError **error);
} plug_rows[] = {
    { DOMAIN_DEVICE_CONTROLLERS, qemu_args_controller }, { DOMAIN_DEVICE_DISKS, qemu_args_disk },
    { DOMAIN_DEVICE_INTERFACES, qemu_args_net },         { DOMAIN_DEVICE_FILESYSTEMS, qemu_args_filesystem },
    { DOMAIN_DEVICE_SERIALS, qemu_args_serial },         { DOMAIN_DEVICE_CHANNELS, qemu_args_channel },
    { DOMAIN_DEVICE_CONSOLES, qemu_args_console },       { DOMAIN_DEVICE_REDIRDEVS, qemu_args_redirdev },
    { DOMAIN_DEVICE_INPUTS, qemu_args_input },           { DOMAIN_DEVICE_WATCHDOGS, qemu_args_watchdog },
    { DOMAIN_DEVICE_HOSTDEVS, qemu_args_hostdev },       { DOMAIN_DEVICE_RNGS, qemu_args_rng },
    { DOMAIN_DEVICE_SHMEMS, qemu_args_shmem },           { DOMAIN_DEVICE_VSOCKS, qemu_args_vsock },
    { DOMAIN_DEVICE_MEMORIES, qemu_args_memory_device },
};

static void step_free(gpointer data)
{
    QemuStep *step = data;
    json_object_unref(step->args);
    g_free(step->id);
    g_free(step);
}

void qemu_plug_add(QemuArgs *args, const char *option, JsonObject *object)
{
    for (unsigned i = 0; object && i < G_N_ELEMENTS(command_rows); i++) {
        if (strcmp(command_rows[i].option, option) != 0)
            continue;
        QemuStep *step = g_new(QemuStep, 1);
        *step = (QemuStep){ command_rows[i].command, object, command_rows[i].undo, command_rows[i].undo_key,
                            g_strdup(qmp_get_string(object, command_rows[i].undo_key)) };
        g_ptr_array_add(args->steps, step);
        return;
    }
    if (object)
        json_object_unref(object);
    if (!args->not_a_step)
        args->not_a_step = option;
}

static QemuArgs plug_args(const Domain *def, const QemuCaps *caps, const QemuStartResources *resources)
{
    return (QemuArgs){ .def = def,
                       .caps = caps,
                       .resources = resources,
                       .machine = qemu_caps_machine(caps, def->os.machine),
                       .kvm = def->virt_type == VIRT_TYPE_KVM,
                       .steps = g_ptr_array_new_with_free_func(step_free) };
}

GPtrArray *qemu_plug_steps(const Domain *def, const QemuCaps *caps, const QemuStartResources *resources,
                           DomainDeviceKind kind, unsigned index, GError **error)
{
    QemuArgs args = plug_args(def, caps, resources);
    g_autoptr(GPtrArray) steps = args.steps;
    const char *element = domain_device_rows[kind].element;
    for (unsigned i = 0; i < G_N_ELEMENTS(plug_rows); i++) {
        if (plug_rows[i].kind != kind)
            continue;
        if (!plug_rows[i].add(&args, index, error))
            return NULL;
        if (!args.not_a_step && steps->len > 0)
            return g_steal_pointer(&steps);
        break;
    }
    error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
              "a <%s> like this cannot be plugged into a guest that runs: give --config, for the next start", element);
    return NULL;
}

GPtrArray *qemu_plug_medium(const Domain *def, const QemuCaps *caps, const QemuStartResources *resources,
                            unsigned index, GError **error)
{
    QemuArgs args = plug_args(def, caps, resources);
    g_autoptr(GPtrArray) steps = args.steps;
    return qemu_args_blockdevs(&args, def->disks[index], error) ? g_steal_pointer(&steps) : NULL;
}
