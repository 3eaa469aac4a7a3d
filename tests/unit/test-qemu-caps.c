/* SPDX-License-Identifier: Apache-2.0 */
/* Probing the QEMU that is installed, keeping the result, sharing one probe. */
#include "base/error.h"
#include "qemu/qemu-caps-private.h"
#include "qemu/qemu-caps.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    GMainContext *context;
    GMainLoop *loop;
    GThread *loop_thread;
    char *dir, *emulator;
    Paths *paths;
    QemuCapsCache *cache;
} Fixture;

static gpointer run_loop(gpointer data)
{
    g_main_loop_run(data);
    return NULL;
}

static void set_up(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    f->context = g_main_context_new();
    f->loop = g_main_loop_new(f->context, FALSE);
    f->loop_thread = g_thread_new("loop", run_loop, f->loop);
    f->dir = g_dir_make_tmp("lodge-caps-XXXXXX", NULL);
    f->paths = paths_new(f->dir, false);
    paths_create(f->paths, &error);
    g_assert_no_error(error);
    f->cache = qemu_caps_cache_new(f->paths, f->context, NULL);
    f->emulator = qemu_emulator_find(qemu_host_arch());
}

static void remove_tree(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);
        remove_tree(child);
    }
    g_remove(path);
}

static void tear_down(Fixture *f, gconstpointer unused)
{
    g_main_loop_quit(f->loop);
    g_thread_join(f->loop_thread);
    g_main_loop_unref(f->loop);
    qemu_caps_cache_free(f->cache);
    g_main_context_unref(f->context);
    paths_free(f->paths);
    remove_tree(f->dir);
    g_free(f->dir);
    g_free(f->emulator);
}

static gpointer get_caps(gpointer data)
{
    Fixture *f = data;
    g_autoptr(GError) error = NULL;
    QemuCaps *caps = qemu_caps_cache_get(f->cache, f->emulator, &error);
    g_assert_no_error(error);
    return caps;
}

static void assert_plausible(const QemuCaps *caps)
{
    g_assert_cmpstr(caps->arch, ==, qemu_host_arch());
    g_assert_cmpuint(caps->version, >, 5000000);
    g_assert_cmpuint(caps->n_machines, >, 3);
    g_assert_nonnull(qemu_caps_machine(caps, NULL));
    g_assert_true(qemu_caps_has_type(caps, "virtio-blk-pci"));
    g_assert_false(qemu_caps_has_type(caps, "no-such-device"));
    g_assert_true(qemu_caps_has_command(caps, "query-status"));
    g_assert_true(qemu_caps_has_option(caps, "sandbox", NULL));
    g_assert_true(qemu_caps_has_chardev(caps, "pty"));
    const QemuAccelerator *accelerator = caps->tcg.usable ? &caps->tcg : &caps->kvm;
    g_assert_true(accelerator->usable);
    g_assert_cmpuint(accelerator->n_cpus, >, 3);
    if (strcmp(caps->arch, "x86_64") != 0)
        return;
    const QemuMachine *q35 = qemu_caps_machine(caps, "q35");
    g_assert_nonnull(q35);
    g_assert_cmpstr(q35->default_ram_id, ==, "pc.ram");
    g_assert_cmpstr(q35->default_cpu, ==, "qemu64");
    g_assert_nonnull(accelerator->host_model);
    g_test_message("nearest model: %s", accelerator->host_model);
    for (char **name = accelerator->host_features; name && *name; name++)
        g_test_message("  + %s", *name);
    g_assert_cmpstr(qemu_caps_cpu(accelerator, "Nehalem")->vendor, ==, "Intel");
}

static void test_probe(Fixture *f, gconstpointer unused)
{
    if (!f->emulator) {
        g_test_skip("no QEMU for this machine");
        return;
    }
    g_assert_null(qemu_caps_cache_peek(f->cache, f->emulator));
    GThread *threads[4];
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++)
        threads[i] = g_thread_new("get", get_caps, f);
    QemuCaps *first = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(threads); i++) {
        g_autoptr(QemuCaps) caps = g_thread_join(threads[i]);
        g_assert_true(!first || first == caps); /* one probe for all */
        if (!first)
            first = qemu_caps_ref(caps);
    }
    assert_plausible(first);
    g_autoptr(QemuCaps) peeked = qemu_caps_cache_peek(f->cache, f->emulator);
    g_assert_true(peeked == first);

    /* A second daemon finds it on disk. */
    g_autoptr(QemuCapsCache) other = qemu_caps_cache_new(f->paths, NULL, NULL);
    g_autoptr(GError) error = NULL;
    gint64 start = g_get_monotonic_time();
    g_autoptr(QemuCaps) loaded = qemu_caps_cache_get(other, f->emulator, &error);
    g_assert_no_error(error);
    g_test_message("loaded in %d us", (int)(g_get_monotonic_time() - start));
    assert_plausible(loaded);
    g_assert_cmpuint(g_hash_table_size(loaded->types), ==, g_hash_table_size(first->types));
    g_assert_cmpuint(loaded->tcg.n_cpus, ==, first->tcg.n_cpus);
    g_assert_cmpstr(loaded->tcg.host_model, ==, first->tcg.host_model);
    qemu_caps_unref(first);
}

static void test_torn_file(Fixture *f, gconstpointer unused)
{
    static const char *const texts[] = { "", "{", "[]", "{\"key\":\"k\"}",
                                         "{\"key\":\"k\",\"machines\":[{}],\"arch\":1}" };
    g_autofree char *path = g_build_filename(f->dir, "caps.json", NULL);
    g_assert_null(qemu_caps_file_load(path, "/x", "k"));
    for (unsigned i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_assert_true(g_file_set_contents(path, texts[i], -1, NULL));
        g_assert_null(qemu_caps_file_load(path, "/x", "k"));
    }
}

static void test_failure(Fixture *f, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(qemu_caps_cache_get(f->cache, "/nonexistent/qemu", &error));
    g_assert_true(error_is(error, VIR_ERR_CONFIG_UNSUPPORTED));
    g_clear_error(&error);
    g_assert_null(qemu_caps_cache_get(f->cache, "/bin/false", &error));
    g_assert_nonnull(strstr(error->message, "/bin/false"));
    g_test_message("%s", error->message);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add("/caps/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("probe", test_probe);
    ADD("torn-file", test_torn_file);
    ADD("failure", test_failure);
    return g_test_run();
}
