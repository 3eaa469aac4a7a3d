/* SPDX-License-Identifier: Apache-2.0 */
/* Memory modules, shared memory, IOMMUs. */
#include "base/error.h"
#include "model/machine.h"
#include "model/rules.h"
#include <string.h>

#define NVDIMM_LABEL_MIN 128 /* KiB */

static bool memory_check(const Domain *domain, const DomainMemory *memory, GError **error)
{
    unsigned cells = domain->cpu ? domain->cpu->n_numa_cells : 0;
    if (!domain->max_memory)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<memory model='%s'>: needs <maxMemory slots='…'>",
                         model_enum_text(&model_enum_memory_model, memory->model));
    if (memory->node_set && cells && memory->node >= cells)
        return error_set(error, VIR_ERR_XML_DETAIL, "<memory>: <node>%u</node>: the guest has %u NUMA cells",
                         memory->node, cells);
    if (!memory->node_set && cells && memory->model != MEMORY_MODEL_VIRTIO_PMEM)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<memory>: <node>, the NUMA cell that it belongs to, is missing");
    if ((memory->model == MEMORY_MODEL_NVDIMM || memory->model == MEMORY_MODEL_VIRTIO_PMEM) && !memory->path)
        return error_set(error, VIR_ERR_XML_DETAIL, "<memory>: <source><path> is missing");
    if (memory->model == MEMORY_MODEL_NVDIMM && memory->uuid)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<memory model='nvdimm'>: <uuid> is for PowerPC guests");
    if (memory->label_size && memory->label_size < NVDIMM_LABEL_MIN)
        return error_set(error, VIR_ERR_XML_ERROR, "<memory model='nvdimm'>: the label needs at least %d KiB",
                         NVDIMM_LABEL_MIN);
    if (memory->block & (memory->block - 1))
        return error_set(error, VIR_ERR_XML_DETAIL,
                         "<memory model='virtio-mem'>: the block size must be a power of two");
    if (memory->block && memory->requested % memory->block)
        return error_set(error, VIR_ERR_XML_DETAIL,
                         "<memory model='virtio-mem'>: 'requested' must be a multiple of the block size");
    if (memory->model == MEMORY_MODEL_NVDIMM && memory->discard == TRI_YES)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<memory model='nvdimm' discard='yes'>: it cannot be discarded");
    return true;
}

bool rule_memories(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_memories; i++) {
        context->at = domain->memories[i];
        if (!memory_check(domain, domain->memories[i], error))
            return false;
    }
    return true;
}

#define SHMEM_DEFAULT_SIZE (4 * 1024 * 1024)

static bool shmem_check(const ModelHost *host, const Domain *domain, const DomainShmem *shmem, GError **error)
{
    if (shmem->msi && !shmem->server && shmem->model != SHMEM_MODEL_IVSHMEM_DOORBELL)
        return error_set(error, VIR_ERR_XML_ERROR, "<shmem name='%s'>: <msi> needs a <server>", shmem->name);
    const char *model = model_enum_text(&model_enum_shmem_model, shmem->model);
    if (!host->has_device(host, domain->emulator, model))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<shmem>: QEMU has no device '%s'; use <model type='ivshmem-plain'/> or 'ivshmem-doorbell'",
                         model);
    if (shmem->model == SHMEM_MODEL_IVSHMEM_DOORBELL && shmem->size)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                         "<shmem name='%s'>: ivshmem-doorbell has no <size>; the server has it", shmem->name);
    if (shmem->model == SHMEM_MODEL_IVSHMEM_PLAIN && shmem->server)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<shmem name='%s'>: ivshmem-plain has no <server>",
                         shmem->name);
    if (shmem->model == SHMEM_MODEL_IVSHMEM_DOORBELL && !shmem->server)
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<shmem name='%s'>: ivshmem-doorbell needs a <server>",
                         shmem->name);
    if (strchr(shmem->name, '/'))
        return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<shmem name='%s'>: '/' is not allowed in it", shmem->name);
    return true;
}

bool rule_shmems(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    for (unsigned i = 0; i < domain->n_shmems; i++) {
        context->at = domain->shmems[i];
        DomainShmem *shmem = domain->shmems[i];
        if (!shmem->model)
            shmem->model = SHMEM_MODEL_IVSHMEM;
        if (!shmem->size && shmem->model == SHMEM_MODEL_IVSHMEM_PLAIN)
            shmem->size = SHMEM_DEFAULT_SIZE;
        if (shmem->model == SHMEM_MODEL_IVSHMEM_DOORBELL)
            shmem->msi = true;
        if (shmem->msi && !shmem->msi_ioeventfd)
            shmem->msi_ioeventfd = TRI_YES;
        if (!shmem_check(context->host, domain, shmem, error))
            return false;
    }
    return true;
}

bool rule_iommus(RuleContext *context, GError **error)
{
    Domain *domain = context->domain;
    if (domain->n_iommus > 1)
        return error_set(error, VIR_ERR_XML_ERROR, "<iommu>: only one is possible");
    for (unsigned i = 0; i < domain->n_iommus; i++) {
        context->at = domain->iommus[i];
        const DomainIommu *iommu = domain->iommus[i];
        const DomainAddress *a = iommu->info.address;
        const char *model = model_enum_text(&model_enum_iommu_model, iommu->model);
        if (!machine_is_q35(domain))
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<iommu model='%s'>: needs machine type 'q35'", model);
        if (iommu->model == IOMMU_MODEL_VIRTIO && a && a->type != ADDRESS_TYPE_PCI)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<iommu model='virtio'>: needs a PCI address");
        if (iommu->model == IOMMU_MODEL_SMMUV3)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<iommu model='smmuv3'>: only ARM guests have it");
        if (iommu->model == IOMMU_MODEL_VIRTIO && !domain->features.acpi)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<iommu model='virtio'>: needs <features><acpi/></features>");
        if (iommu->intremap == TRI_YES && domain->features.ioapic != IOAPIC_DRIVER_QEMU)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED,
                             "<iommu>: intremap='on' needs <features><ioapic driver='qemu'/></features>");
        if (iommu->model == IOMMU_MODEL_INTEL && a)
            return error_set(error, VIR_ERR_XML_ERROR, "<iommu model='intel'>: it has no <address>");
        if (a && a->bus)
            return error_set(error, VIR_ERR_XML_ERROR, "<iommu>: it is part of the chipset and must sit on bus 0");
        if (iommu->eim == TRI_YES && iommu->intremap != TRI_YES)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "<iommu>: eim='on' needs intremap='on'");
    }
    return true;
}
