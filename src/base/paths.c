/* SPDX-License-Identifier: Apache-2.0 */
#include "base/paths.h"

#include "base/durable-file.h"

Paths *paths_new(const char *root, bool privileged)
{
    Paths *paths = g_new0(Paths, 1);
    paths->privileged = privileged;
    if (root) {
        paths->root = g_canonicalize_filename(root, NULL);
        paths->config_dir = g_build_filename(paths->root, "etc", NULL);
        paths->state_dir = g_build_filename(paths->root, "state", NULL);
        paths->run_dir = g_build_filename(paths->root, "run", NULL);
        paths->log_dir = g_build_filename(paths->root, "log", NULL);
        paths->cache_dir = g_build_filename(paths->root, "cache", NULL);
    } else if (privileged) {
        paths->config_dir = g_strdup("/etc/lodge");
        paths->state_dir = g_strdup("/var/lib/lodge");
        paths->run_dir = g_strdup("/run/lodge");
        paths->log_dir = g_strdup("/var/log/lodge");
        paths->cache_dir = g_strdup("/var/cache/lodge");
    } else {
        paths->config_dir = g_build_filename(g_get_user_config_dir(), "lodge", NULL);
        paths->state_dir = g_build_filename(g_get_user_data_dir(), "lodge", NULL);
        paths->run_dir = g_build_filename(g_get_user_runtime_dir(), "lodge", NULL);
        paths->log_dir = g_build_filename(g_get_user_cache_dir(), "lodge", "log", NULL);
        paths->cache_dir = g_build_filename(g_get_user_cache_dir(), "lodge", NULL);
    }
    paths->qemu_config_dir = g_build_filename(paths->config_dir, "qemu", NULL);
    paths->qemu_autostart_dir = g_build_filename(paths->qemu_config_dir, "autostart", NULL);
    paths->qemu_run_dir = g_build_filename(paths->run_dir, "qemu", NULL);
    paths->qemu_log_dir = g_build_filename(paths->log_dir, "qemu", NULL);
    paths->qemu_state_dir = g_build_filename(paths->state_dir, "qemu", NULL);
    return paths;
}

void paths_free(Paths *paths)
{
    if (!paths)
        return;
    char *const owned[] = { paths->root,
                            paths->config_dir,
                            paths->state_dir,
                            paths->run_dir,
                            paths->log_dir,
                            paths->cache_dir,
                            paths->qemu_config_dir,
                            paths->qemu_run_dir,
                            paths->qemu_autostart_dir,
                            paths->qemu_log_dir,
                            paths->qemu_state_dir };
    for (unsigned i = 0; i < G_N_ELEMENTS(owned); i++)
        g_free(owned[i]);
    g_free(paths);
}

char *paths_socket_dir(const Paths *paths)
{
    if (paths->root)
        return g_strdup(paths->run_dir);
    if (paths->privileged)
        return g_strdup("/run/libvirt");
    return g_build_filename(g_get_user_runtime_dir(), "libvirt", NULL);
}

bool paths_create(const Paths *paths, GError **error)
{
    g_autofree char *socket_dir = paths_socket_dir(paths);
    const struct {
        const char *path;
        mode_t mode;
    } wanted[] = {
        { paths->config_dir, 0755 },
        { paths->qemu_config_dir, 0700 },
        { paths->qemu_autostart_dir, 0700 },
        { paths->state_dir, 0755 },
        { paths->qemu_state_dir, 0751 },
        { paths->run_dir, 0755 },
        { paths->qemu_run_dir, 0755 },
        { socket_dir, 0755 },
        { paths->log_dir, 0755 },
        { paths->qemu_log_dir, 0700 },
        { paths->cache_dir, 0711 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(wanted); i++) {
        if (!directory_ensure(wanted[i].path, wanted[i].mode, error))
            return false;
    }
    return true;
}
