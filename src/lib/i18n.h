/* SPDX-License-Identifier: Apache-2.0 */
/* The library's messages are in the catalogue of `lodge`, whatever the program's own is. */
#pragma once
#include <libintl.h>

#define _(text) dgettext("lodge", text)
