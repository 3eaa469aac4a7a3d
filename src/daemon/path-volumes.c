/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Volumes by path: an image that a client names by its path (virt-install --disk path=…) is found as a volume, and its
 * directory as the pool it is in, without either having been defined. Nothing is kept; pools with a definition are not
 * built yet. All run on worker threads, as a file may be on a slow file system.
 */
#include "base/auto-fd.h"
#include "base/error.h"
#include "base/uuid.h"
#include "rpc/handlers.h"
#include "rpc/server.h"

#include <errno.h>
#include <fcntl.h>
#include <libvirt/libvirt.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define QCOW2_MAGIC       "QFI\xfb"
#define QCOW2_SIZE_OFFSET 24

typedef struct {
    bool block;
    bool qcow2;
    uint64_t capacity;   /* bytes, as a guest sees it */
    uint64_t allocation; /* bytes on the host */
    struct stat status;
} Image;

/* The format is read from the header because the client asks what is there; a guest never runs on this answer alone. */
static bool read_image(const char *path, Image *ret_image, GError **error)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    Image image = { 0 };
    if (fd < 0 || fstat(fd, &image.status) < 0)
        return error_set(error, VIR_ERR_NO_STORAGE_VOL, "no storage vol with matching path '%s': %s", path,
                         g_strerror(errno));
    image.block = S_ISBLK(image.status.st_mode);
    if (!image.block && !S_ISREG(image.status.st_mode))
        return error_set(error, VIR_ERR_NO_STORAGE_VOL,
                         "no storage vol with matching path '%s': it is neither a file nor a block device", path);
    uint8_t header[QCOW2_SIZE_OFFSET + 8] = { 0 };
    bool whole = pread(fd, header, sizeof header, 0) == (ssize_t)sizeof header;
    image.qcow2 = whole && !memcmp(header, QCOW2_MAGIC, strlen(QCOW2_MAGIC));
    off_t end = lseek(fd, 0, SEEK_END);
    image.capacity = end < 0 ? 0 : (uint64_t)end;
    image.allocation = image.block ? image.capacity : (uint64_t)image.status.st_blocks * 512;
    if (image.qcow2) {
        uint64_t size;
        memcpy(&size, header + QCOW2_SIZE_OFFSET, sizeof size);
        image.capacity = GUINT64_FROM_BE(size);
    }
    *ret_image = image;
    return true;
}

/* A pool is named by its directory, and its UUID is made of that, so that it stays the same. */
static WireStoragePool pool_of(const char *directory)
{
    WireStoragePool pool = { .name = g_strdup(directory) };
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(sum, (const guchar *)directory, -1);
    uint8_t digest[32];
    gsize length = sizeof digest;
    g_checksum_get_digest(sum, digest, &length);
    memcpy(&pool.uuid, digest, sizeof pool.uuid);
    return pool;
}

/* For the administrator only: the daemon opens the file as root, and a reader must not learn what root can see. */
static bool image_of_call(Call *call, const char *path, Image *ret_image, GError **error)
{
    if (call->client->read_only)
        return error_set(error, VIR_ERR_NO_STORAGE_VOL,
                         "no storage vol with matching path '%s': read only access looks at no files", path);
    return read_image(path, ret_image, error);
}

static bool find_volume(Call *call, const char *path, WireStorageVol *ret_vol, GError **error)
{
    Image image;
    if (!g_path_is_absolute(path))
        return error_set(error, VIR_ERR_NO_STORAGE_VOL, "no storage vol with matching path '%s': it is not absolute",
                         path);
    if (!image_of_call(call, path, &image, error))
        return false;
    *ret_vol =
        (WireStorageVol){ .pool = g_path_get_dirname(path), .name = g_path_get_basename(path), .key = g_strdup(path) };
    return true;
}

bool volume_by_path(Call *call, const StorageVolLookupByPathArgs *args, StorageVolLookupByPathRet *ret, GError **error)
{
    return find_volume(call, args->path, &ret->vol, error);
}

bool volume_by_key(Call *call, const StorageVolLookupByKeyArgs *args, StorageVolLookupByKeyRet *ret, GError **error)
{
    return find_volume(call, args->key, &ret->vol, error);
}

