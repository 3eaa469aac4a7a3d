/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpuset.h"
#include "base/error.h"
#include "cli/guest.h"
#include "cli/host-cpus.h"
#include "cli/i18n.h"
#include "cli/table.h"
#include "cli/typed-params.h"
#include "cli/verbs.h"

#include <string.h>

/* One of the four numbers; a guest that is off has no live ones, which is no failure of the listing. */
static void count_row(Shell *shell, const LodgeDomain *guest, uint32_t flags, const char *key, const char *what,
                      const char *where)
{
    int32_t count;
    if (!lodge_domain_get_vcpus_flags(shell->connection, guest, flags, &count, NULL))
        return;
    g_autofree char *first = table_padded(what, 12), *second = table_padded(where, 12);
    output_line(shell->output, "%s %s %3d", first, second, count);
    output_json_number(shell->output, key, count);
}

static bool verb_vcpucount(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    uint32_t flags;
    int32_t count;
    bool maximum = args_has(args, "maximum"), active = args_has(args, "active"), agent = args_has(args, "guest");
    if (!args_exclusive(args, "maximum", "active", error) || !args_exclusive(args, "live", "config", error) ||
        !args_exclusive(args, "guest", "maximum", error) || !args_exclusive(args, "guest", "config", error) ||
        !guest_affect_flags(args, &flags, error) || !guest_find(shell, args, &guest, error))
        return false;
    if (maximum || active || flags || agent || args_has(args, "current")) {
        flags |= (maximum ? VIR_DOMAIN_VCPU_MAXIMUM : 0u) | (agent ? VIR_DOMAIN_VCPU_GUEST : 0u);
        if (!lodge_domain_get_vcpus_flags(shell->connection, &guest, flags, &count, error))
            return false;
        output_json_number(shell->output, "vcpus", count);
        output_line(shell->output, "%d", count);
        return true;
    }
    count_row(shell, &guest, VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_VCPU_CONFIG, "maximum_config", _("maximum"),
              _("config"));
    count_row(shell, &guest, VIR_DOMAIN_VCPU_MAXIMUM | VIR_DOMAIN_VCPU_LIVE, "maximum_live", _("maximum"), _("live"));
    count_row(shell, &guest, VIR_DOMAIN_VCPU_CONFIG, "current_config", _("current"), _("config"));
    count_row(shell, &guest, VIR_DOMAIN_VCPU_LIVE, "current_live", _("current"), _("live"));
    return true;
}

/* "yy-y" or, pretty, "0-1,3 (out of 4)". */
static char *affinity_text(const uint8_t *map, size_t length, unsigned host_cpus, bool pretty)
{
    g_autoptr(Cpuset) set = cpuset_from_bytes(map, length);
    if (pretty) {
        g_autofree char *ranges = cpuset_format(set);
        return g_strdup_printf(_("%s (out of %u)"), ranges, host_cpus);
    }
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned cpu = 0; cpu < host_cpus; cpu++)
        g_string_append_c(text, cpuset_has(set, cpu) ? 'y' : '-');
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static void print_vcpu(Shell *shell, const LodgeVcpuInfo *info, const uint8_t *map, size_t length, unsigned host_cpus,
                       bool pretty)
{
    static const char *const states[] = { N_("offline"), N_("running"), N_("blocked") };
    Output *output = shell->output;
    g_autofree char *affinity = affinity_text(map, length, host_cpus, pretty);
    output_begin_object(output, NULL);
    output_number(output, "vcpu", _("VCPU:"), info->number, NULL);
    if (info->cpu >= 0)
        output_number(output, "cpu", _("CPU:"), info->cpu, NULL);
    else
        output_text(output, "cpu", _("CPU:"), output_is_json(output) ? NULL : _("N/A"));
    bool known = info->state >= 0 && (size_t)info->state < G_N_ELEMENTS(states);
    output_word(output, "state", _("State:"), known ? states[info->state] : N_("no state"));
    double seconds = (double)info->cpu_time / 1e9;
    g_autofree char *text = g_strdup_printf("%.1fs", seconds);
    output_number_as(output, "cpu_seconds", _("CPU time:"), seconds, text);
    output_text(output, "affinity", _("CPU Affinity:"), affinity);
    output_end_object(output);
}

