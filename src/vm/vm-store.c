/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-store.h"

#include "base/durable-file.h"
#include "base/error.h"
#include "base/log.h"

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

/* A removal need not be durable: after a power failure the guest may be defined again, but nothing is lost. */
static bool remove_file(const char *path, GError **error)
{
    if (unlink(path) == 0 || errno == ENOENT)
        return true;
    return error_set_errno(error, errno, "remove '%s'", path);
}

bool vm_store_remove(const Paths *paths, const char *name, GError **error)
{
    g_autofree char *path = definition_path(paths, name);
    g_autofree char *link = autostart_path(paths, name);
    return remove_file(link, error) && remove_file(path, error);
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
    while ((entry = g_dir_read_name(dir))) {
        if (!g_str_has_suffix(entry, ".xml"))
            continue;
        g_autofree char *path = g_build_filename(paths->qemu_config_dir, entry, NULL);
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
