/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qemu-domcaps.h"

#include "qemu/qemu-firmware.h"

#include <string.h>

/* What a value needs to be offered. Of the emulator unless said otherwise. */
typedef enum {
    NEEDS_NOTHING,
    NEEDS_TYPE,    /* the device or object type .what */
    NEEDS_COMMAND, /* the QMP command .what */
    NEEDS_CHARDEV, /* the character device back end .what */
    NEEDS_I440FX,  /* the machine */
    NEEDS_KVM,
    NEEDS_SWTPM, /* the program on this host */
} Needs;

typedef struct {
    const char *value;
    Needs needs;
    const char *what;
} ValueRow;

/* One <enum>. Ends with a NULL value. */
typedef struct {
    const char *name;
    const ValueRow *values;
} EnumRow;

/* One element with its enums; supported if its need is met. Ends with a NULL element. */
typedef struct {
    const char *element;
    Needs needs;
    const char *what;
    const EnumRow *enums;
} FamilyRow;

static const FamilyRow device_rows[], memory_rows[], hyperv_rows[];

static bool is_met(const QemuDomcaps *domcaps, Needs needs, const char *what)
{
    switch (needs) {
    case NEEDS_NOTHING: return true;
    case NEEDS_TYPE: return qemu_caps_has_type(domcaps->caps, what);
    case NEEDS_COMMAND: return qemu_caps_has_command(domcaps->caps, what);
    case NEEDS_CHARDEV: return qemu_caps_has_chardev(domcaps->caps, what);
    case NEEDS_I440FX: return !strstr(domcaps->machine->name, "q35");
    case NEEDS_KVM: return domcaps->kvm;
    case NEEDS_SWTPM: return domcaps->has_swtpm;
    }
    return false;
}

static void G_GNUC_PRINTF(3, 4) add(GString *xml, unsigned indent, const char *format, ...)
{
    va_list list;
    g_string_append_printf(xml, "%*s", (int)indent, "");
    va_start(list, format);
    char *text = g_markup_vprintf_escaped(format, list);
    va_end(list);
    g_string_append(xml, text);
    g_string_append_c(xml, '\n');
    g_free(text);
}

static void add_enum(GString *xml, unsigned indent, const QemuDomcaps *domcaps, const EnumRow *row)
{
    bool any = false;
    for (const ValueRow *value = row->values; value->value; value++) {
        if (!is_met(domcaps, value->needs, value->what))
            continue;
        if (!any)
            add(xml, indent, "<enum name='%s'>", row->name);
        any = true;
        add(xml, indent + 2, "<value>%s</value>", value->value);
    }
    if (any)
        add(xml, indent, "</enum>");
    else
        add(xml, indent, "<enum name='%s'/>", row->name);
}

static void add_families(GString *xml, unsigned indent, const QemuDomcaps *domcaps, const FamilyRow *rows)
{
    for (const FamilyRow *row = rows; row->element; row++) {
        if (!is_met(domcaps, row->needs, row->what)) {
            add(xml, indent, "<%s supported='no'/>", row->element);
            continue;
        }
        if (!row->enums) {
            add(xml, indent, "<%s supported='yes'/>", row->element);
            continue;
        }
        add(xml, indent, "<%s supported='yes'>", row->element);
        for (const EnumRow *item = row->enums; item->name; item++)
            add_enum(xml, indent + 2, domcaps, item);
        add(xml, indent, "</%s>", row->element);
    }
}

/* Every executable once. */
static void add_loader_paths(GString *xml, GPtrArray *firmware)
{
    for (unsigned i = 0; i < firmware->len; i++) {
        const QemuFirmware *item = firmware->pdata[i];
        bool seen = false;
        for (unsigned j = 0; j < i; j++)
            seen = seen || strcmp(((QemuFirmware *)firmware->pdata[j])->executable, item->executable) == 0;
        if (!seen)
            add(xml, 6, "<value>%s</value>", item->executable);
    }
}

