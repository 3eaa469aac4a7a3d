/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recorded hosts (golden/host/NAME.tree, see record.py there) and SMBIOS tables (golden/sysinfo/NAME.dmi) against the
 * documents they must give (NAME.xml). Folders are searched: a new case is a new file. LODGE_GOLDEN_UPDATE=1 writes
 * what is given now.
 */
#include "host/host-capabilities.h"
#include "host/host-sysinfo.h"

#include "fake-tree.h"

#include <stdio.h>
#include <string.h>

static char *golden_path(const char *folder, const char *file)
{
    return g_build_filename(g_test_get_dir(G_TEST_DIST), "..", "golden", folder, file, NULL);
}

static char *with_suffix(const char *path, const char *suffix)
{
    g_autofree char *stem = g_strndup(path, (gsize)(strrchr(path, '.') - path));
    return g_strconcat(stem, suffix, NULL);
}

static void compare(const char *expected_path, const char *found)
{
    g_autofree char *expected = NULL;
    if (g_getenv("LODGE_GOLDEN_UPDATE"))
        g_assert_true(g_file_set_contents(expected_path, found, -1, NULL));
    g_assert_true(g_file_get_contents(expected_path, &expected, NULL, NULL));
    if (strcmp(expected, found) != 0)
        g_test_message("not as in %s:\n%s", expected_path, found);
    g_assert_cmpstr(found, ==, expected);
}

/* One tree of "PATH<tab>TEXT" lines. */
static char *unpack_tree(const char *path)
{
    g_autofree char *text = NULL;
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    char *root = fake_tree_new(&(FakeFile){ 0 });
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line && **line; line++) {
        char *tab = strchr(*line, '\t');
        g_assert_nonnull(tab);
        *tab = '\0';
        g_autofree char *content = g_strcompress(tab + 1);
        fake_tree_add(root, *line, content);
    }
    return root;
}

static GArray *recorded_cpuid(const char *root)
{
    GArray *leaves = g_array_new(FALSE, FALSE, sizeof(HostCpuidLeaf));
    g_autofree char *text = fake_tree_text(root, "/cpuid");
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);
    for (char **line = lines; *line && **line; line++) {
        HostCpuidLeaf leaf;
        g_assert_cmpint(
            sscanf(*line, "%x %x %x %x %x %x", &leaf.leaf, &leaf.subleaf, &leaf.eax, &leaf.ebx, &leaf.ecx, &leaf.edx),
            ==, 6);
        g_array_append_val(leaves, leaf);
    }
    return leaves;
}

/* Three of QEMU's models: one of no vendor, a plain one and a version of it. In QEMU's spelling. */
static void offer_models(HostModelChoice *choice)
{
    static const char kvm64[] = "fpu,de,pse,tsc,msr,pae,mce,cx8,apic,sep,mtrr,pge,mca,cmov,pat,pse36,clflush,mmx,fxsr,"
                                "sse,sse2,sse3,cx16,syscall,nx,lm";
    static const char skylake[] =
        "fpu,vme,de,pse,tsc,msr,pae,mce,cx8,apic,sep,mtrr,pge,mca,cmov,pat,pse36,clflush,mmx,fxsr,sse,sse2,pni,"
        "pclmulqdq,"
        "ssse3,fma,cx16,pcid,sse4-1,sse4-2,x2apic,movbe,popcnt,tsc-deadline,aes,xsave,avx,f16c,rdrand,arat,fsgsbase,"
        "bmi1,"
        "hle,avx2,smep,bmi2,erms,invpcid,rtm,avx512f,avx512dq,rdseed,adx,smap,clwb,avx512cd,avx512bw,avx512vl,pku,"
        "xsaveopt,xsavec,xgetbv1,syscall,nx,pdpe1gb,rdtscp,lm,lahf-lm,abm,3dnowprefetch,no-cpuid-feature";
    static const struct {
        const char *name, *vendor, *features;
    } models[] = { { "kvm64", NULL, kvm64 },
                   { "Skylake-Server-v1", "Intel", skylake },
                   { "Skylake-Server", "Intel", skylake },
                   { "EPYC", "AMD", "fpu,svm" } };
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        g_auto(GStrv) features = g_strsplit(models[i].features, ",", -1);
        host_model_choice_offer(choice, models[i].name, models[i].vendor, (const char *const *)features);
    }
}

