/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/xdr.h"

#include "base/error.h"

#include <string.h>

typedef struct {
    const uint8_t *at;
    size_t left;
} Input;

/* Size in C and fewest bytes on the wire, by XdrKind; structs say theirs themselves. */
static const struct {
    uint8_t size, wire;
} kinds[] = {
    [XDR_I8] = { 1, 4 },
    [XDR_U8] = { 1, 4 },
    [XDR_I16] = { 2, 4 },
    [XDR_U16] = { 2, 4 },
    [XDR_I32] = { 4, 4 },
    [XDR_U32] = { 4, 4 },
    [XDR_I64] = { 8, 8 },
    [XDR_U64] = { 8, 8 },
    [XDR_F64] = { 8, 8 },
    [XDR_STRING] = { sizeof(char *), 4 },
    [XDR_UUID] = { 16, 16 },
    [XDR_BYTES] = { sizeof(WireBytes), 4 },
    [XDR_TYPED_VALUE] = { sizeof(WireTypedValue), 8 },
};

static size_t element_size(const XdrField *field)
{
    return field->kind == XDR_STRUCT ? field->type->size : kinds[field->kind].size;
}

static size_t element_wire(const XdrField *field)
{
    return field->kind == XDR_STRUCT ? field->type->min_wire : kinds[field->kind].wire;
}

/* Encoding */

static void put_u32(GByteArray *out, uint32_t value)
{
    value = GUINT32_TO_BE(value);
    g_byte_array_append(out, (const uint8_t *)&value, 4);
}

static void put_u64(GByteArray *out, uint64_t value)
{
    value = GUINT64_TO_BE(value);
    g_byte_array_append(out, (const uint8_t *)&value, 8);
}

static void put_bytes(GByteArray *out, const void *data, uint32_t length)
{
    static const uint8_t zeros[3];
    put_u32(out, length);
    if (length > 0)
        g_byte_array_append(out, data, length);
    g_byte_array_append(out, zeros, -length & 3);
}

static bool put_string(GByteArray *out, const char *text, const char *name, GError **error)
{
    if (!text)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "encode '%s': the string is missing", name);
    size_t length = strlen(text);
    if (length > XDR_STRING_MAX)
        return error_set(error, VIR_ERR_RPC, "encode '%s': %zu bytes are more than the protocol's %u", name, length,
                         XDR_STRING_MAX);
    put_bytes(out, text, (uint32_t)length);
    return true;
}

static bool put_typed_value(GByteArray *out, const WireTypedValue *value, const char *name, GError **error)
{
    put_u32(out, value->type);
    switch (value->type) {
    case WIRE_VALUE_INT: put_u32(out, (uint32_t)value->i); return true;
    case WIRE_VALUE_UINT: put_u32(out, value->ui); return true;
    case WIRE_VALUE_LLONG:
    case WIRE_VALUE_ULLONG:
    case WIRE_VALUE_DOUBLE: put_u64(out, value->ul); return true;
    case WIRE_VALUE_BOOLEAN: put_u32(out, value->b); return true;
    case WIRE_VALUE_STRING: return put_string(out, value->s, name, error);
    }
    return error_set(error, VIR_ERR_INTERNAL_ERROR, "encode '%s': typed value without a type", name);
}

static bool put_element(GByteArray *out, const XdrField *field, const void *value, GError **error)
{
    switch (field->kind) {
    case XDR_I8: put_u32(out, (uint32_t) * (const int8_t *)value); return true;
    case XDR_U8: put_u32(out, *(const uint8_t *)value); return true;
    case XDR_I16: put_u32(out, (uint32_t) * (const int16_t *)value); return true;
    case XDR_U16: put_u32(out, *(const uint16_t *)value); return true;
    case XDR_I32:
    case XDR_U32: put_u32(out, *(const uint32_t *)value); return true;
    case XDR_I64:
    case XDR_U64:
    case XDR_F64: put_u64(out, *(const uint64_t *)value); return true;
    case XDR_STRING: return put_string(out, *(char *const *)value, field->name, error);
    case XDR_UUID: g_byte_array_append(out, value, 16); return true;
    case XDR_BYTES: {
        const WireBytes *bytes = value;
        if (bytes->length > field->limit)
            return error_set(error, VIR_ERR_RPC, "encode '%s': %u bytes are more than the protocol's %u", field->name,
                             bytes->length, field->limit);
        put_bytes(out, bytes->data, bytes->length);
        return true;
    }
    case XDR_TYPED_VALUE: return put_typed_value(out, value, field->name, error);
    case XDR_STRUCT: return xdr_encode(field->type, value, out, error);
    }
    g_assert_not_reached();
}

static bool put_elements(GByteArray *out, const XdrField *field, const char *first, uint32_t count, GError **error)
{
    size_t size = element_size(field);
    for (uint32_t i = 0; i < count; i++) {
        if (!put_element(out, field, first + i * size, error))
            return false;
    }
    return true;
}

