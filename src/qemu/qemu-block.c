/* SPDX-License-Identifier: Apache-2.0 */
/* Block nodes of a disk: where its bytes are (storage), how they are to be read (format), and the chain behind it. */
#include "base/error.h"
#include "qemu/qemu-args-private.h"

#include <string.h>

bool qemu_disk_is_empty(const DomainDisk *disk)
{
    const StorageSource *source = &disk->source;
    switch (source->type) {
    case STORAGE_TYPE_NETWORK: return source->protocol == STORAGE_PROTOCOL_UNSET;
    case STORAGE_TYPE_NVME: return source->nvme_address == NULL;
    default: return source->path == NULL || source->path[0] == '\0';
    }
}

JsonObject *qemu_block_storage(const StorageSource *source, const char *what, GError **error)
{
    if (source->encryption || source->auth) {
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: encrypted or authenticated sources are not supported yet",
                  what);
        return NULL;
    }
    switch (source->type) {
    case STORAGE_TYPE_NETWORK: return qemu_block_network(source, what, error);
    case STORAGE_TYPE_BLOCK: return qmp_object("s:driver", "host_device", "s:filename", source->path, NULL);
    case STORAGE_TYPE_DIR: return qmp_object("s:driver", "vvfat", "s:dir", source->path, "b:floppy", FALSE, NULL);
    case STORAGE_TYPE_UNSET:
    case STORAGE_TYPE_FILE: return qmp_object("s:driver", "file", "s:filename", source->path, NULL);
    default:
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "%s: sources of type '%s' are not supported", what,
                  model_enum_text(&model_enum_storage_type, source->type));
        return NULL;
    }
}

/* {"direct":…,"no-flush":…} of a cache mode; NULL for the default. */
static JsonObject *cache_object(DiskCache cache)
{
    if (cache == DISK_CACHE_UNSET || cache == DISK_CACHE_DEFAULT)
        return NULL;
    return qmp_object("b:direct", (gboolean)(cache == DISK_CACHE_NONE || cache == DISK_CACHE_DIRECTSYNC), "b:no-flush",
                      (gboolean)(cache == DISK_CACHE_UNSAFE), NULL);
}

void qemu_block_access(JsonObject *object, const char *path, bool read_only)
{
    if (path && g_str_has_prefix(path, "/dev/fdset/"))
        qmp_object_add(object, "b:read-only", (gboolean)read_only, NULL);
    else
        qmp_object_add(object, "b:auto-read-only", TRUE, NULL);
}

char *qemu_storage_node(unsigned index)
{
    return g_strdup_printf("lodge-%u-storage", index);
}

static bool add_storage(QemuArgs *args, const DomainDisk *disk, const StorageSource *source, const char *node,
                        bool read_only, const char *what, GError **error)
{
    JsonObject *object = qemu_block_storage(source, what, error);
    if (!object)
        return false;
    bool local = source->type != STORAGE_TYPE_NETWORK && source->type != STORAGE_TYPE_DIR;
    if (local && disk->io && disk->io != DISK_IO_DEFAULT)
        json_object_set_string_member(object, "aio", model_enum_text(&model_enum_disk_io, disk->io));
    qmp_object_add(object, "s:node-name", node, "o:cache", cache_object(disk->cache), NULL);
    qemu_block_access(object, source->path, read_only);
    qmp_object_add(object, "s:discard", "unmap", NULL);
    qemu_args_add_json(args, "-blockdev", object);
    return true;
}

/* A part of the storage: <slices><slice type='storage'>. Gives the node that the format reads from. */
static char *add_slice(QemuArgs *args, const StorageSource *source, unsigned number, const char *storage)
{
    if (source->n_slices == 0)
        return g_strdup(storage);
    char *node = g_strdup_printf("lodge-%u-slice-sto", number);
    qemu_args_add_json(args, "-blockdev",
                       qmp_object("s:driver", "raw", "s:node-name", node, "i:offset", (gint64)source->slices[0]->offset,
                                  "i:size", (gint64)source->slices[0]->size, "s:file", storage, "b:auto-read-only",
                                  TRUE, "s:discard", "unmap", NULL));
    return node;
}

static void add_disk_options(JsonObject *object, const DomainDisk *disk)
{
    if (disk->discard && disk->discard != DISK_DISCARD_DEFAULT)
        json_object_set_string_member(object, "discard", model_enum_text(&model_enum_disk_discard, disk->discard));
    DiskDetectZeroes zeroes = disk->detect_zeroes;
    /* Without discard, QEMU can only write zeroes in place of unmapping. */
    if (zeroes == DISK_DETECT_ZEROES_UNMAP && disk->discard != DISK_DISCARD_UNMAP)
        zeroes = DISK_DETECT_ZEROES_ON;
    if (zeroes && zeroes != DISK_DETECT_ZEROES_DEFAULT)
        json_object_set_string_member(object, "detect-zeroes", model_enum_text(&model_enum_disk_detect_zeroes, zeroes));
}

