/* SPDX-License-Identifier: Apache-2.0 */
/* Every type of every procedure: there and back with values made from its descriptor, then cut, inflated and negative.
 */
#include "base/error.h"
#include "rpc/procedures.h"
#include "rpc/wire-params.h"

#include <string.h>

/* Making values */

static uint32_t state = 1;

static uint32_t next_random(void)
{
    state = state * 1664525 + 1013904223;
    return state >> 8;
}

static void fill_struct(const XdrType *type, void *value);

static void fill_typed_value(WireTypedValue *value)
{
    value->type = (WireValueType)(1 + next_random() % 7);
    if (value->type == WIRE_VALUE_STRING)
        value->s = g_strdup("text");
    else if (value->type == WIRE_VALUE_BOOLEAN)
        value->b = true;
    else if (value->type == WIRE_VALUE_INT || value->type == WIRE_VALUE_UINT)
        value->ui = next_random();
    else
        value->ul = (uint64_t)next_random() << 20;
}

static void fill_element(const XdrField *field, void *value)
{
    switch (field->kind) {
    case XDR_I8:
    case XDR_U8: *(uint8_t *)value = (uint8_t)next_random(); break;
    case XDR_I16:
    case XDR_U16: *(uint16_t *)value = (uint16_t)next_random(); break;
    case XDR_I32:
    case XDR_U32: *(uint32_t *)value = next_random(); break;
    case XDR_I64:
    case XDR_U64:
    case XDR_F64: *(uint64_t *)value = (uint64_t)next_random() << 30 | next_random(); break;
    case XDR_STRING: *(char **)value = g_strnfill(next_random() % 9, 'x'); break;
    case XDR_UUID: *(Uuid *)value = uuid_random(); break;
    case XDR_BYTES: {
        WireBytes *bytes = value;
        bytes->length = MIN(field->limit, next_random() % 9);
        bytes->data = bytes->length ? g_malloc0(bytes->length) : NULL;
        break;
    }
    case XDR_TYPED_VALUE: fill_typed_value(value); break;
    case XDR_STRUCT: fill_struct(field->type, value); break;
    }
}

static size_t size_of(const XdrField *field)
{
    static const size_t sizes[] = {
        1, 1, 2, 2, 4, 4, 8, 8, 8, sizeof(char *), 16, sizeof(WireBytes), sizeof(WireTypedValue)
    };
    return field->kind == XDR_STRUCT ? field->type->size : sizes[field->kind];
}

static void fill_field(const XdrField *field, char *value)
{
    char *at = value + field->offset;
    uint32_t count = field->shape == XDR_ARRAY ? field->limit : MIN(field->limit, next_random() % 4);
    switch (field->shape) {
    case XDR_PLAIN: fill_element(field, at); return;
    case XDR_OPTIONAL:
        if (next_random() % 2 == 0)
            return;
        if (field->kind == XDR_STRING) {
            fill_element(field, at);
            return;
        }
        *(char **)at = g_malloc0(size_of(field));
        fill_element(field, *(char **)at);
        return;
    case XDR_LIST:
        if (count == 0)
            return;
        *(uint32_t *)(value + field->count_offset) = count;
        *(char **)at = g_malloc0_n(count, size_of(field));
        at = *(char **)at;
        break;
    case XDR_ARRAY: break;
    }
    for (uint32_t i = 0; i < count; i++)
        fill_element(field, at + i * size_of(field));
}

static void fill_struct(const XdrType *type, void *value)
{
    for (uint32_t i = 0; i < type->n_fields; i++)
        fill_field(&type->fields[i], value);
}

/* Calls @visit with the bytes of a value of each type that calls carry. */
static void for_each_type(void (*visit)(const XdrType *type, const GByteArray *bytes))
{
    for (unsigned i = 0; i < procedure_count; i++) {
        const XdrType *types[] = { procedure_rows[i].args, procedure_rows[i].ret };
        for (unsigned t = 0; t < G_N_ELEMENTS(types); t++) {
            if (!types[t])
                continue;
            g_autoptr(GError) error = NULL;
            g_autoptr(GByteArray) bytes = g_byte_array_new();
            g_autofree void *value = g_malloc0(types[t]->size);
            fill_struct(types[t], value);
            g_assert_true(xdr_encode(types[t], value, bytes, &error));
            g_assert_no_error(error);
            xdr_clear(types[t], value);
            visit(types[t], bytes);
        }
    }
}

