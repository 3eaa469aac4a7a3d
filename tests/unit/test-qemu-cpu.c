/* SPDX-License-Identifier: Apache-2.0 */
/* CPUs as sets of features, on an emulator with a handful of models. */
#include "base/error.h"
#include "qemu/qemu-cpu-compute.h"

#include <libvirt/libvirt.h>
#include <string.h>

#define KEY "a key"

static const char models_text[] = KEY "\n"
                                      "tcg\told\t\tfpu sse monitor hypervisor\n"
                                      "tcg\tmid\tAMD\tfpu sse sse2 avx hypervisor\n"
                                      "tcg\tmid-v2\tAMD\tfpu sse sse2 avx aes hypervisor\n"
                                      "tcg\tnew\tAMD\tfpu sse sse2 avx avx2 aes hypervisor\n"
                                      "tcg\tmax\tAMD\tfpu sse sse2 avx aes monitor hypervisor\n"
                                      "known\t\t\tfpu sse sse2 avx avx2 aes monitor hypervisor invtsc odd\n";

static QemuCpuModels *test_models(void)
{
    QemuCpuModels *models = qemu_cpu_models_parse(models_text, KEY, NULL);
    g_assert_nonnull(models);
    return models;
}

static DomainCpu *test_cpu(const char *xml)
{
    g_autofree char *arch = NULL;
    g_autoptr(GError) error = NULL;
    DomainCpu *cpu = domain_cpu_parse(xml, true, &arch, &error);
    g_assert_no_error(error);
    return cpu;
}

static void test_compare_case(const QemuCpuHost *host, const char *xml, int wanted, const char *wanted_reason)
{
    g_autoptr(DomainCpu) cpu = test_cpu(xml);
    g_autofree char *reason = NULL;
    g_autoptr(GError) error = NULL;
    int result;
    g_assert_true(qemu_cpu_compare(host, cpu, &result, &reason, &error));
    g_assert_no_error(error);
    g_assert_cmpint(result, ==, wanted);
    g_assert_cmpstr(reason, ==, wanted_reason);
}

static void test_kept_text(void)
{
    g_assert_null(qemu_cpu_models_parse(models_text, "another key", NULL));
    g_assert_null(qemu_cpu_models_parse("", KEY, NULL));
    const char *const only[] = { "mid", NULL };
    g_autoptr(QemuCpuModels) some = qemu_cpu_models_parse(models_text, KEY, only);
    g_assert_cmpuint(some->tcg->len, ==, 1);
    g_autoptr(GString) text = qemu_cpu_models_text(KEY);
    const char *const features[] = { "fpu", "aes", NULL }, *const none[] = { NULL };
    qemu_cpu_models_append(text, "kvm", "a", "Intel", features);
    qemu_cpu_models_append(text, "kvm", "b", NULL, none);
    g_autoptr(QemuCpuModels) models = qemu_cpu_models_parse(text->str, KEY, NULL);
    const QemuCpuSet *a = qemu_cpu_models_find(models, true, "a"), *b = qemu_cpu_models_find(models, true, "b");
    g_assert_cmpstr(a->vendor, ==, "Intel");
    g_assert_cmpuint(g_hash_table_size(a->features), ==, 2);
    g_assert_null(b->vendor);
    g_assert_cmpuint(g_hash_table_size(b->features), ==, 0);
    g_assert_null(qemu_cpu_models_find(models, false, "a"));
}

static void test_compare(void)
{
    g_autoptr(QemuCpuModels) models = test_models();
    g_auto(QemuCpuHost) host;
    qemu_cpu_host_init_accelerator(&host, models, false);
    test_compare_case(&host, "<cpu><model>mid</model></cpu>", VIR_CPU_COMPARE_SUPERSET, NULL);
    test_compare_case(&host, "<cpu><model>max</model></cpu>", VIR_CPU_COMPARE_IDENTICAL, NULL);
    test_compare_case(&host, "<cpu mode='host-model'/>", VIR_CPU_COMPARE_SUPERSET, NULL);
    test_compare_case(&host, "<cpu><model>new</model></cpu>", VIR_CPU_COMPARE_INCOMPATIBLE,
                      "Host CPU does not provide required features: avx2");
    test_compare_case(&host, "<cpu><model>new</model><feature policy='optional' name='avx2'/></cpu>",
                      VIR_CPU_COMPARE_SUPERSET, NULL);
    test_compare_case(&host, "<cpu><model>mid</model><feature policy='forbid' name='aes'/></cpu>",
                      VIR_CPU_COMPARE_INCOMPATIBLE, "Host CPU provides forbidden features: aes");
    test_compare_case(&host, "<cpu match='strict'><model>mid</model></cpu>", VIR_CPU_COMPARE_INCOMPATIBLE,
                      "Host CPU does not strictly match guest CPU: Extra features: monitor, aes");
    test_compare_case(&host, "<cpu><model>old</model><vendor>Intel</vendor></cpu>", VIR_CPU_COMPARE_INCOMPATIBLE,
                      "host CPU vendor does not match required CPU vendor Intel");
    static const char *const unknown[] = { "<cpu><model>nothing</model></cpu>",
                                           "<cpu><model>old</model><feature name='nothing'/></cpu>" };
    for (unsigned i = 0; i < G_N_ELEMENTS(unknown); i++) {
        g_autoptr(DomainCpu) cpu = test_cpu(unknown[i]);
        g_autofree char *reason = NULL;
        g_autoptr(GError) error = NULL;
        int result;
        g_assert_false(qemu_cpu_compare(&host, cpu, &result, &reason, &error));
        g_assert_error(error, LODGE_ERROR, VIR_ERR_INTERNAL_ERROR);
    }
}

