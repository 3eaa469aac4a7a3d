/* SPDX-License-Identifier: Apache-2.0 */
/* A directory tree made from a table, to stand in for /proc and /sys; removed with everything in it. */
#pragma once
#include <glib.h>
#include <glib/gstdio.h>
#include <unistd.h>

typedef struct {
    const char *path, *text;
} FakeFile;

static inline void fake_tree_add(const char *root, const char *path, const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *full = g_strconcat(root, path, NULL);
    g_autofree char *parent = g_path_get_dirname(full);
    g_assert_cmpint(g_mkdir_with_parents(parent, 0700), ==, 0);
    g_file_set_contents(full, text, -1, &error);
    g_assert_no_error(error);
}

/* @files ends with a row without path. Free the name with g_free() after fake_tree_remove(). */
static inline char *fake_tree_new(const FakeFile *files)
{
    g_autoptr(GError) error = NULL;
    char *root = g_dir_make_tmp("lodge-tree-XXXXXX", &error);
    g_assert_no_error(error);
    for (; files->path; files++)
        fake_tree_add(root, files->path, files->text);
    return root;
}

static inline char *fake_tree_text(const char *root, const char *path)
{
    char *text = NULL;
    g_autofree char *full = g_strconcat(root, path, NULL);
    return g_file_get_contents(full, &text, NULL, NULL) ? text : NULL;
}

static inline void fake_tree_remove(const char *path)
{
    if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK) && g_file_test(path, G_FILE_TEST_IS_DIR)) {
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;
        while (dir && (name = g_dir_read_name(dir))) {
            g_autofree char *child = g_build_filename(path, name, NULL);
            fake_tree_remove(child);
        }
        g_assert_cmpint(g_rmdir(path), ==, 0);
    } else {
        g_assert_cmpint(g_unlink(path), ==, 0);
    }
}
