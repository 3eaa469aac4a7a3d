/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net-bridge.h"

#include "net/net-link-ioctl.h"

#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>

#define PORTS_MAX 1024 /* of one bridge in the kernel */

/* The interface numbers of @bridge's ports; false if it is not a bridge. */
static bool read_ports(int fd, const char *bridge, int ports[PORTS_MAX])
{
    memset(ports, 0, PORTS_MAX * sizeof ports[0]);
    unsigned long args[] = { BRCTL_GET_PORT_LIST, (unsigned long)(uintptr_t)ports, PORTS_MAX, 0 };
    struct ifreq ifr = { .ifr_data = (char *)args };
    g_strlcpy(ifr.ifr_name, bridge, sizeof ifr.ifr_name);
    return ioctl(fd, SIOCDEVPRIVATE, &ifr) >= 0;
}

static bool has_port(const char *bridge, unsigned port)
{
    g_autofree int *ports = g_new(int, PORTS_MAX);
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || !read_ports(fd, bridge, ports))
        return false;
    for (unsigned i = 0; i < PORTS_MAX; i++) {
        if (ports[i] == (int)port)
            return true;
    }
    return false;
}

bool net_bridge_exists(const char *name)
{
    if (!net_link_exists(name))
        return false;
    g_autofree int *ports = g_new(int, PORTS_MAX);
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && read_ports(fd, name, ports);
}

static bool bridge_ioctl(const char *name, unsigned long request, const char *action, GError **error)
{
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set_errno(error, errno, "open a socket to configure bridge '%s'", name);
    char copy[IFNAMSIZ];
    g_strlcpy(copy, name, sizeof copy);
    if (ioctl(fd, request, copy) < 0)
        return error_set_errno(error, errno, "%s bridge '%s'", action, name);
    return true;
}

bool net_bridge_create(const char *name, GError **error)
{
    if (!net_link_name_valid(name))
        return error_set(error, VIR_ERR_INVALID_ARG, "'%s' is not a name for a bridge", name);
    if (net_link_exists(name))
        return error_set(error, VIR_ERR_OPERATION_FAILED, "an interface '%s' exists already: choose another name",
                         name);
    return bridge_ioctl(name, SIOCBRADDBR, "make", error);
}

bool net_bridge_remove(const char *name, GError **error)
{
    if (!net_link_exists(name))
        return true;
    return net_link_set_up(name, false, error) && bridge_ioctl(name, SIOCBRDELBR, "remove", error);
}

bool net_bridge_add_port(const char *bridge, const char *port, GError **error)
{
    if (!net_bridge_exists(bridge))
        return error_set(error, VIR_ERR_SYSTEM_ERROR,
                         "there is no bridge '%s' on this host: make it with 'ip link add %s type bridge', or name "
                         "another in <source bridge='…'/>",
                         bridge, bridge);
    unsigned index = net_link_name_valid(port) ? if_nametoindex(port) : 0;
    if (index == 0)
        return error_set(error, VIR_ERR_SYSTEM_ERROR, "there is no network interface '%s' to add to bridge '%s'", port,
                         bridge);
    if (has_port(bridge, index))
        return true;
    struct ifreq ifr = { .ifr_ifindex = (int)index };
    g_autofree char *action = g_strdup_printf("add port '%s' to bridge", port);
    return net_link_ioctl(bridge, SIOCBRADDIF, &ifr, action, error);
}

bool net_bridge_remove_port(const char *bridge, const char *port, GError **error)
{
    unsigned index = net_link_name_valid(port) ? if_nametoindex(port) : 0;
    if (index == 0 || !net_link_exists(bridge) || !has_port(bridge, index))
        return true;
    struct ifreq ifr = { .ifr_ifindex = (int)index };
    g_autofree char *action = g_strdup_printf("remove port '%s' from bridge", port);
    return net_link_ioctl(bridge, SIOCBRDELIF, &ifr, action, error);
}

/* Sends one request of rtnetlink and reads its acknowledgement; 0 or an error number. */
static int ask_kernel(const void *request, size_t length)
{
    struct {
        struct nlmsghdr header;
        struct nlmsgerr error;
    } answer;
    auto_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0 || send(fd, request, length, 0) < 0)
        return errno;
    ssize_t got = recv(fd, &answer, sizeof answer, 0);
    if (got < 0)
        return errno;
    return (size_t)got >= sizeof answer && answer.header.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EPROTO;
}

bool net_bridge_isolate_port(const char *port, bool isolated, GError **error)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
        struct rtattr info; /* nested: */
        struct rtattr flag;
        uint8_t value, padding[3];
    } request = {
        .header = { .nlmsg_len = sizeof request, .nlmsg_type = RTM_SETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK },
        .link = { .ifi_family = AF_BRIDGE, .ifi_index = (int)if_nametoindex(port) },
        .info = { RTA_LENGTH(RTA_SPACE(1)), IFLA_PROTINFO | NLA_F_NESTED },
        .flag = { RTA_LENGTH(1), IFLA_BRPORT_ISOLATED },
        .value = isolated,
    };
    int code = ask_kernel(&request, sizeof request);
    return code == 0 || error_set_errno(error, code, "isolate port '%s' of its bridge", port);
}
