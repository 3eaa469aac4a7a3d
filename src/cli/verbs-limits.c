/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of memory, I/O, NUMA nodes and traffic, and counters of perf events: shown without options, else set. */
#include "base/error.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/typed-params.h"
#include "cli/verbs.h"

#include <libvirt/libvirt.h>
#include <string.h>

/* How the text of an option becomes the value of a parameter. */
typedef enum { AS_KIB, AS_BYTES, AS_NUMBER, AS_WEIGHT, AS_TEXT } SettingKind;

typedef struct {
    const char *option; /* NULL ends the list */
    const char *field;
    SettingKind kind;
} Setting;

static void add_ullong(GArray *params, const char *field, uint64_t value)
{
    LodgeTypedParam param = { g_strdup(field), { .type = LODGE_VALUE_ULLONG, .ul = value } };
    g_array_append_val(params, param);
}

static bool add_setting(const Args *args, const Setting *setting, GArray *params, GError **error)
{
    const char *text = args_string(args, setting->option);
    uint64_t number = 0;
    unsigned weight = 0;
    switch (setting->kind) {
    case AS_KIB:
        if (text[0] == '-' && g_ascii_isdigit(text[1])) {
            add_ullong(params, setting->field, VIR_DOMAIN_MEMORY_PARAM_UNLIMITED);
            return true;
        }
        if (!args_size(args, setting->option, 1024, &number, error))
            return false;
        add_ullong(params, setting->field, number / 1024 + (number % 1024 != 0));
        return true;
    case AS_BYTES:
        if (!args_size(args, setting->option, 1, &number, error))
            return false;
        add_ullong(params, setting->field, number);
        return true;
    case AS_NUMBER:
        if (!args_uint64(args, setting->option, &number, error))
            return false;
        add_ullong(params, setting->field, number);
        return true;
    case AS_WEIGHT:
        if (!args_uint(args, setting->option, &weight, error))
            return false;
        return typed_params_add_text(params, setting->field, LODGE_VALUE_UINT, text, error);
    case AS_TEXT: return typed_params_add_text(params, setting->field, LODGE_VALUE_STRING, text, error);
    }
    return true;
}

/* The parameters of all options of the list that were given. */
static bool read_settings(const Args *args, const Setting *settings, GArray *params, GError **error)
{
    for (; settings->option; settings++) {
        if (args_has(args, settings->option) && !add_setting(args, settings, params, error))
            return false;
    }
    return true;
}

static const LodgeTypedParam *list_of(const GArray *params)
{
    return (const LodgeTypedParam *)(void *)params->data;
}

static bool begin(Shell *shell, const Args *args, LodgeDomain *guest, uint32_t *flags, GError **error)
{
    return guest_affect_flags(args, flags, error) && guest_find(shell, args, guest, error);
}

/* "unlimited" for what is so large that it is none. */
static void print_memory(Shell *shell, const LodgeTypedParam *params, uint32_t n_params)
{
    for (uint32_t i = 0; i < n_params; i++) {
        bool unlimited = params[i].value.ul >= VIR_DOMAIN_MEMORY_PARAM_UNLIMITED;
        g_autofree char *number = typed_value_text(&params[i].value);
        output_line(shell->output, "%-15s: %s", params[i].field, unlimited ? _("unlimited") : number);
        if (unlimited)
            output_json_text(shell->output, params[i].field, NULL);
        else
            typed_value_json(shell->output, params[i].field, &params[i].value);
    }
}

static bool verb_memtune(Shell *shell, const Args *args, GError **error)
{
    static const Setting settings[] = { { "hard-limit", VIR_DOMAIN_MEMORY_HARD_LIMIT, AS_KIB },
                                        { "soft-limit", VIR_DOMAIN_MEMORY_SOFT_LIMIT, AS_KIB },
                                        { "swap-hard-limit", VIR_DOMAIN_MEMORY_SWAP_HARD_LIMIT, AS_KIB },
                                        { "min-guarantee", VIR_DOMAIN_MEMORY_MIN_GUARANTEE, AS_KIB },
                                        { 0 } };
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetMemoryParametersRet) now = { 0 };
    g_autoptr(GArray) params = typed_params_new();
    LodgeConnection *connection = shell->connection;
    uint32_t flags;
    if (!begin(shell, args, &guest, &flags, error) || !read_settings(args, settings, params, error))
        return false;
    if (params->len)
        return lodge_domain_set_memory_parameters(connection, &guest, list_of(params), params->len, flags, error);
    if (!lodge_domain_get_memory_parameters(connection, &guest, 16, flags, &now, error))
        return false;
    print_memory(shell, now.params, now.n_params);
    return true;
}

