/* SPDX-License-Identifier: Apache-2.0 */
/* Network cards of a guest that runs. */
#include "base/error.h"
#include "base/log.h"
#include "model/engine.h"
#include "net/net-bandwidth.h"
#include "net/net-bridge.h"
#include "qemu/qemu-monitor.h"
#include "vm/vm-device-classes.h"
#include "vm/vm-iftune.h"
#include "vm/vm-monitor.h"
#include "vm/vm-tap.h"

#include <string.h>
#include <unistd.h>

bool vm_net_check_attach(const VmDeviceScope *scope, const void *device, GError **error)
{
    const DomainInterface *net = device;
    if (scope->live && net->type == INTERFACE_TYPE_NETWORK)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "virtual networks ('%s') are not built yet: use type='bridge' or type='user'",
                         net->network ? net->network : "");
    return true;
}

/* The tap's descriptors go to QEMU by name, which -netdev's command takes. */
static bool give_taps(VmPlug *plug, int *fds, unsigned n, GError **error)
{
    unsigned done = 0;
    for (; done < n; done++) {
        int number = (int)done;
        g_array_append_val(plug->net_fds, number);
        if (!vm_plug_give_named_fd(plug, fds[done], number, error))
            break;
    }
    for (unsigned i = done + 1; i < n; i++)
        close(fds[i]);
    plug->nets[plug->index] = (QemuNetResource){ VM_PLUG_FD_PREFIX, (const int *)(const void *)plug->net_fds->data,
                                                 plug->net_fds->len, NULL, 0 };
    return done == n;
}

bool vm_net_prepare(VmPlug *plug, GError **error)
{
    DomainInterface *net = vm_plug_device(plug);
    g_autofree int *fds = NULL;
    unsigned n;
    if (!vm_tap_is_for(net))
        return true;
    return vm_tap_open(net, &fds, &n, error) && give_taps(plug, fds, n, error);
}

void vm_net_release(Vm *vm, const void *device)
{
    const DomainInterface *net = device;
    if ((net->inbound || net->outbound) && net->target && vm_tap_is_for(net))
        net_bandwidth_clear(net->target); /* somebody else's tap stays */
}

bool vm_net_settle(Vm *vm, const void *device, GError **error)
{
    const DomainInterface *net = device;
    return net->link != LINK_STATE_DOWN || qemu_monitor_set_link(vm->qmp, net->info.alias, false, error);
}

/* What cannot change: each row's field, with what libvirt's users read when they try. */
static bool check_fixed(const DomainInterface *there, const DomainInterface *wanted, GError **error)
{
    const struct {
        const char *what;
        bool same;
    } rows[] = {
        { "cannot modify network device model", !wanted->model || g_strcmp0(there->model, wanted->model) == 0 },
        { "cannot modify virtio network device driver attributes",
          !wanted->driver ||
              (there->driver && model_equal(&model_domain_interface_driver, there->driver, wanted->driver)) },
        { "cannot modify network device script attribute", g_strcmp0(there->script, wanted->script) == 0 },
        { "cannot modify network device tap name", !wanted->target || g_strcmp0(there->target, wanted->target) == 0 },
        { "cannot modify network device alias",
          !wanted->info.alias || g_strcmp0(there->info.alias, wanted->info.alias) == 0 },
        { "cannot modify network device guest PCI address",
          !wanted->info.address ||
              (there->info.address && model_equal(&model_domain_address, there->info.address, wanted->info.address)) },
        { "cannot modify network device boot index setting",
          !wanted->info.boot_order || there->info.boot_order == wanted->info.boot_order },
        { "cannot modify MTU", !wanted->mtu || there->mtu == wanted->mtu },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (!rows[i].same)
            return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "%s", rows[i].what);
    }
    return true;
}

