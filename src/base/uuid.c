/* SPDX-License-Identifier: Apache-2.0 */
#include "base/uuid.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

Uuid uuid_random(void)
{
    Uuid uuid;
    size_t have = 0;
    while (have < sizeof uuid.bytes) {
        ssize_t got = getrandom(uuid.bytes + have, sizeof uuid.bytes - have, 0);
        g_assert(got > 0 || errno == EINTR);
        have += got > 0 ? (size_t)got : 0;
    }
    uuid.bytes[6] = (uuid.bytes[6] & 0x0f) | 0x40;
    uuid.bytes[8] = (uuid.bytes[8] & 0x3f) | 0x80;
    return uuid;
}

bool uuid_equal(const Uuid *a, const Uuid *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool uuid_is_null(const Uuid *uuid)
{
    static const Uuid null_uuid;
    return uuid_equal(uuid, &null_uuid);
}

guint uuid_hash(gconstpointer uuid)
{
    guint hash;
    memcpy(&hash, uuid, sizeof hash);
    return hash;
}

gboolean uuid_key_equal(gconstpointer a, gconstpointer b)
{
    return uuid_equal(a, b);
}

void uuid_format(const Uuid *uuid, char ret_text[static UUID_TEXT_SIZE])
{
    char *out = ret_text;
    for (unsigned i = 0; i < sizeof uuid->bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = "0123456789abcdef"[uuid->bytes[i] >> 4];
        *out++ = "0123456789abcdef"[uuid->bytes[i] & 15];
    }
    *out = 0;
}

bool uuid_parse(const char *text, Uuid *ret_uuid)
{
    Uuid uuid;
    unsigned digits = 0;
    while (g_ascii_isspace(*text))
        text++;
    for (; *text && digits < 32; text++) {
        if (*text == '-')
            continue;
        int value = g_ascii_xdigit_value(*text);
        if (value < 0)
            return false;
        uint8_t *byte = &uuid.bytes[digits / 2];
        *byte = digits % 2 ? (uint8_t)(*byte | value) : (uint8_t)(value << 4);
        digits++;
    }
    while (g_ascii_isspace(*text))
        text++;
    if (digits != 32 || *text)
        return false;
    *ret_uuid = uuid;
    return true;
}