static bool verb_blkiotune(Shell *shell, const Args *args, GError **error)
{
    static const Setting settings[] = { { "weight", VIR_DOMAIN_BLKIO_WEIGHT, AS_WEIGHT },
                                        { "device-weights", VIR_DOMAIN_BLKIO_DEVICE_WEIGHT, AS_TEXT },
                                        { "device-read-iops-sec", VIR_DOMAIN_BLKIO_DEVICE_READ_IOPS, AS_TEXT },
                                        { "device-write-iops-sec", VIR_DOMAIN_BLKIO_DEVICE_WRITE_IOPS, AS_TEXT },
                                        { "device-read-bytes-sec", VIR_DOMAIN_BLKIO_DEVICE_READ_BPS, AS_TEXT },
                                        { "device-write-bytes-sec", VIR_DOMAIN_BLKIO_DEVICE_WRITE_BPS, AS_TEXT },
                                        { 0 } };
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetBlkioParametersRet) now = { 0 };
    g_autoptr(GArray) params = typed_params_new();
    LodgeConnection *connection = shell->connection;
    uint32_t flags;
    if (!begin(shell, args, &guest, &flags, error) || !read_settings(args, settings, params, error))
        return false;
    if (params->len)
        return lodge_domain_set_blkio_parameters(connection, &guest, list_of(params), params->len, flags, error);
    if (!lodge_domain_get_blkio_parameters(connection, &guest, 16, flags, &now, error))
        return false;
    typed_params_print(shell->output, now.params, now.n_params, 15);
    return true;
}

/* By virDomainNumatuneMemMode. */
static const char *const numa_modes[] = { "strict", "preferred", "interleave", "restrictive" };

static bool add_mode(const char *text, GArray *params, GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(numa_modes); i++) {
        g_autofree char *number = g_strdup_printf("%u", i);
        if (!strcmp(text, numa_modes[i]))
            return typed_params_add_text(params, VIR_DOMAIN_NUMA_MODE, LODGE_VALUE_INT, number, error);
    }
    if (!g_ascii_isdigit(text[0]))
        return error_set(error, VIR_ERR_INVALID_ARG, _("Invalid mode: %s"), text);
    return typed_params_add_text(params, VIR_DOMAIN_NUMA_MODE, LODGE_VALUE_INT, text, error);
}

static void print_numa(Shell *shell, const LodgeTypedParam *params, uint32_t n_params)
{
    for (uint32_t i = 0; i < n_params; i++) {
        const LodgeTypedValue *value = &params[i].value;
        g_autofree char *text = typed_value_text(value);
        bool is_mode = value->type == LODGE_VALUE_INT && value->i >= 0 && value->i < (int)G_N_ELEMENTS(numa_modes);
        output_line(shell->output, "%-15s: %s", params[i].field, is_mode ? numa_modes[value->i] : text);
        output_json_text(shell->output, params[i].field, is_mode ? numa_modes[value->i] : text);
    }
}

static bool verb_numatune(Shell *shell, const Args *args, GError **error)
{
    static const Setting settings[] = { { "nodeset", VIR_DOMAIN_NUMA_NODESET, AS_TEXT }, { 0 } };
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetNumaParametersRet) now = { 0 };
    g_autoptr(GArray) params = typed_params_new();
    LodgeConnection *connection = shell->connection;
    uint32_t flags;
    if (!begin(shell, args, &guest, &flags, error) || !read_settings(args, settings, params, error) ||
        (args_has(args, "mode") && !add_mode(args_string(args, "mode"), params, error)))
        return false;
    if (params->len)
        return lodge_domain_set_numa_parameters(connection, &guest, list_of(params), params->len, flags, error);
    if (!lodge_domain_get_numa_parameters(connection, &guest, 16, flags, &now, error))
        return false;
    print_numa(shell, now.params, now.n_params);
    return true;
}