/* Where the card is connected, apart from its bridge. */
static bool same_place(const DomainInterface *a, const DomainInterface *b)
{
    return a->type == b->type && g_strcmp0(a->network, b->network) == 0 && g_strcmp0(a->dev, b->dev) == 0 &&
           g_strcmp0(a->vhost_path, b->vhost_path) == 0 && g_strcmp0(a->address, b->address) == 0 && a->port == b->port;
}

static bool same_rate(const DomainBandwidthRate *a, const DomainBandwidthRate *b)
{
    return a && b ? model_equal(&model_domain_bandwidth_rate, a, b) : a == b;
}

/* Replaces the limits of the tap, or puts those of @net back if that fails. */
static bool change_bandwidth(const DomainInterface *net, const DomainInterface *next, GError **error)
{
    if (same_rate(net->inbound, next->inbound) && same_rate(net->outbound, next->outbound))
        return true;
    if (!vm_tap_is_for(net))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "setting bandwidth on interfaces of type '%s' is not implemented yet",
                         model_enum_text(&model_enum_interface_type, net->type));
    g_autoptr(GError) second = NULL;
    if (!next->inbound && !next->outbound)
        net_bandwidth_clear(net->target);
    if (vm_iftune_apply(next, net->target, error))
        return true;
    if (!vm_iftune_apply(net, net->target, &second))
        log_warning("%s", second->message);
    return false;
}

static bool change_bridge(const DomainInterface *net, const char *from, const char *to, GError **error)
{
    g_autoptr(GError) second = NULL;
    if (net->type != INTERFACE_TYPE_BRIDGE || g_strcmp0(from, to) == 0)
        return true;
    if (!vm_tap_require_bridge(to, error) || !net_bridge_remove_port(from, net->target, error))
        return false;
    if (net_bridge_add_port(to, net->target, error))
        return true;
    if (!net_bridge_add_port(from, net->target, &second))
        log_warning("%s", second->message);
    return false;
}

static bool change_link(Vm *vm, const DomainInterface *net, LinkState link, GError **error)
{
    bool was_up = net->link != LINK_STATE_DOWN, up = link != LINK_STATE_DOWN;
    return was_up == up || qemu_monitor_set_link(vm->qmp, net->info.alias, up, error);
}

static bool put_back_bandwidth(const DomainInterface *net, const DomainInterface *next, GError **error)
{
    if (same_rate(net->inbound, next->inbound) && same_rate(net->outbound, next->outbound))
        return true;
    if (!net->inbound && !net->outbound)
        net_bandwidth_clear(net->target);
    return vm_iftune_apply(net, net->target, error);
}

/* All of it, or nothing. */
static bool change_all(Vm *vm, const DomainInterface *net, const DomainInterface *next, GError **error)
{
    g_autoptr(GError) second = NULL;
    if (!change_bandwidth(net, next, error))
        return false;
    bool moved = change_bridge(net, net->bridge, next->bridge, error);
    if (moved && change_link(vm, net, next->link, error))
        return true;
    if ((moved && !change_bridge(net, next->bridge, net->bridge, &second)) ||
        (!second && !put_back_bandwidth(net, next, &second)))
        log_warning("%s", second->message);
    return false;
}

static void take_rate(DomainBandwidthRate **slot, const DomainBandwidthRate *rate)
{
    g_free(*slot);
    *slot = g_memdup2(rate, sizeof *rate);
}

bool vm_net_update(Vm *vm, Domain *live, void *there, const void *wanted, bool force, GError **error)
{
    DomainInterface *net = there;
    const DomainInterface *next = wanted;
    if (!vm_require_monitor(vm, error) || !check_fixed(net, next, error))
        return false;
    if (!same_place(net, next))
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED, "unable to change config on '%s' network type",
                         model_enum_text(&model_enum_interface_type, net->type));
    if (!change_all(vm, net, next, error))
        return false;
    take_rate(&net->inbound, next->inbound);
    take_rate(&net->outbound, next->outbound);
    g_free(net->bridge);
    net->bridge = g_strdup(next->bridge);
    net->link = next->link;
    return true;
}
