/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What must be there on the host before QEMU starts: directory, firmware, ports, taps, files. Everything made here is
 * noted in the Vm (run_dir, ports) or held by descriptors of the VmStart, so that vm_release_resources() and
 * vm_start_clear() undo a start at any point. Mailbox.
 */
#pragma once
#include "qemu/qemu-args.h"
#include "qemu/qemu-process.h"
#include "vm/vm.h"

typedef struct {
    int *tap_fds; /* numbers in QEMU, not descriptors of the daemon */
    unsigned n_tap_fds;
} VmStartNet;

/* One start under way. */
typedef struct {
    Vm *vm;
    Daemon *daemon;
    const VmSettings *settings;
    VmSettings *own_settings; /* … where the definition names another user; else NULL */
    const char *name;
    Domain *live;   /* the definition that will run; published when QEMU answers */
    Domain *handed; /* its copy for the command line, in which paths stand for descriptors handed over */
    QemuCaps *caps;
    QemuFds *fds;
    GPtrArray *add_fds;   /* "-add-fd", "fd=…,set=…" */
    GPtrArray *set_names; /* of char *, NULL-terminated: the files that sets 1, 2 … stand for */
    QemuNetResource *nets;
    GArray *net_fds;      /* of int *: the arrays behind nets */
    int *tpm_fds;         /* one a <tpm>; -1 or the number in QEMU */
    GArray *tpm_controls; /* of int: our copies of QEMU's ends, to end a swtpm that QEMU never takes over */
    QemuHugepages *hugepages;
    char *memory_dir;
    int *vsock_fds; /* one a <vsock>, as numbers in QEMU */
    QemuStartResources resources;
    GPtrArray *args;
    char *log_path;
    goffset log_start; /* where QEMU's own words begin in it */
    char *monitor_path;
    unsigned flags; /* virDomainCreateFlags */
} VmStart;

void vm_start_clear(VmStart *start);

/* Where the name of the file with the UEFI variables stands; NULL if they are in no file. */
char **vm_nvram_place(DomainNvram *nvram);

/* One step of the sequence; the table in vm-start.c says in which order. */
bool vm_prepare_directory(VmStart *start, GError **error);
bool vm_prepare_firmware(VmStart *start, GError **error);
bool vm_prepare_displays(VmStart *start, GError **error);
bool vm_prepare_chardevs(VmStart *start, GError **error);
bool vm_prepare_networks(VmStart *start, GError **error);
bool vm_prepare_vsocks(VmStart *start, GError **error);
bool vm_prepare_memory(VmStart *start, GError **error);
bool vm_prepare_files(VmStart *start, GError **error);
