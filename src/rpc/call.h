/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of one client, as its handler sees it. The dispatcher has decoded the arguments, checked the permissions of
 * the procedure's row and found the object; the handler does the work and fills in the result. The dispatcher encodes
 * the result (or the error) and frees both with the descriptors of their types.
 *
 * Where a handler runs is its row's `runs` column: `loop` (main thread; reads published views, never blocks), `domain`
 * (a job in the mailbox of the domain in its first argument), `worker` (a pool thread; may block), `agent` (a job in
 * the mailbox of that domain's guest agent: may wait for the agent, must not touch what belongs to the domain's
 * mailbox). `domain|agent:FLAG`: by the call's arguments.
 */
#pragma once
#include "base/mailbox.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Call Call;
typedef struct Client Client;       /* rpc/client.h */
typedef struct Daemon Daemon;       /* daemon/daemon.h */
typedef struct Procedure Procedure; /* generated: rpc/procedures.h */
typedef struct Stream Stream;       /* rpc/stream.h */

struct Call {
    const Procedure *procedure;
    Daemon *daemon;
    Client *client; /* a reference; alive as long as the call, though perhaps disconnected */
    uint32_t serial;
    gpointer object; /* the Vm * that the first argument names, referenced for the call; NULL if it names none */
    int *fds;        /* descriptors that came with the call; a handler takes one by leaving -1 */
    unsigned n_fds;
    int *reply_fds; /* g_new()ed by the handler, sent with the reply and closed by the dispatcher */
    unsigned n_reply_fds;
    Stream *stream; /* of a procedure that opens one; NULL for others */
};

/*
 * @args and @ret point to the generated structs of the row (DomainSuspendArgs, DomainGetInfoRet); @ret is zeroed.
 * Strings and lists put into @ret are owned by it (g_malloc). On false @error is set and @ret is ignored.
 */
typedef bool (*CallHandler)(Call *call, const void *args, void *ret, GError **error);
