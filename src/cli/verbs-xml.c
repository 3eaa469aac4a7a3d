/* SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "cli/editor.h"
#include "cli/guest.h"
#include "cli/i18n.h"
#include "cli/verbs.h"

#include <string.h>

static char *node_text(const GuestXml *xml, xmlNode *node)
{
    xmlBuffer *buffer = xmlBufferCreate();
    xmlNodeDump(buffer, xml->document, node, 0, 1);
    char *text = g_strdup((const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    return text;
}

static void print_wrapped(Shell *shell, const xmlNodeSet *nodes)
{
    GuestXml wrapper = { .document = xmlNewDoc((const xmlChar *)"1.0") };
    xmlNode *root = xmlNewNode(NULL, (const xmlChar *)"nodes");
    xmlDocSetRootElement(wrapper.document, root);
    for (int i = 0; nodes && i < nodes->nodeNr; i++)
        xmlAddChild(root, xmlDocCopyNode(nodes->nodeTab[i], wrapper.document, 1));
    g_autofree char *text = node_text(&wrapper, root);
    output_whole(shell->output, "xml", text);
    guest_xml_clear(&wrapper);
}

static void print_nodes(Shell *shell, const GuestXml *xml, const xmlNodeSet *nodes)
{
    output_begin_list(shell->output, "nodes");
    for (int i = 0; nodes && i < nodes->nodeNr; i++) {
        xmlNode *node = nodes->nodeTab[i];
        g_autofree char *text = node_text(xml, node);
        /* An attribute comes with the blank before it. */
        output_line(shell->output, "%s", text);
        output_json_text(shell->output, NULL, g_strchug(text));
    }
    output_end_list(shell->output);
}

/* The parts of @text that @path selects. */
static bool print_xpath(Shell *shell, const char *text, const char *path, bool wrap, GError **error)
{
    g_auto(GuestXml) xml = { 0 };
    if (!guest_xml_parse(text, &xml, error))
        return false;
    xmlXPathObject *found = guest_xml_find(&xml, path);
    if (!found)
        return error_set(error, VIR_ERR_INVALID_ARG, _("'%s' is not an XPath expression"), path);
    if (found->type != XPATH_NODESET) {
        xmlChar *value = xmlXPathCastToString(found);
        output_whole(shell->output, "value", (const char *)value);
        xmlFree(value);
    } else if (wrap) {
        print_wrapped(shell, found->nodesetval);
    } else {
        print_nodes(shell, &xml, found->nodesetval);
    }
    xmlXPathFreeObject(found);
    return true;
}

static bool verb_dumpxml(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autofree char *text = NULL;
    uint32_t flags = (args_has(args, "inactive") ? VIR_DOMAIN_XML_INACTIVE : 0u) |
                     (args_has(args, "security-info") ? VIR_DOMAIN_XML_SECURE : 0u) |
                     (args_has(args, "update-cpu") ? VIR_DOMAIN_XML_UPDATE_CPU : 0u) |
                     (args_has(args, "migratable") ? VIR_DOMAIN_XML_MIGRATABLE : 0u);
    if (!guest_find(shell, args, &guest, error) ||
        !lodge_domain_get_xml_desc(shell->connection, &guest, flags, &text, error))
        return false;
    if (args_has(args, "xpath"))
        return print_xpath(shell, text, args_string(args, "xpath"), args_has(args, "wrap"), error);
    output_whole(shell->output, "xml", text);
    return true;
}

