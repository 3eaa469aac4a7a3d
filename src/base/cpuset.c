/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cpuset.h"

#include "base/error.h"

#include <string.h>

Cpuset *cpuset_new(unsigned bits)
{
    Cpuset *set = g_new0(Cpuset, 1);
    set->size = (bits + 7) / 8 * 8;
    set->bytes = g_malloc0(MAX(set->size / 8, 1));
    return set;
}

Cpuset *cpuset_copy(const Cpuset *set)
{
    return set ? cpuset_from_bytes(set->bytes, set->size / 8) : NULL;
}

void cpuset_free(Cpuset *set)
{
    if (set)
        g_free(set->bytes);
    g_free(set);
}

bool cpuset_has(const Cpuset *set, unsigned number)
{
    return number < set->size && (set->bytes[number / 8] >> (number % 8) & 1);
}

void cpuset_add(Cpuset *set, unsigned number)
{
    g_assert(number < CPUSET_MAX);
    if (number >= set->size) {
        unsigned size = number / 8 * 8 + 8;
        set->bytes = g_realloc(set->bytes, size / 8);
        memset(set->bytes + set->size / 8, 0, (size - set->size) / 8);
        set->size = size;
    }
    set->bytes[number / 8] |= (uint8_t)(1u << number % 8);
}

void cpuset_remove(Cpuset *set, unsigned number)
{
    if (number < set->size)
        set->bytes[number / 8] &= (uint8_t) ~(1u << number % 8);
}

unsigned cpuset_count(const Cpuset *set)
{
    unsigned count = 0;
    for (unsigned i = 0; i < set->size / 8; i++)
        count += (unsigned)__builtin_popcount(set->bytes[i]);
    return count;
}

unsigned cpuset_end(const Cpuset *set)
{
    unsigned end = set->size;
    while (end > 0 && !cpuset_has(set, end - 1))
        end--;
    return end;
}

bool cpuset_equal(const Cpuset *a, const Cpuset *b)
{
    unsigned end = cpuset_end(a);
    if (end != cpuset_end(b))
        return false;
    return memcmp(a->bytes, b->bytes, (end + 7) / 8) == 0;
}

/* One item: "N", "N-M" or "^N". */
static bool parse_item(const char *item, Cpuset *set)
{
    bool exclude = item[0] == '^';
    g_auto(GStrv) ends = g_strsplit(item + exclude, "-", 2);
    guint64 first, last;
    if (!ends[0] || !g_ascii_string_to_unsigned(g_strstrip(ends[0]), 10, 0, CPUSET_MAX - 1, &first, NULL))
        return false;
    last = first;
    if (ends[1] &&
        (exclude || !g_ascii_string_to_unsigned(g_strstrip(ends[1]), 10, first, CPUSET_MAX - 1, &last, NULL)))
        return false;
    for (guint64 i = first; i <= last; i++) {
        if (exclude)
            cpuset_remove(set, (unsigned)i);
        else
            cpuset_add(set, (unsigned)i);
    }
    return true;
}

Cpuset *cpuset_parse(const char *text, GError **error)
{
    g_autoptr(Cpuset) set = cpuset_new(0);
    g_auto(GStrv) items = g_strsplit(text, ",", -1);
    for (char **item = items; *item; item++) {
        if (!parse_item(g_strstrip(*item), set)) {
            error_set(error, VIR_ERR_INVALID_ARG, "failed to parse CPU set '%s': write numbers below %d as '0-3,^2,5'",
                      text, CPUSET_MAX);
            return NULL;
        }
    }
    if (cpuset_count(set) == 0) {
        error_set(error, VIR_ERR_INVALID_ARG, "CPU set '%s' is empty", text);
        return NULL;
    }
    return g_steal_pointer(&set);
}

char *cpuset_format(const Cpuset *set)
{
    GString *text = g_string_new(NULL);
    for (unsigned i = 0; i < set->size; i++) {
        if (!cpuset_has(set, i))
            continue;
        unsigned first = i;
        while (cpuset_has(set, i + 1))
            i++;
        g_string_append_printf(text, "%s%u", text->len ? "," : "", first);
        if (i > first)
            g_string_append_printf(text, "-%u", i);
    }
    return g_string_free(text, FALSE);
}

Cpuset *cpuset_from_bytes(const uint8_t *bytes, size_t length)
{
    Cpuset *set = cpuset_new((unsigned)length * 8);
    memcpy(set->bytes, bytes, length);
    return set;
}
