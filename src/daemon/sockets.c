/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/sockets.h"

#include "base/durable-file.h"
#include "base/error.h"
#include "base/log.h"
#include "base/paths.h"
#include "daemon/config.h"
#include "rpc/server.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define FIRST_INHERITED 3

/* Names that clients look for. The one that they try first is opened last: when it answers, all others do. */
static const struct {
    const char *name;
    SocketRole role;
    bool modular; /* only with modular_sockets = 1 */
} socket_names[] = {
    { "virtqemud-sock", ROLE_READ_WRITE, true },        { "virtqemud-sock-ro", ROLE_READ_ONLY, true },
    { "virtqemud-admin-sock", ROLE_ADMIN, true },       { "virtnetworkd-sock", ROLE_READ_WRITE, true },
    { "virtnetworkd-sock-ro", ROLE_READ_ONLY, true },   { "virtstoraged-sock", ROLE_READ_WRITE, true },
    { "virtstoraged-sock-ro", ROLE_READ_ONLY, true },   { "virtnodedevd-sock", ROLE_READ_WRITE, true },
    { "virtnodedevd-sock-ro", ROLE_READ_ONLY, true },   { "virtsecretd-sock", ROLE_READ_WRITE, true },
    { "virtsecretd-sock-ro", ROLE_READ_ONLY, true },    { "virtinterfaced-sock", ROLE_READ_WRITE, true },
    { "virtinterfaced-sock-ro", ROLE_READ_ONLY, true }, { "virtnwfilterd-sock", ROLE_READ_WRITE, true },
    { "virtnwfilterd-sock-ro", ROLE_READ_ONLY, true },  { "libvirt-admin-sock", ROLE_ADMIN, false },
    { "libvirt-sock-ro", ROLE_READ_ONLY, false },       { "libvirt-sock", ROLE_READ_WRITE, false },
};

static bool read_mode(const Config *config, const char *key, mode_t *ret_mode, GError **error)
{
    const char *text = config_string(config, key);
    char *end;
    guint64 mode = g_ascii_strtoull(text, &end, 8);
    if (end == text || *end || mode > 0777)
        return error_set(error, VIR_ERR_CONF_SYNTAX, "key '%s': '%s' is not a mode like \"0770\"", key, text);
    *ret_mode = (mode_t)mode;
    return true;
}

static bool read_group(const Config *config, gid_t *ret_group, GError **error)
{
    const char *name = config_string(config, "unix_sock_group");
    *ret_group = (gid_t)-1;
    if (!name)
        return true;
    errno = 0;
    const struct group *entry = getgrnam(name);
    if (!entry)
        return error_set(error, VIR_ERR_CONF_SYNTAX, "key 'unix_sock_group': there is no group '%s'", name);
    *ret_group = entry->gr_gid;
    return true;
}

static bool open_unix(Daemon *daemon, GError **error)
{
    static const char *const keys[] = { "unix_sock_rw_perms", "unix_sock_ro_perms", "unix_sock_admin_perms" };
    SocketAccess access[G_N_ELEMENTS(keys)];
    gid_t group;
    if (!read_group(daemon->config, &group, error))
        return false;
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (!read_mode(daemon->config, keys[i], &access[i].mode, error))
            return false;
        access[i].group = i == ROLE_ADMIN ? (gid_t)-1 : group;
    }
    const char *configured = config_string(daemon->config, "unix_sock_dir");
    g_autofree char *directory = configured ? g_strdup(configured) : paths_socket_dir(daemon->paths);
    if (!directory_ensure(directory, 0755, error))
        return false;
    bool modular = config_integer(daemon->config, "modular_sockets") != 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(socket_names); i++) {
        SocketRole role = socket_names[i].role;
        if (socket_names[i].modular && !modular)
            continue;
        g_autofree char *path = g_build_filename(directory, socket_names[i].name, NULL);
        if (!server_listen_unix(role == ROLE_ADMIN ? daemon->admin : daemon->server, path, role, &access[role], error))
            return false;
    }
    return true;
}

static bool check_tcp_auth(const Daemon *daemon, GError **error)
{
    if (!g_strcmp0(config_string(daemon->config, "auth_tcp"), "none"))
        return true;
    return error_set(error, VIR_ERR_CONF_SYNTAX,
                     "TCP is to be served without authentication, as SASL is not built, so whoever reaches the port "
                     "controls the host: if its network is trusted, set auth_tcp = \"none\"");
}

static bool open_tcp(Daemon *daemon, GError **error)
{
    return check_tcp_auth(daemon, error) &&
           server_listen_tcp(daemon->server, config_string(daemon->config, "listen_addr"),
                             config_string(daemon->config, "tcp_port"), error);
}

/* The role of a socket that systemd made, by its address; unit names differ between distributions. */
static SocketRole inherited_role(const struct sockaddr_storage *address)
{
    if (address->ss_family != AF_UNIX)
        return ROLE_READ_WRITE;
    const char *path = ((const struct sockaddr_un *)address)->sun_path;
    if (g_str_has_suffix(path, "-ro"))
        return ROLE_READ_ONLY;
    return strstr(path, "-admin-") ? ROLE_ADMIN : ROLE_READ_WRITE;
}

static bool take_inherited(Daemon *daemon, const InheritedSockets *inherited, GError **error)
{
    for (unsigned i = 0; i < inherited->count; i++) {
        int fd = FIRST_INHERITED + (int)i;
        struct sockaddr_storage address = { 0 };
        socklen_t length = sizeof address - 1;
        if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
            return error_set_errno(error, errno, "take the socket %d that came with the process", fd);
        if (address.ss_family != AF_UNIX && !check_tcp_auth(daemon, error))
            return false;
        SocketRole role = inherited_role(&address);
        if (!server_listen_fd(role == ROLE_ADMIN ? daemon->admin : daemon->server, fd, role, error))
            return false;
    }
    return true;
}

bool sockets_open(Daemon *daemon, const InheritedSockets *inherited, bool listen, GError **error)
{
    if (inherited->count > 0)
        return take_inherited(daemon, inherited, error);
    bool tcp = listen || config_integer(daemon->config, "listen_tcp");
    return (!tcp || open_tcp(daemon, error)) && open_unix(daemon, error);
}
