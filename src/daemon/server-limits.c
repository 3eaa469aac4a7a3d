/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/server-limits.h"

ServerLimits server_limits_of_calls(const Config *config)
{
    return (ServerLimits){
        .max_clients = (unsigned)config_integer(config, "max_clients"),
        .max_anonymous_clients = (unsigned)config_integer(config, "max_anonymous_clients"),
        .max_client_requests = (unsigned)config_integer(config, "max_client_requests"),
        .max_workers = (unsigned)config_integer(config, "max_workers"),
        .keepalive_interval = (int)config_integer(config, "keepalive_interval"),
        .keepalive_count = (unsigned)config_integer(config, "keepalive_count"),
    };
}

ServerLimits server_limits_of_admin(const Config *config)
{
    return (ServerLimits){
        .max_clients = (unsigned)config_integer(config, "admin_max_clients"),
        .max_anonymous_clients = 0,
        .max_client_requests = (unsigned)config_integer(config, "admin_max_client_requests"),
        .max_workers = (unsigned)config_integer(config, "admin_max_workers"),
        .keepalive_interval = (int)config_integer(config, "admin_keepalive_interval"),
        .keepalive_count = (unsigned)config_integer(config, "admin_keepalive_count"),
    };
}
