/* SPDX-License-Identifier: Apache-2.0 */
/* Ends a daemon that nobody needs: no client, no call, no running guest for so many seconds. Main loop. */
#pragma once
#include "daemon/daemon.h"

/* @seconds ≤ 0: never. */
void idle_init(Daemon *daemon, GMainLoop *loop, int seconds);
void idle_stop(void);
/* A new time, from virt-admin; 0: never. */
void idle_set_timeout(unsigned seconds);
