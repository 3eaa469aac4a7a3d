/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-processor.h"

#include "host/host-sysfs.h"

#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

const char *host_processor_arch(const char *machine)
{
    static const struct {
        const char *machine, *arch;
    } rows[] = { { "i386", "i686" }, { "i486", "i686" }, { "i586", "i686" }, { "amd64", "x86_64" } };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].machine, machine) == 0)
            return rows[i].arch;
    }
    return machine;
}

const char *host_processor_fold_name(const char *name)
{
    /* Where QEMU's spelling and libvirt's differ by more than '-' and '_'. */
    static const struct {
        const char *other, *name;
    } synonyms[] = { { "pclmulqdq", "pclmuldq" }, { "sse3", "pni" }, { "sse4-1", "sse4.1" }, { "sse4-2", "sse4.2" },
                     { "ffxsr", "fxsr_opt" },     { "i64", "lm" },   { "xd", "nx" } };
    g_autofree char *folded = g_strdelimit(g_strdup(name), "_", '-');
    for (unsigned i = 0; i < G_N_ELEMENTS(synonyms); i++) {
        if (strcmp(synonyms[i].other, folded) == 0)
            return synonyms[i].name;
    }
    for (const HostCpuFeatureRow *row = host_processor_features; row->name; row++) {
        g_autofree char *known = g_strdelimit(g_strdup(row->name), "_", '-');
        if (strcmp(known, folded) == 0)
            return row->name;
    }
    return NULL;
}