static void add_os(GString *xml, const QemuDomcaps *domcaps)
{
    static const ValueRow types[] = { { "rom" }, { "pflash" }, { NULL } };
    static const ValueRow readonly[] = { { "yes" }, { "no" }, { NULL } };
    static const ValueRow efi[] = { { "efi" }, { NULL } };
    static const ValueRow none[] = { { NULL } };
    static const ValueRow may_be_secure[] = { { "yes" }, { "no" }, { NULL } };
    static const ValueRow not_secure[] = { { "no" }, { NULL } };
    g_autoptr(GPtrArray) firmware = qemu_firmware_list(domcaps->arch, domcaps->machine->name, domcaps->firmware_dirs);
    bool secure = false;
    for (unsigned i = 0; i < firmware->len; i++)
        secure = secure || ((QemuFirmware *)firmware->pdata[i])->secure_boot;
    add(xml, 2, "<os supported='yes'>");
    add_enum(xml, 4, domcaps, &(EnumRow){ "firmware", firmware->len > 0 ? efi : none });
    add(xml, 4, "<loader supported='yes'>");
    add_loader_paths(xml, firmware);
    add_enum(xml, 6, domcaps, &(EnumRow){ "type", types });
    add_enum(xml, 6, domcaps, &(EnumRow){ "readonly", readonly });
    add_enum(xml, 6, domcaps, &(EnumRow){ "secure", secure ? may_be_secure : not_secure });
    add(xml, 4, "</loader>");
    add(xml, 2, "</os>");
}

static void add_migratable_mode(GString *xml, const char *mode, const char *name, bool supported)
{
    if (!supported) {
        add(xml, 4, "<mode name='%s' supported='no'/>", mode);
        return;
    }
    add(xml, 4, "<mode name='%s' supported='yes'>", mode);
    add(xml, 6, "<enum name='%s'>", name);
    add(xml, 8, "<value>on</value>");
    add(xml, 8, "<value>off</value>");
    add(xml, 6, "</enum>");
    add(xml, 4, "</mode>");
}

static void add_host_model(GString *xml, const QemuAccelerator *accelerator)
{
    if (!accelerator->host_model) {
        add(xml, 4, "<mode name='host-model' supported='no'/>");
        return;
    }
    add(xml, 4, "<mode name='host-model' supported='yes'>");
    add(xml, 6, "<model fallback='forbid'>%s</model>", accelerator->host_model);
    if (accelerator->host_vendor)
        add(xml, 6, "<vendor>%s</vendor>", accelerator->host_vendor);
    for (char **name = accelerator->host_features; name && *name; name++)
        add(xml, 6, "<feature policy='require' name='%s'/>", *name);
    add(xml, 4, "</mode>");
}

/* "EPYC-v2" is a version behind the name "EPYC"; "host", "max" and "base" are modes, not models. */
static bool is_model_name(const QemuCpuModel *cpu)
{
    static const char *const modes[] = { "host", "max", "base", NULL };
    const char *version = g_strrstr(cpu->name, "-v");
    return !(version && g_ascii_isdigit(version[2])) && !g_strv_contains(modes, cpu->name);
}

static void add_cpu(GString *xml, const QemuDomcaps *domcaps)
{
    const QemuAccelerator *accelerator = domcaps->kvm ? &domcaps->caps->kvm : &domcaps->caps->tcg;
    add(xml, 2, "<cpu>");
    add_migratable_mode(xml, "host-passthrough", "hostPassthroughMigratable", domcaps->kvm);
    add_migratable_mode(xml, "maximum", "maximumMigratable", qemu_caps_cpu(accelerator, "max") != NULL);
    add_host_model(xml, accelerator);
    add(xml, 4, "<mode name='custom' supported='yes'>");
    for (unsigned i = 0; i < accelerator->n_cpus; i++) {
        const QemuCpuModel *cpu = &accelerator->cpus[i];
        if (is_model_name(cpu))
            add(xml, 6, "<model usable='%s' vendor='%s'>%s</model>",
                !cpu->usable_known ? "unknown"
                : cpu->usable      ? "yes"
                                   : "no",
                cpu->vendor ? cpu->vendor : "unknown", cpu->name);
    }
    add(xml, 4, "</mode>");
    add(xml, 2, "</cpu>");
}

