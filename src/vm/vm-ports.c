/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-ports.h"

#include "base/auto-fd.h"
#include "base/error.h"

#include <netinet/in.h>
#include <sys/socket.h>

struct VmPorts {
    GMutex lock;
    uint8_t used[65536 / 8];
};

VmPorts *vm_ports_new(void)
{
    VmPorts *ports = g_new0(VmPorts, 1);
    g_mutex_init(&ports->lock);
    return ports;
}

void vm_ports_free(VmPorts *ports)
{
    if (ports)
        g_mutex_clear(&ports->lock);
    g_free(ports);
}

/* Whether nobody on this host listens on the port, tried for both families. */
static bool port_is_free(unsigned port)
{
    int on = 1;
    auto_fd int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
    auto_fd int fd4 = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in any4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    /* REUSEADDR as QEMU itself: connections of an earlier guest that linger are no hindrance. */
    if (fd >= 0 && (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0 ||
                    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
                    bind(fd, (struct sockaddr *)&any, sizeof any) < 0 || listen(fd, 1) < 0))
        return false;
    return fd4 >= 0 && setsockopt(fd4, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
           bind(fd4, (struct sockaddr *)&any4, sizeof any4) == 0 && listen(fd4, 1) == 0;
}

bool vm_ports_reserve(VmPorts *ports, unsigned first, unsigned last, unsigned *ret_port, GError **error)
{
    g_mutex_lock(&ports->lock);
    for (unsigned port = first; port <= last; port++) {
        if ((ports->used[port / 8] >> port % 8 & 1) || !port_is_free(port))
            continue;
        ports->used[port / 8] |= (uint8_t)(1u << port % 8);
        g_mutex_unlock(&ports->lock);
        *ret_port = port;
        return true;
    }
    g_mutex_unlock(&ports->lock);
    return error_set(error, VIR_ERR_INTERNAL_ERROR,
                     "no free port between %u and %u: end a guest or widen the range in the "
                     "config file",
                     first, last);
}

void vm_ports_note(VmPorts *ports, unsigned port)
{
    g_mutex_lock(&ports->lock);
    ports->used[port / 8] |= (uint8_t)(1u << port % 8);
    g_mutex_unlock(&ports->lock);
}

void vm_ports_release(VmPorts *ports, unsigned port)
{
    g_mutex_lock(&ports->lock);
    ports->used[port / 8] &= (uint8_t) ~(1u << port % 8);
    g_mutex_unlock(&ports->lock);
}