/* --total-bytes-sec is total_bytes_sec: in the order of the options' table. */
static const Setting throttle_settings[] = {
    { "total-bytes-sec", VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_BYTES_SEC, AS_BYTES },
    { "read-bytes-sec", VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC, AS_BYTES },
    { "write-bytes-sec", VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC, AS_BYTES },
    { "total-iops-sec", VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_IOPS_SEC, AS_NUMBER },
    { "read-iops-sec", VIR_DOMAIN_BLOCK_IOTUNE_READ_IOPS_SEC, AS_NUMBER },
    { "write-iops-sec", VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC, AS_NUMBER },
    { "total-bytes-sec-max", VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_BYTES_SEC_MAX, AS_BYTES },
    { "read-bytes-sec-max", VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC_MAX, AS_BYTES },
    { "write-bytes-sec-max", VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC_MAX, AS_BYTES },
    { "total-iops-sec-max", VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_IOPS_SEC_MAX, AS_NUMBER },
    { "read-iops-sec-max", VIR_DOMAIN_BLOCK_IOTUNE_READ_IOPS_SEC_MAX, AS_NUMBER },
    { "write-iops-sec-max", VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC_MAX, AS_NUMBER },
    { "size-iops-sec", VIR_DOMAIN_BLOCK_IOTUNE_SIZE_IOPS_SEC, AS_NUMBER },
    { "group-name", VIR_DOMAIN_BLOCK_IOTUNE_GROUP_NAME, AS_TEXT },
    { "total-bytes-sec-max-length", VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_BYTES_SEC_MAX_LENGTH, AS_NUMBER },
    { "read-bytes-sec-max-length", VIR_DOMAIN_BLOCK_IOTUNE_READ_BYTES_SEC_MAX_LENGTH, AS_NUMBER },
    { "write-bytes-sec-max-length", VIR_DOMAIN_BLOCK_IOTUNE_WRITE_BYTES_SEC_MAX_LENGTH, AS_NUMBER },
    { "total-iops-sec-max-length", VIR_DOMAIN_BLOCK_IOTUNE_TOTAL_IOPS_SEC_MAX_LENGTH, AS_NUMBER },
    { "read-iops-sec-max-length", VIR_DOMAIN_BLOCK_IOTUNE_READ_IOPS_SEC_MAX_LENGTH, AS_NUMBER },
    { "write-iops-sec-max-length", VIR_DOMAIN_BLOCK_IOTUNE_WRITE_IOPS_SEC_MAX_LENGTH, AS_NUMBER },
    { 0 },
};

static bool verb_blkdeviotune(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetBlockIoTuneRet) now = { 0 };
    g_autoptr(GArray) params = typed_params_new();
    LodgeConnection *connection = shell->connection;
    const char *disk = args_string(args, "device");
    uint32_t flags;
    if (!begin(shell, args, &guest, &flags, error) || !read_settings(args, throttle_settings, params, error))
        return false;
    if (params->len)
        return lodge_domain_set_block_io_tune(connection, &guest, disk, list_of(params), params->len, flags, error);
    if (!lodge_domain_get_block_io_tune(connection, &guest, disk, 32, flags, &now, error))
        return false;
    typed_params_print(shell->output, now.params, now.n_params, 15);
    return true;
}

/* "average,peak,burst,floor", any of them empty. */
static bool add_rate(const Args *args, const char *direction, GArray *params, GError **error)
{
    static const char *const parts[] = { "average", "peak", "burst", "floor" };
    const char *text = args_string(args, direction);
    bool inbound = !strcmp(direction, "inbound"), enough = false;
    if (!text)
        return true;
    g_auto(GStrv) words = g_strsplit(text, ",", -1);
    if (g_strv_length(words) > G_N_ELEMENTS(parts))
        return error_set(error, VIR_ERR_INVALID_ARG, _("Rate string '%s' has too many fields"), text);
    if (!inbound && g_strv_length(words) == G_N_ELEMENTS(parts))
        return error_set(error, VIR_ERR_INVALID_ARG, _("outbound floor is unsupported yet"));
    for (unsigned i = 0; words[i]; i++) {
        guint64 number;
        g_autofree char *field = g_strdup_printf("%s.%s", direction, parts[i]);
        if (!words[i][0])
            continue;
        if (!g_ascii_string_to_unsigned(words[i], 10, 0, G_MAXUINT32, &number, NULL))
            return error_set(error, VIR_ERR_INVALID_ARG, _("field '%s' is malformed"), parts[i]);
        if (!typed_params_add_text(params, field, LODGE_VALUE_UINT, words[i], error))
            return false;
        /* A zero alone takes the limit away. */
        enough |= i == 0 ? number || !words[1] : i == 3 && number;
    }
    if (enough)
        return true;
    return error_set(error, VIR_ERR_INVALID_ARG, "%s",
                     inbound ? _("either inbound average or floor is mandatory") : _("outbound average is mandatory"));
}

