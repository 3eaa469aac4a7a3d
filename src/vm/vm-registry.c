/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-registry.h"

#include "base/error.h"

struct VmRegistry {
    Daemon *daemon;
    GMutex lock;
    GHashTable *by_uuid; /* const Uuid * in the Vm → Vm *, one reference; claimed ones too */
    GHashTable *by_name; /* owned name → Vm *; reserved names too */
    GHashTable *by_id;   /* GINT_TO_POINTER → Vm * */
    int last_id;
};

VmRegistry *vm_registry_new(Daemon *daemon)
{
    VmRegistry *registry = g_new0(VmRegistry, 1);
    registry->daemon = daemon;
    g_mutex_init(&registry->lock);
    registry->by_uuid = g_hash_table_new_full(uuid_hash, uuid_key_equal, NULL, (GDestroyNotify)vm_unref);
    registry->by_name = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    registry->by_id = g_hash_table_new(NULL, NULL);
    return registry;
}

void vm_registry_free(VmRegistry *registry)
{
    if (!registry)
        return;
    g_hash_table_unref(registry->by_id);
    g_hash_table_unref(registry->by_name);
    g_hash_table_unref(registry->by_uuid);
    g_mutex_clear(&registry->lock);
    g_free(registry);
}

static bool vm_published(Vm *vm)
{
    g_mutex_lock(&vm->view_lock);
    bool published = vm->view != NULL;
    g_mutex_unlock(&vm->view_lock);
    return published;
}

static Vm *lookup(VmRegistry *registry, GHashTable *table, gconstpointer key)
{
    g_mutex_lock(&registry->lock);
    Vm *vm = g_hash_table_lookup(table, key);
    if (vm && vm_published(vm))
        vm_ref(vm);
    else
        vm = NULL;
    g_mutex_unlock(&registry->lock);
    return vm;
}

Vm *vm_registry_lookup_uuid(VmRegistry *registry, const Uuid *uuid)
{
    return lookup(registry, registry->by_uuid, uuid);
}

Vm *vm_registry_lookup_name(VmRegistry *registry, const char *name)
{
    return lookup(registry, registry->by_name, name);
}

Vm *vm_registry_lookup_id(VmRegistry *registry, int id)
{
    return lookup(registry, registry->by_id, GINT_TO_POINTER(id));
}

Vm *vm_registry_find(VmRegistry *registry, const Uuid *uuid, const char *name, GError **error)
{
    Vm *vm = vm_registry_lookup_uuid(registry, uuid);
    if (vm)
        return vm;
    char text[UUID_TEXT_SIZE];
    uuid_format(uuid, text);
    if (name)
        error_set(error, VIR_ERR_NO_DOMAIN, "no domain with matching uuid '%s' (%s)", text, name);
    else
        error_set(error, VIR_ERR_NO_DOMAIN, "no domain with matching uuid '%s'", text);
    return NULL;
}

GPtrArray *vm_registry_all(VmRegistry *registry)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)vm_unref);
    GHashTableIter iter;
    gpointer vm;
    g_mutex_lock(&registry->lock);
    g_hash_table_iter_init(&iter, registry->by_uuid);
    while (g_hash_table_iter_next(&iter, NULL, &vm))
        g_ptr_array_add(all, vm_ref(vm));
    g_mutex_unlock(&registry->lock);
    return all;
}

unsigned vm_registry_count(VmRegistry *registry, bool active)
{
    g_autoptr(GPtrArray) all = vm_registry_all(registry);
    unsigned count = 0;
    for (unsigned i = 0; i < all->len; i++) {
        g_autoptr(VmView) view = vm_view(all->pdata[i]);
        count += view && vm_view_active(view) == active;
    }
    return count;
}

