/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-wire.h"

#include "base/error.h"
#include "rpc/procedures.h"
#include "vm/vm-registry.h"

void wire_domain_fill(WireDomain *ret_dom, const Vm *vm, const VmView *view)
{
    ret_dom->name = g_strdup(vm_view_domain(view)->name);
    ret_dom->uuid = vm->uuid;
    ret_dom->id = view->id;
}

Vm *wire_domain_find(Call *call, const WireDomain *dom, VmView **ret_view, GError **error)
{
    g_autoptr(Vm) vm = vm_registry_find(call->daemon->vms, &dom->uuid, dom->name, error);
    if (!vm)
        return NULL;
    VmView *view = vm_view(vm);
    if (!view) {
        error_set(error, VIR_ERR_NO_DOMAIN, "guest '%s' has just been removed", dom->name);
        return NULL;
    }
    *ret_view = view;
    return g_steal_pointer(&vm);
}

bool flags_check(const Call *call, unsigned flags, unsigned allowed, GError **error)
{
    if (!(flags & ~allowed))
        return true;
    return error_set(error, VIR_ERR_INVALID_ARG, "unsupported flags (0x%x) in %s", flags & ~allowed,
                     call->procedure->name);
}

bool vm_targets(const VmView *view, unsigned flags, VmTargets *ret_targets, GError **error)
{
    VmTargets targets = {
        .live = flags & VIR_DOMAIN_AFFECT_LIVE,
        .config = flags & VIR_DOMAIN_AFFECT_CONFIG,
    };
    if (!targets.live && !targets.config) {
        targets.live = vm_view_active(view);
        targets.config = !targets.live;
    }
    if (targets.live && !vm_require_active(view, error))
        return false;
    if (targets.config && !view->persistent)
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "transient domains do not have any persistent config: define guest '%s' first",
                         vm_view_domain(view)->name);
    *ret_targets = targets;
    return true;
}

bool vm_begin_change(Call *call, unsigned flags, VmTargets *ret_targets, GError **error)
{
    const Vm *vm = call->object;
    return flags_check(call, flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG, error) &&
           vm_targets(vm->view, flags, ret_targets, error);
}

bool vm_target_domain(const VmView *view, unsigned flags, const Domain **ret_domain, bool *ret_live, GError **error)
{
    VmTargets targets = { 0 };
    if ((flags & VIR_DOMAIN_AFFECT_LIVE) && (flags & VIR_DOMAIN_AFFECT_CONFIG))
        return error_set(error, VIR_ERR_INVALID_ARG, "flags 'live' and 'config' exclude each other when reading");
    if (!vm_targets(view, flags, &targets, error))
        return false;
    *ret_domain = targets.live ? view->live->domain : view->config->domain;
    if (ret_live)
        *ret_live = targets.live;
    return true;
}