static void add_features(GString *xml, const QemuDomcaps *domcaps)
{
    add(xml, 2, "<features>");
    add(xml, 4, "<gic supported='no'/>");
    add(xml, 4, "<vmcoreinfo supported='%s'/>", qemu_caps_has_type(domcaps->caps, "vmcoreinfo") ? "yes" : "no");
    add(xml, 4, "<genid supported='%s'/>", qemu_caps_has_type(domcaps->caps, "vmgenid") ? "yes" : "no");
    add(xml, 4, "<backingStoreInput supported='yes'/>");
    add(xml, 4, "<backup supported='no'/>");
    add(xml, 4, "<sev supported='no'/>");
    add(xml, 4, "<sgx supported='no'/>");
    add_families(xml, 4, domcaps, hyperv_rows);
    add(xml, 2, "</features>");
}

char *qemu_domcaps_format(const QemuDomcaps *domcaps)
{
    GString *xml = g_string_sized_new(16384);
    add(xml, 0, "<domainCapabilities>");
    add(xml, 2, "<path>%s</path>", domcaps->caps->emulator);
    add(xml, 2, "<domain>%s</domain>", domcaps->kvm ? "kvm" : "qemu");
    add(xml, 2, "<machine>%s</machine>", domcaps->machine->name);
    add(xml, 2, "<arch>%s</arch>", domcaps->arch);
    add(xml, 2, "<vcpu max='%u'/>", domcaps->machine->max_cpus);
    add(xml, 2, "<iothreads supported='yes'/>");
    add_os(xml, domcaps);
    add_cpu(xml, domcaps);
    add_families(xml, 2, domcaps, memory_rows);
    add(xml, 2, "<devices>");
    add_families(xml, 4, domcaps, device_rows);
    add(xml, 2, "</devices>");
    add_features(xml, domcaps);
    add(xml, 0, "</domainCapabilities>");
    return g_string_free(xml, FALSE);
}

static const ValueRow virtio_models[] = {
    { "virtio" }, { "virtio-transitional" }, { "virtio-non-transitional" }, { NULL }
};
static const ValueRow memory_sources[] = {
    { "file" }, { "anonymous" }, { "memfd", NEEDS_TYPE, "memory-backend-memfd" }, { NULL }
};
static const ValueRow disk_devices[] = { { "disk" }, { "cdrom" }, { "floppy" }, { "lun" }, { NULL } };
static const ValueRow disk_buses[] = { { "ide", NEEDS_I440FX },
                                       { "fdc" },
                                       { "scsi" },
                                       { "virtio" },
                                       { "usb", NEEDS_TYPE, "usb-storage" },
                                       { "sata", NEEDS_TYPE, "ich9-ahci" },
                                       { NULL } };
static const ValueRow graphics_types[] = {
    { "vnc", NEEDS_COMMAND, "query-vnc" }, { "spice", NEEDS_COMMAND, "query-spice" }, { "egl-headless" }, { NULL }
};
static const ValueRow video_models[] = { { "vga", NEEDS_TYPE, "VGA" },
                                         { "cirrus", NEEDS_TYPE, "cirrus-vga" },
                                         { "vmvga", NEEDS_TYPE, "vmware-svga" },
                                         { "qxl", NEEDS_TYPE, "qxl-vga" },
                                         { "virtio", NEEDS_TYPE, "virtio-gpu-pci" },
                                         { "none" },
                                         { "bochs", NEEDS_TYPE, "bochs-display" },
                                         { "ramfb", NEEDS_TYPE, "ramfb" },
                                         { NULL } };
static const ValueRow hostdev_modes[] = { { "subsystem" }, { NULL } };
static const ValueRow startup_policies[] = {
    { "default" }, { "mandatory" }, { "requisite" }, { "optional" }, { NULL }
};
static const ValueRow hostdev_types[] = { { "usb", NEEDS_TYPE, "usb-host" },
                                          { "pci", NEEDS_TYPE, "vfio-pci" },
                                          { NULL } };
