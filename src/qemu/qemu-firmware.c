/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qemu-firmware.h"

#include "base/error.h"
#include "base/log.h"
#include "qemu/qmp-object.h"

#include <string.h>

static const char *const usual_dirs[] = { "/etc/qemu/firmware", "/usr/share/qemu/firmware", NULL };

void qemu_firmware_clear(QemuFirmware *firmware)
{
    g_clear_pointer(&firmware->executable, g_free);
    g_clear_pointer(&firmware->nvram_template, g_free);
}

static bool array_has(JsonArray *array, const char *word)
{
    for (unsigned i = 0; array && i < json_array_get_length(array); i++) {
        if (g_strcmp0(json_array_get_string_element(array, i), word) == 0)
            return true;
    }
    return false;
}

static bool machine_matches(JsonArray *patterns, const char *machine)
{
    for (unsigned i = 0; patterns && i < json_array_get_length(patterns); i++) {
        const char *pattern = json_array_get_string_element(patterns, i);
        if (pattern && g_pattern_match_simple(pattern, machine))
            return true;
    }
    return false;
}

static bool target_matches(JsonObject *descriptor, const Domain *def)
{
    JsonArray *targets = qmp_get_array(descriptor, "targets");
    for (unsigned i = 0; targets && i < json_array_get_length(targets); i++) {
        JsonObject *target = qmp_array_object(targets, i);
        const char *arch = qmp_get_string(target, "architecture");
        /* QEMU says i386 where definitions say i686. */
        bool same = g_strcmp0(arch, def->os.arch) == 0 ||
                    (g_strcmp0(arch, "i386") == 0 && g_strcmp0(def->os.arch, "i686") == 0);
        if (same && machine_matches(qmp_get_array(target, "machines"), def->os.machine))
            return true;
    }
    return false;
}

static bool wants_secure_boot(const Domain *def)
{
    for (unsigned i = 0; i < def->os.n_firmware_features; i++) {
        const DomainFirmwareFeature *wanted = def->os.firmware_features[i];
        if (wanted->name == FIRMWARE_FEATURE_SECURE_BOOT)
            return wanted->enabled == TRI_YES;
    }
    return def->os.loader && def->os.loader->secure == TRI_YES;
}

/* Whether what the definition says of secure boot and of enrolled keys agrees with the descriptor. */
static bool features_match(const QemuFirmware *firmware, const Domain *def)
{
    bool smm = def->features.smm == TRI_YES || (def->features.smm_given && def->features.smm != TRI_NO);
    /* Who wants secure boot and says nothing of SMM gets that with it. */
    if (firmware->requires_smm && !smm && (def->features.smm_given || !wants_secure_boot(def)))
        return false;
    if (def->os.loader && def->os.loader->secure == TRI_YES && !firmware->secure_boot)
        return false;
    for (unsigned i = 0; i < def->os.n_firmware_features; i++) {
        const DomainFirmwareFeature *wanted = def->os.firmware_features[i];
        bool has = wanted->name == FIRMWARE_FEATURE_SECURE_BOOT ? firmware->secure_boot : firmware->enrolled_keys;
        if (has != (wanted->enabled == TRI_YES))
            return false;
    }
    return true;
}

