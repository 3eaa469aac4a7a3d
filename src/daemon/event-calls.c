/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers that register clients for events and end that again. All run on the main loop. */
#include "daemon/daemon.h"
#include "rpc/events.h"
#include "rpc/handlers.h"

#include <libvirt/libvirt.h>

/* Without callback id */

bool event_calls_domain_register(Call *call, const void *args, ConnectDomainEventRegisterRet *ret, GError **error)
{
    ret->cb_registered = 1;
    return event_register_legacy(call->daemon->events, call->client, VIR_DOMAIN_EVENT_ID_LIFECYCLE, error);
}

bool event_calls_domain_deregister(Call *call, const void *args, ConnectDomainEventDeregisterRet *ret, GError **error)
{
    ret->cb_registered = 0;
    return event_deregister_legacy(call->daemon->events, call->client, VIR_DOMAIN_EVENT_ID_LIFECYCLE, error);
}

bool event_calls_domain_register_any(Call *call, const ConnectDomainEventRegisterAnyArgs *args, void *ret,
                                     GError **error)
{
    return event_register_legacy(call->daemon->events, call->client, args->event_id, error);
}

bool event_calls_domain_deregister_any(Call *call, const ConnectDomainEventDeregisterAnyArgs *args, void *ret,
                                       GError **error)
{
    return event_deregister_legacy(call->daemon->events, call->client, args->event_id, error);
}

/* With callback id */

bool event_calls_domain_callback_register(Call *call, const ConnectDomainEventCallbackRegisterAnyArgs *args,
                                          ConnectDomainEventCallbackRegisterAnyRet *ret, GError **error)
{
    return event_register(call->daemon->events, call->client, EVENTS_DOMAIN, args->event_id, args->dom,
                          &ret->callback_id, error);
}

bool event_calls_domain_callback_deregister(Call *call, const ConnectDomainEventCallbackDeregisterAnyArgs *args,
                                            void *ret, GError **error)
{
    return event_deregister(call->daemon->events, call->client, EVENTS_DOMAIN, args->callback_id, error);
}

bool event_calls_network_register(Call *call, const ConnectNetworkEventRegisterAnyArgs *args,
                                  ConnectNetworkEventRegisterAnyRet *ret, GError **error)
{
    return event_register(call->daemon->events, call->client, EVENTS_NETWORK, args->event_id, args->net,
                          &ret->callback_id, error);
}

bool event_calls_network_deregister(Call *call, const ConnectNetworkEventDeregisterAnyArgs *args, void *ret,
                                    GError **error)
{
    return event_deregister(call->daemon->events, call->client, EVENTS_NETWORK, args->callback_id, error);
}

bool event_calls_storage_pool_register(Call *call, const ConnectStoragePoolEventRegisterAnyArgs *args,
                                       ConnectStoragePoolEventRegisterAnyRet *ret, GError **error)
{
    return event_register(call->daemon->events, call->client, EVENTS_STORAGE_POOL, args->event_id, args->pool,
                          &ret->callback_id, error);
}

bool event_calls_storage_pool_deregister(Call *call, const ConnectStoragePoolEventDeregisterAnyArgs *args, void *ret,
                                         GError **error)
{
    return event_deregister(call->daemon->events, call->client, EVENTS_STORAGE_POOL, args->callback_id, error);
}

bool event_calls_node_device_register(Call *call, const ConnectNodeDeviceEventRegisterAnyArgs *args,
                                      ConnectNodeDeviceEventRegisterAnyRet *ret, GError **error)
{
    return event_register(call->daemon->events, call->client, EVENTS_NODE_DEVICE, args->event_id, args->dev,
                          &ret->callback_id, error);
}

bool event_calls_node_device_deregister(Call *call, const ConnectNodeDeviceEventDeregisterAnyArgs *args, void *ret,
                                        GError **error)
{
    return event_deregister(call->daemon->events, call->client, EVENTS_NODE_DEVICE, args->callback_id, error);
}

bool event_calls_secret_register(Call *call, const ConnectSecretEventRegisterAnyArgs *args,
                                 ConnectSecretEventRegisterAnyRet *ret, GError **error)
{
    return event_register(call->daemon->events, call->client, EVENTS_SECRET, args->event_id, args->secret,
                          &ret->callback_id, error);
}

bool event_calls_secret_deregister(Call *call, const ConnectSecretEventDeregisterAnyArgs *args, void *ret,
                                   GError **error)
{
    return event_deregister(call->daemon->events, call->client, EVENTS_SECRET, args->callback_id, error);
}

/* QMP events */

bool event_calls_monitor_register(Call *call, const QemuConnectDomainMonitorEventRegisterArgs *args,
                                  QemuConnectDomainMonitorEventRegisterRet *ret, GError **error)
{
    return event_register_monitor(call->daemon->events, call->client, args->dom, args->event, args->flags,
                                  &ret->callback_id, error);
}

bool event_calls_monitor_deregister(Call *call, const QemuConnectDomainMonitorEventDeregisterArgs *args, void *ret,
                                    GError **error)
{
    return event_deregister_monitor(call->daemon->events, call->client, args->callback_id, error);
}
