/* SPDX-License-Identifier: Apache-2.0 */
/* Network cards and their host side. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

/* "fds" of -netdev tap is one text with colons. */
static void add_fds(JsonObject *netdev, const char *one, const char *many, const char *prefix, const int *fds,
                    unsigned n)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; i < n; i++)
        g_string_append_printf(text, "%s%s%d", i ? ":" : "", prefix ? prefix : "", fds[i]);
    json_object_set_string_member(netdev, n == 1 ? one : many, text->str);
}

static JsonObject *new_tap(QemuArgs *args, const DomainInterface *net, const QemuNetResource *resource,
                           const char *what, GError **error)
{
    if (!resource || resource->n_tap_fds == 0) {
        error_set(error, VIR_ERR_INTERNAL_ERROR, "%s: no tap device was made for it", what);
        return NULL;
    }
    JsonObject *netdev = qmp_object("s:type", "tap", NULL);
    add_fds(netdev, "fd", "fds", resource->fd_prefix, resource->tap_fds, resource->n_tap_fds);
    if (resource->n_vhost_fds > 0) {
        json_object_set_boolean_member(netdev, "vhost", TRUE);
        add_fds(netdev, "vhostfd", "vhostfds", resource->fd_prefix, resource->vhost_fds, resource->n_vhost_fds);
    }
    if (net->sndbuf_set)
        json_object_set_int_member(netdev, "sndbuf", (gint64)net->sndbuf);
    return netdev;
}

static void add_forward(JsonArray *array, const DomainPortForward *forward, const DomainPortForwardRange *range)
{
    const char *proto = model_enum_text(&model_enum_port_forward_proto, forward->proto);
    unsigned end = range->end ? range->end : range->start, to = range->to ? range->to : range->start;
    for (unsigned port = range->start; port <= end && port <= 65535; port++) {
        g_autofree char *text = g_strdup_printf("%s:%s:%u-:%u", proto, forward->address ? forward->address : "", port,
                                                to + port - range->start);
        json_array_add_object_element(array, qmp_object("s:str", text, NULL));
    }
}

static JsonObject *new_user(const DomainInterface *net)
{
    JsonObject *netdev = qmp_object("s:type", "user", NULL);
    for (unsigned i = 0; i < net->n_ips; i++) {
        const DomainIp *ip = net->ips[i];
        bool v6 = ip->address && strchr(ip->address, ':');
        if (!ip->address)
            continue;
        g_autofree char *prefix = ip->prefix ? g_strdup_printf("%u", ip->prefix) : g_strdup("24");
        g_autofree char *text = g_strdup_printf("%s/%s", ip->address, prefix);
        if (v6)
            qmp_object_add(netdev, "s:ipv6-prefix", ip->address, "I:ipv6-prefixlen", (gint64)ip->prefix, NULL);
        else
            json_object_set_string_member(netdev, "net", text);
    }
    JsonArray *forwards = json_array_new();
    for (unsigned i = 0; i < net->n_port_forwards; i++)
        for (unsigned j = 0; j < net->port_forwards[i]->n_ranges; j++)
            if (net->port_forwards[i]->ranges[j]->exclude != TRI_YES)
                add_forward(forwards, net->port_forwards[i], net->port_forwards[i]->ranges[j]);
    if (json_array_get_length(forwards) > 0)
        json_object_set_array_member(netdev, "hostfwd", forwards);
    else
        json_array_unref(forwards);
    return netdev;
}

/* Guests wired to each other by sockets of their QEMUs. */
static JsonObject *new_socket(const DomainInterface *net)
{
    static const char *const keys[INTERFACE_TYPE_COUNT] = { [INTERFACE_TYPE_SERVER] = "listen",
                                                            [INTERFACE_TYPE_CLIENT] = "connect",
                                                            [INTERFACE_TYPE_MCAST] = "mcast",
                                                            [INTERFACE_TYPE_UDP] = "udp" };
    JsonObject *netdev = qmp_object("s:type", "socket", NULL);
    g_autofree char *place = g_strdup_printf("%s:%u", net->address ? net->address : "", net->port);
    json_object_set_string_member(netdev, keys[net->type], place);
    if (net->type == INTERFACE_TYPE_UDP) {
        g_autofree char *local =
            g_strdup_printf("%s:%u", net->local_address ? net->local_address : "", net->local_port);
        json_object_set_string_member(netdev, "localaddr", local);
    }
    return netdev;
}

static JsonObject *new_vhost_user(QemuArgs *args, const DomainInterface *net, const char *what, GError **error)
{
    if (!net->vhost_path) {
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: <source> names no socket", what);
        return NULL;
    }
    g_autofree char *id = qemu_chardev_id(net->info.alias);
    bool reconnect = net->reconnect && net->reconnect->enabled == TRI_YES;
    qemu_args_add_chardev(args, qmp_object("s:backend", "socket", "s:id", id, "s:path", net->vhost_path, "B:server",
                                           (gboolean)(net->vhost_mode == CHARDEV_MODE2_SERVER), "I:reconnect",
                                           reconnect ? (gint64)net->reconnect->timeout : (gint64)0, NULL));
    return qmp_object("s:type", "vhost-user", "s:chardev", id, "I:queues",
                      net->driver && net->driver->queues > 1 ? (gint64)net->driver->queues : (gint64)0, NULL);
}