/* Defines @xml; a daemon that cannot validate against the schema (flag) is asked again without. */
static bool redefine(Shell *shell, const char *xml, bool validate, LodgeDomain *ret_guest, GError **error)
{
    g_autoptr(GError) reason = NULL;
    uint32_t flags = validate ? VIR_DOMAIN_DEFINE_VALIDATE : 0;
    if (lodge_domain_define_xml_flags(shell->connection, xml, flags, ret_guest, &reason))
        return true;
    if (validate && (error_is(reason, VIR_ERR_NO_SUPPORT) || error_is(reason, VIR_ERR_ARGUMENT_UNSUPPORTED)))
        return lodge_domain_define_xml_flags(shell->connection, xml, 0, ret_guest, error);
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

static bool verb_edit(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 }, changed = { 0 };
    g_autofree char *before = NULL;
    uint32_t flags = VIR_DOMAIN_XML_SECURE | VIR_DOMAIN_XML_INACTIVE;
    if (!guest_find(shell, args, &guest, error) ||
        !lodge_domain_get_xml_desc(shell->connection, &guest, flags, &before, error))
        return false;
    g_autofree char *text = g_strdup(before);
    for (;;) {
        g_autofree char *edited = NULL, *now = NULL;
        g_autoptr(GError) reason = NULL;
        if (!editor_edit(shell, text, ".xml", &edited, error))
            return false;
        if (!strcmp(before, edited)) {
            output_remark(shell->output, _("Domain '%s' XML configuration not changed."), guest.name);
            return true;
        }
        if (!lodge_domain_get_xml_desc(shell->connection, &guest, flags, &now, error))
            return false;
        if (strcmp(before, now) != 0)
            error_set(&reason, VIR_ERR_OPERATION_INVALID,
                      _("the XML configuration of domain '%s' was changed by another user"), guest.name);
        else if (redefine(shell, edited, !args_has(args, "skip-validate"), &changed, &reason))
            break;
        if (!editor_ask_again(shell, reason))
            return error_set(error, VIR_ERR_OPERATION_FAILED, _("domain '%s' was left as it is"), guest.name);
        g_free(text);
        text = g_steal_pointer(&edited);
        g_free(before);
        before = g_steal_pointer(&now);
    }
    output_remark(shell->output, _("Domain '%s' XML configuration edited."), changed.name);
    return true;
}

/* Reads the description or title; *ret_text is NULL when there is none. */
static bool get_words(Shell *shell, const LodgeDomain *guest, int type, uint32_t flags, char **ret_text, GError **error)
{
    g_autoptr(GError) reason = NULL;
    if (lodge_domain_get_metadata(shell->connection, guest, type, NULL, flags, ret_text, &reason) ||
        error_is(reason, VIR_ERR_NO_DOMAIN_METADATA))
        return true;
    g_propagate_error(error, g_steal_pointer(&reason));
    return false;
}

static bool verb_desc(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autofree char *old = NULL, *text = NULL;
    bool title = args_has(args, "title");
    int type = title ? VIR_DOMAIN_METADATA_TITLE : VIR_DOMAIN_METADATA_DESCRIPTION;
    const char *const *words = args_rest(args, "new-desc");
    uint32_t flags;
    if (!guest_affect_flags(args, &flags, error) || !guest_find(shell, args, &guest, error))
        return false;
    if (*words)
        text = g_strjoinv(" ", (char **)words);
    if (!*words || args_has(args, "edit")) {
        if (!get_words(shell, &guest, type, flags, &old, error))
            return false;
    }
    if (!*words && !args_has(args, "edit")) {
        if (old || output_is_json(shell->output))
            output_whole(shell->output, title ? "title" : "description", old ? old : "");
        else
            output_remark(shell->output, title ? _("No title for domain: %s") : _("No description for domain: %s"),
                          guest.name);
        return true;
    }
    if (args_has(args, "edit")) {
        g_autofree char *edited = NULL;
        if (!editor_edit(shell, text ? text : old ? old : "", ".txt", &edited, error))
            return false;
        g_free(text);
        text = g_strdup(g_strchomp(edited));
    }
    const char *value = text && *text ? text : NULL;
    if (!lodge_domain_set_metadata(shell->connection, &guest, type, value, NULL, NULL, flags, error))
        return false;
    output_remark(shell->output,
                  title ? _("Domain title updated successfully") : _("Domain description updated successfully"));
    return true;
}

static bool verb_metadata(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autofree char *old = NULL, *edited = NULL;
    const char *uri = args_string(args, "uri"), *key = args_string(args, "key"), *set = args_string(args, "set");
    bool edit = args_has(args, "edit"), remove = args_has(args, "remove");
    uint32_t flags;
    if (!args_exclusive(args, "edit", "set", error) || !args_exclusive(args, "remove", "set", error) ||
        !args_exclusive(args, "remove", "edit", error) || !guest_affect_flags(args, &flags, error))
        return false;
    if ((set || edit) && !key)
        return error_set(error, VIR_ERR_INVALID_ARG, _("namespace key is required when modifying metadata"));
    if (!guest_find(shell, args, &guest, error))
        return false;
    if (edit &&
        !lodge_domain_get_metadata(shell->connection, &guest, VIR_DOMAIN_METADATA_ELEMENT, uri, flags, &old, NULL))
        old = g_strdup("");
    if (edit && !editor_edit(shell, old, ".xml", &edited, error))
        return false;
    if (set || edit || remove) {
        if (!lodge_domain_set_metadata(shell->connection, &guest, VIR_DOMAIN_METADATA_ELEMENT, edit ? edited : set, key,
                                       uri, flags, error))
            return false;
        output_remark(shell->output, remove ? _("Metadata removed") : _("Metadata modified"));
        return true;
    }
    g_autofree char *text = NULL;
    if (!lodge_domain_get_metadata(shell->connection, &guest, VIR_DOMAIN_METADATA_ELEMENT, uri, flags, &text, error))
        return false;
    output_whole(shell->output, "metadata", text);
    return true;
}

