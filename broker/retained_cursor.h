/* SPDX-License-Identifier: Apache-2.0 */
/* retained_cursor: walks the nodes of a retained_tree that match a filter, depth first. It looks only where
 * the filter leads: a literal level is one look-up, '+' all levels below a node, '#' everything below it.
 * Under the lock for reading; between two uses the node it stands on must be pinned. */
#ifndef SIGNET_BROKER_RETAINED_CURSOR_H
#define SIGNET_BROKER_RETAINED_CURSOR_H

#include "broker/retained_tree.h"

#include <stdbool.h>
#include <stddef.h>

struct retained_cursor {
        const struct retained_tree *tree;
        const struct level *levels; /* of the filter, without '#'; borrowed */
        size_t count;
        bool hash;                /* it ends in '#' */
        struct retained_node *at; /* NULL: the end */
        size_t depth;             /* of `at` */
};

void retained_cursor_begin(struct retained_cursor *c, const struct retained_tree *t,
                           const struct level *levels, size_t count);
/* To the next node on the way; false: there is none. */
bool retained_cursor_next(struct retained_cursor *c);
/* The filter matches the topic that ends here (there may be no message). */
bool retained_cursor_matches(const struct retained_cursor *c);

#endif
