/* SPDX-License-Identifier: Apache-2.0 */
/* -machine, -accel, firmware, boot, clock and SMBIOS: what there is once in a guest. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

static const DomainTimer *find_timer(const Domain *def, TimerName name)
{
    for (unsigned i = 0; i < def->clock.n_timers; i++)
        if (def->clock.timers[i]->name == name)
            return def->clock.timers[i];
    return NULL;
}

bool qemu_args_has_pflash(const Domain *def)
{
    return def->os.loader && def->os.loader->path && def->os.loader->type == LOADER_TYPE_PFLASH;
}

static const char *on_off(Tri value)
{
    return value == TRI_YES ? "on" : "off";
}

static void add_x86_machine(const Domain *def, GString *text)
{
    const DomainTimer *hpet = find_timer(def, TIMER_NAME_HPET);
    if (def->features.vmport)
        g_string_append_printf(text, ",vmport=%s", on_off(def->features.vmport));
    if (def->features.smm_given && (def->features.smm != TRI_NO || qemu_args_is_q35(def)))
        g_string_append_printf(text, ",smm=%s", on_off(def->features.smm == TRI_NO ? TRI_NO : TRI_YES));
    if (def->features.ioapic)
        g_string_append_printf(text, ",kernel_irqchip=%s", def->features.ioapic == IOAPIC_DRIVER_QEMU ? "split" : "on");
    if (hpet && hpet->present)
        g_string_append_printf(text, ",hpet=%s", on_off(hpet->present));
    if (!def->features.acpi)
        g_string_append(text, ",acpi=off");
    if (def->os.bios_useserial == TRI_YES)
        g_string_append(text, ",graphics=off");
}

static bool has_nvdimm(const Domain *def)
{
    for (unsigned i = 0; i < def->n_memories; i++)
        if (def->memories[i]->model == MEMORY_MODEL_NVDIMM)
            return true;
    return false;
}

static void add_accel(QemuArgs *args)
{
    const Domain *def = args->def;
    if (!args->kvm && def->features.tcg_tb_cache)
        qemu_args_add(args, "-accel", "tcg,tb-size=%" G_GUINT64_FORMAT, def->features.tcg_tb_cache / 1024);
    else if (args->kvm && def->features.kvm && def->features.kvm->dirty_ring == TRI_YES)
        qemu_args_add(args, "-accel", "kvm,dirty-ring-size=%u", def->features.kvm->dirty_ring_size);
    else
        qemu_args_add(args, "-accel", "%s", args->kvm ? "kvm" : "tcg");
}

bool qemu_args_machine(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    g_autoptr(GString) text = g_string_new(args->machine->name);
    g_string_append(text, ",usb=off");
    if (qemu_args_is_x86(def))
        add_x86_machine(def, text);
    bool dump = def->dump_core ? def->dump_core == TRI_YES : args->resources->dump_guest_core;
    g_string_append_printf(text, ",dump-guest-core=%s", dump ? "on" : "off");
    if (def->memory_nosharepages)
        g_string_append(text, ",mem-merge=off");
    if (has_nvdimm(def))
        g_string_append(text, ",nvdimm=on");
    if (def->features.gic_version == GIC_VERSION_HOST)
        g_string_append(text, ",gic-version=host");
    else if (def->features.gic_version)
        g_string_append_printf(text, ",gic-version=%s",
                               model_enum_text(&model_enum_gic_version, def->features.gic_version));
    if (def->cpu == NULL || def->cpu->n_numa_cells == 0)
        if (qemu_args_has_memory_backend(args))
            g_string_append_printf(text, ",memory-backend=%s", args->machine->default_ram_id);
    if (qemu_args_has_pflash(def)) {
        g_string_append(text, ",pflash0=" QEMU_PFLASH_CODE);
        if (def->os.nvram)
            g_string_append(text, ",pflash1=" QEMU_PFLASH_VARS);
    }
    qemu_args_add(args, "-machine", "%s", text->str);
    add_accel(args);
    if (def->features.smm_tseg)
        qemu_args_add(args, "-global", "mch.extended-tseg-mbytes=%" G_GUINT64_FORMAT,
                      (guint64)(def->features.smm_tseg >> 20));
    return true;
}

/* @file: the storage, taken over. */
static void add_flash(QemuArgs *args, JsonObject *file, const char *path, const char *format, bool read_only,
                      const char *storage, const char *node)
{
    qmp_object_add(file, "s:node-name", storage, NULL);
    qemu_block_access(file, path, read_only);
    qmp_object_add(file, "s:discard", "unmap", NULL);
    qemu_args_add_json(args, "-blockdev", file);
    qemu_args_add_json(args, "-blockdev",
                       qmp_object("s:node-name", node, "b:read-only", (gboolean)read_only, "s:driver",
                                  format ? format : "raw", "s:file", storage, NULL));
}

