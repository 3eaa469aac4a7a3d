/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/args.h"
#include "cli/complete.h"
#include "cli/event-text.h"
#include "cli/help.h"
#include "cli/keys.h"
#include "cli/table.h"
#include "cli/verb.h"

#include <json-glib/json-glib.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static const VerbOption options[] = {
    { "domain", OPTION_STRING, true, "" }, { "count", OPTION_NUMBER, false, "" }, { "name", OPTION_NAMED, false, "" },
    { "live", OPTION_FLAG, false, "" },    { "rest", OPTION_REST, false, "" },    { 0 },
};

static Args *parse(const char *line, GError **error)
{
    g_auto(GStrv) words = args_split_line(line, error);
    g_assert_nonnull(words);
    return args_parse("verb", options, (const char *const *)words, error);
}

static void test_args(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Args) args = parse("web --live 3 --name=x 'a b' c", &error);
    int count = 0;
    g_assert_no_error(error);
    g_assert_cmpstr(args_string(args, "domain"), ==, "web");
    g_assert_true(args_has(args, "live"));
    g_assert_true(args_int(args, "count", &count, &error));
    g_assert_cmpint(count, ==, 3);
    g_assert_cmpstr(args_string(args, "name"), ==, "x");
    const char *const *rest = args_rest(args, "rest");
    g_assert_cmpstr(rest[0], ==, "a b");
    g_assert_cmpstr(rest[1], ==, "c");
    g_assert_null(rest[2]);
}

static void test_args_dashes(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Args) args = parse("--count 2 --json -- --odd-name", &error);
    g_assert_no_error(error);
    g_assert_cmpstr(args_string(args, "domain"), ==, "--odd-name");
    g_assert_true(args_has(args, "json"));
}

static void test_args_refused(void)
{
    static const char *const lines[] = {
        "",                      /* required */
        "web --bogus",           /* unknown */
        "web --live=1",          /* a flag with a value */
        "web --count",           /* no value */
        "web --name a --name b", /* twice */
    };
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Args) args = parse(lines[i], &error);
        g_assert_null(args);
        g_assert_error(error, LODGE_ERROR, VIR_ERR_INVALID_ARG);
    }
    g_autoptr(GError) error = NULL;
    g_autoptr(Args) args = parse("web 12x", &error);
    int count = 7;
    g_assert_false(args_int(args, "count", &count, &error));
    g_assert_cmpint(count, ==, 7);
}

static void test_args_together(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Args) both = parse("web --live --name x", &error);
    g_autoptr(Args) one = parse("web --live", &error);
    g_assert_no_error(error);
    g_assert_true(args_requires(both, "live", "name", &error));
    g_assert_true(args_requires(one, "name", "live", &error));
    g_assert_false(args_requires(one, "live", "name", &error));
    g_assert_cmpstr(error->message, ==, "Option --name is required by option --live");
    g_clear_error(&error);
    g_assert_true(args_exclusive(one, "live", "name", &error));
    g_assert_false(args_exclusive(both, "live", "name", &error));
}

static void test_human_sizes(void)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = {
        { 0, "0.000 B" }, { 1023, "1023.000 B" }, { 134479872, "128.250 MiB" }, { UINT64_MAX, "16.000 EiB" }
    };
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autofree char *text = output_human_size(sizes[i].bytes);
        g_assert_cmpstr(text, ==, sizes[i].text);
    }
}

static void test_sizes(void)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {
        { "5", 5 * 1024 },      { "0", 0 },        { "1b", 1 },         { "3k", 3 << 10 }, { "3KiB", 3 << 10 },
        { "2MB", 2 * 1000000 }, { "2M", 2 << 20 }, { "1GiB", 1 << 30 }, { "7bytes", 7 },   { "1KB", 1000 },
    };
    static const char *const bad[] = {
        "", "x", "-1", "5q", "5 M", "M", "99999999999999999999", "18446744073709551615k"
    };
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        uint64_t bytes = 1;
        g_autoptr(GError) error = NULL;
        g_assert_true(args_parse_size(good[i].text, 1024, &bytes, &error));
        g_assert_cmpuint(bytes, ==, good[i].bytes);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        uint64_t bytes = 42;
        g_autoptr(GError) error = NULL;
        g_assert_false(args_parse_size(bad[i], 1024, &bytes, &error));
        g_assert_error(error, LODGE_ERROR, VIR_ERR_INVALID_ARG);
        g_assert_cmpuint(bytes, ==, 42);
    }
}

