/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "model/parse-unknown.h"
#include "model/scalar.h"
#include <string.h>

typedef struct {
    ModelParseFlags flags;
    GPtrArray *warnings; /* of char * */
    GPtrArray *problems; /* of ModelProblem *: go on behind errors and collect them; NULL: stop at the first one */
    GHashTable *places;  /* struct → its element */
} Parser;

void model_problem_free(ModelProblem *problem)
{
    g_free(problem->attribute);
    g_free(problem->text);
    g_free(problem);
}

static void parse_note(Parser *parser, xmlNode *node, const char *attribute, int code, bool unknown, char *text)
{
    ModelProblem *problem = g_new0(ModelProblem, 1);
    *problem = (ModelProblem){ node, g_strdup(attribute), text, code, unknown };
    g_ptr_array_add(parser->problems, problem);
}

/* True if parsing goes on. */
static bool G_GNUC_PRINTF(6, 7) parse_problem(Parser *parser, xmlNode *node, const char *attribute, int code,
                                              GError **error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    g_autofree char *text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (!parser->problems)
        return error_set(error, code, "line %ld: %s", xmlGetLineNo(node), text);
    parse_note(parser, node, attribute, code, false, g_steal_pointer(&text));
    return true;
}

/* Rows mark what they have taken, so that the rest can be named. */
static void parse_take(void *node_or_attribute)
{
    ((xmlNode *)node_or_attribute)->_private = GINT_TO_POINTER(1);
}

static bool parse_taken(const void *node_or_attribute)
{
    return ((const xmlNode *)node_or_attribute)->_private != NULL;
}

static const char *parse_attribute(xmlAttr *attribute, char **ret_owned)
{
    if (!attribute->children)
        return "";
    if (!attribute->children->next && attribute->children->type == XML_TEXT_NODE)
        return (const char *)attribute->children->content;
    *ret_owned = (char *)xmlNodeListGetString(attribute->doc, attribute->children, 1);
    return *ret_owned ? *ret_owned : "";
}

static xmlAttr *parse_find_attribute(xmlNode *node, const char *name)
{
    for (xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        if (!attribute->ns && !strcmp((const char *)attribute->name, name))
            return attribute;
    }
    return NULL;
}

/* "mode=bind" */
static bool parse_matches(xmlNode *node, const char *match)
{
    const char *equals = strchr(match, '=');
    g_autofree char *name = g_strndup(match, (gsize)(equals - match));
    xmlAttr *attribute = parse_find_attribute(node, name);
    if (!attribute)
        return false;
    char *owned = NULL;
    bool same = !strcmp(parse_attribute(attribute, &owned), equals + 1);
    xmlFree(owned);
    if (same)
        parse_take(attribute);
    return same;
}

static xmlNode *parse_find_element(const ModelRow *row, xmlNode *from)
{
    for (xmlNode *child = from; child; child = child->next) {
        if (child->type != XML_ELEMENT_NODE || parse_taken(child) || strcmp((const char *)child->name, row->name))
            continue;
        bool qemu = child->ns && child->ns->href && !strcmp((const char *)child->ns->href, MODEL_QEMU_NAMESPACE);
        if (row->flags & MODEL_QEMU_NS ? !qemu : child->ns != NULL)
            continue;
        if (!row->match || parse_matches(child, row->match))
            return child;
    }
    return NULL;
}

/* The element's own text; NULL if it is empty, or mere blanks between child elements. */
static char *parse_own_text(xmlNode *node)
{
    g_autoptr(GString) text = g_string_new(NULL);
    bool elements = false;
    for (xmlNode *child = node->children; child; child = child->next) {
        if (child->type == XML_TEXT_NODE || child->type == XML_CDATA_SECTION_NODE)
            g_string_append(text, (const char *)child->content);
        elements |= child->type == XML_ELEMENT_NODE;
    }
    if (elements && strspn(text->str, " \t\r\n") == text->len)
        return NULL;
    return text->len ? g_string_free(g_steal_pointer(&text), false) : NULL;
}

static bool parse_size(Parser *parser, const ModelRow *row, xmlNode *node, void *field, GError **error)
{
    uint64_t value = *(uint64_t *)field;
    g_autofree char *unit = g_strdup(row->unit);
    xmlAttr *attribute = parse_find_attribute(node, "unit");
    if (attribute) {
        char *owned = NULL;
        g_free(unit);
        unit = g_strdup(parse_attribute(attribute, &owned));
        xmlFree(owned);
        parse_take(attribute);
    }
    uint64_t factor = model_unit_factor(unit);
    if (!factor)
        return parse_problem(parser, node, "unit", VIR_ERR_INVALID_ARG, error,
                             "<%s unit='%s'>: no such unit; use bytes, KiB, MiB, GiB …", node->name, unit);
    if (value > G_MAXINT64 / factor)
        return parse_problem(parser, node, NULL, VIR_ERR_OVERFLOW, error, "<%s>: %llu %s is more than can be counted",
                             node->name, (unsigned long long)value, unit);
    *(uint64_t *)field = (value * factor + row->scale - 1) / row->scale;
    return true;
}

