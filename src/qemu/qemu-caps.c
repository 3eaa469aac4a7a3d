/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qemu-caps.h"

#include "base/durable-file.h"
#include "base/error.h"
#include "base/log.h"
#include "qemu/qemu-caps-private.h"

#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* µs in which the questions of one call need not look at the files again */
#define KEY_AGE     (100 * 1000)
#define CAPS_FORMAT 5 /* raise it when the probe asks for more or the file says it otherwise */

typedef struct {
    char *key;
    QemuCaps *caps; /* NULL: not known yet, or the last probe failed */
    GError *error;  /* of that probe, for those who waited for it */
    bool busy;
    gint64 checked; /* monotonic, µs: when `key` was last what the files say */
} Entry;

struct QemuCapsCache {
    const Paths *paths;
    GMainContext *context;
    bool switch_user;
    QemuCapsUser user;
    GMutex lock; /* guards all below */
    GCond changed;
    GHashTable *entries; /* path of the emulator → Entry * */
};

static GHashTable *string_set_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

QemuCaps *qemu_caps_new(const char *emulator)
{
    QemuCaps *caps = g_new0(QemuCaps, 1);
    g_atomic_ref_count_init(&caps->refs);
    caps->emulator = g_strdup(emulator);
    caps->types = string_set_new();
    caps->commands = string_set_new();
    caps->options = string_set_new();
    caps->backends = string_set_new();
    return caps;
}

QemuCaps *qemu_caps_ref(QemuCaps *caps)
{
    g_atomic_ref_count_inc(&caps->refs);
    return caps;
}

static void accelerator_clear(QemuAccelerator *accelerator)
{
    for (unsigned i = 0; i < accelerator->n_cpus; i++) {
        QemuCpuModel *cpu = &accelerator->cpus[i];
        g_free(cpu->name);
        g_free(cpu->vendor);
        g_free(cpu->alias_of);
        g_strfreev(cpu->blockers);
    }
    g_free(accelerator->cpus);
    g_free(accelerator->host_model);
    g_free(accelerator->host_vendor);
    g_strfreev(accelerator->host_features);
}

void qemu_caps_unref(QemuCaps *caps)
{
    if (!caps || !g_atomic_ref_count_dec(&caps->refs))
        return;
    for (unsigned i = 0; i < caps->n_machines; i++) {
        QemuMachine *machine = &caps->machines[i];
        g_free(machine->name);
        g_free(machine->alias);
        g_free(machine->default_cpu);
        g_free(machine->default_ram_id);
    }
    g_free(caps->machines);
    accelerator_clear(&caps->kvm);
    accelerator_clear(&caps->tcg);
    g_free(caps->native_model);
    g_strfreev(caps->native_features);
    g_hash_table_unref(caps->types);
    g_hash_table_unref(caps->commands);
    g_hash_table_unref(caps->options);
    g_hash_table_unref(caps->backends);
    g_free(caps->emulator);
    g_free(caps->arch);
    g_free(caps->package);
    g_free(caps);
}

const QemuMachine *qemu_caps_machine(const QemuCaps *caps, const char *name)
{
    for (unsigned i = 0; i < caps->n_machines; i++) {
        const QemuMachine *machine = &caps->machines[i];
        if (name ? strcmp(machine->name, name) == 0 || g_strcmp0(machine->alias, name) == 0 : machine->is_default)
            return machine;
    }
    return NULL;
}

const QemuCpuModel *qemu_caps_cpu(const QemuAccelerator *accelerator, const char *name)
{
    for (unsigned i = 0; i < accelerator->n_cpus; i++)
        if (strcmp(accelerator->cpus[i].name, name) == 0)
            return &accelerator->cpus[i];
    return NULL;
}

bool qemu_caps_has_type(const QemuCaps *caps, const char *qom_type)
{
    return g_hash_table_contains(caps->types, qom_type);
}

/* Whether @set holds "A.B", without an allocation for every question of every start. */
static bool has_pair(GHashTable *set, const char *a, const char *b)
{
    char text[128];
    return snprintf(text, sizeof text, "%s.%s", a, b) < (int)sizeof text && g_hash_table_contains(set, text);
}

bool qemu_caps_has_command(const QemuCaps *caps, const char *qmp_command)
{
    return g_hash_table_contains(caps->commands, qmp_command);
}

bool qemu_caps_has_option(const QemuCaps *caps, const char *option, const char *parameter)
{
    return parameter ? has_pair(caps->options, option, parameter) : g_hash_table_contains(caps->options, option);
}

bool qemu_caps_has_chardev(const QemuCaps *caps, const char *backend)
{
    return g_hash_table_contains(caps->backends, backend);
}

static void entry_free(gpointer data)
{
    Entry *entry = data;
    g_free(entry->key);
    qemu_caps_unref(entry->caps);
    g_clear_error(&entry->error);
    g_free(entry);
}