GArray *host_processor_read_cpuid(void)
{
    GArray *leaves = g_array_new(FALSE, FALSE, sizeof(HostCpuidLeaf));
#if defined(__x86_64__) || defined(__i386__)
    static const uint32_t wanted[][2] = { { 0, 0 },          { 1, 0 },         { 6, 0 },          { 7, 0 },
                                          { 7, 1 },          { 0xd, 1 },       { 0x80000001, 0 }, { 0x80000007, 0 },
                                          { 0x80000008, 0 }, { 0x8000000a, 0 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++) {
        HostCpuidLeaf leaf = { .leaf = wanted[i][0], .subleaf = wanted[i][1] };
        if (__get_cpuid_count(leaf.leaf, leaf.subleaf, &leaf.eax, &leaf.ebx, &leaf.ecx, &leaf.edx))
            g_array_append_val(leaves, leaf);
    }
#endif
    return leaves;
}

static const HostCpuidLeaf *find_leaf(const GArray *leaves, uint32_t leaf, uint32_t subleaf)
{
    for (guint i = 0; leaves && i < leaves->len; i++) {
        const HostCpuidLeaf *found = &g_array_index(leaves, HostCpuidLeaf, i);
        if (found->leaf == leaf && found->subleaf == subleaf)
            return found;
    }
    return NULL;
}

static void read_signature(HostProcessor *processor, const GArray *leaves)
{
    static const struct {
        const char *id, *vendor;
    } vendors[] = { { "GenuineIntel", "Intel" }, { "AuthenticAMD", "AMD" }, { "HygonGenuine", "Hygon" } };
    const HostCpuidLeaf *base = find_leaf(leaves, 0, 0), *version = find_leaf(leaves, 1, 0);
    const HostCpuidLeaf *sizes = find_leaf(leaves, 0x80000008, 0);
    if (base) {
        const uint32_t words[3] = { base->ebx, base->edx, base->ecx };
        for (unsigned i = 0; i < G_N_ELEMENTS(vendors); i++) {
            if (memcmp(words, vendors[i].id, sizeof words) == 0)
                processor->vendor = vendors[i].vendor;
        }
    }
    if (version) {
        unsigned family = version->eax >> 8 & 0xf, model = version->eax >> 4 & 0xf;
        if (family == 6 || family == 15)
            model |= (version->eax >> 16 & 0xf) << 4;
        if (family == 15)
            family += version->eax >> 20 & 0xff;
        processor->family = family;
        processor->model = model;
        processor->stepping = version->eax & 0xf;
        processor->has_signature = true;
    }
    if (sizes)
        processor->phys_bits = sizes->eax & 0xff;
}

static void read_features(HostProcessor *processor, const GArray *leaves)
{
    for (const HostCpuFeatureRow *row = host_processor_features; row->name; row++) {
        const HostCpuidLeaf *leaf = find_leaf(leaves, row->leaf, row->subleaf);
        if (!leaf)
            continue;
        const uint32_t regs[] = { leaf->eax, leaf->ebx, leaf->ecx, leaf->edx };
        if (regs[row->reg] >> row->bit & 1)
            g_ptr_array_add(processor->features, (gpointer)row->name);
    }
}

/* The value behind "KEY\t: " in the first processor's section; NULL if it has none. */
static char *cpuinfo_value(const char *text, const char *key)
{
    const char *section_end = strstr(text, "\n\n");
    size_t length = strlen(key);
    for (const char *line = text; line && (!section_end || line < section_end); line = strchr(line, '\n')) {
        if (*line == '\n')
            line++;
        if (strncmp(line, key, length) != 0)
            continue;
        const char *colon = line + length + strspn(line + length, " \t");
        if (*colon != ':')
            continue;
        const char *end = strchr(colon, '\n');
        return g_strstrip(end ? g_strndup(colon + 1, (gsize)(end - colon - 1)) : g_strdup(colon + 1));
    }
    return NULL;
}

static void read_cpuinfo(HostProcessor *processor, const char *sysroot)
{
    g_autofree char *text = host_sysfs_read(sysroot, "/proc/cpuinfo");
    if (text) {
        g_autofree char *mhz = cpuinfo_value(text, "cpu MHz");
        g_autofree char *microcode = cpuinfo_value(text, "microcode");
        processor->name = cpuinfo_value(text, "model name");
        processor->mhz = mhz ? (unsigned)g_ascii_strtod(mhz, NULL) : 0;
        processor->microcode = microcode ? g_ascii_strtoull(microcode, NULL, 0) : 0;
    }
    uint64_t khz;
    if (!processor->mhz && host_sysfs_read_u64(&khz, sysroot, "/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq"))
        processor->mhz = (unsigned)(khz / 1000);
}

HostProcessor *host_processor_load(const char *sysroot, const char *arch, const GArray *leaves)
{
    HostProcessor *processor = g_new0(HostProcessor, 1);
    processor->arch = g_strdup(host_processor_arch(arch));
    processor->features = g_ptr_array_new();
    read_signature(processor, leaves);
    read_features(processor, leaves);
    read_cpuinfo(processor, sysroot);
    return processor;
}

void host_processor_free(HostProcessor *processor)
{
    if (!processor)
        return;
    g_free(processor->arch);
    g_free(processor->name);
    g_ptr_array_unref(processor->features);
    g_free(processor);
}

bool host_processor_has(const HostProcessor *processor, const char *feature)
{
    const char *name = host_processor_fold_name(feature);
    for (guint i = 0; name && i < processor->features->len; i++) {
        if (strcmp(g_ptr_array_index(processor->features, i), name) == 0)
            return true;
    }
    return false;
}

/* "EPYC-v2" is EPYC with amendments; clients know the plain names. */
static bool is_version(const char *name)
{
    const char *dash = strrchr(name, '-');
    if (!dash || dash[1] != 'v' || !dash[2])
        return false;
    return strspn(dash + 2, "0123456789") == strlen(dash + 2);
}

void host_model_choice_init(HostModelChoice *choice, const HostProcessor *processor)
{
    *choice = (HostModelChoice){ .processor = processor, .score = -1, .extra = g_ptr_array_new() };
}

void host_model_choice_clear(HostModelChoice *choice)
{
    g_clear_pointer(&choice->model, g_free);
    g_clear_pointer(&choice->extra, g_ptr_array_unref);
}

/* What the processor has beyond @features; NULL if it lacks one of them. */
static GPtrArray *extra_features(const HostProcessor *processor, const char *const *features)
{
    g_autoptr(GHashTable) of_model = g_hash_table_new(g_str_hash, g_str_equal);
    for (; *features; features++) {
        const char *name = host_processor_fold_name(*features);
        if (name && !host_processor_has(processor, name))
            return NULL;
        if (name)
            g_hash_table_add(of_model, (gpointer)name);
    }
    GPtrArray *extra = g_ptr_array_new();
    for (guint i = 0; i < processor->features->len; i++) {
        if (!g_hash_table_contains(of_model, g_ptr_array_index(processor->features, i)))
            g_ptr_array_add(extra, g_ptr_array_index(processor->features, i));
    }
    return extra;
}

void host_model_choice_offer(HostModelChoice *choice, const char *name, const char *vendor, const char *const *features)
{
    const HostProcessor *processor = choice->processor;
    if (vendor && g_strcmp0(vendor, processor->vendor) != 0)
        return;
    g_autoptr(GPtrArray) extra = extra_features(processor, features);
    if (!extra)
        return;
    int covered = (int)(processor->features->len - extra->len);
    int score = covered * 4 + (vendor ? 2 : 0) + (is_version(name) ? 0 : 1);
    if (score <= choice->score)
        return;
    choice->score = score;
    g_free(choice->model);
    choice->model = g_strdup(name);
    g_ptr_array_unref(choice->extra);
    choice->extra = g_steal_pointer(&extra);
}
