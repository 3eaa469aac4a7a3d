/* SPDX-License-Identifier: Apache-2.0 */
#include "model/rules.h"

/* The three tables run from top to bottom. What the guest is, and defaults: */
static const Rule defaults[] = {
    rule_name,
    rule_uuid,
    rule_device_info,
    rule_machine,
    rule_memory,
    rule_vcpus,
    rule_iothreads,
    rule_cpu_check,
    rule_cpu,
    rule_clock,
    rule_timers,
    rule_features,
    rule_sort_controllers,
    rule_disks,
    rule_drive_addresses,
    rule_scsi_hostdev_addresses,
    rule_controllers,
    rule_builtin_controllers,
    rule_usb_controllers,
    rule_filesystems,
    rule_interfaces,
    rule_chardevs,
    rule_chardev_sources,
    rule_inputs,
    rule_tpms,
    rule_graphics,
    rule_video,
    rule_audio,
    rule_hostdevs,
    rule_redirdevs,
    rule_watchdogs,
    rule_memballoon,
    rule_rngs,
    rule_panics,
    rule_vsocks,
    rule_aliases,
    rule_boot,
    rule_seclabels,
    rule_memtune,
};

static const Rule checks[] = {
    rule_cpu_topology,    rule_numa,    rule_numatune,      rule_cputune,       rule_hugepages, rule_perf_events,
    rule_firmware,        rule_sysinfo, rule_check_disks,   rule_memories,      rule_shmems,    rule_iommus,
    rule_launch_security, rule_spice,   rule_shared_memory, rule_nvram_devices,
};

static const Rule addresses[] = {
    rule_needed_controllers,      rule_scsi_models,    rule_check_drive_controllers, rule_check_controllers,
    rule_virtio_serial_addresses, rule_ccid_addresses, rule_dimm_addresses,          rule_usb_addresses,
    rule_pci_addresses,           rule_pci_options,
};

static const Rule device_rules[] = {
    rule_device_info,     rule_controllers, rule_disks,       rule_filesystems, rule_interfaces,
    rule_chardev_sources, rule_inputs,      rule_tpms,        rule_graphics,    rule_video,
    rule_hostdevs,        rule_redirdevs,   rule_watchdogs,   rule_rngs,        rule_panics,
    rule_vsocks,          rule_aliases,     rule_check_disks, rule_shmems,      rule_iommus,
};

static bool rules_run_table(const Rule *table, unsigned n, uint64_t skipped, RuleContext *context, GError **error)
{
    for (unsigned i = 0; i < n; i++) {
        context->at = NULL;
        context->failed = i;
        if (!(skipped >> i & 1) && !table[i](context, error))
            return false;
    }
    return true;
}

G_STATIC_ASSERT(G_N_ELEMENTS(checks) <= 64);

bool rules_run(RuleContext *context, GError **error)
{
    context->checking = false;
    if (!rules_run_table(defaults, G_N_ELEMENTS(defaults), 0, context, error))
        return false;
    context->checking = true;
    if (!rules_run_table(checks, G_N_ELEMENTS(checks), context->known, context, error))
        return false;
    context->checking = false;
    /* Addresses may rely on all checks. */
    return context->known || rules_run_table(addresses, G_N_ELEMENTS(addresses), 0, context, error);
}

bool rules_run_device(RuleContext *context, GError **error)
{
    return rules_run_table(device_rules, G_N_ELEMENTS(device_rules), 0, context, error);
}
