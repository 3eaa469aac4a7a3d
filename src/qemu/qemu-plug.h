/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices for a QEMU that runs: the commands that plug one in, made by the same functions that write it on the command
 * line, so that a device is the same whenever it comes. Pure. Any thread.
 */
#pragma once
#include "qemu/qemu-args.h"

#include <json-glib/json-glib.h>

/* One command of a plug, and the one that takes its effect back: {"execute": undo, "arguments": {undo_key: id}}. */
typedef struct {
    const char *command; /* "blockdev-add", …, at last "device_add" */
    JsonObject *args;
    const char *undo; /* "blockdev-del" */
    const char *undo_key;
    char *id;
} QemuStep;

#define QEMU_STEP_DEVICE "device_add" /* the command of the step that the guest sees */

/*
 * The steps (QemuStep *) that plug device @index of the list @kind of @def in, in their order; freed with the array.
 * What the device is plugged into is not among them. VIR_ERR_OPERATION_UNSUPPORTED if only the command line can say it.
 */
GPtrArray *qemu_plug_steps(const Domain *def, const QemuCaps *caps, const QemuStartResources *resources,
                           DomainDeviceKind kind, unsigned index, GError **error);
/* The block nodes alone of a disk: for another medium in its drive. */
GPtrArray *qemu_plug_medium(const Domain *def, const QemuCaps *caps, const QemuStartResources *resources,
                            unsigned index, GError **error);
