/* SPDX-License-Identifier: Apache-2.0 */
/* The host's end of a guest's network card: a tap, on a bridge or free. It goes with its last descriptor. */
#pragma once
#include "model/domain.h"

/* Whether the host has a tap for the card; QEMU connects others itself. */
bool vm_tap_is_for(const DomainInterface *interface);
/*
 * Makes the tap, connects it as @interface says, and writes its name there. *ret_fds: one descriptor a queue, to be
 * closed by the caller, who frees the array too. May block. Any thread.
 */
bool vm_tap_open(DomainInterface *interface, int **ret_fds, unsigned *ret_n, GError **error);
/* Whether there is a bridge of that name; says how to make one. */
bool vm_tap_require_bridge(const char *bridge, GError **error);
