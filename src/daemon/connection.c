/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of the calls about the connection itself: authentication, opening, features, events. All run on the main
 * loop. */
#include "daemon/connection.h"
#include "base/paths.h"
#include "daemon/daemon.h"
#include "daemon/handlers.h"
#include "qemu/qemu-caps.h"
#include "rpc/events.h"
#include "rpc/handlers.h"
#include "rpc/server.h"

#include <libvirt/libvirt.h>
#include <string.h>

/* The version of libvirt whose protocol is spoken: 9.0.0. */
#define PROTOCOL_VERSION 9000000u

bool connection_auth_list(Call *call, const void *args, AuthListRet *ret, GError **error)
{
    /* Every socket that is served needs nothing further: its file mode, or the administrator's listen_tcp, decided. */
    server_client_authenticated(call->client);
    ret->n_types = 1;
    ret->types = g_new0(int32_t, 1); /* 0: none */
    return true;
}

/* Opening */

static bool uri_is_ours(const Daemon *daemon, const char *uri, GError **error)
{
    g_autoptr(GUri) parsed = g_uri_parse(uri, G_URI_FLAGS_ENCODED, NULL);
    if (!parsed)
        return error_set(error, VIR_ERR_INVALID_ARG, "'%s' is not a URI; expected qemu:///system or qemu:///session",
                         uri);
    const char *scheme = g_uri_get_scheme(parsed), *host = g_uri_get_host(parsed), *path = g_uri_get_path(parsed);
    if (strcmp(scheme, "qemu") != 0)
        return error_set(error, VIR_ERR_NO_CONNECT, "%s; this daemon serves qemu:///system and qemu:///session", uri);
    if (host && host[0])
        return error_set(error, VIR_ERR_NO_CONNECT, "%s names the host '%s', which its client should have gone to", uri,
                         host);
    if (!strcmp(path, "/system") || !strcmp(path, "/session"))
        return true;
    return error_set(error, VIR_ERR_INTERNAL_ERROR, "unexpected QEMU URI path '%s', try qemu:///%s", path,
                     daemon->paths->privileged ? "system" : "session");
}

bool connection_open(Call *call, const ConnectOpenArgs *args, void *ret, GError **error)
{
    Client *client = call->client;
    /* Stock clients also send how they were asked to reach us: 2 for a user's own daemon, 4 for one they may start. */
    const uint32_t client_own = 2 | 4;
    const uint32_t known = VIR_CONNECT_RO | VIR_CONNECT_NO_ALIASES | client_own;
    if (client->opened)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "the connection is open already");
    if (args->flags & ~known)
        return error_set(error, VIR_ERR_INVALID_ARG, "unsupported flags 0x%x", args->flags & ~known);
    const char *preset = call->daemon->paths->privileged ? "qemu:///system" : "qemu:///session";
    const char *uri = args->name && args->name[0] ? args->name : preset;
    if (!uri_is_ours(call->daemon, uri, error))
        return false;
    g_free(client->uri);
    client->uri = g_strdup(uri);
    client->opened = true;
    client->read_only = client->role == ROLE_READ_ONLY || (args->flags & VIR_CONNECT_RO);
    return true;
}

bool connection_close(Call *call, const void *args, void *ret, GError **error)
{
    event_deregister_all(call->daemon->events, call->client);
    call->client->opened = false;
    call->client->wants_close_event = false;
    return true;
}

bool connection_get_type(Call *call, const void *args, ConnectGetTypeRet *ret, GError **error)
{
    ret->type = g_strdup("QEMU");
    return true;
}

/* Of the emulator for the host's own architecture. In a worker: the first call after an upgrade asks QEMU itself. */
bool connection_get_version(Call *call, const void *args, ConnectGetVersionRet *ret, GError **error)
{
    g_autofree char *emulator = qemu_emulator_find(qemu_host_arch());
    if (!emulator)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "no QEMU for %s is installed", qemu_host_arch());
    g_autoptr(QemuCaps) caps = qemu_caps_cache_get(call->daemon->qemu_caps, emulator, error);
    if (!caps)
        return false;
    ret->hv_ver = caps->version;
    return true;
}

bool connection_get_lib_version(Call *call, const void *args, ConnectGetLibVersionRet *ret, GError **error)
{
    ret->lib_ver = PROTOCOL_VERSION;
    return true;
}

bool connection_get_uri(Call *call, const void *args, ConnectGetUriRet *ret, GError **error)
{
    ret->uri = g_strdup(call->client->uri);
    return true;
}

bool connection_is_secure(Call *call, const void *args, ConnectIsSecureRet *ret, GError **error)
{
    ret->secure = call->client->transport == TRANSPORT_UNIX;
    return true;
}

/* Features: the numbers of wire/README. A feature that consists of calls is there when its last call is built. */
static const struct {
    int feature;
    int needs; /* ProcedureId; -1: part of the daemon itself */
} features[] = {
    { 3, PROC_DOMAIN_MIGRATE_FINISH2 },         /* migration v2 */
    { 4, PROC_DOMAIN_MIGRATE_PERFORM3_PARAMS }, /* peer to peer */
    { 6, PROC_DOMAIN_MIGRATE_CONFIRM3 },        /* migration v3 */
    { 7, PROC_DOMAIN_MIGRATE_CONFIRM3 },        /* no change between its phases */
    { 8, -1 },                                  /* descriptors */
    { 9, -1 },                                  /* string parameters */
    { 10, -1 },                                 /* keepalive */
    { 11, PROC_DOMAIN_GET_XML_DESC },           /* VIR_DOMAIN_XML_MIGRATABLE */
    { 12, PROC_DOMAIN_MIGRATE_CONFIRM3 },       /* of guests that are off */
    { 13, PROC_DOMAIN_MIGRATE_CONFIRM3_PARAMS },
    { 14, -1 }, /* events with callback ids */
    { 15, -1 }, /* close callback */
    { 16, PROC_NETWORK_UPDATE },
};

bool connection_supports_feature(Call *call, const ConnectSupportsFeatureArgs *args, ConnectSupportsFeatureRet *ret,
                                 GError **error)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        if (features[i].feature == args->feature)
            ret->supported = features[i].needs < 0 || daemon_handlers[features[i].needs];
    }
    if (args->feature == 10)
        client_start_keepalive(call->client);
    return true;
}

/* The close callback: raised when the daemon, not the client, ends the connection. */

void connection_announce_close(Client *client, int reason)
{
    if (!client->wants_close_event)
        return;
    client->wants_close_event = false;
    const Procedure *procedure = &procedure_rows[PROC_CONNECT_EVENT_CONNECTION_CLOSED];
    FrameHeader header = { procedure->program, FRAME_VERSION, procedure->number, FRAME_EVENT, 0, FRAME_OK };
    GByteArray *frame = frame_new(&header);
    frame_append_u32(frame, (uint32_t)reason);
    frame_finish(frame, NULL); /* four bytes always fit */
    client_send(client, frame, NULL, 0);
}

bool connection_register_close_callback(Call *call, const void *args, void *ret, GError **error)
{
    if (call->client->wants_close_event)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "a close callback is already registered");
    call->client->wants_close_event = true;
    return true;
}

bool connection_unregister_close_callback(Call *call, const void *args, void *ret, GError **error)
{
    if (!call->client->wants_close_event)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "no close callback is registered");
    call->client->wants_close_event = false;
    return true;
}
