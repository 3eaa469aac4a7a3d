/* SPDX-License-Identifier: Apache-2.0 */
#include "model/document.h"
#include "base/error.h"
#include "model/domain.h"
#include <libxml/parser.h>
#include <string.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlParserCtxt, xmlFreeParserCtxt)

/* No document of ours has a DOCTYPE: it is the door to entity bombs and files of the host, so reading ends there. */
static void document_refuse_doctype(void *data, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    xmlParserCtxt *parser = data;
    parser->_private = GINT_TO_POINTER(1);
    xmlStopParser(parser);
}

static void document_keep_quiet(void *data, xmlErrorPtr problem)
{
}

static bool document_failed(const xmlParserCtxt *parser, const char *what, GError **error)
{
    const xmlError *problem = &parser->lastError;
    g_autofree char *message = g_strdup(problem->message ? problem->message : "not well formed");
    return error_set(error, VIR_ERR_XML_DETAIL, "%s: line %d: %s", what, problem->line, g_strstrip(message));
}

xmlDoc *document_read(const char *xml, gssize length, const char *what, GError **error)
{
    gsize size = length < 0 ? strlen(xml) : (gsize)length;
    if (size > DOMAIN_XML_MAX) {
        error_set(error, VIR_ERR_XML_ERROR, "%s: %zu bytes of XML, more than the %d that are allowed", what, size,
                  DOMAIN_XML_MAX);
        return NULL;
    }
    const char *bad;
    if (!g_utf8_validate_len(xml, size, &bad)) {
        error_set(error, VIR_ERR_XML_ERROR, "%s: not UTF-8 at byte %zu; save the document as UTF-8", what,
                  (gsize)(bad - xml));
        return NULL;
    }
    g_autoptr(xmlParserCtxt) parser = xmlNewParserCtxt();
    if (!parser) {
        error_set(error, VIR_ERR_NO_MEMORY, "%s", what);
        return NULL;
    }
    parser->sax->internalSubset = document_refuse_doctype;
    parser->sax->serror = document_keep_quiet;
    g_autoptr(xmlDoc) document = xmlCtxtReadMemory(parser, xml, (int)size, NULL, "UTF-8",
                                                   XML_PARSE_NONET | XML_PARSE_NOBLANKS | XML_PARSE_NOERROR |
                                                       XML_PARSE_NOWARNING | XML_PARSE_BIG_LINES);
    if (parser->_private) {
        error_set(error, VIR_ERR_XML_ERROR, "%s: line %d: a DOCTYPE and its entities are not allowed; leave it out",
                  what, parser->input ? parser->input->line : 1);
        return NULL;
    }
    if (!document || !parser->wellFormed || !xmlDocGetRootElement(document)) {
        document_failed(parser, what, error);
        return NULL;
    }
    return g_steal_pointer(&document);
}
