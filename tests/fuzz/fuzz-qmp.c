/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a QEMU that has gone mad, or been taken over by its guest, could say: lines cut anywhere, parsed, and read the
 * way the daemon reads replies. The first byte says how the rest is cut into pieces as they would come from the socket.
 */
#include "qemu/qemu-monitor.h"
#include "qemu/qmp-lines.h"
#include "qemu/qmp-object.h"

#include <stdint.h>
#include <string.h>

/*
 * json-glib 1.6 leaks a string of its own on an escape that is half a surrogate pair. Leaks of ours are for the unit
 * and live tests, which run under the same sanitizer.
 */
int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    return 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_reply(JsonObject *object)
{
    JsonNode *value = json_object_get_member(object, "return");
    QemuBalloonStats stats;
    qemu_balloon_stats_parse(value, &stats);
    (void)qmp_get_string(qmp_get_object(object, "error"), "desc");
    (void)qmp_get_int(qmp_get_object(object, "timestamp"), "seconds", 0);
    for (unsigned i = 0; i < 3; i++)
        (void)qmp_get_string(qmp_array_object(qmp_get_array(object, "return"), i), "name");
    g_autofree char *text = qmp_object_text(object);
    g_assert(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    g_autoptr(QmpLines) lines = qmp_lines_new();
    size_t piece = data[0] % 64 + 1;
    for (size_t at = 1; at < size; at += piece) {
        size_t length = MIN(piece, size - at);
        memcpy(qmp_lines_room(lines, length), data + at, length);
        qmp_lines_fed(lines, length);
        for (;;) {
            g_autoptr(JsonObject) object = NULL;
            g_autoptr(GError) error = NULL;
            if (!qmp_lines_next(lines, &object, &error))
                return 0;
            if (!object)
                break;
            read_reply(object);
        }
    }
    return 0;
}
