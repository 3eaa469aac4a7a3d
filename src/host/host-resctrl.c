/* SPDX-License-Identifier: Apache-2.0 */
#include "host/host-resctrl.h"

#include "base/error.h"
#include "base/log.h"
#include "host/host-sysfs.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT "/sys/fs/resctrl"

static GMutex allocation_lock; /* looking for what is free and taking it are one act */

static char *resource_of(const HostResctrlCache *cache)
{
    return g_strdup_printf("L%u%s", cache->level, cache->type);
}

static bool read_hex(const char *sysroot, const char *path, uint64_t *ret_value)
{
    g_autofree char *text = host_sysfs_read(sysroot, "%s", path);
    return text && g_ascii_string_to_unsigned(text, 16, 0, UINT64_MAX, ret_value, NULL);
}

/* The size in bytes of the cache with that level and number. */
static bool cache_size(const char *sysroot, const HostResctrlCache *cache, uint64_t *ret_size)
{
    g_autoptr(GPtrArray) cpus = host_sysfs_list(sysroot, "/sys/devices/system/cpu");
    for (unsigned i = 0; i < cpus->len; i++) {
        const char *cpu = cpus->pdata[i];
        for (unsigned n = 0; g_str_has_prefix(cpu, "cpu") && g_ascii_isdigit(cpu[3]) && n < 8; n++) {
            uint64_t level, id, kib;
            if (!host_sysfs_read_u64(&level, sysroot, "/sys/devices/system/cpu/%s/cache/index%u/level", cpu, n) ||
                !host_sysfs_read_u64(&id, sysroot, "/sys/devices/system/cpu/%s/cache/index%u/id", cpu, n) ||
                !host_sysfs_read_u64(&kib, sysroot, "/sys/devices/system/cpu/%s/cache/index%u/size", cpu, n))
                continue;
            if (level == cache->level && id == cache->id) {
                *ret_size = kib * 1024;
                return true;
            }
        }
    }
    return false;
}

/* The mask that a group has of one cache, in its schemata: "    L3:0=fffff;1=fffff". */
static uint64_t mask_in(const char *schemata, const char *resource, unsigned id)
{
    g_auto(GStrv) lines = g_strsplit(schemata, "\n", -1);
    g_autofree char *head = g_strconcat(resource, ":", NULL);
    g_autofree char *key = g_strdup_printf("%u=", id);
    for (char **line = lines; *line; line++) {
        const char *text = g_strchug(*line);
        if (!g_str_has_prefix(text, head))
            continue;
        g_auto(GStrv) shares = g_strsplit(text + strlen(head), ";", -1);
        for (char **share = shares; *share; share++) {
            if (g_str_has_prefix(*share, key))
                return g_ascii_strtoull(*share + strlen(key), NULL, 16);
        }
    }
    return 0;
}

/* What any group holds of a cache, the default group of all other processes included. */
static uint64_t used_mask(const char *sysroot, const char *resource, unsigned id)
{
    g_autoptr(GPtrArray) names = host_sysfs_list(sysroot, ROOT);
    g_autofree char *rest = host_sysfs_read(sysroot, ROOT "/schemata");
    uint64_t used = rest ? mask_in(rest, resource, id) : 0;
    for (unsigned i = 0; i < names->len; i++) {
        g_autofree char *schemata = host_sysfs_read(sysroot, ROOT "/%s/schemata", (const char *)names->pdata[i]);
        used |= schemata ? mask_in(schemata, resource, id) : 0;
    }
    return used;
}

/* @count neighbouring bits of @all that nobody uses; 0: there are none. */
static uint64_t find_free(uint64_t all, uint64_t used, unsigned count)
{
    uint64_t run = count >= 64 ? UINT64_MAX : (UINT64_C(1) << count) - 1;
    for (unsigned shift = 0; shift + count <= 64; shift++) {
        uint64_t mask = run << shift;
        if ((mask & all) == mask && !(mask & used))
            return mask;
    }
    return 0;
}

