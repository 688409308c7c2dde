/* SPDX-License-Identifier: Apache-2.0 */
/* retained_tree: the topics that have a retained message, one node a level. A level below a node is found by
 * hash in one table for the whole tree; all levels below it are a list, for wildcards. A node without message
 * and without nodes below does not exist, unless a walk stands on it (pins). Guarded by the lock of
 * retained.c: what takes a const tree needs it for reading, the rest for writing. */
#ifndef SIGNET_BROKER_RETAINED_TREE_H
#define SIGNET_BROKER_RETAINED_TREE_H

#include "broker/chain_table.h"
#include "broker/level.h"
#include "broker/message.h"
#include "broker/retained_rows.h"
#include "broker/siphash.h"
#include "common/err.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct retained_node {
        struct chain link; /* first member */
        struct retained_node *parent;
        struct retained_node *child; /* the first below */
        struct retained_node *next, *previous;
        struct message *message; /* NULL: none */
        struct retained_row row; /* of the store */
        uint32_t place;          /* in the heap, plus 1; 0: does not expire */
        atomic_uint pins;        /* counted up and down under the lock, also when it is held for reading */
        uint16_t level_len;
        char level[];
};

struct retained_tree {
        struct chain_table nodes; /* all but the root */
        struct retained_node *root;
        struct siphash_key key;
};

MUST_CHECK enum err retained_tree_init(struct retained_tree *t);
void retained_tree_done(struct retained_tree *t); /* an all-zero tree is fine */

/* NULL: there is none. */
struct retained_node *retained_tree_child(const struct retained_tree *t, const struct retained_node *parent,
                                          const struct level *level);
struct retained_node *retained_tree_find(const struct retained_tree *t, const struct level *levels,
                                         size_t count);
/* The same, made when missing. The caller gives it a message or calls retained_tree_prune(). */
MUST_CHECK enum err retained_tree_get(struct retained_tree *t, const struct level *levels, size_t count,
                                      struct retained_node **ret);
bool retained_node_useless(const struct retained_node *n); /* but for its pins */
/* Frees the node if it is of no use, then its parent likewise. */
void retained_tree_prune(struct retained_tree *t, struct retained_node *n);

#endif