static bool put_field(GByteArray *out, const XdrField *field, const char *value, GError **error)
{
    const char *at = value + field->offset;
    switch (field->shape) {
    case XDR_PLAIN: return put_element(out, field, at, error);
    case XDR_ARRAY: return put_elements(out, field, at, field->limit, error);
    case XDR_OPTIONAL: {
        const char *target = *(char *const *)at;
        put_u32(out, target != NULL);
        if (!target)
            return true;
        return put_element(out, field, field->kind == XDR_STRING ? at : target, error);
    }
    case XDR_LIST: {
        uint32_t count = *(const uint32_t *)(value + field->count_offset);
        if (count > field->limit)
            return error_set(error, VIR_ERR_RPC, "encode '%s': %u entries are more than the protocol's %u", field->name,
                             count, field->limit);
        put_u32(out, count);
        return put_elements(out, field, *(char *const *)at, count, error);
    }
    }
    g_assert_not_reached();
}

bool xdr_encode(const XdrType *type, const void *value, GByteArray *out, GError **error)
{
    for (uint32_t i = 0; type && i < type->n_fields; i++) {
        if (!put_field(out, &type->fields[i], value, error))
            return false;
    }
    return true;
}

/* Decoding */

static bool malformed(const XdrField *field, const char *what, GError **error)
{
    return error_set(error, VIR_ERR_RPC, "malformed message: '%s' %s", field->name, what);
}

static bool get_u32(Input *in, const XdrField *field, uint32_t *ret_value, GError **error)
{
    if (in->left < 4)
        return malformed(field, "is cut off", error);
    memcpy(ret_value, in->at, 4);
    *ret_value = GUINT32_FROM_BE(*ret_value);
    in->at += 4;
    in->left -= 4;
    return true;
}

static bool get_u64(Input *in, const XdrField *field, uint64_t *ret_value, GError **error)
{
    if (in->left < 8)
        return malformed(field, "is cut off", error);
    memcpy(ret_value, in->at, 8);
    *ret_value = GUINT64_FROM_BE(*ret_value);
    in->at += 8;
    in->left -= 8;
    return true;
}

/* Length and bytes with their padding; *ret_data points into the input. */
static bool get_bytes(Input *in, const XdrField *field, uint32_t limit, const uint8_t **ret_data, uint32_t *ret_length,
                      GError **error)
{
    uint32_t length = 0;
    if (!get_u32(in, field, &length, error))
        return false;
    if (length > limit)
        return malformed(field, "is longer than the protocol allows", error);
    size_t padded = ((size_t)length + 3) & ~(size_t)3;
    if (padded > in->left)
        return malformed(field, "is cut off", error);
    *ret_data = in->at;
    *ret_length = length;
    in->at += padded;
    in->left -= padded;
    return true;
}

static bool get_string(Input *in, const XdrField *field, char **ret_text, GError **error)
{
    const uint8_t *data;
    uint32_t length = 0;
    if (!get_bytes(in, field, XDR_STRING_MAX, &data, &length, error))
        return false;
    if (memchr(data, 0, length))
        return malformed(field, "holds a NUL byte", error);
    *ret_text = g_strndup((const char *)data, length);
    return true;
}

static bool get_typed_value(Input *in, const XdrField *field, WireTypedValue *ret_value, GError **error)
{
    uint32_t tag = 0, word = 0;
    if (!get_u32(in, field, &tag, error))
        return false;
    switch (tag) {
    case WIRE_VALUE_INT:
    case WIRE_VALUE_UINT:
        if (!get_u32(in, field, &ret_value->ui, error))
            return false;
        break;
    case WIRE_VALUE_LLONG:
    case WIRE_VALUE_ULLONG:
    case WIRE_VALUE_DOUBLE:
        if (!get_u64(in, field, &ret_value->ul, error))
            return false;
        break;
    case WIRE_VALUE_BOOLEAN:
        if (!get_u32(in, field, &word, error))
            return false;
        ret_value->b = word != 0;
        break;
    case WIRE_VALUE_STRING:
        if (!get_string(in, field, &ret_value->s, error))
            return false;
        break;
    default: return malformed(field, "has an unknown type", error);
    }
    ret_value->type = (WireValueType)tag;
    return true;
}

static bool get_fields(Input *in, const XdrType *type, char *ret_value, GError **error);

static bool get_small(Input *in, const XdrField *field, void *ret_value, GError **error)
{
    uint32_t word = 0;
    if (!get_u32(in, field, &word, error))
        return false;
    if (kinds[field->kind].size == 1)
        *(uint8_t *)ret_value = (uint8_t)word;
    else
        *(uint16_t *)ret_value = (uint16_t)word;
    return true;
}

