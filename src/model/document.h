/* SPDX-License-Identifier: Apache-2.0 */
/* XML from strangers, read without network, entities or surprises. Any thread. */
#pragma once
#include <glib.h>
#include <libxml/tree.h>
#include <stdbool.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/* @what names the kind of document in errors ("guest definition"). @length < 0: NUL-terminated. VIR_ERR_XML_ERROR. */
xmlDoc *document_read(const char *xml, gssize length, const char *what, GError **error);
