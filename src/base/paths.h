/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where one daemon keeps its things. Every directory is derived here and nowhere else, so that any number of daemons,
 * tests and demos can run side by side. Immutable after creation; any thread.
 */
#pragma once
#include <glib.h>
#include <stdbool.h>

typedef struct Paths {
    bool privileged;          /* qemu:///system as against qemu:///session */
    char *root;               /* of --root, or NULL for the system's (or the user's) usual places */
    char *config_dir;         /* definitions: qemu/NAME.xml, qemu/autostart/, … and the config file */
    char *state_dir;          /* what must outlive a reboot: NVRAM, saved guests, dumps, snapshots */
    char *run_dir;            /* sockets of the daemon, run state of guests; gone after a reboot */
    char *log_dir;            /* qemu/NAME.log */
    char *cache_dir;          /* QEMU capabilities; may be deleted at any time */
    char *qemu_config_dir;    /* config_dir/qemu */
    char *qemu_autostart_dir; /* config_dir/qemu/autostart */
    char *qemu_run_dir;       /* run_dir/qemu */
    char *qemu_log_dir;       /* log_dir/qemu */
    char *qemu_state_dir;     /* state_dir/qemu */
} Paths;

/*
 * @root: everything below it (ROOT/etc, ROOT/run, ROOT/state, ROOT/log, ROOT/cache); NULL: /etc/lodge, /run/lodge
 * (sockets in /run/libvirt, where stock clients look), /var/lib/lodge, /var/log/lodge, /var/cache/lodge for root and
 * the XDG directories for an ordinary user.
 */
Paths *paths_new(const char *root, bool privileged);
void paths_free(Paths *paths);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Paths, paths_free)

/* The directory of the sockets that clients connect to: ROOT/run, /run/libvirt or $XDG_RUNTIME_DIR/libvirt. */
char *paths_socket_dir(const Paths *paths);

/* Creates all directories (0700 for state, 0755 for the run directory). */
bool paths_create(const Paths *paths, GError **error);
