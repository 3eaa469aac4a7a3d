/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qemu-cpu-guest.h"

#include "base/error.h"
#include "qemu/qemu-cpu-compute.h"
#include "qemu/qmp-object.h"

#include <libvirt/libvirt.h>
#include <string.h>

bool qemu_cpu_guest_applies(const Domain *live)
{
    const DomainCpu *cpu = live->cpu;
    bool x86 = !g_strcmp0(live->os.arch, "x86_64") || !g_strcmp0(live->os.arch, "i686");
    return x86 && cpu && (cpu->mode == CPU_MODE_HOST_MODEL || (cpu->mode == CPU_MODE_CUSTOM && cpu->model));
}

static bool guest_is_kvm(const Domain *live)
{
    return live->virt_type == VIRT_TYPE_KVM;
}

static DomainCpuFeature *cpu_feature(const DomainCpu *cpu, const char *name)
{
    for (unsigned i = 0; i < cpu->n_features; i++) {
        if (!strcmp(cpu->features[i]->name, name))
            return cpu->features[i];
    }
    return NULL;
}

static void cpu_add_feature(DomainCpu *cpu, const char *name, CpuPolicy policy)
{
    DomainCpuFeature *feature = g_new0(DomainCpuFeature, 1);
    feature->name = g_strdup(name);
    feature->policy = policy;
    model_list_insert(&cpu->features, &cpu->n_features, cpu->n_features, feature);
}

/* KVM can give what the processor has, and some that it makes by itself. */
static void host_init(QemuCpuHost *host, const QemuCpuModels *models, bool kvm, const HostProcessor *processor)
{
    qemu_cpu_host_init_accelerator(host, models, kvm);
    if (!kvm)
        return;
    host->vendor = processor->vendor;
    for (unsigned i = 0; i < processor->features->len; i++)
        g_hash_table_add(host->features, processor->features->pdata[i]);
}

static bool guest_check(const Domain *live, QemuCapsCache *cache, const HostProcessor *processor, GError **error)
{
    bool kvm = guest_is_kvm(live);
    g_autoptr(QemuCpuModels) models = qemu_caps_cache_cpu_models(cache, live->emulator, NULL, error);
    if (!models)
        return false;
    g_auto(QemuCpuHost) host;
    g_autofree char *reason = NULL;
    int result;
    host_init(&host, models, kvm, processor);
    if (!qemu_cpu_compare(&host, live->cpu, &result, &reason, error))
        return false;
    return !reason || error_set(error, VIR_ERR_CPU_INCOMPATIBLE, "%s", reason);
}

/* "This model or more" is as much as the host has. */
static bool cpu_means_host_model(const DomainCpu *cpu)
{
    return cpu->mode == CPU_MODE_HOST_MODEL || cpu->match == CPU_MATCH_MINIMUM;
}

static void cpu_take_host_model(DomainCpu *cpu, const QemuAccelerator *accelerator)
{
    g_free(cpu->model);
    cpu->model = g_strdup(accelerator->host_model);
    if (cpu->mode == CPU_MODE_HOST_MODEL && !cpu->vendor)
        cpu->vendor = g_strdup(accelerator->host_vendor);
    cpu->mode = CPU_MODE_CUSTOM;
    cpu->match = CPU_MATCH_EXACT;
    cpu->fallback = CPU_FALLBACK_FORBID;
    if (cpu->check == CPU_CHECK_FULL) /* what the host's model means is found out now: nothing to hold it against */
        cpu->check = CPU_CHECK_PARTIAL;
    for (char **name = accelerator->host_features; name && *name; name++) {
        if (!cpu_feature(cpu, *name))
            cpu_add_feature(cpu, *name, CPU_POLICY_REQUIRE);
    }
}

bool qemu_cpu_guest_prepare(Domain *live, const QemuCaps *caps, QemuCapsCache *cache, const HostProcessor *processor,
                            GError **error)
{
    const QemuAccelerator *accelerator = guest_is_kvm(live) ? &caps->kvm : &caps->tcg;
    DomainCpu *cpu = live->cpu;
    bool named = cpu->mode == CPU_MODE_CUSTOM;
    bool asked = cpu->check == CPU_CHECK_PARTIAL || cpu->match == CPU_MATCH_STRICT;
    /* A model that the emulator has not is named by whoever builds the arguments. */
    if (named && asked && qemu_caps_cpu(accelerator, cpu->model) && !guest_check(live, cache, processor, error))
        return false;
    if (cpu_means_host_model(cpu) && accelerator->host_model)
        cpu_take_host_model(cpu, accelerator);
    return true;
}

