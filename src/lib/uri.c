/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/uri.h"

#include "base/error.h"
#include "lib/client-config.h"
#include "lib/i18n.h"

#include <string.h>
#include <unistd.h>

/* Parameters that mean something to this side; all others go to the daemon in the name. */
static const char *const own_parameters[] = {
    "socket", "command", "netcat", "keyfile", "no_verify", "no_tty", "mode", "proxy", "name", "sshauth", "known_hosts",
};

static const struct {
    const char *name;
    Transport transport;
} transports[] = {
    { "unix", TRANSPORT_UNIX }, { "tcp", TRANSPORT_TCP },    { "ssh", TRANSPORT_SSH },
    { "ext", TRANSPORT_EXT },   { "libssh", TRANSPORT_SSH }, { "libssh2", TRANSPORT_SSH },
};

static bool find_text(const char *given, char **ret_text, GError **error)
{
    const char *const candidates[] = { given, g_getenv("LODGE_URI"), g_getenv("LIBVIRT_DEFAULT_URI") };
    g_autofree char *text = NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(candidates) && !text; i++)
        if (candidates[i] && *candidates[i])
            text = g_strdup(candidates[i]);
    if (!text && !client_config_default_uri(&text, error))
        return false;
    if (!text)
        text = g_strdup(geteuid() == 0 ? "qemu:///system" : "qemu:///session");
    if (!strchr(text, ':')) {
        g_autofree char *meant = NULL;
        if (!client_config_alias(text, &meant, error))
            return false;
        if (!meant)
            return error_set(error, VIR_ERR_INVALID_ARG,
                             _("'%s' is neither a URI such as qemu:///system nor one of uri_aliases in "
                               "/etc/lodge/client.conf"),
                             text);
        g_free(text);
        text = g_steal_pointer(&meant);
    }
    *ret_text = g_steal_pointer(&text);
    return true;
}

static bool set_transport(Uri *uri, const char *scheme, GError **error)
{
    const char *plus = strchr(scheme, '+');
    size_t driver = plus ? (size_t)(plus - scheme) : strlen(scheme);
    if (driver != 4 || strncmp(scheme, "qemu", 4) != 0)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         _("connect to '%s': only the qemu driver exists here; use for example qemu:///system"),
                         uri->text);
    if (!plus && !uri->host)
        return true;
    for (size_t i = 0; plus && i < G_N_ELEMENTS(transports); i++) {
        if (!strcmp(plus + 1, transports[i].name)) {
            uri->transport = transports[i].transport;
            return true;
        }
    }
    return error_set(
        error, VIR_ERR_CONFIG_UNSUPPORTED,
        _("connect to '%s': this client has no %s transport; use qemu+ssh://HOST/system, qemu+tcp:// or qemu+unix://"),
        uri->text, plus ? plus + 1 : "TLS");
}

static void set_name(Uri *uri, const char *path)
{
    const char *name = uri_parameter(uri, "name");
    if (name) {
        uri->name = g_strdup(name);
        return;
    }
    g_autoptr(GString) text = g_string_new("qemu://");
    g_string_append(text, path);
    GHashTableIter iterator;
    gpointer key, value;
    char separator = '?';
    g_hash_table_iter_init(&iterator, uri->parameters);
    while (g_hash_table_iter_next(&iterator, &key, &value)) {
        bool own = false;
        for (size_t i = 0; i < G_N_ELEMENTS(own_parameters); i++)
            own |= !strcmp(own_parameters[i], key);
        if (own)
            continue;
        g_autofree char *escaped = g_uri_escape_string(value, "/", FALSE);
        g_string_append_printf(text, "%c%s=%s", separator, (char *)key, escaped);
        separator = '&';
    }
    uri->name = g_string_free(g_steal_pointer(&text), FALSE);
}

Uri *uri_parse(const char *given, GError **error)
{
    g_autoptr(Uri) uri = g_new0(Uri, 1);
    g_autoptr(GError) reason = NULL;
    if (!find_text(given, &uri->text, error))
        return NULL;
    g_autoptr(GUri) parsed = g_uri_parse(uri->text, G_URI_FLAGS_NONE, &reason);
    if (!parsed) {
        error_set(error, VIR_ERR_INVALID_ARG, _("connection URI '%s': %s"), uri->text, reason->message);
        return NULL;
    }
    const char *query = g_uri_get_query(parsed);
    const char *host = g_uri_get_host(parsed);
    const char *path = g_uri_get_path(parsed);
    uri->parameters = g_uri_parse_params(query ? query : "", -1, "&;", G_URI_PARAMS_NONE, NULL);
    if (!uri->parameters)
        uri->parameters = g_hash_table_new(g_str_hash, g_str_equal);
    uri->user = g_strdup(g_uri_get_userinfo(parsed));
    uri->host = host && *host ? g_strdup(host) : NULL;
    uri->port = MAX(g_uri_get_port(parsed), 0);
    uri->session = !strcmp(path, "/session");
    if (!uri->session && strcmp(path, "/system") != 0) {
        error_set(error, VIR_ERR_INVALID_ARG, _("connection URI '%s': its path must be /system or /session"),
                  uri->text);
        return NULL;
    }
    if (!set_transport(uri, g_uri_get_scheme(parsed), error))
        return NULL;
    set_name(uri, path);
    return g_steal_pointer(&uri);
}

void uri_free(Uri *uri)
{
    if (!uri)
        return;
    g_free(uri->text);
    g_free(uri->name);
    g_free(uri->user);
    g_free(uri->host);
    g_clear_pointer(&uri->parameters, g_hash_table_unref);
    g_free(uri);
}

const char *uri_parameter(const Uri *uri, const char *name)
{
    return g_hash_table_lookup(uri->parameters, name);
}

char *uri_socket_path(const Uri *uri, bool read_only)
{
    const char *given = uri_parameter(uri, "socket");
    if (given)
        return g_strdup(given);
    if (uri->session)
        return g_build_filename(g_get_user_runtime_dir(), "libvirt", "libvirt-sock", NULL);
    return g_strdup(read_only ? "/run/libvirt/libvirt-sock-ro" : "/run/libvirt/libvirt-sock");
}
