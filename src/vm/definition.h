/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A domain definition that several views share: immutable once made, counted, so that a change of state costs no copy
 * of the XML's tree. Any thread.
 */
#pragma once
#include "model/domain.h"

#include <glib.h>

typedef struct {
    gatomicrefcount refs;
    Domain *domain;      /* owned; never changed */
    GPtrArray *warnings; /* of char *: what of the client's XML was left out, and why; NULL: nothing */
    char *text[2];       /* without secrets, as an inactive and as an active guest; NULL until somebody asks */
} Definition;

/* Takes both over; @warnings may be NULL. */
Definition *definition_new(Domain *domain, GPtrArray *warnings);
Definition *definition_ref(Definition *definition);
void definition_unref(Definition *definition);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Definition, definition_unref)

/* As domain_format(), from memory where the same was asked for before: clients that watch guests ask again and again.
 */
char *definition_format(Definition *definition, DomainFormatFlags flags);