static bool verb_domxml_to_native(Shell *shell, const Args *args, GError **error)
{
    g_auto(LodgeDomain) guest = { 0 };
    g_autofree char *xml = NULL, *native = NULL;
    const char *file = args_string(args, "xml"), *name = args_string(args, "domain");
    if (!file == !name)
        return error_set(error, VIR_ERR_INVALID_ARG, _("need either domain or domain XML"));
    if (file && !guest_read_file(file, &xml, error))
        return false;
    if (name && (!guest_find(shell, args, &guest, error) ||
                 !lodge_domain_get_xml_desc(shell->connection, &guest, VIR_DOMAIN_XML_INACTIVE | VIR_DOMAIN_XML_SECURE,
                                            &xml, error)))
        return false;
    if (!lodge_connect_domain_xml_to_native(shell->connection, args_string(args, "format"), xml, 0, &native, error))
        return false;
    output_whole(shell->output, "native", native);
    return true;
}

static const VerbOption options_dumpxml[] = {
    OPTION_DOMAIN,
    { "inactive", OPTION_FLAG, false, N_("show inactive defined XML") },
    { "security-info", OPTION_FLAG, false, N_("include security sensitive information in XML dump") },
    { "update-cpu", OPTION_FLAG, false, N_("update guest CPU according to host CPU") },
    { "migratable", OPTION_FLAG, false, N_("provide XML suitable for migrations") },
    { "xpath", OPTION_NAMED, false, N_("xpath expression to filter the XML document") },
    { "wrap", OPTION_FLAG, false, N_("wrap xpath results in an common root element") },
    { 0 },
};

static const VerbOption options_edit[] = {
    OPTION_DOMAIN,
    { "skip-validate", OPTION_FLAG, false, N_("skip validation of the XML against the schema") },
    { 0 },
};

static const VerbOption options_desc[] = {
    OPTION_DOMAIN,
    OPTIONS_AFFECT,
    { "title", OPTION_FLAG, false, N_("modify/get the title instead of description") },
    { "edit", OPTION_FLAG, false, N_("open an editor to modify the description") },
    { "new-desc", OPTION_REST, false, N_("message") },
    { 0 },
};

static const VerbOption options_metadata[] = {
    OPTION_DOMAIN,
    { "uri", OPTION_STRING, true, N_("URI of the namespace") },
    OPTIONS_AFFECT,
    { "edit", OPTION_FLAG, false, N_("use an editor to change the metadata") },
    { "key", OPTION_NAMED, false, N_("key to be used as a namespace identifier") },
    { "set", OPTION_NAMED, false, N_("new metadata to set") },
    { "remove", OPTION_FLAG, false, N_("remove the metadata corresponding to an uri") },
    { 0 },
};

static const VerbOption options_to_native[] = {
    { "format", OPTION_STRING, true, N_("target config data type format"), COMPLETE_WORDS, "qemu-argv" },
    { "xml", OPTION_STRING, false, N_("xml data file to export from"), COMPLETE_FILE },
    { "domain", OPTION_STRING, false, N_("domain name, id or uuid"), COMPLETE_GUEST },
    { 0 },
};

const Verb verbs_xml[] = {
    { "dumpxml", GROUP_DOMAIN, N_("domain information in XML"), options_dumpxml, verb_dumpxml, 0, NULL },
    { "edit", GROUP_DOMAIN, N_("edit XML configuration for a domain"), options_edit, verb_edit, 0,
      N_("Opens the definition in $VISUAL or $EDITOR; an error lets you edit again.") },
    { "desc", GROUP_DOMAIN, N_("show or set domain's description or title"), options_desc, verb_desc, 0, NULL },
    { "metadata", GROUP_DOMAIN, N_("show or set domain's custom XML metadata"), options_metadata, verb_metadata, 0,
      NULL },
    { "domxml-to-native", GROUP_DOMAIN, N_("Convert domain XML to native config"), options_to_native,
      verb_domxml_to_native, VERB_NO_GAP, NULL },
    { 0 },
};
