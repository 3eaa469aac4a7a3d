/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-hotplug.h"

#include "base/error.h"
#include "base/log.h"
#include "qemu/qmp-object.h"
#include "vm/vm-device-classes.h"
#include "vm/vm-events.h"
#include "vm/vm-monitor.h"
#include "vm/vm-refuse.h"
#include "vm/vm-runstate.h"

#include <string.h>

static const char *alias_of(DomainDeviceKind kind, const void *device)
{
    const DomainDeviceInfo *info = domain_device_info(&domain_device_rows[kind], (void *)device);
    return info ? info->alias : NULL;
}

static unsigned position_of(const Domain *domain, DomainDeviceKind kind, const void *device)
{
    unsigned position = 0;
    while (domain_device_list(&domain_device_rows[kind], domain)[position] != device)
        position++;
    return position;
}

/* Attaching */

/* A controller without an alias is one that the rules have just added for the device. */
static const DomainController *find_new_controller(const Domain *live)
{
    for (unsigned i = 0; i < live->n_controllers; i++) {
        if (!live->controllers[i]->info.alias)
            return live->controllers[i];
    }
    return NULL;
}

/* The live definition as it will be; *ret_index: where the device is in it. */
static Domain *with_device(Vm *vm, DomainDeviceKind kind, const void *device, unsigned *ret_index, GError **error)
{
    const VmDeviceClass *class = vm_device_class(kind);
    g_autoptr(Domain) live = domain_copy(vm->view->live->domain);
    if (class->account)
        class->account(live, device, false);
    const void *added = domain_device_add(live, kind, device, DOMAIN_PARSE_ACTIVE, vm->daemon->model_host, error);
    if (!added)
        return NULL;
    *ret_index = position_of(live, kind, added);
    return g_steal_pointer(&live);
}

static bool plug(VmPlug *plug, const VmDeviceClass *class, GError **error)
{
    if ((class->prepare && !class->prepare(plug, error)) || !vm_plug_run(plug, error)) {
        vm_plug_undo(plug);
        return false;
    }
    return true;
}

/* A device of the live definition as it is now; NULL: it is not there. */
static const void *find_now(const Vm *vm, DomainDeviceKind kind, const char *alias)
{
    const DomainDeviceRow *row = &domain_device_rows[kind];
    const Domain *live = vm->view->live->domain;
    for (unsigned i = 0; i < *domain_device_count(row, live); i++) {
        if (g_strcmp0(alias_of(kind, domain_device_list(row, live)[i]), alias) == 0)
            return domain_device_list(row, live)[i];
    }
    return NULL;
}

/* QEMU has the device. What fails from here on is answered by asking for it back. */
static bool finish(Vm *vm, const VmDeviceClass *class, const char *alias, GError **error)
{
    const void *device = find_now(vm, class->kind, alias);
    g_assert(device);
    if ((class->settle && !class->settle(vm, device, error)) || !vm_runstate_save(vm, error)) {
        g_autoptr(GError) second = NULL;
        device = find_now(vm, class->kind, alias); /* settling may have published another definition */
        if (!vm_hotplug_detach(vm, class->kind, device, NULL, &second))
            log_warning("guest '%s': %s", vm_view_domain(vm->view)->name, second->message);
        return false;
    }
    vm_emit_device_added(vm, alias);
    return true;
}

static bool attach_one(Vm *vm, DomainDeviceKind kind, Domain *live, unsigned index, GError **error)
{
    const VmDeviceClass *class = vm_device_class(kind);
    g_auto(VmPlug) under_way = { 0 };
    qemu_args_assign_aliases(live);
    vm_plug_init(&under_way, vm, live, kind, index);
    g_autofree char *alias = g_strdup(alias_of(kind, vm_plug_device(&under_way)));
    if (!plug(&under_way, class, error))
        return false;
    vm_publish_live(vm, g_steal_pointer(&under_way.live));
    return finish(vm, class, alias, error);
}

/* Of what the rules may add for a device, only controllers can be plugged in. */
static bool check_added(Vm *vm, const Domain *live, DomainDeviceKind kind, GError **error)
{
    for (unsigned other = 0; other < DOMAIN_DEVICE_COUNT; other++) {
        const DomainDeviceRow *row = &domain_device_rows[other];
        unsigned before = *domain_device_count(row, vm->view->live->domain);
        if (other != (unsigned)kind && other != DOMAIN_DEVICE_CONTROLLERS && *domain_device_count(row, live) != before)
            return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
                             "the device needs another <%s>, which cannot be plugged into a guest that runs: give "
                             "--config, for the next start",
                             row->element);
    }
    return true;
}

