/* SPDX-License-Identifier: Apache-2.0 */
/* The reading thread of a connection. */
#pragma once
#include "lib/connection.h"

/* A call that waits for its reply; lives on its caller's stack. Under the connection's lock until it is done. */
typedef struct {
    uint32_t serial;
    bool done;
    GByteArray *payload; /* of a good reply */
    GError *error;       /* of a bad one */
    int fds[MESSAGE_FDS_MAX];
    unsigned n_fds;
    LodgeStream *stream; /* that the call opens */
} PendingCall;

/* Frees what the reply brought; closes descriptors that nobody took (those that are not -1). */
void pending_call_clear(PendingCall *pending);

/* Thread function; @data is the LodgeConnection. Ends when the connection does. */
gpointer reader_run(gpointer data);
/* Makes the reader look at the connection's settings and at its streams again. */
void reader_wake(LodgeConnection *connection);
