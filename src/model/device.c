/* SPDX-License-Identifier: Apache-2.0 */
/* Single devices: parsed alone, added to a guest, taken out, found again. */
#include "base/error.h"
#include "model/disk-name.h"
#include "model/document.h"
#include "model/domain.h"
#include "model/rules.h"
#include <string.h>

static const DomainDeviceRow *device_row_by_element(const char *element, DomainDeviceKind *ret_kind)
{
    for (unsigned kind = 0; kind < DOMAIN_DEVICE_COUNT; kind++) {
        if (!strcmp(domain_device_rows[kind].element, element)) {
            *ret_kind = kind;
            return &domain_device_rows[kind];
        }
    }
    return NULL;
}

static void *device_read(const char *xml, gssize length, DomainDeviceKind *ret_kind, GPtrArray *warnings,
                         GError **error)
{
    g_autoptr(xmlDoc) document = document_read(xml, length, "device", error);
    if (!document)
        return NULL;
    xmlNode *root = xmlDocGetRootElement(document);
    const DomainDeviceRow *row = root->ns ? NULL : device_row_by_element((const char *)root->name, ret_kind);
    if (!row) {
        error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "unknown device type '%s': expected <disk>, <interface>, …",
                  root->name);
        return NULL;
    }
    void *device = g_malloc0(row->type->size);
    if (model_parse(row->type, root, device, 0, warnings, error))
        return device;
    model_free(row->type, device);
    return NULL;
}

static void device_list_insert(const DomainDeviceRow *row, Domain *domain, unsigned position, void *device)
{
    model_list_insert((char *)domain + row->list_offset, domain_device_count(row, domain), position, device);
}

/* A guest of the same machine with nothing but the device, so that its family's rules see only it. */
static Domain *device_stage(const Domain *domain, DomainDeviceKind kind, void *device)
{
    Domain *stage = g_new0(Domain, 1);
    stage->virt_type = domain->virt_type;
    stage->max_vcpus = domain->max_vcpus;
    stage->emulator = g_strdup(domain->emulator);
    stage->os.os_type = domain->os.os_type;
    stage->os.arch = g_strdup(domain->os.arch);
    stage->os.machine = g_strdup(domain->os.machine);
    device_list_insert(&domain_device_rows[kind], stage, 0, device);
    return stage;
}

void *domain_device_parse(const char *xml, gssize length, const Domain *domain, const ModelHost *host,
                          DomainDeviceKind *ret_kind, GPtrArray **ret_warnings, GError **error)
{
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    DomainDeviceKind kind;
    void *device = device_read(xml, length, &kind, warnings, error);
    if (!device)
        return NULL;
    g_autoptr(Domain) stage = device_stage(domain, kind, device);
    RuleContext context = { .domain = stage, .host = host };
    if (!rules_run_device(&context, error))
        return NULL;
    const DomainDeviceRow *row = &domain_device_rows[kind];
    unsigned at = 0;
    while (domain_device_list(row, stage)[at] != device)
        at++;
    model_list_steal((char *)stage + row->list_offset, domain_device_count(row, stage), at);
    if (kind == DOMAIN_DEVICE_VIDEOS && domain->n_videos)
        ((DomainVideo *)device)->primary = TRI_UNSET;
    *ret_kind = kind;
    if (ret_warnings)
        *ret_warnings = g_steal_pointer(&warnings);
    return device;
}

char *domain_device_format(DomainDeviceKind kind, const void *device, DomainFormatFlags flags)
{
    const DomainDeviceRow *row = &domain_device_rows[kind];
    GString *out = g_string_new(NULL);
    ModelFormatFlags model_flags = (flags & DOMAIN_FORMAT_ACTIVE ? MODEL_FORMAT_ACTIVE : 0) |
                                   (flags & DOMAIN_FORMAT_SECURE ? MODEL_FORMAT_SECURE : 0);
    model_format(row->type, row->element, device, model_flags, 0, out);
    return g_string_free(out, false);
}

void domain_device_free(DomainDeviceKind kind, void *device)
{
    model_free(domain_device_rows[kind].type, device);
}

void *domain_device_copy(DomainDeviceKind kind, const void *device)
{
    return model_copy(domain_device_rows[kind].type, device);
}

static void device_swap(Domain *a, Domain *b)
{
    Domain saved = *a;
    *a = *b;
    *b = saved;
}

bool domain_complete(Domain *domain, DomainParseFlags flags, const ModelHost *host, GError **error)
{
    g_autoptr(Domain) copy = domain_copy(domain);
    RuleContext context = { .domain = copy, .host = host, .flags = flags };
    if (!rules_run(&context, error))
        return false;
    device_swap(domain, copy);
    return true;
}

