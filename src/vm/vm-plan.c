/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-plan.h"

#include "base/error.h"
#include "qemu/qemu-plug.h"
#include "vm/vm-device-classes.h"
#include "vm/vm-host-target.h"

#include <json-glib/json-glib.h>
#include <string.h>

static void step_free(gpointer data)
{
    PlanStep *step = data;
    g_free(step->what);
    g_free(step->reason);
    g_ptr_array_unref(step->commands);
    if (step->device)
        domain_device_free(step->kind, step->device);
    g_free(step);
}

void vm_plan_clear(VmPlan *plan)
{
    domain_free(plan->wanted);
    g_clear_pointer(&plan->warnings, g_ptr_array_unref);
    g_clear_pointer(&plan->steps, g_ptr_array_unref);
    g_clear_pointer(&plan->removed, g_ptr_array_unref);
    g_clear_pointer(&plan->added, g_ptr_array_unref);
    g_clear_pointer(&plan->vm, vm_unref);
}

/* @what and @reason are taken over. */
static PlanStep *add_step(VmPlan *plan, PlanWhen when, PlanAction action, char *what, char *reason)
{
    PlanStep *step = g_new0(PlanStep, 1);
    step->when = when;
    step->action = action;
    step->what = what;
    step->reason = reason;
    step->commands = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(plan->steps, step);
    plan->impossible |= when == PLAN_NEVER;
    return step;
}

static const Domain *live_of(const VmPlan *plan)
{
    return plan->vm->view->live ? plan->vm->view->live->domain : NULL;
}

static void add_command(PlanStep *step, const char *command, JsonObject *args)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *object = json_object_new();
    json_object_set_string_member(object, "execute", command);
    if (args)
        json_object_set_object_member(object, "arguments", json_object_ref(args));
    json_node_take_object(node, object);
    g_ptr_array_add(step->commands, json_to_string(node, FALSE));
}

/* Fields outside of devices -----------------------------------------------------------------------------------------
 */

static Domain *without_devices(const Domain *domain)
{
    Domain *copy = domain_copy(domain);
    for (unsigned kind = 0; kind < DOMAIN_DEVICE_COUNT; kind++) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        while (*domain_device_count(row, copy)) {
            void *device = domain_device_list(row, copy)[0];
            domain_device_remove(copy, kind, device);
            domain_device_free(kind, device);
        }
    }
    return copy;
}

static bool has_step(const VmPlan *plan, const PlanField *field)
{
    for (unsigned i = 0; i < plan->steps->len; i++) {
        if (((const PlanStep *)plan->steps->pdata[i])->set == field)
            return true;
    }
    return false;
}

static void plan_field(VmPlan *plan, const ModelDifference *difference)
{
    const PlanField *field = vm_plan_field(difference->path);
    if (difference->change == MODEL_CHANGE_NEVER) {
        add_step(plan, PLAN_NEVER, PLAN_SET, g_strdup(difference->path),
                 g_strdup("it names the guest: another value is another guest ('domrename' gives another name)"));
    } else if (!live_of(plan)) {
        add_step(plan, PLAN_START, PLAN_SET, g_strdup(difference->path), g_strdup("the guest is off"));
    } else if (!field) {
        bool otherwise = difference->change == MODEL_CHANGE_LIVE;
        add_step(plan, PLAN_START, PLAN_SET, g_strdup(difference->path),
                 g_strdup(otherwise ? "a plan does not change it live; its own command can"
                                    : "QEMU takes it only when it starts"));
    } else if (!has_step(plan, field)) { /* a group is one step */
        bool group = g_str_has_suffix(field->path, "/");
        char *what = group ? g_strndup(field->path, strlen(field->path) - 1) : g_strdup(field->path);
        PlanStep *step = add_step(plan, PLAN_LIVE, PLAN_SET, what, NULL);
        step->set = field;
        if (field->command)
            g_ptr_array_add(step->commands, field->command(plan->vm, plan->wanted));
    }
}

static void plan_fields(VmPlan *plan, const Domain *config)
{
    g_autoptr(Domain) before = without_devices(config), after = without_devices(plan->wanted);
    /* A memory module brings its own memory along. */
    if (config->n_memories != plan->wanted->n_memories) {
        after->memory = before->memory;
        after->current_memory = before->current_memory;
    }
    g_autoptr(GPtrArray) found = domain_compare(before, after);
    for (unsigned i = 0; i < found->len; i++)
        plan_field(plan, found->pdata[i]);
}

/* Devices -----------------------------------------------------------------------------------------------------------
 */

