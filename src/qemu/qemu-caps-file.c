/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities as a JSON file in the cache directory. What is missing reads as empty; the key decides whether it
 * counts. */
#include "base/durable-file.h"
#include "qemu/qemu-caps-private.h"
#include "qemu/qmp-object.h"

#include <string.h>

static JsonArray *strings_to_array(char **strings)
{
    JsonArray *array = json_array_new();
    for (; strings && *strings; strings++)
        json_array_add_string_element(array, *strings);
    return array;
}

static char **strings_from_array(JsonArray *array)
{
    if (!array)
        return NULL;
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    for (unsigned i = 0; i < json_array_get_length(array); i++) {
        const char *text = json_node_get_string(json_array_get_element(array, i));
        if (text)
            g_strv_builder_add(builder, text);
    }
    return g_strv_builder_end(builder);
}

static JsonArray *set_to_array(GHashTable *set)
{
    JsonArray *array = json_array_new();
    g_autofree gpointer *keys = g_hash_table_get_keys_as_array(set, NULL);
    for (gpointer *key = keys; *key; key++)
        json_array_add_string_element(array, *key);
    return array;
}

static void set_from_array(GHashTable *set, JsonArray *array)
{
    g_auto(GStrv) strings = strings_from_array(array);
    for (char **text = strings; text && *text; text++)
        g_hash_table_add(set, g_steal_pointer(text));
}

static JsonObject *machine_to_object(const QemuMachine *machine)
{
    return qmp_object("s:name", machine->name, "s:alias", machine->alias, "s:cpu", machine->default_cpu, "s:ram",
                      machine->default_ram_id, "i:max-cpus", (gint64)machine->max_cpus, "B:hotplug",
                      (gboolean)machine->hotpluggable_cpus, "B:default", (gboolean)machine->is_default, "B:numa-mem",
                      (gboolean)machine->numa_mem, "B:deprecated", (gboolean)machine->deprecated, NULL);
}

static void machine_from_object(QemuMachine *machine, JsonObject *object)
{
    machine->name = g_strdup(qmp_get_string(object, "name"));
    machine->alias = g_strdup(qmp_get_string(object, "alias"));
    machine->default_cpu = g_strdup(qmp_get_string(object, "cpu"));
    machine->default_ram_id = g_strdup(qmp_get_string(object, "ram"));
    machine->max_cpus = (unsigned)qmp_get_int(object, "max-cpus", 1);
    machine->hotpluggable_cpus = qmp_get_bool(object, "hotplug", false);
    machine->is_default = qmp_get_bool(object, "default", false);
    machine->numa_mem = qmp_get_bool(object, "numa-mem", false);
    machine->deprecated = qmp_get_bool(object, "deprecated", false);
}

static JsonObject *cpu_to_object(const QemuCpuModel *cpu)
{
    return qmp_object("s:name", cpu->name, "s:vendor", cpu->vendor, "s:alias-of", cpu->alias_of, "B:usable",
                      (gboolean)cpu->usable, "B:known", (gboolean)cpu->usable_known, "B:deprecated",
                      (gboolean)cpu->deprecated, "B:static", (gboolean)cpu->is_static, "a:blockers",
                      cpu->blockers ? strings_to_array(cpu->blockers) : NULL, NULL);
}

static void cpu_from_object(QemuCpuModel *cpu, JsonObject *object)
{
    cpu->name = g_strdup(qmp_get_string(object, "name"));
    cpu->vendor = g_strdup(qmp_get_string(object, "vendor"));
    cpu->alias_of = g_strdup(qmp_get_string(object, "alias-of"));
    cpu->usable = qmp_get_bool(object, "usable", false);
    cpu->usable_known = qmp_get_bool(object, "known", false);
    cpu->deprecated = qmp_get_bool(object, "deprecated", false);
    cpu->is_static = qmp_get_bool(object, "static", false);
    cpu->blockers = strings_from_array(qmp_get_array(object, "blockers"));
}

static JsonObject *accelerator_to_object(const QemuAccelerator *accelerator)
{
    JsonArray *cpus = json_array_new();
    for (unsigned i = 0; i < accelerator->n_cpus; i++)
        json_array_add_object_element(cpus, cpu_to_object(&accelerator->cpus[i]));
    return qmp_object("b:usable", (gboolean)accelerator->usable, "s:host-model", accelerator->host_model,
                      "s:host-vendor", accelerator->host_vendor, "a:host-features",
                      strings_to_array(accelerator->host_features), "a:cpus", cpus, NULL);
}

