/* SPDX-License-Identifier: Apache-2.0 */
/* router_tree: the nodes of the router, one a topic level. Literal levels are found in one hash table by
 * (parent, level) for the whole tree, so a parent with 100,000 children costs what one with two costs; '+'
 * and '#' are nodes like others, which their parent also points at. A node without subscriptions and children
 * does not exist. One thread. */
#ifndef SIGNET_BROKER_ROUTER_TREE_H
#define SIGNET_BROKER_ROUTER_TREE_H

#include "broker/chain_table.h"
#include "broker/siphash.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct subscriber;

struct grant { /* one subscription, as its node has it */
        struct subscriber *who;
        uint32_t place; /* index of its counterpart in who->places */
        uint8_t qos;
};

struct node {
        struct chain link; /* first member */
        struct node *parent, *plus, *hash;
        struct grant *grants;
        uint32_t grant_count, grant_cap;
        uint32_t child_count;
        uint16_t level_len;
        char level[];
};

struct tree {
        struct chain_table nodes; /* all but the root */
        struct node *root;
        struct siphash_key key;
};

struct level { /* of a topic or filter; borrowed */
        const char *text;
        size_t len;
        uint64_t hash;
};

MUST_CHECK enum err tree_init(struct tree *t);
void tree_done(struct tree *t); /* an all-zero tree is fine */

/* Takes a topic or filter apart. Returns the number of levels, 0 when there are more than levels_max. */
size_t tree_levels(const struct tree *t, const char *text, size_t len, struct level *ret, size_t levels_max);
struct node *tree_child(const struct tree *t, const struct node *parent,
                        const struct level *level); /* or NULL */
/* The node at the end of these levels; NULL when there is none. */
struct node *tree_find(const struct tree *t, const struct level *levels, size_t count);
/* The same, made when missing. The caller puts a grant into it or calls tree_prune. */
MUST_CHECK enum err tree_get(struct tree *t, const struct level *levels, size_t count, struct node **ret);
/* Frees the node if it has neither grants nor children, then its parent likewise. */
void tree_prune(struct tree *t, struct node *n);

#endif
