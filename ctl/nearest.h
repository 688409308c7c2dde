/* SPDX-License-Identifier: Apache-2.0 */
/* nearest: the name that somebody may have meant. Pure. */
#ifndef SIGNET_CTL_NEAREST_H
#define SIGNET_CTL_NEAREST_H

#include <stddef.h>

struct nearest { /* starts with `wanted` alone */
        const char *wanted;
        const char *best; /* borrowed from who offered it */
        size_t distance;
};

void nearest_offer(struct nearest *n, const char *candidate);
/* NULL when nothing that was offered is near: more than a third of its letters would have to change. A name
 * that begins with at least three letters as wanted is near. */
const char *nearest_name(const struct nearest *n);

enum { NEAREST_HINT_SIZE = 128 };
/* "; did you mean SetSniConfig?", or "". `before` stands in front of the name ("--"). */
void nearest_hint(const struct nearest *n, const char *before, char ret[NEAREST_HINT_SIZE]);

#endif
