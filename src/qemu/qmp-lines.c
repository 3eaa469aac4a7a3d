/* SPDX-License-Identifier: Apache-2.0 */
#include "qemu/qmp-lines.h"

#include "base/error.h"
#include "qemu/qmp.h"

#include <string.h>

#define ROOM_KEPT 65536 /* a buffer that grew past this is given back once it is empty */

struct QmpLines {
    JsonParser *parser;
    char *bytes;
    size_t size, start, end; /* of @bytes: allocated; the unread part */
    size_t searched;         /* start … start+searched holds no newline */
};

QmpLines *qmp_lines_new(void)
{
    QmpLines *lines = g_new0(QmpLines, 1);
    lines->parser = json_parser_new();
    return lines;
}

void qmp_lines_free(QmpLines *lines)
{
    if (!lines)
        return;
    g_object_unref(lines->parser);
    g_free(lines->bytes);
    g_free(lines);
}

char *qmp_lines_room(QmpLines *lines, size_t wanted)
{
    if (lines->start > 0 && lines->size - lines->end < wanted) {
        memmove(lines->bytes, lines->bytes + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->start = 0;
    }
    if (lines->size - lines->end < wanted) {
        lines->size = MAX(lines->size * 2, lines->end + wanted);
        lines->bytes = g_realloc(lines->bytes, lines->size);
    }
    return lines->bytes + lines->end;
}

void qmp_lines_fed(QmpLines *lines, size_t length)
{
    g_assert(length <= lines->size - lines->end);
    lines->end += length;
}

/* The parser recurses, so a line of a million brackets would overflow the stack. */
static bool depth_is_sane(const char *text, size_t length)
{
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > QMP_DEPTH_MAX)
                return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

static bool parse_line(QmpLines *lines, const char *text, size_t length, JsonObject **ret_object, GError **error)
{
    g_autoptr(GError) why = NULL;
    if (memchr(text, '\0', length) || !depth_is_sane(text, length))
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "line of %zu bytes is nested too deeply or holds a NUL",
                         length);
    if (!json_parser_load_from_data(lines->parser, text, (gssize)length, &why))
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "not JSON: %s", why->message);
    /* Taken out of the parser: reference counts of json-glib are not for several threads, so there must be one only. */
    g_autoptr(JsonNode) root = json_parser_steal_root(lines->parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "line of %zu bytes is no JSON object", length);
    *ret_object = json_object_ref(json_node_get_object(root));
    return true;
}

static bool is_blank(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!g_ascii_isspace(text[i]))
            return false;
    return true;
}

static void release_large_buffer(QmpLines *lines)
{
    if (lines->start < lines->end || lines->size <= ROOM_KEPT)
        return;
    g_clear_pointer(&lines->bytes, g_free);
    lines->size = lines->start = lines->end = 0;
}

bool qmp_lines_next(QmpLines *lines, JsonObject **ret_object, GError **error)
{
    for (;;) {
        size_t held = lines->end - lines->start;
        if (held == lines->searched) {
            release_large_buffer(lines);
            *ret_object = NULL;
            return true;
        }
        const char *text = lines->bytes + lines->start;
        const char *newline = memchr(text + lines->searched, '\n', held - lines->searched);
        if ((newline ? (size_t)(newline - text) : held) > QMP_LINE_MAX)
            return error_set(error, VIR_ERR_INTERNAL_ERROR, "line longer than %u bytes", QMP_LINE_MAX);
        if (!newline) {
            lines->searched = held;
            continue;
        }
        size_t length = (size_t)(newline - text);
        lines->start += length + 1;
        lines->searched = 0;
        if (!is_blank(text, length))
            return parse_line(lines, text, length, ret_object, error);
    }
}

JsonObject *qmp_lines_parse_one(const char *text, GError **error)
{
    g_autoptr(QmpLines) lines = qmp_lines_new();
    size_t length = strlen(text);
    char *room = qmp_lines_room(lines, length + 1);
    for (size_t i = 0; i < length; i++)
        room[i] = text[i] == '\n' || text[i] == '\r' ? ' ' : text[i];
    room[length] = '\n';
    qmp_lines_fed(lines, length + 1);
    JsonObject *object = NULL;
    if (qmp_lines_next(lines, &object, error) && !object)
        error_set(error, VIR_ERR_INTERNAL_ERROR, "a JSON object is missing");
    return object;
}
