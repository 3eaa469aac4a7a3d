/* SPDX-License-Identifier: Apache-2.0 */
/* The daemon's host CPUs, for maps of them. */
#pragma once
#include "cli/shell.h"

/* How many CPUs the host can have: the width of a map. */
bool host_cpus_count(Shell *shell, unsigned *ret_count, GError **error);
/* "0-3,^2", or "r" for all, as the wire's byte map of @host_cpus bits. */
bool host_cpus_map(const char *text, unsigned host_cpus, uint8_t **ret_map, uint32_t *ret_length, GError **error);
