/* SPDX-License-Identifier: Apache-2.0 */
/* Who QEMU runs as. Resolved once at start-up; immutable then, any thread. */
#pragma once
#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    bool switch_user; /* the daemon is root and QEMU is somebody else */
    uid_t uid;
    gid_t gid;
    gid_t groups[32]; /* supplementary: the user's own, and kvm */
    unsigned n_groups;
    char name[64];
} VmUser;

/*
 * @user, @group: names or "+NUMBER" from the config, NULL for the default: lodge-qemu if that user exists (make install
 * makes it), else nobody. An unprivileged daemon runs QEMU as itself. VIR_ERR_CONFIG_UNSUPPORTED for an unknown name.
 */
bool vm_user_resolve(const char *user, const char *group, bool privileged, VmUser *ret_user, GError **error);

/* The user of a DAC label: "USER:GROUP", "107:107", "+107:+107"; without a group the user's own. */
bool vm_user_of_label(const char *label, VmUser *ret_user, GError **error);

/* Whether the user can open @path for reading (or also writing) by mode bits, all directories on the way included. */
bool vm_user_can_open(const VmUser *user, const char *path, bool writable);