static bool parse_scalar(Parser *parser, const ModelRow *row, xmlNode *node, const char *text, void *object,
                         GError **error)
{
    const ModelCodec *codec = model_codec(row->scalar);
    char *field = (char *)object + row->offset;
    g_autofree char *cure = NULL;
    if (!*text && (row->flags & MODEL_NOT_EMPTY))
        return true;
    if (!codec->parse(row, text, field, &cure)) {
        if (row->kind == MODEL_ATTRIBUTE)
            return parse_problem(parser, node, row->name, row->code, error, "<%s %s='%s'>: expected %s", node->name,
                                 row->name, text, cure);
        return parse_problem(parser, node, NULL, row->code, error, "<%s>%s: expected %s", node->name, text, cure);
    }
    if (row->scalar == MODEL_SCALAR_SIZE && !parse_size(parser, row, node, field, error))
        return false;
    if (row->kind != MODEL_GROUP && row->set_offset != MODEL_NO_OFFSET)
        *((bool *)object + row->set_offset) = true;
    return true;
}

/*
 * Metadata belongs to others: kept as it came, one element for each namespace (the first one counts, what has none is
 * dropped), indented to stand inside of <domain>.
 */
static char *parse_raw(xmlNode *node)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    for (xmlNode *child = node->children; child; child = child->next) {
        if (child->type != XML_ELEMENT_NODE || !child->ns || !child->ns->href ||
            !g_hash_table_add(seen, (gpointer)child->ns->href))
            continue;
        xmlBuffer *buffer = xmlBufferCreate();
        xmlNodeDump(buffer, node->doc, child, 2, 1);
        g_string_append_printf(out, "    %s\n", (const char *)xmlBufferContent(buffer));
        xmlBufferFree(buffer);
    }
    return out->len ? g_string_free(g_steal_pointer(&out), false) : NULL;
}

static bool parse_rows(Parser *parser, const ModelRow *rows, unsigned n, xmlNode *node, void *object, GError **error);

static void parse_unknown(Parser *parser, xmlNode *node, const char *attribute, char *text)
{
    if (parser->problems)
        parse_note(parser, node, attribute, VIR_ERR_XML_INVALID_SCHEMA, true, text);
    else
        g_ptr_array_add(parser->warnings, g_strdup_printf("line %ld: %s; it was left out", xmlGetLineNo(node), text));
    if (!parser->problems)
        g_free(text);
}

static void parse_name_rest(Parser *parser, const ModelRow *rows, unsigned n, xmlNode *node, const void *object)
{
    if (!parser->warnings && !parser->problems)
        return;
    for (xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        const char *name = (const char *)attribute->name;
        if (!parse_taken(attribute))
            parse_unknown(parser, node, name,
                          parse_unknown_text(rows, n, object, MODEL_ATTRIBUTE, (const char *)node->name, name));
    }
    for (xmlNode *child = node->children; child; child = child->next) {
        if (child->type == XML_ELEMENT_NODE && !parse_taken(child))
            parse_unknown(
                parser, child, NULL,
                parse_unknown_text(rows, n, object, MODEL_GROUP, (const char *)node->name, (const char *)child->name));
    }
}

static bool parse_struct(Parser *parser, const ModelStruct *type, xmlNode *node, void *object, GError **error)
{
    if (parser->places)
        g_hash_table_insert(parser->places, object, node);
    if (!parse_rows(parser, type->rows, type->n_rows, node, object, error))
        return false;
    for (unsigned i = 0; i < type->n_rows; i++) {
        const ModelRow *row = &type->rows[i];
        if (!(row->flags & MODEL_DEFAULT) || !model_row_applies(row, object))
            continue;
        if (row->set_offset != MODEL_NO_OFFSET) {
            if (*((bool *)object + row->set_offset))
                continue;
            *((bool *)object + row->set_offset) = true;
        } else if (model_scalar_number(row, (char *)object + row->offset)) {
            continue;
        }
        model_scalar_set_number(row, (char *)object + row->offset, row->fallback);
    }
    parse_name_rest(parser, type->rows, type->n_rows, node, object);
    return true;
}

static bool parse_children(Parser *parser, const ModelRow *row, xmlNode *node, void *object, GError **error)
{
    const ModelStruct *type = row->detail;
    char *field = (char *)object + row->offset;
    xmlNode *child = parse_find_element(row, node->children);
    if (!child && (row->flags & MODEL_REQUIRED))
        return parse_problem(parser, node, NULL, row->code, error, "<%s>: element <%s> is missing", node->name,
                             row->name);
    for (; child; child = parse_find_element(row, child->next)) {
        parse_take(child);
        void *item = g_malloc0(type->size);
        if (row->kind == MODEL_STRUCT) {
            *(void **)field = item;
        } else {
            unsigned *n = (unsigned *)((char *)object + row->set_offset);
            model_list_insert(field, n, *n, item);
        }
        if (!parse_struct(parser, type, child, item, error))
            return false;
        if (row->kind == MODEL_STRUCT)
            return true;
    }
    return true;
}

