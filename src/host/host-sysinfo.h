/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The <sysinfo type='smbios'> document of virConnectGetSysinfo, from the tables that the firmware left (SMBIOS, DMTF's
 * DSP0134): parsed here, without running dmidecode. Any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Of this host, from /sys/firmware/dmi/tables below @sysroot (readable for root only), else the parts of it in
 * /sys/class/dmi/id. NULL with VIR_ERR_CONFIG_UNSUPPORTED if it has none. Owned by the caller.
 */
char *host_sysinfo_format(const char *sysroot, GError **error);

/*
 * Of the structure table @table; @version: major × 256 + minor of its entry point. The table may be cut off or damaged:
 * what is whole is reported. NULL if nothing is.
 */
char *host_sysinfo_format_table(const uint8_t *table, size_t length, unsigned version);