static JsonObject *file_storage(const char *path)
{
    return qmp_object("s:driver", "file", "s:filename", path, NULL);
}

/* They may stand on a server, as a disk's bytes may. */
static bool add_variables(QemuArgs *args, const DomainNvram *nvram, GError **error)
{
    const char *path = nvram->path ? nvram->path : nvram->source.path;
    if (!path)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<nvram> names no file or block device");
    JsonObject *storage = nvram->path ? file_storage(path) : qemu_block_storage(&nvram->source, "<nvram>", error);
    if (!storage)
        return false;
    add_flash(args, storage, path, nvram->format, false, "lodge-pflash1-storage", QEMU_PFLASH_VARS);
    return true;
}

bool qemu_args_firmware(QemuArgs *args, GError **error)
{
    const DomainOs *os = &args->def->os;
    if (!os->loader || !os->loader->path)
        return true;
    if (!qemu_args_has_pflash(args->def)) {
        qemu_args_add(args, "-bios", "%s", os->loader->path);
        return true;
    }
    add_flash(args, file_storage(os->loader->path), os->loader->path, os->loader->format,
              os->loader->readonly == TRI_YES, "lodge-pflash0-storage", QEMU_PFLASH_CODE);
    if (os->nvram && !add_variables(args, os->nvram, error))
        return false;
    if (os->loader->secure == TRI_YES)
        qemu_args_add(args, "-global", "driver=cfi.pflash01,property=secure,value=on");
    return true;
}

/* Seconds that a guest in local time is ahead of UTC at @when. */
static gint64 local_offset(gint64 when)
{
    g_autoptr(GDateTime) local = g_date_time_new_from_unix_local(when);
    return local ? g_date_time_get_utc_offset(local) / G_USEC_PER_SEC : 0;
}

static char *rtc_base(const QemuArgs *args)
{
    const DomainClock *clock = &args->def->clock;
    gint64 now = args->resources->now ? args->resources->now : g_get_real_time() / G_USEC_PER_SEC;
    gint64 base = clock->start;
    switch (clock->offset) {
    case CLOCK_OFFSET_LOCALTIME:
    case CLOCK_OFFSET_TIMEZONE: return g_strdup("localtime"); /* the zone stands in QEMU's environment */
    case CLOCK_OFFSET_VARIABLE:
        base = now + (clock->adjustment ? g_ascii_strtoll(clock->adjustment, NULL, 10) : 0);
        if (clock->basis == CLOCK_BASIS_LOCALTIME)
            base += local_offset(now);
        break;
    case CLOCK_OFFSET_ABSOLUTE: break;
    default: return g_strdup("utc");
    }
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(base);
    return time ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%S") : g_strdup("utc");
}

static bool add_timers(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    const DomainTimer *pit = find_timer(def, TIMER_NAME_PIT);
    /* TCG has one PIT, whose policy cannot be chosen. */
    if (pit && args->kvm && pit->tickpolicy == TIMER_TICK_POLICY_DELAY)
        qemu_args_add(args, "-global", "kvm-pit.lost_tick_policy=delay");
    else if (pit && args->kvm && pit->tickpolicy == TIMER_TICK_POLICY_DISCARD)
        qemu_args_add(args, "-global", "kvm-pit.lost_tick_policy=discard");
    return true;
}

const char *qemu_args_pm_device(const Domain *def)
{
    if (qemu_args_is_q35(def))
        return "ICH9-LPC";
    return qemu_args_is_i440fx(def) && def->features.acpi ? "PIIX4_PM" : NULL;
}

