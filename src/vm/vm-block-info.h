/* SPDX-License-Identifier: Apache-2.0 */
/* Sizes of disk images, and the disk that a client means. Any thread but the main loop: files are looked at. */
#pragma once
#include "vm/vm.h"

typedef struct {
    uint64_t capacity;   /* bytes that the guest sees */
    uint64_t allocation; /* bytes that it takes on the host */
    uint64_t physical;   /* bytes from the image's first to its last */
} VmImageSizes;

/* Of a local file or block device; VIR_ERR_OPERATION_FAILED for others, VIR_ERR_SYSTEM_ERROR if it cannot be read. */
bool vm_image_sizes(const StorageSource *source, StorageFormat format, VmImageSizes *ret_sizes, GError **error);
/* The disk with that target ("vda") or source path; NULL if there is none. */
const DomainDisk *vm_disk_find(const Domain *domain, const char *name);
