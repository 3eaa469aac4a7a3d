/* SPDX-License-Identifier: Apache-2.0 */
/* "Did you mean …?": the nearest of the words that would have been right. Any thread. */
#pragma once
#include <glib.h>

typedef struct {
    const char *word;    /* what was written; borrowed */
    const char *nearest; /* the best so far, one of the words given; NULL: none is near */
    unsigned distance;   /* typing errors between the two */
} Spelling;

/* Begins a search; nothing farther than a typing error or two for a word of that length is near. */
Spelling spelling_of(const char *word);
/* One word that would have been right. It must live as long as the answer is used. */
void spelling_try(Spelling *spelling, const char *candidate);
