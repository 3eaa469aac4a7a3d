/* SPDX-License-Identifier: Apache-2.0 */
/* Storage nodes of images on servers, one function for each protocol. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

static JsonObject *server_object(const StorageHost *host, const char *default_port)
{
    if (host->transport == STORAGE_TRANSPORT_UNIX)
        return qmp_object("s:type", "unix", "s:path", host->socket, NULL);
    g_autofree char *port = host->port ? g_strdup_printf("%u", host->port) : g_strdup(default_port);
    return qmp_object("s:type", "inet", "s:host", host->name, "s:port", port, NULL);
}

static JsonObject *nbd_storage(const StorageSource *source)
{
    return qmp_object("s:driver", "nbd", "o:server", server_object(source->hosts[0], "10809"), "S:export", source->path,
                      NULL);
}

static JsonObject *url_storage(const StorageSource *source)
{
    const char *scheme = model_enum_text(&model_enum_storage_protocol, source->protocol);
    const StorageHost *host = source->hosts[0];
    g_autofree char *port = host->port ? g_strdup_printf(":%u", host->port) : g_strdup("");
    g_autofree char *query = source->query ? g_strconcat("?", source->query, NULL) : g_strdup("");
    const char *path = source->path ? source->path : "";
    g_autofree char *url =
        g_strdup_printf("%s://%s%s%s%s%s", scheme, host->name, port, path[0] == '/' ? "" : "/", path, query);
    JsonObject *object = qmp_object("s:driver", scheme, "s:url", url, "I:readahead", (gint64)source->readahead,
                                    "I:timeout", (gint64)source->timeout, NULL);
    if (source->ssl_verify)
        json_object_set_boolean_member(object, "sslverify", source->ssl_verify == TRI_YES);
    return object;
}

/* "iqn.2013-07.com.example:target/1" → target and LUN. */
static JsonObject *iscsi_storage(const StorageSource *source)
{
    const StorageHost *host = source->hosts[0];
    const char *slash = strrchr(source->path, '/');
    g_autofree char *target = slash ? g_strndup(source->path, (gsize)(slash - source->path)) : g_strdup(source->path);
    g_autofree char *portal = g_strdup_printf("%s:%u", host->name, host->port ? host->port : 3260);
    return qmp_object("s:driver", "iscsi", "s:portal", portal, "s:target", target, "i:lun",
                      slash ? (gint64)g_ascii_strtoll(slash + 1, NULL, 10) : (gint64)0, "s:transport",
                      host->transport == STORAGE_TRANSPORT_RDMA ? "iser" : "tcp", "s:initiator-name",
                      source->initiator_iqn, NULL);
}

/* All servers of the volume; "VOLUME/PATH/IN/IT". */
static JsonObject *gluster_storage(const StorageSource *source)
{
    const char *slash = strchr(source->path, '/');
    if (!slash)
        return NULL;
    g_autofree char *volume = g_strndup(source->path, (gsize)(slash - source->path));
    JsonArray *servers = json_array_new();
    for (unsigned i = 0; i < source->n_hosts; i++)
        json_array_add_object_element(servers, server_object(source->hosts[i], "24007"));
    return qmp_object("s:driver", "gluster", "s:volume", volume, "s:path", slash + 1, "a:server", servers, NULL);
}

/* "POOL/IMAGE" or "POOL/NAMESPACE/IMAGE"; without hosts the cluster is that of the configuration file. */
static JsonObject *rbd_storage(const StorageSource *source)
{
    g_auto(GStrv) parts = g_strsplit(source->path, "/", 3);
    unsigned n = g_strv_length(parts);
    if (n < 2)
        return NULL;
    JsonArray *servers = source->n_hosts ? json_array_new() : NULL;
    for (unsigned i = 0; i < source->n_hosts; i++) {
        const StorageHost *host = source->hosts[i];
        g_autofree char *port = g_strdup_printf("%u", host->port ? host->port : 6789);
        json_array_add_object_element(servers, qmp_object("s:host", host->name, "s:port", port, NULL));
    }
    JsonObject *object =
        qmp_object("s:driver", "rbd", "s:pool", parts[0], "s:namespace", n == 3 ? parts[1] : NULL, "s:image",
                   parts[n - 1], "s:snapshot", source->snapshot, "s:conf", source->config_file, NULL);
    if (servers)
        json_object_set_array_member(object, "server", servers);
    return object;
}