/* What people know the device by: "disk 'vdb'", "interface 52:54:00:…", "rng". */
static char *device_text(DomainDeviceKind kind, const void *device)
{
    const char *what = domain_device_rows[kind].element;
    const DomainDeviceInfo *info = domain_device_info(&domain_device_rows[kind], (void *)device);
    if (kind == DOMAIN_DEVICE_DISKS)
        return g_strdup_printf("disk '%s'", ((const DomainDisk *)device)->target);
    if (kind == DOMAIN_DEVICE_INTERFACES) {
        const uint8_t *mac = ((const DomainInterface *)device)->mac.bytes;
        return g_strdup_printf("interface %02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                               mac[5]);
    }
    if (kind == DOMAIN_DEVICE_CONTROLLERS) {
        const DomainController *controller = device;
        return g_strdup_printf("controller %s %d", model_enum_text(&model_enum_controller_type, controller->type),
                               controller->index);
    }
    return info && info->alias ? g_strdup_printf("%s '%s'", what, info->alias) : g_strdup(what);
}

/* The device without its place, which may differ between the guest that runs and its definition. Shallow: g_free(). */
static void *device_naked(DomainDeviceKind kind, const void *device)
{
    const DomainDeviceRow *row = &domain_device_rows[kind];
    void *copy = g_memdup2(device, row->type->size);
    DomainDeviceInfo *info = domain_device_info(row, copy);
    if (info) {
        info->address = NULL;
        info->alias = NULL;
    }
    return copy;
}

/* The device of the guest that runs which is the one of the definition; NULL if it has none. */
static void *live_device(const VmPlan *plan, DomainDeviceKind kind, const void *device)
{
    const Domain *live = live_of(plan);
    if (!live)
        return NULL;
    g_autofree void *naked = device_naked(kind, device);
    return domain_device_find(live, kind, naked);
}

static unsigned position_of(const Domain *domain, DomainDeviceKind kind, const void *device)
{
    unsigned position = 0;
    while (domain_device_list(&domain_device_rows[kind], domain)[position] != device)
        position++;
    return position;
}

static void add_plug_commands(PlanStep *step, Vm *vm, const Domain *live, DomainDeviceKind kind, unsigned index)
{
    g_autoptr(GPtrArray) steps = vm_plug_steps_of(vm, live, kind, index);
    for (unsigned i = 0; steps && i < steps->len; i++) {
        const QemuStep *plug = steps->pdata[i];
        add_command(step, plug->command, plug->args);
    }
}

static PlanStep *add_device_step(VmPlan *plan, PlanWhen when, PlanAction action, DomainDeviceKind kind,
                                 const void *device, char *reason)
{
    PlanStep *step = add_step(plan, when, action, device_text(kind, device), reason);
    step->kind = kind;
    step->device = domain_device_copy(kind, device);
    return step;
}

static void plan_attach(VmPlan *plan, DomainDeviceKind kind, const void *device)
{
    const VmDeviceClass *class = vm_device_class(kind);
    const Domain *live = live_of(plan);
    if (!live || live_device(plan, kind, device) || !class->attaches) {
        const char *reason = !live              ? "the guest is off"
                             : !class->attaches ? "QEMU takes it only when it starts"
                                                : "the guest that runs has it already";
        add_device_step(plan, PLAN_START, PLAN_ATTACH, kind, device, g_strdup(reason));
        return;
    }
    g_autoptr(GError) why = NULL;
    VmDeviceScope scope = { live, true };
    g_autoptr(Domain) with = domain_copy(live);
    if (class->account)
        class->account(with, device, false);
    g_autofree void *naked = device_naked(kind, device);
    const void *added = NULL;
    if (!class->check_attach || class->check_attach(&scope, device, &why))
        added = domain_device_add(with, kind, naked, DOMAIN_PARSE_ACTIVE, plan->vm->daemon->model_host, &why);
    if (!added) {
        add_device_step(plan, PLAN_START, PLAN_ATTACH, kind, device, g_strdup(why->message));
        return;
    }
    qemu_args_assign_aliases(with);
    PlanStep *step = add_device_step(plan, PLAN_LIVE, PLAN_ATTACH, kind, naked, NULL);
    add_plug_commands(step, plan->vm, with, kind, position_of(with, kind, added));
}

static void plan_detach(VmPlan *plan, DomainDeviceKind kind, const void *device)
{
    const VmDeviceClass *class = vm_device_class(kind);
    const Domain *live = live_of(plan);
    const void *there = live_device(plan, kind, device);
    g_autoptr(GError) why = NULL;
    VmDeviceScope scope = { live, true };
    if (!there || !class->detaches || (class->check_detach && !class->check_detach(&scope, there, &why))) {
        const char *reason = why      ? why->message
                             : !live  ? "the guest is off"
                             : !there ? "the guest that runs does not have it"
                                      : "it cannot leave a guest that runs";
        add_device_step(plan, PLAN_START, PLAN_DETACH, kind, device, g_strdup(reason));
        return;
    }
    const DomainDeviceInfo *info = domain_device_info(&domain_device_rows[kind], (void *)there);
    PlanStep *step = add_device_step(plan, PLAN_LIVE, PLAN_DETACH, kind, there, NULL);
    g_autoptr(JsonObject) args = json_object_new();
    json_object_set_string_member(args, "id", info && info->alias ? info->alias : "");
    add_command(step, "device_del", args);
}

static void plan_update(VmPlan *plan, DomainDeviceKind kind, const void *before, const void *wanted)
{
    const DomainDeviceRow *row = &domain_device_rows[kind];
    g_autoptr(GPtrArray) found = model_compare(row->type, before, wanted);
    g_autoptr(GString) paths = g_string_new(NULL);
    bool live = live_device(plan, kind, before) && vm_device_class(kind)->update;
    for (unsigned i = 0; i < found->len; i++) {
        const ModelDifference *difference = found->pdata[i];
        live &= difference->change == MODEL_CHANGE_LIVE;
        g_string_append_printf(paths, "%s%s", i ? ", " : "", difference->path);
    }
    if (!found->len)
        return;
    PlanStep *step = add_device_step(
        plan, live ? PLAN_LIVE : PLAN_START, PLAN_UPDATE, kind, wanted,
        live ? NULL : g_strdup(live_of(plan) ? "QEMU takes it only when it starts" : "the guest is off"));
    g_autofree char *text = g_steal_pointer(&step->what);
    step->what = g_strdup_printf("%s: %s", text, paths->str);
}

/* Detaching comes first: what leaves may be in the way of what comes. */
static void plan_devices(VmPlan *plan, const Domain *config)
{
    for (unsigned kind = DOMAIN_DEVICE_COUNT; kind-- > 0;) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        for (unsigned i = 0; i < *domain_device_count(row, config); i++) {
            const void *device = domain_device_list(row, config)[i];
            if (!domain_device_find(plan->wanted, kind, device))
                plan_detach(plan, kind, device);
        }
    }
    for (unsigned kind = 0; kind < DOMAIN_DEVICE_COUNT; kind++) {
        const DomainDeviceRow *row = &domain_device_rows[kind];
        for (unsigned i = 0; i < *domain_device_count(row, plan->wanted); i++) {
            const void *device = domain_device_list(row, plan->wanted)[i];
            const void *before = domain_device_find(config, kind, device);
            if (before)
                plan_update(plan, kind, before, device);
            else
                plan_attach(plan, kind, device);
        }
    }
}

