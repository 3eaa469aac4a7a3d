/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-store.h"

#include "base/durable-file.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mailbox.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char store_note[] =
    "<!--\nThis file is written by lodged: change the guest with 'lodge edit' or 'virsh edit', not here.\n-->\n\n";

static char *definition_path(const Paths *paths, const char *name)
{
    return g_strdup_printf("%s/%s.xml", paths->qemu_config_dir, name);
}

static char *autostart_path(const Paths *paths, const char *name)
{
    return g_strdup_printf("%s/%s.xml", paths->qemu_autostart_dir, name);
}

bool vm_store_write(const Paths *paths, const Domain *domain, GError **error)
{
    g_autofree char *path = definition_path(paths, domain->name);
    g_autofree char *xml = domain_format(domain, DOMAIN_FORMAT_SECURE);
    g_autofree char *text = g_strconcat(store_note, xml, NULL);
    if (durable_file_write(path, text, -1, 0600, error))
        return true;
    g_prefix_error(error, "store the definition of guest '%s': ", domain->name);
    return false;
}

#define REMOVED_PREFIX ".removed-" /* a definition that waits to be unlinked, by this daemon or the next */
#define CLEAN_DELAY_S  1

static bool remove_file(const char *path, GError **error)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return true;
    return error_set_errno(error, errno, "remove '%s'", path);
}

static void clean(const char *dir_path)
{
    g_autoptr(GDir) dir = g_dir_open(dir_path, 0, NULL);
    const char *entry;
    while (dir && (entry = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(dir_path, entry, NULL);
        g_autoptr(GError) error = NULL;
        if (g_str_has_prefix(entry, REMOVED_PREFIX) && !remove_file(path, &error))
            log_warning("%s", error->message);
    }
}

static int cleaning; /* a cleaning is due */

static void clean_job(gpointer data)
{
    g_autofree char *dir_path = data;
    g_atomic_int_set(&cleaning, 0);
    clean(dir_path);
}

static gboolean on_clean(gpointer dir_path)
{
    worker_post(clean_job, dir_path);
    return G_SOURCE_REMOVE;
}

/*
 * Renamed at once, unlinked later: the client need not wait until the file system has freed its blocks, nor, when many
 * guests go, for the directory that this holds meanwhile. A removal need not be durable: after a power failure the
 * guest may be defined again, but nothing is lost.
 */
bool vm_store_remove(const Paths *paths, const char *name, GError **error)
{
    static int removed;
    g_autofree char *path = definition_path(paths, name);
    g_autofree char *aside = g_strdup_printf("%s/" REMOVED_PREFIX "%d-%d", paths->qemu_config_dir, (int)getpid(),
                                             g_atomic_int_add(&removed, 1));
    if (rename(path, aside) < 0)
        return errno == ENOENT || error_set_errno(error, errno, "remove '%s'", path);
    if (g_atomic_int_compare_and_exchange(&cleaning, 0, 1))
        g_timeout_add_seconds(CLEAN_DELAY_S, on_clean, g_strdup(paths->qemu_config_dir));
    return true;
}

bool vm_store_set_autostart(const Paths *paths, const char *name, bool autostart, GError **error)
{
    g_autofree char *link = autostart_path(paths, name);
    if (!autostart)
        return remove_file(link, error);
    g_autofree char *target = definition_path(paths, name);
    if (symlink(target, link) < 0 && errno != EEXIST)
        return error_set_errno(error, errno, "create autostart link '%s'", link);
    return true;
}

bool vm_store_get_autostart(const Paths *paths, const char *name)
{
    g_autofree char *link = autostart_path(paths, name);
    return access(link, F_OK) == 0;
}

char *vm_nvram_path(const Paths *paths, const char *name)
{
    return g_strdup_printf("%s/nvram/%s_VARS.fd", paths->qemu_state_dir, name);
}

static void set_aside(const char *path, const char *why)
{
    g_autofree char *aside = g_strconcat(path, ".unreadable", NULL);
    if (rename(path, aside) < 0)
        log_error("'%s' cannot be read (%s) and cannot be set aside: %s", path, why, g_strerror(errno));
    else
        log_error("'%s' cannot be read and is set aside as '%s': %s", path, aside, why);
}

static Domain *load_file(const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *xml = NULL;
    gsize length;
    if (!g_file_get_contents(path, &xml, &length, &error)) {
        /* Not set aside: the disk may be away only for now. */
        log_error("%s", error->message);
        return NULL;
    }
    Domain *domain = domain_parse(xml, (gssize)length, DOMAIN_PARSE_NO_VALIDATION, NULL, NULL, &error);
    if (!domain)
        set_aside(path, error->message);
    return domain;
}

void vm_store_load(const Paths *paths, VmStoreVisitor visit, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(paths->qemu_config_dir, 0, &error);
    const char *entry;
    if (!dir) {
        log_error("%s", error->message);
        return;
    }
    clean(paths->qemu_config_dir);
    while ((entry = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(paths->qemu_config_dir, entry, NULL);
        if (!g_str_has_suffix(entry, ".xml"))
            continue;
        Domain *domain = load_file(path);
        if (!domain)
            continue;
        g_autofree char *expected = g_strconcat(domain->name, ".xml", NULL);
        if (!g_str_equal(expected, entry)) {
            g_autofree char *why =
                g_strdup_printf("it defines guest '%s', which belongs into %s", domain->name, expected);
            set_aside(path, why);
            domain_free(domain);
            continue;
        }
        visit(domain, vm_store_get_autostart(paths, domain->name), user_data);
    }
}