/* A guest that is off has pins, but neither states nor times. */
static bool print_inactive_vcpus(Shell *shell, const LodgeDomain *guest, int32_t count, unsigned host_cpus, bool pretty,
                                 GError **error)
{
    g_auto(LodgeDomainGetVcpuPinInfoRet) pins = { 0 };
    Output *output = shell->output;
    int32_t length = (int32_t)(host_cpus + 7) / 8;
    if (!lodge_domain_get_vcpu_pin_info(shell->connection, guest, count, length, VIR_DOMAIN_AFFECT_CONFIG, &pins,
                                        error))
        return false;
    output_begin_list(output, "vcpus");
    for (int32_t i = 0; i < pins.num && (uint32_t)((i + 1) * length) <= pins.cpumaps.length; i++) {
        g_autofree char *affinity = affinity_text(pins.cpumaps.data + i * length, (size_t)length, host_cpus, pretty);
        const char *nothing = output_is_json(output) ? NULL : _("N/A");
        if (i)
            output_gap(output);
        output_begin_object(output, NULL);
        output_number(output, "vcpu", _("VCPU:"), i, NULL);
        output_text(output, "cpu", _("CPU:"), nothing);
        output_text(output, "state", _("State:"), nothing);
        output_text(output, "cpu_seconds", _("CPU time:"), nothing);
        output_text(output, "affinity", _("CPU Affinity:"), affinity);
        output_end_object(output);
    }
    output_end_list(output);
    return true;
}

static bool verb_vcpuinfo(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetVcpusRet) vcpus = { 0 };
    LodgeDomainGetInfoRet info;
    unsigned host_cpus;
    bool pretty = args_has(args, "pretty") || output_is_json(shell->output);
    if (!guest_find(shell, args, &guest, error) || !host_cpus_count(shell, &host_cpus, error) ||
        !lodge_domain_get_info(shell->connection, &guest, &info, error))
        return false;
    if (!guest_is_running(&guest))
        return print_inactive_vcpus(shell, &guest, info.nr_virt_cpu, host_cpus, pretty, error);
    size_t length = (host_cpus + 7) / 8;
    if (!lodge_domain_get_vcpus(shell->connection, &guest, info.nr_virt_cpu, (int32_t)length, &vcpus, error))
        return false;
    output_begin_list(shell->output, "vcpus");
    for (uint32_t i = 0; i < vcpus.n_info && (i + 1) * length <= vcpus.cpumaps.length; i++) {
        if (i)
            output_gap(shell->output);
        print_vcpu(shell, &vcpus.info[i], vcpus.cpumaps.data + i * length, length, host_cpus, pretty);
    }
    output_end_list(shell->output);
    return true;
}

static bool verb_setvcpus(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    uint32_t flags;
    unsigned count = 0;
    if (!args_exclusive(args, "guest", "config", error) || !args_exclusive(args, "guest", "maximum", error) ||
        !guest_affect_flags(args, &flags, error) || !args_uint(args, "count", &count, error))
        return false;
    if (!count)
        return error_set(error, VIR_ERR_INVALID_ARG, _("Invalid number of virtual CPUs"));
    flags |= (args_has(args, "maximum") ? VIR_DOMAIN_VCPU_MAXIMUM : 0u) |
             (args_has(args, "guest") ? VIR_DOMAIN_VCPU_GUEST : 0u) |
             (args_has(args, "hotpluggable") ? VIR_DOMAIN_VCPU_HOTPLUGGABLE : 0u);
    return guest_find(shell, args, &guest, error) &&
           (flags ? lodge_domain_set_vcpus_flags(shell->connection, &guest, count, flags, error)
                  : lodge_domain_set_vcpus(shell->connection, &guest, count, error));
}

static bool verb_setvcpu(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    uint32_t flags;
    bool on = args_has(args, "enable");
    if (on == args_has(args, "disable"))
        return error_set(error, VIR_ERR_INVALID_ARG, _("one of options --enable or --disable is required"));
    return guest_affect_flags(args, &flags, error) && guest_find(shell, args, &guest, error) &&
           lodge_domain_set_vcpu(shell->connection, &guest, args_string(args, "vcpulist"), on, flags, error);
}

static const Column pin_columns[] = { { "vcpu", N_("VCPU"), CELL_NUMBER },
                                      { "affinity", N_("CPU Affinity"), CELL_TEXT },
                                      { 0 } };

static bool print_vcpu_pins(Shell *shell, const LodgeDomain *guest, uint32_t flags, int only, unsigned host_cpus,
                            GError **error)
{
    g_auto(LodgeDomainGetVcpuPinInfoRet) pins = { 0 };
    int32_t count, length = (int32_t)(host_cpus + 7) / 8;
    /* All vCPUs that the guest may ever have, as far as the pins of the asked definition go. */
    if (!lodge_domain_get_vcpus_flags(shell->connection, guest, flags | VIR_DOMAIN_VCPU_MAXIMUM, &count, error) ||
        !lodge_domain_get_vcpu_pin_info(shell->connection, guest, count, length, flags, &pins, error))
        return false;
    if (only >= pins.num)
        return error_set(error, VIR_ERR_INVALID_ARG, _("domain '%s' has no vCPU %d"), guest->name, only);
    g_autoptr(Table) table = table_new(pin_columns);
    for (int32_t i = 0; i < pins.num && (uint32_t)((i + 1) * length) <= pins.cpumaps.length; i++) {
        if (only >= 0 && i != only)
            continue;
        g_autoptr(Cpuset) set = cpuset_from_bytes(pins.cpumaps.data + i * length, (size_t)length);
        g_autofree char *ranges = cpuset_format(set), *number = g_strdup_printf("%d", i);
        table_row(table, number, ranges);
    }
    table_print(table, shell->output, "pins");
    return true;
}