/* Raw images have no chain: an explicit end of it must not reach QEMU. */
static bool has_chain(StorageFormat format)
{
    return format == STORAGE_FORMAT_QCOW2 || format == STORAGE_FORMAT_QCOW || format == STORAGE_FORMAT_QED ||
           format == STORAGE_FORMAT_VMDK;
}

typedef struct {
    const StorageSource *source;
    unsigned number;
    StorageFormat format;
    guint64 cache_size; /* of its metadata, in bytes; 0: QEMU's choice */
    bool top;           /* the link that the guest writes to */
} Link;

/* One link: its storage, then its format on top of it. */
static bool add_link(QemuArgs *args, const DomainDisk *disk, const Link *link, const char *backing_node,
                     const char *what, GError **error)
{
    const StorageSource *source = link->source;
    StorageFormat format = link->format;
    unsigned number = link->number;
    bool top = link->top;
    g_autofree char *storage = qemu_storage_node(number);
    g_autofree char *node = g_strdup_printf("lodge-%u-format", number);
    if (format == STORAGE_FORMAT_ISO)
        format = STORAGE_FORMAT_RAW;
    if (source->type == STORAGE_TYPE_DIR)
        format = STORAGE_FORMAT_RAW;
    bool read_only = !top || disk->read_only || disk->device == DISK_DEVICE_CDROM;
    if (!add_storage(args, disk, source, storage, read_only, what, error))
        return false;
    g_autofree char *below = add_slice(args, source, number, storage);
    const char *driver = format ? model_enum_text(&model_enum_storage_format, format) : "raw";
    JsonObject *object =
        qmp_object("s:node-name", node, "b:read-only", (gboolean)read_only, "o:cache", cache_object(disk->cache), NULL);
    if (top)
        add_disk_options(object, disk);
    qmp_object_add(object, "s:driver", driver, "I:cache-size",
                   (gint64)(link->cache_size ? link->cache_size : source->metadata_cache_max_size), "s:file", below,
                   NULL);
    if (!has_chain(format))
        backing_node = NULL;
    if (backing_node && backing_node[0])
        json_object_set_string_member(object, "backing", backing_node);
    else if (backing_node)
        json_object_set_null_member(object, "backing");
    qemu_args_add_json(args, "-blockdev", object);
    return true;
}

/* The chain behind the top, deepest first. Gives the node of the first link, "" for an end that the user set, NULL:
 * unknown. */
static bool add_backing(QemuArgs *args, const DomainDisk *disk, const StorageBacking *backing, const char *what,
                        char **ret_node, GError **error)
{
    *ret_node = NULL;
    if (!backing)
        return true;
    if (!backing->source.type) {
        *ret_node = g_strdup("");
        return true;
    }
    g_autofree char *below = NULL;
    const Link link = { &backing->source, backing->index, backing->format, backing->metadata_cache_max_size, false };
    if (!add_backing(args, disk, backing->backing, what, &below, error) ||
        !add_link(args, disk, &link, below, what, error))
        return false;
    *ret_node = g_strdup_printf("lodge-%u-format", backing->index);
    return true;
}

bool qemu_args_blockdevs(QemuArgs *args, const DomainDisk *disk, GError **error)
{
    if (qemu_disk_is_empty(disk))
        return true;
    g_autofree char *what = g_strdup_printf("disk '%s'", disk->target);
    g_autofree char *below = NULL;
    const StorageBacking *backing = has_chain(disk->format) ? disk->backing : NULL;
    if (disk->old_auth || disk->old_encryption)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "%s: encrypted or authenticated sources are not supported yet", what);
    const Link top = { &disk->source, disk->source.index, disk->format, disk->metadata_cache_max_size, true };
    if (!add_backing(args, disk, backing, what, &below, error) || !add_link(args, disk, &top, below, what, error))
        return false;
    if (disk->copy_on_read == TRI_YES) {
        g_autofree char *node = qemu_disk_format_node(args->def, disk);
        g_autofree char *filter = g_strconcat("lodge-CoR-", disk->target, NULL);
        qemu_args_add_json(
            args, "-blockdev",
            qmp_object("s:driver", "copy-on-read", "s:node-name", filter, "s:file", node, "s:discard", "unmap", NULL));
    }
    return true;
}
