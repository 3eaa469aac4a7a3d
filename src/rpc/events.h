/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who hears which event. An event is named by its procedure, in the form with a callback id; its payload is that
 * procedure's message struct. The hub encodes it once and gives it to every registration that fits, in the form without
 * callback id to those who registered that way.
 *
 *     DomainEventCallbackLifecycleMsg msg = { .msg = { .dom = dom, .event = VIR_DOMAIN_EVENT_STARTED, .detail = … } };
 *     event_emit(daemon->events, PROC_DOMAIN_EVENT_CALLBACK_LIFECYCLE, &msg);
 */
#pragma once
#include "rpc/client.h"
#include "rpc/procedures.h"

typedef struct EventHub EventHub;

/* The kinds of objects that have events, each with its own numbering (virDomainEventID, virNetworkEventID …). */
typedef enum { EVENTS_DOMAIN, EVENTS_NETWORK, EVENTS_STORAGE_POOL, EVENTS_NODE_DEVICE, EVENTS_SECRET } EventClass;

EventHub *event_hub_new(void);
void event_hub_free(EventHub *hub);

/*
 * Any thread; does not block. @payload is copied (its callback_id is ignored) and stays the caller's. Events of one
 * thread arrive in the order in which they were emitted, and before the reply of a call that the thread answers
 * afterwards.
 */
void event_emit(EventHub *hub, ProcedureId event, const void *payload);

/* The following on the main loop. */

/*
 * Registers @client for the event @event_id of @class; ends with the client. @subject: the object (WireDomain … of the
 * class) to which it is limited; NULL: all. Fails with VIR_ERR_INVALID_ARG on an unknown id.
 */
bool event_register(EventHub *hub, Client *client, EventClass class, int event_id, const void *subject,
                    int32_t *ret_callback_id, GError **error);
/* In the form without callback id: domain events only, one for each id (VIR_ERR_OPERATION_INVALID). */
bool event_register_legacy(EventHub *hub, Client *client, int event_id, GError **error);
/* QMP events of one guest or all; @name: exact, glob or regex by @flags
 * (virConnectDomainQemuMonitorEventRegisterFlags). */
bool event_register_monitor(EventHub *hub, Client *client, const WireDomain *dom, const char *name, uint32_t flags,
                            int32_t *ret_callback_id, GError **error);

/* Fails with VIR_ERR_INVALID_ARG if @client has no such registration. */
bool event_deregister(EventHub *hub, Client *client, EventClass class, int32_t callback_id, GError **error);
bool event_deregister_legacy(EventHub *hub, Client *client, int event_id, GError **error);
bool event_deregister_monitor(EventHub *hub, Client *client, int32_t callback_id, GError **error);
/* All of @client's: at connect_close. */
void event_deregister_all(EventHub *hub, Client *client);

/* Whether anybody listens to @event: lets an emitter skip costly payloads. Any thread; a hint. */
bool event_is_wanted(EventHub *hub, ProcedureId event);
