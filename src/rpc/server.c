/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/server.h"

#include "base/auto-fd.h"
#include "base/log.h"
#include "rpc/listener.h"

#include <glib-unix.h>
#include <unistd.h>

/* A client that has not authenticated within this time makes room for others. */
#define AUTHENTICATION_SECONDS 30

Server *server_new(const char *name, const ServerOps *ops, const ServerLimits *limits)
{
    Server *server = g_new0(Server, 1);
    server->name = g_strdup(name);
    server->ops = ops;
    server->limits = *limits;
    server->listeners = g_ptr_array_new_with_free_func((GDestroyNotify)listener_free);
    g_queue_init(&server->clients);
    server->next_id = 1;
    server->listening = true;
    return server;
}

void server_free(Server *server)
{
    if (!server)
        return;
    server->changed = NULL;
    g_ptr_array_set_size(server->listeners, 0);
    while (!g_queue_is_empty(&server->clients))
        client_close(g_queue_peek_head(&server->clients), NULL);
    g_ptr_array_unref(server->listeners);
    g_free(server->name);
    g_free(server);
}

/* Accepts only while there is room; the others wait in the backlog. */
static void update_listeners(Server *server)
{
    bool room =
        server->listening && g_queue_get_length(&server->clients) < server->limits.max_clients &&
        (server->limits.max_anonymous_clients == 0 || server->n_anonymous < server->limits.max_anonymous_clients);
    for (guint i = 0; i < server->listeners->len; i++)
        listener_enable(server->listeners->pdata[i], room);
}

static void clients_changed(Server *server)
{
    update_listeners(server);
    if (server->changed)
        server->changed(server, server->changed_data);
}

static gboolean on_authentication_timeout(gpointer data)
{
    Client *client = data;
    client->auth_timer = 0;
    client_close(client, "it did not authenticate in time");
    return G_SOURCE_REMOVE;
}

static void accept_client(Server *server, int fd, SocketRole role, ClientTransport transport,
                          const ClientIdentity *identity)
{
    /* The file mode protects the socket; this holds when systemd made it with another one. */
    if (role == ROLE_ADMIN && identity->uid != 0 && identity->uid != geteuid()) {
        log_warning("user %u may not administer the daemon; connection closed", identity->uid);
        close(fd);
        return;
    }
    Client *client = client_new(server, fd, server->next_id++, role, transport, identity);
    client->auth_timer = g_timeout_add_seconds(AUTHENTICATION_SECONDS, on_authentication_timeout, client);
    server->n_anonymous++;
    g_queue_push_tail(&server->clients, client);
    clients_changed(server);
}

void server_client_authenticated(Client *client)
{
    if (client->authenticated)
        return;
    client->authenticated = true;
    g_clear_handle_id(&client->auth_timer, g_source_remove);
    client->server->n_anonymous--;
    update_listeners(client->server);
}

void server_forget(Server *server, Client *client)
{
    if (!g_queue_remove(&server->clients, client))
        return;
    if (!client->authenticated)
        server->n_anonymous--;
    clients_changed(server);
    client_unref(client);
}

static void add_listener(Server *server, int fd, SocketRole role, const char *path)
{
    g_ptr_array_add(server->listeners, listener_new(server, fd, role, path, accept_client));
    update_listeners(server);
}

bool server_listen_unix(Server *server, const char *path, SocketRole role, const SocketAccess *access, GError **error)
{
    int fd = listener_open_unix(path, access, error);
    if (fd < 0)
        return false;
    add_listener(server, fd, role, path);
    return true;
}

bool server_listen_tcp(Server *server, const char *host, const char *port, GError **error)
{
    g_autoptr(GArray) fds = g_array_new(FALSE, FALSE, sizeof(int));
    bool ok = listener_open_tcp(host, port, fds, error);
    for (guint i = 0; i < fds->len; i++) {
        int *fd = &g_array_index(fds, int, i);
        if (ok)
            add_listener(server, fd_steal(fd), ROLE_READ_WRITE, NULL);
        else
            auto_fd_close(fd);
    }
    return ok;
}

bool server_listen_fd(Server *server, int fd, SocketRole role, GError **error)
{
    if (!g_unix_set_fd_nonblocking(fd, TRUE, error)) {
        close(fd);
        return false;
    }
    add_listener(server, fd, role, NULL);
    return true;
}

unsigned server_tcp_port(const Server *server)
{
    for (guint i = 0; i < server->listeners->len; i++) {
        unsigned port = listener_port(server->listeners->pdata[i]);
        if (port)
            return port;
    }
    return 0;
}

void server_set_listening(Server *server, bool listening)
{
    server->listening = listening;
    update_listeners(server);
}

void server_limits_changed(Server *server)
{
    update_listeners(server);
}

Client *server_find_client(Server *server, uint64_t id)
{
    for (GList *link = server->clients.head; link; link = link->next) {
        Client *client = link->data;
        if (client->id == id)
            return client;
    }
    return NULL;
}
