/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-throttle.h"

#include "base/error.h"
#include "qemu/qemu-args.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "rpc/wire-params.h"
#include "vm/vm-define.h"
#include "vm/vm-events.h"
#include "vm/vm-monitor.h"
#include "vm/vm-wire.h"

#define VALUE_MAX 1000000000000000 /* QEMU's own */

/* Rows of one kind are given together: setting one of them sets the others to 0. */
typedef enum { BYTES, IOPS, BYTES_MAX, IOPS_MAX, BYTES_LENGTH, IOPS_LENGTH, SIZE } Kind;

typedef struct {
    const char *field; /* of the typed parameter, and in the XML */
    const char *event; /* in the tunable event */
    const char *qmp;   /* of block_set_io_throttle and query-block */
    Kind kind;
    bool is_total;
    size_t offset; /* in DomainDiskIotune */
} ThrottleRow;

static const ThrottleRow throttle_rows[];
static const unsigned n_throttle_rows;

static guint64 *member(DomainDiskIotune *tune, const ThrottleRow *row)
{
    return (guint64 *)(void *)((char *)tune + row->offset);
}

static guint64 value_of(const DomainDiskIotune *tune, const ThrottleRow *row)
{
    return tune ? *(const guint64 *)(const void *)((const char *)tune + row->offset) : 0;
}

static const ThrottleRow *find_row(const char *field)
{
    for (unsigned i = 0; i < n_throttle_rows; i++) {
        if (g_str_equal(throttle_rows[i].field, field))
            return &throttle_rows[i];
    }
    return NULL;
}

static DomainDisk *find_disk(const Domain *domain, const char *path, GError **error)
{
    for (unsigned i = 0; i < domain->n_disks; i++) {
        DomainDisk *disk = domain->disks[i];
        if (g_strcmp0(disk->target, path) == 0 || g_strcmp0(disk->source.path, path) == 0)
            return disk;
    }
    error_set(error, VIR_ERR_INVALID_ARG, "disk '%s' was not found in the domain: see domblklist", path);
    return NULL;
}

/* QEMU wants the six rates always, of the rest only what is set. */
bool vm_throttle_apply(Vm *vm, const DomainDisk *disk, GError **error)
{
    const DomainDiskIotune *tune = disk->iotune;
    g_autofree char *id = qemu_disk_front_end(disk);
    JsonObject *args = qmp_object("s:id", id, "s:group", tune ? tune->group_name : NULL, NULL);
    for (unsigned i = 0; i < n_throttle_rows; i++) {
        const ThrottleRow *row = &throttle_rows[i];
        guint64 value = value_of(tune, row);
        if (row->kind == BYTES || row->kind == IOPS || value)
            json_object_set_int_member(args, row->qmp, (gint64)value);
    }
    return vm_qmp(vm, "block_set_io_throttle", args, NULL, error);
}

bool vm_throttle_apply_all(Vm *vm, GError **error)
{
    const Domain *live = vm->view->live->domain;
    for (unsigned i = 0; i < live->n_disks; i++) {
        const DomainDisk *disk = live->disks[i];
        g_autoptr(GError) why = NULL;
        /* A drive without a medium gets its limits with the medium. */
        if (disk->iotune && disk->source.index && !vm_throttle_apply(vm, disk, &why))
            return error_set(error, why->code, "<iotune> of disk '%s': %s", disk->target, why->message);
    }
    return true;
}

/* The throttling of @disk as query-block tells it; NULL: the drive is empty. */
static JsonObject *find_inserted(JsonNode *reply, const DomainDisk *disk)
{
    JsonArray *list = qmp_node_array(reply);
    g_autofree char *id = qemu_disk_front_end(disk);
    for (unsigned i = 0; list && i < json_array_get_length(list); i++) {
        JsonObject *object = qmp_array_object(list, i);
        if (g_strcmp0(qmp_get_string(object, "qdev"), id) == 0)
            return qmp_get_object(object, "inserted");
    }
    return NULL;
}

