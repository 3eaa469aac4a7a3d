/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/guest.h"

#include "base/error.h"
#include "base/uuid.h"
#include "cli/i18n.h"

#include <errno.h>
#include <libxml/parser.h>
#include <string.h>

bool guest_is_running(const LodgeDomain *guest)
{
    return guest->id >= 0;
}

bool guest_find_named(Shell *shell, const char *text, LodgeDomain *ret_guest, GError **error)
{
    gint64 id;
    Uuid uuid;
    shell_doing(shell, _("failed to get domain '%s'"), text);
    if (g_ascii_string_to_signed(text, 10, 0, G_MAXINT32, &id, NULL) &&
        lodge_domain_lookup_by_id(shell->connection, (int32_t)id, ret_guest, NULL))
        return true;
    if (strlen(text) >= 32 && uuid_parse(text, &uuid)) {
        LodgeUuid wanted;
        memcpy(&wanted, &uuid, sizeof wanted);
        if (lodge_domain_lookup_by_uuid(shell->connection, &wanted, ret_guest, NULL))
            return true;
    }
    return lodge_domain_lookup_by_name(shell->connection, text, ret_guest, error);
}

bool guest_find(Shell *shell, const Args *args, LodgeDomain *ret_guest, GError **error)
{
    if (!guest_find_named(shell, args_string(args, "domain"), ret_guest, error))
        return false;
    g_clear_pointer(&shell->doing, g_free);
    return true;
}

bool guest_affect_flags(const Args *args, uint32_t *ret_flags, GError **error)
{
    if (!args_exclusive(args, "current", "live", error) || !args_exclusive(args, "current", "config", error))
        return false;
    *ret_flags = (args_has(args, "live") ? VIR_DOMAIN_AFFECT_LIVE : 0u) |
                 (args_has(args, "config") ? VIR_DOMAIN_AFFECT_CONFIG : 0u);
    return true;
}

void guest_xml_clear(GuestXml *xml)
{
    g_clear_pointer(&xml->context, xmlXPathFreeContext);
    g_clear_pointer(&xml->document, xmlFreeDoc);
}

bool guest_xml_parse(const char *text, GuestXml *ret_xml, GError **error)
{
    xmlDoc *document = xmlReadMemory(text, (int)strlen(text), "domain.xml", NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOBLANKS);
    if (!document) {
        const xmlError *reason = xmlGetLastError();
        g_autofree char *message = g_strdup(reason && reason->message ? reason->message : _("not well-formed"));
        return error_set(error, VIR_ERR_XML_ERROR, _("line %d: %s"), reason ? reason->line : 0, g_strstrip(message));
    }
    *ret_xml = (GuestXml){ document, xmlXPathNewContext(document) };
    return true;
}

bool guest_xml_get(Shell *shell, const LodgeDomain *guest, uint32_t flags, GuestXml *ret_xml, GError **error)
{
    g_autofree char *text = NULL;
    return lodge_domain_get_xml_desc(shell->connection, guest, flags, &text, error) &&
           guest_xml_parse(text, ret_xml, error);
}

xmlXPathObject *guest_xml_find(const GuestXml *xml, const char *path)
{
    return xmlXPathEvalExpression((const xmlChar *)path, xml->context);
}

char *guest_xml_text(const GuestXml *xml, xmlNode *node, const char *path)
{
    g_autofree char *expression = g_strdup_printf("string(%s)", path);
    xml->context->node = node ? node : (xmlNode *)xml->document;
    xmlXPathObject *result = guest_xml_find(xml, expression);
    char *text = result && result->stringval && *result->stringval ? g_strdup((char *)result->stringval) : NULL;
    xmlXPathFreeObject(result);
    return text;
}

bool guest_read_file(const char *path, char **ret_text, GError **error)
{
    g_autoptr(GError) reason = NULL;
    const char *from = strcmp(path, "-") ? path : "/dev/stdin";
    if (g_file_get_contents(from, ret_text, NULL, &reason))
        return true;
    return error_set(error, VIR_ERR_SYSTEM_ERROR, _("Failed to open file '%s': %s"), path,
                     g_error_matches(reason, G_FILE_ERROR, G_FILE_ERROR_NOENT) ? g_strerror(ENOENT) : reason->message);
}
