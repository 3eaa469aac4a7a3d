/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-user.h"

#include "base/error.h"

#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "+123" is a number, anything else a name of the user database. */
static bool find_user(const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
    if (name[0] == '+') {
        guint64 number;
        if (!g_ascii_string_to_unsigned(name + 1, 10, 0, G_MAXUINT32 - 1, &number, NULL))
            return false;
        *ret_uid = (uid_t)number;
        *ret_gid = (gid_t)number;
        return true;
    }
    struct passwd entry, *found = NULL;
    char buffer[4096];
    if (getpwnam_r(name, &entry, buffer, sizeof buffer, &found) != 0 || !found)
        return false;
    *ret_uid = found->pw_uid;
    *ret_gid = found->pw_gid;
    return true;
}

static bool find_group(const char *name, gid_t *ret_gid)
{
    if (name[0] == '+') {
        guint64 number;
        if (!g_ascii_string_to_unsigned(name + 1, 10, 0, G_MAXUINT32 - 1, &number, NULL))
            return false;
        *ret_gid = (gid_t)number;
        return true;
    }
    struct group entry, *found = NULL;
    char buffer[4096];
    if (getgrnam_r(name, &entry, buffer, sizeof buffer, &found) != 0 || !found)
        return false;
    *ret_gid = found->gr_gid;
    return true;
}

static void add_groups(VmUser *user)
{
    int count = (int)G_N_ELEMENTS(user->groups) - 1;
    if (getgrouplist(user->name, user->gid, user->groups, &count) < 0)
        count = 0;
    user->n_groups = (unsigned)count;
    gid_t kvm;
    if (find_group("kvm", &kvm))
        user->groups[user->n_groups++] = kvm;
}

bool vm_user_resolve(const char *user, const char *group, bool privileged, VmUser *ret_user, GError **error)
{
    VmUser resolved = { .uid = getuid(), .gid = getgid() };
    if (!privileged || getuid() != 0) {
        *ret_user = resolved;
        return true;
    }
    const char *name = user;
    if (!name)
        name = find_user("lodge-qemu", &resolved.uid, &resolved.gid) ? "lodge-qemu" : "nobody";
    if (!find_user(name, &resolved.uid, &resolved.gid))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "user '%s' of the config file does not exist", name);
    if (group && !find_group(group, &resolved.gid))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "group '%s' of the config file does not exist", group);
    g_strlcpy(resolved.name, name, sizeof resolved.name);
    resolved.switch_user = resolved.uid != 0;
    add_groups(&resolved);
    *ret_user = resolved;
    return true;
}

/* In labels a number needs no '+' unless somebody has it as a name. */
static char *label_name(const char *text, bool known)
{
    bool digits = text[0] && strspn(text, "0123456789") == strlen(text);
    return g_strconcat(digits && !known ? "+" : "", text, NULL);
}

bool vm_user_of_label(const char *label, VmUser *ret_user, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(label, ":", 2);
    uid_t uid;
    gid_t gid;
    g_autofree char *user = label_name(parts[0] ? parts[0] : "", parts[0] && find_user(parts[0], &uid, &gid));
    g_autofree char *group = parts[0] && parts[1] ? label_name(parts[1], find_group(parts[1], &gid)) : NULL;
    if (!find_user(user, &uid, &gid) || (group && !find_group(group, &gid)))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<seclabel model='dac'>: label '%s' names no user (and group) of this host: use USER:GROUP or "
                         "numbers, as in '+107:+107'",
                         label);
    if (getuid() != 0 && (uid != getuid() || gid != getgid()))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<seclabel model='dac'>: only a daemon of root can run QEMU as '%s'", label);
    return vm_user_resolve(user, group, true, ret_user, error);
}

/* Whether the mode bits of @info give the user all of @wanted (4 read, 2 write, 1 search). */
static bool mode_allows(const VmUser *user, const struct stat *info, unsigned wanted)
{
    unsigned shift = 0;
    bool in_group = info->st_gid == user->gid;
    for (unsigned i = 0; i < user->n_groups && !in_group; i++)
        in_group = info->st_gid == user->groups[i];
    if (info->st_uid == user->uid)
        shift = 6;
    else if (in_group)
        shift = 3;
    return user->uid == 0 || ((info->st_mode >> shift) & wanted) == wanted;
}

bool vm_user_can_open(const VmUser *user, const char *path, bool writable)
{
    struct stat info;
    g_autofree char *parent = g_path_get_dirname(path);
    if (stat(path, &info) < 0 || !mode_allows(user, &info, writable ? 6 : 4))
        return false;
    for (;;) {
        if (stat(parent, &info) < 0 || !mode_allows(user, &info, 1))
            return false;
        if (g_str_equal(parent, "/") || g_str_equal(parent, "."))
            return true;
        char *above = g_path_get_dirname(parent);
        g_free(parent);
        parent = above;
    }
}
