/* SPDX-License-Identifier: Apache-2.0 */
/* The device lists of a guest, walked alike. Any thread. */
#pragma once
#include "model/domain-types.h"

typedef struct {
    const char *element; /* <disk> */
    const ModelStruct *type;
    uint16_t list_offset; /* of T ** in Domain */
    uint16_t count_offset;
    uint16_t info_offset; /* of DomainDeviceInfo in T, or MODEL_NO_OFFSET */
} DomainDeviceRow;

/* In the order of XML. */
extern const DomainDeviceRow domain_device_rows[DOMAIN_DEVICE_COUNT];

static inline unsigned *domain_device_count(const DomainDeviceRow *row, const Domain *domain)
{
    return (unsigned *)((char *)domain + row->count_offset);
}

static inline void **domain_device_list(const DomainDeviceRow *row, const Domain *domain)
{
    return *(void ***)((char *)domain + row->list_offset);
}

static inline DomainDeviceInfo *domain_device_info(const DomainDeviceRow *row, void *device)
{
    return row->info_offset == MODEL_NO_OFFSET ? NULL : (DomainDeviceInfo *)((char *)device + row->info_offset);
}
