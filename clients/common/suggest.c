/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What somebody may have meant who mistyped a verb, an option or a name. */

#include <string.h>

#include "suggest.h"

#define WORD_MAX 128

/*
 * Edit distance by bytes: insert, delete, replace, and swap of two neighbours, each for one (optimal
 * string alignment). Names, verbs and options are ASCII. What is longer than any name can be is far from
 * everything.
 */
unsigned suggest_distance(const char *a, const char *b) {
        unsigned rows[3][WORD_MAX + 1], *before = rows[0], *above = rows[1], *row = rows[2], *spare;
        size_t la = strlen(a), lb = strlen(b), i, j;

        if (la > WORD_MAX || lb > WORD_MAX)
                return G_MAXUINT;

        for (j = 0; j <= lb; j++)
                above[j] = (unsigned) j;

        for (i = 1; i <= la; i++) {
                row[0] = (unsigned) i;
                for (j = 1; j <= lb; j++) {
                        unsigned replaced = above[j - 1] + (a[i - 1] != b[j - 1]);

                        row[j] = MIN(MIN(above[j], row[j - 1]) + 1, replaced);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                row[j] = MIN(row[j], before[j - 2] + 1);
                }

                spare = before;
                before = above;
                above = row;
                row = spare;
        }

        return above[lb];
}

/*
 * The nearest candidate, when it is near: a third of the letters may be wrong. The beginning of exactly
 * one candidate is near, too.
 */
const char *suggest(const char *word, const char *const *candidates) {
        unsigned best = G_MAXUINT, limit = MAX(1u, (unsigned) strlen(word) / 3), beginnings = 0;
        const char *found = NULL, *longer = NULL;

        for (; *candidates; candidates++) {
                unsigned distance = suggest_distance(word, *candidates);

                if (distance < best) {
                        best = distance;
                        found = *candidates;
                }
                if (strlen(word) >= 2 && g_str_has_prefix(*candidates, word)) {
                        longer = *candidates;
                        beginnings++;
                }
        }

        if (best <= limit)
                return found;

        return beginnings == 1 ? longer : NULL;
}
