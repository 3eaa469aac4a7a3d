/* SPDX-License-Identifier: Apache-2.0 */
#include "model/scalar.h"
#include "base/cpuset.h"
#include "base/spelling.h"
#include "base/uuid.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *model_enum_text(const ModelEnum *type, unsigned value)
{
    return value < type->n_words ? type->words[value] : NULL;
}

unsigned model_enum_value(const ModelEnum *type, const char *word)
{
    for (unsigned i = 1; i < type->n_words; i++) {
        if (!strcmp(type->words[i], word))
            return i;
    }
    return 0;
}

void model_append_escaped(GString *out, const char *text)
{
    static const char *const entities[256] = {
        ['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['\''] = "&apos;", ['"'] = "&quot;",
    };
    const char *start = text;
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool control = c < 0x20 && c != '\t' && c != '\n' && c != '\r';
        if (!entities[c] && !control)
            continue;
        g_string_append_len(out, start, text - start);
        if (!control)
            g_string_append(out, entities[c]);
        start = text + 1;
    }
    g_string_append_len(out, start, text - start);
}

uint64_t model_unit_factor(const char *unit)
{
    static const char letters[] = "kmgtpe";
    if (!*unit || !g_ascii_strcasecmp(unit, "b") || !g_ascii_strcasecmp(unit, "byte") ||
        !g_ascii_strcasecmp(unit, "bytes"))
        return 1;
    const char *letter = strchr(letters, g_ascii_tolower(*unit));
    if (!letter)
        return 0;
    uint64_t base = !unit[1] || !g_ascii_strcasecmp(unit + 1, "ib") ? 1024
                    : !g_ascii_strcasecmp(unit + 1, "b")            ? 1000
                                                                    : 0;
    uint64_t factor = base;
    for (const char *step = letters; step < letter; step++)
        factor *= base;
    return factor;
}

/* Numbers ------------------------------------------------------------------------------------------------------- */

static bool scalar_read_unsigned(const char *text, int base, uint64_t limit, uint64_t *ret_value)
{
    while (g_ascii_isspace(*text))
        text++;
    if (!g_ascii_isdigit(*text))
        return false;
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, base);
    while (g_ascii_isspace(*end))
        end++;
    if (errno || *end || value > limit)
        return false;
    *ret_value = value;
    return true;
}

static bool scalar_read_signed(const char *text, int64_t min, int64_t max, int64_t *ret_value)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text)
        return false;
    while (g_ascii_isspace(*end))
        end++;
    if (errno || *end || value < min || value > max)
        return false;
    *ret_value = value;
    return true;
}

static bool scalar_unsigned_in_range(const ModelRow *row, uint64_t value)
{
    return !(row->flags & MODEL_RANGE) || (value >= (uint64_t)row->min && value <= row->max);
}

static bool u32_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    uint64_t value;
    if (!scalar_read_unsigned(text, row->scalar == MODEL_SCALAR_HEX ? 0 : 10, UINT32_MAX, &value) ||
        !scalar_unsigned_in_range(row, value)) {
        uint64_t max = row->flags & MODEL_RANGE ? MIN(row->max, UINT32_MAX) : UINT32_MAX;
        *ret_cure = g_strdup_printf("a whole number from %lld to %llu", (long long)row->min, (unsigned long long)max);
        return false;
    }
    *(uint32_t *)field = (uint32_t)value;
    return true;
}

static bool u64_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    uint64_t value;
    if (!scalar_read_unsigned(text, row->scalar == MODEL_SCALAR_HEX64 ? 0 : 10, UINT64_MAX, &value) ||
        !scalar_unsigned_in_range(row, value)) {
        *ret_cure = g_strdup("a whole number that is not negative");
        return false;
    }
    *(uint64_t *)field = value;
    return true;
}

