/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/vm-stats-counters.h"

#include "qemu/qmp-object.h"

#define NAME_MAX_BYTES 96

void vm_counters_clear(VmCounters *counters)
{
    g_clear_pointer(&counters->vm, json_node_unref);
    g_clear_pointer(&counters->vcpus, json_node_unref);
    g_clear_pointer(&counters->kinds, g_hash_table_unref);
    g_clear_pointer(&counters->indexes, g_hash_table_unref);
}

void vm_counters_share(VmCounters *counters)
{
    JsonNode *const nodes[] = { counters->vm, counters->vcpus };
    GHashTable *const tables[] = { counters->kinds, counters->indexes };
    for (unsigned i = 0; i < G_N_ELEMENTS(nodes); i++) {
        if (nodes[i])
            json_node_ref(nodes[i]);
        if (tables[i])
            g_hash_table_ref(tables[i]);
    }
}

/* Histograms have no place in typed parameters. */
static const char *kind_of(const char *type)
{
    static const char *const kinds[][2] = { { "instant", "cur" }, { "cumulative", "sum" }, { "peak", "max" } };
    for (unsigned i = 0; type && i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_equal(kinds[i][0], type))
            return kinds[i][1];
    }
    return NULL;
}

void vm_counters_take_kinds(VmCounters *counters, JsonNode *reply)
{
    JsonArray *schemas = qmp_node_array(reply);
    g_clear_pointer(&counters->kinds, g_hash_table_unref);
    counters->kinds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned s = 0; schemas && s < json_array_get_length(schemas); s++) {
        JsonObject *schema = qmp_array_object(schemas, s);
        const char *target = qmp_get_string(schema, "target");
        JsonArray *rows = qmp_get_array(schema, "stats");
        for (unsigned i = 0; target && rows && i < json_array_get_length(rows); i++) {
            JsonObject *row = qmp_array_object(rows, i);
            const char *kind = kind_of(qmp_get_string(row, "type")), *name = qmp_get_string(row, "name");
            if (kind && name)
                g_hash_table_insert(counters->kinds, g_strconcat(target, "/", name, NULL), (gpointer)kind);
        }
    }
}

static void take_node(JsonNode **slot, JsonNode *reply)
{
    g_clear_pointer(slot, json_node_unref);
    *slot = json_node_ref(reply);
}

void vm_counters_take_vm(VmCounters *counters, JsonNode *reply)
{
    take_node(&counters->vm, reply);
}

void vm_counters_take_vcpus(VmCounters *counters, JsonNode *reply)
{
    take_node(&counters->vcpus, reply);
}

void vm_counters_take_indexes(VmCounters *counters, JsonNode *reply)
{
    JsonArray *list = qmp_node_array(reply);
    g_clear_pointer(&counters->indexes, g_hash_table_unref);
    counters->indexes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (unsigned i = 0; list && i < json_array_get_length(list); i++) {
        JsonObject *vcpu = qmp_array_object(list, i);
        const char *path = qmp_get_string(vcpu, "qom-path");
        if (path)
            g_hash_table_insert(counters->indexes, g_strdup(path), GINT_TO_POINTER(qmp_get_int(vcpu, "cpu-index", i)));
    }
}

/* The counters of one provider; @prefix: "vm" or "vcpu.N". */
static void add_values(const VmCounters *counters, JsonObject *result, const char *target, const char *prefix,
                       WireParams *params)
{
    JsonArray *rows = qmp_get_array(result, "stats");
    char key[NAME_MAX_BYTES], field[NAME_MAX_BYTES];
    for (unsigned i = 0; rows && i < json_array_get_length(rows); i++) {
        JsonObject *row = qmp_array_object(rows, i);
        const char *name = qmp_get_string(row, "name");
        JsonNode *value = row ? json_object_get_member(row, "value") : NULL;
        g_snprintf(key, sizeof key, "%s/%s", target, name ? name : "");
        const char *kind = g_hash_table_lookup(counters->kinds, key);
        if (!kind || !value || !JSON_NODE_HOLDS_VALUE(value) ||
            g_snprintf(field, sizeof field, "%s.%s.%s", prefix, name, kind) >= (int)sizeof field)
            continue;
        if (json_node_get_value_type(value) == G_TYPE_BOOLEAN)
            wire_params_add_bool(params, field, json_node_get_boolean(value));
        else
            wire_params_add_ullong(params, field, (uint64_t)json_node_get_int(value));
    }
}

void vm_counters_add_vm(const VmCounters *counters, WireParams *params)
{
    JsonArray *results = counters->vm && counters->kinds ? qmp_node_array(counters->vm) : NULL;
    for (unsigned i = 0; results && i < json_array_get_length(results); i++)
        add_values(counters, qmp_array_object(results, i), "vm", "vm", params);
}

void vm_counters_add_vcpu(const VmCounters *counters, unsigned vcpu, WireParams *params)
{
    bool known = counters->vcpus && counters->kinds && counters->indexes;
    JsonArray *results = known ? qmp_node_array(counters->vcpus) : NULL;
    for (unsigned i = 0; results && i < json_array_get_length(results); i++) {
        JsonObject *result = qmp_array_object(results, i);
        const char *path = qmp_get_string(result, "qom-path");
        gpointer index;
        if (!path || !g_hash_table_lookup_extended(counters->indexes, path, NULL, &index) ||
            GPOINTER_TO_UINT(index) != vcpu)
            continue;
        char prefix[NAME_MAX_BYTES];
        g_snprintf(prefix, sizeof prefix, "vcpu.%u", vcpu);
        add_values(counters, result, "vcpu", prefix, params);
    }
}