/* The features that are on, in the order of host_processor_features. MSRs have no words. */
static GPtrArray *features_of_words(JsonArray *words)
{
    static const char *const registers[] = { "EAX", "EBX", "ECX", "EDX" };
    GPtrArray *names = g_ptr_array_new();
    for (const HostCpuFeatureRow *row = host_processor_features; row->name; row++) {
        for (unsigned i = 0; words && i < json_array_get_length(words); i++) {
            JsonObject *word = qmp_array_object(words, i);
            if (qmp_get_int(word, "cpuid-input-eax", -1) == row->leaf &&
                qmp_get_int(word, "cpuid-input-ecx", 0) == row->subleaf &&
                !g_strcmp0(qmp_get_string(word, "cpuid-register"), registers[row->reg]) &&
                (qmp_get_int(word, "features", 0) >> row->bit & 1))
                g_ptr_array_add(names, (gpointer)row->name);
        }
    }
    return names;
}

static bool names_have(const GPtrArray *names, const char *name)
{
    return g_ptr_array_find_with_equal_func((GPtrArray *)names, name, g_str_equal, NULL);
}

/* Of the emulation rather than of a model. */
static bool set_has(const QemuCpuSet *set, const char *name)
{
    return strcmp(name, "hypervisor") && g_hash_table_contains(set->features, name);
}

static void append_name(GString *list, const char *name)
{
    g_string_append_printf(list, "%s%s", list->len ? "," : "", name);
}

/* What QEMU made of the CPU beyond the definition, and what it left out. */
static bool cpu_check_full(const DomainCpu *cpu, const QemuCpuSet *set, const GPtrArray *on, GError **error)
{
    g_autoptr(GString) extra = g_string_new(NULL), missing = g_string_new(NULL);
    for (const HostCpuFeatureRow *row = host_processor_features; row->name; row++) {
        const DomainCpuFeature *feature = cpu_feature(cpu, row->name);
        CpuPolicy policy = feature ? feature->policy : CPU_POLICY_UNSET;
        bool is = names_have(on, row->name), model = set_has(set, row->name);
        bool wanted = policy == CPU_POLICY_UNSET ? model : policy == CPU_POLICY_REQUIRE || policy == CPU_POLICY_FORCE;
        if (policy == CPU_POLICY_OPTIONAL || is == wanted)
            continue;
        append_name(is ? extra : missing, row->name);
    }
    if (!extra->len && !missing->len)
        return true;
    return error_set(error, VIR_ERR_OPERATION_FAILED, "guest CPU doesn't match specification: %s%s%s%s%s",
                     extra->len ? "extra features: " : "", extra->str, extra->len && missing->len ? ", " : "",
                     missing->len ? "missing features: " : "", missing->str);
}

static void cpu_update(DomainCpu *cpu, const QemuCpuSet *set, const GPtrArray *on)
{
    for (const HostCpuFeatureRow *row = host_processor_features; row->name; row++) {
        DomainCpuFeature *feature = cpu_feature(cpu, row->name);
        bool is = names_have(on, row->name);
        if (feature && feature->policy != CPU_POLICY_FORCE)
            feature->policy = is ? CPU_POLICY_REQUIRE : CPU_POLICY_DISABLE;
        else if (!feature && is != set_has(set, row->name))
            cpu_add_feature(cpu, row->name, is ? CPU_POLICY_REQUIRE : CPU_POLICY_DISABLE);
    }
    cpu->mode = CPU_MODE_CUSTOM;
    cpu->match = CPU_MATCH_EXACT;
    cpu->check = CPU_CHECK_FULL;
    cpu->fallback = CPU_FALLBACK_FORBID;
}

bool qemu_cpu_guest_update(Domain *live, QemuCapsCache *cache, JsonArray *words, GError **error)
{
    DomainCpu *cpu = live->cpu;
    const char *const only[] = { cpu->model, NULL };
    g_autoptr(QemuCpuModels) models = qemu_caps_cache_cpu_models(cache, live->emulator, only, error);
    if (!models)
        return false;
    /* What a model is, without what KVM adds to it: the emulation's account of it, where there is one. */
    const QemuCpuSet *set = qemu_cpu_models_find(models, false, cpu->model);
    if (!set)
        set = qemu_cpu_models_find(models, true, cpu->model);
    if (!set)
        return true;
    g_autoptr(GPtrArray) on = features_of_words(words);
    if (cpu->check == CPU_CHECK_FULL && !cpu_check_full(cpu, set, on, error))
        return false;
    cpu_update(cpu, set, on);
    return true;
}