static bool verb_domiftune(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetInterfaceParametersRet) now = { 0 };
    g_autoptr(GArray) params = typed_params_new();
    LodgeConnection *connection = shell->connection;
    const char *device = args_string(args, "interface");
    uint32_t flags;
    if (!begin(shell, args, &guest, &flags, error) || !add_rate(args, "inbound", params, error) ||
        !add_rate(args, "outbound", params, error))
        return false;
    if (params->len)
        return lodge_domain_set_interface_parameters(connection, &guest, device, list_of(params), params->len, flags,
                                                     error);
    if (!lodge_domain_get_interface_parameters(connection, &guest, device, 16, flags, &now, error))
        return false;
    typed_params_print(shell->output, now.params, now.n_params, 15);
    return true;
}

static bool add_events(const char *list, bool enable, GArray *params, GError **error)
{
    g_auto(GStrv) names = g_strsplit(list ? list : "", ",", -1);
    for (char **name = names; *name; name++) {
        if (**name && !typed_params_add_text(params, *name, LODGE_VALUE_BOOLEAN, enable ? "yes" : "no", error))
            return false;
    }
    return true;
}

static void print_events(Shell *shell, const LodgeTypedParam *params, uint32_t n_params)
{
    for (uint32_t i = 0; i < n_params; i++) {
        bool enabled = params[i].value.b;
        output_line(shell->output, "%-15s: %s", params[i].field, enabled ? _("enabled") : _("disabled"));
        output_json_bool(shell->output, params[i].field, enabled);
    }
}

static bool verb_perf(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_auto(LodgeDomainGetPerfEventsRet) now = { 0 };
    g_autoptr(GArray) params = typed_params_new();
    LodgeConnection *connection = shell->connection;
    uint32_t flags;
    if (!begin(shell, args, &guest, &flags, error) || !add_events(args_string(args, "enable"), true, params, error) ||
        !add_events(args_string(args, "disable"), false, params, error))
        return false;
    if (params->len) {
        if (!lodge_domain_set_perf_events(connection, &guest, list_of(params), params->len, flags, error))
            return false;
        print_events(shell, list_of(params), params->len);
        return true;
    }
    if (!lodge_domain_get_perf_events(connection, &guest, flags, &now, error))
        return false;
    print_events(shell, now.params, now.n_params);
    return true;
}

