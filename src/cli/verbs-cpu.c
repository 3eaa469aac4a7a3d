/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

#include <string.h>

static bool verb_cpu_models(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeConnectGetCpuModelNamesRet) models = { 0 };
    shell_doing(shell, _("failed to get CPU model names"));
    if (!lodge_connect_get_cpu_model_names(shell->connection, args_string(args, "arch"), 0, &models, error))
        return false;
    if (!models.n_models)
        output_line(shell->output, "%s", _("all CPU models are accepted"));
    output_begin_list(shell->output, "models");
    for (uint32_t i = 0; i < models.n_models; i++) {
        output_line(shell->output, "%s", models.models[i]);
        output_json_text(shell->output, NULL, models.models[i]);
    }
    output_end_list(shell->output);
    return true;
}

/* The element as <cpu>: domain capabilities call theirs <mode>. */
static char *element_text(const GuestXml *xml, xmlNode *node)
{
    if (strcmp((const char *)node->name, "cpu")) {
        xmlNodeSetName(node, (const xmlChar *)"cpu");
        while (node->properties)
            xmlRemoveProp(node->properties);
    }
    xmlBuffer *buffer = xmlBufferCreate();
    xmlNodeDump(buffer, xml->document, node, 0, 0);
    char *text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

/* The CPUs of a file that holds a domain, capabilities, or just <cpu> elements one after another. */
static bool read_cpus(const char *path, GPtrArray **ret_cpus, GError **error)
{
    g_autofree char *text = NULL;
    g_auto(GuestXml) xml = { 0 };
    g_autoptr(GPtrArray) cpus = g_ptr_array_new_with_free_func(g_free);
    if (!guest_read_file(path, &text, error))
        return false;
    g_autofree char *start = g_strdup(g_strchug(text));
    if (g_str_has_prefix(start, "<?xml")) {
        const char *end = strstr(start, "?>");
        g_autofree char *rest = g_strdup(end ? end + 2 : "");
        g_free(start);
        start = g_steal_pointer(&rest);
    }
    g_autofree char *wrapped = g_strdup_printf("<container>%s</container>", start);
    if (!guest_xml_parse(wrapped, &xml, error))
        return false;
    xmlXPathObject *found =
        guest_xml_find(&xml, "/container/cpu | /container/domain/cpu | /container/capabilities/host/cpu | "
                             "/container/domainCapabilities/cpu/mode[@name='host-model']");
    for (int i = 0; found->nodesetval && i < found->nodesetval->nodeNr; i++)
        g_ptr_array_add(cpus, element_text(&xml, found->nodesetval->nodeTab[i]));
    xmlXPathFreeObject(found);
    if (!cpus->len)
        return error_set(error, VIR_ERR_INVALID_ARG,
                         _("File '%s' does not contain any <cpu> element or valid domain XML, host "
                           "capabilities XML, or domain capabilities XML"),
                         path);
    *ret_cpus = g_steal_pointer(&cpus);
    return true;
}

static uint32_t baseline_flags(const Args *args)
{
    return (args_has(args, "features") ? VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES : 0u) |
           (args_has(args, "migratable") ? VIR_CONNECT_BASELINE_CPU_MIGRATABLE : 0u);
}

static bool verb_cpu_baseline(Shell *shell, const Args *args, GError **error)
{
    g_autoptr(GPtrArray) cpus = NULL;
    g_autofree char *result = NULL;
    if (!read_cpus(args_string(args, "file"), &cpus, error) ||
        !lodge_connect_baseline_cpu(shell->connection, (const char *const *)cpus->pdata, cpus->len,
                                    baseline_flags(args), &result, error))
        return false;
    output_whole(shell->output, "cpu", result);
    return true;
}

static bool verb_hypervisor_cpu_baseline(Shell *shell, const Args *args, GError **error)
{
    g_autoptr(GPtrArray) cpus = NULL;
    g_autofree char *result = NULL;
    const char *model = args_string(args, "model"), *file = args_string(args, "file");
    if (!model == !file)
        return error_set(error, VIR_ERR_INVALID_ARG, _("give either a file or --model"));
    if (model) {
        cpus = g_ptr_array_new_with_free_func(g_free);
        g_ptr_array_add(cpus, g_markup_printf_escaped("<cpu><model>%s</model></cpu>", model));
    } else if (!read_cpus(file, &cpus, error)) {
        return false;
    }
    if (!lodge_connect_baseline_hypervisor_cpu(shell->connection, args_string(args, "emulator"),
                                               args_string(args, "arch"), args_string(args, "machine"),
                                               args_string(args, "virttype"), (const char *const *)cpus->pdata,
                                               cpus->len, baseline_flags(args), &result, error))
        return false;
    output_whole(shell->output, "cpu", result);
    return true;
}

typedef struct {
    const char *identical, *superset, *incompatible;
} ComparisonTexts;

static const ComparisonTexts host_texts = {
    N_("CPU described in %s is identical to host CPU"),
    N_("Host CPU is a superset of CPU described in %s"),
    N_("CPU described in %s is incompatible with host CPU"),
};

static const ComparisonTexts hypervisor_texts = {
    N_("CPU described in %s is identical to the CPU provided by hypervisor on the host"),
    N_("The CPU provided by hypervisor on the host is a superset of CPU described in %s"),
    N_("CPU described in %s is incompatible with the CPU provided by hypervisor on the host"),
};

/* The texts of the tables have one %s each. */
static char *text_of_file(const char *text, const char *file)
{
    const char *gap = strstr(text, "%s");
    return g_strdup_printf("%.*s%s%s", (int)(gap - text), text, file, gap + strlen("%s"));
}

/* Incompatible is an answer, and a failure of the command, as for grep. */
static bool print_comparison(Shell *shell, const char *file, const ComparisonTexts *texts, int32_t result,
                             GError **error)
{
    const char *format = result == VIR_CPU_COMPARE_IDENTICAL  ? texts->identical
                         : result == VIR_CPU_COMPARE_SUPERSET ? texts->superset
                                                              : texts->incompatible;
    g_autofree char *text = text_of_file(_(format), file);
    g_clear_pointer(&shell->doing, g_free);
    if (format == texts->incompatible)
        return error_set(error, VIR_ERR_CPU_INCOMPATIBLE, "%s", text);
    output_json_text(shell->output, "result", format == texts->identical ? "identical" : "superset");
    output_line(shell->output, "%s", text);
    return true;
}

static uint32_t compare_flags(const Args *args)
{
    return (args_has(args, "error") ? VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE : 0u) |
           (args_has(args, "validate") ? VIR_CONNECT_COMPARE_CPU_VALIDATE_XML : 0u);
}

static bool verb_cpu_compare(Shell *shell, const Args *args, GError **error)
{
    g_autoptr(GPtrArray) cpus = NULL;
    int32_t result;
    const char *file = args_string(args, "file");
    if (!read_cpus(file, &cpus, error))
        return false;
    shell_doing(shell, _("Failed to compare host CPU with %s"), file);
    return lodge_connect_compare_cpu(shell->connection, cpus->pdata[0], compare_flags(args), &result, error) &&
           print_comparison(shell, file, &host_texts, result, error);
}

static bool verb_hypervisor_cpu_compare(Shell *shell, const Args *args, GError **error)
{
    g_autoptr(GPtrArray) cpus = NULL;
    int32_t result;
    const char *file = args_string(args, "file");
    if (!read_cpus(file, &cpus, error))
        return false;
    shell_doing(shell, _("Failed to compare hypervisor CPU with %s"), file);
    return lodge_connect_compare_hypervisor_cpu(shell->connection, args_string(args, "emulator"),
                                                args_string(args, "arch"), args_string(args, "machine"),
                                                args_string(args, "virttype"), cpus->pdata[0], compare_flags(args),
                                                &result, error) &&
           print_comparison(shell, file, &hypervisor_texts, result, error);
}

#define OPTIONS_HYPERVISOR                                                                                             \
    { "virttype", OPTION_STRING, false, N_("virtualization type (/domain/@type)"), COMPLETE_WORDS, "kvm qemu" },       \
        { "emulator", OPTION_STRING, false, N_("path to emulator binary (/domain/devices/emulator)"), COMPLETE_FILE }, \
        { "arch", OPTION_STRING, false, N_("CPU architecture (/domain/os/type/@arch)") },                              \
    {                                                                                                                  \
        "machine", OPTION_STRING, false, N_("machine type (/domain/os/type/@machine)")                                 \
    }
#define OPTIONS_BASELINE                                                                                               \
    { "features", OPTION_FLAG, false, N_("Show features that are part of the CPU model type") },                       \
    {                                                                                                                  \
        "migratable", OPTION_FLAG, false, N_("Do not include features that block migration")                           \
    }
#define OPTIONS_COMPARE                                                                                                \
    { "error", OPTION_FLAG, false, N_("report error if CPUs are incompatible") },                                      \
    {                                                                                                                  \
        "validate", OPTION_FLAG, false, N_("validate the XML document against schema")                                 \
    }

static const VerbOption options_models[] = {
    { "arch", OPTION_STRING, true, N_("architecture") },
    { 0 },
};

static const VerbOption options_baseline[] = {
    { "file", OPTION_STRING, true, N_("file containing XML CPU descriptions"), COMPLETE_FILE },
    OPTIONS_BASELINE,
    { 0 },
};

static const VerbOption options_hypervisor_baseline[] = {
    { "file", OPTION_STRING, false, N_("file containing XML CPU descriptions"), COMPLETE_FILE },
    OPTIONS_HYPERVISOR,
    OPTIONS_BASELINE,
    { "model", OPTION_NAMED, false, N_("a single CPU model without additional features instead of a file") },
    { 0 },
};

static const VerbOption options_compare[] = {
    { "file", OPTION_STRING, true, N_("file containing an XML CPU description"), COMPLETE_FILE },
    OPTIONS_COMPARE,
    { 0 },
};

static const VerbOption options_hypervisor_compare[] = {
    { "file", OPTION_STRING, true, N_("file containing an XML CPU description"), COMPLETE_FILE },
    OPTIONS_HYPERVISOR,
    OPTIONS_COMPARE,
    { 0 },
};

const Verb verbs_cpu[] = {
    { "cpu-models", GROUP_HOST, N_("CPU models"), options_models, verb_cpu_models, 0, NULL },
    { "cpu-baseline", GROUP_HOST, N_("compute baseline CPU"), options_baseline, verb_cpu_baseline, 0, NULL },
    { "cpu-compare", GROUP_HOST, N_("compare host CPU with a CPU described by an XML file"), options_compare,
      verb_cpu_compare, 0, NULL },
    { "hypervisor-cpu-baseline", GROUP_HOST, N_("compute baseline CPU usable by a specific hypervisor"),
      options_hypervisor_baseline, verb_hypervisor_cpu_baseline, 0, NULL },
    { "hypervisor-cpu-compare", GROUP_HOST, N_("compare a CPU with the CPU created by a hypervisor on the host"),
      options_hypervisor_compare, verb_hypervisor_cpu_compare, 0, NULL },
    { 0 },
};
