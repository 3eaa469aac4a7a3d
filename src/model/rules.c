/* SPDX-License-Identifier: Apache-2.0 */
#include "model/rules.h"

/* Runs from top to bottom. */
static const Rule rules[] = {
    /* what the guest is */
    rule_name,
    rule_uuid,
    rule_device_info,
    rule_machine,
    /* defaults */
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
    /* checks */
    rule_cpu_topology,
    rule_numa,
    rule_numatune,
    rule_cputune,
    rule_hugepages,
    rule_firmware,
    rule_sysinfo,
    rule_check_disks,
    rule_memories,
    rule_shmems,
    rule_iommus,
    rule_launch_security,
    rule_spice,
    rule_shared_memory,
    rule_nvram_devices,
    /* addresses */
    rule_needed_controllers,
    rule_scsi_models,
    rule_check_drive_controllers,
    rule_check_controllers,
    rule_virtio_serial_addresses,
    rule_ccid_addresses,
    rule_dimm_addresses,
    rule_usb_addresses,
    rule_pci_addresses,
    rule_pci_options,
};

static const Rule device_rules[] = {
    rule_device_info,     rule_controllers, rule_disks,       rule_filesystems, rule_interfaces,
    rule_chardev_sources, rule_inputs,      rule_tpms,        rule_graphics,    rule_video,
    rule_hostdevs,        rule_redirdevs,   rule_watchdogs,   rule_rngs,        rule_panics,
    rule_vsocks,          rule_aliases,     rule_check_disks, rule_shmems,      rule_iommus,
};

static bool rules_run_table(const Rule *table, unsigned n, RuleContext *context, GError **error)
{
    for (unsigned i = 0; i < n; i++) {
        if (!table[i](context, error))
            return false;
    }
    return true;
}

bool rules_run(RuleContext *context, GError **error)
{
    return rules_run_table(rules, G_N_ELEMENTS(rules), context, error);
}

bool rules_run_device(RuleContext *context, GError **error)
{
    return rules_run_table(device_rules, G_N_ELEMENTS(device_rules), context, error);
}
