/* SPDX-License-Identifier: Apache-2.0 */
/* What nearly every verb on a guest needs: finding it, its flags, its XML and the words for its states. */
#pragma once
#include "cli/verb.h"

#include <libvirt/libvirt.h>
#include <libxml/tree.h>
#include <libxml/xpath.h>

/* The guest that the option "domain" names by id, UUID or name. */
bool guest_find(Shell *shell, const Args *args, LodgeDomain *ret_guest, GError **error);
/* The same for any text. */
bool guest_find_named(Shell *shell, const char *text, LodgeDomain *ret_guest, GError **error);
bool guest_is_running(const LodgeDomain *guest);

/* --config, --live and --current as VIR_DOMAIN_AFFECT_*; none given: 0, the current state. */
bool guest_affect_flags(const Args *args, uint32_t *ret_flags, GError **error);

/* An XML document and the context to search it in. */
typedef struct {
    xmlDoc *document;
    xmlXPathContext *context;
} GuestXml;

void guest_xml_clear(GuestXml *xml);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GuestXml, guest_xml_clear)
bool guest_xml_parse(const char *text, GuestXml *ret_xml, GError **error);
/* The guest's own; @flags: virDomainXMLFlags. */
bool guest_xml_get(Shell *shell, const LodgeDomain *guest, uint32_t flags, GuestXml *ret_xml, GError **error);
/* Text of the first match below @node (NULL: the document); NULL when there is none or it is empty. */
char *guest_xml_text(const GuestXml *xml, xmlNode *node, const char *path);
/* All matches in the document; free with xmlXPathFreeObject. Never NULL for a valid constant path. */
xmlXPathObject *guest_xml_find(const GuestXml *xml, const char *path);

/* Contents of a file that the user names; "-" and /dev/stdin are stdin. */
bool guest_read_file(const char *path, char **ret_text, GError **error);
