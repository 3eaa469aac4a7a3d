/* SPDX-License-Identifier: Apache-2.0 */
/* The servers' limits as the configuration says. Any thread. */
#pragma once
#include "daemon/config.h"
#include "rpc/server.h"

ServerLimits server_limits_of_calls(const Config *config);
ServerLimits server_limits_of_admin(const Config *config);