static bool parse_group(Parser *parser, const ModelRow *row, xmlNode *node, void *object, GError **error)
{
    xmlNode *child = parse_find_element(row, node->children);
    if (!child)
        return true;
    parse_take(child);
    xmlNode *second = row->flags & MODEL_SINGLE ? parse_find_element(row, child->next) : NULL;
    if (second && !parse_problem(parser, second, NULL, VIR_ERR_XML_ERROR, error, "<%s>: only one <%s> is possible",
                                 node->name, row->name))
        return false;
    if (row->scalar == MODEL_SCALAR_PRESENT)
        *((bool *)object + row->offset) = true;
    if (!parse_rows(parser, row + 1, row->span, child, object, error))
        return false;
    if (row->span && row[1].scalar == MODEL_SCALAR_RAW)
        return true;
    parse_name_rest(parser, row + 1, row->span, child, object);
    return true;
}

/* Run state in the XML of a guest that does not run is passed over without a word: people define what dumpxml gave. */
static void parse_skip(const ModelRow *row, xmlNode *node)
{
    if (row->kind == MODEL_ATTRIBUTE) {
        xmlAttr *attribute = parse_find_attribute(node, row->name);
        if (attribute)
            parse_take(attribute);
        return;
    }
    xmlNode *child = row->name ? parse_find_element(row, node->children) : NULL;
    if (child)
        parse_take(child);
}

static bool parse_attribute_row(Parser *parser, const ModelRow *row, xmlNode *node, void *object, GError **error)
{
    xmlAttr *attribute = parse_find_attribute(node, row->name);
    if (!attribute) {
        if (row->flags & MODEL_REQUIRED)
            return parse_problem(parser, node, NULL, row->code, error, "<%s>: attribute '%s' is missing", node->name,
                                 row->name);
        if (row->flags & MODEL_DEFAULT) /* at once, because the meaning of child elements may hang on it */
            model_scalar_set_number(row, (char *)object + row->offset, row->fallback);
        return true;
    }
    parse_take(attribute);
    char *owned = NULL;
    bool ok = parse_scalar(parser, row, node, parse_attribute(attribute, &owned), object, error);
    xmlFree(owned);
    return ok;
}

static bool parse_text_row(Parser *parser, const ModelRow *row, xmlNode *node, void *object, GError **error)
{
    if (row->scalar == MODEL_SCALAR_RAW) {
        *(char **)((char *)object + row->offset) = parse_raw(node);
        return true;
    }
    g_autofree char *text = parse_own_text(node);
    if (text)
        return parse_scalar(parser, row, node, text, object, error);
    if (row->flags & MODEL_REQUIRED)
        return parse_problem(parser, node, NULL, row->code, error, "<%s>: the element is empty", node->name);
    return true;
}

static bool parse_row(Parser *parser, const ModelRow *row, xmlNode *node, void *object, GError **error)
{
    switch (row->kind) {
    case MODEL_ATTRIBUTE: return parse_attribute_row(parser, row, node, object, error);
    case MODEL_TEXT: return parse_text_row(parser, row, node, object, error);
    case MODEL_GROUP: return parse_group(parser, row, node, object, error);
    case MODEL_STRUCT:
    case MODEL_LIST: return parse_children(parser, row, node, object, error);
    case MODEL_HIDDEN: break;
    }
    return true;
}

static bool parse_rows(Parser *parser, const ModelRow *rows, unsigned n, xmlNode *node, void *object, GError **error)
{
    for (unsigned i = 0; i < n; i += 1 + rows[i].span) {
        const ModelRow *row = &rows[i];
        if (!model_row_applies(row, object))
            continue;
        if ((row->flags & MODEL_ACTIVE) && !(parser->flags & MODEL_PARSE_ACTIVE))
            parse_skip(row, node);
        else if (!parse_row(parser, row, node, object, error))
            return false;
    }
    return true;
}

bool model_parse(const ModelStruct *type, xmlNode *node, void *object, ModelParseFlags flags, GPtrArray *warnings,
                 GError **error)
{
    Parser parser = { .flags = flags, .warnings = warnings };
    return parse_struct(&parser, type, node, object, error);
}

GPtrArray *model_check(const ModelStruct *type, xmlNode *node, void *object, GHashTable *places)
{
    Parser parser = { .problems = g_ptr_array_new_with_free_func((GDestroyNotify)model_problem_free),
                      .places = places };
    bool done = parse_struct(&parser, type, node, object, NULL);
    g_assert(done); /* each error has become a problem */
    return parser.problems;
}
