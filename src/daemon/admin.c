/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of the administration program: servers, clients, limits, the log. All run on the main loop. */
#include "base/error.h"
#include "daemon/connection.h"
#include "daemon/daemon.h"
#include "daemon/idle.h"
#include "daemon/logging.h"
#include "rpc/handlers.h"
#include "rpc/server.h"
#include "rpc/wire-params.h"

#include <grp.h>
#include <libvirt/libvirt-admin.h>
#include <libvirt/libvirt.h>
#include <pwd.h>
#include <string.h>

#define PROTOCOL_VERSION 9000000u

/* Parameters are integers of a struct of limits, so that getting and setting share one table. */
typedef struct {
    const char *field;
    size_t offset; /* of an unsigned in ServerLimits */
    unsigned lowest;
} LimitRow;

static const LimitRow client_limit_rows[] = {
    { VIR_SERVER_CLIENTS_MAX, offsetof(ServerLimits, max_clients), 1 },
    { VIR_SERVER_CLIENTS_UNAUTH_MAX, offsetof(ServerLimits, max_anonymous_clients), 0 },
};

static const LimitRow threadpool_limit_rows[] = {
    { VIR_THREADPOOL_WORKERS_MAX, offsetof(ServerLimits, max_workers), 1 },
};

static bool no_flags(uint32_t flags, GError **error)
{
    return flags == 0 || error_set(error, VIR_ERR_INVALID_ARG, "unsupported flags 0x%x", flags);
}

static Server *find_server(const Call *call, const char *name, GError **error)
{
    Server *servers[] = { call->daemon->server, call->daemon->admin };
    for (unsigned i = 0; i < G_N_ELEMENTS(servers); i++) {
        if (!strcmp(servers[i]->name, name))
            return servers[i];
    }
    error_set(error, VIR_ERR_NO_SERVER, "no server named '%s'; there are '%s' and '%s'", name, servers[0]->name,
              servers[1]->name);
    return NULL;
}

static Client *find_client(const Call *call, const WireServer *srv, uint64_t id, GError **error)
{
    Server *server = find_server(call, srv->name, error);
    if (!server)
        return NULL;
    Client *client = server_find_client(server, id);
    if (!client)
        error_set(error, VIR_ERR_NO_CLIENT, "no client with matching id '%" G_GUINT64_FORMAT "'", id);
    return client;
}

static void fill_client(WireClient *ret, const Client *client)
{
    *ret = (WireClient){ .srv = { g_strdup(client->server->name) },
                         .id = client->id,
                         .timestamp = client->connected_at,
                         .transport = (uint32_t)client->transport };
}

/* The connection */

bool admin_connect_open(Call *call, const AdminConnectOpenArgs *args, void *ret, GError **error)
{
    if (!no_flags(args->flags, error))
        return false;
    /* server.c has already refused everybody but root and the daemon's own user. */
    server_client_authenticated(call->client);
    call->client->opened = true;
    return true;
}

bool admin_connect_close(Call *call, const void *args, void *ret, GError **error)
{
    call->client->opened = false;
    return true;
}

bool admin_connect_get_lib_version(Call *call, const void *args, AdminConnectGetLibVersionRet *ret, GError **error)
{
    ret->lib_ver = PROTOCOL_VERSION;
    return true;
}

/* Servers */

bool admin_connect_list_servers(Call *call, const AdminConnectListServersArgs *args, AdminConnectListServersRet *ret,
                                GError **error)
{
    const Server *servers[] = { call->daemon->server, call->daemon->admin };
    if (!no_flags(args->flags, error))
        return false;
    ret->ret = G_N_ELEMENTS(servers);
    if (!args->need_results)
        return true;
    ret->n_servers = G_N_ELEMENTS(servers);
    ret->servers = g_new0(WireServer, G_N_ELEMENTS(servers));
    for (unsigned i = 0; i < G_N_ELEMENTS(servers); i++)
        ret->servers[i].name = g_strdup(servers[i]->name);
    return true;
}

bool admin_connect_lookup_server(Call *call, const AdminConnectLookupServerArgs *args, AdminConnectLookupServerRet *ret,
                                 GError **error)
{
    const Server *server = no_flags(args->flags, error) ? find_server(call, args->name, error) : NULL;
    if (!server)
        return false;
    ret->srv.name = g_strdup(server->name);
    return true;
}

