/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules across fields, each one small named function in rules-FAMILY.c or address-BUS.c. They run in the order of the
 * tables in rules.c: defaults, then checks, then addresses. A rule may rely on all rules above it; a check not on other
 * checks.
 */
#pragma once
#include "model/domain.h"

typedef struct {
    Domain *domain;
    const ModelHost *host;
    DomainParseFlags flags;
    const void *at;  /* the device that a rule looks at, so that its error is shown there; NULL: none in particular */
    uint64_t known;  /* checks, by their number, whose error is known: left out, and with them the addresses */
    unsigned failed; /* the number of the rule that has failed … */
    bool checking;   /* … if it is a check and not a default or an address */
} RuleContext;

/* False and an error that names element and cure if the definition cannot be. */
typedef bool (*Rule)(RuleContext *context, GError **error);

/* All rules. */
bool rules_run(RuleContext *context, GError **error);
/* Those that look at one device at a time: defaults and checks, no addresses. */
bool rules_run_device(RuleContext *context, GError **error);

bool rule_name(RuleContext *context, GError **error);
bool rule_uuid(RuleContext *context, GError **error);
bool rule_device_info(RuleContext *context, GError **error);
bool rule_machine(RuleContext *context, GError **error);
bool rule_memory(RuleContext *context, GError **error);
bool rule_vcpus(RuleContext *context, GError **error);
bool rule_perf_events(RuleContext *context, GError **error);
bool rule_iothreads(RuleContext *context, GError **error);
bool rule_cpu(RuleContext *context, GError **error);
bool rule_cpu_check(RuleContext *context, GError **error);
bool rule_clock(RuleContext *context, GError **error);
bool rule_timers(RuleContext *context, GError **error);
bool rule_features(RuleContext *context, GError **error);
bool rule_sort_controllers(RuleContext *context, GError **error);
bool rule_controllers(RuleContext *context, GError **error);
bool rule_shared_memory(RuleContext *context, GError **error);
bool rule_builtin_controllers(RuleContext *context, GError **error);
bool rule_usb_controllers(RuleContext *context, GError **error);
bool rule_disks(RuleContext *context, GError **error);
bool rule_filesystems(RuleContext *context, GError **error);
bool rule_interfaces(RuleContext *context, GError **error);
bool rule_chardevs(RuleContext *context, GError **error);
bool rule_chardev_sources(RuleContext *context, GError **error);
bool rule_inputs(RuleContext *context, GError **error);
bool rule_tpms(RuleContext *context, GError **error);
bool rule_graphics(RuleContext *context, GError **error);
bool rule_video(RuleContext *context, GError **error);
bool rule_audio(RuleContext *context, GError **error);
bool rule_hostdevs(RuleContext *context, GError **error);
bool rule_redirdevs(RuleContext *context, GError **error);
bool rule_watchdogs(RuleContext *context, GError **error);
bool rule_memballoon(RuleContext *context, GError **error);
bool rule_rngs(RuleContext *context, GError **error);
bool rule_panics(RuleContext *context, GError **error);
bool rule_vsocks(RuleContext *context, GError **error);
bool rule_aliases(RuleContext *context, GError **error);
bool rule_boot(RuleContext *context, GError **error);
bool rule_seclabels(RuleContext *context, GError **error);
bool rule_memtune(RuleContext *context, GError **error);
bool rule_cpu_topology(RuleContext *context, GError **error);
bool rule_numa(RuleContext *context, GError **error);
bool rule_numatune(RuleContext *context, GError **error);
bool rule_cputune(RuleContext *context, GError **error);
bool rule_hugepages(RuleContext *context, GError **error);
bool rule_firmware(RuleContext *context, GError **error);
bool rule_sysinfo(RuleContext *context, GError **error);
bool rule_check_disks(RuleContext *context, GError **error);
bool rule_memories(RuleContext *context, GError **error);
bool rule_shmems(RuleContext *context, GError **error);
bool rule_iommus(RuleContext *context, GError **error);
bool rule_launch_security(RuleContext *context, GError **error);
bool rule_spice(RuleContext *context, GError **error);
bool rule_nvram_devices(RuleContext *context, GError **error);
bool rule_drive_addresses(RuleContext *context, GError **error);
bool rule_needed_controllers(RuleContext *context, GError **error);
bool rule_scsi_hostdev_addresses(RuleContext *context, GError **error);
bool rule_scsi_models(RuleContext *context, GError **error);
bool rule_check_controllers(RuleContext *context, GError **error);
bool rule_check_drive_controllers(RuleContext *context, GError **error);
bool rule_virtio_serial_addresses(RuleContext *context, GError **error);
bool rule_ccid_addresses(RuleContext *context, GError **error);
bool rule_dimm_addresses(RuleContext *context, GError **error);
bool rule_usb_addresses(RuleContext *context, GError **error);
bool rule_pci_addresses(RuleContext *context, GError **error);
bool rule_pci_options(RuleContext *context, GError **error);