bool volume_path(Call *call, const StorageVolGetPathArgs *args, StorageVolGetPathRet *ret, GError **error)
{
    Image image;
    if (!image_of_call(call, args->vol.key, &image, error))
        return false;
    ret->name = g_strdup(args->vol.key);
    return true;
}

static int8_t volume_type(const Image *image)
{
    return image->block ? VIR_STORAGE_VOL_BLOCK : VIR_STORAGE_VOL_FILE;
}

bool volume_info(Call *call, const StorageVolGetInfoArgs *args, StorageVolGetInfoRet *ret, GError **error)
{
    Image image;
    if (!image_of_call(call, args->vol.key, &image, error))
        return false;
    *ret = (StorageVolGetInfoRet){ volume_type(&image), image.capacity, image.allocation };
    return true;
}

bool volume_xml(Call *call, const StorageVolGetXmlDescArgs *args, StorageVolGetXmlDescRet *ret, GError **error)
{
    Image image;
    if (!image_of_call(call, args->vol.key, &image, error))
        return false;
    g_autofree char *name = g_path_get_basename(args->vol.key);
    ret->xml = g_markup_printf_escaped(
        "<volume type='%s'>\n  <name>%s</name>\n  <key>%s</key>\n"
        "  <capacity unit='bytes'>%" G_GUINT64_FORMAT "</capacity>\n"
        "  <allocation unit='bytes'>%" G_GUINT64_FORMAT "</allocation>\n"
        "  <target>\n    <path>%s</path>\n    <format type='%s'/>\n"
        "    <permissions>\n      <mode>0%o</mode>\n      <owner>%u</owner>\n      <group>%u</group>\n"
        "    </permissions>\n  </target>\n</volume>\n",
        image.block ? "block" : "file", name, args->vol.key, image.capacity, image.allocation, args->vol.key,
        image.qcow2 ? "qcow2" : "raw", image.status.st_mode & 07777, image.status.st_uid, image.status.st_gid);
    return true;
}

bool volume_pool(Call *call, const StoragePoolLookupByVolumeArgs *args, StoragePoolLookupByVolumeRet *ret,
                 GError **error)
{
    Image image;
    if (!image_of_call(call, args->vol.key, &image, error))
        return false;
    g_autofree char *directory = g_path_get_dirname(args->vol.key);
    ret->pool = pool_of(directory);
    return true;
}

/* The directory that a pool of pool_of() is. */
static bool check_pool(const WireStoragePool *pool, struct statvfs *ret_space, GError **error)
{
    if (!g_path_is_absolute(pool->name) || statvfs(pool->name, ret_space) < 0)
        return error_set(error, VIR_ERR_NO_STORAGE_POOL, "no storage pool with matching name '%s'", pool->name);
    return true;
}

bool volume_pool_info(Call *call, const StoragePoolGetInfoArgs *args, StoragePoolGetInfoRet *ret, GError **error)
{
    struct statvfs space;
    if (!check_pool(&args->pool, &space, error))
        return false;
    ret->state = VIR_STORAGE_POOL_RUNNING;
    ret->capacity = (uint64_t)space.f_blocks * space.f_frsize;
    ret->available = (uint64_t)space.f_bavail * space.f_frsize;
    ret->allocation = ret->capacity - ret->available;
    return true;
}

bool volume_pool_xml(Call *call, const StoragePoolGetXmlDescArgs *args, StoragePoolGetXmlDescRet *ret, GError **error)
{
    struct statvfs space;
    if (!check_pool(&args->pool, &space, error))
        return false;
    char uuid[UUID_TEXT_SIZE];
    uuid_format(&args->pool.uuid, uuid);
    ret->xml =
        g_markup_printf_escaped("<pool type='dir'>\n  <name>%s</name>\n  <uuid>%s</uuid>\n  <source>\n  </source>\n"
                                "  <target>\n    <path>%s</path>\n  </target>\n</pool>\n",
                                args->pool.name, uuid, args->pool.name);
    return true;
}

bool volume_pool_is_active(Call *call, const StoragePoolIsActiveArgs *args, StoragePoolIsActiveRet *ret, GError **error)
{
    struct statvfs space;
    ret->active = 1;
    return check_pool(&args->pool, &space, error);
}

bool volume_pool_refresh(Call *call, const StoragePoolRefreshArgs *args, void *ret, GError **error)
{
    struct statvfs space;
    return check_pool(&args->pool, &space, error);
}
