/* SPDX-License-Identifier: Apache-2.0 */
/* What the model's rules want to know of this host (model/host.h), answered by the emulators' capabilities. */
#pragma once
#include "daemon/daemon.h"
#include "model/host.h"

/* @daemon is borrowed for life. The callbacks may block on the first probe of an emulator: not on the main loop. */
ModelHost *vm_model_host_new(Daemon *daemon);
void vm_model_host_free(ModelHost *host);