static void test_split(void)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) words = args_split_line("a 'b c';d\\ e \"f\\\"g\" '' # not this", &error);
    g_autofree char *joined = g_strjoinv("|", words);
    g_assert_cmpstr(joined, ==, "a|b c|;|d e|f\"g|");
    g_assert_null(args_split_line("open 'quote", &error));
    g_assert_error(error, LODGE_ERROR, VIR_ERR_INVALID_ARG);
}

static void test_width(void)
{
    g_assert_cmpint(table_display_width("abc"), ==, 3);
    g_assert_cmpint(table_display_width("域名称"), ==, 6);
    g_assert_cmpint(table_display_width("e\xcc\x81"), ==, 1); /* a combining accent */
    g_assert_cmpint(table_display_width("\xff\xfe"), ==, 2);  /* not UTF-8 */
    g_assert_cmpint(table_display_width("：x"), ==, 3);
}

static char *event_text(LodgeEventType type, void *message, bool json)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    g_autoptr(Output) output = output_new(file, (OutputStyle){ .json = json });
    LodgeEvent event = { .type = type, .message = message };
    event_print(output, event_find_type((int)type), &event, false);
    fclose(file);
    return text;
}

static void test_events(void)
{
    static char web[] = "web", uri[] = "/x", vda[] = "vda", any[] = "::1", port[] = "5900", vnc[] = "vnc",
                field[] = "f";
    LodgeTypedParam param = { field, { .type = LODGE_VALUE_INT, .i = -3 } };
    LodgeDomainEventCallbackLifecycleEvent stopped = { .msg = { .dom.name = web, .event = 5, .detail = 2 } };
    LodgeDomainEventCallbackRtcChangeEvent clock = { .msg = { .dom.name = web, .offset = -5000000000 } };
    LodgeDomainEventCallbackWatchdogEvent watchdog = { .msg = { .dom.name = web, .action = 9 } };
    LodgeDomainEventCallbackBalloonChangeEvent balloon = { .msg = { .dom.name = web, .actual = 1024 } };
    LodgeDomainEventCallbackMetadataChangeEvent metadata = { .dom.name = web, .type = 1 };
    LodgeDomainEventBlockThresholdEvent limit = {
        .dom.name = web, .dev = vda, .path = uri, .threshold = 1u << 31, .excess = 7
    };
    LodgeDomainEventMemoryFailureEvent memory = { .dom.name = web, .recipient = 1, .action = 2, .flags = UINT32_MAX };
    LodgeDomainEventCallbackTunableEvent tuned = { .dom.name = web, .n_params = 1, .params = &param };
    LodgeDomainEventCallbackGraphicsEvent graphics = {
        .msg = { .dom.name = web, .local = { 0, any, port }, .remote = { 0, any, port }, .auth_scheme = vnc }
    };
    const struct {
        LodgeEventType type;
        void *message;
        const char *text, *json;
    } cases[] = {
        { LODGE_EVENT_DOMAIN_EVENT_CALLBACK_LIFECYCLE, &stopped,
          "event 'lifecycle' for domain 'web': Stopped Crashed\n", "\"kind\":\"Stopped\",\"detail\":\"Crashed\"}\n" },
        { LODGE_EVENT_DOMAIN_EVENT_CALLBACK_RTC_CHANGE, &clock, "event 'rtc-change' for domain 'web': -5000000000\n",
          "\"offset\":-5000000000}\n" },
        { LODGE_EVENT_DOMAIN_EVENT_CALLBACK_WATCHDOG, &watchdog, "event 'watchdog' for domain 'web': unknown\n",
          "\"action\":\"unknown\"}\n" },
        { LODGE_EVENT_DOMAIN_EVENT_CALLBACK_BALLOON_CHANGE, &balloon,
          "event 'balloon-change' for domain 'web': 1024KiB\n", "\"actual_kib\":1024}\n" },
        { LODGE_EVENT_DOMAIN_EVENT_CALLBACK_METADATA_CHANGE, &metadata,
          "event 'metadata-change' for domain 'web': title -\n", "\"type\":\"title\",\"uri\":\"-\"}\n" },
        { LODGE_EVENT_DOMAIN_EVENT_BLOCK_THRESHOLD, &limit,
          "event 'block-threshold' for domain 'web': vda /x 2147483648 7\n",
          "\"device\":\"vda\",\"path\":\"/x\",\"threshold\":2147483648,\"excess\":7}\n" },
        { LODGE_EVENT_DOMAIN_EVENT_MEMORY_FAILURE, &memory,
          "event 'memory-failure' for domain 'web': guest fatal 4294967295\n", "\"flags\":4294967295}\n" },
        { LODGE_EVENT_DOMAIN_EVENT_CALLBACK_TUNABLE, &tuned, "event 'tunable' for domain 'web':\n\tf: -3\n",
          "\"parameters\":{\"f\":-3}}\n" },
        { LODGE_EVENT_DOMAIN_EVENT_CALLBACK_GRAPHICS, &graphics,
          "event 'graphics' for domain 'web': connect ::1 5900 ::1 5900 vnc\n",
          "\"phase\":\"connect\",\"local\":\"::1 5900\",\"remote\":\"::1 5900\",\"auth\":\"vnc\"}\n" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *text = event_text(cases[i].type, cases[i].message, false);
        char *json = event_text(cases[i].type, cases[i].message, true);
        g_assert_cmpstr(text, ==, cases[i].text);
        g_assert_true(g_str_has_suffix(json, cases[i].json));
        free(text);
        free(json);
    }
}

static const Column columns[] = { { "id", "Id", CELL_NUMBER },
                                  { "name", "Name", CELL_TEXT },
                                  { "state", "State", CELL_STATE },
                                  { "list", "List", CELL_SPLIT },
                                  { 0 } };

static char *printed(OutputStyle style)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    g_autoptr(GError) error = NULL;
    g_autoptr(Output) output = output_new(file, style);
    g_autoptr(Table) table = table_new(columns);
    table_row(table, "1", "网站", "running", "a,b");
    table_row(table, NULL, "database", "shut off", NULL);
    table_print(table, output, "rows");
    g_assert_true(output_finish(output, &error));
    fclose(file);
    return text;
}