static bool verb_vcpupin(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autofree uint8_t *map = NULL;
    const char *list = args_string(args, "cpulist");
    uint32_t flags, length;
    unsigned vcpu = 0, host_cpus;
    if (list && !args_has(args, "vcpu"))
        return error_set(error, VIR_ERR_INVALID_ARG, _("vcpupin: Missing vCPU number in pin mode."));
    if (!guest_affect_flags(args, &flags, error) || !args_uint(args, "vcpu", &vcpu, error) ||
        !guest_find(shell, args, &guest, error) || !host_cpus_count(shell, &host_cpus, error))
        return false;
    if (!list)
        return print_vcpu_pins(shell, &guest, flags, args_has(args, "vcpu") ? (int)vcpu : -1, host_cpus, error);
    return host_cpus_map(list, host_cpus, &map, &length, error) &&
           (flags ? lodge_domain_pin_vcpu_flags(shell->connection, &guest, vcpu, map, length, flags, error)
                  : lodge_domain_pin_vcpu(shell->connection, &guest, vcpu, map, length, error));
}

static bool verb_emulatorpin(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetEmulatorPinInfoRet) pin = { 0 };
    g_autofree uint8_t *map = NULL;
    const char *list = args_string(args, "cpulist");
    uint32_t flags, length;
    unsigned host_cpus;
    if (!guest_affect_flags(args, &flags, error) || !guest_find(shell, args, &guest, error) ||
        !host_cpus_count(shell, &host_cpus, error))
        return false;
    if (list)
        return host_cpus_map(list, host_cpus, &map, &length, error) &&
               lodge_domain_pin_emulator(shell->connection, &guest, map, length, flags, error);
    if (!lodge_domain_get_emulator_pin_info(shell->connection, &guest, (int32_t)(host_cpus + 7) / 8, flags, &pin,
                                            error))
        return false;
    g_autoptr(Cpuset) set = cpuset_from_bytes(pin.cpumaps.data, pin.cpumaps.length);
    g_autofree char *ranges = cpuset_format(set);
    output_json_text(shell->output, "affinity", ranges);
    output_line(shell->output, "%s %s", _("emulator:"), _("CPU Affinity"));
    output_line(shell->output, "----------------------------------");
    output_line(shell->output, "       *: %s", ranges);
    return true;
}

/* "name=value" words as parameters of the types that the daemon's present ones have. */
static bool read_settings(const char *const *words, const LodgeTypedParam *present, uint32_t n_present, GArray *params,
                          GError **error)
{
    for (; *words; words++) {
        const char *equals = strchr(*words, '=');
        g_autofree char *name = g_strndup(*words, equals ? (size_t)(equals - *words) : strlen(*words));
        const LodgeTypedValue *value = typed_params_find(present, n_present, name);
        if (!equals || !value)
            return error_set(error, VIR_ERR_INVALID_ARG, _("invalid scheduler option: %s"), *words);
        if (!typed_params_add_text(params, name, value->type, equals + 1, error))
            return false;
    }
    return true;
}

/* What is to be set: --weight and --cap, which are of other hypervisors, and the parameters themselves. */
static char **wanted_settings(const Args *args)
{
    static const char *const named[] = { "weight", "cap" };
    g_autoptr(GStrvBuilder) words = g_strv_builder_new();
    for (size_t i = 0; i < G_N_ELEMENTS(named); i++) {
        g_autofree char *word = g_strdup_printf("%s=%s", named[i], args_string(args, named[i]));
        if (args_has(args, named[i]))
            g_strv_builder_add(words, word);
    }
    g_strv_builder_addv(words, (const char **)args_rest(args, "set"));
    return g_strv_builder_end(words);
}