static const VerbOption options_memtune[] = {
    OPTION_DOMAIN,
    { "hard-limit", OPTION_NAMED, false, N_("Max memory, as scaled integer (default KiB)") },
    { "soft-limit", OPTION_NAMED, false, N_("Memory during contention, as scaled integer (default KiB)") },
    { "swap-hard-limit", OPTION_NAMED, false, N_("Max memory plus swap, as scaled integer (default KiB)") },
    { "min-guarantee", OPTION_NAMED, false, N_("Min guaranteed memory, as scaled integer (default KiB)") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_blkiotune[] = {
    OPTION_DOMAIN,
    { "weight", OPTION_NAMED, false, N_("IO Weight") },
    { "device-weights", OPTION_NAMED, false, N_("per-device IO Weights, in the form of /path/to/device,weight,...") },
    { "device-read-iops-sec", OPTION_NAMED, false,
      N_("per-device read I/O limit per second, in the form of /path/to/device,read_iops_sec,...") },
    { "device-write-iops-sec", OPTION_NAMED, false,
      N_("per-device write I/O limit per second, in the form of /path/to/device,write_iops_sec,...") },
    { "device-read-bytes-sec", OPTION_NAMED, false,
      N_("per-device bytes read per second, in the form of /path/to/device,read_bytes_sec,...") },
    { "device-write-bytes-sec", OPTION_NAMED, false,
      N_("per-device bytes written per second, in the form of /path/to/device,write_bytes_sec,...") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_numatune[] = {
    OPTION_DOMAIN,
    { "mode", OPTION_NAMED, false,
      N_("NUMA mode, one of strict, preferred, interleave and restrictive, or a number from the "
         "virDomainNumatuneMemMode enum"),
      COMPLETE_WORDS, "strict preferred interleave restrictive" },
    { "nodeset", OPTION_NAMED, false, N_("NUMA node selections to set") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_blkdeviotune[] = {
    OPTION_DOMAIN,
    { "device", OPTION_STRING, true, N_("block device"), COMPLETE_DISK },
    { "total-bytes-sec", OPTION_NAMED, false, N_("total throughput limit, as scaled integer (default bytes)") },
    { "read-bytes-sec", OPTION_NAMED, false, N_("read throughput limit, as scaled integer (default bytes)") },
    { "write-bytes-sec", OPTION_NAMED, false, N_("write throughput limit, as scaled integer (default bytes)") },
    { "total-iops-sec", OPTION_NAMED, false, N_("total I/O operations limit per second") },
    { "read-iops-sec", OPTION_NAMED, false, N_("read I/O operations limit per second") },
    { "write-iops-sec", OPTION_NAMED, false, N_("write I/O operations limit per second") },
    { "total-bytes-sec-max", OPTION_NAMED, false, N_("total max, as scaled integer (default bytes)") },
    { "read-bytes-sec-max", OPTION_NAMED, false, N_("read max, as scaled integer (default bytes)") },
    { "write-bytes-sec-max", OPTION_NAMED, false, N_("write max, as scaled integer (default bytes)") },
    { "total-iops-sec-max", OPTION_NAMED, false, N_("total I/O operations max") },
    { "read-iops-sec-max", OPTION_NAMED, false, N_("read I/O operations max") },
    { "write-iops-sec-max", OPTION_NAMED, false, N_("write I/O operations max") },
    { "size-iops-sec", OPTION_NAMED, false, N_("I/O size in bytes") },
    { "group-name", OPTION_NAMED, false, N_("group name to share I/O quota between multiple drives") },
    { "total-bytes-sec-max-length", OPTION_NAMED, false, N_("duration in seconds to allow total max bytes") },
    { "read-bytes-sec-max-length", OPTION_NAMED, false, N_("duration in seconds to allow read max bytes") },
    { "write-bytes-sec-max-length", OPTION_NAMED, false, N_("duration in seconds to allow write max bytes") },
    { "total-iops-sec-max-length", OPTION_NAMED, false, N_("duration in seconds to allow total I/O operations max") },
    { "read-iops-sec-max-length", OPTION_NAMED, false, N_("duration in seconds to allow read I/O operations max") },
    { "write-iops-sec-max-length", OPTION_NAMED, false, N_("duration in seconds to allow write I/O operations max") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_domiftune[] = {
    OPTION_DOMAIN,
    { "interface", OPTION_STRING, true, N_("interface device (MAC Address)"), COMPLETE_INTERFACE },
    { "inbound", OPTION_NAMED, false, N_("control domain's incoming traffic: average,peak,burst,floor") },
    { "outbound", OPTION_NAMED, false, N_("control domain's outgoing traffic: average,peak,burst") },
    OPTIONS_AFFECT,
    { 0 },
};

static const VerbOption options_perf[] = {
    OPTION_DOMAIN,
    { "enable", OPTION_NAMED, false, N_("perf events which will be enabled") },
    { "disable", OPTION_NAMED, false, N_("perf events which will be disabled") },
    OPTIONS_AFFECT,
    { 0 },
};

const Verb verbs_limits[] = {
    { "memtune", GROUP_DOMAIN, N_("Get or set memory parameters"), options_memtune, verb_memtune, 0,
      N_("Limits hold for QEMU as a whole; -1 is unlimited.") },
    { "blkiotune", GROUP_DOMAIN, N_("Get or set blkio parameters"), options_blkiotune, verb_blkiotune, 0, NULL },
    { "numatune", GROUP_DOMAIN, N_("Get or set numa parameters"), options_numatune, verb_numatune, 0, NULL },
    { "blkdeviotune", GROUP_DOMAIN, N_("Set or query a block device I/O tuning parameters."), options_blkdeviotune,
      verb_blkdeviotune, 0, NULL },
    { "domiftune", GROUP_DOMAIN, N_("get/set parameters of a virtual interface"), options_domiftune, verb_domiftune, 0,
      N_("Rates are kilobytes a second, bursts kilobytes; an average of 0 takes a direction's limit away.") },
    { "perf", GROUP_DOMAIN, N_("Get or set perf event"), options_perf, verb_perf, 0, NULL },
    { 0 },
};
