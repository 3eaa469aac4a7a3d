/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a guest's QEMU gets to see of the host: a tree of its own (src/qemu/launch/confine.c makes it) with the paths of
 * its own definition. Of most files it has descriptors and needs no path. Mailbox.
 */
#pragma once
#include "vm/vm-prepare.h"

/* Whether the daemon's user and kernel can make mount namespaces at all. Any thread. */
bool vm_confine_possible(void);

/*
 * The paths that this start's QEMU opens by name, as "rw:PATH" and "ro:PATH", parents first; NULL if it is not to be
 * confined. Free with g_strfreev().
 */
char **vm_confine_paths(const VmStart *start);

/* Shows QEMU what a device opens by name that is about to be plugged in; nothing to do for a guest that is not
 * confined. */
bool vm_confine_expose(Vm *vm, const ModelStruct *type, const void *device, GError **error);
