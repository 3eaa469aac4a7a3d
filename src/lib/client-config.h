/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client's config file: uri_aliases and uri_default. Read from $XDG_CONFIG_HOME/lodge/client.conf or, when that is
 * absent, /etc/lodge/client.conf, then the same two places of libvirt.conf, so that existing aliases go on working.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>

/* *ret_uri is NULL when there is no such alias. Errors: VIR_ERR_CONF_SYNTAX with file and line. */
bool client_config_alias(const char *alias, char **ret_uri, GError **error);
/* *ret_uri is NULL when none is set. */
bool client_config_default_uri(char **ret_uri, GError **error);
