/* SPDX-License-Identifier: Apache-2.0 */
#include "model/source-map.h"

#include <stdbool.h>
#include <string.h>

/* The number of @wanted among all elements of the tree, in the order of their start tags. */
static bool source_ordinal(const xmlNode *node, const xmlNode *wanted, unsigned *ordinal)
{
    if (node == wanted)
        return true;
    ++*ordinal;
    for (const xmlNode *child = node->children; child; child = child->next) {
        if (child->type == XML_ELEMENT_NODE && source_ordinal(child, wanted, ordinal))
            return true;
    }
    return false;
}

static const char *source_after(const char *at, const char *end, const char *mark)
{
    const char *found = g_strstr_len(at, end - at, mark);
    return found ? found + strlen(mark) : end;
}

/* Behind the start tag at @at; the name of @attribute in it goes to *ret_attribute. */
static const char *source_skip_tag(const char *at, const char *end, const char *attribute, const char **ret_attribute)
{
    gsize length = attribute ? strlen(attribute) : 0;
    while (at < end && *at != '>') {
        if (*at == '"' || *at == '\'') {
            const char *close = memchr(at + 1, *at, (gsize)(end - at - 1));
            at = close ? close + 1 : end;
            continue;
        }
        bool begins = length && g_ascii_isspace(at[-1]) && (gsize)(end - at) > length &&
                      !strncmp(at, attribute, length) && strchr("= \t\r\n", at[length]);
        if (begins && !*ret_attribute)
            *ret_attribute = at;
        at++;
    }
    return at;
}

/* The start tag number @ordinal, or its attribute. */
static const char *source_find(const char *xml, const char *end, unsigned ordinal, const char *attribute)
{
    const char *at = memchr(xml, '<', (gsize)(end - xml));
    while (at && at < end) {
        gsize left = (gsize)(end - at);
        if (left > 3 && !strncmp(at, "<!--", 4)) {
            at = source_after(at, end, "-->");
        } else if (left > 8 && !strncmp(at, "<![CDATA[", 9)) {
            at = source_after(at, end, "]]>");
        } else if (left > 1 && at[1] == '?') {
            at = source_after(at, end, "?>");
        } else if (left > 1 && at[1] != '/' && at[1] != '!') {
            const char *named = NULL, *tag = at;
            at = source_skip_tag(at + 1, end, ordinal ? NULL : attribute, &named);
            if (!ordinal--)
                return named ? named : tag;
        } else {
            at++;
        }
        at = at < end ? memchr(at, '<', (gsize)(end - at)) : NULL;
    }
    return xml;
}

SourcePosition source_position(const char *xml, gsize size, const xmlNode *node, const char *attribute)
{
    unsigned ordinal = 0;
    source_ordinal(xmlDocGetRootElement(node->doc), node, &ordinal);
    const char *found = source_find(xml, xml + size, ordinal, attribute);
    SourcePosition position = { 1, 1 };
    for (const char *at = xml; at < found; at = g_utf8_next_char(at)) {
        position.column++;
        if (*at == '\n')
            position = (SourcePosition){ position.line + 1, 1 };
    }
    return position;
}

char *source_path(const xmlNode *node)
{
    unsigned before = 0, same = 0;
    for (const xmlNode *other = node->parent ? node->parent->children : NULL; other; other = other->next) {
        if (other->type != XML_ELEMENT_NODE || strcmp((const char *)other->name, (const char *)node->name))
            continue;
        same++;
        if (other == node)
            before = same;
    }
    g_autofree char *number = same > 1 ? g_strdup_printf("[%u]", before) : g_strdup("");
    if (!node->parent || node->parent->type != XML_ELEMENT_NODE)
        return g_strconcat((const char *)node->name, number, NULL);
    g_autofree char *parent = source_path(node->parent);
    return g_strconcat(parent, "/", (const char *)node->name, number, NULL);
}
