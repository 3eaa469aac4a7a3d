/* SPDX-License-Identifier: Apache-2.0 */
/* The socket side of a client, for src/rpc only: source, reading into frames, writing the queue. Main loop. */
#pragma once
#include "rpc/client.h"

void client_io_start(Client *client);
/* Detaches the source, closes the socket and drops what waits in both directions. */
void client_io_stop(Client *client);
/* Sets what the source waits for, after a change of input_paused or of the queue. */
void client_io_update(Client *client);
/* Writes as much of the queue as the socket takes. */
void client_io_flush(Client *client);
/* Parses what was read before a pause. */
void client_io_parse_rest(Client *client);

/* Handles one message of the keepalive program; false: it is malformed. */
bool keepalive_received(Client *client, const FrameHeader *header, size_t payload_length);
void keepalive_stop(Client *client);
