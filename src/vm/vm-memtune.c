/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of the memory that QEMU as a whole may use. */
#include "base/error.h"
#include "rpc/handlers.h"
#include "vm/vm-cgroup.h"
#include "vm/vm-tunable.h"

#define UNLIMITED VIR_DOMAIN_MEMORY_PARAM_UNLIMITED /* KiB; the definition says 0 */

static guint64 *member(const VmTunable *row, Domain *domain)
{
    return (guint64 *)(void *)((char *)domain + row->offset);
}

static guint64 limit_of(const VmTunable *row, const Domain *domain)
{
    guint64 kib = *(const guint64 *)(const void *)((const char *)domain + row->offset);
    return kib ? kib : UNLIMITED;
}

static bool mem_is_set(const VmTunable *row, const Domain *domain)
{
    return limit_of(row, domain) != UNLIMITED;
}

static void mem_read(const VmTunable *row, const Domain *domain, WireParams *params)
{
    wire_params_add_ullong(params, row->field, limit_of(row, domain));
}

/*
 * Version 1 limits memory and swap together, as the definition does, version 2 swap alone. Where the kernel does not
 * account for swap there is no such file, hence no limit.
 */
static bool mem_read_live(const VmTunable *row, Vm *vm, const HostCgroup *group, WireParams *params, GError **error)
{
    guint64 bytes = HOST_CGROUP_UNLIMITED, memory = 0;
    bool of_swap = row->setting == HOST_CGROUP_SWAP_HARD_LIMIT;
    if (group && host_cgroup_has(group, HOST_CGROUP_MEMORY) &&
        !host_cgroup_get(group, row->setting, &bytes, of_swap ? NULL : error) && !of_swap)
        return false;
    if (of_swap && group && group->layout->unified && bytes != HOST_CGROUP_UNLIMITED &&
        host_cgroup_get(group, HOST_CGROUP_MEMORY_HARD_LIMIT, &memory, NULL))
        bytes = memory == HOST_CGROUP_UNLIMITED ? memory : bytes + memory;
    wire_params_add_ullong(params, row->field,
                           bytes == HOST_CGROUP_UNLIMITED ? UNLIMITED : MIN(bytes / 1024, UNLIMITED));
    return true;
}

static bool mem_write(const VmTunable *row, Domain *domain, const WireTypedValue *value, GError **error)
{
    *member(row, domain) = value->ul >= UNLIMITED ? 0 : value->ul;
    return true;
}

static guint64 bytes_of(guint64 kib)
{
    return kib && kib < UNLIMITED ? kib * 1024 : HOST_CGROUP_UNLIMITED;
}

static bool apply_swap(const HostCgroup *group, const Domain *domain, GError **error)
{
    guint64 total = domain->memtune_swap_hard_limit, memory = domain->memtune_hard_limit;
    guint64 kib = total && group->layout->unified ? total - MIN(memory, total) : total;
    guint64 bytes = total && !kib ? 0 : bytes_of(kib);
    return host_cgroup_set(group, HOST_CGROUP_SWAP_HARD_LIMIT, bytes, error);
}

/* Memory alone may not exceed memory with swap at any moment: of two that both rise, that of swap rises first. */
static bool mem_apply(const VmTunable *row, Vm *vm, const HostCgroup *group, const Domain *domain, GError **error)
{
    guint64 bytes = bytes_of(*member(row, (Domain *)domain)), total;
    if (row->setting == HOST_CGROUP_SWAP_HARD_LIMIT)
        return apply_swap(group, domain, error);
    if (row->setting == HOST_CGROUP_MEMORY_HARD_LIMIT && !group->layout->unified &&
        host_cgroup_get(group, HOST_CGROUP_SWAP_HARD_LIMIT, &total, NULL) && bytes > total &&
        !apply_swap(group, domain, error))
        return false;
    return host_cgroup_set(group, row->setting, bytes, error);
}

static bool validate(const Domain *domain, const Domain *last, bool live, GError **error)
{
    guint64 hard = domain->memtune_hard_limit, total = domain->memtune_swap_hard_limit;
    bool changed = hard != last->memtune_hard_limit || total != last->memtune_swap_hard_limit;
    return !changed || !total || (hard && hard <= total) ||
           error_set(error, VIR_ERR_INVALID_ARG,
                     "memory hard_limit tunable value must be lower than or equal to swap_hard_limit");
}

bool vm_get_memory_parameters(Call *call, const DomainGetMemoryParametersArgs *args, DomainGetMemoryParametersRet *ret,
                              GError **error)
{
    return vm_tunables_get(call, &vm_memtune_family, args->nparams, args->flags, &ret->n_params, &ret->params,
                           &ret->nparams, error);
}

bool vm_set_memory_parameters(Call *call, const DomainSetMemoryParametersArgs *args, void *ret, GError **error)
{
    return vm_tunables_set(call, &vm_memtune_family, args->params, args->n_params, args->flags, error);
}

static const VmTunableKind kind = { mem_is_set, mem_read, mem_read_live, NULL, mem_write, mem_apply };

#define LIMIT(NAME, member, SETTING)                                                                                   \
    {                                                                                                                  \
        VIR_DOMAIN_MEMORY_##NAME, "<memtune><" #member ">", NULL, WIRE_VALUE_ULLONG, false, HOST_CGROUP_##SETTING,     \
            offsetof(Domain, memtune_##member), &kind                                                                  \
    }
static const VmTunable rows[] = {
    LIMIT(HARD_LIMIT, hard_limit, MEMORY_HARD_LIMIT),
    LIMIT(SOFT_LIMIT, soft_limit, MEMORY_SOFT_LIMIT),
    LIMIT(SWAP_HARD_LIMIT, swap_hard_limit, SWAP_HARD_LIMIT),
};

const VmTunableFamily vm_memtune_family = { "Memory tuning", HOST_CGROUP_MEMORY, G_N_ELEMENTS(rows), rows, validate };