/* Controllers that the device needs are plugged in first, and stay if it then fails: an empty one harms nobody. */
static bool attach_controllers(Vm *vm, DomainDeviceKind kind, const void *device, GError **error)
{
    for (;;) {
        unsigned index;
        g_autoptr(Domain) live = with_device(vm, kind, device, &index, error);
        const DomainController *needed = live ? find_new_controller(live) : NULL;
        if (!live || !needed)
            return live && check_added(vm, live, kind, error);
        Domain *with = with_device(vm, DOMAIN_DEVICE_CONTROLLERS, needed, &index, error);
        if (!with || !attach_one(vm, DOMAIN_DEVICE_CONTROLLERS, with, index, error))
            return false;
    }
}

bool vm_hotplug_attach(Vm *vm, DomainDeviceKind kind, const void *device, GError **error)
{
    const VmDeviceClass *class = vm_device_class(kind);
    VmDeviceScope scope = { vm->view->live->domain, true };
    unsigned index;
    if (!class->attaches)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "live attach of device '%s' is not supported",
                         class->what);
    if (!vm_require_monitor(vm, error) ||
        !vm_refuse_unapplied_device(scope.domain, domain_device_rows[kind].type, device,
                                    domain_device_rows[kind].element, error) ||
        (class->check_attach && !class->check_attach(&scope, device, error)) ||
        (kind != DOMAIN_DEVICE_CONTROLLERS && !attach_controllers(vm, kind, device, error)))
        return false;
    Domain *live = with_device(vm, kind, device, &index, error);
    return live && attach_one(vm, kind, live, index, error);
}

/* Detaching */

static void remember(Vm *vm, const char *alias, VmJobWaiter *waiter)
{
    if (!vm->unplugs)
        vm->unplugs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)vm_job_waiter_unref);
    g_hash_table_insert(vm->unplugs, g_strdup(alias), vm_job_waiter_ref(waiter));
}

static void tell(Vm *vm, const char *alias, const GError *why)
{
    VmJobWaiter *waiter = vm->unplugs ? g_hash_table_lookup(vm->unplugs, alias) : NULL;
    if (!waiter)
        return;
    vm_job_waiter_tell(waiter, why);
    g_hash_table_remove(vm->unplugs, alias);
}

bool vm_hotplug_detach(Vm *vm, DomainDeviceKind kind, const void *device, VmJobWaiter *waiter, GError **error)
{
    const VmDeviceClass *class = vm_device_class(kind);
    const Domain *live = vm->view->live->domain;
    VmDeviceScope scope = { live, true };
    if (!vm_require_monitor(vm, error) || (class->check_detach && !class->check_detach(&scope, device, error)))
        return false;
    g_autoptr(GPtrArray) steps = vm_plug_steps_of(vm, live, kind, position_of(live, kind, device));
    if (!steps)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
                         "device '%s' is part of the guest's board: it can be detached only with --config",
                         alias_of(kind, device));
    g_autofree char *alias = g_strdup(alias_of(kind, device));
    g_autoptr(GError) failure = NULL;
    if (waiter)
        remember(vm, alias, waiter);
    if (vm_qmp(vm, "device_del", qmp_object("s:id", alias, NULL), NULL, &failure))
        return true;
    if (failure->code == VIR_ERR_DEVICE_MISSING) { /* it went, and its event waits behind this job */
        vm_hotplug_deleted(vm, alias);
        return true;
    }
    if (waiter)
        g_hash_table_remove(vm->unplugs, alias);
    g_propagate_error(error, g_steal_pointer(&failure));
    return false;
}

static bool find_alias(const Domain *domain, const char *alias, DomainDeviceKind *ret_kind, unsigned *ret_index)
{
    for (unsigned kind = 0; kind < DOMAIN_DEVICE_COUNT; kind++) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        for (unsigned i = 0; i < *domain_device_count(row, domain); i++) {
            if (g_strcmp0(alias_of((DomainDeviceKind)kind, domain_device_list(row, domain)[i]), alias) != 0)
                continue;
            *ret_kind = (DomainDeviceKind)kind;
            *ret_index = i;
            return true;
        }
    }
    return false;
}

