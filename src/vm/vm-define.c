/* SPDX-License-Identifier: Apache-2.0 */
/* Making, changing and removing definitions: define, undefine, rename, autostart, title, description and metadata. */
#include "vm/vm-define.h"

#include "base/error.h"
#include "base/log.h"
#include "model/metadata.h"
#include "rpc/handlers.h"
#include "vm/vm-events.h"
#include "vm/vm-registry.h"
#include "vm/vm-runstate.h"
#include "vm/vm-store.h"
#include "vm/vm-tpm.h"
#include "vm/vm-wire.h"

#include <errno.h>
#include <unistd.h>

Domain *vm_parse_definition(Daemon *daemon, const char *xml, bool validate, GPtrArray **ret_warnings, GError **error)
{
    g_autoptr(GPtrArray) warnings = NULL;
    if (validate && !domain_validate(xml, daemon->model_host, error))
        return NULL;
    g_autoptr(Domain) domain = domain_parse(xml, -1, 0, daemon->model_host, &warnings, error);
    if (!domain)
        return NULL;
    for (unsigned i = 0; warnings && i < warnings->len; i++)
        log_warning("guest '%s': %s", domain->name, (char *)warnings->pdata[i]);
    *ret_warnings = g_steal_pointer(&warnings);
    return g_steal_pointer(&domain);
}

bool vm_set_config(Vm *vm, Domain *domain, GPtrArray *warnings, int event_detail, GError **error)
{
    g_autoptr(Definition) definition = definition_new(domain, warnings);
    if (!vm_store_write(vm->daemon->paths, domain, error))
        return false;
    VmView *next = vm_view_copy(vm->view);
    g_clear_pointer(&next->config, definition_unref);
    next->config = g_steal_pointer(&definition);
    next->persistent = true;
    next->updated = vm_view_active(next);
    vm_publish(vm, next);
    vm_runstate_save_state(vm);
    vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_DEFINED, event_detail);
    return true;
}

typedef struct {
    Vm *vm;
    Domain *domain;
    GPtrArray *warnings;
    WireDomain *ret_dom;
} DefineJob;

static bool define_job(gpointer data, GError **error)
{
    DefineJob *job = data;
    Vm *vm = job->vm;
    int detail = vm->view && vm->view->config ? VIR_DOMAIN_EVENT_DEFINED_UPDATED : VIR_DOMAIN_EVENT_DEFINED_ADDED;
    if (!vm_set_config(vm, g_steal_pointer(&job->domain), g_steal_pointer(&job->warnings), detail, error))
        return false;
    wire_domain_fill(job->ret_dom, vm, vm->view);
    return true;
}

static bool define(Call *call, const char *xml, unsigned flags, WireDomain *ret_dom, GError **error)
{
    if (!flags_check(call, flags, VIR_DOMAIN_DEFINE_VALIDATE, error))
        return false;
    g_autoptr(GPtrArray) warnings = NULL;
    g_autoptr(Domain) domain =
        vm_parse_definition(call->daemon, xml, flags & VIR_DOMAIN_DEFINE_VALIDATE, &warnings, error);
    if (!domain)
        return false;
    g_autofree char *name = g_strdup(domain->name);
    g_autoptr(Vm) vm = vm_registry_claim(call->daemon->vms, &domain->uuid, name, error);
    if (!vm)
        return false;
    DefineJob job = { vm, g_steal_pointer(&domain), g_steal_pointer(&warnings), ret_dom };
    bool done = mailbox_run(vm->mailbox, define_job, &job, error);
    vm_registry_release(call->daemon->vms, vm, name);
    return done;
}

bool vm_define_xml(Call *call, const DomainDefineXmlArgs *args, DomainDefineXmlRet *ret, GError **error)
{
    return define(call, args->xml, 0, &ret->dom, error);
}

bool vm_define_xml_flags(Call *call, const DomainDefineXmlFlagsArgs *args, DomainDefineXmlFlagsRet *ret, GError **error)
{
    return define(call, args->xml, args->flags, &ret->dom, error);
}