static void accelerator_from_object(QemuAccelerator *accelerator, JsonObject *object)
{
    JsonArray *cpus = qmp_get_array(object, "cpus");
    accelerator->usable = qmp_get_bool(object, "usable", false);
    accelerator->host_model = g_strdup(qmp_get_string(object, "host-model"));
    accelerator->host_vendor = g_strdup(qmp_get_string(object, "host-vendor"));
    accelerator->host_features = strings_from_array(qmp_get_array(object, "host-features"));
    accelerator->n_cpus = cpus ? json_array_get_length(cpus) : 0;
    accelerator->cpus = g_new0(QemuCpuModel, accelerator->n_cpus);
    for (unsigned i = 0; i < accelerator->n_cpus; i++)
        cpu_from_object(&accelerator->cpus[i], qmp_array_object(cpus, i));
}

bool qemu_caps_file_save(const char *path, const char *key, const QemuCaps *caps, GError **error)
{
    JsonArray *machines = json_array_new();
    for (unsigned i = 0; i < caps->n_machines; i++)
        json_array_add_object_element(machines, machine_to_object(&caps->machines[i]));
    g_autoptr(JsonObject) object = qmp_object(
        "s:key", key, "s:arch", caps->arch, "i:version", (gint64)caps->version, "s:package", caps->package,
        "a:machines", machines, "o:kvm", accelerator_to_object(&caps->kvm), "o:tcg", accelerator_to_object(&caps->tcg),
        "s:native-model", caps->native_model, "a:native-features", strings_to_array(caps->native_features), "a:types",
        set_to_array(caps->types), "a:commands", set_to_array(caps->commands), "a:options", set_to_array(caps->options),
        "a:backends", set_to_array(caps->backends), NULL);
    g_autofree char *text = qmp_object_text(object);
    return atomic_file_write(path, text, -1, 0644, error);
}

/* Names that later code compares must be there, whatever became of the file. */
static bool is_complete(const QemuCaps *caps)
{
    for (unsigned i = 0; i < caps->n_machines; i++)
        if (!caps->machines[i].name)
            return false;
    const QemuAccelerator *both[] = { &caps->kvm, &caps->tcg };
    for (unsigned a = 0; a < G_N_ELEMENTS(both); a++)
        for (unsigned i = 0; i < both[a]->n_cpus; i++)
            if (!both[a]->cpus[i].name)
                return false;
    return caps->arch && caps->version > 0;
}

QemuCaps *qemu_caps_file_load(const char *path, const char *emulator, const char *key)
{
    g_autofree char *text = NULL;
    if (!g_file_get_contents(path, &text, NULL, NULL))
        return NULL;
    g_autoptr(JsonNode) node = json_from_string(text, NULL);
    JsonObject *object = qmp_node_object(node);
    if (g_strcmp0(qmp_get_string(object, "key"), key) != 0)
        return NULL;
    g_autoptr(QemuCaps) caps = qemu_caps_new(emulator);
    JsonArray *machines = qmp_get_array(object, "machines");
    caps->arch = g_strdup(qmp_get_string(object, "arch"));
    caps->version = (unsigned)qmp_get_int(object, "version", 0);
    caps->package = g_strdup(qmp_get_string(object, "package"));
    caps->n_machines = machines ? json_array_get_length(machines) : 0;
    caps->machines = g_new0(QemuMachine, caps->n_machines);
    for (unsigned i = 0; i < caps->n_machines; i++)
        machine_from_object(&caps->machines[i], qmp_array_object(machines, i));
    accelerator_from_object(&caps->kvm, qmp_get_object(object, "kvm"));
    accelerator_from_object(&caps->tcg, qmp_get_object(object, "tcg"));
    caps->native_model = g_strdup(qmp_get_string(object, "native-model"));
    if (caps->native_model)
        caps->native_features = strings_from_array(qmp_get_array(object, "native-features"));
    set_from_array(caps->types, qmp_get_array(object, "types"));
    set_from_array(caps->commands, qmp_get_array(object, "commands"));
    set_from_array(caps->options, qmp_get_array(object, "options"));
    set_from_array(caps->backends, qmp_get_array(object, "backends"));
    return is_complete(caps) ? g_steal_pointer(&caps) : NULL;
}