static const ValueRow pci_backends[] = { { "vfio" }, { NULL } };
static const ValueRow empty[] = { { NULL } };
static const ValueRow rng_backends[] = { { "random" }, { "egd" }, { "builtin", NEEDS_TYPE, "rng-builtin" }, { NULL } };
static const ValueRow filesystem_drivers[] = { { "path", NEEDS_TYPE, "virtio-9p-pci" },
                                               { "virtiofs", NEEDS_TYPE, "vhost-user-fs-pci" },
                                               { NULL } };
static const ValueRow tpm_models[] = { { "tpm-tis", NEEDS_TYPE, "tpm-tis" },
                                       { "tpm-crb", NEEDS_TYPE, "tpm-crb" },
                                       { NULL } };
static const ValueRow tpm_backends[] = { { "passthrough" }, { "emulator", NEEDS_SWTPM }, { "external" }, { NULL } };
static const ValueRow redirdev_buses[] = { { "usb" }, { NULL } };
static const ValueRow channel_types[] = { { "pty" }, { "unix" }, { "spicevmc", NEEDS_CHARDEV, "spicevmc" }, { NULL } };
static const ValueRow hyperv_features[] = {
    { "relaxed" }, { "vapic" }, { "spinlocks" }, { "vpindex" },     { "runtime" },         { "synic" },
    { "stimer" },  { "reset" }, { "vendor_id" }, { "frequencies" }, { "reenlightenment" }, { "tlbflush" },
    { "ipi" },     { "evmcs" }, { "avic" },      { NULL }
};

static const EnumRow memory_enums[] = { { "sourceType", memory_sources }, { NULL } };
static const EnumRow disk_enums[] = {
    { "diskDevice", disk_devices }, { "bus", disk_buses }, { "model", virtio_models }, { NULL }
};
static const EnumRow graphics_enums[] = { { "type", graphics_types }, { NULL } };
static const EnumRow video_enums[] = { { "modelType", video_models }, { NULL } };
static const EnumRow hostdev_enums[] = { { "mode", hostdev_modes },       { "startupPolicy", startup_policies },
                                         { "subsysType", hostdev_types }, { "capsType", empty },
                                         { "pciBackend", pci_backends },  { NULL } };
static const EnumRow rng_enums[] = { { "model", virtio_models }, { "backendModel", rng_backends }, { NULL } };
static const EnumRow filesystem_enums[] = { { "driverType", filesystem_drivers }, { NULL } };
static const EnumRow tpm_enums[] = { { "model", tpm_models }, { "backendModel", tpm_backends }, { NULL } };
static const EnumRow redirdev_enums[] = { { "bus", redirdev_buses }, { NULL } };
static const EnumRow channel_enums[] = { { "type", channel_types }, { NULL } };
static const EnumRow hyperv_enums[] = { { "features", hyperv_features }, { NULL } };

static const FamilyRow memory_rows[] = { { "memoryBacking", NEEDS_NOTHING, NULL, memory_enums }, { NULL } };

static const FamilyRow device_rows[] = {
    { "disk", NEEDS_NOTHING, NULL, disk_enums },        { "graphics", NEEDS_NOTHING, NULL, graphics_enums },
    { "video", NEEDS_NOTHING, NULL, video_enums },      { "hostdev", NEEDS_NOTHING, NULL, hostdev_enums },
    { "rng", NEEDS_TYPE, "virtio-rng-pci", rng_enums }, { "filesystem", NEEDS_NOTHING, NULL, filesystem_enums },
    { "tpm", NEEDS_TYPE, "tpm-tis", tpm_enums },        { "redirdev", NEEDS_TYPE, "usb-redir", redirdev_enums },
    { "channel", NEEDS_NOTHING, NULL, channel_enums },  { NULL },
};

static const FamilyRow hyperv_rows[] = { { "hyperv", NEEDS_KVM, NULL, hyperv_enums }, { NULL } };