static void check_round_trip(const XdrType *type, const GByteArray *bytes)
{
    g_autoptr(GError) error = NULL;
    g_autofree void *value = g_malloc0(type->size);
    g_assert_cmpuint(bytes->len, >=, type->min_wire);
    g_assert_cmpuint(bytes->len % 4, ==, 0);
    g_assert_true(xdr_decode(type, bytes->data, bytes->len, value, &error));
    g_autoptr(GByteArray) again = g_byte_array_new();
    g_assert_true(xdr_encode(type, value, again, &error));
    g_assert_cmpmem(bytes->data, bytes->len, again->data, again->len);
    xdr_clear(type, value);
}

static void test_round_trip(void)
{
    for (int pass = 0; pass < 5; pass++)
        for_each_type(check_round_trip);
}

static void check_cut(const XdrType *type, const GByteArray *bytes)
{
    g_autofree void *value = g_malloc0(type->size);
    for (guint length = 0; length < bytes->len; length++) {
        g_autoptr(GError) error = NULL;
        /* A copy of exactly this size, so that the address sanitizer sees a step too far. */
        g_autofree uint8_t *cut = g_memdup2(bytes->data, length);
        g_assert_false(xdr_decode(type, cut, length, value, &error));
        g_assert_true(error_is(error, VIR_ERR_RPC));
    }
}

static void test_cut(void)
{
    for_each_type(check_cut);
}

/* Every word in turn becomes a count that cannot be: the decoder must neither crash nor allocate from it. */
static void check_inflated(const XdrType *type, const GByteArray *bytes)
{
    static const uint32_t words[] = { 0xffffffff, 0x80000000, 0x7fffffff, 0x00ffffff, 2 };
    g_autofree void *value = g_malloc0(type->size);
    for (guint at = 0; at + 4 <= bytes->len; at += 4) {
        for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
            g_autofree uint8_t *copy = g_memdup2(bytes->data, bytes->len);
            uint32_t word = GUINT32_TO_BE(words[i]);
            memcpy(copy + at, &word, 4);
            if (xdr_decode(type, copy, bytes->len, value, NULL))
                xdr_clear(type, value);
        }
    }
}

static void test_inflated(void)
{
    for_each_type(check_inflated);
}

static void test_left_over(void)
{
    g_autoptr(GError) error = NULL;
    const uint8_t bytes[12] = { 0 };
    DomainLookupByIdArgs args = { 0 };
    g_assert_false(xdr_decode(&xdr_DomainLookupByIdArgs, bytes, sizeof bytes, &args, &error));
    g_assert_true(error_is(error, VIR_ERR_RPC));
    g_clear_error(&error);
    g_assert_false(xdr_decode(NULL, bytes, 4, NULL, &error));
    g_assert_true(error_is(error, VIR_ERR_RPC));
    g_assert_true(xdr_decode(NULL, bytes, 0, NULL, NULL));
}

static void test_string_with_nul(void)
{
    g_autoptr(GError) error = NULL;
    const uint8_t bytes[] = { 0, 0, 0, 4, 'a', 0, 'b', 'c' };
    DomainLookupByNameArgs args = { 0 };
    g_assert_false(xdr_decode(&xdr_DomainLookupByNameArgs, bytes, sizeof bytes, &args, &error));
    g_assert_nonnull(strstr(error->message, "'name'"));
}

static void test_missing_string(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    DomainLookupByNameArgs args = { 0 };
    g_assert_false(xdr_encode(&xdr_DomainLookupByNameArgs, &args, bytes, &error));
    g_assert_true(error_is(error, VIR_ERR_INTERNAL_ERROR));
}

/* As wire/README.md says: chars of an array take four bytes each, an UUID is raw, text is padded. */
static void test_known_bytes(void)
{
    static const uint8_t expected[] = { 0, 0, 0, 3,  'w', 'e', 'b', 0,  1,  2,  3,    4,    5,    6,
                                        7, 8, 9, 10, 11,  12,  13,  14, 15, 16, 0xff, 0xff, 0xff, 0xff };
    WireDomain dom = { .name = (char *)"web", .id = -1 };
    for (uint8_t i = 0; i < 16; i++)
        dom.uuid.bytes[i] = i + 1;
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    g_assert_true(xdr_encode(&xdr_WireDomain, &dom, bytes, NULL));
    g_assert_cmpmem(bytes->data, bytes->len, expected, sizeof expected);
    g_assert_cmpuint(xdr_NodeGetInfoRet.min_wire, ==, 32 * 4 + 8 + 6 * 4);
}

