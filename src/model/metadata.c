/* SPDX-License-Identifier: Apache-2.0 */
#include "model/metadata.h"

#include "base/error.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <string.h>

#define PARSE_OPTIONS (XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING)

static void doc_free(xmlDoc **doc)
{
    xmlFreeDoc(*doc);
}
#define auto_doc __attribute__((cleanup(doc_free)))

/* The metadata as a document whose root's children are its elements. */
static xmlDoc *load(const Domain *domain)
{
    g_autofree char *text = g_strdup_printf("<metadata>%s</metadata>", domain->metadata ? domain->metadata : "");
    return xmlReadMemory(text, (int)strlen(text), "metadata.xml", NULL, PARSE_OPTIONS);
}

static xmlNode *find(xmlDoc *doc, const char *uri)
{
    for (xmlNode *node = xmlDocGetRootElement(doc)->children; node; node = node->next) {
        if (node->type == XML_ELEMENT_NODE && node->ns && g_str_equal((const char *)node->ns->href, uri))
            return node;
    }
    return NULL;
}

static char *dump_children(xmlDoc *doc)
{
    xmlBuffer *buffer = xmlBufferCreate();
    for (xmlNode *node = xmlDocGetRootElement(doc)->children; node; node = node->next)
        xmlNodeDump(buffer, doc, node, 0, 0);
    char *text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

static bool has_elements(xmlDoc *doc)
{
    return xmlFirstElementChild(xmlDocGetRootElement(doc)) != NULL;
}

/* Moves @element into the document and its namespace. */
static void put(xmlDoc *doc, xmlNode *element, const char *key, const char *uri)
{
    xmlNode *root = xmlDocGetRootElement(doc);
    xmlNode *last = xmlGetLastChild(root);
    xmlNode *copy = xmlDocCopyNode(element, doc, 1);
    xmlNs *ns = xmlNewNs(copy, (const xmlChar *)uri, (const xmlChar *)key);
    xmlSetNs(copy, ns);
    for (xmlNode *child = copy->children; child; child = child->next) {
        if (child->type == XML_ELEMENT_NODE && !child->ns)
            xmlSetNs(child, ns);
    }
    /* Laid out as the rest of the document, two blanks a level. */
    bool indented = last && last->type == XML_TEXT_NODE;
    xmlAddChild(root, xmlNewText((const xmlChar *)(indented ? "  " : "\n    ")));
    xmlAddChild(root, copy);
    xmlAddChild(root, xmlNewText((const xmlChar *)"\n  "));
}

bool domain_set_metadata_element(Domain *domain, const char *xml, const char *key, const char *uri, GError **error)
{
    if (!uri || !*uri || (xml && (!key || !*key)))
        return error_set(error, VIR_ERR_INVALID_ARG, "metadata needs a namespace: give both its URI and a prefix");
    auto_doc xmlDoc *doc = load(domain);
    if (!doc)
        return error_set(error, VIR_ERR_INTERNAL_ERROR, "the metadata of guest '%s' cannot be read", domain->name);
    xmlNode *old = find(doc, uri);
    if (old) {
        xmlNode *blank = old->prev;
        if (blank && blank->type == XML_TEXT_NODE) {
            xmlUnlinkNode(blank);
            xmlFreeNode(blank);
        }
        xmlUnlinkNode(old);
        xmlFreeNode(old);
    }
    if (xml) {
        auto_doc xmlDoc *added = xmlReadMemory(xml, (int)strlen(xml), "metadata.xml", NULL, PARSE_OPTIONS);
        if (!added)
            return error_set(error, VIR_ERR_XML_ERROR, "metadata must be one well-formed XML element");
        put(doc, xmlDocGetRootElement(added), key, uri);
    }
    g_free(domain->metadata);
    domain->metadata = has_elements(doc) ? dump_children(doc) : NULL;
    return true;
}

char *domain_get_metadata_element(const Domain *domain, const char *uri)
{
    auto_doc xmlDoc *doc = load(domain);
    xmlNode *found = doc && uri ? find(doc, uri) : NULL;
    if (!found)
        return NULL;
    /* Without its own namespace: what domain_set_metadata_element() was given. */
    xmlNs *ns = found->ns;
    for (xmlNode *child = found->children; child; child = child->next) {
        if (child->ns == ns)
            child->ns = NULL;
    }
    found->ns = NULL;
    xmlNs **link = &found->nsDef;
    while (*link && *link != ns)
        link = &(*link)->next;
    if (*link)
        *link = ns->next;
    xmlBuffer *buffer = xmlBufferCreate();
    xmlNodeDump(buffer, doc, found, 0, 1);
    char *text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    if (ns)
        xmlFreeNs(ns);
    return text;
}
