/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-throttle.h"

#include "qemu/qemu-args.h"
#include "qemu/qmp-object.h"
#include "vm/vm-monitor.h"

#include <stddef.h>

/* What QEMU calls a limit (block_set_io_throttle). */
static const struct {
    const char *name;
    bool required; /* by the command, even as 0: none */
    size_t offset; /* of uint64_t in DomainDiskIotune */
} limits[] = {
    { "bps", true, offsetof(DomainDiskIotune, total_bytes_sec) },
    { "bps_rd", true, offsetof(DomainDiskIotune, read_bytes_sec) },
    { "bps_wr", true, offsetof(DomainDiskIotune, write_bytes_sec) },
    { "iops", true, offsetof(DomainDiskIotune, total_iops_sec) },
    { "iops_rd", true, offsetof(DomainDiskIotune, read_iops_sec) },
    { "iops_wr", true, offsetof(DomainDiskIotune, write_iops_sec) },
    { "bps_max", false, offsetof(DomainDiskIotune, total_bytes_sec_max) },
    { "bps_rd_max", false, offsetof(DomainDiskIotune, read_bytes_sec_max) },
    { "bps_wr_max", false, offsetof(DomainDiskIotune, write_bytes_sec_max) },
    { "iops_max", false, offsetof(DomainDiskIotune, total_iops_sec_max) },
    { "iops_rd_max", false, offsetof(DomainDiskIotune, read_iops_sec_max) },
    { "iops_wr_max", false, offsetof(DomainDiskIotune, write_iops_sec_max) },
    { "iops_size", false, offsetof(DomainDiskIotune, size_iops_sec) },
    { "bps_max_length", false, offsetof(DomainDiskIotune, total_bytes_sec_max_length) },
    { "bps_rd_max_length", false, offsetof(DomainDiskIotune, read_bytes_sec_max_length) },
    { "bps_wr_max_length", false, offsetof(DomainDiskIotune, write_bytes_sec_max_length) },
    { "iops_max_length", false, offsetof(DomainDiskIotune, total_iops_sec_max_length) },
    { "iops_rd_max_length", false, offsetof(DomainDiskIotune, read_iops_sec_max_length) },
    { "iops_wr_max_length", false, offsetof(DomainDiskIotune, write_iops_sec_max_length) },
};

bool vm_throttle_apply(Vm *vm, const DomainDisk *disk, GError **error)
{
    static const DomainDiskIotune none;
    const DomainDiskIotune *iotune = disk->iotune ? disk->iotune : &none;
    g_autofree char *id = qemu_disk_front_end(disk);
    JsonObject *args = qmp_object("s:id", id, "s:group", iotune->group_name, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(limits); i++) {
        uint64_t value = *(const uint64_t *)(const void *)((const char *)iotune + limits[i].offset);
        if (value || limits[i].required)
            json_object_set_int_member(args, limits[i].name, (gint64)value);
    }
    return vm_qmp(vm, "block_set_io_throttle", args, NULL, error);
}

bool vm_throttle_apply_all(Vm *vm, GError **error)
{
    const Domain *live = vm->view->live->domain;
    for (unsigned i = 0; i < live->n_disks; i++) {
        /* A drive without a medium gets its limits with the medium. */
        if (live->disks[i]->iotune && live->disks[i]->source.index && !vm_throttle_apply(vm, live->disks[i], error))
            return false;
    }
    return true;
}