static bool i32_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    int64_t value, min = INT32_MIN, max = INT32_MAX;
    if (row->flags & MODEL_RANGE) {
        min = row->min;
        max = (int64_t)MIN(row->max, INT32_MAX);
    }
    if (!scalar_read_signed(text, min, max, &value)) {
        *ret_cure = g_strdup_printf("a whole number from %lld to %lld", (long long)min, (long long)max);
        return false;
    }
    *(int32_t *)field = (int32_t)value;
    return true;
}

static bool i64_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    int64_t value;
    if (!scalar_read_signed(text, INT64_MIN, INT64_MAX, &value)) {
        *ret_cure = g_strdup("a whole number");
        return false;
    }
    *(int64_t *)field = value;
    return true;
}

static void u32_format(const ModelRow *row, const void *field, GString *out)
{
    g_string_append_printf(out, "%u", *(const uint32_t *)field);
}

static void hex_format(const ModelRow *row, const void *field, GString *out)
{
    g_string_append_printf(out, row->flags & MODEL_UPPER ? "0x%0*X" : "0x%0*x", row->width, *(const uint32_t *)field);
}

static void hex64_format(const ModelRow *row, const void *field, GString *out)
{
    g_string_append_printf(out, "0x%llx", *(const unsigned long long *)field);
}

static void i32_format(const ModelRow *row, const void *field, GString *out)
{
    g_string_append_printf(out, "%d", *(const int32_t *)field);
}

static void u64_format(const ModelRow *row, const void *field, GString *out)
{
    g_string_append_printf(out, "%llu", *(const unsigned long long *)field);
}

static void i64_format(const ModelRow *row, const void *field, GString *out)
{
    g_string_append_printf(out, "%lld", *(const long long *)field);
}

static void size_format(const ModelRow *row, const void *field, GString *out)
{
    uint64_t factor = model_unit_factor(row->unit_out);
    g_string_append_printf(out, "%llu", *(const unsigned long long *)field * row->scale / factor);
}

static bool set_if_32(const ModelRow *row, const void *field)
{
    return *(const uint32_t *)field != 0;
}

static bool set_if_64(const ModelRow *row, const void *field)
{
    return *(const uint64_t *)field != 0;
}

/* Words --------------------------------------------------------------------------------------------------------- */

static bool yes_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    *(bool *)field = !strcmp(text, "yes");
    if (*(bool *)field || !strcmp(text, "no"))
        return true;
    *ret_cure = g_strdup("'yes' or 'no'");
    return false;
}

static void yes_format(const ModelRow *row, const void *field, GString *out)
{
    g_string_append(out, "yes");
}

static bool tri_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    bool on = row->scalar == MODEL_SCALAR_ONOFF;
    bool yes = !strcmp(text, on ? "on" : "yes"), no = !strcmp(text, on ? "off" : "no");
    if (!yes && !no) {
        *ret_cure = g_strdup(on ? "'on' or 'off'" : "'yes' or 'no'");
        return false;
    }
    *(Tri *)field = yes ? TRI_YES : TRI_NO;
    return true;
}

static void tri_format(const ModelRow *row, const void *field, GString *out)
{
    bool yes = *(const Tri *)field == TRI_YES;
    g_string_append(out, row->scalar == MODEL_SCALAR_ONOFF ? (yes ? "on" : "off") : yes ? "yes" : "no");
}

static bool enum_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    const ModelEnum *type = row->detail;
    unsigned value = model_enum_value(type, text);
    if (!value) {
        g_autofree char *words = g_strjoinv(", ", (char **)(type->words + 1));
        Spelling spelling = spelling_of(text);
        for (const char *const *word = type->words + 1; *word; word++)
            spelling_try(&spelling, *word);
        *ret_cure = spelling.nearest ? g_strdup_printf("one of: %s; did you mean '%s'?", words, spelling.nearest)
                                     : g_strdup_printf("one of: %s", words);
        return false;
    }
    *(uint8_t *)field = (uint8_t)value;
    return true;
}

