/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/transport.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "lib/i18n.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_TCP_PORT 16509

static bool nobody_listens(const Uri *uri, const char *path, GError **error)
{
    const char *cure = uri_parameter(uri, "socket") ? _("is its daemon running?")
                       : uri->session               ? _("is lodged running? start yours with: lodged --daemon")
                                                    : _("is lodged running? start it with: systemctl start lodged");
    return error_set(error, VIR_ERR_NO_CONNECT, _("nothing listens on %s: %s"), path, cure);
}

/* A user's own daemon is started by the first client that needs it, and ends by itself some time after the last. */
static bool start_session_daemon(GError **error)
{
    g_autofree char *found = g_find_program_in_path("lodged");
    const char *const argv[] = { found ? found : LODGE_SBINDIR "/lodged", "--session", "--daemon", "--timeout=300",
                                 NULL };
    g_autofree char *complaint = NULL;
    g_autoptr(GError) reason = NULL;
    int status = 0;
    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &complaint, &status,
                      &reason))
        return error_set(error, VIR_ERR_NO_CONNECT, _("start your own daemon: %s"), reason->message);
    if (!g_spawn_check_wait_status(status, NULL))
        return error_set(error, VIR_ERR_NO_CONNECT, _("start your own daemon: %s"), g_strstrip(complaint));
    return true;
}

static bool open_unix(const Uri *uri, bool read_only, Channel *ret_channel, GError **error)
{
    g_autofree char *path = uri_socket_path(uri, read_only);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof address.sun_path)
        return error_set(error, VIR_ERR_INVALID_ARG, _("socket path '%s' is longer than %zu bytes"), path,
                         sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return error_set_errno(error, errno, _("create a unix socket"));
    bool connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (!connected && (errno == ENOENT || errno == ECONNREFUSED) && uri->session && !uri_parameter(uri, "socket")) {
        if (!start_session_daemon(error))
            return false;
        connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    }
    if (!connected) {
        if (errno == ENOENT || errno == ECONNREFUSED)
            return nobody_listens(uri, path, error);
        if (errno == EACCES || errno == EPERM)
            return error_set(
                error, VIR_ERR_NO_CONNECT,
                _("no permission to use %s; join the group that owns it (see: ls -l %s) or use qemu:///session"), path,
                path);
        return error_set_errno(error, errno, _("connect to %s"), path);
    }
    *ret_channel = (Channel){ .fd = fd_steal(&fd), .passes_fds = true };
    return true;
}

static bool open_tcp(const Uri *uri, Channel *ret_channel, GError **error)
{
    const char *host = uri->host ? uri->host : "localhost";
    g_autofree char *port = g_strdup_printf("%d", uri->port ? uri->port : DEFAULT_TCP_PORT);
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
    struct addrinfo *addresses = NULL;
    int failure = getaddrinfo(host, port, &hints, &addresses);
    if (failure)
        return error_set(error, VIR_ERR_UNKNOWN_HOST, _("host '%s': %s"), host, gai_strerror(failure));
    int saved_errno = 0;
    auto_fd int fd = -1;
    for (const struct addrinfo *at = addresses; at && fd < 0; at = at->ai_next) {
        auto_fd int candidate = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, at->ai_protocol);
        if (candidate >= 0 && connect(candidate, at->ai_addr, at->ai_addrlen) == 0)
            fd = fd_steal(&candidate);
        else
            saved_errno = errno;
    }
    freeaddrinfo(addresses);
    if (fd < 0 && saved_errno == ECONNREFUSED)
        return error_set(error, VIR_ERR_NO_CONNECT,
                         _("nothing listens on %s port %s: is lodged running there with listen_tcp = 1?"), host, port);
    if (fd < 0)
        return error_set_errno(error, saved_errno, _("connect to %s port %s"), host, port);
    int on = 1;
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
        return error_set_errno(error, errno, _("set TCP_NODELAY"));
    *ret_channel = (Channel){ .fd = fd_steal(&fd) };
    return true;
}

