/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/nearest.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAME_MAX_LETTERS = 64, PREFIX_LEAST = 3 };

static bool same(char a, char b)
{
        return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static size_t least(size_t a, size_t b)
{
        return a < b ? a : b;
}

/* Letters to change, add, remove or exchange with their neighbour (optimal string alignment). */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
        size_t rows[3][NAME_MAX_LETTERS + 1];
        size_t *before = rows[0], *above = rows[1], *row = rows[2];

        for (size_t j = 0; j <= b_len; j++)
                before[j] = above[j] = j;
        for (size_t i = 1; i <= a_len; i++) {
                size_t *next = before;

                row[0] = i;
                for (size_t j = 1; j <= b_len; j++) {
                        row[j] = least(least(above[j], row[j - 1]) + 1,
                                       above[j - 1] + !same(a[i - 1], b[j - 1]));
                        if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]))
                                row[j] = least(row[j], before[j - 2] + 1);
                }
                before = above;
                above = row;
                row = next;
        }
        return above[b_len];
}

void nearest_offer(struct nearest *n, const char *candidate)
{
        size_t wanted_len = strlen(n->wanted), len = strlen(candidate), found;

        if (wanted_len > NAME_MAX_LETTERS || len > NAME_MAX_LETTERS)
                return;
        found = distance(n->wanted, wanted_len, candidate, len);
        if (wanted_len >= PREFIX_LEAST && strncasecmp(n->wanted, candidate, wanted_len) == 0)
                found = least(found, 1);
        if (found <= least(wanted_len, len) / 3 && (n->best == NULL || found < n->distance)) {
                n->best = candidate;
                n->distance = found;
        }
}

const char *nearest_name(const struct nearest *n)
{
        return n->best;
}

void nearest_hint(const struct nearest *n, const char *before, char ret[NEAREST_HINT_SIZE])
{
        ret[0] = '\0';
        if (n->best != NULL)
                (void)snprintf(ret, NEAREST_HINT_SIZE, "; did you mean %s%s?", before, n->best);
}
