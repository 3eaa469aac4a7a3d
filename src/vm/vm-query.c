/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest is and how it fares, answered from its view: handlers that never wait, but for the guest's own count. */
#include "rpc/handlers.h"

#include "base/error.h"
#include "host/host-procstat.h"
#include "vm/vm-agent.h"
#include "vm/vm-vcpu.h"
#include "vm/vm-wire.h"

/* The view behind @dom, with an error if there is none. */
static VmView *find_view(Call *call, const WireDomain *dom, GError **error)
{
    VmView *view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, dom, &view, error);
    return vm ? view : NULL;
}

bool vm_get_info(Call *call, const DomainGetInfoArgs *args, DomainGetInfoRet *ret, GError **error)
{
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    if (!view)
        return false;
    const Domain *domain = vm_view_domain(view);
    ret->state = (uint8_t)view->state;
    ret->max_mem = domain->memory;
    ret->memory = domain->current_memory;
    ret->nr_virt_cpu = (uint16_t)vm_vcpus_online(domain);
    HostProcStat times;
    if (vm_view_active(view) && host_procstat_process("", view->process.pid, &times, NULL))
        ret->cpu_time = times.user_ns + times.system_ns;
    return true;
}

bool vm_get_state(Call *call, const DomainGetStateArgs *args, DomainGetStateRet *ret, GError **error)
{
    if (!flags_check(call, args->flags, 0, error))
        return false;
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    if (!view)
        return false;
    ret->state = view->state;
    ret->reason = view->reason;
    return true;
}

bool vm_get_control_info(Call *call, const DomainGetControlInfoArgs *args, DomainGetControlInfoRet *ret, GError **error)
{
    if (!flags_check(call, args->flags, 0, error))
        return false;
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    if (!view || !vm_require_active(view, error))
        return false;
    ret->state = view->reachable ? VIR_DOMAIN_CONTROL_OK : VIR_DOMAIN_CONTROL_ERROR;
    if (!view->reachable)
        ret->details = VIR_DOMAIN_CONTROL_ERROR_REASON_MONITOR;
    return true;
}

bool vm_is_active(Call *call, const DomainIsActiveArgs *args, DomainIsActiveRet *ret, GError **error)
{
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    if (view)
        ret->active = vm_view_active(view);
    return view != NULL;
}

bool vm_is_persistent(Call *call, const DomainIsPersistentArgs *args, DomainIsPersistentRet *ret, GError **error)
{
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    if (view)
        ret->persistent = view->persistent;
    return view != NULL;
}

bool vm_is_updated(Call *call, const DomainIsUpdatedArgs *args, DomainIsUpdatedRet *ret, GError **error)
{
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    if (view)
        ret->updated = view->updated;
    return view != NULL;
}

bool vm_get_autostart(Call *call, const DomainGetAutostartArgs *args, DomainGetAutostartRet *ret, GError **error)
{
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    if (view)
        ret->autostart = view->autostart;
    return view != NULL;
}

bool vm_get_xml_desc(Call *call, const DomainGetXmlDescArgs *args, DomainGetXmlDescRet *ret, GError **error)
{
    unsigned allowed =
        VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_MIGRATABLE | VIR_DOMAIN_XML_UPDATE_CPU;
    if (!flags_check(call, args->flags, allowed, error))
        return false;
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    if (!view)
        return false;
    bool inactive = !view->live || (args->flags & (VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_MIGRATABLE));
    Definition *definition = view->live && !(inactive && view->config) ? view->live : view->config;
    DomainFormatFlags flags = inactive ? 0 : DOMAIN_FORMAT_ACTIVE;
    if (args->flags & VIR_DOMAIN_XML_SECURE)
        flags |= DOMAIN_FORMAT_SECURE;
    if (args->flags & VIR_DOMAIN_XML_MIGRATABLE)
        flags |= DOMAIN_FORMAT_MIGRATABLE;
    ret->xml = definition_format(definition, flags);
    return true;
}

bool vm_get_os_type(Call *call, const DomainGetOsTypeArgs *args, DomainGetOsTypeRet *ret, GError **error)
{
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    if (view)
        ret->type = g_strdup("hvm");
    return view != NULL;
}

bool vm_get_max_memory(Call *call, const DomainGetMaxMemoryArgs *args, DomainGetMaxMemoryRet *ret, GError **error)
{
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    if (view)
        ret->memory = vm_view_domain(view)->memory;
    return view != NULL;
}

bool vm_get_max_vcpus(Call *call, const DomainGetMaxVcpusArgs *args, DomainGetMaxVcpusRet *ret, GError **error)
{
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    if (view)
        ret->num = (int)vm_view_domain(view)->max_vcpus;
    return view != NULL;
}

bool vm_get_vcpus_flags(Call *call, const DomainGetVcpusFlagsArgs *args, DomainGetVcpusFlagsRet *ret, GError **error)
{
    unsigned allowed =
        VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_VCPU_GUEST;
    if (!flags_check(call, args->flags, allowed, error))
        return false;
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    const Domain *domain;
    unsigned count;
    if (!vm || !vm_target_domain(view, args->flags, &domain, NULL, error))
        return false;
    if (!(args->flags & VIR_DOMAIN_VCPU_GUEST))
        count = args->flags & VIR_DOMAIN_VCPU_MAXIMUM ? domain->max_vcpus : vm_vcpus_online(domain);
    else if (!vm_agent_vcpu_count(vm, args->flags & VIR_DOMAIN_VCPU_MAXIMUM, &count, error))
        return false;
    ret->num = (int)count;
    return true;
}

bool vm_has_managed_save_image(Call *call, const DomainHasManagedSaveImageArgs *args, DomainHasManagedSaveImageRet *ret,
                               GError **error)
{
    /* Saving is not built yet (domain_managed_save answers VIR_ERR_NO_SUPPORT), so no guest has an image. */
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    return view != NULL;
}

/* No mandatory access control confines guests yet, so the label is empty (model "none" in the host's capabilities). */
bool vm_get_security_label(Call *call, const DomainGetSecurityLabelArgs *args, DomainGetSecurityLabelRet *ret,
                           GError **error)
{
    g_autoptr(VmView) view = find_view(call, &args->dom, error);
    if (!view)
        return false;
    ret->n_label = 1;
    ret->label = g_new0(char, 1);
    return true;
}