QemuCapsCache *qemu_caps_cache_new(const Paths *paths, GMainContext *context, const QemuCapsUser *user)
{
    QemuCapsCache *cache = g_new0(QemuCapsCache, 1);
    cache->paths = paths;
    cache->context = context;
    cache->switch_user = user != NULL;
    if (user)
        cache->user = *user;
    g_mutex_init(&cache->lock);
    g_cond_init(&cache->changed);
    cache->entries = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, entry_free);
    return cache;
}

void qemu_caps_cache_free(QemuCapsCache *cache)
{
    if (!cache)
        return;
    g_hash_table_unref(cache->entries);
    g_mutex_clear(&cache->lock);
    g_cond_clear(&cache->changed);
    g_free(cache);
}

static void append_stat(GString *key, const char *path)
{
    struct stat info;
    if (stat(path, &info) < 0)
        g_string_append_printf(key, " %s:-", path);
    else
        g_string_append_printf(key, " %s:%jx:%jx:%jx:%x:%x:%x:%jx.%lx:%jx.%lx", path, (uintmax_t)info.st_dev,
                               (uintmax_t)info.st_ino, (uintmax_t)(S_ISREG(info.st_mode) ? info.st_size : 0),
                               info.st_mode, info.st_uid, info.st_gid, (intmax_t)info.st_mtim.tv_sec,
                               info.st_mtim.tv_nsec, (intmax_t)info.st_ctim.tv_sec, info.st_ctim.tv_nsec);
}

/* The processor as the kernel calls it, microcode included: a disk may move to another host. */
static const char *processor_name(void)
{
    static gsize name;
    if (g_once_init_enter(&name)) {
        g_autofree char *text = NULL;
        GString *found = g_string_new(NULL);
        g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL);
        g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", 32);
        for (char **line = lines; *line && **line; line++)
            if (g_str_has_prefix(*line, "model name") || g_str_has_prefix(*line, "microcode"))
                g_string_append(found, strchr(*line, ':') ? strchr(*line, ':') : "");
        g_once_init_leave(&name, (gsize)g_string_free(found, FALSE));
    }
    return (const char *)name;
}

static void append_user(GString *key, const QemuCapsCache *cache)
{
    if (!cache->switch_user)
        return;
    g_string_append_printf(key, " user %u:%u", cache->user.uid, cache->user.gid);
    for (unsigned i = 0; i < cache->user.n_groups; i++)
        g_string_append_printf(key, ",%u", cache->user.groups[i]);
}

/* Everything that the answers depend on. Devices live in modules, so installing one changes what the same binary can
 * do. */
static char *compute_key(const QemuCapsCache *cache, const char *emulator, GError **error)
{
    static const char *const module_dirs[] = { "/usr/lib/x86_64-linux-gnu/qemu", "/usr/lib/aarch64-linux-gnu/qemu",
                                               "/usr/lib/qemu", "/usr/lib64/qemu", "/usr/lib64/qemu-kvm" };
    if (access(emulator, X_OK) < 0) {
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                  "emulator '%s': %s; install it (package qemu-system) or correct <emulator>", emulator,
                  g_strerror(errno));
        return NULL;
    }
    struct utsname kernel;
    uname(&kernel);
    GString *key = g_string_new(NULL);
    g_string_printf(key, "%s format %d kernel %s cpu %s", LODGE_VERSION, CAPS_FORMAT, kernel.release, processor_name());
    append_user(key, cache);
    append_stat(key, emulator);
    /* The device's times change with every boot and do not matter. */
    struct stat kvm;
    if (stat("/dev/kvm", &kvm) < 0)
        g_string_append(key, " kvm:-");
    else
        g_string_append_printf(key, " kvm:%o:%u:%u:%d", kvm.st_mode, kvm.st_uid, kvm.st_gid, access("/dev/kvm", W_OK));
    for (unsigned i = 0; i < G_N_ELEMENTS(module_dirs); i++)
        append_stat(key, module_dirs[i]);
    return g_string_free(key, FALSE);
}

static char *file_path(const QemuCapsCache *cache, const char *emulator)
{
    g_autofree char *name = g_path_get_basename(emulator);
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, emulator, -1);
    return g_strdup_printf("%s/%s-%.12s.json", cache->paths->cache_dir, name, hash);
}

static char *models_file_path(const char *caps_path)
{
    return g_strconcat(caps_path, ".cpus", NULL);
}

