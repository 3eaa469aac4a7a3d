/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qemu-cpu-compute.h"

#include "base/error.h"

#include <libvirt/libvirt.h>
#include <string.h>

static bool set_has(GHashTable *set, const char *name)
{
    return g_hash_table_contains(set, name);
}

static GHashTable *set_new(void)
{
    return g_hash_table_new(g_str_hash, g_str_equal);
}

static void set_add_all(GHashTable *set, GHashTable *other)
{
    GHashTableIter at;
    gpointer name;
    g_hash_table_iter_init(&at, other);
    while (g_hash_table_iter_next(&at, &name, NULL))
        g_hash_table_add(set, name);
}

void qemu_cpu_host_init_accelerator(QemuCpuHost *host, const QemuCpuModels *models, bool kvm)
{
    const QemuCpuSet *all = qemu_cpu_models_find(models, kvm, kvm ? "host" : "max");
    *host = (QemuCpuHost){ .models = models, .kvm = kvm, .vendor = all ? all->vendor : NULL, .features = set_new() };
    if (all)
        set_add_all(host->features, all->features);
}

void qemu_cpu_host_init_bare(QemuCpuHost *host, const QemuCpuModels *models, const HostProcessor *processor)
{
    *host = (QemuCpuHost){ .models = models, .bare = true, .vendor = processor->vendor, .features = set_new() };
    for (unsigned i = 0; i < processor->features->len; i++)
        g_hash_table_add(host->features, processor->features->pdata[i]);
}

void qemu_cpu_host_clear(QemuCpuHost *host)
{
    g_clear_pointer(&host->features, g_hash_table_unref);
}

/* CPUID leaf, register and bit give the order in which features are named; others come behind, by name. */
static int feature_compare(gconstpointer a, gconstpointer b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    if (!strcmp(x, y))
        return 0;
    for (const HostCpuFeatureRow *row = host_processor_features; row->name; row++) {
        if (!strcmp(row->name, x))
            return -1;
        if (!strcmp(row->name, y))
            return 1;
    }
    return strcmp(x, y);
}

/* What @a has and @b has not, in order. */
static GPtrArray *set_minus(GHashTable *a, GHashTable *b)
{
    GPtrArray *names = g_ptr_array_new();
    GHashTableIter at;
    gpointer name;
    g_hash_table_iter_init(&at, a);
    while (g_hash_table_iter_next(&at, &name, NULL)) {
        if (!set_has(b, name))
            g_ptr_array_add(names, name);
    }
    g_ptr_array_sort(names, feature_compare);
    return names;
}

static void set_keep(GHashTable *set, GHashTable *allowed)
{
    g_autoptr(GPtrArray) rest = set_minus(set, allowed);
    for (unsigned i = 0; i < rest->len; i++)
        g_hash_table_remove(set, rest->pdata[i]);
}

/* The features of the model alone; the set is borrowed strings. */
static GHashTable *model_features(const QemuCpuHost *host, const QemuCpuSet *model)
{
    GHashTable *set = set_new();
    set_add_all(set, model->features);
    if (host->bare) /* of the emulation, not of a processor of that model */
        g_hash_table_remove(set, "hypervisor");
    return set;
}

static bool feature_known(const QemuCpuHost *host, const char *name, GError **error)
{
    if (set_has(host->models->names, name) || host_processor_fold_name(name))
        return true;
    return error_set(error, VIR_ERR_INTERNAL_ERROR, "Unknown CPU feature %s", name);
}

/* What @cpu asks for and what it forbids. */
static bool cpu_expand(const QemuCpuHost *host, const DomainCpu *cpu, GHashTable **ret_wanted,
                       GHashTable **ret_forbidden, GError **error)
{
    const QemuCpuSet *model = cpu->model ? qemu_cpu_models_find(host->models, host->kvm, cpu->model) : NULL;
    if (!cpu->model)
        return error_set(error, VIR_ERR_INVALID_ARG, "no CPU model specified");
    if (!model)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "Unknown CPU model %s", cpu->model);
    g_autoptr(GHashTable) wanted = model_features(host, model), forbidden = set_new();
    for (unsigned i = 0; i < cpu->n_features; i++) {
        const DomainCpuFeature *feature = cpu->features[i];
        if (!feature_known(host, feature->name, error))
            return false;
        if (feature->policy == CPU_POLICY_REQUIRE)
            g_hash_table_add(wanted, feature->name);
        else
            g_hash_table_remove(wanted, feature->name);
        if (feature->policy == CPU_POLICY_FORBID)
            g_hash_table_add(forbidden, feature->name);
    }
    *ret_wanted = g_steal_pointer(&wanted);
    *ret_forbidden = g_steal_pointer(&forbidden);
    return true;
}

