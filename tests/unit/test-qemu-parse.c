/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of QEMU's answers, and of recorded capabilities, without a QEMU. */
#include "qemu/qemu-caps-private.h"
#include "qemu/qemu-domcaps.h"
#include "qemu/qemu-explain.h"
#include "qemu/qemu-monitor.h"
#include "qemu/qmp-object.h"

#include <string.h>
#include <unistd.h>

static void test_balloon_stats(void)
{
    QemuBalloonStats stats;
    g_autoptr(JsonNode) reply = json_from_string(
        "{\"stats\":{\"stat-free-memory\":4096,\"stat-swap-in\":-1,\"stat-total-memory\":\"much\"},\"last-update\":12}",
        NULL);
    qemu_balloon_stats_parse(reply, &stats);
    g_assert_cmpint(stats.last_update, ==, 12);
    g_assert_cmpuint(stats.free, ==, 4096);
    g_assert_cmpuint(stats.swap_in, ==, G_MAXUINT64);
    g_assert_cmpuint(stats.total, ==, G_MAXUINT64);
    qemu_balloon_stats_parse(NULL, &stats);
    g_assert_cmpuint(stats.free, ==, G_MAXUINT64);
}

static void test_objects(void)
{
    g_autoptr(JsonObject) object =
        qmp_object("s:a", "x", "s:none", NULL, "i:n", (gint64)-5, "I:zero", (gint64)0, "B:off", FALSE, "b:on", TRUE,
                   "S:empty", "", "o:child", json_object_new(), NULL);
    g_autofree char *text = qmp_object_text(object);
    g_assert_cmpstr(text, ==, "{\"a\":\"x\",\"n\":-5,\"on\":true,\"child\":{}}");
    g_assert_cmpint(qmp_get_int(object, "a", 3), ==, 3);
    g_assert_null(qmp_get_string(object, "n"));
    g_assert_null(qmp_get_array(NULL, "n"));
}

static void test_feature_names(void)
{
    g_assert_cmpstr(qemu_cpu_feature_to_qemu("lahf_lm"), ==, "lahf-lm");
    g_assert_cmpstr(qemu_cpu_feature_from_qemu("lahf-lm"), ==, "lahf_lm");
    g_assert_cmpstr(qemu_cpu_feature_to_qemu("sse4.1"), ==, "sse4.1");
    g_assert_cmpstr(qemu_cpu_feature_from_qemu("sse4-1"), ==, "sse4.1");
    g_assert_cmpstr(qemu_cpu_feature_to_qemu("avx2"), ==, "avx2");
}

static QemuCaps *recorded_caps(void)
{
    g_autofree char *path = g_test_build_filename(G_TEST_DIST, "..", "golden", "args", "qemu-7.2.json", NULL);
    return qemu_caps_file_load(path, "/usr/bin/qemu-system-x86_64", "golden");
}

static char *domcaps_text(const QemuCaps *caps, const char *machine, bool kvm, const char *dir)
{
    const char *dirs[] = { dir, NULL };
    QemuDomcaps domcaps = { .caps = caps,
                            .machine = qemu_caps_machine(caps, machine),
                            .arch = "x86_64",
                            .kvm = kvm,
                            .has_swtpm = true,
                            .firmware_dirs = dirs };
    return qemu_domcaps_format(&domcaps);
}

static void assert_has(const char *text, const char *wanted)
{
    if (!strstr(text, wanted))
        g_error("no \"%s\" in %s", wanted, text);
}

static void test_domcaps(void)
{
    g_autoptr(QemuCaps) caps = recorded_caps();
    g_assert_nonnull(caps);
    g_autofree char *q35 = domcaps_text(caps, "q35", false, "/nonexistent");
    GMarkupParseContext *parser = g_markup_parse_context_new(&(GMarkupParser){ 0 }, 0, NULL, NULL);
    g_assert_true(g_markup_parse_context_parse(parser, q35, -1, NULL));
    g_assert_true(g_markup_parse_context_end_parse(parser, NULL));
    g_markup_parse_context_free(parser);
    assert_has(q35, "<machine>pc-q35-7.2</machine>");
    assert_has(q35, "<domain>qemu</domain>");
    assert_has(q35, "<mode name='host-passthrough' supported='no'/>");
    assert_has(q35, "<mode name='host-model' supported='yes'>");
    assert_has(q35, "<model usable='yes' vendor='Intel'>Nehalem</model>");
    assert_has(q35, "<value>emulator</value>");
    assert_has(q35, "<enum name='firmware'/>");
    g_assert_null(strstr(q35, "<value>ide</value>"));
    g_assert_null(strstr(q35, "Nehalem-v1"));
    g_autofree char *pc = domcaps_text(caps, "pc", true, "/nonexistent");
    assert_has(pc, "<value>ide</value>");
    assert_has(pc, "<mode name='host-passthrough' supported='yes'>");
    assert_has(pc, "<hyperv supported='yes'>");
}