static void add_pm(QemuArgs *args)
{
    const Domain *def = args->def;
    const char *device = qemu_args_pm_device(def);
    if (device && def->pm_suspend_to_mem)
        qemu_args_add(args, "-global", "%s.disable_s3=%d", device, def->pm_suspend_to_mem == TRI_NO);
    if (device && def->pm_suspend_to_disk)
        qemu_args_add(args, "-global", "%s.disable_s4=%d", device, def->pm_suspend_to_disk == TRI_NO);
}

bool qemu_args_clock(QemuArgs *args, GError **error)
{
    const DomainTimer *rtc = find_timer(args->def, TIMER_NAME_RTC);
    static const char *const tracks[TIMER_TRACK_COUNT] = {
        [TIMER_TRACK_GUEST] = ",clock=vm", [TIMER_TRACK_WALL] = ",clock=host", [TIMER_TRACK_REALTIME] = ",clock=rt"
    };
    const char *track = rtc && rtc->track ? tracks[rtc->track] : "";
    if (!track)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<timer name='rtc'>: QEMU cannot track 'boot' time");
    g_autofree char *base = rtc_base(args);
    bool catch_up = rtc && rtc->tickpolicy == TIMER_TICK_POLICY_CATCHUP;
    qemu_args_add(args, "-rtc", "base=%s%s%s", base, track, catch_up ? ",driftfix=slew" : "");
    if (!add_timers(args, error))
        return false;
    /* Reboots that the definition wants to end otherwise stop the guest; the daemon does the rest. */
    if (args->def->on_reboot != LIFECYCLE_ACTION_RESTART)
        g_ptr_array_add(args->argv, g_strdup("-no-reboot"));
    g_ptr_array_add(args->argv, g_strdup("-no-shutdown"));
    add_pm(args);
    return true;
}

uint32_t qemu_args_boot_index(const QemuArgs *args, BootDevice kind, const void *device, const DomainDeviceInfo *info)
{
    static const DiskDevice kinds[BOOT_DEVICE_COUNT] = { [BOOT_DEVICE_FD] = DISK_DEVICE_FLOPPY,
                                                         [BOOT_DEVICE_HD] = DISK_DEVICE_DISK,
                                                         [BOOT_DEVICE_CDROM] = DISK_DEVICE_CDROM };
    const Domain *def = args->def;
    if (info->boot_order || args->steps)
        return info->boot_order; /* what is plugged in later is not booted from unless it says so */
    for (unsigned i = 0; i < def->os.n_boot; i++) {
        if (def->os.boot[i]->dev != kind)
            continue;
        if (kind == BOOT_DEVICE_NETWORK)
            return def->n_interfaces > 0 && def->interfaces[0] == device ? i + 1 : 0;
        for (unsigned j = 0; j < def->n_disks; j++) {
            bool is_kind = def->disks[j]->device == kinds[kind] ||
                           (kind == BOOT_DEVICE_HD && def->disks[j]->device == DISK_DEVICE_LUN);
            if (is_kind)
                return def->disks[j] == device ? i + 1 : 0;
        }
    }
    return 0;
}

static void add_kernel(QemuArgs *args)
{
    const DomainOs *os = &args->def->os;
    if (os->kernel)
        qemu_args_add(args, "-kernel", "%s", os->kernel);
    if (os->initrd)
        qemu_args_add(args, "-initrd", "%s", os->initrd);
    if (os->cmdline)
        qemu_args_add(args, "-append", "%s", os->cmdline);
    if (os->dtb)
        qemu_args_add(args, "-dtb", "%s", os->dtb);
}

bool qemu_args_boot(QemuArgs *args, GError **error)
{
    const DomainOs *os = &args->def->os;
    g_autoptr(GString) text = g_string_new(NULL);
    if (os->bootmenu)
        g_string_append_printf(text, "menu=%s,", on_off(os->bootmenu));
    if (os->bootmenu_timeout_set)
        g_string_append_printf(text, "splash-time=%u,", os->bootmenu_timeout);
    if (os->bios_reboot_timeout_set)
        g_string_append_printf(text, "reboot-timeout=%d,", os->bios_reboot_timeout);
    g_string_append(text, "strict=on");
    qemu_args_add(args, "-boot", "%s", text->str);
    add_kernel(args);
    for (unsigned i = 0; i < os->n_acpi_tables; i++) {
        g_autofree char *path = qemu_args_escape(os->acpi_tables[i]->path);
        qemu_args_add(args, "-acpitable", "sig=SLIC,file=%s", path);
    }
    return true;
}