static void test_lookup(void)
{
    for (unsigned i = 0; i < procedure_count; i++) {
        const Procedure *row = &procedure_rows[i];
        g_assert_true(procedure_find(row->program, row->number) == row);
        g_assert_cmpuint(procedure_id(row), ==, i);
    }
    g_assert_null(procedure_find(PROGRAM_REMOTE, 0));
    g_assert_null(procedure_find(PROGRAM_REMOTE, 444));
    g_assert_null(procedure_find(1, 1));
    g_assert_true(procedure_find_name("domain_suspend") == &procedure_rows[PROC_DOMAIN_SUSPEND]);
    g_assert_true(procedure_find_name("qemu_domain_attach") == &procedure_rows[PROC_QEMU_DOMAIN_ATTACH]);
    g_assert_null(procedure_find_name("domain_fly"));
    g_assert_cmpuint(procedure_count, ==, 471);
}

static void test_rules(void)
{
    const Procedure *row = &procedure_rows[PROC_DOMAIN_GET_XML_DESC];
    DomainGetXmlDescArgs args = { .flags = 1 }; /* VIR_DOMAIN_XML_SECURE */
    g_assert_cmpuint(row->n_rules, ==, 3);
    g_assert_true(procedure_rule_applies(&row->rules[0], &args));
    g_assert_true(procedure_rule_applies(&row->rules[1], &args));
    g_assert_false(procedure_rule_applies(&row->rules[2], &args));
    const Procedure *pin = &procedure_rows[PROC_DOMAIN_PIN_EMULATOR];
    DomainPinEmulatorArgs live = { .flags = 1 }, config = { .flags = 2 }, current = { .flags = 0 };
    g_assert_false(procedure_rule_applies(&pin->rules[1], &live));
    g_assert_true(procedure_rule_applies(&pin->rules[1], &current));
    g_assert_true(procedure_rule_applies(&pin->rules[2], &config));
    const Procedure *addresses = &procedure_rows[PROC_DOMAIN_INTERFACE_ADDRESSES];
    DomainInterfaceAddressesArgs lease = { .source = 0 }, agent = { .source = 1 };
    g_assert_false(procedure_rule_applies(&addresses->rules[1], &lease));
    g_assert_true(procedure_rule_applies(&addresses->rules[1], &agent));
}

static void test_runs(void)
{
    DomainSetVcpusFlagsArgs plug = { .flags = 1 }, switch_on = { .flags = 8 }; /* VIR_DOMAIN_VCPU_GUEST */
    const Procedure *row = &procedure_rows[PROC_DOMAIN_SET_VCPUS_FLAGS];
    g_assert_cmpint(procedure_runs(row, &plug), ==, RUNS_DOMAIN);
    g_assert_cmpint(procedure_runs(row, &switch_on), ==, RUNS_AGENT);
    DomainGetTimeArgs time = { .flags = 0 };
    g_assert_cmpint(procedure_runs(&procedure_rows[PROC_DOMAIN_GET_TIME], &time), ==, RUNS_AGENT);
}

static void test_params(void)
{
    static const WireParamRule rules[] = { { "cpu_shares", WIRE_VALUE_ULLONG },
                                           { "quota", WIRE_VALUE_LLONG },
                                           { NULL } };
    g_autoptr(GError) error = NULL;
    g_autoptr(WireParams) params = wire_params_new();
    wire_params_add_ullong(params, "cpu_shares", 5);
    wire_params_add_string(params, "nothing", NULL);
    DomainGetSchedulerParametersRet ret = { 0 };
    wire_params_steal(params, &ret.n_params, &ret.params);
    g_assert_cmpuint(ret.n_params, ==, 1);
    g_assert_true(wire_params_check(ret.params, ret.n_params, rules, &error));
    ret.params[0].value.type = WIRE_VALUE_INT;
    g_assert_false(wire_params_check(ret.params, ret.n_params, rules, &error));
    g_assert_true(error_is(error, VIR_ERR_INVALID_ARG));
    xdr_clear(&xdr_DomainGetSchedulerParametersRet, &ret);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/xdr/round-trip", test_round_trip);
    g_test_add_func("/xdr/cut", test_cut);
    g_test_add_func("/xdr/inflated", test_inflated);
    g_test_add_func("/xdr/left-over", test_left_over);
    g_test_add_func("/xdr/string-with-nul", test_string_with_nul);
    g_test_add_func("/xdr/missing-string", test_missing_string);
    g_test_add_func("/xdr/known-bytes", test_known_bytes);
    g_test_add_func("/procedure/lookup", test_lookup);
    g_test_add_func("/procedure/rules", test_rules);
    g_test_add_func("/procedure/runs", test_runs);
    g_test_add_func("/wire-params/check", test_params);
    return g_test_run();
}
