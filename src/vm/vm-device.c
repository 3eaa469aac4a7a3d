/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers that change a guest's devices: attach, detach, update; of the guest that runs, of its definition, or of
 * both. Both means both or neither: the definition is changed on a copy first, stored, and put back if the guest
 * refuses.
 */
#include "base/error.h"
#include "base/log.h"
#include "rpc/handlers.h"
#include "vm/vm-device-classes.h"
#include "vm/vm-hotplug.h"
#include "vm/vm-runstate.h"
#include "vm/vm-store.h"
#include "vm/vm-wire.h"

#include <string.h>

#define AFFECT_FLAGS    (VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG)
#define UNPLUG_GRACE_MS 5000 /* for the guest to let a device go; after that it may still do so */

/* A device as a client described it. */
typedef struct {
    DomainDeviceKind kind;
    void *device;
} Described;

static void described_clear(Described *described)
{
    if (described->device)
        domain_device_free(described->kind, described->device);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Described, described_clear)

static bool read_device(const Daemon *daemon, const VmView *view, const char *xml, Described *ret_described,
                        GError **error)
{
    g_autoptr(GPtrArray) warnings = NULL;
    const Domain *domain = vm_view_domain(view);
    ret_described->device =
        domain_device_parse(xml, -1, domain, daemon->model_host, &ret_described->kind, &warnings, error);
    for (unsigned i = 0; warnings && i < warnings->len; i++)
        log_warning("guest '%s': %s", domain->name, (char *)warnings->pdata[i]);
    return ret_described->device != NULL;
}

static void publish_config(Vm *vm, Domain *config)
{
    VmView *next = vm_view_copy(vm->view);
    definition_unref(next->config);
    next->config = definition_new(config, NULL);
    vm_publish(vm, next);
}

/*
 * Stores @config (taken over; NULL: only the guest changes), then has @live change the guest that runs (NULL: it does
 * not). When that fails, the stored definition is what it was before.
 */
static bool commit(Vm *vm, Domain *config, bool (*live)(Vm *vm, gpointer data, GError **error), gpointer data,
                   GError **error)
{
    g_autoptr(Domain) stored = config;
    const Paths *paths = vm->daemon->paths;
    if (stored && !vm_store_write(paths, stored, error))
        return false;
    if (live && !live(vm, data, error)) {
        g_autoptr(GError) second = NULL;
        if (stored && !vm_store_write(paths, vm->view->config->domain, &second))
            log_error("guest '%s': %s", vm->view->config->domain->name, second->message);
        return false;
    }
    if (stored)
        publish_config(vm, g_steal_pointer(&stored));
    return true;
}

