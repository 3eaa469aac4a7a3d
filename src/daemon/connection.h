/* SPDX-License-Identifier: Apache-2.0 */
/* What others need of the connection's handlers. Main loop. */
#pragma once
#include "rpc/client.h"

/* Tells a client that asked for it why its connection ends now; @reason: virConnectCloseReason. */
void connection_announce_close(Client *client, int reason);
