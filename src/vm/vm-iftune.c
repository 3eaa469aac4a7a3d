/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-iftune.h"

#include "base/error.h"
#include "net/net-bandwidth.h"
#include "rpc/handlers.h"
#include "rpc/wire-params.h"
#include "vm/vm-define.h"
#include "vm/vm-tap.h"
#include "vm/vm-wire.h"

typedef struct {
    const char *field;
    bool outbound;
    size_t offset; /* in DomainBandwidthRate */
} RateRow;

/* In the order in which clients get them. */
static const RateRow rate_rows[] = {
    { VIR_DOMAIN_BANDWIDTH_IN_AVERAGE, false, offsetof(DomainBandwidthRate, average) },
    { VIR_DOMAIN_BANDWIDTH_IN_PEAK, false, offsetof(DomainBandwidthRate, peak) },
    { VIR_DOMAIN_BANDWIDTH_IN_BURST, false, offsetof(DomainBandwidthRate, burst) },
    { VIR_DOMAIN_BANDWIDTH_IN_FLOOR, false, offsetof(DomainBandwidthRate, floor) },
    { VIR_DOMAIN_BANDWIDTH_OUT_AVERAGE, true, offsetof(DomainBandwidthRate, average) },
    { VIR_DOMAIN_BANDWIDTH_OUT_PEAK, true, offsetof(DomainBandwidthRate, peak) },
    { VIR_DOMAIN_BANDWIDTH_OUT_BURST, true, offsetof(DomainBandwidthRate, burst) },
};

static NetRate rate_of(const DomainBandwidthRate *rate)
{
    return rate ? (NetRate){ rate->average, rate->peak, rate->burst } : (NetRate){ 0 };
}

bool vm_iftune_apply(const DomainInterface *interface, const char *tap, GError **error)
{
    if (!interface->inbound && !interface->outbound)
        return true;
    if (interface->inbound && interface->inbound->floor)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<bandwidth><inbound floor>: only interfaces of virtual networks have it; leave it out");
    NetRate inbound = rate_of(interface->inbound), outbound = rate_of(interface->outbound);
    return net_bandwidth_set(tap, &inbound, &outbound, error);
}

void vm_iftune_release(Vm *vm)
{
    const Domain *live = vm->view && vm->view->live ? vm->view->live->domain : NULL;
    for (unsigned i = 0; live && i < live->n_interfaces; i++) {
        const DomainInterface *interface = live->interfaces[i];
        if ((interface->inbound || interface->outbound) && interface->target && vm_tap_is_for(interface))
            net_bandwidth_clear(interface->target);
    }
}

/* By the name of its host device or its MAC address. */
static DomainInterface *find_interface(const Domain *domain, const char *name, GError **error)
{
    for (unsigned i = 0; i < domain->n_interfaces; i++) {
        DomainInterface *interface = domain->interfaces[i];
        const uint8_t *b = interface->mac.bytes;
        char mac[18];
        g_snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
        if (g_strcmp0(interface->target, name) == 0 || g_ascii_strcasecmp(mac, name) == 0)
            return interface;
    }
    error_set(error, VIR_ERR_INVALID_ARG, "'%s' is not a known interface: see domiflist", name);
    return NULL;
}

static guint64 value_of(const DomainInterface *interface, const RateRow *row)
{
    const DomainBandwidthRate *rate = row->outbound ? interface->outbound : interface->inbound;
    return rate ? *(const guint64 *)(const void *)((const char *)rate + row->offset) : 0;
}

bool vm_get_interface_parameters(Call *call, const DomainGetInterfaceParametersArgs *args,
                                 DomainGetInterfaceParametersRet *ret, GError **error)
{
    Vm *vm = call->object;
    unsigned string_okay = VIR_TYPED_PARAM_STRING_OKAY;
    const Domain *domain;
    if (!flags_check(call, args->flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | string_okay, error) ||
        !vm_target_domain(vm->view, args->flags & ~string_okay, &domain, NULL, error))
        return false;
    ret->nparams = G_N_ELEMENTS(rate_rows);
    if (args->nparams == 0)
        return true;
    const DomainInterface *interface = find_interface(domain, args->device, error);
    if (!interface)
        return false;
    g_autoptr(WireParams) params = wire_params_new();
    for (unsigned i = 0; i < G_N_ELEMENTS(rate_rows) && i < (unsigned)MAX(args->nparams, 0); i++)
        wire_params_add_uint(params, rate_rows[i].field, (guint32)value_of(interface, &rate_rows[i]));
    ret->nparams = (int)wire_params_count(params);
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}

/* A direction that is given is replaced whole; an average of 0 takes it away. */
static bool change_bandwidth(Domain *domain, gconstpointer data, GError **error)
{
    const DomainSetInterfaceParametersArgs *args = data;
    DomainInterface *interface = find_interface(domain, args->device, error);
    if (!interface)
        return false;
    for (unsigned outbound = 0; outbound < 2; outbound++) {
        DomainBandwidthRate **slot = outbound ? &interface->outbound : &interface->inbound;
        DomainBandwidthRate next = { 0 };
        bool given = false;
        for (unsigned i = 0; i < G_N_ELEMENTS(rate_rows); i++) {
            const RateRow *row = &rate_rows[i];
            const WireTypedParam *param = wire_params_find(args->params, args->n_params, row->field);
            if (row->outbound != outbound || !param)
                continue;
            given = true;
            *(guint64 *)(void *)((char *)&next + row->offset) = param->value.ui;
        }
        if (!given)
            continue;
        if (next.floor)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "'floor' is for interfaces of virtual networks only: leave it out for '%s'", args->device);
        g_clear_pointer(slot, g_free);
        if (next.average)
            *slot = g_memdup2(&next, sizeof next);
    }
    return true;
}

static bool set_live(Vm *vm, const DomainSetInterfaceParametersArgs *args, GError **error)
{
    g_autoptr(Domain) next = domain_copy(vm->view->live->domain);
    const DomainInterface *last = find_interface(vm->view->live->domain, args->device, error);
    if (!last || !change_bandwidth(next, args, error))
        return false;
    const DomainInterface *interface = find_interface(next, args->device, error);
    if (!vm_tap_is_for(interface))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "setting bandwidth on interfaces of type '%s' is not implemented yet",
                         model_enum_text(&model_enum_interface_type, interface->type));
    NetRate inbound = rate_of(interface->inbound), outbound = rate_of(interface->outbound);
    if (net_bandwidth_set(interface->target, &inbound, &outbound, error))
        return true;
    vm_iftune_apply(last, last->target, NULL); /* as it was */
    return false;
}

bool vm_set_interface_parameters(Call *call, const DomainSetInterfaceParametersArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    unsigned string_okay = VIR_TYPED_PARAM_STRING_OKAY;
    WireParamRule rules[G_N_ELEMENTS(rate_rows) + 1] = { 0 };
    for (unsigned i = 0; i < G_N_ELEMENTS(rate_rows); i++)
        rules[i] = (WireParamRule){ rate_rows[i].field, WIRE_VALUE_UINT };
    if (!flags_check(call, args->flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | string_okay, error) ||
        !wire_params_check(args->params, args->n_params, rules, error) ||
        !vm_targets(vm->view, args->flags & ~string_okay, &targets, error))
        return false;
    if (targets.config && !find_interface(vm->view->config->domain, args->device, error))
        return false;
    return (!targets.live || set_live(vm, args, error)) && vm_change(vm, targets, change_bandwidth, args, error);
}
