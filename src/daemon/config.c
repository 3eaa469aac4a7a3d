/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config.h"

#include "base/error.h"
#include "base/log.h"
#include "daemon/config-check.h"

#include <string.h>

typedef struct {
    bool set;
    int64_t integer;
    char *string;
    char **list;
} Value;

struct Config {
    Value *values; /* one for each row */
};

typedef struct {
    const char *at;
    const char *name;
    unsigned line;
} Reader;

static unsigned count_rows(void)
{
    unsigned count = 0;
    while (config_rows[count].key)
        count++;
    return count;
}

static void value_clear(Value *value)
{
    g_free(value->string);
    g_strfreev(value->list);
    *value = (Value){ 0 };
}

void config_free(Config *config)
{
    if (!config)
        return;
    for (unsigned i = 0; config_rows[i].key; i++)
        value_clear(&config->values[i]);
    g_free(config->values);
    g_free(config);
}

static bool syntax(const Reader *reader, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);
static bool syntax(const Reader *reader, GError **error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    return error_set(error, VIR_ERR_CONF_SYNTAX, "%s:%u: %s", reader->name, reader->line, text);
}

/* How many letters must change to make @a out of @b (Levenshtein). */
static unsigned distance(const char *a, const char *b)
{
    size_t width = strlen(b);
    g_autofree unsigned *row = g_new(unsigned, width + 1);
    for (size_t j = 0; j <= width; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i]; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < width; j++) {
            unsigned above = row[j + 1];
            row[j + 1] = MIN(MIN(above, row[j]) + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[width];
}

static const char *nearest_key(const char *key)
{
    const char *nearest = config_rows[0].key;
    unsigned best = G_MAXUINT;
    for (unsigned i = 0; config_rows[i].key; i++) {
        unsigned changes = distance(key, config_rows[i].key);
        if (changes < best) {
            best = changes;
            nearest = config_rows[i].key;
        }
    }
    return nearest;
}

static int find_key(const char *key)
{
    for (int i = 0; config_rows[i].key; i++) {
        if (!strcmp(config_rows[i].key, key))
            return i;
    }
    return -1;
}

/* Reading */

/* Blanks, and with @lines also ends of lines and comments. */
static void skip_blanks(Reader *reader, bool lines)
{
    for (;; reader->at++) {
        char c = *reader->at;
        if (lines && c == '#') {
            while (reader->at[1] && reader->at[1] != '\n')
                reader->at++;
        } else if (lines && c == '\n') {
            reader->line++;
        } else if (c != ' ' && c != '\t' && c != '\r') {
            return;
        }
    }
}

static bool read_string(Reader *reader, char **ret_string, GError **error)
{
    char quote = *reader->at;
    if (quote != '"' && quote != '\'')
        return syntax(reader, error, "expected a text in quotes");
    const char *end = reader->at + 1;
    g_autoptr(GString) text = g_string_new(NULL);
    for (; *end && *end != quote && *end != '\n'; end++) {
        if (quote == '"' && *end == '\\' && (end[1] == '"' || end[1] == '\\'))
            end++;
        g_string_append_c(text, *end);
    }
    if (*end != quote)
        return syntax(reader, error, "the text has no closing %c", quote);
    if (!g_utf8_validate(text->str, (gssize)text->len, NULL))
        return syntax(reader, error, "the text is not UTF-8");
    reader->at = end + 1;
    *ret_string = g_string_free(g_steal_pointer(&text), FALSE);
    return true;
}

static bool read_integer(Reader *reader, const ConfigRow *row, int64_t *ret_value, GError **error)
{
    char *end;
    gint64 value = g_ascii_strtoll(reader->at, &end, 10);
    if (end == reader->at)
        return syntax(reader, error, "key '%s' needs a number, not a text", row->key);
    if (value < row->lowest || value > row->highest)
        return syntax(reader, error,
                      "key '%s' must be from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT ", not %" G_GINT64_FORMAT,
                      row->key, (gint64)row->lowest, (gint64)row->highest, value);
    reader->at = end;
    *ret_value = value;
    return true;
}

static bool check_choice(const Reader *reader, const ConfigRow *row, const char *value, GError **error)
{
    const char *cure = row->check ? row->check(value) : NULL;
    if (cure)
        return syntax(reader, error, "key '%s' cannot be '%s': %s", row->key, value, cure);
    if (!row->choices)
        return true;
    g_autofree char *needle = g_strdup_printf("|%s|", value);
    if (!strchr(value, '|') && strstr(row->choices, needle))
        return true;
    g_autofree char *inner = g_strndup(row->choices + 1, strlen(row->choices) - 2);
    g_auto(GStrv) words = g_strsplit(inner, "|", -1);
    g_autofree char *known = g_strjoinv("', '", words);
    return syntax(reader, error, "key '%s' cannot be '%s'; known: '%s'", row->key, value, known);
}

static bool read_list(Reader *reader, const ConfigRow *row, char ***ret_list, GError **error)
{
    if (*reader->at != '[')
        return syntax(reader, error, "key '%s' needs a list: [ \"one\", \"two\" ]", row->key);
    reader->at++;
    g_autoptr(GStrvBuilder) items = g_strv_builder_new();
    for (skip_blanks(reader, true); *reader->at != ']'; skip_blanks(reader, true)) {
        g_autofree char *item = NULL;
        if (!read_string(reader, &item, error) || !check_choice(reader, row, item, error))
            return false;
        g_strv_builder_add(items, item);
        skip_blanks(reader, true);
        if (*reader->at == ',')
            reader->at++;
        else if (*reader->at != ']')
            return syntax(reader, error, "expected ',' or ']' in the list of key '%s'", row->key);
    }
    reader->at++;
    *ret_list = g_strv_builder_end(items);
    return true;
}

static bool read_value(Reader *reader, const ConfigRow *row, Value *value, GError **error)
{
    switch (row->type) {
    case CONFIG_INTEGER: return read_integer(reader, row, &value->integer, error);
    case CONFIG_LIST: return read_list(reader, row, &value->list, error);
    case CONFIG_STRING:
        if (*reader->at != '"' && *reader->at != '\'')
            return syntax(reader, error, "key '%s' needs a text in quotes", row->key);
        return read_string(reader, &value->string, error) && check_choice(reader, row, value->string, error);
    }
    return false;
}

static bool read_entry(Reader *reader, Config *config, GError **error)
{
    size_t length = strspn(reader->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
    if (length == 0 || length > 100)
        return syntax(reader, error, "expected KEY = VALUE");
    g_autofree char *key = g_strndup(reader->at, length);
    int index = find_key(key);
    if (index < 0)
        return syntax(reader, error, "unknown key '%s'; did you mean '%s'?", key, nearest_key(key));
    reader->at += length;
    skip_blanks(reader, false);
    if (*reader->at != '=')
        return syntax(reader, error, "expected '=' after key '%s'", key);
    reader->at++;
    skip_blanks(reader, false);
    const ConfigRow *row = &config_rows[index];
    Value *value = &config->values[index];
    if (value->set)
        return syntax(reader, error, "key '%s' is set a second time", key);
    value_clear(value);
    if (!read_value(reader, row, value, error))
        return false;
    value->set = true;
    skip_blanks(reader, false);
    if (*reader->at && *reader->at != '\n' && *reader->at != '#')
        return syntax(reader, error, "unexpected text after the value of key '%s'", key);
    if (row->inert)
        log_info("%s:%u: key '%s' has no effect: %s", reader->name, reader->line, key, row->inert);
    return true;
}

Config *config_new(void)
{
    Config *config = g_new0(Config, 1);
    config->values = g_new0(Value, count_rows());
    for (unsigned i = 0; config_rows[i].key; i++) {
        Reader preset = { config_rows[i].preset, "preset", 1 };
        if (preset.at)
            read_value(&preset, &config_rows[i], &config->values[i], NULL); /* the unit test holds the presets right */
    }
    return config;
}

Config *config_parse(const char *text, const char *name, GError **error)
{
    g_autoptr(Config) config = config_new();
    Reader reader = { text, name, 1 };
    for (skip_blanks(&reader, true); *reader.at; skip_blanks(&reader, true)) {
        if (!read_entry(&reader, config, error))
            return NULL;
    }
    return g_steal_pointer(&config);
}

Config *config_load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize length = 0;
    g_autoptr(GError) reason = NULL;
    if (!g_file_get_contents(path, &text, &length, &reason)) {
        error_set(error, VIR_ERR_SYSTEM_ERROR, "read the configuration: %s", reason->message);
        return NULL;
    }
    if (strlen(text) != length) {
        error_set(error, VIR_ERR_CONF_SYNTAX, "%s: a NUL byte is in the file", path);
        return NULL;
    }
    return config_parse(text, path, error);
}

/* Asking */

static const Value *value_of(const Config *config, const char *key, ConfigType type)
{
    int index = find_key(key);
    g_assert(index >= 0 && config_rows[index].type == type);
    return &config->values[index];
}

int64_t config_integer(const Config *config, const char *key)
{
    return value_of(config, key, CONFIG_INTEGER)->integer;
}

const char *config_string(const Config *config, const char *key)
{
    return value_of(config, key, CONFIG_STRING)->string;
}

const char *const *config_list(const Config *config, const char *key)
{
    return (const char *const *)value_of(config, key, CONFIG_LIST)->list;
}

bool config_is_set(const Config *config, const char *key)
{
    int index = find_key(key);
    g_assert(index >= 0);
    return config->values[index].set;
}

/* The table */

#define INTEGER(key, preset, lowest, highest, doc)                                                                     \
    {                                                                                                                  \
        key, CONFIG_INTEGER, preset, lowest, highest, NULL, NULL, doc                                                  \
    }
#define BOOLEAN(key, preset, doc) INTEGER(key, preset, 0, 1, doc)
#define STRING(key, preset, doc)                                                                                       \
    {                                                                                                                  \
        key, CONFIG_STRING, preset, 0, 0, NULL, NULL, doc                                                              \
    }
#define CHOICE(key, preset, choices, doc)                                                                              \
    {                                                                                                                  \
        key, CONFIG_STRING, preset, 0, 0, choices, NULL, doc                                                           \
    }
#define CHECKED(key, preset, check, doc)                                                                               \
    {                                                                                                                  \
        key, CONFIG_STRING, preset, 0, 0, NULL, NULL, doc, check                                                       \
    }
#define LIST(key, preset, choices, doc)                                                                                \
    {                                                                                                                  \
        key, CONFIG_LIST, preset, 0, 0, choices, NULL, doc                                                             \
    }
#define INERT(key, type, why)                                                                                          \
    {                                                                                                                  \
        key, type, NULL, G_MININT64, G_MAXINT64, NULL, why, why                                                        \
    }

#define NO_TLS    "TLS is not built into this version"
#define NO_SASL   "SASL is not built into this version"
#define NO_AUDIT  "the audit subsystem is not used"
#define ONE_LEVEL "the log has one level for all parts of the daemon"
#define ON_DEMAND "threads are started when they are needed"

const ConfigRow config_rows[] = {
    /* Where clients connect */
    BOOLEAN("listen_tcp", "0", "1: serve unencrypted TCP; needs auth_tcp = \"none\". For trusted networks only."),
    CHECKED("tcp_port", "\"16509\"", config_check_port, "Port of listen_tcp; \"0\": any free one."),
    CHECKED("listen_addr", NULL, config_check_address, "Address of listen_tcp; unset: all interfaces."),
    INTEGER("listen_tls", "0", 0, 0, "Only 0: " NO_TLS "."),
    INERT("tls_port", CONFIG_STRING, NO_TLS),
    CHECKED("unix_sock_dir", NULL, config_check_directory,
            "Directory of the sockets; unset: /run/libvirt, or DIR/run with --root DIR."),
    CHECKED("unix_sock_group", NULL, config_check_group,
            "Group that owns the read-write and read-only sockets; unset: the daemon's."),
    CHECKED("unix_sock_ro_perms", "\"0777\"", config_check_mode, "Mode of the read-only socket."),
    CHECKED("unix_sock_rw_perms", "\"0770\"", config_check_mode,
            "Mode of the read-write socket: who may write to it controls the host."),
    CHECKED("unix_sock_admin_perms", "\"0700\"", config_check_mode, "Mode of the administration socket."),
    BOOLEAN("modular_sockets", "0", "1: listen under the names of libvirt's modular daemons too (virtqemud-sock …)."),
    /* Who may */
    CHOICE("auth_unix_ro", "\"none\"", "|none|", "How clients of the read-only socket authenticate."),
    CHOICE("auth_unix_rw", "\"none\"", "|none|",
           "How clients of the read-write socket authenticate; its mode and group decide who can connect."),
    CHOICE("auth_tcp", NULL, "|none|",
           "How clients of listen_tcp authenticate: \"none\" must be said aloud; " NO_SASL "."),
    { "auth_tls", CONFIG_STRING, NULL, 0, 0, "|none|", NO_TLS, NO_TLS },
    LIST("access_drivers", NULL, "|none|", "Only [ \"none\" ]: polkit is not asked; sockets' modes decide who may."),
    INTEGER("mdns_adv", "0", 0, 0, "Only 0: the daemon is not announced by mDNS."),
    INERT("mdns_name", CONFIG_STRING, "the daemon is not announced by mDNS"),
    INERT("tcp_min_ssf", CONFIG_INTEGER, NO_SASL),
    INERT("key_file", CONFIG_STRING, NO_TLS),
    INERT("cert_file", CONFIG_STRING, NO_TLS),
    INERT("ca_file", CONFIG_STRING, NO_TLS),
    INERT("crl_file", CONFIG_STRING, NO_TLS),
    INERT("tls_no_sanity_certificate", CONFIG_INTEGER, NO_TLS),
    INERT("tls_no_verify_certificate", CONFIG_INTEGER, NO_TLS),
    INERT("tls_allowed_dn_list", CONFIG_LIST, NO_TLS),
    INERT("tls_priority", CONFIG_STRING, NO_TLS),
    INERT("sasl_allowed_username_list", CONFIG_LIST, NO_SASL),
    /* Limits */
    INTEGER("max_clients", "5000", 1, 1000000, "Most clients at a time; further ones wait."),
    INTEGER("max_anonymous_clients", "20", 0, 1000000, "Most clients that have not authenticated; 0: no limit."),
    INERT("max_queued_clients", CONFIG_INTEGER, "the kernel's backlog (net.core.somaxconn) holds clients that wait"),
    INTEGER("max_client_requests", "32", 1, 1000000,
            "Most calls of one client that work at a time; further ones wait. Calls that only read do not count."),
    INTEGER("max_workers", "1000", 1, 1000000, "Most calls of all clients that work at a time; further ones wait."),
    INERT("min_workers", CONFIG_INTEGER, ON_DEMAND),
    INERT("prio_workers", CONFIG_INTEGER, "calls that must not wait need no worker"),
    INTEGER("admin_max_clients", "5", 1, 1000000, "Most administration clients at a time."),
    INTEGER("admin_max_client_requests", "5", 1, 1000000, "Most calls of one administration client at a time."),
    INTEGER("admin_max_workers", "5", 1, 1000000, "Most calls of all administration clients at a time."),
    INERT("admin_min_workers", CONFIG_INTEGER, ON_DEMAND),
    INERT("admin_max_queued_clients", CONFIG_INTEGER, "the kernel's backlog holds clients that wait"),
    INTEGER("keepalive_interval", "5", -1, 1000000, "Seconds after which an idle client is pinged; -1: never."),
    INTEGER("keepalive_count", "5", 0, 1000000, "Pings without an answer after which a client is dropped."),
    INERT("keepalive_required", CONFIG_INTEGER, "clients without keepalive are served too"),
    INTEGER("admin_keepalive_interval", "5", -1, 1000000, "The same for administration clients."),
    INTEGER("admin_keepalive_count", "5", 0, 1000000, "The same for administration clients."),
    INERT("admin_keepalive_required", CONFIG_INTEGER, "clients without keepalive are served too"),
    /* What it tells */
    INTEGER("log_level", "3", 1, 4, "Lowest level that is logged: 1 debug, 2 information, 3 warnings, 4 errors."),
    CHECKED("log_outputs", NULL, config_check_output,
            "Where the log goes: \"LEVEL:stderr\" or \"LEVEL:file:PATH\"; unset: stderr."),
    { "log_filters", CONFIG_STRING, NULL, 0, 0, NULL, ONE_LEVEL, ONE_LEVEL, config_check_filters },
    INERT("log_buffer_size", CONFIG_INTEGER, "the log has no buffer"),
    INERT("audit_level", CONFIG_INTEGER, NO_AUDIT),
    INERT("audit_logging", CONFIG_INTEGER, NO_AUDIT),
    /* Guests: the keys of qemu.conf */
    CHECKED("user", NULL, config_check_user,
            "User that QEMU runs as under a privileged daemon; unset: lodge-qemu, or nobody."),
    CHECKED("group", NULL, config_check_group, "Group that QEMU runs as; unset: the user's."),
    BOOLEAN("seccomp_sandbox", "1", "1: QEMU confines itself to the system calls it needs."),
    INTEGER("clear_emulator_capabilities", "1", 1, 1, "Only 1: QEMU has no capabilities and can get none."),
    INERT("dynamic_ownership", CONFIG_INTEGER, "files are handed to QEMU open, so that none changes its owner"),
    INERT("remember_owner", CONFIG_INTEGER, "no file changes its owner"),
    LIST("security_driver", NULL, "|none|", "Only [ \"none\" ]: QEMU is confined by its user, namespace and seccomp."),
    INTEGER("security_default_confined", "1", 1, 1, "Only 1: every guest is confined."),
    BOOLEAN("security_require_confined", "0", "1 says what is so anyway: every guest is confined."),
    INTEGER("max_processes", "0", 0, G_MAXINT64, "Most processes and threads of QEMU's user; 0: the daemon's limit."),
    INTEGER("max_files", "0", 0, G_MAXINT64, "Most open files of a QEMU; 0: the daemon's limit."),
    BOOLEAN("dump_guest_core", "0", "1: a core file of QEMU has the guest's memory too."),
    CHECKED("memory_backing_dir", NULL, config_check_directory,
            "Directory of guests' memory of <source type='file'/>; unset: below the state directory."),
    LIST("namespaces", NULL, "|mount|",
         "[ \"mount\" ]: each QEMU sees only programs, its own files and devices; [ ]: all of the host. Unset: "
         "\"mount\" "
         "where the daemon may do it."),
    LIST("cgroup_device_acl",
         "[ \"/dev/null\", \"/dev/full\", \"/dev/zero\", \"/dev/random\", \"/dev/urandom\", \"/dev/ptmx\", "
         "\"/dev/kvm\", \"/dev/userfaultfd\" ]",
         NULL, "Device nodes that QEMU gets beside those of the guest's own devices."),
    CHECKED("vnc_listen", "\"127.0.0.1\"", config_check_address,
            "Where VNC displays listen that do not say so themselves."),
    STRING("vnc_password", NULL, "Password of VNC displays without one of their own."),
    CHECKED("spice_listen", "\"127.0.0.1\"", config_check_address,
            "Where SPICE displays listen that do not say so themselves."),
    INTEGER("remote_display_port_min", "5900", 5900, 65535, "Lowest port of displays that choose theirs."),
    INTEGER("remote_display_port_max", "65535", 5900, 65535, "Highest port of displays that choose theirs."),
    CHECKED("auto_dump_path", NULL, config_check_directory,
            "Directory of the dumps of crashed guests; unset: below the state directory."),
    INTEGER("max_core", "0", 0, G_MAXINT64, "Most bytes of a core file of QEMU itself."),
    /* What it is */
    CHECKED("host_uuid", NULL, config_check_uuid, "UUID of the host; unset: from host_uuid_source."),
    CHOICE("host_uuid_source", "\"smbios\"", "|smbios|machine-id|", "Where the host's UUID comes from."),
    INERT("ovs_timeout", CONFIG_INTEGER, "Open vSwitch is not called"),
    { 0 },
};
