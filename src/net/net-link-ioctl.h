/* SPDX-License-Identifier: Apache-2.0 */
/* Inside src/net only: a socket for interface ioctls and a request that names an interface. */
#pragma once
#include "base/auto-fd.h"
#include "base/error.h"
#include "net/net-link.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Runs one ioctl for the interface @name; what is done stands in the error: "ACTION 'NAME': reason". */
static inline bool net_link_ioctl(const char *name, unsigned long request, struct ifreq *ifr, const char *action,
                                  GError **error)
{
    if (!net_link_name_valid(name))
        return error_set(error, VIR_ERR_INVALID_ARG, "'%s' is not a name of a network interface", name);
    auto_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set_errno(error, errno, "open a socket to configure interface '%s'", name);
    g_strlcpy(ifr->ifr_name, name, sizeof ifr->ifr_name);
    if (ioctl(fd, request, ifr) < 0)
        return error_set_errno(error, errno, "%s '%s'", action, name);
    return true;
}
