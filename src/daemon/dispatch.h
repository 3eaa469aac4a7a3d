/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a message to its handler and back: find the row, decode, authorise, find the guest, run it where the row says,
 * encode, answer. Main loop.
 */
#pragma once
#include "daemon/daemon.h"
#include "rpc/server.h"
#include "rpc/wire-types.h"

typedef struct Mailbox Mailbox;

/* How the dispatcher finds the guest that a call is about; whoever has the guests installs it. Main loop. */
typedef struct {
    /* A reference, or NULL with VIR_ERR_NO_DOMAIN. */
    gpointer (*find)(Daemon *daemon, const WireDomain *dom, GError **error);
    Mailbox *(*mailbox)(gpointer object);
    Mailbox *(*agent_mailbox)(gpointer object);
    /* In its mailbox: false (VIR_ERR_NO_DOMAIN) if an earlier job has removed it. */
    bool (*check)(gpointer object, GError **error);
    /* Any thread. */
    void (*unref)(gpointer object);
} ObjectResolver;

/* Once, before clients are accepted. Both stay the caller's. */
void dispatch_init(Daemon *daemon, const ObjectResolver *resolver);

/* What to give to server_new(). */
extern const ServerOps dispatch_server_ops;

/* Calls that run in workers and mailboxes at this moment. */
unsigned dispatch_running(void);

/* Calls @done once, as soon as (perhaps now) no call runs. */
void dispatch_on_idle(void (*done)(gpointer data), gpointer data);