/* The caller holds the lock. */
static Vm *claim_locked(VmRegistry *registry, const Uuid *uuid, const char *name, GError **error)
{
    char text[UUID_TEXT_SIZE];
    Vm *vm = g_hash_table_lookup(registry->by_uuid, uuid);
    Vm *namesake = g_hash_table_lookup(registry->by_name, name);
    if (namesake && namesake != vm) {
        uuid_format(&namesake->uuid, text);
        error_set(error, VIR_ERR_OPERATION_FAILED,
                  "domain '%s' already exists with uuid %s: give that uuid to change it, or choose another name", name,
                  text);
        return NULL;
    }
    if (vm && !namesake) {
        uuid_format(uuid, text);
        g_autoptr(VmView) view = vm_view(vm);
        error_set(error, VIR_ERR_OPERATION_FAILED,
                  "domain '%s' is already defined with uuid %s: rename it with domrename",
                  view ? vm_view_domain(view)->name : "(being defined)", text);
        return NULL;
    }
    if (!vm) {
        vm = vm_new(registry->daemon, uuid);
        g_hash_table_insert(registry->by_uuid, &vm->uuid, vm);
        g_hash_table_insert(registry->by_name, g_strdup(name), vm);
    }
    vm->claims++;
    return vm_ref(vm);
}

Vm *vm_registry_claim(VmRegistry *registry, const Uuid *uuid, const char *name, GError **error)
{
    g_mutex_lock(&registry->lock);
    Vm *vm = claim_locked(registry, uuid, name, error);
    g_mutex_unlock(&registry->lock);
    return vm;
}

/* The caller holds the lock. */
static void drop_name_locked(VmRegistry *registry, Vm *vm, const char *name)
{
    if (g_hash_table_lookup(registry->by_name, name) == vm)
        g_hash_table_remove(registry->by_name, name);
}

void vm_registry_release(VmRegistry *registry, Vm *vm, const char *name)
{
    g_mutex_lock(&registry->lock);
    vm->claims--;
    if (vm->claims == 0 && !vm_published(vm)) {
        drop_name_locked(registry, vm, name);
        g_hash_table_remove(registry->by_uuid, &vm->uuid);
    }
    g_mutex_unlock(&registry->lock);
}

bool vm_registry_reserve_name(VmRegistry *registry, Vm *vm, const char *name, GError **error)
{
    g_mutex_lock(&registry->lock);
    bool free_name = !g_hash_table_contains(registry->by_name, name);
    if (free_name)
        g_hash_table_insert(registry->by_name, g_strdup(name), vm);
    g_mutex_unlock(&registry->lock);
    return free_name || error_set(error, VIR_ERR_OPERATION_INVALID, "domain with name '%s' already exists", name);
}

void vm_registry_unreserve_name(VmRegistry *registry, Vm *vm, const char *name)
{
    g_mutex_lock(&registry->lock);
    drop_name_locked(registry, vm, name);
    g_mutex_unlock(&registry->lock);
}

int vm_registry_next_id(VmRegistry *registry)
{
    return g_atomic_int_add(&registry->last_id, 1) + 1;
}

void vm_registry_raise_id(VmRegistry *registry, int id)
{
    g_mutex_lock(&registry->lock);
    if (g_atomic_int_get(&registry->last_id) < id)
        g_atomic_int_set(&registry->last_id, id);
    g_mutex_unlock(&registry->lock);
}

void vm_registry_reindex(VmRegistry *registry, Vm *vm, const VmView *old, const VmView *next)
{
    const char *old_name = old ? vm_view_domain(old)->name : NULL;
    const char *next_name = next ? vm_view_domain(next)->name : NULL;
    int old_id = old ? old->id : -1, next_id = next ? next->id : -1;
    g_mutex_lock(&registry->lock);
    if (old_id != next_id && old_id >= 0)
        g_hash_table_remove(registry->by_id, GINT_TO_POINTER(old_id));
    if (old_id != next_id && next_id >= 0)
        g_hash_table_insert(registry->by_id, GINT_TO_POINTER(next_id), vm);
    bool keep = !next && vm->claims > 0; /* somebody is about to define it anew */
    if (old_name && !keep && g_strcmp0(old_name, next_name) != 0)
        drop_name_locked(registry, vm, old_name);
    if (next_name && !g_hash_table_contains(registry->by_name, next_name))
        g_hash_table_insert(registry->by_name, g_strdup(next_name), vm);
    if (!next && !keep)
        g_hash_table_remove(registry->by_uuid, &vm->uuid);
    g_mutex_unlock(&registry->lock);
}
