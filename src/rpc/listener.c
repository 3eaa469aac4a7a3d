/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/listener.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BACKLOG       1024 /* the kernel caps it at net.core.somaxconn */
#define RETRY_SECONDS 1

struct Listener {
    Server *server;
    int fd;
    int family;
    SocketRole role;
    char *path;
    dev_t device; /* of the socket file: only our own is removed */
    ino_t inode;
    ListenerAccept accept;
    guint source;
    guint retry; /* the timer that accepts again after the process ran out of something */
};

static int socket_family(int fd)
{
    int family = AF_UNSPEC;
    socklen_t length = sizeof family;
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length);
    return family;
}

static void identify_unix(int fd, ClientIdentity *ret_identity)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0)
        *ret_identity = (ClientIdentity){ .has_process = true, .pid = peer.pid, .uid = peer.uid, .gid = peer.gid };
}

static char *tcp_address(const struct sockaddr_storage *from, socklen_t length)
{
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (getnameinfo((const struct sockaddr *)from, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return g_strdup("unknown");
    return g_strdup_printf("%s;%s", host, port);
}

static gboolean on_retry(gpointer data)
{
    Listener *listener = data;
    listener->retry = 0;
    listener_enable(listener, true);
    return G_SOURCE_REMOVE;
}

/* What ran out will not come back at once, and the connection stays ready: asking again and again would be all we do.
 */
static void accept_failed(Listener *listener, int reason)
{
    if (reason == EAGAIN || reason == EINTR || reason == ECONNABORTED)
        return;
    log_error("accept a client of %s: %s; trying again in %d s", listener->server->name, g_strerror(reason),
              RETRY_SECONDS);
    listener_enable(listener, false);
    listener->retry = g_timeout_add_seconds(RETRY_SECONDS, on_retry, listener);
}

static gboolean on_connection(gint fd, GIOCondition condition, gpointer data)
{
    Listener *listener = data;
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    auto_fd int accepted = accept4(fd, (struct sockaddr *)&from, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (accepted < 0) {
        accept_failed(listener, errno);
        return G_SOURCE_CONTINUE;
    }
    ClientIdentity identity = { .pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1 };
    if (listener->family == AF_UNIX) {
        identify_unix(accepted, &identity);
        listener->accept(listener->server, fd_steal(&accepted), listener->role, TRANSPORT_UNIX, &identity);
        return G_SOURCE_CONTINUE;
    }
    int yes = 1;
    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    g_autofree char *address = tcp_address(&from, length);
    identity.address = address;
    listener->accept(listener->server, fd_steal(&accepted), listener->role, TRANSPORT_TCP, &identity);
    return G_SOURCE_CONTINUE;
}

Listener *listener_new(Server *server, int fd, SocketRole role, const char *path, ListenerAccept accept)
{
    Listener *listener = g_new0(Listener, 1);
    listener->server = server;
    listener->fd = fd;
    listener->family = socket_family(fd);
    listener->role = role;
    listener->path = g_strdup(path);
    listener->accept = accept;
    struct stat info;
    if (path && stat(path, &info) == 0) {
        listener->device = info.st_dev;
        listener->inode = info.st_ino;
    }
    return listener;
}

void listener_enable(Listener *listener, bool enabled)
{
    g_clear_handle_id(&listener->retry, g_source_remove);
    if (enabled && !listener->source)
        listener->source = g_unix_fd_add(listener->fd, G_IO_IN, on_connection, listener);
    else if (!enabled)
        g_clear_handle_id(&listener->source, g_source_remove);
}

void listener_free(Listener *listener)
{
    listener_enable(listener, false);
    struct stat info;
    /* A later daemon may have put its own socket there. */
    if (listener->path && stat(listener->path, &info) == 0 && info.st_dev == listener->device &&
        info.st_ino == listener->inode)
        unlink(listener->path);
    auto_fd_close(&listener->fd);
    g_free(listener->path);
    g_free(listener);
}

unsigned listener_port(const Listener *listener)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (listener->family == AF_UNIX || getsockname(listener->fd, (struct sockaddr *)&address, &length) < 0)
        return 0;
    if (listener->family == AF_INET6)
        return g_ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return g_ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static bool unix_address(const char *path, struct sockaddr_un *ret_address, GError **error)
{
    *ret_address = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof ret_address->sun_path)
        return error_set(
            error, VIR_ERR_INVALID_ARG,
            "socket path '%s' is longer than the %zu bytes that unix sockets allow; use a shorter directory", path,
            sizeof ret_address->sun_path - 1);
    memcpy(ret_address->sun_path, path, strlen(path) + 1);
    return true;
}

/* Removes a socket file that nobody listens on. */
static bool remove_stale(const char *path, const struct sockaddr_un *address, GError **error)
{
    auto_fd int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return error_set_errno(error, errno, "create a socket for '%s'", path);
    if (connect(probe, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN)
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "another daemon listens on '%s'; stop it, or choose another directory with --root", path);
    if (errno == ECONNREFUSED && unlink(path) < 0 && errno != ENOENT)
        return error_set_errno(error, errno, "remove the stale socket '%s'", path);
    return true;
}

int listener_open_unix(const char *path, const SocketAccess *access, GError **error)
{
    struct sockaddr_un address;
    if (!unix_address(path, &address, error) || !remove_stale(path, &address, error))
        return -1;
    auto_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        error_set_errno(error, errno, "create a socket for '%s'", path);
        return -1;
    }
    /* Closed to all until owner and mode are set: nobody gets in between. */
    mode_t old_mask = umask(0777);
    int bound = bind(fd, (struct sockaddr *)&address, sizeof address);
    int saved_errno = errno;
    umask(old_mask);
    if (bound < 0) {
        error_set_errno(error, saved_errno, "bind socket '%s'", path);
        return -1;
    }
    if ((access->group != (gid_t)-1 && chown(path, (uid_t)-1, access->group) < 0) || chmod(path, access->mode) < 0 ||
        listen(fd, BACKLOG) < 0) {
        error_set_errno(error, errno, "listen on socket '%s'", path);
        unlink(path);
        return -1;
    }
    return fd_steal(&fd);
}

static int open_tcp_address(const struct addrinfo *info)
{
    auto_fd int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int yes = 1;
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (info->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof yes);
    if (bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return -1;
    return fd_steal(&fd);
}

bool listener_open_tcp(const char *host, const char *port, GArray *fds, GError **error)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int result = getaddrinfo(host, port, &hints, &found);
    if (result != 0)
        return error_set(error, VIR_ERR_SYSTEM_ERROR, "listen on TCP address '%s' port %s: %s", host ? host : "*", port,
                         gai_strerror(result));
    int saved_errno = 0;
    for (struct addrinfo *info = found; info && !saved_errno; info = info->ai_next) {
        int fd = open_tcp_address(info);
        if (fd >= 0)
            g_array_append_val(fds, fd);
        else if (errno != EAFNOSUPPORT) /* a host without IPv6 */
            saved_errno = errno;
    }
    freeaddrinfo(found);
    if (saved_errno || fds->len == 0)
        return error_set_errno(error, saved_errno ? saved_errno : EAFNOSUPPORT, "listen on TCP address '%s' port %s",
                               host ? host : "*", port);
    return true;
}