static char *reason_of(const char *text, const GPtrArray *names)
{
    g_autoptr(GString) list = g_string_new(NULL);
    for (unsigned i = 0; i < names->len; i++)
        g_string_append_printf(list, "%s%s", i ? ", " : "", (const char *)names->pdata[i]);
    return g_strdup_printf("%s: %s", text, list->str);
}

static char *cpu_obstacle(const QemuCpuHost *host, const DomainCpu *cpu, GHashTable *wanted, GHashTable *forbidden)
{
    if (cpu->vendor && g_strcmp0(cpu->vendor, host->vendor))
        return g_strdup_printf("host CPU vendor does not match required CPU vendor %s", cpu->vendor);
    g_autoptr(GPtrArray) harmless = set_minus(forbidden, host->features);
    for (unsigned i = 0; i < harmless->len; i++)
        g_hash_table_remove(forbidden, harmless->pdata[i]);
    g_autoptr(GHashTable) none = set_new();
    g_autoptr(GPtrArray) provided = set_minus(forbidden, none);
    if (provided->len)
        return reason_of("Host CPU provides forbidden features", provided);
    g_autoptr(GPtrArray) missing = set_minus(wanted, host->features);
    for (unsigned i = 0; host->bare && i < missing->len; i++) {
        if (!strcmp(missing->pdata[i], "monitor")) /* of old models' definitions; no guest needs it */
            g_ptr_array_remove_index(missing, i);
    }
    if (missing->len)
        return reason_of("Host CPU does not provide required features", missing);
    g_autoptr(GPtrArray) extra = set_minus(host->features, wanted);
    if (extra->len && cpu->match == CPU_MATCH_STRICT)
        return reason_of("Host CPU does not strictly match guest CPU: Extra features", extra);
    return NULL;
}

bool qemu_cpu_compare(const QemuCpuHost *host, const DomainCpu *cpu, int *ret_result, char **ret_reason, GError **error)
{
    *ret_reason = NULL;
    if (!cpu->model && cpu->mode > CPU_MODE_CUSTOM) { /* whatever the host has */
        *ret_result = VIR_CPU_COMPARE_SUPERSET;
        return true;
    }
    g_autoptr(GHashTable) wanted = NULL, forbidden = NULL;
    if (!cpu_expand(host, cpu, &wanted, &forbidden, error))
        return false;
    *ret_reason = cpu_obstacle(host, cpu, wanted, forbidden);
    if (*ret_reason)
        *ret_result = VIR_CPU_COMPARE_INCOMPATIBLE;
    else
        *ret_result = g_hash_table_size(wanted) == g_hash_table_size(host->features) ? VIR_CPU_COMPARE_IDENTICAL
                                                                                     : VIR_CPU_COMPARE_SUPERSET;
    return true;
}

/* Baseline --------------------------------------------------------------------------------------------------------- */

/* Versions stand behind plain names; "host", "max" and "base" are no models. */
static bool model_is_plain(const char *name)
{
    const char *version = g_strrstr(name, "-v");
    return !(version && g_ascii_isdigit(version[2])) && strcmp(name, "host") && strcmp(name, "max") &&
           strcmp(name, "base");
}

/* How many features must be named beside the model; one that must be turned off is worse. */
static unsigned model_distance(const QemuCpuHost *host, const QemuCpuSet *model, GHashTable *wanted)
{
    g_autoptr(GHashTable) own = model_features(host, model);
    g_autoptr(GPtrArray) more = set_minus(wanted, own), less = set_minus(own, wanted);
    return 2 * more->len + 3 * less->len;
}

