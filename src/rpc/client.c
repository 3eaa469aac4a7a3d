/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/client.h"

#include "base/auto-fd.h"
#include "base/log.h"
#include "base/main-loop.h"
#include "rpc/client-io.h"
#include "rpc/server.h"
#include "rpc/stream.h"

#include <stdatomic.h>

typedef struct {
    guint id;
    ClientHook hook;
    gpointer data;
} CloseHook;

Client *client_new(Server *server, int fd, uint64_t id, SocketRole role, ClientTransport transport,
                   const ClientIdentity *identity)
{
    Client *client = g_new0(Client, 1);
    atomic_init(&client->refs, 1);
    client->server = server;
    client->fd = fd;
    client->id = id;
    client->connected_at = g_get_real_time() / G_USEC_PER_SEC;
    client->role = role;
    client->read_only = role == ROLE_READ_ONLY;
    client->transport = transport;
    client->identity = *identity;
    client->identity.address = g_strdup(identity->address);
    client->last_received = g_get_monotonic_time();
    client->serials = g_hash_table_new(NULL, NULL);
    client->streams = g_hash_table_new(NULL, NULL);
    client->input = g_byte_array_new();
    client->input_fds = g_array_new(FALSE, FALSE, sizeof(int));
    g_queue_init(&client->output);
    g_queue_init(&client->calls_waiting);
    client_io_start(client);
    return client;
}

Client *client_ref(Client *client)
{
    atomic_fetch_add(&client->refs, 1);
    return client;
}

void client_unref(Client *client)
{
    if (!client || atomic_fetch_sub(&client->refs, 1) > 1)
        return;
    g_assert(client->fd < 0 && !client->close_hooks);
    g_hash_table_unref(client->serials);
    g_hash_table_unref(client->streams);
    g_byte_array_unref(client->input);
    g_array_unref(client->input_fds);
    g_free(client->identity.address);
    g_free(client->uri);
    g_free(client);
}

guint client_add_close_hook(Client *client, ClientHook hook, gpointer data)
{
    static guint last_id;
    CloseHook *item = g_new(CloseHook, 1);
    *item = (CloseHook){ ++last_id, hook, data };
    client->close_hooks = g_list_append(client->close_hooks, item);
    return item->id;
}

void client_remove_close_hook(Client *client, guint id)
{
    for (GList *link = client->close_hooks; link; link = link->next) {
        if (((CloseHook *)link->data)->id != id)
            continue;
        g_free(link->data);
        client->close_hooks = g_list_delete_link(client->close_hooks, link);
        return;
    }
}

static void run_close_hooks(Client *client)
{
    /* One by one from the head, because a hook may remove another one. */
    while (client->close_hooks) {
        g_autofree CloseHook *item = client->close_hooks->data;
        client->close_hooks = g_list_delete_link(client->close_hooks, client->close_hooks);
        item->hook(client, item->data);
    }
}

void client_close(Client *client, const char *why)
{
    if (!client_is_open(client))
        return;
    if (why)
        log_warning("client %" G_GUINT64_FORMAT " of %s: %s; connection closed", client->id, client->server->name, why);
    client_ref(client); /* the server's may be the last one */
    client_io_stop(client);
    keepalive_stop(client);
    g_clear_handle_id(&client->auth_timer, g_source_remove);
    stream_close_all(client);
    run_close_hooks(client);
    client->server->ops->closed(client);
    server_forget(client->server, client);
    client_unref(client);
}

typedef struct {
    Client *client;
    char *why;
} CloseLater;

static void close_now(gpointer data)
{
    g_autofree CloseLater *later = data;
    g_autofree char *why = later->why;
    g_autoptr(Client) client = later->client;
    client_close(client, why);
}

void client_close_soon(Client *client, const char *why)
{
    CloseLater *later = g_new(CloseLater, 1);
    *later = (CloseLater){ client_ref(client), g_strdup(why) };
    main_loop_post(close_now, later);
}

typedef struct {
    Client *client;
    GByteArray *frame;
    int *fds;
    unsigned n_fds;
} Posted;

static void send_posted(gpointer data)
{
    g_autofree Posted *posted = data;
    g_autoptr(Client) client = posted->client;
    g_autofree int *fds = posted->fds;
    client_send(client, posted->frame, fds, posted->n_fds);
    for (unsigned i = 0; i < posted->n_fds; i++)
        auto_fd_close(&fds[i]);
}

void client_post(Client *client, GByteArray *frame, int *fds, unsigned n_fds)
{
    Posted *posted = g_new(Posted, 1);
    *posted = (Posted){ client_ref(client), frame, fds, n_fds };
    main_loop_post(send_posted, posted);
}

void client_pause_input(Client *client)
{
    client->input_paused++;
    client_io_update(client);
}

static void resume_parsing(gpointer data)
{
    g_autoptr(Client) client = data;
    client_io_parse_rest(client);
}

void client_resume_input(Client *client)
{
    g_assert(client->input_paused > 0);
    client->input_paused--;
    client_io_update(client);
    /* Posted, because the caller may be in the middle of a frame of this very client. */
    if (client->input_paused == 0 && client->input->len > 0)
        main_loop_post(resume_parsing, client_ref(client));
}