/* Fills @ret_firmware and says whether the descriptor is for this guest. */
static bool descriptor_matches(JsonObject *descriptor, const Domain *def, QemuFirmware *ret_firmware)
{
    JsonObject *mapping = qmp_get_object(descriptor, "mapping");
    JsonArray *features = qmp_get_array(descriptor, "features");
    const char *executable = qmp_get_string(qmp_get_object(mapping, "executable"), "filename");
    const char *template = qmp_get_string(qmp_get_object(mapping, "nvram-template"), "filename");
    const char *given = def->os.loader ? def->os.loader->path : NULL;
    if (g_strcmp0(qmp_get_string(mapping, "device"), "flash") != 0 || !executable || !template)
        return false;
    g_auto(QemuFirmware) firmware = {
        .executable = g_strdup(executable),
        .nvram_template = g_strdup(template),
        .secure_boot = array_has(features, "secure-boot"),
        .enrolled_keys = array_has(features, "enrolled-keys"),
        .requires_smm = array_has(features, "requires-smm"),
    };
    const char *kind = def->os.firmware == FIRMWARE_KIND_BIOS ? "bios" : "uefi";
    bool matches = given ? g_str_equal(given, executable)
                         : array_has(qmp_get_array(descriptor, "interface-types"), kind) &&
                               target_matches(descriptor, def) && features_match(&firmware, def);
    if (matches) {
        *ret_firmware = firmware;
        firmware = (QemuFirmware){ 0 };
    }
    return matches;
}

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names of all descriptors, sorted; one of an earlier directory hides its namesakes. */
static GPtrArray *list_descriptors(const char *const *dirs, GHashTable *paths)
{
    GPtrArray *names = g_ptr_array_new();
    for (unsigned i = 0; dirs[i]; i++) {
        g_autoptr(GDir) dir = g_dir_open(dirs[i], 0, NULL);
        const char *name;
        while (dir && (name = g_dir_read_name(dir))) {
            if (!g_str_has_suffix(name, ".json") || g_hash_table_contains(paths, name))
                continue;
            char *key = g_strdup(name);
            g_hash_table_insert(paths, key, g_build_filename(dirs[i], name, NULL));
            g_ptr_array_add(names, key);
        }
    }
    g_ptr_array_sort(names, compare_names);
    return names;
}

static bool try_descriptor(const char *path, const Domain *def, QemuFirmware *ret_firmware)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) error = NULL;
    if (!json_parser_load_from_file(parser, path, &error)) {
        log_warning("firmware descriptor '%s': %s", path, error->message);
        return false;
    }
    JsonObject *descriptor = qmp_node_object(json_parser_get_root(parser));
    return descriptor && descriptor_matches(descriptor, def, ret_firmware);
}

bool qemu_firmware_choose(const Domain *def, const char *const *dirs, QemuFirmware *ret_firmware, GError **error)
{
    g_autoptr(GHashTable) paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GPtrArray) names = list_descriptors(dirs ? dirs : usual_dirs, paths);
    for (unsigned i = 0; i < names->len; i++) {
        if (try_descriptor(g_hash_table_lookup(paths, names->pdata[i]), def, ret_firmware))
            return true;
    }
    return error_set(error, VIR_ERR_OPERATION_FAILED,
                     "Unable to find firmware of the wanted kind for machine '%s': install one with descriptors in "
                     "/usr/share/qemu/firmware (Debian: apt-get install ovmf)%s",
                     def->os.machine, def->features.smm == TRI_YES ? "" : "; secure boot needs <smm state='on'/> too");
}

void qemu_firmware_free(QemuFirmware *firmware)
{
    qemu_firmware_clear(firmware);
    g_free(firmware);
}

GPtrArray *qemu_firmware_list(const char *arch, const char *machine, const char *const *dirs)
{
    /* A guest that could have any of them. */
    Domain any = { .os = { .arch = (char *)arch, .machine = (char *)machine, .firmware = FIRMWARE_KIND_EFI },
                   .features = { .smm_given = true, .smm = TRI_YES } };
    GPtrArray *found = g_ptr_array_new_with_free_func((GDestroyNotify)qemu_firmware_free);
    g_autoptr(GHashTable) paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_autoptr(GPtrArray) names = list_descriptors(dirs ? dirs : usual_dirs, paths);
    for (unsigned i = 0; i < names->len; i++) {
        g_autofree QemuFirmware *firmware = g_new0(QemuFirmware, 1);
        if (try_descriptor(g_hash_table_lookup(paths, names->pdata[i]), &any, firmware))
            g_ptr_array_add(found, g_steal_pointer(&firmware));
    }
    return found;
}