static void test_capabilities(gconstpointer data)
{
    static const HostGuestMachine machines[] = { { "pc-i440fx-7.2", "pc", 255, false },
                                                 { "pc-q35-7.2", "q35", 288, false },
                                                 { "pc-i440fx-1.4", NULL, 255, true } };
    static const HostGuest guests[] = { { "i686", "/usr/bin/qemu-system-i386", 32, false, machines, 1 },
                                        { "x86_64", "/usr/bin/qemu-system-x86_64", 64, true, machines, 3 },
                                        { "riscv64", "/opt/a&b/qemu-system-riscv64", 64, false, NULL, 0 } };
    static const HostSecurityModel security[] = { { "none", "0", NULL }, { "dac", "0", "+64055:+64055" } };
    static const char *const transports[] = { "tcp", NULL };
    const char *path = data;
    g_autoptr(GError) error = NULL;
    g_autofree char *root = unpack_tree(path);
    g_autoptr(GArray) leaves = recorded_cpuid(root);
    g_autoptr(HostProcessor) processor = host_processor_load(root, "x86_64", leaves);
    g_autoptr(HostTopology) topology = host_topology_load(root, &error);
    g_assert_no_error(error);
    g_auto(HostModelChoice) choice;
    host_model_choice_init(&choice, processor);
    offer_models(&choice);
    g_ptr_array_add(choice.extra, NULL);
    const HostCapabilities capabilities = {
        .sysroot = root,
        .uuid = host_capabilities_uuid(root, true),
        .processor = processor,
        .topology = topology,
        .cpu_model = choice.model,
        .cpu_features = (const char *const *)choice.extra->pdata,
        .tsc_khz = 2600000,
        .security = security,
        .n_security = G_N_ELEMENTS(security),
        .migration_transports = transports,
        .guests = guests,
        .n_guests = G_N_ELEMENTS(guests),
    };
    g_autofree char *xml = host_capabilities_format(&capabilities);
    g_autofree char *expected = with_suffix(path, ".xml");
    compare(expected, xml);
    fake_tree_remove(root);
}

static void test_sysinfo(gconstpointer data)
{
    g_autofree char *table = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(data, &table, &length, NULL));
    g_autofree char *xml = host_sysinfo_format_table((const uint8_t *)table, length, 0x0303);
    g_autofree char *expected = with_suffix(data, ".xml");
    compare(expected, xml);
    /* Cut off anywhere, it must neither crash nor read on; the sanitizers look. */
    for (gsize cut = 0; cut < length; cut++) {
        g_autofree uint8_t *part = g_memdup2(table, cut);
        g_free(host_sysinfo_format_table(part, cut, 0x0303));
    }
}

static void test_sysinfo_damaged(void)
{
    static const uint8_t tables[][12] = {
        { 0, 3, 0, 0, 0, 0 },                         /* shorter than a header */
        { 0, 255, 0, 0, 1, 2, 0, 0 },                 /* longer than the table */
        { 1, 6, 0, 0, 9, 9, 'a', 0, 0 },              /* strings that are not there */
        { 17, 8, 0, 0, 255, 255, 255, 255, 0, 0 },    /* a memory device of nothing */
        { 'x', 'y', 'z', 0, 0, 0, 0, 0, 0, 0, 0, 0 }, /* nothing of it */
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(tables); i++)
        g_free(host_sysinfo_format_table(tables[i], sizeof tables[i], 0x0208));
}

static void test_sysinfo_absent(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *root = fake_tree_new(&(FakeFile){ 0 });
    g_assert_null(host_sysinfo_format(root, &error));
    g_assert_nonnull(strstr(error->message, "Host SMBIOS information is not available"));
    fake_tree_remove(root);
}

/* Without the right to read the tables there are still the parts that everybody may see. */
static void test_sysinfo_of_ids(void)
{
    static const FakeFile files[] = { { "/sys/class/dmi/id/bios_vendor", "A & B\n" },
                                      { "/sys/class/dmi/id/sys_vendor", "Maker\n" },
                                      { "/sys/class/dmi/id/product_name", "Box\n" },
                                      { 0 } };
    g_autoptr(GError) error = NULL;
    g_autofree char *root = fake_tree_new(files);
    g_autofree char *xml = host_sysinfo_format(root, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(xml, ==,
                    "<sysinfo type='smbios'>\n  <bios>\n    <entry name='vendor'>A &amp; B</entry>\n  </bios>\n"
                    "  <system>\n    <entry name='manufacturer'>Maker</entry>\n    <entry name='product'>Box</entry>\n"
                    "  </system>\n</sysinfo>\n");
    fake_tree_remove(root);
}

static void test_names(void)
{
    static const struct {
        const char *qemu, *libvirt;
    } rows[] = { { "sse4-1", "sse4.1" },         { "pclmulqdq", "pclmuldq" }, { "lahf-lm", "lahf_lm" },
                 { "lahf_lm", "lahf_lm" },       { "avx2", "avx2" },          { "xd", "nx" },
                 { "tsc-adjust", "tsc_adjust" }, { "kvm-pv-eoi", NULL },      { "", NULL } };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpstr(host_processor_fold_name(rows[i].qemu), ==, rows[i].libvirt);
}

static void add_cases(const char *folder, const char *suffix, GTestDataFunc test)
{
    g_autofree char *dir_path = golden_path(folder, "");
    g_autoptr(GDir) dir = g_dir_open(dir_path, 0, NULL);
    g_assert_nonnull(dir);
    const char *name;
    while ((name = g_dir_read_name(dir))) {
        if (!g_str_has_suffix(name, suffix))
            continue;
        g_autofree char *test_path = g_strdup_printf("/host/golden/%s/%s", folder, name);
        g_test_add_data_func_full(test_path, golden_path(folder, name), test, g_free);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_cases("host", ".tree", test_capabilities);
    add_cases("sysinfo", ".dmi", test_sysinfo);
    g_test_add_func("/host/sysinfo/damaged", test_sysinfo_damaged);
    g_test_add_func("/host/sysinfo/absent", test_sysinfo_absent);
    g_test_add_func("/host/sysinfo/ids", test_sysinfo_of_ids);
    g_test_add_func("/host/processor/names", test_names);
    return g_test_run();
}
