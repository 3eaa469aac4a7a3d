/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-tap.h"

#include "base/error.h"
#include "net/net-bridge.h"
#include "net/net-link.h"
#include "net/net-tap.h"
#include "vm/vm-iftune.h"

#include <unistd.h>

bool vm_tap_is_for(const DomainInterface *interface)
{
    return interface->type == INTERFACE_TYPE_BRIDGE || interface->type == INTERFACE_TYPE_ETHERNET;
}

bool vm_tap_require_bridge(const char *bridge, GError **error)
{
    return net_bridge_exists(bridge) ||
           error_set(error, VIR_ERR_OPERATION_FAILED,
                     "bridge '%s' does not exist on this host: create it (ip link add %s type bridge) or name another",
                     bridge, bridge);
}

static bool connect_tap(const DomainInterface *interface, const char *tap, bool existing, GError **error)
{
    if (interface->type == INTERFACE_TYPE_BRIDGE &&
        (!vm_tap_require_bridge(interface->bridge, error) || !net_bridge_add_port(interface->bridge, tap, error)))
        return false;
    if (interface->isolated == TRI_YES && !net_bridge_isolate_port(tap, true, error))
        return false;
    return existing || net_link_set_up(tap, true, error);
}

bool vm_tap_open(DomainInterface *interface, int **ret_fds, unsigned *ret_n, GError **error)
{
    bool virtio = g_strcmp0(interface->model, "virtio") == 0;
    unsigned queues = virtio && interface->driver && interface->driver->queues ? interface->driver->queues : 1;
    bool existing = interface->type == INTERFACE_TYPE_ETHERNET && interface->target_managed == TRI_NO;
    uint8_t mac[6];
    net_tap_host_mac(interface->mac.bytes, mac);
    NetTapOptions options = {
        .name = interface->target ? interface->target : "vnet%d",
        .queues = queues,
        .vnet_header = virtio,
        .existing = existing,
        .mac = existing ? NULL : mac,
        .mtu = interface->mtu,
    };
    if (queues > NET_TAP_QUEUES_MAX)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "a network card has at most %d queues, not %u",
                         NET_TAP_QUEUES_MAX, queues);
    g_autofree int *fds = g_new(int, queues);
    g_autofree char *name = NULL;
    if (!net_tap_open(&options, fds, &name, error))
        return false;
    if (!connect_tap(interface, name, existing, error) || !vm_iftune_apply(interface, name, error)) {
        for (unsigned i = 0; i < queues; i++)
            close(fds[i]);
        return false;
    }
    g_free(interface->target);
    interface->target = g_steal_pointer(&name);
    *ret_fds = g_steal_pointer(&fds);
    *ret_n = queues;
    return true;
}