static const QemuCpuSet *model_nearest(const QemuCpuHost *host, const char *vendor, GHashTable *wanted)
{
    const GPtrArray *list = host->kvm ? host->models->kvm : host->models->tcg;
    const QemuCpuSet *best = NULL;
    unsigned best_distance = G_MAXUINT;
    for (unsigned i = 0; i < list->len; i++) {
        const QemuCpuSet *model = list->pdata[i];
        if (!model_is_plain(model->name) || (vendor && model->vendor && strcmp(model->vendor, vendor)))
            continue;
        unsigned distance = model_distance(host, model, wanted);
        if (distance >= best_distance)
            continue;
        best_distance = distance;
        best = model;
    }
    return best;
}

static void cpu_add_features(DomainCpu *cpu, const GPtrArray *names, CpuPolicy policy)
{
    for (unsigned i = 0; i < names->len; i++) {
        DomainCpuFeature *feature = g_new0(DomainCpuFeature, 1);
        feature->policy = policy;
        feature->name = g_strdup(names->pdata[i]);
        model_list_insert(&cpu->features, &cpu->n_features, cpu->n_features, feature);
    }
}

static int feature_by_name(gconstpointer a, gconstpointer b)
{
    const DomainCpuFeature *x = *(DomainCpuFeature *const *)a, *y = *(DomainCpuFeature *const *)b;
    return strcmp(x->name, y->name);
}

static DomainCpu *cpu_of_features(const QemuCpuHost *host, const QemuCpuSet *model, const char *vendor,
                                  GHashTable *wanted, QemuCpuBaselineOptions options)
{
    DomainCpu *cpu = g_new0(DomainCpu, 1);
    cpu->mode = CPU_MODE_CUSTOM;
    cpu->match = CPU_MATCH_EXACT;
    cpu->model = g_strdup(model->name);
    cpu->vendor = g_strdup(vendor);
    g_autoptr(GHashTable) own = model_features(host, model), none = set_new();
    g_autoptr(GPtrArray) more = set_minus(wanted, options.expand ? none : own), less = set_minus(own, wanted);
    cpu_add_features(cpu, more, CPU_POLICY_REQUIRE);
    cpu_add_features(cpu, less, CPU_POLICY_DISABLE);
    if (options.expand)
        qsort(cpu->features, cpu->n_features, sizeof *cpu->features, feature_by_name);
    return cpu;
}

/* The vendor that all name; NULL if one names none. False if two differ. */
static bool common_vendor(DomainCpu *const *cpus, unsigned n, const char **ret_named, bool *ret_all, GError **error)
{
    const char *named = NULL;
    *ret_all = true;
    for (unsigned i = 0; i < n; i++) {
        const char *vendor = cpus[i]->vendor;
        if (vendor && named && strcmp(vendor, named))
            return error_set(error, VIR_ERR_OPERATION_FAILED, "CPU vendors do not match");
        *ret_all &= vendor != NULL;
        named = vendor ? vendor : named;
    }
    *ret_named = named;
    return true;
}

DomainCpu *qemu_cpu_baseline(const QemuCpuHost *host, DomainCpu *const *cpus, unsigned n,
                             QemuCpuBaselineOptions options, GError **error)
{
    g_autoptr(GHashTable) common = NULL;
    const char *vendor;
    bool all;
    if (!common_vendor(cpus, n, &vendor, &all, error))
        return NULL;
    for (unsigned i = 0; i < n; i++) {
        g_autoptr(GHashTable) wanted = NULL, forbidden = NULL;
        if (!cpus[i]->model)
            error_set(error, VIR_ERR_INVALID_ARG, "no CPU model specified at index %u", i);
        if (!cpus[i]->model || !cpu_expand(host, cpus[i], &wanted, &forbidden, error))
            return NULL;
        if (common)
            set_keep(common, wanted);
        else
            common = g_steal_pointer(&wanted);
    }
    if (options.limit)
        set_keep(common, host->features);
    if (options.migratable)
        g_hash_table_remove(common, "invtsc");
    const QemuCpuSet *model =
        n == 1 ? qemu_cpu_models_find(host->models, host->kvm, cpus[0]->model) : model_nearest(host, vendor, common);
    if (!model) {
        error_set(error, VIR_ERR_OPERATION_FAILED, "CPUs are incompatible: no model of the emulator is near to all");
        return NULL;
    }
    DomainCpu *cpu = cpu_of_features(host, model, all ? vendor : NULL, common, options);
    cpu->fallback = options.limit || n == 1 ? CPU_FALLBACK_FORBID : CPU_FALLBACK_ALLOW;
    return cpu;
}