void *domain_device_add(Domain *domain, DomainDeviceKind kind, const void *device, DomainParseFlags flags,
                        const ModelHost *host, GError **error)
{
    const DomainDeviceRow *row = &domain_device_rows[kind];
    g_autoptr(Domain) copy = domain_copy(domain);
    void *added = model_copy(row->type, device);
    device_list_insert(row, copy, *domain_device_count(row, copy), added);
    RuleContext context = { .domain = copy, .host = host, .flags = flags };
    if (!rules_run(&context, error))
        return NULL;
    device_swap(domain, copy);
    return added;
}

bool domain_device_remove(Domain *domain, DomainDeviceKind kind, const void *device)
{
    const DomainDeviceRow *row = &domain_device_rows[kind];
    unsigned *n = domain_device_count(row, domain);
    for (unsigned i = 0; i < *n; i++) {
        if (domain_device_list(row, domain)[i] != device)
            continue;
        model_list_steal((char *)domain + row->list_offset, n, i);
        return true;
    }
    return false;
}

static bool device_same_hostdev(const DomainHostdev *a, const DomainHostdev *b)
{
    g_autofree DomainHostdev *x = g_memdup2(a, sizeof *a), *y = g_memdup2(b, sizeof *b);
    memset(&x->info, 0, sizeof x->info);
    memset(&y->info, 0, sizeof y->info);
    return model_equal(&model_domain_hostdev, x, y);
}

/* By the port that the guest sees; what the wanted one does not say of its host side may be anything. */
static bool device_same_chardev(const DomainChardev *wanted, const DomainChardev *there)
{
    const ChardevSource *a = &wanted->source, *b = &there->source;
    return (!wanted->target_type || wanted->target_type == there->target_type) &&
           (!wanted->name || !g_strcmp0(wanted->name, there->name)) &&
           (!wanted->port_set || wanted->port == there->port) && a->type == b->type &&
           (!a->path || !g_strcmp0(a->path, b->path)) && (!a->host || !g_strcmp0(a->host, b->host)) &&
           (!a->service || !g_strcmp0(a->service, b->service));
}

/* Whether both name the same device of a guest, by what its kind is known by. */
static bool device_same(DomainDeviceKind kind, const void *wanted, const void *there)
{
    switch (kind) {
    case DOMAIN_DEVICE_DISKS:
        return !g_strcmp0(((const DomainDisk *)wanted)->target, ((const DomainDisk *)there)->target);
    case DOMAIN_DEVICE_INTERFACES: {
        const DomainInterface *a = wanted, *b = there;
        return a->mac_set && !memcmp(&a->mac, &b->mac, sizeof a->mac);
    }
    case DOMAIN_DEVICE_CONTROLLERS: {
        const DomainController *a = wanted, *b = there;
        return a->type == b->type && a->index == b->index;
    }
    case DOMAIN_DEVICE_FILESYSTEMS:
        return !g_strcmp0(((const DomainFilesystem *)wanted)->target, ((const DomainFilesystem *)there)->target);
    case DOMAIN_DEVICE_LEASES: return !g_strcmp0(((const DomainLease *)wanted)->key, ((const DomainLease *)there)->key);
    case DOMAIN_DEVICE_GRAPHICS: return ((const DomainGraphics *)wanted)->type == ((const DomainGraphics *)there)->type;
    case DOMAIN_DEVICE_SHMEMS:
        return !g_strcmp0(((const DomainShmem *)wanted)->name, ((const DomainShmem *)there)->name);
    case DOMAIN_DEVICE_HOSTDEVS: return device_same_hostdev(wanted, there);
    case DOMAIN_DEVICE_SERIALS:
    case DOMAIN_DEVICE_PARALLELS:
    case DOMAIN_DEVICE_CONSOLES:
    case DOMAIN_DEVICE_CHANNELS: return device_same_chardev(wanted, there);
    default: break;
    }
    const DomainDeviceRow *row = &domain_device_rows[kind];
    g_autofree void *a = g_memdup2(wanted, row->type->size), *b = g_memdup2(there, row->type->size);
    DomainDeviceInfo *info = domain_device_info(row, a), *other = domain_device_info(row, b);
    if (info && other) { /* what the wanted one does not say may be anything */
        if (!info->address)
            other->address = NULL;
        if (!info->alias)
            other->alias = NULL;
    }
    return model_equal(row->type, a, b);
}

void *domain_device_find(const Domain *domain, DomainDeviceKind kind, const void *device)
{
    const DomainDeviceRow *row = &domain_device_rows[kind];
    void **devices = domain_device_list(row, domain);
    const DomainDeviceInfo *info = domain_device_info(row, (void *)device);
    for (unsigned i = 0; i < *domain_device_count(row, domain); i++) {
        const DomainDeviceInfo *other = domain_device_info(row, devices[i]);
        if (info && info->alias && other && other->alias ? !strcmp(info->alias, other->alias)
                                                         : device_same(kind, device, devices[i]))
            return devices[i];
    }
    return NULL;
}
