/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qemu-args.h"

#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

#define OLDEST_VERSION 7002000 /* JSON for -netdev came with 7.2 */

typedef bool (*Family)(QemuArgs *args, GError **error);
static const Family families[];

void qemu_args_add(QemuArgs *args, const char *option, const char *format, ...)
{
    va_list list;
    if (args->steps) {
        qemu_plug_add(args, option, NULL);
        return;
    }
    va_start(list, format);
    g_ptr_array_add(args->argv, g_strdup(option));
    g_ptr_array_add(args->argv, g_strdup_vprintf(format, list));
    va_end(list);
}

void qemu_args_add_json(QemuArgs *args, const char *option, JsonObject *object)
{
    if (args->steps) {
        qemu_plug_add(args, option, object);
        return;
    }
    g_autoptr(JsonObject) owned = object;
    g_ptr_array_add(args->argv, g_strdup(option));
    g_ptr_array_add(args->argv, qmp_object_text(owned));
}

char *qemu_args_escape(const char *value)
{
    GString *text = g_string_new(value);
    g_string_replace(text, ",", ",,", 0);
    return g_string_free(text, FALSE);
}

void qemu_args_add_properties(JsonObject *device, const QemuProperty *rows, const void *object)
{
    for (const QemuProperty *row = rows; row->name; row++) {
        const char *field = (const char *)object + row->offset;
        Tri tri = row->kind <= QEMU_PROPERTY_SWITCH ? *(const Tri *)field : TRI_UNSET;
        switch (row->kind) {
        case QEMU_PROPERTY_BOOL:
            if (tri)
                json_object_set_boolean_member(device, row->name, tri == TRI_YES);
            break;
        case QEMU_PROPERTY_SWITCH:
            if (tri)
                json_object_set_string_member(device, row->name, tri == TRI_YES ? "on" : "off");
            break;
        case QEMU_PROPERTY_U32:
            if (*(const uint32_t *)field)
                json_object_set_int_member(device, row->name, *(const uint32_t *)field);
            break;
        case QEMU_PROPERTY_STRING:
            if (*(char *const *)field)
                json_object_set_string_member(device, row->name, *(char *const *)field);
            break;
        }
    }
}

void qemu_args_add_virtio(JsonObject *device, const DomainVirtio *virtio)
{
    static const QemuProperty rows[] = {
        { "iommu_platform", QEMU_PROPERTY_BOOL, offsetof(DomainVirtio, iommu) },
        { "ats", QEMU_PROPERTY_BOOL, offsetof(DomainVirtio, ats) },
        { "packed", QEMU_PROPERTY_BOOL, offsetof(DomainVirtio, packed) },
        { "page-per-vq", QEMU_PROPERTY_BOOL, offsetof(DomainVirtio, page_per_vq) },
        { NULL },
    };
    qemu_args_add_properties(device, rows, virtio);
}

char *qemu_args_virtio_driver(const char *base, const DomainAddress *address, unsigned model)
{
    static const char *const variants[] = { "", "", "-transitional", "-non-transitional" };
    const char *bus = "-pci";
    if (address && address->type == ADDRESS_TYPE_CCW)
        bus = "-ccw";
    else if (address && address->type == ADDRESS_TYPE_VIRTIO_MMIO)
        bus = "-device";
    return g_strconcat(base, bus, model < G_N_ELEMENTS(variants) ? variants[model] : "", NULL);
}

/* <qemu:override>: what the administrator wants to differ from what stands here. */
static void apply_override(QemuArgs *args, JsonObject *device, const char *alias)
{
    for (unsigned i = 0; i < args->def->n_qemu_overrides; i++) {
        const DomainQemuOverride *override = args->def->qemu_overrides[i];
        if (g_strcmp0(override->alias, alias) != 0)
            continue;
        for (unsigned j = 0; j < override->n_properties; j++) {
            const DomainQemuProperty *property = override->properties[j];
            const char *value = property->value ? property->value : "";
            switch (property->type) {
            case PROPERTY_TYPE_STRING: json_object_set_string_member(device, property->name, value); break;
            case PROPERTY_TYPE_UNSIGNED:
            case PROPERTY_TYPE_SIGNED:
                json_object_set_int_member(device, property->name, g_ascii_strtoll(value, NULL, 10));
                break;
            case PROPERTY_TYPE_BOOL:
                json_object_set_boolean_member(device, property->name, strcmp(value, "true") == 0);
                break;
            case PROPERTY_TYPE_REMOVE: json_object_remove_member(device, property->name); break;
            default: break;
            }
        }
    }
}

