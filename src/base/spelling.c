/* SPDX-License-Identifier: Apache-2.0 */
#include "base/spelling.h"

#include <string.h>

#define WORD_MAX 64

/* Levenshtein's distance. */
static unsigned spelling_distance(const char *a, const char *b)
{
    unsigned row[WORD_MAX], length = (unsigned)strlen(b);
    if (length >= G_N_ELEMENTS(row) || strlen(a) >= G_N_ELEMENTS(row))
        return G_MAXUINT;
    for (unsigned j = 0; j <= length; j++)
        row[j] = j;
    for (unsigned i = 1; *a; a++, i++) {
        unsigned diagonal = row[0];
        row[0] = i;
        for (unsigned j = 1; j <= length; j++) {
            unsigned above = row[j];
            row[j] = MIN(MIN(row[j - 1], above) + 1, diagonal + (*a != b[j - 1]));
            diagonal = above;
        }
    }
    return row[length];
}

Spelling spelling_of(const char *word)
{
    gsize length = strlen(word);
    return (Spelling){ .word = word, .distance = length < 4 ? 2 : length < 10 ? 3 : 4 };
}

void spelling_try(Spelling *spelling, const char *candidate)
{
    unsigned distance = spelling_distance(spelling->word, candidate);
    if (distance >= spelling->distance || distance >= strlen(candidate))
        return;
    spelling->distance = distance;
    spelling->nearest = candidate;
}