static void add_values(const DomainDiskIotune *tune, JsonObject *inserted, unsigned limit, WireParams *params)
{
    for (unsigned i = 0; i < n_throttle_rows && wire_params_count(params) < limit; i++) {
        const ThrottleRow *row = &throttle_rows[i];
        guint64 value = inserted ? (guint64)qmp_get_int(inserted, row->qmp, 0) : value_of(tune, row);
        wire_params_add_ullong(params, row->field, value);
        if (row->kind != SIZE || wire_params_count(params) >= limit)
            continue;
        /* Clients know it at this place of the list. */
        const char *group = inserted ? qmp_get_string(inserted, "group") : tune ? tune->group_name : NULL;
        wire_params_add_string(params, VIR_DOMAIN_BLOCK_IOTUNE_GROUP_NAME, group ? group : "");
    }
}

bool vm_get_block_io_tune(Call *call, const DomainGetBlockIoTuneArgs *args, DomainGetBlockIoTuneRet *ret,
                          GError **error)
{
    Vm *vm = call->object;
    unsigned string_okay = VIR_TYPED_PARAM_STRING_OKAY;
    const Domain *domain;
    bool live;
    if (!flags_check(call, args->flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | string_okay, error) ||
        !vm_target_domain(vm->view, args->flags & ~string_okay, &domain, &live, error))
        return false;
    ret->nparams = (int)n_throttle_rows + 1;
    if (args->nparams == 0)
        return true;
    const DomainDisk *disk = find_disk(domain, args->disk ? args->disk : "", error);
    g_autoptr(JsonNode) reply = NULL;
    if (!disk || (live && !vm_qmp(vm, "query-block", NULL, &reply, error)))
        return false;
    g_autoptr(WireParams) params = wire_params_new();
    JsonObject *inserted = live ? find_inserted(reply, disk) : NULL;
    add_values(disk->iotune, inserted, (unsigned)MAX(args->nparams, 0), params);
    ret->nparams = (int)wire_params_count(params);
    wire_params_steal(params, &ret->n_params, &ret->params);
    return true;
}

static bool check_params(const DomainSetBlockIoTuneArgs *args, GError **error)
{
    static const char *const names[] = {
        [BYTES] = "bytes_sec", [IOPS] = "iops_sec", [BYTES_MAX] = "bytes_sec_max", [IOPS_MAX] = "iops_sec_max"
    };
    bool total[SIZE + 1] = { 0 }, part[SIZE + 1] = { 0 };
    WireParamRule rules[32] = { { VIR_DOMAIN_BLOCK_IOTUNE_GROUP_NAME, WIRE_VALUE_STRING } };
    for (unsigned i = 0; i < n_throttle_rows; i++)
        rules[i + 1] = (WireParamRule){ throttle_rows[i].field, WIRE_VALUE_ULLONG };
    if (!wire_params_check(args->params, args->n_params, rules, error))
        return false;
    for (unsigned i = 0; i < args->n_params; i++) {
        const ThrottleRow *row = find_row(args->params[i].field);
        if (!row)
            continue;
        if (args->params[i].value.ul > VALUE_MAX)
            return error_set(error, VIR_ERR_ARGUMENT_UNSUPPORTED,
                             "block I/O throttle limit value must be no more than %" G_GINT64_FORMAT,
                             (gint64)VALUE_MAX);
        if (args->params[i].value.ul)
            (row->is_total ? total : part)[row->kind] = true;
    }
    for (unsigned kind = 0; kind < G_N_ELEMENTS(names); kind++) {
        if (total[kind] && part[kind])
            return error_set(error, VIR_ERR_INVALID_ARG, "total and read/write of %s cannot be set at the same time",
                             names[kind]);
    }
    return true;
}

/* The limits of another disk in group @name; NULL: it has no other. */
static const DomainDiskIotune *find_group(const Domain *domain, const DomainDisk *disk, const char *name)
{
    for (unsigned i = 0; i < domain->n_disks; i++) {
        const DomainDisk *other = domain->disks[i];
        if (other != disk && other->iotune && name && g_strcmp0(other->iotune->group_name, name) == 0)
            return other->iotune;
    }
    return NULL;
}

