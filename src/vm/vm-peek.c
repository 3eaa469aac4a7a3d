/* SPDX-License-Identifier: Apache-2.0 */
/* Looking into a guest's memory and disks. */
#include "base/auto-fd.h"
#include "base/error.h"
#include "base/log.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "vm/vm-monitor.h"
#include "vm/vm-wire.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#define PEEK_MAX 4194304u /* bytes; the wire's limit */

/* Reads exactly @size bytes at @offset. */
static bool read_exactly(int fd, const char *what, uint64_t offset, uint32_t size, WireBytes *ret, GError **error)
{
    g_autofree uint8_t *data = g_malloc(MAX(size, 1));
    for (uint32_t done = 0; done < size;) {
        ssize_t length = pread(fd, data + done, size - done, (off_t)(offset + done));
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0)
            return error_set_errno(error, errno, "read %s", what);
        if (length == 0)
            return error_set(error, VIR_ERR_INVALID_ARG, "%s ends before offset %" G_GUINT64_FORMAT " + %u", what,
                             offset, size);
        done += (uint32_t)length;
    }
    ret->length = size;
    ret->data = g_steal_pointer(&data);
    return true;
}

/*
 * QEMU opens the file for memory by its name alone, so it gets the name of a descriptor of anonymous memory that was
 * handed to it: its user needs no directory to write to, and nothing is left behind.
 */
static bool save_memory(Vm *vm, const DomainMemoryPeekArgs *args, int memory, GError **error)
{
    g_autoptr(JsonNode) reply = NULL;
    if (!qmp_call_with_fd(vm->qmp, "add-fd", NULL, memory, VM_QMP_TIMEOUT_MS, &reply, error))
        return false;
    JsonObject *added = qmp_node_object(reply);
    gint64 set = qmp_get_int(added, "fdset-id", -1);
    g_autofree char *path = g_strdup_printf("/proc/self/fd/%d", (int)qmp_get_int(added, "fd", -1));
    const char *command = args->flags & VIR_MEMORY_PHYSICAL ? "pmemsave" : "memsave";
    JsonObject *order =
        qmp_object("i:val", (gint64)args->offset, "i:size", (gint64)args->size, "s:filename", path, NULL);
    bool done = vm_qmp(vm, command, order, NULL, error);
    g_autoptr(GError) ignored = NULL;
    if (!vm_qmp(vm, "remove-fd", qmp_object("i:fdset-id", set, NULL), NULL, &ignored))
        log_debug("remove-fd: %s", ignored->message);
    return done;
}

bool vm_memory_peek(Call *call, const DomainMemoryPeekArgs *args, DomainMemoryPeekRet *ret, GError **error)
{
    Vm *vm = call->object;
    if (args->flags != VIR_MEMORY_VIRTUAL && args->flags != VIR_MEMORY_PHYSICAL)
        return error_set(error, VIR_ERR_INVALID_ARG, "flags must be either 'virtual' (1) or 'physical' (2), not 0x%x",
                         args->flags);
    if (args->size > PEEK_MAX)
        return error_set(error, VIR_ERR_INVALID_ARG, "at most %u bytes can be read at once, not %u", PEEK_MAX,
                         args->size);
    if (!vm_require_active(vm->view, error))
        return false;
    if (!vm->qmp)
        return vm_qmp(vm, "query-status", NULL, NULL, error); /* says why it cannot be reached */
    auto_fd int memory = memfd_create("lodge-peek", MFD_CLOEXEC);
    if (memory < 0)
        return error_set_errno(error, errno, "make memory to read into");
    return save_memory(vm, args, memory, error) &&
           read_exactly(memory, "the guest's memory", 0, args->size, &ret->buffer, error);
}

static const DomainDisk *find_disk(const Domain *domain, const char *name)
{
    for (unsigned i = 0; i < domain->n_disks; i++) {
        const DomainDisk *disk = domain->disks[i];
        if (g_strcmp0(disk->target, name) == 0 || g_strcmp0(disk->source.path, name) == 0)
            return disk;
    }
    return NULL;
}

/* The bytes of the image file itself, whatever its format. */
bool vm_block_peek(Call *call, const DomainBlockPeekArgs *args, DomainBlockPeekRet *ret, GError **error)
{
    g_autoptr(VmView) view = NULL;
    if (!flags_check(call, args->flags, 0, error))
        return false;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    if (!vm)
        return false;
    if (args->size > PEEK_MAX || args->offset > (uint64_t)G_MAXINT64 - PEEK_MAX)
        return error_set(error, VIR_ERR_INVALID_ARG, "at most %u bytes can be read at once, at an offset below 2^63",
                         PEEK_MAX);
    const DomainDisk *disk = find_disk(vm_view_domain(view), args->path);
    if (!disk)
        return error_set(error, VIR_ERR_INVALID_ARG, "guest '%s' has no disk with target or source '%s'",
                         vm_view_domain(view)->name, args->path);
    bool local = disk->source.type == STORAGE_TYPE_FILE || disk->source.type == STORAGE_TYPE_BLOCK;
    if (!local || !disk->source.path)
        return error_set(error, VIR_ERR_OPERATION_UNSUPPORTED,
                         "disk '%s': only files and block devices can be looked into", disk->target);
    auto_fd int fd = open(disk->source.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return error_set_errno(error, errno, "open '%s'", disk->source.path);
    g_autofree char *what = g_strdup_printf("disk '%s'", disk->source.path);
    return read_exactly(fd, what, args->offset, args->size, &ret->buffer, error);
}
