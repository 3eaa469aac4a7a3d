/* SPDX-License-Identifier: Apache-2.0 */
/* Pings of both sides. A ping is answered where it is read, before any quota, so that a busy client is never dropped.
 */
#include "rpc/client-io.h"
#include "rpc/server.h"

static void send_keepalive(Client *client, KeepaliveProcedure procedure)
{
    FrameHeader header = { 0x6b656570, FRAME_VERSION, procedure, FRAME_EVENT, 0, FRAME_OK };
    GByteArray *frame = frame_new(&header);
    frame_finish(frame, NULL); /* a bare header always fits */
    client_send(client, frame, NULL, 0);
}

bool keepalive_received(Client *client, const FrameHeader *header, size_t payload_length)
{
    if (header->version != FRAME_VERSION || header->type != FRAME_EVENT || payload_length > 0)
        return false;
    if (header->procedure == KEEPALIVE_PING)
        send_keepalive(client, KEEPALIVE_PONG);
    return header->procedure == KEEPALIVE_PING || header->procedure == KEEPALIVE_PONG;
}

static gboolean on_interval(gpointer data)
{
    Client *client = data;
    gint64 idle = g_get_monotonic_time() - client->last_received;
    if (idle < (gint64)client->server->limits.keepalive_interval * G_USEC_PER_SEC) {
        client->unanswered = 0;
        return G_SOURCE_CONTINUE;
    }
    /* While its input is paused it is we who do not listen: the ping below only tells it that we are alive. */
    if (!client->input_paused && client->unanswered >= client->server->limits.keepalive_count) {
        client->keepalive_timer = 0;
        client_close(client, "no answer to keepalive messages");
        return G_SOURCE_REMOVE;
    }
    client->unanswered += client->input_paused == 0;
    send_keepalive(client, KEEPALIVE_PING);
    return G_SOURCE_CONTINUE;
}

void client_start_keepalive(Client *client)
{
    int interval = client->server->limits.keepalive_interval;
    if (client->keepalive_timer || interval <= 0 || !client_is_open(client))
        return;
    client->keepalive = true;
    client->keepalive_timer = g_timeout_add_seconds((guint)interval, on_interval, client);
}

void keepalive_stop(Client *client)
{
    g_clear_handle_id(&client->keepalive_timer, g_source_remove);
}
