/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "daemon/config.h"

#include <string.h>

static void test_presets(void)
{
    g_autoptr(Config) config = config_new();
    for (unsigned i = 0; config_rows[i].key; i++) {
        const ConfigRow *row = &config_rows[i];
        g_assert_nonnull(row->doc);
        if (!row->preset)
            continue;
        /* A preset obeys the limits and choices of its own row. */
        g_autofree char *text = g_strdup_printf("%s = %s\n", row->key, row->preset);
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) parsed = config_parse(text, "preset", &error);
        g_assert_no_error(error);
        if (row->type == CONFIG_STRING)
            g_assert_cmpstr(config_string(config, row->key), ==, config_string(parsed, row->key));
        else if (row->type == CONFIG_INTEGER)
            g_assert_cmpint(config_integer(config, row->key), ==, config_integer(parsed, row->key));
    }
}

static void test_forms(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Config) config = config_parse("# comment\n\n listen_tcp=1 # on\ntcp_port = '16999'\r\n"
                                            "vnc_password = \"a\\\"b\\\\c\"\n"
                                            "sasl_allowed_username_list = [ \"joe\", # he\n 'ann',\n]\n"
                                            "keepalive_interval = -1",
                                            "x.conf", &error);
    g_assert_no_error(error);
    g_assert_cmpint(config_integer(config, "listen_tcp"), ==, 1);
    g_assert_cmpstr(config_string(config, "tcp_port"), ==, "16999");
    g_assert_cmpstr(config_string(config, "vnc_password"), ==, "a\"b\\c");
    g_assert_cmpint(config_integer(config, "keepalive_interval"), ==, -1);
    const char *const *list = config_list(config, "sasl_allowed_username_list");
    g_assert_cmpstr(list[0], ==, "joe");
    g_assert_cmpstr(list[1], ==, "ann");
    g_assert_null(list[2]);
    g_assert_true(config_is_set(config, "listen_tcp"));
    g_assert_false(config_is_set(config, "max_clients"));
}

static void test_errors(void)
{
    static const struct {
        const char *text, *expected;
    } rows[] = {
        { "\nlisten_tpc = 1\n", "x.conf:2: unknown key 'listen_tpc'; did you mean 'listen_tcp'?" },
        { "max_clients = 0", "x.conf:1: key 'max_clients' must be from 1 to 1000000, not 0" },
        { "max_clients = \"5\"", "x.conf:1: key 'max_clients' needs a number, not a text" },
        { "tcp_port = 16509", "x.conf:1: key 'tcp_port' needs a text in quotes" },
        { "tcp_port = \"165", "x.conf:1: the text has no closing \"" },
        { "auth_unix_rw = \"polkit\"", "x.conf:1: key 'auth_unix_rw' cannot be 'polkit'; known: 'none'" },
        { "listen_tls = 1", "x.conf:1: key 'listen_tls' must be from 0 to 0, not 1" },
        { "unix_sock_group = \"no-such-group\"",
          "x.conf:1: key 'unix_sock_group' cannot be 'no-such-group': there is no" },
        { "\n\nunix_sock_rw_perms = \"0999\"", "x.conf:3: key 'unix_sock_rw_perms' cannot be '0999': a mode in octal" },
        { "unix_sock_ro_perms = \"\"", "x.conf:1: key 'unix_sock_ro_perms' cannot be '': a mode in octal" },
        { "unix_sock_admin_perms = \"07777\"", "x.conf:1: key 'unix_sock_admin_perms' cannot be '07777'" },
        { "host_uuid = \"1234\"", "x.conf:1: key 'host_uuid' cannot be '1234': that is no UUID" },
        { "log_outputs = \"stderr\"", "x.conf:1: key 'log_outputs' cannot be 'stderr': one output is needed" },
        { "log_outputs = \"1:file:log\"", "x.conf:1: key 'log_outputs' cannot be '1:file:log'" },
        { "log_filters = \"x\"", "x.conf:1: key 'log_filters' cannot be 'x': words of the form LEVEL:NAME" },
        { "auth_tcp = \"sasl\"", "x.conf:1: key 'auth_tcp' cannot be 'sasl'; known: 'none'" },
        { "auth_tls = \"x\"", "x.conf:1: key 'auth_tls' cannot be 'x'; known: 'none'" },
        { "access_drivers = [ \"polkit\" ]", "x.conf:1: key 'access_drivers' cannot be 'polkit'; known: 'none'" },
        { "mdns_adv = 1", "x.conf:1: key 'mdns_adv' must be from 0 to 0, not 1" },
        { "user = \"no-such-user\"", "x.conf:1: key 'user' cannot be 'no-such-user': there is no such user" },
        { "tcp_port = \"99999\"", "x.conf:1: key 'tcp_port' cannot be '99999': a port from" },
        { "listen_addr = \"not an address\"", "x.conf:1: key 'listen_addr' cannot be 'not an address': an address or" },
        { "vnc_listen = \"\"", "x.conf:1: key 'vnc_listen' cannot be '': an address or" },
        { "namespaces = [ \"net\" ]", "x.conf:1: key 'namespaces' cannot be 'net'; known: 'mount'" },
        { "security_driver = [ \"selinux\" ]", "x.conf:1: key 'security_driver' cannot be 'selinux'" },
        { "max_clients 5", "x.conf:1: expected '=' after key 'max_clients'" },
        { "max_clients = 5 6", "x.conf:1: unexpected text after the value of key 'max_clients'" },
        { "max_clients = 5\nmax_clients = 6", "x.conf:2: key 'max_clients' is set a second time" },
        { "tls_allowed_dn_list = [ \"a\" \"b\" ]", "x.conf:1: expected ',' or ']' in the list of key" },
        { "tls_allowed_dn_list = \"a\"", "x.conf:1: key 'tls_allowed_dn_list' needs a list" },
        { "tls_allowed_dn_list = [", "x.conf:1: expected a text in quotes" },
        { "= 5", "x.conf:1: expected KEY = VALUE" },
        { "max_clients = 99999999999999999999999", "x.conf:1: key 'max_clients' must be" },
        { "vnc_password = \"\xff\"", "x.conf:1: the text is not UTF-8" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_assert_null(config_parse(rows[i].text, "x.conf", &error));
        g_assert_true(error_is(error, VIR_ERR_CONF_SYNTAX));
        if (!g_str_has_prefix(error->message, rows[i].expected))
            g_error("%s", error->message);
    }
}

static void test_missing_file(void)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(config_load("/nonexistent/lodged.conf", &error));
    g_assert_nonnull(strstr(error->message, "/nonexistent/lodged.conf"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/config/presets", test_presets);
    g_test_add_func("/config/forms", test_forms);
    g_test_add_func("/config/errors", test_errors);
    g_test_add_func("/config/missing-file", test_missing_file);
    return g_test_run();
}