/* XML name → QEMU's, by SMBIOS table. */
typedef struct {
    const char *xml, *qemu;
} SmbiosName;

static void add_smbios(QemuArgs *args, unsigned table, const DomainSysinfoBlock *block, const SmbiosName *names)
{
    if (!block)
        return;
    g_autoptr(GString) text = g_string_new(NULL);
    for (; names->xml; names++) {
        for (unsigned i = 0; i < block->n_entries; i++) {
            const DomainSysinfoEntry *entry = block->entries[i];
            if (strcmp(entry->name, names->xml) != 0 || !entry->value)
                continue;
            g_autofree char *value = qemu_args_escape(entry->value);
            g_string_append_printf(text, ",%s=%s", names->qemu, value);
        }
    }
    if (text->len > 0)
        qemu_args_add(args, "-smbios", "type=%u%s", table, text->str);
}

static void add_smbios_tables(QemuArgs *args, const DomainSysinfo *info)
{
    static const SmbiosName bios[] = {
        { "vendor", "vendor" }, { "version", "version" }, { "date", "date" }, { "release", "release" }, { NULL }
    };
    static const SmbiosName system[] = { { "manufacturer", "manufacturer" },
                                         { "product", "product" },
                                         { "version", "version" },
                                         { "serial", "serial" },
                                         { "uuid", "uuid" },
                                         { "sku", "sku" },
                                         { "family", "family" },
                                         { NULL } };
    static const SmbiosName board[] = { { "manufacturer", "manufacturer" },
                                        { "product", "product" },
                                        { "version", "version" },
                                        { "serial", "serial" },
                                        { "asset", "asset" },
                                        { "location", "location" },
                                        { NULL } };
    static const SmbiosName chassis[] = { { "manufacturer", "manufacturer" },
                                          { "version", "version" },
                                          { "serial", "serial" },
                                          { "asset", "asset" },
                                          { "sku", "sku" },
                                          { NULL } };
    add_smbios(args, 0, info->bios, bios);
    add_smbios(args, 1, info->system, system);
    for (unsigned i = 0; i < info->n_base_boards; i++)
        add_smbios(args, 2, info->base_boards[i], board);
    add_smbios(args, 3, info->chassis, chassis);
    g_autoptr(GString) strings = g_string_new(NULL);
    for (unsigned i = 0; i < info->n_oem_strings; i++) {
        g_autofree char *value = qemu_args_escape(info->oem_strings[i]->value);
        g_string_append_printf(strings, ",value=%s", value);
    }
    if (strings->len > 0)
        qemu_args_add(args, "-smbios", "type=11%s", strings->str);
}

static void add_fwcfg(QemuArgs *args, const DomainSysinfo *info)
{
    for (unsigned i = 0; i < info->n_fwcfg; i++) {
        const DomainSysinfoEntry *entry = info->fwcfg[i];
        g_autofree char *name = qemu_args_escape(entry->name);
        g_autofree char *value = qemu_args_escape(entry->file ? entry->file : entry->value ? entry->value : "");
        qemu_args_add(args, "-fw_cfg", "name=%s,%s=%s", name, entry->file ? "file" : "string", value);
    }
}

bool qemu_args_sysinfo(QemuArgs *args, GError **error)
{
    const Domain *def = args->def;
    if (def->os.smbios_mode == SMBIOS_MODE_HOST)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<smbios mode='host'>: the host's tables are not handed to guests; use mode='sysinfo' and "
                         "write the values into <sysinfo>");
    for (unsigned i = 0; i < def->n_sysinfo; i++) {
        if (def->sysinfo[i]->type == SYSINFO_TYPE_FWCFG)
            add_fwcfg(args, def->sysinfo[i]);
        else if (def->os.smbios_mode == SMBIOS_MODE_SYSINFO)
            add_smbios_tables(args, def->sysinfo[i]);
    }
    return true;
}
