/* SPDX-License-Identifier: Apache-2.0 */
/* Changing a guest's definitions. Functions that take a Vm run as jobs of its mailbox. */
#pragma once
#include "vm/vm-wire.h"
#include "vm/vm.h"

/*
 * Parses, checks and completes a client's XML against what this host's QEMU offers. Unknown elements are left out and
 * named in the log and in *ret_warnings (perhaps NULL); with @validate they are an error (VIR_ERR_XML_INVALID_SCHEMA).
 * May block on the first probe of an emulator: not for the main loop.
 */
Domain *vm_parse_definition(Daemon *daemon, const char *xml, bool validate, GPtrArray **ret_warnings, GError **error);

/*
 * Stores @domain durably as the persistent definition, publishes it and tells listeners. Takes @domain and @warnings
 * (may be NULL) over, also on failure.
 */
bool vm_set_config(Vm *vm, Domain *domain, GPtrArray *warnings, int event_detail, GError **error);

/* Changes one definition in place; false with an error leaves everything as it was. */
typedef bool (*VmChange)(Domain *domain, gconstpointer data, GError **error);
/* Runs @change on copies of the targeted definitions, stores and publishes them. */
bool vm_change(Vm *vm, VmTargets targets, VmChange change, gconstpointer data, GError **error);