static unsigned *limit_of(ServerLimits *limits, const LimitRow *row)
{
    return (unsigned *)(void *)((char *)limits + row->offset);
}

static bool set_limits(Server *server, const WireTypedParam *params, uint32_t n_params, const LimitRow *rows,
                       unsigned n_rows, GError **error)
{
    ServerLimits limits = server->limits;
    for (uint32_t i = 0; i < n_params; i++) {
        const LimitRow *row = NULL;
        for (unsigned j = 0; j < n_rows; j++) {
            if (!strcmp(rows[j].field, params[i].field))
                row = &rows[j];
        }
        if (!row)
            return error_set(error, VIR_ERR_ARGUMENT_UNSUPPORTED,
                             "parameter '%s': threads start when they are needed, so only maxima can be set",
                             params[i].field);
        if (params[i].value.type != WIRE_VALUE_UINT || params[i].value.ui < row->lowest)
            return error_set(error, VIR_ERR_INVALID_ARG, "parameter '%s' must be a number of at least %u", row->field,
                             row->lowest);
        *limit_of(&limits, row) = params[i].value.ui;
    }
    if (limits.max_anonymous_clients > limits.max_clients)
        return error_set(error, VIR_ERR_INVALID_ARG, "%u clients that have not authenticated are more than %u clients",
                         limits.max_anonymous_clients, limits.max_clients);
    server->limits = limits;
    server_limits_changed(server);
    return true;
}

bool admin_server_get_client_limits(Call *call, const AdminServerGetClientLimitsArgs *args,
                                    AdminServerGetClientLimitsRet *ret, GError **error)
{
    const Server *server = no_flags(args->flags, error) ? find_server(call, args->srv.name, error) : NULL;
    if (!server)
        return false;
    g_autoptr(WireParams) params = wire_params_new();
    wire_params_add_uint(params, VIR_SERVER_CLIENTS_MAX, server->limits.max_clients);
    wire_params_add_uint(params, VIR_SERVER_CLIENTS_CURRENT, g_queue_get_length((GQueue *)&server->clients));
    wire_params_add_uint(params, VIR_SERVER_CLIENTS_UNAUTH_MAX, server->limits.max_anonymous_clients);
    wire_params_add_uint(params, VIR_SERVER_CLIENTS_UNAUTH_CURRENT, server->n_anonymous);
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}

bool admin_server_set_client_limits(Call *call, const AdminServerSetClientLimitsArgs *args, void *ret, GError **error)
{
    Server *server = no_flags(args->flags, error) ? find_server(call, args->srv.name, error) : NULL;
    return server &&
           set_limits(server, args->params, args->n_params, client_limit_rows, G_N_ELEMENTS(client_limit_rows), error);
}

static unsigned count_waiting(const Server *server)
{
    unsigned count = 0;
    for (GList *link = server->clients.head; link; link = link->next)
        count += g_queue_get_length(&((Client *)link->data)->calls_waiting);
    return count;
}

bool admin_server_get_threadpool(Call *call, const AdminServerGetThreadpoolParametersArgs *args,
                                 AdminServerGetThreadpoolParametersRet *ret, GError **error)
{
    const Server *server = no_flags(args->flags, error) ? find_server(call, args->srv.name, error) : NULL;
    if (!server)
        return false;
    g_autoptr(WireParams) params = wire_params_new();
    /* A worker exists while it works. */
    wire_params_add_uint(params, VIR_THREADPOOL_WORKERS_MIN, 0);
    wire_params_add_uint(params, VIR_THREADPOOL_WORKERS_MAX, server->limits.max_workers);
    wire_params_add_uint(params, VIR_THREADPOOL_WORKERS_CURRENT, server->calls_running);
    wire_params_add_uint(params, VIR_THREADPOOL_WORKERS_FREE, 0);
    wire_params_add_uint(params, VIR_THREADPOOL_WORKERS_PRIORITY, 0);
    wire_params_add_uint(params, VIR_THREADPOOL_JOB_QUEUE_DEPTH, count_waiting(server));
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}

bool admin_server_set_threadpool(Call *call, const AdminServerSetThreadpoolParametersArgs *args, void *ret,
                                 GError **error)
{
    Server *server = no_flags(args->flags, error) ? find_server(call, args->srv.name, error) : NULL;
    return server && set_limits(server, args->params, args->n_params, threadpool_limit_rows,
                                G_N_ELEMENTS(threadpool_limit_rows), error);
}

/* Clients */

