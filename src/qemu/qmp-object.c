/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qmp-object.h"

#include <string.h>

static void add_pairs(JsonObject *object, const char *key, va_list args)
{
    for (; key; key = va_arg(args, const char *)) {
        g_assert(key[0] && key[1] == ':');
        const char *name = key + 2;
        switch (key[0]) {
        case 's':
        case 'S': {
            const char *text = va_arg(args, const char *);
            if (text && (key[0] == 's' || text[0]))
                json_object_set_string_member(object, name, text);
            break;
        }
        case 'i':
        case 'I': {
            gint64 number = va_arg(args, gint64);
            if (key[0] == 'i' || number)
                json_object_set_int_member(object, name, number);
            break;
        }
        case 'b':
        case 'B': {
            gboolean flag = va_arg(args, gboolean);
            if (key[0] == 'b' || flag)
                json_object_set_boolean_member(object, name, flag);
            break;
        }
        case 'o': {
            JsonObject *child = va_arg(args, JsonObject *);
            if (child)
                json_object_set_object_member(object, name, child);
            break;
        }
        case 'a': {
            JsonArray *child = va_arg(args, JsonArray *);
            if (child)
                json_object_set_array_member(object, name, child);
            break;
        }
        default: g_assert_not_reached();
        }
    }
}

JsonObject *qmp_object(const char *first_key, ...)
{
    JsonObject *object = json_object_new();
    va_list args;
    va_start(args, first_key);
    add_pairs(object, first_key, args);
    va_end(args);
    return object;
}

void qmp_object_add(JsonObject *object, const char *first_key, ...)
{
    va_list args;
    va_start(args, first_key);
    add_pairs(object, first_key, args);
    va_end(args);
}

char *qmp_object_text(JsonObject *object)
{
    g_autoptr(JsonNode) node = json_node_new(JSON_NODE_OBJECT);
    json_node_set_object(node, object);
    return json_to_string(node, FALSE);
}

JsonObject *qmp_node_object(JsonNode *node)
{
    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

JsonArray *qmp_node_array(JsonNode *node)
{
    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonNode *member(JsonObject *object, const char *key)
{
    return object ? json_object_get_member(object, key) : NULL;
}

static JsonNode *value_of_type(JsonObject *object, const char *key, GType type)
{
    JsonNode *node = member(object, key);
    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type ? node : NULL;
}

const char *qmp_get_string(JsonObject *object, const char *key)
{
    JsonNode *node = value_of_type(object, key, G_TYPE_STRING);
    return node ? json_node_get_string(node) : NULL;
}

gint64 qmp_get_int(JsonObject *object, const char *key, gint64 fallback)
{
    JsonNode *node = value_of_type(object, key, G_TYPE_INT64);
    return node ? json_node_get_int(node) : fallback;
}

bool qmp_get_bool(JsonObject *object, const char *key, bool fallback)
{
    JsonNode *node = value_of_type(object, key, G_TYPE_BOOLEAN);
    return node ? json_node_get_boolean(node) : fallback;
}

JsonObject *qmp_get_object(JsonObject *object, const char *key)
{
    return qmp_node_object(member(object, key));
}

JsonArray *qmp_get_array(JsonObject *object, const char *key)
{
    return qmp_node_array(member(object, key));
}

JsonObject *qmp_array_object(JsonArray *array, unsigned index)
{
    if (!array || index >= json_array_get_length(array))
        return NULL;
    return qmp_node_object(json_array_get_element(array, index));
}
