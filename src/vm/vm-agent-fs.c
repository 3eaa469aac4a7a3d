/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-agent-fs.h"

#include "base/error.h"
#include "qemu/qmp-object.h"
#include "rpc/handlers.h"
#include "vm/vm-agent.h"
#include "vm/vm-wire.h"

#define LIST_MAX 256 /* of what one reply may name: the wire's own limit for devices of a filesystem */

static bool pci_equal(const DomainAddress *address, JsonObject *pci)
{
    return address && address->type == ADDRESS_TYPE_PCI && qmp_get_int(pci, "domain", -1) == address->domain &&
           qmp_get_int(pci, "bus", -1) == address->bus && qmp_get_int(pci, "slot", -1) == address->slot &&
           qmp_get_int(pci, "function", -1) == address->function;
}

/* Whether the controller of a disk with a drive address is the one at @pci; one without an address is built in. */
static bool controller_matches(const Domain *live, const DomainDisk *disk, JsonObject *pci)
{
    for (unsigned i = 0; i < live->n_controllers; i++) {
        const DomainController *controller = live->controllers[i];
        if (pci_equal(controller->info.address, pci))
            return controller->index == (int)disk->info.address->controller &&
                   ((controller->type == CONTROLLER_TYPE_SCSI && disk->bus == DISK_BUS_SCSI) ||
                    (controller->type == CONTROLLER_TYPE_SATA && disk->bus == DISK_BUS_SATA) ||
                    (controller->type == CONTROLLER_TYPE_IDE && disk->bus == DISK_BUS_IDE));
    }
    return false;
}

const char *vm_agent_disk_target(const Domain *live, JsonObject *disk)
{
    JsonObject *pci = qmp_get_object(disk, "pci-controller");
    for (unsigned i = 0; pci && i < live->n_disks; i++) {
        const DomainDisk *candidate = live->disks[i];
        const DomainAddress *address = candidate->info.address;
        if (pci_equal(address, pci))
            return candidate->target;
        if (address && address->type == ADDRESS_TYPE_DRIVE && controller_matches(live, candidate, pci) &&
            qmp_get_int(disk, "bus", -1) == address->bus && qmp_get_int(disk, "target", -1) == address->target &&
            qmp_get_int(disk, "unit", -1) == address->unit)
            return candidate->target;
    }
    return NULL;
}

static void fill_filesystem(const Domain *live, JsonObject *object, WireDomainFsinfo *info)
{
    JsonArray *disks = qmp_get_array(object, "disk");
    unsigned count = disks ? MIN(json_array_get_length(disks), LIST_MAX) : 0;
    info->mountpoint = g_strdup(qmp_get_string(object, "mountpoint"));
    info->name = g_strdup(qmp_get_string(object, "name"));
    info->fstype = g_strdup(qmp_get_string(object, "type"));
    info->dev_aliases = g_new0(char *, MAX(count, 1u));
    for (unsigned i = 0; i < count; i++) {
        const char *target = vm_agent_disk_target(live, qmp_array_object(disks, i));
        if (target)
            info->dev_aliases[info->n_dev_aliases++] = g_strdup(target);
    }
}

static bool is_filesystem(JsonObject *object)
{
    return qmp_get_string(object, "mountpoint") && qmp_get_string(object, "name") && qmp_get_string(object, "type");
}

bool vm_get_fsinfo(Call *call, const DomainGetFsinfoArgs *args, DomainGetFsinfoRet *ret, GError **error)
{
    g_autoptr(VmView) view = NULL;
    g_autoptr(Vm) vm = wire_domain_find(call, &args->dom, &view, error);
    g_autoptr(JsonNode) reply = NULL;
    if (!vm || !flags_check(call, args->flags, 0, error) || !vm_require_active(view, error) ||
        !vm_agent_call(vm, "guest-get-fsinfo", NULL, &reply, error))
        return false;
    JsonArray *list = qmp_node_array(reply);
    unsigned count = list ? MIN(json_array_get_length(list), LIST_MAX) : 0;
    ret->info = g_new0(WireDomainFsinfo, MAX(count, 1u));
    for (unsigned i = 0; i < count; i++) {
        JsonObject *object = qmp_array_object(list, i);
        if (is_filesystem(object))
            fill_filesystem(view->live->domain, object, &ret->info[ret->n_info++]);
    }
    ret->ret = ret->n_info;
    return true;
}