static void test_bare_host(void)
{
    g_autoptr(QemuCpuModels) models = test_models();
    g_autoptr(GPtrArray) features = g_ptr_array_new();
    g_ptr_array_add(features, (gpointer) "fpu");
    g_ptr_array_add(features, (gpointer) "sse");
    const HostProcessor processor = { .vendor = "Intel", .features = features };
    g_auto(QemuCpuHost) host;
    qemu_cpu_host_init_bare(&host, models, &processor);
    /* Neither what an emulation adds nor what old definitions have is asked of a processor. */
    test_compare_case(&host, "<cpu><model>old</model></cpu>", VIR_CPU_COMPARE_SUPERSET, NULL);
    test_compare_case(&host, "<cpu><model>mid</model></cpu>", VIR_CPU_COMPARE_INCOMPATIBLE,
                      "Host CPU does not provide required features: sse2, avx");
}

static void test_baseline_case(const QemuCpuHost *host, const char *first, const char *second,
                               QemuCpuBaselineOptions options, const char *wanted)
{
    g_autoptr(DomainCpu) a = test_cpu(first), b = test_cpu(second);
    DomainCpu *cpus[] = { a, b };
    g_autoptr(GError) error = NULL;
    g_autoptr(DomainCpu) found = qemu_cpu_baseline(host, cpus, strcmp(first, second) ? 2 : 1, options, &error);
    g_autofree char *text = found ? domain_cpu_format(found) : g_strdup(error->message);
    g_assert_cmpstr(text, ==, wanted);
}

static void test_baseline(void)
{
    g_autoptr(QemuCpuModels) models = test_models();
    g_auto(QemuCpuHost) host;
    qemu_cpu_host_init_accelerator(&host, models, false);
    const char *mid = "<cpu><model>mid</model><vendor>AMD</vendor><feature name='invtsc'/></cpu>",
               *new = "<cpu><model>new</model><vendor>AMD</vendor><feature name='invtsc'/></cpu>";
    test_baseline_case(&host, mid, new, (QemuCpuBaselineOptions){ 0 },
                       "<cpu mode='custom' match='exact'>\n  <model fallback='allow'>mid</model>\n"
                       "  <vendor>AMD</vendor>\n  <feature policy='require' name='invtsc'/>\n</cpu>\n");
    test_baseline_case(&host, mid, new, (QemuCpuBaselineOptions){ .migratable = true },
                       "<cpu mode='custom' match='exact'>\n  <model fallback='allow'>mid</model>\n"
                       "  <vendor>AMD</vendor>\n</cpu>\n");
    test_baseline_case(&host, new, new, (QemuCpuBaselineOptions){ .limit = true },
                       "<cpu mode='custom' match='exact'>\n  <model fallback='forbid'>new</model>\n"
                       "  <vendor>AMD</vendor>\n  <feature policy='disable' name='avx2'/>\n</cpu>\n");
    test_baseline_case(
        &host, mid, "<cpu><model>old</model></cpu>", (QemuCpuBaselineOptions){ .expand = true },
        "<cpu mode='custom' match='exact'>\n  <model fallback='allow'>old</model>\n"
        "  <feature policy='require' name='fpu'/>\n  <feature policy='require' name='hypervisor'/>\n"
        "  <feature policy='disable' name='monitor'/>\n  <feature policy='require' name='sse'/>\n</cpu>\n");
    test_baseline_case(&host, mid, "<cpu><model>old</model><vendor>Intel</vendor></cpu>", (QemuCpuBaselineOptions){ 0 },
                       "CPU vendors do not match");
    test_baseline_case(&host, "<cpu mode='host-model'/>", "<cpu mode='host-model'/>", (QemuCpuBaselineOptions){ 0 },
                       "no CPU model specified at index 0");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qemu-cpu/kept-text", test_kept_text);
    g_test_add_func("/qemu-cpu/compare", test_compare);
    g_test_add_func("/qemu-cpu/bare-host", test_bare_host);
    g_test_add_func("/qemu-cpu/baseline", test_baseline);
    return g_test_run();
}
