/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that compare CPUs with this host's, or find what several have in common. */
#include "base/error.h"
#include "daemon/daemon.h"
#include "host/host-facts.h"
#include "model/domain.h"
#include "qemu/qemu-cpu-compute.h"
#include "rpc/handlers.h"
#include "vm/vm-host-target.h"
#include "vm/vm-wire.h"

#include <string.h>

/* What a call is about: models of an emulator, and the host's side of the comparison. */
typedef struct {
    QemuCpuModels *models;
    QemuCpuHost host;
    char *arch; /* of the host's side */
} CpuCall;

static void cpu_call_clear(CpuCall *cpu_call)
{
    qemu_cpu_host_clear(&cpu_call->host);
    g_clear_pointer(&cpu_call->models, qemu_cpu_models_free);
    g_free(cpu_call->arch);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CpuCall, cpu_call_clear)

/* The processor itself; the models come from its own emulator. */
static bool call_on_host(Call *call, CpuCall *ret_call, GError **error)
{
    const char *arch = qemu_host_arch();
    g_autofree char *emulator = qemu_emulator_find(arch);
    if (!emulator)
        return error_set(error, VIR_ERR_NO_SUPPORT, "no emulator for '%s' is installed that could tell of CPU models",
                         arch);
    ret_call->models = qemu_caps_cache_cpu_models(call->daemon->qemu_caps, emulator, NULL, error);
    if (!ret_call->models)
        return false;
    ret_call->arch = g_strdup(arch);
    qemu_cpu_host_init_bare(&ret_call->host, ret_call->models, host_facts_processor(call->daemon->host));
    return true;
}

static bool call_on_hypervisor(Call *call, const char *emulator, const char *arch, const char *machine,
                               const char *virttype, CpuCall *ret_call, GError **error)
{
    g_auto(VmHostTarget) target = { 0 };
    if (!vm_host_target_find(call, emulator, arch, machine, virttype, &target, error))
        return false;
    if (strcmp(target.caps->arch, "x86_64") && strcmp(target.caps->arch, "i686"))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "CPUs of architecture '%s' cannot be compared",
                         target.caps->arch);
    ret_call->models = qemu_caps_cache_cpu_models(call->daemon->qemu_caps, target.caps->emulator, NULL, error);
    if (!ret_call->models)
        return false;
    ret_call->arch = g_strdup(target.caps->arch);
    qemu_cpu_host_init_accelerator(&ret_call->host, ret_call->models, target.kvm);
    return true;
}

static bool arch_fits(const char *wanted, const char *arch)
{
    return !wanted || !strcmp(wanted, arch) || (!strcmp(wanted, "i686") && !strcmp(arch, "x86_64"));
}

static bool compare(const CpuCall *cpu_call, const char *xml, unsigned flags, int *ret_result, GError **error)
{
    g_autofree char *arch = NULL, *reason = NULL;
    g_autoptr(DomainCpu) cpu = domain_cpu_parse(xml, flags & VIR_CONNECT_COMPARE_CPU_VALIDATE_XML, &arch, error);
    if (!cpu)
        return false;
    if (!arch_fits(arch, cpu_call->arch)) {
        *ret_result = VIR_CPU_COMPARE_INCOMPATIBLE;
        reason = g_strdup_printf("CPU arch %s does not match host arch %s", arch, cpu_call->arch);
    } else if (!qemu_cpu_compare(&cpu_call->host, cpu, ret_result, &reason, error)) {
        return false;
    }
    if (reason && (flags & VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE))
        return error_set(error, VIR_ERR_CPU_INCOMPATIBLE, "%s", reason);
    return true;
}

bool vm_host_compare_cpu(Call *call, const ConnectCompareCpuArgs *args, ConnectCompareCpuRet *ret, GError **error)
{
    g_auto(CpuCall) cpu_call = { 0 };
    return flags_check(call, args->flags,
                       VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE | VIR_CONNECT_COMPARE_CPU_VALIDATE_XML, error) &&
           call_on_host(call, &cpu_call, error) && compare(&cpu_call, args->xml, args->flags, &ret->result, error);
}

bool vm_host_compare_hypervisor_cpu(Call *call, const ConnectCompareHypervisorCpuArgs *args,
                                    ConnectCompareHypervisorCpuRet *ret, GError **error)
{
    g_auto(CpuCall) cpu_call = { 0 };
    return flags_check(call, args->flags,
                       VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE | VIR_CONNECT_COMPARE_CPU_VALIDATE_XML, error) &&
           call_on_hypervisor(call, args->emulator, args->arch, args->machine, args->virttype, &cpu_call, error) &&
           compare(&cpu_call, args->xml_cpu, args->flags, &ret->result, error);
}

/* A host's CPU, as capabilities have it, says of which architecture it is and has nothing that is a guest's. */
static bool check_host_cpu(const DomainCpu *cpu, const char *arch, GError **error)
{
    if (cpu->mode)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "Attribute mode is only allowed for guest CPU");
    if (!arch)
        return error_set(error, VIR_ERR_XML_ERROR, "Missing CPU architecture");
    return !cpu->match || error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "Attribute match is only allowed for guest CPU");
}

static bool baseline(const CpuCall *cpu_call, char *const *xmls, unsigned n, unsigned flags, bool limit, char **ret_cpu,
                     GError **error)
{
    g_autoptr(GPtrArray) cpus = g_ptr_array_new_with_free_func((GDestroyNotify)domain_cpu_free);
    if (n == 0)
        return error_set(error, VIR_ERR_INVALID_ARG, "no CPUs given");
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *arch = NULL;
        DomainCpu *cpu = domain_cpu_parse(xmls[i], false, &arch, error);
        if (!cpu)
            return false;
        g_ptr_array_add(cpus, cpu);
        if (!limit && !check_host_cpu(cpu, arch, error))
            return false;
        if (!arch_fits(arch, cpu_call->arch))
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "CPUs of '%s' and '%s' have nothing in common", arch,
                             cpu_call->arch);
    }
    QemuCpuBaselineOptions options = { .limit = limit,
                                       .expand = flags & VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES,
                                       .migratable = flags & VIR_CONNECT_BASELINE_CPU_MIGRATABLE };
    g_autoptr(DomainCpu) found =
        qemu_cpu_baseline(&cpu_call->host, (DomainCpu *const *)cpus->pdata, cpus->len, options, error);
    if (!found)
        return false;
    *ret_cpu = domain_cpu_format(found);
    return true;
}

bool vm_host_baseline_cpu(Call *call, const ConnectBaselineCpuArgs *args, ConnectBaselineCpuRet *ret, GError **error)
{
    g_auto(CpuCall) cpu_call = { 0 };
    return flags_check(call, args->flags,
                       VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES | VIR_CONNECT_BASELINE_CPU_MIGRATABLE, error) &&
           call_on_host(call, &cpu_call, error) &&
           baseline(&cpu_call, args->xml_cpus, args->n_xml_cpus, args->flags, false, &ret->cpu, error);
}

bool vm_host_baseline_hypervisor_cpu(Call *call, const ConnectBaselineHypervisorCpuArgs *args,
                                     ConnectBaselineHypervisorCpuRet *ret, GError **error)
{
    g_auto(CpuCall) cpu_call = { 0 };
    return flags_check(call, args->flags,
                       VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES | VIR_CONNECT_BASELINE_CPU_MIGRATABLE, error) &&
           call_on_hypervisor(call, args->emulator, args->arch, args->machine, args->virttype, &cpu_call, error) &&
           baseline(&cpu_call, args->xml_cpus, args->n_xml_cpus, args->flags, true, &ret->cpu, error);
}
