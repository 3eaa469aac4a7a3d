/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's configuration: the keys of libvirtd.conf and a few of our own, each one row of the table in config.c.
 * Immutable after it was read; any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Config Config;

typedef enum { CONFIG_INTEGER, CONFIG_STRING, CONFIG_LIST } ConfigType;

typedef struct {
    const char *key;
    ConfigType type;
    const char *preset; /* as it would stand in the file; NULL: unset */
    int64_t lowest, highest;
    const char *choices; /* of strings: "|none|sasl|"; NULL: any */
    const char *inert;   /* why the key has no effect, for a note in the log; NULL: it has one */
    const char *doc;
    const char *(*check)(const char *value); /* of strings: config-check.h; NULL: any that is among the choices */
} ConfigRow;

/* All rows, for the documentation; ends with a NULL key. */
extern const ConfigRow config_rows[];

/* Everything preset. */
Config *config_new(void);
void config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/*
 * @name stands in the errors (VIR_ERR_CONF_SYNTAX): "NAME:LINE: unknown key 'listen_tpc'; did you mean 'listen_tcp'?".
 */
Config *config_parse(const char *text, const char *name, GError **error);
Config *config_load(const char *path, GError **error);

/* @key must be in the table with that type. Strings and lists: NULL if unset. Owned by @config. */
int64_t config_integer(const Config *config, const char *key);
const char *config_string(const Config *config, const char *key);
const char *const *config_list(const Config *config, const char *key);
/* Whether the file sets the key. */
bool config_is_set(const Config *config, const char *key);
