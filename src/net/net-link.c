/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net-link-ioctl.h"

#include <net/if_arp.h>

bool net_link_name_valid(const char *name)
{
    size_t length = strlen(name);
    if (length == 0 || length >= IFNAMSIZ || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (const char *c = name; *c; c++) {
        if (*c == '/' || *c == ':' || g_ascii_isspace(*c))
            return false;
    }
    return true;
}

bool net_link_exists(const char *name)
{
    return net_link_name_valid(name) && if_nametoindex(name) != 0;
}

bool net_link_set_up(const char *name, bool up, GError **error)
{
    struct ifreq ifr = { 0 };
    if (!net_link_ioctl(name, SIOCGIFFLAGS, &ifr, "read the flags of interface", error))
        return false;
    short flags = up ? (short)(ifr.ifr_flags | IFF_UP) : (short)(ifr.ifr_flags & ~IFF_UP);
    if (flags == ifr.ifr_flags)
        return true;
    ifr.ifr_flags = flags;
    return net_link_ioctl(name, SIOCSIFFLAGS, &ifr, up ? "set up interface" : "set down interface", error);
}

bool net_link_set_mtu(const char *name, unsigned mtu, GError **error)
{
    struct ifreq ifr = { .ifr_mtu = (int)mtu };
    return net_link_ioctl(name, SIOCSIFMTU, &ifr, "set the MTU of interface", error);
}

bool net_link_get_mtu(const char *name, unsigned *ret_mtu, GError **error)
{
    struct ifreq ifr = { 0 };
    if (!net_link_ioctl(name, SIOCGIFMTU, &ifr, "read the MTU of interface", error))
        return false;
    *ret_mtu = (unsigned)ifr.ifr_mtu;
    return true;
}

bool net_link_set_mac(const char *name, const uint8_t mac[6], GError **error)
{
    struct ifreq ifr = { .ifr_hwaddr.sa_family = ARPHRD_ETHER };
    memcpy(ifr.ifr_hwaddr.sa_data, mac, 6);
    return net_link_ioctl(name, SIOCSIFHWADDR, &ifr, "set the MAC address of interface", error);
}

bool net_link_get_mac(const char *name, uint8_t ret_mac[6], GError **error)
{
    struct ifreq ifr = { 0 };
    if (!net_link_ioctl(name, SIOCGIFHWADDR, &ifr, "read the MAC address of interface", error))
        return false;
    memcpy(ret_mac, ifr.ifr_hwaddr.sa_data, 6);
    return true;
}