static bool get_element(Input *in, const XdrField *field, void *ret_value, GError **error)
{
    switch (field->kind) {
    case XDR_I8:
    case XDR_U8:
    case XDR_I16:
    case XDR_U16: return get_small(in, field, ret_value, error);
    case XDR_I32:
    case XDR_U32: return get_u32(in, field, ret_value, error);
    case XDR_I64:
    case XDR_U64:
    case XDR_F64: return get_u64(in, field, ret_value, error);
    case XDR_STRING: return get_string(in, field, ret_value, error);
    case XDR_UUID:
        if (in->left < 16)
            return malformed(field, "is cut off", error);
        memcpy(ret_value, in->at, 16);
        in->at += 16;
        in->left -= 16;
        return true;
    case XDR_BYTES: {
        WireBytes *bytes = ret_value;
        const uint8_t *data;
        uint32_t length;
        if (!get_bytes(in, field, field->limit, &data, &length, error))
            return false;
        bytes->data = g_memdup2(data, length);
        bytes->length = length;
        return true;
    }
    case XDR_TYPED_VALUE: return get_typed_value(in, field, ret_value, error);
    case XDR_STRUCT: return get_fields(in, field->type, ret_value, error);
    }
    g_assert_not_reached();
}

static bool get_elements(Input *in, const XdrField *field, char *first, uint32_t count, GError **error)
{
    size_t size = element_size(field);
    for (uint32_t i = 0; i < count; i++) {
        if (!get_element(in, field, first + i * size, error))
            return false;
    }
    return true;
}

static bool get_list(Input *in, const XdrField *field, char *value, GError **error)
{
    uint32_t count = 0;
    if (!get_u32(in, field, &count, error))
        return false;
    if (count > field->limit)
        return malformed(field, "has more entries than the protocol allows", error);
    if (count > in->left / element_wire(field))
        return malformed(field, "is cut off", error);
    if (count == 0)
        return true;
    char *first = g_malloc0_n(count, element_size(field));
    /* Stored before it is filled, so that a failure half way is cleaned up by the caller's xdr_clear(). */
    *(char **)(value + field->offset) = first;
    *(uint32_t *)(value + field->count_offset) = count;
    return get_elements(in, field, first, count, error);
}

static bool get_optional(Input *in, const XdrField *field, char *at, GError **error)
{
    uint32_t present = 0;
    if (!get_u32(in, field, &present, error))
        return false;
    if (present > 1)
        return malformed(field, "is neither there nor absent", error);
    if (!present)
        return true;
    if (field->kind == XDR_STRING)
        return get_string(in, field, (char **)at, error);
    char *target = g_malloc0(element_size(field));
    *(char **)at = target;
    return get_element(in, field, target, error);
}

static bool get_fields(Input *in, const XdrType *type, char *ret_value, GError **error)
{
    for (uint32_t i = 0; i < type->n_fields; i++) {
        const XdrField *field = &type->fields[i];
        char *at = ret_value + field->offset;
        bool ok = false;
        switch (field->shape) {
        case XDR_PLAIN: ok = get_element(in, field, at, error); break;
        case XDR_ARRAY: ok = get_elements(in, field, at, field->limit, error); break;
        case XDR_OPTIONAL: ok = get_optional(in, field, at, error); break;
        case XDR_LIST: ok = get_list(in, field, ret_value, error); break;
        }
        if (!ok)
            return false;
    }
    return true;
}

bool xdr_decode(const XdrType *type, const uint8_t *data, size_t length, void *ret_value, GError **error)
{
    Input in = { data, length };
    bool ok = !type || get_fields(&in, type, ret_value, error);
    if (ok && in.left > 0)
        ok = error_set(error, VIR_ERR_RPC, "malformed message: %zu bytes too many%s%s", in.left, type ? " after " : "",
                       type ? type->name : "");
    if (!ok)
        xdr_clear(type, ret_value);
    return ok;
}

/* Freeing */

static void clear_element(const XdrField *field, void *value)
{
    if (field->kind == XDR_STRING)
        g_free(*(char **)value);
    else if (field->kind == XDR_BYTES)
        g_free(((WireBytes *)value)->data);
    else if (field->kind == XDR_TYPED_VALUE && ((WireTypedValue *)value)->type == WIRE_VALUE_STRING)
        g_free(((WireTypedValue *)value)->s);
    else if (field->kind == XDR_STRUCT)
        xdr_clear(field->type, value);
}

static void clear_field(const XdrField *field, char *value)
{
    char *at = value + field->offset;
    char *first = at;
    uint32_t count = 1;
    bool indirect = field->shape == XDR_LIST || (field->shape == XDR_OPTIONAL && field->kind != XDR_STRING);
    if (indirect)
        first = *(char **)at;
    if (field->shape == XDR_LIST)
        count = *(uint32_t *)(value + field->count_offset);
    else if (field->shape == XDR_ARRAY)
        count = field->limit;
    size_t size = element_size(field);
    for (uint32_t i = 0; first && i < count; i++)
        clear_element(field, first + i * size);
    if (indirect)
        g_free(first);
}

void xdr_clear(const XdrType *type, void *value)
{
    if (!type)
        return;
    for (uint32_t i = 0; i < type->n_fields; i++)
        clear_field(&type->fields[i], value);
    memset(value, 0, type->size);
}