/* @ret_models may be NULL. */
static QemuCaps *probe_and_keep(QemuCapsCache *cache, const char *emulator, const char *key, QemuCpuModels **ret_models,
                                GError **error)
{
    g_autofree char *path = file_path(cache, emulator);
    g_autoptr(QemuCaps) caps = NULL;
    QemuProbe probe = { .emulator = emulator,
                        .work_dir = cache->paths->qemu_run_dir,
                        .context = cache->context,
                        .user = cache->switch_user ? &cache->user : NULL };
    g_autoptr(GString) models = qemu_cpu_models_text(key);
    caps = qemu_caps_probe(&probe, models, error);
    if (!caps)
        return NULL;
    /* A cache that cannot be written costs time at the next start, nothing else. */
    g_autoptr(GError) why = NULL;
    g_autofree char *models_path = models_file_path(path);
    if (!directory_ensure(cache->paths->cache_dir, 0755, &why) ||
        !durable_file_write(models_path, models->str, models->len, 0644, &why) ||
        !qemu_caps_file_save(path, key, caps, &why))
        log_warning("keep capabilities of %s: %s", emulator, why->message);
    if (ret_models)
        *ret_models = qemu_cpu_models_parse(models->str, key, NULL);
    return g_steal_pointer(&caps);
}

static QemuCaps *load_or_probe(QemuCapsCache *cache, const char *emulator, const char *key, GError **error)
{
    g_autofree char *path = file_path(cache, emulator);
    QemuCaps *caps = qemu_caps_file_load(path, emulator, key);
    if (!caps)
        caps = probe_and_keep(cache, emulator, key, NULL, error);
    malloc_trim(0); /* an emulator's answers are megabytes of JSON, and so is the file */
    return caps;
}

QemuCpuModels *qemu_caps_cache_cpu_models(QemuCapsCache *cache, const char *emulator, const char *const *only,
                                          GError **error)
{
    g_autofree char *key = compute_key(cache, emulator, error);
    if (!key)
        return NULL;
    g_autofree char *caps_path = file_path(cache, emulator), *text = NULL;
    g_autofree char *path = models_file_path(caps_path);
    QemuCpuModels *models = NULL;
    if (g_file_get_contents(path, &text, NULL, NULL))
        models = qemu_cpu_models_parse(text, key, only);
    if (models)
        return models;
    g_autoptr(QemuCaps) caps = probe_and_keep(cache, emulator, key, &models, error);
    return models;
}

static Entry *entry_locked(QemuCapsCache *cache, const char *emulator)
{
    Entry *entry = g_hash_table_lookup(cache->entries, emulator);
    if (!entry) {
        entry = g_new0(Entry, 1);
        g_hash_table_insert(cache->entries, g_strdup(emulator), entry);
    }
    return entry;
}

/* What was found a moment ago; NULL if nothing was. */
static QemuCaps *get_fresh(QemuCapsCache *cache, const char *emulator, gint64 now)
{
    g_mutex_lock(&cache->lock);
    Entry *entry = g_hash_table_lookup(cache->entries, emulator);
    bool fresh = entry && !entry->busy && entry->caps && now - entry->checked < KEY_AGE;
    QemuCaps *caps = fresh ? qemu_caps_ref(entry->caps) : NULL;
    g_mutex_unlock(&cache->lock);
    return caps;
}

QemuCaps *qemu_caps_cache_get(QemuCapsCache *cache, const char *emulator, GError **error)
{
    gint64 now = g_get_monotonic_time();
    QemuCaps *fresh = get_fresh(cache, emulator, now);
    if (fresh)
        return fresh;
    g_autofree char *key = compute_key(cache, emulator, error);
    if (!key)
        return NULL;
    bool waited = false;
    g_mutex_lock(&cache->lock);
    Entry *entry = entry_locked(cache, emulator);
    for (; entry->busy; waited = true)
        g_cond_wait(&cache->changed, &cache->lock);
    bool known = g_strcmp0(entry->key, key) == 0 && (entry->caps || (waited && entry->error));
    if (!known) {
        entry->busy = true;
        g_mutex_unlock(&cache->lock);
        g_autoptr(GError) why = NULL;
        QemuCaps *caps = load_or_probe(cache, emulator, key, &why);
        g_mutex_lock(&cache->lock);
        qemu_caps_unref(entry->caps);
        g_clear_error(&entry->error);
        g_free(entry->key);
        entry->caps = caps;
        entry->error = g_steal_pointer(&why);
        entry->key = g_steal_pointer(&key);
        entry->busy = false;
        g_cond_broadcast(&cache->changed);
    }
    entry->checked = now;
    QemuCaps *caps = entry->caps ? qemu_caps_ref(entry->caps) : NULL;
    if (!caps && error)
        *error = g_error_copy(entry->error);
    g_mutex_unlock(&cache->lock);
    return caps;
}

QemuCaps *qemu_caps_cache_peek(QemuCapsCache *cache, const char *emulator)
{
    g_autofree char *key = compute_key(cache, emulator, NULL);
    g_mutex_lock(&cache->lock);
    Entry *entry = g_hash_table_lookup(cache->entries, emulator);
    bool known = entry && !entry->busy && entry->caps && g_strcmp0(entry->key, key) == 0;
    QemuCaps *caps = known ? qemu_caps_ref(entry->caps) : NULL;
    g_mutex_unlock(&cache->lock);
    return caps;
}
