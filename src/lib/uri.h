/* SPDX-License-Identifier: Apache-2.0 */
/* A connection URI taken apart: DRIVER[+TRANSPORT]://[USER@][HOST][:PORT]/PATH[?PARAMETERS]. Any thread. */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef enum {
    TRANSPORT_UNIX,
    TRANSPORT_TCP,
    TRANSPORT_SSH,
    TRANSPORT_EXT, /* a command of the user whose stdin and stdout are the connection */
} Transport;

typedef struct {
    char *text; /* as given, aliases resolved */
    char *name; /* what connect_open gets: without host and transport; NULL for the daemon's default */
    Transport transport;
    char *user, *host; /* NULL when absent */
    int port;          /* 0 when absent */
    bool session;
    GHashTable *parameters; /* of the query: "socket", "command", "netcat" … */
} Uri;

/*
 * @text may be NULL or empty: $LODGE_URI, $LIBVIRT_DEFAULT_URI, uri_default of the client's config file, then
 * qemu:///system for root and qemu:///session for others. A text without ":" is looked up in uri_aliases.
 * Errors: VIR_ERR_INVALID_ARG, VIR_ERR_CONF_SYNTAX, VIR_ERR_CONFIG_UNSUPPORTED for an unknown transport or driver.
 */
Uri *uri_parse(const char *text, GError **error);
void uri_free(Uri *uri);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Uri, uri_free)

/* A parameter of the query, or NULL. */
const char *uri_parameter(const Uri *uri, const char *name);
/* Path of the unix socket to speak to (on the host of the daemon). */
char *uri_socket_path(const Uri *uri, bool read_only);