/* A MAC address alone may be that of several cards. */
static bool check_single(const Domain *domain, const DomainInterface *net, GError **error)
{
    const uint8_t *mac = net->mac.bytes;
    unsigned matches = 0;
    for (unsigned i = 0; i < domain->n_interfaces; i++)
        matches += memcmp(&domain->interfaces[i]->mac, &net->mac, sizeof net->mac) == 0;
    return matches < 2 || net->info.alias ||
           error_set(
               error, VIR_ERR_OPERATION_FAILED,
               "multiple devices matching MAC address %02x:%02x:%02x:%02x:%02x:%02x found: name one by its <alias>",
               mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static void *find_or_error(const Domain *domain, DomainDeviceKind kind, const void *device, GError **error)
{
    if (kind == DOMAIN_DEVICE_INTERFACES && !check_single(domain, device, error))
        return NULL;
    void *found = domain_device_find(domain, kind, device);
    if (!found)
        vm_device_missing(kind, device, error);
    return found;
}

/* Whether the class can be changed like that at all; said before it is said that there is no such device. */
static bool check_class(DomainDeviceKind kind, bool able, bool live, const char *verb, GError **error)
{
    bool update = strcmp(verb, "update") == 0;
    return able || error_set(error, live && update ? VIR_ERR_CONFIG_UNSUPPORTED : VIR_ERR_OPERATION_UNSUPPORTED,
                             "%s %s of device '%s' is not supported", live ? "live" : "persistent", verb,
                             vm_device_class(kind)->what);
}

/* Attach */

static Domain *attach_to_config(Vm *vm, const Described *described, GError **error)
{
    const VmDeviceClass *class = vm_device_class(described->kind);
    g_autoptr(Domain) config = domain_copy(vm->view->config->domain);
    VmDeviceScope scope = { vm->view->config->domain, false };
    if (!check_class(described->kind, class->in_config, false, "attach", error))
        return NULL;
    if (class->check_attach && !class->check_attach(&scope, described->device, error))
        return NULL;
    if (class->account)
        class->account(config, described->device, false);
    if (!domain_device_add(config, described->kind, described->device, 0, vm->daemon->model_host, error))
        return NULL;
    return g_steal_pointer(&config);
}

static bool update_live(Vm *vm, DomainDeviceKind kind, const void *there, const void *wanted, bool force,
                        GError **error);

static bool attach_live(Vm *vm, gpointer data, GError **error)
{
    const Described *described = data;
    const Domain *live = vm->view->live->domain;
    const DomainDisk *drive =
        described->kind == DOMAIN_DEVICE_DISKS ? vm_disk_drive_for(live, described->device) : NULL;
    if (drive)
        return update_live(vm, described->kind, drive, described->device, false, error);
    return vm_hotplug_attach(vm, described->kind, described->device, error);
}

static bool attach(Call *call, const char *xml, unsigned flags, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    g_auto(Described) described = { 0 };
    Domain *config = NULL;
    if (!flags_check(call, flags, AFFECT_FLAGS, error) || !vm_targets(vm->view, flags, &targets, error) ||
        (targets.live && !vm_job_require_none(vm, error)) ||
        !read_device(vm->daemon, vm->view, xml, &described, error) ||
        (targets.config && !(config = attach_to_config(vm, &described, error))))
        return false;
    return commit(vm, config, targets.live ? attach_live : NULL, &described, error);
}

bool vm_attach_device(Call *call, const DomainAttachDeviceArgs *args, void *ret, GError **error)
{
    return attach(call, args->xml, VIR_DOMAIN_AFFECT_LIVE, error);
}

bool vm_attach_device_flags(Call *call, const DomainAttachDeviceFlagsArgs *args, void *ret, GError **error)
{
    return attach(call, args->xml, args->flags, error);
}

/* Update */

typedef struct {
    Described described;
    bool force;
} Update;

static bool update_live(Vm *vm, DomainDeviceKind kind, const void *there, const void *wanted, bool force,
                        GError **error)
{
    const VmDeviceClass *class = vm_device_class(kind);
    const DomainDeviceRow *row = &domain_device_rows[kind];
    const Domain *old = vm->view->live->domain;
    unsigned index = 0;
    while (domain_device_list(row, old)[index] != there)
        index++;
    g_autoptr(Domain) live = domain_copy(old);
    if (!class->update(vm, live, domain_device_list(row, live)[index], wanted, force, error))
        return false;
    vm_publish_live(vm, g_steal_pointer(&live));
    return vm_runstate_save(vm, error);
}

bool vm_device_update(Vm *vm, DomainDeviceKind kind, const void *wanted, GError **error)
{
    const void *there = find_or_error(vm->view->live->domain, kind, wanted, error);
    return there && update_live(vm, kind, there, wanted, false, error);
}

static bool update_found(Vm *vm, gpointer data, GError **error)
{
    const Update *update = data;
    const Described *described = &update->described;
    if (!check_class(described->kind, vm_device_class(described->kind)->update, true, "update", error))
        return false;
    const void *there = find_or_error(vm->view->live->domain, described->kind, described->device, error);
    return there && update_live(vm, described->kind, there, described->device, update->force, error);
}

static Domain *update_config(Vm *vm, const Described *described, GError **error)
{
    const DomainDeviceRow *row = &domain_device_rows[described->kind];
    if (!check_class(described->kind, vm_device_class(described->kind)->update, false, "update", error))
        return NULL;
    g_autoptr(Domain) config = domain_copy(vm->view->config->domain);
    void *there = find_or_error(config, described->kind, described->device, error);
    if (!there)
        return NULL;
    void **list = domain_device_list(row, config);
    for (unsigned i = 0; i < *domain_device_count(row, config); i++) {
        if (list[i] != there)
            continue;
        list[i] = domain_device_copy(described->kind, described->device);
        vm_device_keep_place(described->kind, list[i], there);
        domain_device_free(described->kind, there);
    }
    return domain_complete(config, 0, vm->daemon->model_host, error) ? g_steal_pointer(&config) : NULL;
}

bool vm_update_device_flags(Call *call, const DomainUpdateDeviceFlagsArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    Domain *config = NULL;
    g_auto(Described) described = { 0 };
    if (!flags_check(call, args->flags, AFFECT_FLAGS | VIR_DOMAIN_DEVICE_MODIFY_FORCE, error) ||
        !vm_targets(vm->view, args->flags, &targets, error) || (targets.live && !vm_job_require_none(vm, error)) ||
        !read_device(vm->daemon, vm->view, args->xml, &described, error) ||
        (targets.config && !(config = update_config(vm, &described, error))))
        return false;
    Update update = { described, args->flags & VIR_DOMAIN_DEVICE_MODIFY_FORCE };
    return commit(vm, config, targets.live ? update_found : NULL, &update, error);
}

/* Detach: the guest is asked in its mailbox, waited for outside of it, and the definition follows in the mailbox. */

typedef struct {
    Vm *vm;
    const char *xml, *alias; /* one of them */
    unsigned flags;
    VmJobWaiter *waiter;
    bool pending; /* the guest was asked */
    Described described;
} Detach;

static void *find_by_alias(const Domain *domain, const char *alias, DomainDeviceKind *ret_kind, GError **error)
{
    for (unsigned kind = 0; kind < DOMAIN_DEVICE_COUNT; kind++) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        for (unsigned i = 0; i < *domain_device_count(row, domain); i++) {
            void *device = domain_device_list(row, domain)[i];
            const DomainDeviceInfo *info = domain_device_info(row, device);
            if (!info || g_strcmp0(info->alias, alias) != 0)
                continue;
            *ret_kind = (DomainDeviceKind)kind;
            return device;
        }
    }
    error_set(error, VIR_ERR_DEVICE_MISSING, "no device found with alias %s", alias);
    return NULL;
}

/* The device to be taken out of @domain, which is the live definition or the persistent one. */
static void *find_wanted(const Detach *detach, const Domain *domain, bool live, DomainDeviceKind *ret_kind,
                         GError **error)
{
    if (detach->alias) {
        void *found = find_by_alias(domain, detach->alias, ret_kind, error);
        const VmDeviceClass *class = found ? vm_device_class(*ret_kind) : NULL;
        return found && check_class(*ret_kind, live ? class->detaches : class->in_config, live, "detach", error) ? found
                                                                                                                 : NULL;
    }
    const VmDeviceClass *class = vm_device_class(detach->described.kind);
    *ret_kind = detach->described.kind;
    if (!check_class(*ret_kind, live ? class->detaches : class->in_config, live, "detach", error))
        return NULL;
    return find_or_error(domain, *ret_kind, detach->described.device, error);
}

static Domain *detach_from_config(const Detach *detach, GError **error)
{
    DomainDeviceKind kind;
    g_autoptr(Domain) config = domain_copy(detach->vm->view->config->domain);
    void *device = find_wanted(detach, config, false, &kind, error);
    if (!device)
        return NULL;
    const VmDeviceClass *class = vm_device_class(kind);
    VmDeviceScope scope = { detach->vm->view->config->domain, false };
    if (class->check_detach && !class->check_detach(&scope, device, error))
        return NULL;
    domain_device_remove(config, kind, device);
    if (class->account)
        class->account(config, device, true);
    domain_device_free(kind, device);
    return domain_complete(config, 0, detach->vm->daemon->model_host, error) ? g_steal_pointer(&config) : NULL;
}

/* Checks everything and asks the guest. */
static bool ask_job(gpointer data, GError **error)
{
    Detach *detach = data;
    Vm *vm = detach->vm;
    VmTargets targets;
    DomainDeviceKind kind;
    if (!vm->view)
        return error_set(error, VIR_ERR_NO_DOMAIN, "the guest is no longer defined");
    if (!vm_targets(vm->view, detach->flags, &targets, error) || (targets.live && !vm_job_require_none(vm, error)) ||
        (detach->xml && !read_device(vm->daemon, vm->view, detach->xml, &detach->described, error)))
        return false;
    g_autoptr(Domain) config = NULL;
    if (targets.config && !(config = detach_from_config(detach, error)))
        return false;
    if (!targets.live)
        return true;
    const void *device = find_wanted(detach, vm->view->live->domain, true, &kind, error);
    if (!device || !vm_hotplug_detach(vm, kind, device, detach->waiter, error))
        return false;
    detach->pending = true;
    return true;
}

static bool store_job(gpointer data, GError **error)
{
    Detach *detach = data;
    VmTargets targets;
    if (!detach->vm->view)
        return true; /* it was undefined meanwhile: there is nothing to change */
    if (!vm_targets(detach->vm->view, VIR_DOMAIN_AFFECT_CONFIG, &targets, error))
        return false;
    Domain *config = detach_from_config(detach, error);
    return config && commit(detach->vm, config, NULL, NULL, error);
}

static bool detach_device(Call *call, const WireDomain *dom, const char *xml, const char *alias, unsigned flags,
                          GError **error)
{
    g_autoptr(VmView) view = NULL;
    VmTargets targets;
    if (!flags_check(call, flags, AFFECT_FLAGS, error))
        return false;
    g_autoptr(Vm) vm = wire_domain_find(call, dom, &view, error);
    if (!vm || !vm_targets(view, flags, &targets, error))
        return false;
    g_autoptr(VmJobWaiter) waiter = vm_job_waiter_new();
    Detach detach = { .vm = vm, .xml = xml, .alias = alias, .flags = flags, .waiter = waiter };
    bool done = mailbox_run(vm->mailbox, ask_job, &detach, error);
    /* By alias is by event: that call has never waited. */
    if (done && detach.pending && !alias)
        done = vm_job_waiter_wait_for(waiter, UNPLUG_GRACE_MS, error);
    if (done && targets.config)
        done = mailbox_run(vm->mailbox, store_job, &detach, error);
    described_clear(&detach.described);
    return done;
}

bool vm_detach_device(Call *call, const DomainDetachDeviceArgs *args, void *ret, GError **error)
{
    return detach_device(call, &args->dom, args->xml, NULL, VIR_DOMAIN_AFFECT_LIVE, error);
}

bool vm_detach_device_flags(Call *call, const DomainDetachDeviceFlagsArgs *args, void *ret, GError **error)
{
    return detach_device(call, &args->dom, args->xml, NULL, args->flags, error);
}

bool vm_detach_device_alias(Call *call, const DomainDetachDeviceAliasArgs *args, void *ret, GError **error)
{
    return detach_device(call, &args->dom, NULL, args->alias, args->flags, error);
}
