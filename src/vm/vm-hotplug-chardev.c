/* SPDX-License-Identifier: Apache-2.0 */
/* Serial ports, consoles and channels of a guest that runs. */
#include "base/error.h"
#include "qemu/qemu-args.h"
#include "vm/vm-console.h"
#include "vm/vm-device-classes.h"
#include "vm/vm-settle.h"

#include <string.h>

bool vm_chardev_check_attach(const VmDeviceScope *scope, const void *device, GError **error)
{
    const DomainChardev *chardev = device;
    const Domain *domain = scope->domain;
    for (unsigned i = 0; chardev->name && i < domain->n_channels; i++) {
        if (g_strcmp0(domain->channels[i]->name, chardev->name) == 0)
            return error_set(error, VIR_ERR_OPERATION_INVALID, "chardev already exists");
    }
    return true;
}

bool vm_chardev_prepare(VmPlug *plug, GError **error)
{
    DomainChardev *chardev = vm_plug_device(plug);
    if (plug->kind == DOMAIN_DEVICE_CONSOLES &&
        (!chardev->target_type || chardev->target_type == CHARDEV_TARGET_SERIAL))
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
                         "attaching serial console is not supported: it is another view of a serial port");
    vm_settle_channel_path(plug->vm->run_dir, chardev);
    DomainChardev *handed = vm_plug_handed(plug);
    return vm_files_give_chardev(&plug->files, &handed->source, handed->info.alias, error);
}

bool vm_chardev_settle(Vm *vm, const void *device, GError **error)
{
    g_autofree char *alias = g_strdup(((const DomainChardev *)device)->info.alias);
    if (!vm_settle_ptys(vm, error))
        return false;
    vm_consoles_keep(vm, alias);
    return true;
}
