/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/image-header.h"

#include "base/error.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define QCOW2_MAGIC            0x514649fbu /* "QFI\xfb" */
#define QCOW2_HEADER_V2        72
#define QCOW2_BACKING_NAME_MAX 1023
#define EXTENSION_END          0u
#define EXTENSION_FORMAT       0xe2792acau /* backing file format name */

void image_backing_clear(ImageBacking *backing)
{
    g_clear_pointer(&backing->path, g_free);
    g_clear_pointer(&backing->format, g_free);
}

static uint32_t be32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint64_t be64(const uint8_t *bytes)
{
    return (uint64_t)be32(bytes) << 32 | be32(bytes + 4);
}

static bool read_at(int fd, const char *path, uint64_t offset, void *data, size_t length, GError **error)
{
    ssize_t done = pread(fd, data, length, (off_t)offset);
    if (done == (ssize_t)length)
        return true;
    return error_set(error, VIR_ERR_OPERATION_FAILED, "image '%s': its header cannot be read: %s", path,
                     done < 0 ? g_strerror(errno) : "the file is too short for a qcow2 image; is its format raw?");
}

/* The extensions stand between the header and the end of the first cluster; each is type, length, data padded to 8. */
static bool read_format(int fd, const char *path, uint64_t offset, uint64_t end, char **ret_format, GError **error)
{
    uint8_t head[8];
    while (offset + sizeof head <= end) {
        if (!read_at(fd, path, offset, head, sizeof head, error))
            return false;
        uint32_t type = be32(head), length = be32(head + 4);
        offset += sizeof head;
        if (type == EXTENSION_END)
            return true;
        if (length > end - offset)
            return error_set(error, VIR_ERR_OPERATION_FAILED, "image '%s': a header extension runs past its cluster",
                             path);
        if (type == EXTENSION_FORMAT && length < 64) {
            g_autofree char *format = g_malloc0(length + 1);
            if (!read_at(fd, path, offset, format, length, error))
                return false;
            *ret_format = g_steal_pointer(&format);
            return true;
        }
        offset += (length + 7) / 8 * 8;
    }
    return true;
}

static char *absolute(const char *image, const char *name)
{
    if (g_path_is_absolute(name))
        return g_strdup(name);
    g_autofree char *dir = g_path_get_dirname(image);
    return g_build_filename(dir, name, NULL);
}

bool image_qcow2_backing(int fd, const char *path, ImageBacking *ret_backing, GError **error)
{
    uint8_t header[QCOW2_HEADER_V2 + 32] = { 0 };
    if (!read_at(fd, path, 0, header, QCOW2_HEADER_V2, error))
        return false;
    uint32_t version = be32(header + 4), cluster_bits = be32(header + 20), name_length = be32(header + 16);
    uint64_t name_offset = be64(header + 8);
    if (be32(header) != QCOW2_MAGIC || version < 2 || version > 3 || cluster_bits < 9 || cluster_bits > 21)
        return error_set(
            error, VIR_ERR_OPERATION_FAILED,
            "image '%s' is not in qcow2 format: correct the disk's <driver type=…> ('qemu-img info' tells)", path);
    if (name_offset == 0)
        return true;
    uint64_t cluster = (uint64_t)1 << cluster_bits;
    if (name_length == 0 || name_length > QCOW2_BACKING_NAME_MAX || name_offset + name_length > cluster)
        return error_set(error, VIR_ERR_OPERATION_FAILED, "image '%s': the name of its backing file is broken", path);
    g_auto(ImageBacking) backing = { 0 };
    g_autofree char *name = g_malloc0(name_length + 1);
    uint64_t extensions = QCOW2_HEADER_V2;
    if (version == 3) {
        if (!read_at(fd, path, QCOW2_HEADER_V2, header + QCOW2_HEADER_V2, 32, error))
            return false;
        extensions = be32(header + 100);
    }
    if (!read_at(fd, path, name_offset, name, name_length, error) ||
        !read_format(fd, path, extensions, name_offset, &backing.format, error))
        return false;
    const char *colon = strchr(name, ':');
    const char *slash = strchr(name, '/');
    backing.is_url = colon && (!slash || colon < slash) && !g_str_has_prefix(name, "file:");
    const char *file = g_str_has_prefix(name, "file:") ? name + strlen("file:") : name;
    backing.path = backing.is_url ? g_strdup(name) : absolute(path, file);
    *ret_backing = backing;
    backing = (ImageBacking){ 0 };
    return true;
}
