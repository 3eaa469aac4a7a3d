/* SPDX-License-Identifier: Apache-2.0 */
/* Weight and limits of a guest's I/O on the host's block devices. Clients give lists: "/dev/sda,500,/dev/sdb,300". */
#include "base/error.h"
#include "rpc/handlers.h"
#include "vm/vm-cgroup.h"
#include "vm/vm-tunable.h"

#define DEFAULT_WEIGHT 100

static guint64 device_value(const VmTunable *row, const DomainBlkioDevice *device)
{
    const char *field = (const char *)device + row->offset;
    bool wide = row->setting == HOST_CGROUP_READ_BPS || row->setting == HOST_CGROUP_WRITE_BPS;
    return wide ? *(const guint64 *)(const void *)field : *(const guint32 *)(const void *)field;
}

static bool set_device_value(const VmTunable *row, DomainBlkioDevice *device, guint64 value)
{
    char *field = (char *)device + row->offset;
    bool wide = row->setting == HOST_CGROUP_READ_BPS || row->setting == HOST_CGROUP_WRITE_BPS;
    if (wide)
        *(guint64 *)(void *)field = value;
    else
        *(guint32 *)(void *)field = (guint32)value;
    return wide || value <= G_MAXUINT32;
}

static bool weight_is_set(const VmTunable *row, const Domain *domain)
{
    return domain->blkio && domain->blkio->weight;
}

static void weight_read(const VmTunable *row, const Domain *domain, WireParams *params)
{
    wire_params_add_uint(params, row->field, domain->blkio ? domain->blkio->weight : 0);
}

static bool weight_read_live(const VmTunable *row, Vm *vm, const HostCgroup *group, WireParams *params, GError **error)
{
    guint64 weight = 0;
    /* A kernel without a scheduler that weighs has no such file. */
    if (group && host_cgroup_has(group, HOST_CGROUP_BLKIO))
        host_cgroup_get(group, HOST_CGROUP_BLKIO_WEIGHT, &weight, NULL);
    wire_params_add_uint(params, row->field, (guint32)weight);
    return true;
}

static DomainBlkioTune *ensure_tune(Domain *domain)
{
    if (!domain->blkio)
        domain->blkio = g_new0(DomainBlkioTune, 1);
    return domain->blkio;
}

static bool weight_write(const VmTunable *row, Domain *domain, const WireTypedValue *value, GError **error)
{
    ensure_tune(domain)->weight = value->ui;
    return true;
}

static bool weight_apply(const VmTunable *row, Vm *vm, const HostCgroup *group, const Domain *domain, GError **error)
{
    guint64 weight = domain->blkio ? domain->blkio->weight : 0;
    return host_cgroup_set(group, HOST_CGROUP_BLKIO_WEIGHT, weight ? weight : DEFAULT_WEIGHT, error);
}

static bool devices_is_set(const VmTunable *row, const Domain *domain)
{
    for (unsigned i = 0; domain->blkio && i < domain->blkio->n_devices; i++) {
        if (device_value(row, domain->blkio->devices[i]))
            return true;
    }
    return false;
}

static void devices_read(const VmTunable *row, const Domain *domain, WireParams *params)
{
    g_autoptr(GString) text = g_string_new(NULL);
    for (unsigned i = 0; domain->blkio && i < domain->blkio->n_devices; i++) {
        const DomainBlkioDevice *device = domain->blkio->devices[i];
        guint64 value = device_value(row, device);
        if (value)
            g_string_append_printf(text, "%s%s,%" G_GUINT64_FORMAT, text->len ? "," : "", device->path, value);
    }
    wire_params_add_string(params, row->field, text->str);
}

static DomainBlkioDevice *ensure_device(DomainBlkioTune *tune, const char *path)
{
    for (unsigned i = 0; i < tune->n_devices; i++) {
        if (g_str_equal(tune->devices[i]->path, path))
            return tune->devices[i];
    }
    DomainBlkioDevice *device = g_new0(DomainBlkioDevice, 1);
    device->path = g_strdup(path);
    model_list_insert(&tune->devices, &tune->n_devices, tune->n_devices, device);
    return device;
}

