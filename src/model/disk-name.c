/* SPDX-License-Identifier: Apache-2.0 */
#include "model/disk-name.h"
#include <glib.h>
#include <string.h>

int disk_name_index(const char *name, bool *ret_partition)
{
    static const char *const prefixes[] = { "fd", "hd", "vd", "sd", "xvd", "ubd" };
    const char *letters = NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(prefixes) && !letters; i++) {
        if (g_str_has_prefix(name, prefixes[i]))
            letters = name + strlen(prefixes[i]);
    }
    if (!letters || !g_ascii_islower(*letters))
        return -1;
    int index = 0;
    for (; g_ascii_islower(*letters); letters++) {
        if (index > 1000000)
            return -1;
        index = index * 26 + *letters - 'a' + 1;
    }
    size_t digits = strspn(letters, "0123456789");
    if (letters[digits])
        return -1;
    *ret_partition = digits > 0;
    return index - 1;
}