static void test_table(void)
{
    char *text = printed((OutputStyle){ 0 });
    g_assert_cmpstr(text, ==,
                    " Id   Name       State      List\n"
                    "----------------------------------\n"
                    " 1    网站       running    a,b\n"
                    " -    database   shut off   -\n");
    free(text);
    text = printed((OutputStyle){ .quiet = true });
    g_assert_cmpstr(text, ==, " 1   网站       running    a,b\n -   database   shut off   -\n");
    free(text);
    text = printed((OutputStyle){ .colour = true, .quiet = true });
    g_assert_nonnull(strstr(text, "\033[32mrunning\033[0m"));
    free(text);
}

static void test_table_json(void)
{
    char *text = printed((OutputStyle){ .json = true, .colour = true });
    g_autoptr(JsonNode) root = json_from_string(text, NULL);
    g_assert_nonnull(root);
    JsonArray *rows = json_object_get_array_member(json_node_get_object(root), "rows");
    JsonObject *first = json_array_get_object_element(rows, 0), *second = json_array_get_object_element(rows, 1);
    g_assert_cmpint(json_object_get_int_member(first, "id"), ==, 1);
    g_assert_cmpstr(json_object_get_string_member(first, "name"), ==, "网站");
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(first, "list")), ==, 2);
    g_assert_true(json_object_get_null_member(second, "id"));
    free(text);
}

static void fill_record(Output *output)
{
    output_text(output, "name", "Name:", "a \"quoted\"\n\xff");
    output_unsigned(output, "size_kib", "Size:", 12, "KiB");
    output_bool(output, "on", "On:", true, "enable", "disable");
    output_begin_list(output, "parts");
    output_begin_object(output, NULL);
    output_number(output, "part", "Part:", -1, NULL);
    output_end_object(output);
    output_end_list(output);
    output_remark(output, "%s", "done");
}