/* NVRAM goes with the definition only when asked; kept silently it would surprise the next guest of that name. */
static bool undefine_nvram(const Vm *vm, unsigned flags, GError **error)
{
    const Domain *config = vm->view->config->domain;
    g_autofree char *usual = vm_nvram_path(vm->daemon->paths, config->name);
    const char *path = config->os.nvram && config->os.nvram->path ? config->os.nvram->path : usual;
    bool uefi = config->os.firmware == FIRMWARE_KIND_EFI || config->os.nvram;
    if (!uefi || (flags & VIR_DOMAIN_UNDEFINE_KEEP_NVRAM) || access(path, F_OK) < 0)
        return true;
    if (!(flags & VIR_DOMAIN_UNDEFINE_NVRAM))
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "cannot undefine domain with nvram: give --nvram to remove '%s' or --keep-nvram to keep it",
                         path);
    if (unlink(path) < 0 && errno != ENOENT)
        return error_set_errno(error, errno, "remove NVRAM '%s'", path);
    return true;
}

static bool remove_stored(Vm *vm, const char *name, GError **error)
{
    const Paths *paths = vm->daemon->paths;
    return (!vm->view->autostart || vm_store_set_autostart(paths, name, false, error)) &&
           vm_store_remove(paths, name, error);
}

static bool undefine(Call *call, unsigned flags, GError **error)
{
    Vm *vm = call->object;
    unsigned allowed = VIR_DOMAIN_UNDEFINE_MANAGED_SAVE | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA |
                       VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA | VIR_DOMAIN_UNDEFINE_NVRAM |
                       VIR_DOMAIN_UNDEFINE_KEEP_NVRAM | VIR_DOMAIN_UNDEFINE_TPM | VIR_DOMAIN_UNDEFINE_KEEP_TPM;
    if (!flags_check(call, flags, allowed, error))
        return false;
    if ((flags & VIR_DOMAIN_UNDEFINE_NVRAM) && (flags & VIR_DOMAIN_UNDEFINE_KEEP_NVRAM))
        return error_set(error, VIR_ERR_INVALID_ARG, "cannot both keep and delete nvram");
    if ((flags & VIR_DOMAIN_UNDEFINE_TPM) && (flags & VIR_DOMAIN_UNDEFINE_KEEP_TPM))
        return error_set(error, VIR_ERR_INVALID_ARG, "cannot both keep and delete TPM");
    if (!vm->view->persistent)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "cannot undefine transient domain");
    const char *name = vm_view_domain(vm->view)->name;
    if (!undefine_nvram(vm, flags, error) || !remove_stored(vm, name, error))
        return false;
    const Domain *config = vm->view->config->domain;
    bool kept =
        (flags & VIR_DOMAIN_UNDEFINE_KEEP_TPM) ||
        (config->n_tpms > 0 && config->tpms[0]->persistent_state == TRI_YES && !(flags & VIR_DOMAIN_UNDEFINE_TPM));
    if (config->n_tpms > 0 && !kept && !vm_view_active(vm->view))
        vm_tpm_remove_state(vm->daemon->paths, &vm->uuid);
    VmView *next = vm_view_copy(vm->view);
    next->persistent = false;
    next->autostart = false;
    g_clear_pointer(&next->config, definition_unref);
    vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_REMOVED);
    if (vm_view_active(next)) {
        vm_publish(vm, next);
        vm_runstate_save_state(vm);
    } else {
        vm_view_unref(next);
        vm_publish(vm, NULL);
    }
    return true;
}

bool vm_undefine(Call *call, const DomainUndefineArgs *args, void *ret, GError **error)
{
    return undefine(call, 0, error);
}

bool vm_undefine_flags(Call *call, const DomainUndefineFlagsArgs *args, void *ret, GError **error)
{
    return undefine(call, args->flags, error);
}

static bool rename_files(Vm *vm, Domain *renamed, const char *old_name, GError **error)
{
    const Paths *paths = vm->daemon->paths;
    bool autostart = vm->view->autostart;
    if (!vm_store_write(paths, renamed, error))
        return false;
    if (autostart && !vm_store_set_autostart(paths, renamed->name, true, error)) {
        vm_store_remove(paths, renamed->name, NULL);
        return false;
    }
    return remove_stored(vm, old_name, error);
}