static void add_string(WireParams *params, JsonObject *object, const char *key, const char *format, ...)
    G_GNUC_PRINTF(4, 5);
static void add_string(WireParams *params, JsonObject *object, const char *key, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *field = g_strdup_vprintf(format, args);
    va_end(args);
    wire_params_add_string(params, field, qmp_get_string(object, key));
}

static void add_size(WireParams *params, JsonObject *object, const char *key, unsigned index)
{
    g_autofree char *field = g_strdup_printf("fs.%u.%s", index, key);
    gint64 bytes = qmp_get_int(object, key, -1);
    if (bytes >= 0)
        wire_params_add_ullong(params, field, (uint64_t)bytes);
}

static void add_filesystem(const Domain *live, JsonObject *object, unsigned index, WireParams *params)
{
    JsonArray *disks = qmp_get_array(object, "disk");
    unsigned count = disks ? MIN(json_array_get_length(disks), LIST_MAX) : 0;
    g_autofree char *count_field = g_strdup_printf("fs.%u.disk.count", index);
    add_string(params, object, "mountpoint", "fs.%u.mountpoint", index);
    add_string(params, object, "name", "fs.%u.name", index);
    add_string(params, object, "type", "fs.%u.fstype", index);
    add_size(params, object, "total-bytes", index);
    add_size(params, object, "used-bytes", index);
    wire_params_add_uint(params, count_field, count);
    for (unsigned i = 0; i < count; i++) {
        JsonObject *disk = qmp_array_object(disks, i);
        g_autofree char *alias_field = g_strdup_printf("fs.%u.disk.%u.alias", index, i);
        wire_params_add_string(params, alias_field, vm_agent_disk_target(live, disk));
        add_string(params, disk, "serial", "fs.%u.disk.%u.serial", index, i);
        add_string(params, disk, "dev", "fs.%u.disk.%u.device", index, i);
    }
}

void vm_agent_add_filesystems(const Domain *live, JsonNode *reply, WireParams *params)
{
    JsonArray *list = qmp_node_array(reply);
    unsigned count = list ? MIN(json_array_get_length(list), LIST_MAX) : 0;
    wire_params_add_uint(params, "fs.count", count);
    for (unsigned i = 0; i < count; i++)
        add_filesystem(live, qmp_array_object(list, i), i, params);
}

static void add_disk(const Domain *live, JsonObject *object, unsigned index, WireParams *params)
{
    JsonArray *dependencies = qmp_get_array(object, "dependencies");
    JsonObject *address = qmp_get_object(object, "address");
    unsigned count = dependencies ? MIN(json_array_get_length(dependencies), LIST_MAX) : 0;
    g_autofree char *partition = g_strdup_printf("disk.%u.partition", index);
    g_autofree char *alias = g_strdup_printf("disk.%u.alias", index);
    add_string(params, object, "name", "disk.%u.name", index);
    wire_params_add_bool(params, partition, qmp_get_bool(object, "partition", false));
    if (count > 0) {
        g_autofree char *field = g_strdup_printf("disk.%u.dependency.count", index);
        wire_params_add_uint(params, field, count);
    }
    for (unsigned i = 0; i < count; i++) {
        g_autofree char *field = g_strdup_printf("disk.%u.dependency.%u.name", index, i);
        JsonNode *name = json_array_get_element(dependencies, i);
        if (JSON_NODE_HOLDS_VALUE(name) && json_node_get_value_type(name) == G_TYPE_STRING)
            wire_params_add_string(params, field, json_node_get_string(name));
    }
    add_string(params, address, "serial", "disk.%u.serial", index);
    wire_params_add_string(params, alias, vm_agent_disk_target(live, address));
    add_string(params, object, "alias", "disk.%u.guest_alias", index);
}

void vm_agent_add_disks(const Domain *live, JsonNode *reply, WireParams *params)
{
    JsonArray *list = qmp_node_array(reply);
    unsigned count = list ? MIN(json_array_get_length(list), LIST_MAX) : 0;
    wire_params_add_uint(params, "disk.count", count);
    for (unsigned i = 0; i < count; i++)
        add_disk(live, qmp_array_object(list, i), i, params);
}