static void enum_format(const ModelRow *row, const void *field, GString *out)
{
    g_string_append(out, model_enum_text(row->detail, *(const uint8_t *)field));
}

static bool set_if_8(const ModelRow *row, const void *field)
{
    return *(const uint8_t *)field != 0;
}

/* Text ---------------------------------------------------------------------------------------------------------- */

static void scalar_take_text(void *field, char *text)
{
    char **slot = field;
    g_free(*slot);
    *slot = text;
}

static bool string_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    scalar_take_text(field, g_strdup(text));
    return true;
}

static bool uuid_text_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    Uuid uuid;
    if (!uuid_parse(text, &uuid)) {
        *ret_cure = g_strdup("a UUID: 32 hexadecimal digits, with or without dashes");
        return false;
    }
    char *canonical = g_malloc(UUID_TEXT_SIZE);
    uuid_format(&uuid, canonical);
    scalar_take_text(field, canonical);
    return true;
}

static bool cpuset_text_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    g_autoptr(Cpuset) set = cpuset_parse(text, NULL);
    if (!set || cpuset_count(set) == 0) {
        *ret_cure = g_strdup("numbers and ranges, as in \"0-3,^2,5\"");
        return false;
    }
    scalar_take_text(field, cpuset_format(set));
    return true;
}

static void string_format(const ModelRow *row, const void *field, GString *out)
{
    model_append_escaped(out, *(char *const *)field);
}

static void raw_format(const ModelRow *row, const void *field, GString *out)
{
    g_string_append(out, *(char *const *)field);
}

static bool set_if_text(const ModelRow *row, const void *field)
{
    return *(char *const *)field != NULL;
}

/* Fixed size ---------------------------------------------------------------------------------------------------- */

static bool uuid_field_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    *ret_cure = NULL;
    if (uuid_parse(text, field))
        return true;
    *ret_cure = g_strdup("a UUID: 32 hexadecimal digits, with or without dashes");
    return false;
}

static void uuid_field_format(const ModelRow *row, const void *field, GString *out)
{
    char text[UUID_TEXT_SIZE];
    uuid_format(field, text);
    g_string_append(out, text);
}

static bool set_if_uuid(const ModelRow *row, const void *field)
{
    return !uuid_is_null(field);
}

static bool mac_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    MacAddress mac;
    unsigned i = 0;
    for (const char *at = text; i < 6; i++) {
        int high = g_ascii_xdigit_value(at[0]);
        if (high < 0)
            break;
        int low = g_ascii_xdigit_value(at[1]);
        mac.bytes[i] = (uint8_t)(low < 0 ? high : high * 16 + low);
        at += low < 0 ? 1 : 2;
        if (i < 5 ? *at != ':' : *at != '\0')
            break;
        at++;
    }
    if (i < 6) {
        *ret_cure = g_strdup("six pairs of hexadecimal digits, as in 52:54:00:12:34:56");
        return false;
    }
    *(MacAddress *)field = mac;
    return true;
}