static void add_rom(JsonObject *device, const DomainRom *rom)
{
    if (!rom)
        return;
    if (rom->enabled == TRI_NO) {
        json_object_set_string_member(device, "romfile", "");
        return;
    }
    if (rom->bar)
        json_object_set_int_member(device, "rombar", rom->bar == TRI_YES);
    if (rom->file)
        json_object_set_string_member(device, "romfile", rom->file);
}

bool qemu_args_add_device_raw(QemuArgs *args, JsonObject *device, const DomainDeviceInfo *info, const char *what,
                              GError **error)
{
    const char *driver = qmp_get_string(device, "driver");
    if (!qemu_caps_has_type(args->caps, driver)) {
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: %s has no device '%s'; choose another model", what,
                  args->caps->emulator, driver);
        json_object_unref(device);
        return false;
    }
    if (info) {
        if (info->alias && !json_object_has_member(device, "id"))
            json_object_set_string_member(device, "id", info->alias);
        qmp_object_add(device, "I:bootindex", (gint64)info->boot_order, "s:loadparm", info->loadparm, "I:acpi-index",
                       (gint64)info->acpi_index, NULL);
        add_rom(device, info->rom);
        apply_override(args, device, info->alias);
    }
    qemu_args_add_json(args, "-device", device);
    return true;
}

bool qemu_args_add_device(QemuArgs *args, JsonObject *device, const DomainDeviceInfo *info, const char *what,
                          GError **error)
{
    if (info->alias)
        json_object_set_string_member(device, "id", info->alias);
    if (!qemu_args_add_address(args, device, info, what, error)) {
        json_object_unref(device);
        return false;
    }
    return qemu_args_add_device_raw(args, device, info, what, error);
}

bool qemu_args_is_q35(const Domain *def)
{
    const char *machine = def->os.machine;
    return machine && (g_str_has_prefix(machine, "pc-q35") || strcmp(machine, "q35") == 0);
}

bool qemu_args_is_i440fx(const Domain *def)
{
    static const char *const prefixes[] = { "pc-i440fx", "pc-0", "pc-1", "rhel6" };
    const char *machine = def->os.machine;
    for (unsigned i = 0; machine && i < G_N_ELEMENTS(prefixes); i++)
        if (g_str_has_prefix(machine, prefixes[i]))
            return true;
    return g_strcmp0(machine, "pc") == 0;
}

bool qemu_args_is_x86(const Domain *def)
{
    return g_strcmp0(def->os.arch, "x86_64") == 0 || g_strcmp0(def->os.arch, "i686") == 0;
}

static bool add_name(QemuArgs *args, GError **error)
{
    g_autofree char *name = qemu_args_escape(args->def->name);
    qemu_args_add(args, "-name", "guest=%s,debug-threads=on", name);
    g_ptr_array_add(args->argv, g_strdup("-S"));
    return true;
}

static bool add_identity(QemuArgs *args, GError **error)
{
    char uuid[UUID_TEXT_SIZE];
    uuid_format(&args->def->uuid, uuid);
    qemu_args_add(args, "-uuid", "%s", uuid);
    return true;
}

static bool add_monitor(QemuArgs *args, GError **error)
{
    g_ptr_array_add(args->argv, g_strdup("-no-user-config"));
    g_ptr_array_add(args->argv, g_strdup("-nodefaults"));
    qemu_args_add(args, "-chardev", "socket,id=charmonitor,fd=%d,server=on,wait=off", args->resources->monitor_fd);
    qemu_args_add(args, "-mon", "chardev=charmonitor,id=monitor,mode=control");
    return true;
}

