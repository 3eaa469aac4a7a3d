/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The <metadata> of a definition: foreign XML, kept as it came, one element for each namespace. Any thread, as long as
 * nobody else writes the Domain.
 */
#pragma once
#include "model/domain.h"

/*
 * Puts @xml in as the element of namespace @uri with prefix @key, in place of the one there was; NULL removes that.
 * VIR_ERR_XML_ERROR if @xml is no element, VIR_ERR_INVALID_ARG if @uri or @key is missing.
 */
bool domain_set_metadata_element(Domain *domain, const char *xml, const char *key, const char *uri, GError **error);
/* The element of namespace @uri without its namespace declaration, as clients expect it; NULL if there is none. */
char *domain_get_metadata_element(const Domain *domain, const char *uri);
