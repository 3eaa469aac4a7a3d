/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Start-up: loads stored definitions and takes up again the guests that ran on while no daemon did. A guest whose QEMU
 * does not answer is listed as running but unreachable and tried again until it answers or ends; it is never killed.
 */
#pragma once
#include "vm/vm.h"

/*
 * Publishes every stored and every running guest; the daemon may serve as soon as it returns. Connecting to the
 * monitors goes on in the guests' mailboxes. @paths' directories exist. Main thread, before the loop runs.
 */
void vm_adopt_all(Daemon *daemon);

/* Leaves all guests to themselves: closes their monitors and waits for jobs under way. End of the daemon. */
void vm_leave_all(Daemon *daemon);