static void add_deprecation(QemuArgs *args)
{
    static const char *const inputs[DEPRECATION_BEHAVIOR_COUNT] = {
        [DEPRECATION_BEHAVIOR_REJECT] = "reject", [DEPRECATION_BEHAVIOR_CRASH] = "crash"
    };
    if (args->def->qemu_deprecation)
        qemu_args_add_json(
            args, "-compat",
            qmp_object("s:deprecated-output", "hide", "s:deprecated-input", inputs[args->def->qemu_deprecation], NULL));
}

static bool add_tail(QemuArgs *args, GError **error)
{
    const DomainQemuCommandline *extra = args->def->qemu_commandline;
    if (args->resources->incoming)
        qemu_args_add(args, "-incoming", "defer");
    for (unsigned i = 0; extra && i < extra->n_args; i++)
        g_ptr_array_add(args->argv, g_strdup(extra->args[i]->value));
    add_deprecation(args);
    if (args->resources->sandbox && qemu_caps_has_option(args->caps, "sandbox", NULL))
        qemu_args_add(args, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    qemu_args_add(args, "-msg", "timestamp=on");
    return true;
}

static bool check_emulator(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    if (args->caps->version < OLDEST_VERSION)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s is version %u.%u; version 7.2 or later is needed",
                         args->caps->emulator, args->caps->version / 1000000, args->caps->version / 1000 % 1000);
    if (!args->machine)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "%s has no machine type '%s'; 'lodge capabilities' lists those it has", args->caps->emulator,
                         def->os.machine ? def->os.machine : "(default)");
    if (def->virt_type == VIRT_TYPE_KVM && !args->caps->kvm.usable)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "KVM is not usable by %s here; 'lodge doctor' says why, <domain type='qemu'> does without",
                         args->caps->emulator);
    if (def->max_vcpus > args->machine->max_cpus)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "machine type '%s' holds at most %u vCPUs, not %u",
                         args->machine->name, args->machine->max_cpus, def->max_vcpus);
    return true;
}

GPtrArray *qemu_args_build(const Domain *def, const QemuCaps *caps, const QemuStartResources *resources, GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_full(128, g_free);
    QemuArgs args = { .def = def,
                      .caps = caps,
                      .resources = resources,
                      .machine = qemu_caps_machine(caps, def->os.machine),
                      .kvm = def->virt_type == VIRT_TYPE_KVM,
                      .argv = argv };
    if (!check_emulator(&args, error))
        return NULL;
    for (const Family *family = families; *family; family++)
        if (!(*family)(&args, error))
            return NULL;
    g_ptr_array_add(argv, NULL);
    return g_steal_pointer(&argv);
}

char *qemu_args_text(const char *emulator, GPtrArray *args)
{
    GString *text = g_string_new(emulator);
    for (unsigned i = 0; i < args->len && args->pdata[i]; i++) {
        const char *arg = args->pdata[i];
        bool plain = arg[0] && strspn(arg, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                           "-_=+.,:/@%") == strlen(arg);
        g_autofree char *quoted = plain ? g_strdup(arg) : g_shell_quote(arg);
        g_string_append_c(text, ' ');
        g_string_append(text, quoted);
    }
    return g_string_free(text, FALSE);
}

/* The order of the command line. Controllers come before what is plugged into them. */
static const Family families[] = {
    add_name,
    qemu_args_firmware,
    qemu_args_machine,
    qemu_args_cpu,
    qemu_args_memory,
    qemu_args_smp,
    qemu_args_iothreads,
    qemu_args_numa,
    add_identity,
    qemu_args_sysinfo,
    add_monitor,
    qemu_args_clock,
    qemu_args_boot,
    qemu_args_iommus,
    qemu_args_controllers,
    qemu_args_hubs,
    qemu_args_disks,
    qemu_args_filesystems,
    qemu_args_nets,
    qemu_args_smartcards,
    qemu_args_serials,
    qemu_args_parallels,
    qemu_args_channels,
    qemu_args_consoles,
    qemu_args_tpms,
    qemu_args_inputs,
    qemu_args_audios,
    qemu_args_graphics,
    qemu_args_videos,
    qemu_args_sounds,
    qemu_args_watchdogs,
    qemu_args_redirdevs,
    qemu_args_hostdevs,
    qemu_args_memballoon,
    qemu_args_rngs,
    qemu_args_small_devices,
    qemu_args_memory_devices,
    add_tail,
    NULL,
};
