/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a definition may say and this version does not do. A definition that asks for it is kept as it is, but does not
 * start: a guest that runs has all it asked for. Any thread.
 */
#pragma once
#include "model/domain.h"

/* False with VIR_ERR_CONFIG_UNSUPPORTED, the place in the XML and the cure. Reads /proc and /sys at most. */
bool vm_refuse_unapplied(const Domain *domain, GError **error);

/* The same for one device of @domain, of the struct @type; @name begins the place: "interface". */
bool vm_refuse_unapplied_device(const Domain *domain, const ModelStruct *type, const void *device, const char *name,
                                GError **error);