static JsonObject *ssh_storage(const StorageSource *source)
{
    const StorageHost *host = source->hosts[0];
    g_autofree char *port = g_strdup_printf("%u", host->port ? host->port : 22);
    return qmp_object("s:driver", "ssh", "s:path", source->path, "o:server",
                      qmp_object("s:host", host->name, "s:port", port, NULL), NULL);
}

static bool numeric_id(const char *text, guint64 *ret_id)
{
    if (text[0] == '+')
        text++;
    return g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, ret_id, NULL);
}

/* Users and groups of the server by number, as libnfs wants them. */
static JsonObject *nfs_storage(const StorageSource *source)
{
    guint64 user, group;
    JsonObject *object =
        qmp_object("s:driver", "nfs", "o:server", qmp_object("s:type", "inet", "s:host", source->hosts[0]->name, NULL),
                   "s:path", source->path, NULL);
    if (source->nfs_user && numeric_id(source->nfs_user, &user))
        json_object_set_int_member(object, "user", (gint64)user);
    if (source->nfs_group && numeric_id(source->nfs_group, &group))
        json_object_set_int_member(object, "group", (gint64)group);
    return object;
}

typedef struct {
    StorageProtocol protocol;
    JsonObject *(*make)(const StorageSource *source); /* NULL: the path is none */
    bool needs_name;                                  /* of a host, and a path */
    bool needs_no_host;
} ProtocolRow;

static const ProtocolRow protocol_rows[];

JsonObject *qemu_block_network(const StorageSource *source, const char *what, GError **error)
{
    const char *protocol = model_enum_text(&model_enum_storage_protocol, source->protocol);
    const ProtocolRow *row = protocol_rows;
    while (row->make && row->protocol != source->protocol)
        row++;
    if (!row->make) {
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: QEMU has no network source '%s'", what, protocol);
        return NULL;
    }
    if (source->tls == TRI_YES || source->n_cookies) {
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: TLS and cookies of network sources are not supported yet",
                  what);
        return NULL;
    }
    const StorageHost *host = source->n_hosts ? source->hosts[0] : NULL;
    if (!row->needs_no_host && (!host || (!host->name && (row->needs_name || !host->socket)))) {
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: <source protocol='%s'> names no <host>", what, protocol);
        return NULL;
    }
    JsonObject *object = row->needs_name && !source->path ? NULL : row->make(source);
    if (!object)
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                  "%s: <source protocol='%s' name='%s'>: there is no image of that name", what, protocol,
                  source->path ? source->path : "");
    return object;
}

static const ProtocolRow protocol_rows[] = {
    { STORAGE_PROTOCOL_NBD, nbd_storage, false, false },
    { STORAGE_PROTOCOL_HTTP, url_storage, true, false },
    { STORAGE_PROTOCOL_HTTPS, url_storage, true, false },
    { STORAGE_PROTOCOL_FTP, url_storage, true, false },
    { STORAGE_PROTOCOL_FTPS, url_storage, true, false },
    { STORAGE_PROTOCOL_ISCSI, iscsi_storage, true, false },
    { STORAGE_PROTOCOL_GLUSTER, gluster_storage, false, false },
    { STORAGE_PROTOCOL_RBD, rbd_storage, false, true },
    { STORAGE_PROTOCOL_SSH, ssh_storage, true, false },
    { STORAGE_PROTOCOL_NFS, nfs_storage, true, false },
    { STORAGE_PROTOCOL_UNSET, NULL, false, false },
};
