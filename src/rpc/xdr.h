/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One engine that encodes, decodes and frees whatever a descriptor describes; the descriptors (xdr_DomainSuspendArgs …)
 * are generated into rpc/wire-types.h. Decoding trusts nothing: every count is checked against the type's limit and
 * against the bytes that are really there before anything is allocated from it. Any thread.
 */
#pragma once
#include "base/uuid.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XDR_STRING_MAX (4u << 20)

typedef enum {
    XDR_I8,
    XDR_U8,
    XDR_I16,
    XDR_U16,
    XDR_I32,
    XDR_U32,
    XDR_I64,
    XDR_U64,
    XDR_F64,
    XDR_STRING,
    XDR_UUID,
    XDR_BYTES,
    XDR_TYPED_VALUE,
    XDR_STRUCT,
} XdrKind;

typedef enum { XDR_PLAIN, XDR_OPTIONAL, XDR_LIST, XDR_ARRAY } XdrShape;

typedef struct XdrType XdrType;

typedef struct {
    const char *name;
    XdrKind kind;
    XdrShape shape;
    uint32_t offset;       /* of the value, the array or the pointer in the struct */
    uint32_t count_offset; /* XDR_LIST: of n_NAME */
    uint32_t limit;        /* most elements of a list, elements of an array, most bytes of XDR_BYTES */
    const XdrType *type;   /* XDR_STRUCT: of the element */
} XdrField;

struct XdrType {
    const char *name;
    size_t size;       /* of the C struct */
    uint32_t min_wire; /* fewest bytes that one takes on the wire */
    uint32_t n_fields;
    const XdrField *fields;
};

typedef struct {
    uint32_t length;
    uint8_t *data;
} WireBytes;

/* The tag of a typed parameter's value; the numbers are those of virTypedParameterType. */
typedef enum {
    WIRE_VALUE_INT = 1,
    WIRE_VALUE_UINT,
    WIRE_VALUE_LLONG,
    WIRE_VALUE_ULLONG,
    WIRE_VALUE_DOUBLE,
    WIRE_VALUE_BOOLEAN,
    WIRE_VALUE_STRING,
} WireValueType;

typedef struct {
    WireValueType type;
    union {
        int32_t i;
        uint32_t ui;
        int64_t l;
        uint64_t ul;
        double d;
        bool b;
        char *s; /* owned */
    };
} WireTypedValue;

/*
 * Appends @value to @out. Fails (VIR_ERR_INTERNAL_ERROR, names the field) if a string that is not optional is NULL or a
 * list is longer than its limit; @out then holds a partial encoding and must be dropped. @type NULL: nothing to encode.
 */
bool xdr_encode(const XdrType *type, const void *value, GByteArray *out, GError **error);

/*
 * Fills @ret_value (type->size bytes, zeroed by the caller) from exactly @length bytes. Fails (VIR_ERR_RPC) on
 * malformed input, or if bytes are left over, and leaves @ret_value cleared. @type NULL: @length must be 0.
 */
bool xdr_decode(const XdrType *type, const uint8_t *data, size_t length, void *ret_value, GError **error);

/* Frees what @value owns and zeroes it. @type NULL: nothing. */
void xdr_clear(const XdrType *type, void *value);
