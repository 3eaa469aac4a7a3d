/* SPDX-License-Identifier: Apache-2.0 */
#include "net/net-tap.h"

#include "net/net-link-ioctl.h"

#include <fcntl.h>
#include <linux/if_tun.h>

#define TUN_DEVICE "/dev/net/tun"

static int open_tun(GError **error)
{
    int fd = open(TUN_DEVICE, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0)
        return fd;
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
        error_set(error, VIR_ERR_SYSTEM_ERROR, "there is no " TUN_DEVICE ": load the module with 'modprobe tun'");
    else if (errno == EACCES || errno == EPERM)
        error_set(error, VIR_ERR_OPERATION_DENIED,
                  "this user may not open " TUN_DEVICE ": run the daemon as root, or use an interface of type 'user'");
    else
        error_set_errno(error, errno, "open " TUN_DEVICE);
    return -1;
}

static bool check_options(const NetTapOptions *options, GError **error)
{
    const char *percent = strchr(options->name, '%');
    if (!net_link_name_valid(options->name) ||
        (percent && (options->existing || percent[1] != 'd' || strchr(percent + 1, '%'))))
        return error_set(error, VIR_ERR_INVALID_ARG,
                         "'%s' is not a name for a tap device: up to %d characters without '/', ':' and blanks",
                         options->name, IFNAMSIZ - 1);
    if (options->queues < 1 || options->queues > NET_TAP_QUEUES_MAX)
        return error_set(error, VIR_ERR_INVALID_ARG, "tap '%s': %u queues; 1 to %d are possible", options->name,
                         options->queues, NET_TAP_QUEUES_MAX);
    if (options->existing && !net_link_exists(options->name))
        return error_set(error, VIR_ERR_SYSTEM_ERROR,
                         "there is no tap device '%s': make it with 'ip tuntap add %s mode tap', or let it be made",
                         options->name, options->name);
    return true;
}

/* One queue: @name may be a template; it becomes the real name. */
static bool attach_queue(int fd, char name[IFNAMSIZ], short flags, GError **error)
{
    struct ifreq ifr = { .ifr_flags = flags };
    g_strlcpy(ifr.ifr_name, name, sizeof ifr.ifr_name);
    if (ioctl(fd, TUNSETIFF, &ifr) < 0) {
        if (errno == EPERM || errno == EACCES)
            return error_set(error, VIR_ERR_OPERATION_DENIED,
                             "this user may not make tap device '%s': it takes CAP_NET_ADMIN, or a tap prepared for "
                             "the user with 'ip tuntap add NAME mode tap user USER'",
                             name);
        if (errno == EBUSY)
            return error_set(error, VIR_ERR_OPERATION_FAILED, "tap device '%s' is in use", name);
        return error_set_errno(error, errno, "make tap device '%s'", name);
    }
    g_strlcpy(name, ifr.ifr_name, IFNAMSIZ);
    return true;
}

static void close_queues(int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        auto_fd_close(&fds[i]);
}

static bool open_queues(const NetTapOptions *options, char name[IFNAMSIZ], int *ret_fds, GError **error)
{
    short flags = IFF_TAP | IFF_NO_PI;
    if (options->vnet_header)
        flags |= IFF_VNET_HDR;
    if (options->queues > 1)
        flags |= IFF_MULTI_QUEUE;
    for (unsigned i = 0; i < options->queues; i++) {
        ret_fds[i] = open_tun(error);
        if (ret_fds[i] < 0 || !attach_queue(ret_fds[i], name, flags, error)) {
            close_queues(ret_fds, i + 1);
            return false;
        }
    }
    return true;
}

bool net_tap_open(const NetTapOptions *options, int *ret_fds, char **ret_name, GError **error)
{
    char name[IFNAMSIZ];
    if (!check_options(options, error))
        return false;
    g_strlcpy(name, options->name, sizeof name);
    if (!open_queues(options, name, ret_fds, error))
        return false;
    if ((options->mac && !net_link_set_mac(name, options->mac, error)) ||
        (options->mtu && !net_link_set_mtu(name, options->mtu, error))) {
        close_queues(ret_fds, options->queues);
        return false;
    }
    *ret_name = g_strdup(name);
    return true;
}

void net_tap_host_mac(const uint8_t guest_mac[6], uint8_t ret_mac[6])
{
    memcpy(ret_mac, guest_mac, 6);
    ret_mac[0] = 0xfe;
}

bool net_tap_remove(const char *name, GError **error)
{
    char copy[IFNAMSIZ];
    if (!net_link_exists(name))
        return true;
    g_strlcpy(copy, name, sizeof copy);
    auto_fd int fd = open_tun(error);
    if (fd < 0)
        return false;
    /* A tap made with several queues takes another descriptor only as one of several. */
    if (!attach_queue(fd, copy, IFF_TAP | IFF_NO_PI, NULL) &&
        !attach_queue(fd, copy, IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE, error))
        return false;
    if (ioctl(fd, TUNSETPERSIST, 0) < 0)
        return error_set_errno(error, errno, "remove tap device '%s'", name);
    return true;
}