static bool verb_schedinfo(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetSchedulerTypeRet) type = { 0 };
    g_auto(LodgeDomainGetSchedulerParametersFlagsRet) now = { 0 }, after = { 0 };
    g_autoptr(GArray) params = typed_params_new();
    g_auto(GStrv) settings = wanted_settings(args);
    uint32_t flags;
    if (!guest_affect_flags(args, &flags, error) || !guest_find(shell, args, &guest, error) ||
        !lodge_domain_get_scheduler_type(shell->connection, &guest, &type, error) ||
        !lodge_domain_get_scheduler_parameters_flags(shell->connection, &guest, type.nparams, flags, &now, error) ||
        !read_settings((const char *const *)settings, now.params, now.n_params, params, error))
        return false;
    if (params->len &&
        (!lodge_domain_set_scheduler_parameters_flags(
             shell->connection, &guest, (const LodgeTypedParam *)(void *)params->data, params->len, flags, error) ||
         !lodge_domain_get_scheduler_parameters_flags(shell->connection, &guest, type.nparams, flags, &after, error)))
        return false;
    const LodgeDomainGetSchedulerParametersFlagsRet *shown = params->len ? &after : &now;
    output_json_text(shell->output, "scheduler", type.type);
    g_autofree char *label = table_padded(_("Scheduler"), 15);
    output_line(shell->output, "%s: %s", label, type.type);
    typed_params_print(shell->output, shown->params, shown->n_params, 15);
    return true;
}

static const VerbOption options_vcpucount[] = {
    OPTION_DOMAIN,
    { "maximum", OPTION_FLAG, false, N_("get maximum count of vcpus") },
    { "active", OPTION_FLAG, false, N_("get number of currently active vcpus") },
    { "live", OPTION_FLAG, false, N_("get value from running domain") },
    { "config", OPTION_FLAG, false, N_("get value to be used on next boot") },
    { "current", OPTION_FLAG, false, N_("get value according to current domain state") },
    { "guest", OPTION_FLAG, false, N_("retrieve vcpu count from the guest instead of the hypervisor") },
    { 0 },
};

static const VerbOption options_vcpuinfo[] = {
    OPTION_DOMAIN,
    { "pretty", OPTION_FLAG, false, N_("return human readable output") },
    { 0 },
};

static const VerbOption options_setvcpus[] = {
    OPTION_DOMAIN,
    { "count", OPTION_NUMBER, true, N_("number of virtual CPUs") },
    { "maximum", OPTION_FLAG, false, N_("set maximum limit on next boot") },
    OPTIONS_AFFECT,
    { "guest", OPTION_FLAG, false, N_("modify cpu state in the guest") },
    { "hotpluggable", OPTION_FLAG, false, N_("make added vcpus hot(un)pluggable") },
    { 0 },
};

static const VerbOption options_setvcpu[] = {
    OPTION_DOMAIN,
    { "vcpulist", OPTION_STRING, true, N_("ids of vcpus to manipulate") },
    { "enable", OPTION_FLAG, false, N_("enable cpus specified by cpumap") },
    { "disable", OPTION_FLAG, false, N_("disable cpus specified by cpumap") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_vcpupin[] = {
    OPTION_DOMAIN,
    { "vcpu", OPTION_NUMBER, false, N_("vcpu number") },
    { "cpulist", OPTION_STRING, false, N_("host cpu number(s) to set, or omit option to query") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_emulatorpin[] = {
    OPTION_DOMAIN,
    { "cpulist", OPTION_STRING, false, N_("host cpu number(s) to set, or omit option to query") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_schedinfo[] = {
    OPTION_DOMAIN,
    { "weight", OPTION_NAMED, false, N_("weight for XEN_CREDIT") },
    { "cap", OPTION_NAMED, false, N_("cap for XEN_CREDIT") },
    OPTIONS_AFFECT,
    { "set", OPTION_REST, false, N_("parameter=value") },
    { 0 },
};

const Verb verbs_tune[] = {
    { "vcpucount", GROUP_DOMAIN, N_("domain vcpu counts"), options_vcpucount, verb_vcpucount, 0, NULL },
    { "vcpuinfo", GROUP_DOMAIN, N_("detailed domain vcpu information"), options_vcpuinfo, verb_vcpuinfo, 0, NULL },
    { "setvcpus", GROUP_DOMAIN, N_("change number of virtual CPUs"), options_setvcpus, verb_setvcpus, 0, NULL },
    { "setvcpu", GROUP_DOMAIN, N_("attach/detach vcpu or groups of threads"), options_setvcpu, verb_setvcpu, 0, NULL },
    { "vcpupin", GROUP_DOMAIN, N_("control or query domain vcpu affinity"), options_vcpupin, verb_vcpupin, 0,
      N_("The list is as in 0-3,^2; \"r\" stands for all CPUs of the host.") },
    { "emulatorpin", GROUP_DOMAIN, N_("control or query domain emulator affinity"), options_emulatorpin,
      verb_emulatorpin, 0, N_("The list is as in 0-3,^2; \"r\" stands for all CPUs of the host.") },
    { "schedinfo", GROUP_DOMAIN, N_("show/set scheduler parameters"), options_schedinfo, verb_schedinfo, 0, NULL },
    { 0 },
};