static void mac_format(const ModelRow *row, const void *field, GString *out)
{
    const uint8_t *b = ((const MacAddress *)field)->bytes;
    g_string_append_printf(out, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}

static bool set_if_mac(const ModelRow *row, const void *field)
{
    static const MacAddress none;
    return memcmp(field, &none, sizeof none) != 0;
}

/* A USB version "1.10" is kept as 0x0110, the way a device descriptor has it; "-1" means any and is not kept. */
static bool bcd_parse(const ModelRow *row, const char *text, void *field, char **ret_cure)
{
    if (!strcmp(text, "-1"))
        return true;
    const char *dot = strchr(text, '.');
    size_t whole = strspn(text, "0123456789"), part = dot ? strspn(dot + 1, "0123456789") : 0;
    if (whole < 1 || whole > 2 || part > 2 || (dot ? dot != text + whole || dot[1 + part] : text[whole] != 0)) {
        *ret_cure = g_strdup("a USB version, as in \"2.00\"");
        return false;
    }
    unsigned major = (unsigned)strtoul(text, NULL, 10), minor = dot ? (unsigned)strtoul(dot + 1, NULL, 10) : 0;
    if (part == 1)
        minor *= 10; /* "9.4" is 9.40 */
    *(int32_t *)field = (int32_t)((major / 10) << 12 | (major % 10) << 8 | (minor / 10) << 4 | minor % 10);
    return true;
}

static void bcd_format(const ModelRow *row, const void *field, GString *out)
{
    unsigned v = *(const uint32_t *)field;
    g_string_append_printf(out, "%u.%02u", (v >> 12) * 10 + (v >> 8 & 15), (v >> 4 & 15) * 10 + (v & 15));
}

int64_t model_scalar_number(const ModelRow *row, const void *field)
{
    const ModelCodec *codec = model_codec(row->scalar);
    if (codec->owned || row->scalar == MODEL_SCALAR_UUID || row->scalar == MODEL_SCALAR_MAC)
        return 0;
    switch (codec->size) {
    case 1: return *(const uint8_t *)field;
    case 4: return *(const int32_t *)field;
    default: return *(const int64_t *)field;
    }
}

void model_scalar_set_number(const ModelRow *row, void *field, int64_t value)
{
    switch (model_codec(row->scalar)->size) {
    case 1: *(uint8_t *)field = (uint8_t)value; break;
    case 4: *(int32_t *)field = (int32_t)value; break;
    default: *(int64_t *)field = value; break;
    }
}

static const ModelCodec codecs[MODEL_SCALAR_COUNT] = {
    [MODEL_SCALAR_PRESENT] = { yes_parse, yes_format, set_if_8, 1, false },
    [MODEL_SCALAR_YES] = { yes_parse, yes_format, set_if_8, 1, false },
    [MODEL_SCALAR_YESNO] = { tri_parse, tri_format, set_if_8, 1, false },
    [MODEL_SCALAR_ONOFF] = { tri_parse, tri_format, set_if_8, 1, false },
    [MODEL_SCALAR_ENUM] = { enum_parse, enum_format, set_if_8, 1, false },
    [MODEL_SCALAR_U32] = { u32_parse, u32_format, set_if_32, 4, false },
    [MODEL_SCALAR_I32] = { i32_parse, i32_format, set_if_32, 4, false },
    [MODEL_SCALAR_U64] = { u64_parse, u64_format, set_if_64, 8, false },
    [MODEL_SCALAR_I64] = { i64_parse, i64_format, set_if_64, 8, false },
    [MODEL_SCALAR_HEX] = { u32_parse, hex_format, set_if_32, 4, false },
    [MODEL_SCALAR_HEX64] = { u64_parse, hex64_format, set_if_64, 8, false },
    [MODEL_SCALAR_SIZE] = { u64_parse, size_format, set_if_64, 8, false },
    [MODEL_SCALAR_STRING] = { string_parse, string_format, set_if_text, sizeof(char *), true },
    [MODEL_SCALAR_UUID] = { uuid_field_parse, uuid_field_format, set_if_uuid, 16, false },
    [MODEL_SCALAR_UUIDS] = { uuid_text_parse, string_format, set_if_text, sizeof(char *), true },
    [MODEL_SCALAR_MAC] = { mac_parse, mac_format, set_if_mac, 6, false },
    [MODEL_SCALAR_CPUSET] = { cpuset_text_parse, string_format, set_if_text, sizeof(char *), true },
    [MODEL_SCALAR_RAW] = { string_parse, raw_format, set_if_text, sizeof(char *), true },
    [MODEL_SCALAR_BCD] = { bcd_parse, bcd_format, set_if_32, 4, false },
};

const ModelCodec *model_codec(ModelScalar scalar)
{
    return &codecs[scalar];
}
