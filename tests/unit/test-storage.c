/* SPDX-License-Identifier: Apache-2.0 */
/* Image headers as qemu-img writes them, and broken ones. */
#include "base/auto-fd.h"
#include "base/error.h"
#include "storage/image-header.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    char *dir;
} Fixture;

static void set_up(Fixture *f, gconstpointer data)
{
    f->dir = g_dir_make_tmp("lodge-image-XXXXXX", NULL);
}

static void tear_down(Fixture *f, gconstpointer data)
{
    g_autoptr(GDir) dir = g_dir_open(f->dir, 0, NULL);
    const char *name;
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(f->dir, name, NULL);
        g_unlink(path);
    }
    g_rmdir(f->dir);
    g_free(f->dir);
}

static void qemu_img(const Fixture *f, const char *line)
{
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) argv = NULL;
    g_autofree char *command = g_strconcat("qemu-img create -q ", line, NULL);
    int status;
    g_assert_true(g_shell_parse_argv(command, NULL, &argv, &error));
    g_spawn_sync(f->dir, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, &status, &error);
    g_assert_no_error(error);
    g_assert_true(g_spawn_check_wait_status(status, &error));
}

static bool read_backing(const Fixture *f, const char *name, ImageBacking *ret_backing, GError **error)
{
    g_autofree char *path = g_build_filename(f->dir, name, NULL);
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
    return image_qcow2_backing(fd, path, ret_backing, error);
}

static void test_chain(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *base = g_build_filename(f->dir, "base.raw", NULL);
    qemu_img(f, "-f raw base.raw 1M");
    qemu_img(f, "-f qcow2 -F raw -b base.raw top.qcow2");
    qemu_img(f, "-f qcow2 -o compat=0.10 -F qcow2 -b top.qcow2 old.qcow2");
    qemu_img(f, "-f qcow2 alone.qcow2 1M");
    g_auto(ImageBacking) top = { 0 }, old = { 0 }, alone = { 0 };
    g_assert_true(read_backing(f, "top.qcow2", &top, &error));
    g_assert_cmpstr(top.path, ==, base);
    g_assert_cmpstr(top.format, ==, "raw");
    g_assert_true(read_backing(f, "old.qcow2", &old, &error));
    g_assert_cmpstr(old.format, ==, "qcow2");
    g_assert_true(read_backing(f, "alone.qcow2", &alone, &error));
    g_assert_null(alone.path);
}

static void test_broken(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *name;
        size_t offset;
        uint8_t byte;
    } rows[] = { { "magic", 0, 'X' },
                 { "version", 7, 9 },
                 { "clusters", 23, 40 },
                 { "name length", 16, 0xff },
                 { "name offset", 10, 0xff } };
    qemu_img(f, "-f raw base.raw 1M");
    qemu_img(f, "-f qcow2 -F raw -b base.raw top.qcow2");
    g_autofree char *path = g_build_filename(f->dir, "top.qcow2", NULL);
    g_autofree char *good = NULL;
    gsize length;
    g_assert_true(g_file_get_contents(path, &good, &length, NULL));
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_auto(ImageBacking) backing = { 0 };
        g_autofree char *bad = g_memdup2(good, length);
        bad[rows[i].offset] = (char)rows[i].byte;
        g_assert_true(g_file_set_contents(path, bad, (gssize)length, NULL));
        g_assert_false(read_backing(f, "top.qcow2", &backing, &error));
        g_assert_true(error_is(error, VIR_ERR_OPERATION_FAILED));
    }
    g_autoptr(GError) error = NULL;
    g_auto(ImageBacking) backing = { 0 };
    g_assert_true(g_file_set_contents(path, "short", 5, NULL));
    g_assert_false(read_backing(f, "top.qcow2", &backing, &error));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/storage/chain", Fixture, NULL, set_up, test_chain, tear_down);
    g_test_add("/storage/broken", Fixture, NULL, set_up, test_broken, tear_down);
    return g_test_run();
}