/* Devices that are not in the list keep what they have. */
static bool devices_write(const VmTunable *row, Domain *domain, const WireTypedValue *value, GError **error)
{
    g_auto(GStrv) words = g_strsplit(value->s, ",", -1);
    if (g_strv_length(words) % 2 != 0)
        return error_set(error, VIR_ERR_INVALID_ARG, "invalid device '%s' for parameter '%s': give PATH,VALUE,…",
                         value->s, row->field);
    for (char **word = words; *word; word += 2) {
        guint64 number;
        if (!word[0][0])
            return error_set(error, VIR_ERR_INVALID_ARG, "invalid device '' for parameter '%s'", row->field);
        if (!g_ascii_string_to_unsigned(word[1], 10, 0, G_MAXINT64, &number, NULL) ||
            !set_device_value(row, ensure_device(ensure_tune(domain), word[0]), number))
            return error_set(error, VIR_ERR_INVALID_ARG, "invalid value '%s' for parameter '%s' of device '%s'",
                             word[1], row->field, word[0]);
    }
    return true;
}

static bool devices_apply(const VmTunable *row, Vm *vm, const HostCgroup *group, const Domain *domain, GError **error)
{
    for (unsigned i = 0; domain->blkio && i < domain->blkio->n_devices; i++) {
        const DomainBlkioDevice *device = domain->blkio->devices[i];
        const Domain *last = vm->view && vm->view->live ? vm->view->live->domain : NULL;
        bool was_set = last && last != domain && devices_is_set(row, last);
        guint64 value = device_value(row, device);
        if ((value || was_set) && !host_cgroup_set_device(group, row->setting, device->path, value, error))
            return false;
    }
    return true;
}

bool vm_get_blkio_parameters(Call *call, const DomainGetBlkioParametersArgs *args, DomainGetBlkioParametersRet *ret,
                             GError **error)
{
    return vm_tunables_get(call, &vm_blkiotune_family, args->nparams, args->flags, &ret->n_params, &ret->params,
                           &ret->nparams, error);
}

bool vm_set_blkio_parameters(Call *call, const DomainSetBlkioParametersArgs *args, void *ret, GError **error)
{
    return vm_tunables_set(call, &vm_blkiotune_family, args->params, args->n_params, args->flags, error);
}

static const VmTunableKind weight_kind = { weight_is_set, weight_read,  weight_read_live,
                                           NULL,          weight_write, weight_apply };
static const VmTunableKind devices_kind = { devices_is_set, devices_read, NULL, NULL, devices_write, devices_apply };

#define DEVICES(NAME, element, SETTING, member)                                                                        \
    {                                                                                                                  \
        VIR_DOMAIN_BLKIO_DEVICE_##NAME, "<blkiotune><device><" element ">", NULL, WIRE_VALUE_STRING, false,            \
            HOST_CGROUP_##SETTING, offsetof(DomainBlkioDevice, member), &devices_kind                                  \
    }
static const VmTunable rows[] = {
    { VIR_DOMAIN_BLKIO_WEIGHT, "<blkiotune><weight>", NULL, WIRE_VALUE_UINT, false, 0, 0, &weight_kind },
    DEVICES(WEIGHT, "weight", DEVICE_WEIGHT, weight),
    DEVICES(READ_IOPS, "read_iops_sec", READ_IOPS, read_iops),
    DEVICES(WRITE_IOPS, "write_iops_sec", WRITE_IOPS, write_iops),
    DEVICES(READ_BPS, "read_bytes_sec", READ_BPS, read_bytes),
    DEVICES(WRITE_BPS, "write_bytes_sec", WRITE_BPS, write_bytes),
};

const VmTunableFamily vm_blkiotune_family = { "Block I/O tuning", HOST_CGROUP_BLKIO, G_N_ELEMENTS(rows), rows, NULL };