bool vm_rename(Call *call, const DomainRenameArgs *args, DomainRenameRet *ret, GError **error)
{
    Vm *vm = call->object;
    if (!flags_check(call, args->flags, 0, error) || !vm_require_inactive(vm->view, error))
        return false;
    const char *name = args->new_name;
    if (!name || !name[0] || strchr(name, '/') || strchr(name, '\n'))
        return error_set(error, VIR_ERR_XML_ERROR,
                         "a guest's name must not be empty or have a '/' or a line break in it");
    if (!vm_registry_reserve_name(vm->daemon->vms, vm, name, error))
        return false;
    const char *old_name = vm->view->config->domain->name;
    g_autoptr(Domain) renamed = domain_copy(vm->view->config->domain);
    g_free(renamed->name);
    renamed->name = g_strdup(name);
    if (!rename_files(vm, renamed, old_name, error)) {
        vm_registry_unreserve_name(vm->daemon->vms, vm, name);
        return false;
    }
    vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_UNDEFINED, VIR_DOMAIN_EVENT_UNDEFINED_RENAMED);
    VmView *next = vm_view_copy(vm->view);
    definition_unref(next->config);
    next->config = definition_new(g_steal_pointer(&renamed), NULL);
    vm_publish(vm, next);
    vm_emit_lifecycle(vm, VIR_DOMAIN_EVENT_DEFINED, VIR_DOMAIN_EVENT_DEFINED_RENAMED);
    ret->retcode = 0;
    return true;
}

bool vm_set_autostart(Call *call, const DomainSetAutostartArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    bool autostart = args->autostart != 0;
    if (!vm->view->persistent)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "cannot set autostart for transient domain");
    if (autostart == vm->view->autostart)
        return true;
    if (!vm_store_set_autostart(vm->daemon->paths, vm->view->config->domain->name, autostart, error))
        return false;
    VmView *next = vm_view_copy(vm->view);
    next->autostart = autostart;
    vm_publish(vm, next);
    return true;
}

bool vm_change(Vm *vm, VmTargets targets, VmChange change, gconstpointer data, GError **error)
{
    g_autoptr(Domain) config = targets.config ? domain_copy(vm->view->config->domain) : NULL;
    g_autoptr(Domain) live = targets.live ? domain_copy(vm->view->live->domain) : NULL;
    if ((config && !change(config, data, error)) || (live && !change(live, data, error)))
        return false;
    if (config && !vm_store_write(vm->daemon->paths, config, error))
        return false;
    VmView *next = vm_view_copy(vm->view);
    if (config) {
        definition_unref(next->config);
        next->config = definition_new(g_steal_pointer(&config), NULL);
    }
    if (live) {
        definition_unref(next->live);
        next->live = definition_new(g_steal_pointer(&live), NULL);
    }
    vm_publish(vm, next);
    return !targets.live || vm_runstate_save(vm, error);
}

static bool change_metadata(Domain *domain, gconstpointer data, GError **error)
{
    const DomainSetMetadataArgs *args = data;
    switch (args->type) {
    case VIR_DOMAIN_METADATA_DESCRIPTION:
        g_free(domain->description);
        domain->description = g_strdup(args->metadata && args->metadata[0] ? args->metadata : NULL);
        return true;
    case VIR_DOMAIN_METADATA_TITLE:
        if (args->metadata && strchr(args->metadata, '\n'))
            return error_set(error, VIR_ERR_INVALID_ARG, "metadata title can't contain newlines");
        g_free(domain->title);
        domain->title = g_strdup(args->metadata && args->metadata[0] ? args->metadata : NULL);
        return true;
    case VIR_DOMAIN_METADATA_ELEMENT:
        return domain_set_metadata_element(domain, args->metadata, args->key, args->uri, error);
    default: return error_set(error, VIR_ERR_INVALID_ARG, "unknown metadata type %d", args->type);
    }
}

bool vm_set_metadata(Call *call, const DomainSetMetadataArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    if (!vm_begin_change(call, args->flags, &targets, error) || !vm_change(vm, targets, change_metadata, args, error))
        return false;
    vm_emit_metadata_change(vm, args->type, args->uri);
    return true;
}

bool vm_get_metadata(Call *call, const DomainGetMetadataArgs *args, DomainGetMetadataRet *ret, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    const Domain *domain;
    if (!vm || !vm_target_domain(view, args->flags, &domain, NULL, error))
        return false;
    switch (args->type) {
    case VIR_DOMAIN_METADATA_DESCRIPTION: ret->metadata = g_strdup(domain->description); break;
    case VIR_DOMAIN_METADATA_TITLE: ret->metadata = g_strdup(domain->title); break;
    case VIR_DOMAIN_METADATA_ELEMENT: ret->metadata = domain_get_metadata_element(domain, args->uri); break;
    default: return error_set(error, VIR_ERR_INVALID_ARG, "unknown metadata type %d", args->type);
    }
    return ret->metadata || error_set(error, VIR_ERR_NO_DOMAIN_METADATA, "Requested metadata element is not present");
}