/* What runs on the other host: a relay between its stdin and stdout and the daemon's socket. */
static char *remote_command(const Uri *uri, bool read_only)
{
    const char *netcat = uri_parameter(uri, "netcat");
    const char *given = uri_parameter(uri, "socket");
    g_autofree char *path = NULL;
    if (uri->session && !given) {
        path = g_strdup("\"${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/libvirt/libvirt-sock\"");
    } else {
        g_autofree char *plain = uri_socket_path(uri, read_only);
        path = g_shell_quote(plain);
    }
    g_autofree char *relay = g_shell_quote(netcat ? netcat : "nc");
    g_autofree char *script = g_strdup_printf("if command -v %s >/dev/null 2>&1; then exec %s -U %s; "
                                              "else exec socat STDIO UNIX-CONNECT:%s; fi",
                                              relay, relay, path, path);
    g_autofree char *quoted = g_shell_quote(script);
    return g_strdup_printf("sh -c %s", quoted);
}

static bool build_ssh(const Uri *uri, bool read_only, GPtrArray *argv, GError **error)
{
    const char *command = uri_parameter(uri, "command");
    const char *key = uri_parameter(uri, "keyfile");
    if (!uri->host)
        return error_set(error, VIR_ERR_INVALID_ARG, _("connection URI '%s' names no host"), uri->text);
    g_ptr_array_add(argv, g_strdup(command ? command : "ssh"));
    if (uri->port) {
        g_ptr_array_add(argv, g_strdup("-p"));
        g_ptr_array_add(argv, g_strdup_printf("%d", uri->port));
    }
    if (uri->user) {
        g_ptr_array_add(argv, g_strdup("-l"));
        g_ptr_array_add(argv, g_strdup(uri->user));
    }
    if (key) {
        g_ptr_array_add(argv, g_strdup("-i"));
        g_ptr_array_add(argv, g_strdup(key));
    }
    g_ptr_array_add(argv, g_strdup("-T"));
    g_ptr_array_add(argv, g_strdup("-e"));
    g_ptr_array_add(argv, g_strdup("none"));
    if (!g_strcmp0(uri_parameter(uri, "no_tty"), "1")) {
        g_ptr_array_add(argv, g_strdup("-o"));
        g_ptr_array_add(argv, g_strdup("BatchMode=yes"));
    }
    if (!g_strcmp0(uri_parameter(uri, "no_verify"), "1")) {
        g_ptr_array_add(argv, g_strdup("-o"));
        g_ptr_array_add(argv, g_strdup("StrictHostKeyChecking=no"));
    }
    g_ptr_array_add(argv, g_strdup("--"));
    g_ptr_array_add(argv, g_strdup(uri->host));
    g_ptr_array_add(argv, remote_command(uri, read_only));
    return true;
}

static bool open_command(const Uri *uri, bool read_only, Channel *ret_channel, GError **error)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) reason = NULL;
    if (uri->transport == TRANSPORT_SSH) {
        if (!build_ssh(uri, read_only, argv, error))
            return false;
    } else if (uri_parameter(uri, "command")) {
        g_ptr_array_add(argv, g_strdup(uri_parameter(uri, "command")));
    } else {
        return error_set(error, VIR_ERR_INVALID_ARG, _("connection URI '%s' needs ?command=PROGRAM"), uri->text);
    }
    g_ptr_array_add(argv, NULL);
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set_errno(error, errno, _("create a socket pair"));
    auto_fd int ours = pair[0];
    auto_fd int theirs = pair[1];
    GPid child;
    if (!g_spawn_async_with_fds(NULL, (char **)argv->pdata, NULL, G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD, NULL,
                                NULL, &child, theirs, theirs, -1, &reason))
        return error_set(error, VIR_ERR_NO_CONNECT, _("connect to '%s': %s"), uri->text, reason->message);
    *ret_channel = (Channel){ .fd = fd_steal(&ours), .child = child };
    return true;
}

bool transport_open(const Uri *uri, bool read_only, Channel *ret_channel, GError **error)
{
    switch (uri->transport) {
    case TRANSPORT_UNIX: return open_unix(uri, read_only, ret_channel, error);
    case TRANSPORT_TCP: return open_tcp(uri, ret_channel, error);
    case TRANSPORT_SSH:
    case TRANSPORT_EXT: return open_command(uri, read_only, ret_channel, error);
    }
    g_return_val_if_reached(false);
}

void transport_close(Channel *channel)
{
    if (channel->fd >= 0)
        close(channel->fd);
    channel->fd = -1;
    if (channel->child > 0)
        while (waitpid(channel->child, NULL, 0) < 0 && errno == EINTR)
            continue;
    channel->child = 0;
}