static void test_record(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    Output *output = output_new(file, (OutputStyle){ .json = true });
    fill_record(output);
    g_assert_true(output_finish(output, NULL));
    output_free(output);
    fclose(file);
    g_autoptr(JsonNode) root = json_from_string(text, NULL);
    g_assert_nonnull(root);
    JsonObject *record = json_node_get_object(root);
    g_assert_cmpint(json_object_get_int_member(record, "size_kib"), ==, 12);
    g_assert_true(json_object_get_boolean_member(record, "on"));
    g_assert_true(g_utf8_validate(json_object_get_string_member(record, "name"), -1, NULL));
    g_assert_cmpstr(json_object_get_string_member(record, "message"), ==, "done");
    free(text);

    file = open_memstream(&text, &size);
    output = output_new(file, (OutputStyle){ 0 });
    output_unsigned(output, "size_kib", "Size:", 12, "KiB");
    output_text(output, "none", "名称：", NULL);
    g_assert_true(output_finish(output, NULL));
    output_free(output);
    fclose(file);
    g_assert_cmpstr(text, ==, "Size:           12 KiB\n名称：          -\n");
    free(text);
}

static void test_verbs(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (const Verb *const *family = verb_families; *family; family++) {
        for (const Verb *verb = *family; verb->name; verb++) {
            g_assert_true(g_hash_table_add(seen, (gpointer)verb->name));
            g_assert_nonnull(verb->run);
            g_assert_nonnull(verb->help);
            bool rest = false;
            for (const VerbOption *option = verb->options; option && option->name; option++) {
                g_assert_nonnull(option->help);
                /* What stands behind an OPTION_REST could never be given by position. */
                g_assert_true(!rest || option->kind == OPTION_FLAG || option->kind == OPTION_NAMED);
                g_assert_cmpint(option->completion == COMPLETE_WORDS, ==, option->words != NULL);
                rest |= option->kind == OPTION_REST;
            }
        }
    }
    g_assert_cmpstr(verb_guess("strat"), ==, "start");
    g_assert_cmpstr(verb_guess("lsit"), ==, "list");
    g_assert_null(verb_guess("xyzzy-plugh"));
}

static void test_keys(void)
{
    uint32_t codeset = 99, code = 0;
    g_autoptr(GError) error = NULL;
    g_assert_true(keys_find_codeset("linux", &codeset, &error));
    g_assert_true(keys_parse(codeset, "KEY_A", &code, &error));
    g_assert_cmpuint(code, ==, 30);
    g_assert_true(keys_parse(codeset, "0x1d", &code, &error));
    g_assert_cmpuint(code, ==, 29);
    g_assert_false(keys_parse(codeset, "KEY_NOPE", &code, &error));
    g_clear_error(&error);
    g_assert_false(keys_parse(codeset, "99999", &code, &error));
}

static void test_complete(void)
{
    /* Nothing listens there, so only what needs no daemon is offered. */
    Shell shell = { .uri = g_strdup("qemu+unix:///system?socket=/nowhere/at/all") };
    static const struct {
        const char *line, *expected;
    } cases[] = {
        { "domst", "domstate|domstats" },
        { "list --ina", "--inactive" },
        { "shutdown web ", "acpi|agent|initctl|signal|paravirt" },
        { "shutdown web --mode a", "acpi|agent" },
        { "shutdown --mode=a", "--mode=acpi|--mode=agent" },
        { "list; dompmsuspend web ", "mem|disk|hybrid" },
        { "event --event life", "lifecycle" },
        { "start ", "" },
        { "nonsense ", "" },
        { "echo 'unfinished", "" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_auto(GStrv) found = complete_line(&shell, cases[i].line);
        g_autofree char *joined = g_strjoinv("|", found);
        g_assert_cmpstr(joined, ==, cases[i].expected);
    }
    shell_disconnect(&shell);
    g_free(shell.uri);
    g_free(shell.doing);
}

int main(int argc, char **argv)
{
    setlocale(LC_ALL, "C.UTF-8");
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/args", test_args);
    g_test_add_func("/cli/args-dashes", test_args_dashes);
    g_test_add_func("/cli/args-refused", test_args_refused);
    g_test_add_func("/cli/args-together", test_args_together);
    g_test_add_func("/cli/human-sizes", test_human_sizes);
    g_test_add_func("/cli/events", test_events);
    g_test_add_func("/cli/sizes", test_sizes);
    g_test_add_func("/cli/split", test_split);
    g_test_add_func("/cli/width", test_width);
    g_test_add_func("/cli/table", test_table);
    g_test_add_func("/cli/table-json", test_table_json);
    g_test_add_func("/cli/record", test_record);
    g_test_add_func("/cli/verbs", test_verbs);
    g_test_add_func("/cli/keys", test_keys);
    g_test_add_func("/cli/complete", test_complete);
    return g_test_run();
}