static void test_firmware_in_domcaps(void)
{
    static const char descriptor[] =
        "{\"description\":\"test\",\"interface-types\":[\"uefi\"],\"mapping\":{\"device\":\"flash\",\"executable\":"
        "{\"filename\":\"/fw/CODE.fd\",\"format\":\"raw\"},\"nvram-template\":{\"filename\":\"/fw/VARS.fd\",\"format\":"
        "\"raw\"}},\"targets\":[{\"architecture\":\"x86_64\",\"machines\":[\"pc-q35-*\"]}],\"features\":"
        "[\"secure-boot\",\"requires-smm\"],\"tags\":[]}";
    g_autoptr(QemuCaps) caps = recorded_caps();
    g_autofree char *dir = g_dir_make_tmp("lodge-firmware-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "10-test.json", NULL);
    g_assert_true(g_file_set_contents(path, descriptor, -1, NULL));
    g_autofree char *q35 = domcaps_text(caps, "q35", false, dir);
    assert_has(q35, "<value>/fw/CODE.fd</value>");
    assert_has(q35, "<value>efi</value>");
    g_autofree char *pc = domcaps_text(caps, "pc", false, dir);
    g_assert_null(strstr(pc, "/fw/CODE.fd"));
    g_assert_cmpint(unlink(path), ==, 0);
    g_assert_cmpint(rmdir(dir), ==, 0);
}

static void test_explain(void)
{
    static const char *const names[] = { "/one", "/two", "3", "4", "5", "6", "7", "8", "9", "10", "/eleven", NULL };
    static const struct {
        const char *words, *start, *cure;
    } cases[] = {
        { "char device redirected to /dev/pts/2 (label charserial0)\nqemu: -device x: Failed to get \"write\" lock\n"
          "Is another process using the image [/dev/fdset/2]?",
          "qemu: -device x: Failed to get \"write\" lock\nIs another process using the image [/two]? (another process",
          "<shareable/>" },
        { "[/dev/fdset/11] [/dev/fdset/1]: Permission denied", "[/eleven] [/one]: Permission denied (QEMU", "enter" },
        { "-vnc 203.0.113.7:99: Failed to bind socket: Cannot assign requested address", "-vnc 2", "ip address" },
        { "-vnc :98: Failed to find an available port: Address already in use", "-vnc :98: ", "autoport" },
        { "cannot set up guest memory 'pc.ram': Cannot allocate memory", "cannot set up", "<memory>" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = qemu_explain(cases[i].words, names);
        g_assert_true(g_str_has_prefix(text, cases[i].start));
        g_assert_nonnull(strstr(text, cases[i].cure));
        g_assert_true(g_str_has_suffix(text, ")"));
    }
    g_autofree char *unknown = qemu_explain("what is this /dev/fdset/1", NULL);
    g_assert_cmpstr(unknown, ==, "what is this /dev/fdset/1");
    g_autofree char *idle = qemu_explain("char device redirected to /dev/pts/2", names);
    g_assert_cmpstr(idle, ==, "char device redirected to /dev/pts/2");
    g_autofree char *none = qemu_explain("", names);
    g_assert_cmpstr(none, ==, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/parse/balloon-stats", test_balloon_stats);
    g_test_add_func("/parse/objects", test_objects);
    g_test_add_func("/parse/feature-names", test_feature_names);
    g_test_add_func("/parse/domcaps", test_domcaps);
    g_test_add_func("/parse/firmware-in-domcaps", test_firmware_in_domcaps);
    g_test_add_func("/parse/explain", test_explain);
    return g_test_run();
}
