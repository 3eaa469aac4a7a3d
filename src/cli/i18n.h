/* SPDX-License-Identifier: Apache-2.0 */
/* Marks for messages: _() translates, N_() only lets xgettext find a text that a table holds. */
#pragma once
#include <libintl.h>

#define _(text)                 gettext(text)
#define N_(text)                text
#define P_(singular, plural, n) ngettext(singular, plural, n)

/* Chooses the locale of the environment and binds the catalogue. Call once, first in main(). */
void i18n_init(void);
