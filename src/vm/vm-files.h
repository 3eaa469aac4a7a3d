/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a guest, handed to QEMU as open descriptors: the daemon opens them with its own rights, so QEMU's user needs
 * none, nothing is relabelled, and nothing has to be restored afterwards. QEMU takes a set of descriptors as
 * /dev/fdset/N wherever its block layer and character devices open a file. Mailbox.
 */
#pragma once
#include "vm/vm-settings.h"
#include "vm/vm.h"

/* Where the descriptors go: to a QEMU about to start, or to one that runs. */
typedef struct VmFiles {
    const char *guest; /* its name, for errors */
    const char *run_dir;
    const VmUser *user; /* that QEMU runs as */
    gpointer data;
    /*
     * Gives @fd (taken over) to QEMU as a set of its own, called @tag, by which it is found again when what used it is
     * gone; the set's name, "/dev/fdset/N". A set holds one descriptor, so its block node is opened in that one access
     * mode: qemu_block_access().
     */
    char *(*give)(gpointer data, int fd, const char *tag, GError **error);
    /* Gives @fd (taken over), a bound or connected socket, for the character device @alias. */
    bool (*give_socket)(gpointer data, int fd, const char *alias, GError **error);
    /* Gives @fd (taken over) and says which number it will have there; NULL: a QEMU that runs does not tell. */
    int (*give_number)(gpointer data, int fd);
} VmFiles;

/* Opens *@path and replaces it by the name of a descriptor set. @what: "log file", for the error. */
bool vm_files_give_path(const VmFiles *files, const char *what, const char *tag, char **path, int flags,
                        GError **error);

/*
 * Opens the images of @disk, and completes its chain by what their headers name. *ret_fds: of int, one a link, the top
 * first, -1 for what QEMU opens itself; closes what is left in it when it is freed.
 */
bool vm_files_open_disk(const VmFiles *files, DomainDisk *disk, GArray **ret_fds, GError **error);
/* Hands the descriptors over and names them in @disk, another copy of that disk, whose links are numbered. */
bool vm_files_give_disk(const VmFiles *files, DomainDisk *disk, GArray *fds, GError **error);

/*
 * Hands over what a character device is connected with, and gives a pty a log: vm-files-char.c. @source: a copy for
 * QEMU of a source of which the device's alias is @alias.
 */
bool vm_files_give_chardev(const VmFiles *files, ChardevSource *source, const char *alias, GError **error);
/* Takes the run directory off @path: QEMU works in it, and need not be able to pass the directories above. */
void vm_files_shorten(const char *run_dir, char **path);
