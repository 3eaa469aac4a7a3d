/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-block-info.h"

#include "base/auto-fd.h"
#include "base/error.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "vm/vm-monitor.h"
#include "vm/vm-stats.h"
#include "vm/vm-wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define QCOW2_MAGIC       "QFI\xfb"
#define QCOW2_SIZE_OFFSET 24 /* of the virtual size in the header: 64 bits, big-endian */
#define ANSWER_MS         1000

/* The virtual size from an image's header; the size of the container for formats that have none. */
static bool read_capacity(int fd, StorageFormat format, uint64_t physical, uint64_t *ret_capacity)
{
    uint8_t header[QCOW2_SIZE_OFFSET + 8];
    *ret_capacity = physical;
    if (format != STORAGE_FORMAT_QCOW2)
        return true;
    if (pread(fd, header, sizeof header, 0) != (ssize_t)sizeof header || memcmp(header, QCOW2_MAGIC, 4) != 0)
        return false;
    uint64_t size = 0;
    for (unsigned i = 0; i < 8; i++)
        size = size << 8 | header[QCOW2_SIZE_OFFSET + i];
    *ret_capacity = size;
    return true;
}

bool vm_image_sizes(const StorageSource *source, StorageFormat format, VmImageSizes *ret_sizes, GError **error)
{
    struct stat info;
    if ((source->type != STORAGE_TYPE_FILE && source->type != STORAGE_TYPE_BLOCK) || !source->path)
        return error_set(error, VIR_ERR_OPERATION_FAILED, "only sizes of local files and block devices are known");
    /* Not blocking: a path may turn out to be a FIFO. */
    auto_fd int fd = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &info) < 0)
        return error_set_errno(error, errno, "cannot open disk image '%s'", source->path);
    uint64_t physical = (uint64_t)info.st_size;
    if (S_ISBLK(info.st_mode) && ioctl(fd, BLKGETSIZE64, &physical) < 0)
        return error_set_errno(error, errno, "read the size of '%s'", source->path);
    VmImageSizes sizes = { .physical = physical };
    sizes.allocation = S_ISREG(info.st_mode) ? (uint64_t)info.st_blocks * 512 : physical;
    if (!read_capacity(fd, format, physical, &sizes.capacity))
        return error_set(error, VIR_ERR_OPERATION_FAILED, "'%s' is no qcow2 image: correct its <driver type=…>",
                         source->path);
    *ret_sizes = sizes;
    return true;
}

const DomainDisk *vm_disk_find(const Domain *domain, const char *name)
{
    for (unsigned i = 0; i < domain->n_disks; i++) {
        const DomainDisk *disk = domain->disks[i];
        if (g_strcmp0(disk->target, name) == 0 || g_strcmp0(disk->source.path, name) == 0)
            return disk;
    }
    return NULL;
}

/* What QEMU knows better than the file: the size of the device, and how far a block device was written. */
static void take_node_sizes(Vm *vm, const VmView *view, const DomainDisk *disk, DomainGetBlockInfoRet *ret)
{
    vm_stats_receive(vm_stats_send(vm, view, VM_STATS_BLOCK), g_get_monotonic_time() + ANSWER_MS * 1000);
    g_autoptr(VmStats) stats = vm_stats_last(vm, view);
    g_autofree char *format = g_strdup_printf("lodge-%u-format", disk->source.index);
    const VmBlockNode *node = stats && stats->nodes ? g_hash_table_lookup(stats->nodes, format) : NULL;
    const VmBlockIo *io = stats && stats->blocks ? g_hash_table_lookup(stats->blocks, disk->info.alias) : NULL;
    if (node && node->virtual_size)
        ret->capacity = node->virtual_size;
    if (io && disk->source.type == STORAGE_TYPE_BLOCK && disk->format != STORAGE_FORMAT_RAW)
        ret->allocation = io->highest_offset;
}

bool vm_get_block_info(Call *call, const DomainGetBlockInfoArgs *args, DomainGetBlockInfoRet *ret, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    if (!vm || !flags_check(call, args->flags, 0, error))
        return false;
    const DomainDisk *disk = vm_disk_find(vm_view_domain(view), args->path);
    VmImageSizes sizes;
    if (!disk)
        return error_set(error, VIR_ERR_INVALID_ARG, "invalid path %s not assigned to domain", args->path);
    if (!disk->source.type || (!disk->source.path && disk->source.type == STORAGE_TYPE_FILE))
        return error_set(error, VIR_ERR_INVALID_ARG, "disk '%s' does not currently have a source assigned", args->path);
    if (!vm_image_sizes(&disk->source, disk->format, &sizes, error))
        return false;
    ret->capacity = sizes.capacity;
    ret->allocation = sizes.allocation;
    ret->physical = sizes.physical;
    if (vm_view_active(view))
        take_node_sizes(vm, view, disk, ret);
    return true;
}

/* virDomainDiskErrorCode of QEMU's word; 0: none. */
static int disk_error(const char *io_status)
{
    if (g_strcmp0(io_status, "nospace") == 0)
        return VIR_DOMAIN_DISK_ERROR_NO_SPACE;
    return g_strcmp0(io_status, "failed") == 0 ? VIR_DOMAIN_DISK_ERROR_UNSPEC : VIR_DOMAIN_DISK_ERROR_NONE;
}

static const DomainDisk *disk_of_block(const Domain *live, JsonObject *block)
{
    const char *qdev = qmp_get_string(block, "qdev");
    g_autofree char *alias = vm_alias_of_device(qdev ? qdev : "");
    for (unsigned i = 0; i < live->n_disks; i++) {
        if (g_strcmp0(live->disks[i]->info.alias, alias) == 0)
            return live->disks[i];
    }
    return NULL;
}

bool vm_get_disk_errors(Call *call, const DomainGetDiskErrorsArgs *args, DomainGetDiskErrorsRet *ret, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    g_autoptr(JsonNode) reply = NULL;
    if (!vm || !flags_check(call, args->flags, 0, error) || !vm_require_active(view, error))
        return false;
    const Domain *live = view->live->domain;
    if (args->maxerrors == 0) {
        ret->nerrors = (int)live->n_disks;
        return true;
    }
    g_autoptr(Qmp) qmp = vm_monitor_ref(vm);
    if (!qmp)
        return error_set(error, VIR_ERR_OPERATION_INVALID, "guest '%s' cannot be reached; see 'domcontrol'",
                         live->name);
    if (!qmp_call(qmp, "query-block", NULL, ANSWER_MS, &reply, error))
        return false;
    JsonArray *list = qmp_node_array(reply);
    ret->errors = g_new0(WireDomainDiskError, live->n_disks);
    for (unsigned i = 0; list && i < json_array_get_length(list); i++) {
        JsonObject *block = qmp_array_object(list, i);
        const DomainDisk *disk = disk_of_block(live, block);
        int code = disk_error(qmp_get_string(block, "io-status"));
        if (!disk || code == VIR_DOMAIN_DISK_ERROR_NONE || ret->n_errors >= MIN(args->maxerrors, live->n_disks))
            continue;
        ret->errors[ret->n_errors++] = (WireDomainDiskError){ g_strdup(disk->target), code };
    }
    ret->nerrors = (int)ret->n_errors;
    return true;
}