bool admin_server_list_clients(Call *call, const AdminServerListClientsArgs *args, AdminServerListClientsRet *ret,
                               GError **error)
{
    const Server *server = no_flags(args->flags, error) ? find_server(call, args->srv.name, error) : NULL;
    if (!server)
        return false;
    ret->ret = g_queue_get_length((GQueue *)&server->clients);
    if (!args->need_results)
        return true;
    ret->clients = g_new0(WireClient, ret->ret);
    for (GList *link = server->clients.head; link; link = link->next)
        fill_client(&ret->clients[ret->n_clients++], link->data);
    return true;
}

bool admin_server_lookup_client(Call *call, const AdminServerLookupClientArgs *args, AdminServerLookupClientRet *ret,
                                GError **error)
{
    const Client *client = no_flags(args->flags, error) ? find_client(call, &args->srv, args->id, error) : NULL;
    if (!client)
        return false;
    fill_client(&ret->clnt, client);
    return true;
}

static void add_process(WireParams *params, const ClientIdentity *identity)
{
    struct passwd user, *found_user = NULL;
    struct group group, *found_group = NULL;
    char user_text[4096], group_text[4096];
    wire_params_add_int(params, VIR_CLIENT_INFO_UNIX_USER_ID, (int32_t)identity->uid);
    if (getpwuid_r(identity->uid, &user, user_text, sizeof user_text, &found_user) == 0 && found_user)
        wire_params_add_string(params, VIR_CLIENT_INFO_UNIX_USER_NAME, user.pw_name);
    wire_params_add_int(params, VIR_CLIENT_INFO_UNIX_GROUP_ID, (int32_t)identity->gid);
    if (getgrgid_r(identity->gid, &group, group_text, sizeof group_text, &found_group) == 0 && found_group)
        wire_params_add_string(params, VIR_CLIENT_INFO_UNIX_GROUP_NAME, group.gr_name);
    wire_params_add_int(params, VIR_CLIENT_INFO_UNIX_PROCESS_ID, (int32_t)identity->pid);
}

bool admin_client_get_info(Call *call, const AdminClientGetInfoArgs *args, AdminClientGetInfoRet *ret, GError **error)
{
    const Client *client =
        no_flags(args->flags, error) ? find_client(call, &args->clnt.srv, args->clnt.id, error) : NULL;
    if (!client)
        return false;
    g_autoptr(WireParams) params = wire_params_new();
    wire_params_add_bool(params, VIR_CLIENT_INFO_READONLY, client->read_only);
    if (client->identity.has_process)
        add_process(params, &client->identity);
    wire_params_add_string(params, VIR_CLIENT_INFO_SOCKET_ADDR, client->identity.address);
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}

bool admin_client_close(Call *call, const AdminClientCloseArgs *args, void *ret, GError **error)
{
    Client *client = no_flags(args->flags, error) ? find_client(call, &args->clnt.srv, args->clnt.id, error) : NULL;
    if (!client)
        return false;
    connection_announce_close(client, VIR_CONNECT_CLOSE_REASON_CLIENT);
    client_close_soon(client, "disconnected by the administrator");
    return true;
}

/* The log and the daemon's life */

bool admin_connect_get_logging_outputs(Call *call, const AdminConnectGetLoggingOutputsArgs *args,
                                       AdminConnectGetLoggingOutputsRet *ret, GError **error)
{
    if (!no_flags(args->flags, error))
        return false;
    ret->outputs = logging_output();
    ret->noutputs = 1;
    return true;
}

bool admin_connect_set_logging_outputs(Call *call, const AdminConnectSetLoggingOutputsArgs *args, void *ret,
                                       GError **error)
{
    const char *output = args->outputs && args->outputs[0] ? args->outputs : "3:stderr";
    return no_flags(args->flags, error) && logging_set_output(output, error);
}

bool admin_connect_get_logging_filters(Call *call, const AdminConnectGetLoggingFiltersArgs *args,
                                       AdminConnectGetLoggingFiltersRet *ret, GError **error)
{
    /* One level for all parts of the daemon: the list is empty. */
    return no_flags(args->flags, error);
}

bool admin_connect_set_daemon_timeout(Call *call, const AdminConnectSetDaemonTimeoutArgs *args, void *ret,
                                      GError **error)
{
    if (!no_flags(args->flags, error))
        return false;
    idle_set_timeout(args->timeout);
    return true;
}