static bool plan_cache(const char *sysroot, const HostResctrlCache *cache, GString *schemata, GError **error)
{
    g_autofree char *resource = resource_of(cache);
    g_autofree char *info = g_strdup_printf(ROOT "/info/%s/cbm_mask", resource);
    uint64_t all, size, least = 1;
    if (!read_hex(sysroot, info, &all) || !all || !cache_size(sysroot, cache, &size))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<cachetune><cache>: this host cannot divide its level %u cache %u (%s); see %s/info",
                         cache->level, cache->id, resource, ROOT);
    host_sysfs_read_u64(&least, sysroot, ROOT "/info/%s/min_cbm_bits", resource);
    uint64_t step = size / (uint64_t)__builtin_popcountll(all);
    if (cache->size % step || cache->size / step < least)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<cachetune><cache size>: %" PRIu64 " bytes of level %u cache %u: give a multiple of %" PRIu64
                         ", at least %" PRIu64,
                         cache->size, cache->level, cache->id, step, step * least);
    uint64_t mask = find_free(all, used_mask(sysroot, resource, cache->id), (unsigned)(cache->size / step));
    if (!mask)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<cachetune><cache>: not enough of level %u cache %u is free: make the shares in %s smaller, "
                         "first of all that of all other processes (schemata)",
                         cache->level, cache->id, ROOT);
    g_string_append_printf(schemata, "%s:%u=%" PRIx64 "\n", resource, cache->id, mask);
    return true;
}

static bool plan_bandwidth(const char *sysroot, const HostResctrlBandwidth *bandwidth, GString *schemata,
                           GError **error)
{
    uint64_t least, step = 1;
    if (!host_sysfs_read_u64(&least, sysroot, ROOT "/info/MB/min_bandwidth"))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<memorytune><node>: this host cannot divide its memory bandwidth; see %s/info", ROOT);
    host_sysfs_read_u64(&step, sysroot, ROOT "/info/MB/bandwidth_gran");
    if (bandwidth->percent < least || bandwidth->percent > 100 || bandwidth->percent % MAX(step, 1u))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<memorytune><node bandwidth>: %u %%: give a multiple of %" PRIu64 " from %" PRIu64 " to 100",
                         bandwidth->percent, step, least);
    g_string_append_printf(schemata, "MB:%u=%u\n", bandwidth->id, bandwidth->percent);
    return true;
}

static bool plan(const char *sysroot, const HostResctrlCache *caches, unsigned n_caches,
                 const HostResctrlBandwidth *bandwidths, unsigned n_bandwidths, GString *schemata, GError **error)
{
    for (unsigned i = 0; i < n_caches; i++) {
        if (!plan_cache(sysroot, &caches[i], schemata, error))
            return false;
    }
    for (unsigned i = 0; i < n_bandwidths; i++) {
        if (!plan_bandwidth(sysroot, &bandwidths[i], schemata, error))
            return false;
    }
    return true;
}

static bool make(const char *sysroot, const char *name, const char *schemata, GError **error)
{
    g_autofree char *dir = g_strconcat(sysroot, ROOT "/", name, NULL);
    g_autofree char *file = g_strconcat(ROOT "/", name, "/schemata", NULL);
    if (mkdir(dir, 0755) < 0 && errno != EEXIST)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<cachetune>: make '%s': %s%s", dir, g_strerror(errno),
                         errno == ENOSPC ? "; the processor tells no more groups apart" : "");
    if (host_sysfs_write(sysroot, file, schemata, error))
        return true;
    rmdir(dir);
    return false;
}

bool host_resctrl_create(const char *sysroot, const char *name, const HostResctrlCache *caches, unsigned n_caches,
                         const HostResctrlBandwidth *bandwidths, unsigned n_bandwidths, GError **error)
{
    const char *what = n_caches ? "<cachetune>" : "<memorytune>";
    g_autoptr(GString) schemata = g_string_new(NULL);
    if (!host_sysfs_exists(sysroot, ROOT "/info"))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "%s: resctrl is not mounted: mount -t resctrl resctrl %s, where the processor has it", what,
                         ROOT);
    g_mutex_lock(&allocation_lock);
    bool done = host_sysfs_exists(sysroot, ROOT "/%s/tasks", name) ||
                (plan(sysroot, caches, n_caches, bandwidths, n_bandwidths, schemata, error) &&
                 make(sysroot, name, schemata->str, error));
    g_mutex_unlock(&allocation_lock);
    return done;
}

bool host_resctrl_add_thread(const char *sysroot, const char *name, pid_t tid, GError **error)
{
    g_autofree char *file = g_strconcat(ROOT "/", name, "/tasks", NULL);
    g_autofree char *value = g_strdup_printf("%d", (int)tid);
    return host_sysfs_write(sysroot, file, value, error);
}

void host_resctrl_remove(const char *sysroot, const char *prefix)
{
    g_autoptr(GPtrArray) names = host_sysfs_list(sysroot, ROOT);
    for (unsigned i = 0; i < names->len; i++) {
        g_autofree char *dir = g_strconcat(sysroot, ROOT "/", (const char *)names->pdata[i], NULL);
        if (g_str_has_prefix(names->pdata[i], prefix) && rmdir(dir) < 0)
            log_warning("remove '%s': %s", dir, g_strerror(errno));
    }
}