static JsonObject *new_netdev(QemuArgs *args, const DomainInterface *net, const QemuNetResource *resource,
                              const char *what, GError **error)
{
    switch (net->type) {
    case INTERFACE_TYPE_USER:
        if (net->backend != INTERFACE_BACKEND_PASST)
            return new_user(net);
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: back end 'passt' is not supported", what);
        return NULL;
    case INTERFACE_TYPE_SERVER:
    case INTERFACE_TYPE_CLIENT:
    case INTERFACE_TYPE_MCAST:
    case INTERFACE_TYPE_UDP: return new_socket(net);
    case INTERFACE_TYPE_VHOSTUSER: return new_vhost_user(args, net, what, error);
    case INTERFACE_TYPE_ETHERNET:
    case INTERFACE_TYPE_BRIDGE:
    case INTERFACE_TYPE_NETWORK:
    case INTERFACE_TYPE_DIRECT: return new_tap(args, net, resource, what, error);
    default:
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: interfaces of type '%s' are not supported", what,
                  model_enum_text(&model_enum_interface_type, net->type));
        return NULL;
    }
}

static bool is_virtio(const DomainInterface *net)
{
    return net->model && g_str_has_prefix(net->model, "virtio");
}

static void add_virtio_net(JsonObject *device, const DomainInterface *net, unsigned queues)
{
    static const QemuProperty rows[] = {
        { "ioeventfd", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, ioeventfd) },
        { "event_idx", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, event_idx) },
        { "csum", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, host_csum) },
        { "gso", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, host_gso) },
        { "host_tso4", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, host_tso4) },
        { "host_tso6", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, host_tso6) },
        { "host_ecn", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, host_ecn) },
        { "host_ufo", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, host_ufo) },
        { "mrg_rxbuf", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, host_mrg_rxbuf) },
        { "guest_csum", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, guest_csum) },
        { "guest_tso4", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, guest_tso4) },
        { "guest_tso6", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, guest_tso6) },
        { "guest_ecn", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, guest_ecn) },
        { "guest_ufo", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, guest_ufo) },
        { "rss", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, rss) },
        { "hash", QEMU_PROPERTY_BOOL, offsetof(DomainInterfaceDriver, rss_hash_report) },
        { "rx_queue_size", QEMU_PROPERTY_U32, offsetof(DomainInterfaceDriver, rx_queue_size) },
        { "tx_queue_size", QEMU_PROPERTY_U32, offsetof(DomainInterfaceDriver, tx_queue_size) },
        { NULL },
    };
    const DomainInterfaceDriver *driver = net->driver;
    if (queues > 1) {
        /* One interrupt for each direction of each queue, one for configuration, one for control. */
        qmp_object_add(device, "b:mq", TRUE, "i:vectors", (gint64)(2 * queues + 2), NULL);
    }
    if (!driver)
        return;
    if (driver->txmode)
        json_object_set_string_member(device, "tx", driver->txmode == TX_MODE_IOTHREAD ? "bh" : "timer");
    qemu_args_add_properties(device, rows, driver);
    qemu_args_add_virtio(device, &driver->virtio);
}

static JsonObject *new_card(const DomainInterface *net, const char *netdev_id, unsigned queues)
{
    const char *model = net->model ? net->model : "rtl8139";
    unsigned variant = strcmp(model, "virtio-transitional") == 0       ? 2
                       : strcmp(model, "virtio-non-transitional") == 0 ? 3
                                                                       : 1;
    g_autofree char *driver =
        is_virtio(net) ? qemu_args_virtio_driver("virtio-net", net->info.address, variant) : g_strdup(model);
    JsonObject *device = qmp_object("s:driver", driver, NULL);
    if (is_virtio(net))
        add_virtio_net(device, net, queues);
    const uint8_t *mac = net->mac.bytes;
    g_autofree char *text =
        g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    qmp_object_add(device, "I:host_mtu", is_virtio(net) ? (gint64)net->mtu : (gint64)0, "s:netdev", netdev_id, "s:id",
                   net->info.alias, NULL);
    if (net->mac_set)
        json_object_set_string_member(device, "mac", text);
    return device;
}

static bool add_net(QemuArgs *args, const DomainInterface *net, const QemuNetResource *resource, GError **error)
{
    g_autofree char *what = g_strdup_printf("interface '%s'", net->target ? net->target : net->info.alias);
    JsonObject *netdev = new_netdev(args, net, resource, what, error);
    if (!netdev)
        return false;
    g_autofree char *id = qemu_netdev_id(net->info.alias);
    json_object_set_string_member(netdev, "id", id);
    qemu_args_add_json(args, "-netdev", netdev);
    unsigned queues = resource ? resource->n_tap_fds : 0;
    if (net->type == INTERFACE_TYPE_VHOSTUSER && net->driver)
        queues = net->driver->queues;
    DomainDeviceInfo info = net->info;
    info.boot_order = qemu_args_boot_index(args, BOOT_DEVICE_NETWORK, net, &net->info);
    return qemu_args_add_device(args, new_card(net, id, queues), &info, what, error);
}

bool qemu_args_net(QemuArgs *args, unsigned index, GError **error)
{
    const DomainInterface *net = args->def->interfaces[index];
    if (net->type == INTERFACE_TYPE_HOSTDEV)
        return qemu_args_hostdev_net(args, net, error);
    return add_net(args, net, args->resources->nets ? &args->resources->nets[index] : NULL, error);
}

bool qemu_args_nets(QemuArgs *args, GError **error)
{
    for (unsigned i = 0; i < args->def->n_interfaces; i++) {
        if (args->def->interfaces[i]->type == INTERFACE_TYPE_HOSTDEV)
            continue; /* the PCI device itself comes with its like: qemu_args_hostdevs() */
        if (!qemu_args_net(args, i, error))
            return false;
    }
    return true;
}
