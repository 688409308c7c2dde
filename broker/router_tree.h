/* SPDX-License-Identifier: Apache-2.0 */
/* router_tree: the nodes of the router, one a topic level. Literal levels are found in one hash table by
 * (parent, level) for the whole tree, so a parent with 100,000 children costs what one with two costs; '+'
 * and '#' are nodes like others, which their parent also points at. A node without subscriptions and children
 * does not exist. One thread. */
#ifndef SIGNET_BROKER_ROUTER_TREE_H
#define SIGNET_BROKER_ROUTER_TREE_H

#include "broker/chain_table.h"
#include "broker/level.h"
#include "broker/siphash.h"
#include "common/err.h"

#include <stddef.h>
#include <stdint.h>

struct share;
struct subscriber;

enum { GRANT_ID_BITS = 28 }; /* a Subscription Identifier is at most 268,435,455 (§3.8.2.1.2) */

/* One subscription, as its node has it; 16 bytes, because a message with many receivers reads as many. */
struct grant {
        struct subscriber *who;
        uint32_t place; /* index of its counterpart in who->places */
        uint32_t id : GRANT_ID_BITS, qos : 2, no_local : 1, retain_as_published : 1;
};

struct node {
        struct chain link; /* first member */
        struct node *parent, *plus, *hash;
        struct grant *grants;
        struct share *shares; /* the first; share_link() */
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

MUST_CHECK enum err tree_init(struct tree *t);
void tree_done(struct tree *t); /* an all-zero tree is fine */

struct node *tree_child(const struct tree *t, const struct node *parent,
                        const struct level *level); /* or NULL */
/* The node at the end of these levels; NULL when there is none. */
struct node *tree_find(const struct tree *t, const struct level *levels, size_t count);
/* The same, made when missing. The caller puts a grant or a share into it or calls
 * tree_prune. */
MUST_CHECK enum err tree_get(struct tree *t, const struct level *levels, size_t count, struct node **ret);
/* Frees the node if it has neither grants nor shares nor children, then its parent likewise. */
void tree_prune(struct tree *t, struct node *n);

#endif
