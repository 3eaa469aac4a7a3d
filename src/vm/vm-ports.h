/* SPDX-License-Identifier: Apache-2.0 */
/* TCP ports of displays, given to one guest at a time. Any thread; does not block on the network. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct VmPorts VmPorts;

VmPorts *vm_ports_new(void);
void vm_ports_free(VmPorts *ports);

/* The lowest port of first … last that no guest has and nobody else listens on; VIR_ERR_INTERNAL_ERROR if all are
 * taken. */
bool vm_ports_reserve(VmPorts *ports, unsigned first, unsigned last, unsigned *ret_port, GError **error);
/* Notes a port that a guest has anyway: given by number, or of an adopted guest. */
void vm_ports_note(VmPorts *ports, unsigned port);
void vm_ports_release(VmPorts *ports, unsigned port);
