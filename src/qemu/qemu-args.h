/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a definition to QEMU's command line. The definition must be complete: every device has its alias and, on buses
 * that have them, its address (the model's completion rules and qemu_args_assign_aliases() see to that); ports of
 * graphics are chosen, firmware and NVRAM paths filled in. Pure: reads the host in no other way than through @caps and
 * @resources. Any thread.
 */
#pragma once
#include "base/paths.h"
#include "model/device.h"
#include "qemu/qemu-caps.h"

#include <glib.h>
#include <stdbool.h>

/* The host's side of one <interface>, in the order of the definition. Numbers from qemu_fds_add(). */
typedef struct {
    const char *fd_prefix; /* of a card plugged later: its descriptors are named PREFIX and the number; else NULL */
    const int *tap_fds;    /* one a queue; none for type user and other types that QEMU connects itself */
    unsigned n_tap_fds;
    const int *vhost_fds; /* as many as tap_fds for vhost-net, or none */
    unsigned n_vhost_fds;
} QemuNetResource;

/* One size of huge pages that the host has mounted. */
typedef struct {
    guint64 size_kib;
    const char *path; /* directory of the guest on that hugetlbfs */
} QemuHugepages;

typedef struct {
    int monitor_fd; /* of qemu_socket_listen(); required */
    const char
        *run_dir; /* of this guest: sockets of channels and vhost-user are made in it when the definition names none */
    const char *memory_dir;      /* for memory of source type 'file'; may be NULL */
    const QemuNetResource *nets; /* n = def->n_interfaces, or NULL: none has descriptors */
    const int *tpm_fds;     /* one a <tpm>: of back end emulator the connected control socket of its swtpm; or NULL */
    GHashTable *socket_fds; /* see qemu_socket_fds_add(); NULL: QEMU makes all sockets itself */
    const QemuHugepages *hugepages;
    unsigned n_hugepages;
    guint64 default_hugepage_kib; /* 0: none */
    const int *vhost_vsock_fds;   /* one a <vsock>, or NULL */
    gint64 now;                   /* seconds since 1970 for clock offset 'variable'; 0: the time of the call */
    bool sandbox;                 /* seccomp; on unless the administrator has turned it off */
    bool vnc_password;            /* graphics without passwd still ask for one, set later by QMP */
    const char *vnc_tls_dir, *spice_tls_dir; /* directories of certificates, or NULL */
    bool incoming;                           /* -incoming defer: restore or migration */
    bool dump_guest_core;                    /* default where the definition does not say */
} QemuStartResources;

/*
 * The bound or connected socket behind the character device @alias of type unix, by what QEMU knows it as: its number,
 * or its name in the monitor. Takes @name over. Whoever made @resources unrefs the table.
 */
void qemu_socket_fds_add(QemuStartResources *resources, const char *alias, char *name);

/*
 * The arguments without the program: char *, NULL-terminated, freed with the array. Errors: VIR_ERR_CONFIG_UNSUPPORTED
 * that names the device and what the emulator lacks.
 */
GPtrArray *qemu_args_build(const Domain *def, const QemuCaps *caps, const QemuStartResources *resources,
                           GError **error);

/* One line for the log, quoted for a shell. Free it. */
char *qemu_args_text(const char *emulator, GPtrArray *args);

/*
 * Gives every device that lacks one its alias ("virtio-disk0", "net0", "serial0" …) as QEMU will know it. Aliases there
 * are kept. For a definition that is about to run.
 */
void qemu_args_assign_aliases(Domain *def);
/*
 * Gives every link of the disks' chains that lacks one its number, which the names of its block nodes have in them, the
 * top of a chain first. When the chains are known. Numbers there are kept.
 */
void qemu_args_number_sources(Domain *def);
/* The highest such number. */
unsigned qemu_args_last_source(const Domain *def);

/* What QEMU is to do when the watchdog barks, in its own words. */
const char *qemu_watchdog_action(const DomainWatchdog *watchdog);

/* The names of a device's top block node, its chardev and its netdev as QEMU knows them. Free them. */
char *qemu_disk_format_node(const Domain *def, const DomainDisk *disk); /* "lodge-1-format" */
/* What block commands call the front end that has the disk's back end: its id, or a part of it by its QOM path. */
char *qemu_disk_front_end(const DomainDisk *disk);
/* Whether the drive has no medium. */
bool qemu_disk_is_empty(const DomainDisk *disk);
char *qemu_storage_node(unsigned index);  /* the node below: "lodge-1-storage" */
char *qemu_chardev_id(const char *alias); /* "charserial0" */
char *qemu_netdev_id(const char *alias);  /* "hostnet0" */

/*
 * The socket of a <channel> or <serial> of type unix without a path: RUN_DIR/channel-NAME (or the alias). Used at start
 * to fill the live definition in.
 */
char *qemu_channel_path(const char *run_dir, const DomainChardev *channel);