static void copy_values(DomainDiskIotune *to, const DomainDiskIotune *from)
{
    for (unsigned i = 0; i < n_throttle_rows; i++)
        *member(to, &throttle_rows[i]) = value_of(from, &throttle_rows[i]);
}

/* A group's disks share its limits: who joins one without limits of its own takes them over, else all get the new. */
static void share_group(Domain *domain, const DomainDisk *disk, bool limits_given)
{
    const char *name = disk->iotune->group_name;
    const DomainDiskIotune *group = find_group(domain, disk, name);
    if (group && !limits_given)
        copy_values(disk->iotune, group);
    for (unsigned i = 0; group && i < domain->n_disks; i++) {
        DomainDiskIotune *other = domain->disks[i]->iotune;
        if (other && other != disk->iotune && g_strcmp0(other->group_name, name) == 0)
            copy_values(other, disk->iotune);
    }
}

static bool change_throttle(Domain *domain, gconstpointer data, GError **error)
{
    const DomainSetBlockIoTuneArgs *args = data;
    DomainDisk *disk = find_disk(domain, args->disk, error);
    bool given[SIZE + 1] = { 0 }, limits_given = false;
    if (!disk)
        return false;
    if (!disk->iotune)
        disk->iotune = g_new0(DomainDiskIotune, 1);
    for (unsigned i = 0; i < args->n_params; i++) {
        const ThrottleRow *row = find_row(args->params[i].field);
        if (row)
            given[row->kind] = limits_given = true;
    }
    for (unsigned i = 0; i < n_throttle_rows; i++) {
        if (given[throttle_rows[i].kind])
            *member(disk->iotune, &throttle_rows[i]) = 0;
    }
    for (unsigned i = 0; i < args->n_params; i++) {
        const ThrottleRow *row = find_row(args->params[i].field);
        if (row) {
            *member(disk->iotune, row) = args->params[i].value.ul;
        } else {
            g_free(disk->iotune->group_name);
            disk->iotune->group_name = args->params[i].value.s[0] ? g_strdup(args->params[i].value.s) : NULL;
        }
    }
    share_group(domain, disk, limits_given);
    return true;
}

/* A burst is above its rate; QEMU's own words for that are hard to understand. */
static bool check_bursts(const DomainDiskIotune *next, const DomainDiskIotune *last, GError **error)
{
    for (unsigned i = 0; i < n_throttle_rows; i++) {
        const ThrottleRow *row = &throttle_rows[i];
        if (row->kind != BYTES && row->kind != IOPS)
            continue;
        g_autofree char *burst_field = g_strconcat(row->field, "_max", NULL);
        guint64 rate = value_of(next, row), burst = value_of(next, find_row(burst_field));
        if (burst && !rate && value_of(last, row))
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "cannot reset '%s' when '%s' is set", row->field,
                             burst_field);
        if (burst && burst < rate)
            return error_set(error, VIR_ERR_CONFIG_UNSUPPORTED, "value '%s' cannot be smaller than '%s'", burst_field,
                             row->field);
    }
    return true;
}

static bool set_live(Vm *vm, const DomainSetBlockIoTuneArgs *args, GError **error)
{
    const Domain *last = vm->view->live->domain;
    g_autoptr(Domain) next = domain_copy(last);
    if (!change_throttle(next, args, error))
        return false;
    const DomainDisk *disk = find_disk(next, args->disk, error);
    return check_bursts(disk->iotune, find_disk(last, args->disk, error)->iotune, error) &&
           (!disk->source.index || vm_throttle_apply(vm, disk, error));
}

static void emit(Vm *vm, const DomainSetBlockIoTuneArgs *args)
{
    g_autoptr(WireParams) told = wire_params_new();
    const DomainDisk *disk = find_disk(vm->view->live->domain, args->disk, NULL);
    wire_params_add_string(told, VIR_DOMAIN_TUNABLE_BLKDEV_DISK, disk->target);
    for (unsigned i = 0; i < args->n_params; i++) {
        const ThrottleRow *row = find_row(args->params[i].field);
        if (row)
            wire_params_add_ullong(told, row->event, args->params[i].value.ul);
        else
            wire_params_add_string(told, VIR_DOMAIN_TUNABLE_BLKDEV_GROUP_NAME, args->params[i].value.s);
    }
    vm_emit_tunables(vm, told);
}

