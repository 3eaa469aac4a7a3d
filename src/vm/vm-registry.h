/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All guests of a daemon, found by UUID, name and number. Its lock is held for a look-up or an exchange of pointers,
 * never while anything is waited for. Any thread.
 */
#pragma once
#include "vm/vm.h"

VmRegistry *vm_registry_new(Daemon *daemon);
/* All jobs of all guests must have ended. */
void vm_registry_free(VmRegistry *registry);

/* A reference, or NULL. A guest that is only claimed is not found. */
Vm *vm_registry_lookup_uuid(VmRegistry *registry, const Uuid *uuid);
Vm *vm_registry_lookup_name(VmRegistry *registry, const char *name);
Vm *vm_registry_lookup_id(VmRegistry *registry, int id);

/* As vm_registry_lookup_uuid(), but with the error (VIR_ERR_NO_DOMAIN) that clients expect; @name may be NULL. */
Vm *vm_registry_find(VmRegistry *registry, const Uuid *uuid, const char *name, GError **error);

/* All guests, also those that have no view yet or any more, each with a reference, in no order (free with
 * g_ptr_array_unref). */
GPtrArray *vm_registry_all(VmRegistry *registry);
unsigned vm_registry_count(VmRegistry *registry, bool active);

/*
 * The guest to define or create as (@uuid, @name): an existing one, or a new one that nobody else can claim or look up
 * until it is published or released. Fails with VIR_ERR_OPERATION_FAILED if the name belongs to another UUID or the
 * UUID to another name. Balance with vm_registry_release().
 */
Vm *vm_registry_claim(VmRegistry *registry, const Uuid *uuid, const char *name, GError **error);
/* Gives a claim back: a guest that was never published (or is gone) leaves the registry. Drops no reference. */
void vm_registry_release(VmRegistry *registry, Vm *vm, const char *name);

/* Reserves a further name for a guest (rename); false if it is taken. vm_publish() frees the old one. */
bool vm_registry_reserve_name(VmRegistry *registry, Vm *vm, const char *name, GError **error);
void vm_registry_unreserve_name(VmRegistry *registry, Vm *vm, const char *name);

/* The next number of a running guest: 1, 2, …; never used twice. */
int vm_registry_next_id(VmRegistry *registry);
/* An adopted guest keeps its number; later ones come after it. */
void vm_registry_raise_id(VmRegistry *registry, int id);

/* For vm_publish() only. */
void vm_registry_reindex(VmRegistry *registry, Vm *vm, const VmView *old, const VmView *next);
