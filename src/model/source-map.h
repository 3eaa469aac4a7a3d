/* SPDX-License-Identifier: Apache-2.0 */
/* Where an element or attribute stands in the text that it was read from: a parsed tree keeps lines only, and those of
 * the end of a start tag. Any thread. */
#pragma once
#include <glib.h>
#include <libxml/tree.h>

typedef struct {
    unsigned line, column; /* from 1; columns count characters */
} SourcePosition;

/*
 * The position of @node, an element of the tree that was read from @xml and was not changed since, or of its
 * @attribute (may be NULL). @xml must be well-formed and without a DOCTYPE, as document_read() accepts it.
 */
SourcePosition source_position(const char *xml, gsize size, const xmlNode *node, const char *attribute);

/* "domain/devices/disk[2]/driver": numbers from 1, where there are several of a name. Free it. */
char *source_path(const xmlNode *node);