/* Arguments ---------------------------------------------------------------------------------------------------------
 */

/* "-option value", one string each. */
static GPtrArray *joined_arguments(const VmPlan *plan, const Domain *domain, GError **error)
{
    g_autoptr(Domain) copy = domain_copy(domain);
    g_autoptr(GPtrArray) argv = vm_host_arguments(plan->vm->daemon, copy, error);
    if (!argv)
        return NULL;
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; argv->pdata[i]; i++) {
        const char *option = argv->pdata[i], *value = argv->pdata[i + 1];
        bool pair = option[0] == '-' && value && value[0] != '-';
        g_ptr_array_add(lines, pair ? g_strdup_printf("%s %s", option, value) : g_strdup(option));
        i += pair;
    }
    return lines;
}

static GPtrArray *lines_beyond(GPtrArray *lines, GPtrArray *others)
{
    GPtrArray *found = g_ptr_array_new_with_free_func(g_free);
    for (unsigned i = 0; i < lines->len; i++) {
        if (!g_ptr_array_find_with_equal_func(others, lines->pdata[i], g_str_equal, NULL))
            g_ptr_array_add(found, g_strdup(lines->pdata[i]));
    }
    return found;
}

static bool plan_arguments(VmPlan *plan, const Domain *config, GError **error)
{
    g_autoptr(GPtrArray) before = joined_arguments(plan, config, error);
    g_autoptr(GPtrArray) after = before ? joined_arguments(plan, plan->wanted, error) : NULL;
    if (!after)
        return false;
    plan->removed = lines_beyond(before, after);
    plan->added = lines_beyond(after, before);
    return true;
}

bool vm_plan_make(VmPlan *plan, GError **error)
{
    const VmView *view = plan->vm->view;
    if (!view)
        return error_set(error, VIR_ERR_NO_DOMAIN, "the guest is no longer defined");
    if (!view->config)
        return error_set(error, VIR_ERR_OPERATION_INVALID,
                         "guest '%s' is transient: it has no definition that could be edited",
                         view->live->domain->name);
    const Domain *config = view->config->domain;
    plan->steps = g_ptr_array_new_with_free_func(step_free);
    plan_fields(plan, config);
    plan_devices(plan, config);
    if (plan->steps->len && !plan->impossible)
        add_step(plan, PLAN_START, PLAN_STORE, g_strdup("definition"), NULL);
    return plan_arguments(plan, config, error);
}