/* Takes the device out of a copy of the live definition, and frees what it had in QEMU and on the host. */
static void drop(Vm *vm, DomainDeviceKind kind, unsigned index)
{
    const VmDeviceClass *class = vm_device_class(kind);
    g_autoptr(GPtrArray) steps = vm_plug_steps_of(vm, vm->view->live->domain, kind, index);
    Domain *live = domain_copy(vm->view->live->domain);
    void *device = domain_device_list(&domain_device_rows[kind], live)[index];
    domain_device_remove(live, kind, device);
    if (class->account)
        class->account(live, device, true);
    vm_publish_live(vm, live);
    if (steps)
        vm_plug_release(vm, steps);
    if (class->release)
        class->release(vm, device);
    domain_device_free(kind, device);
}

void vm_hotplug_deleted(Vm *vm, const char *alias)
{
    DomainDeviceKind kind;
    unsigned index;
    bool found = false;
    g_autoptr(GError) error = NULL;
    /* The first console has the alias of the serial port that it is another view of. */
    for (; find_alias(vm->view->live->domain, alias, &kind, &index); found = true)
        drop(vm, kind, index);
    if (found && !vm_runstate_save(vm, &error))
        log_warning("guest '%s': its run state could not be saved: %s", vm->view->live->domain->name, error->message);
    vm_emit_device_removed(vm, alias);
    tell(vm, alias, NULL);
}

void vm_hotplug_refused(Vm *vm, const char *alias, const char *why)
{
    g_autoptr(GError) error = NULL;
    error_set(&error, VIR_ERR_OPERATION_FAILED, "unplug of device was rejected by the guest: device '%s'%s%s", alias,
              why ? ": " : "", why ? why : "");
    vm_emit_device_removal_failed(vm, alias);
    tell(vm, alias, error);
}

void vm_hotplug_end(Vm *vm)
{
    GHashTableIter iter;
    gpointer waiter;
    g_autoptr(GError) why = NULL;
    if (!vm->unplugs)
        return;
    error_set(&why, VIR_ERR_OPERATION_FAILED, "guest '%s' ended before the device was detached",
              vm_view_domain(vm->view)->name);
    g_hash_table_iter_init(&iter, vm->unplugs);
    while (g_hash_table_iter_next(&iter, NULL, &waiter))
        vm_job_waiter_tell(waiter, why);
    g_clear_pointer(&vm->unplugs, g_hash_table_unref);
}

/* Adoption */

/* The ids of the devices that QEMU was told of by itself; NULL: not known. */
static GHashTable *read_peripherals(Vm *vm)
{
    g_autoptr(JsonNode) reply = NULL;
    g_autoptr(GError) error = NULL;
    if (!vm_qmp(vm, "qom-list", qmp_object("s:path", "/machine/peripheral", NULL), &reply, &error)) {
        log_warning("guest '%s': %s", vm_view_domain(vm->view)->name, error->message);
        return NULL;
    }
    GHashTable *ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    JsonArray *list = qmp_node_array(reply);
    for (unsigned i = 0; list && i < json_array_get_length(list); i++) {
        const char *id = qmp_get_string(qmp_array_object(list, i), "name");
        if (id)
            g_hash_table_add(ids, g_strdup(id));
    }
    return ids;
}

static bool is_gone(Vm *vm, DomainDeviceKind kind, unsigned index, const char *alias, GHashTable *ids)
{
    if (!alias || g_hash_table_contains(ids, alias))
        return false;
    g_autoptr(GPtrArray) steps = vm_plug_steps_of(vm, vm->view->live->domain, kind, index);
    const QemuStep *last = steps ? steps->pdata[steps->len - 1] : NULL;
    return last && strcmp(last->command, QEMU_STEP_DEVICE) == 0 && g_strcmp0(last->id, alias) == 0;
}

void vm_hotplug_adopt(Vm *vm)
{
    g_autoptr(GHashTable) ids = read_peripherals(vm);
    g_autoptr(GPtrArray) gone = g_ptr_array_new_with_free_func(g_free);
    const Domain *live = vm->view->live->domain;
    for (unsigned kind = 0; ids && kind < DOMAIN_DEVICE_COUNT; kind++) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        if (!vm_device_class((DomainDeviceKind)kind)->detaches)
            continue;
        for (unsigned i = 0; i < *domain_device_count(row, live); i++) {
            const char *alias = alias_of((DomainDeviceKind)kind, domain_device_list(row, live)[i]);
            if (is_gone(vm, (DomainDeviceKind)kind, i, alias, ids))
                g_ptr_array_add(gone, g_strdup(alias));
        }
    }
    for (unsigned i = 0; i < gone->len; i++)
        vm_hotplug_deleted(vm, gone->pdata[i]);
}