bool vm_set_block_io_tune(Call *call, const DomainSetBlockIoTuneArgs *args, void *ret, GError **error)
{
    Vm *vm = call->object;
    VmTargets targets;
    unsigned string_okay = VIR_TYPED_PARAM_STRING_OKAY;
    if (!flags_check(call, args->flags, VIR_DOMAIN_AFFECT_LIVE | VIR_DOMAIN_AFFECT_CONFIG | string_okay, error) ||
        !check_params(args, error) || !vm_targets(vm->view, args->flags & ~string_okay, &targets, error))
        return false;
    if (targets.config && !find_disk(vm->view->config->domain, args->disk, error))
        return false;
    if ((targets.live && !set_live(vm, args, error)) || !vm_change(vm, targets, change_throttle, args, error))
        return false;
    if (targets.live)
        emit(vm, args);
    return true;
}

#define ROW(NAME, member, qmp, kind, total)                                                                            \
    {                                                                                                                  \
        VIR_DOMAIN_BLOCK_IOTUNE_##NAME, VIR_DOMAIN_TUNABLE_BLKDEV_##NAME, qmp, kind, total,                            \
            offsetof(DomainDiskIotune, member)                                                                         \
    }
/* In the order in which clients get them. */
static const ThrottleRow throttle_rows[] = {
    ROW(TOTAL_BYTES_SEC, total_bytes_sec, "bps", BYTES, true),
    ROW(READ_BYTES_SEC, read_bytes_sec, "bps_rd", BYTES, false),
    ROW(WRITE_BYTES_SEC, write_bytes_sec, "bps_wr", BYTES, false),
    ROW(TOTAL_IOPS_SEC, total_iops_sec, "iops", IOPS, true),
    ROW(READ_IOPS_SEC, read_iops_sec, "iops_rd", IOPS, false),
    ROW(WRITE_IOPS_SEC, write_iops_sec, "iops_wr", IOPS, false),
    ROW(TOTAL_BYTES_SEC_MAX, total_bytes_sec_max, "bps_max", BYTES_MAX, true),
    ROW(READ_BYTES_SEC_MAX, read_bytes_sec_max, "bps_rd_max", BYTES_MAX, false),
    ROW(WRITE_BYTES_SEC_MAX, write_bytes_sec_max, "bps_wr_max", BYTES_MAX, false),
    ROW(TOTAL_IOPS_SEC_MAX, total_iops_sec_max, "iops_max", IOPS_MAX, true),
    ROW(READ_IOPS_SEC_MAX, read_iops_sec_max, "iops_rd_max", IOPS_MAX, false),
    ROW(WRITE_IOPS_SEC_MAX, write_iops_sec_max, "iops_wr_max", IOPS_MAX, false),
    ROW(SIZE_IOPS_SEC, size_iops_sec, "iops_size", SIZE, false),
    ROW(TOTAL_BYTES_SEC_MAX_LENGTH, total_bytes_sec_max_length, "bps_max_length", BYTES_LENGTH, true),
    ROW(READ_BYTES_SEC_MAX_LENGTH, read_bytes_sec_max_length, "bps_rd_max_length", BYTES_LENGTH, false),
    ROW(WRITE_BYTES_SEC_MAX_LENGTH, write_bytes_sec_max_length, "bps_wr_max_length", BYTES_LENGTH, false),
    ROW(TOTAL_IOPS_SEC_MAX_LENGTH, total_iops_sec_max_length, "iops_max_length", IOPS_LENGTH, true),
    ROW(READ_IOPS_SEC_MAX_LENGTH, read_iops_sec_max_length, "iops_rd_max_length", IOPS_LENGTH, false),
    ROW(WRITE_IOPS_SEC_MAX_LENGTH, write_iops_sec_max_length, "iops_wr_max_length", IOPS_LENGTH, false),
};
static const unsigned n_throttle_rows = G_N_ELEMENTS(throttle_rows);
