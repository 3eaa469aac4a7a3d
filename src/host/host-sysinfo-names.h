/* SPDX-License-Identifier: Apache-2.0 */
/* The words for SMBIOS's numbers (DSP0134), for host-sysinfo.c only. */
#pragma once
#include <stdbool.h>

typedef struct {
    unsigned code;
    const char *name; /* NULL ends a table */
} HostSysinfoName;

extern const HostSysinfoName host_sysinfo_processor_types[];
extern const HostSysinfoName host_sysinfo_processor_states[];
extern const HostSysinfoName host_sysinfo_families[];
extern const HostSysinfoName host_sysinfo_form_factors[];
extern const HostSysinfoName host_sysinfo_memory_types[];
extern const HostSysinfoName host_sysinfo_memory_details[]; /* by bit */

/* NULL if the table has no such code. */
const char *host_sysinfo_name(const HostSysinfoName *table, unsigned code);

/* Whose CPUID signature the processor's id of a family is. */
typedef enum {
    HOST_SYSINFO_NO_CPUID,
    HOST_SYSINFO_INTEL,
    HOST_SYSINFO_AMD,
} HostSysinfoCpuid;

/* Where the family says nothing ("Other"), the name in @version decides. @version may be NULL. */
HostSysinfoCpuid host_sysinfo_family_cpuid(unsigned family, const char *version);
