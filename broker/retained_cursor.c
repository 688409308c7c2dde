/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/retained_cursor.h"

void retained_cursor_begin(struct retained_cursor *c, const struct retained_tree *t,
                           const struct level *levels, size_t count)
{
        bool hash = level_is_wildcard(&levels[count - 1], '#');

        *c = (struct retained_cursor){
                .tree = t, .levels = levels, .count = hash ? count - 1 : count, .hash = hash, .at = t->root};
}

/* Whether all levels below a node of this depth are on the way, and not one. */
static bool is_wild_below(const struct retained_cursor *c, size_t depth)
{
        return depth >= c->count ? c->hash : level_is_wildcard(&c->levels[depth], '+');
}

/* Topics that begin with '$' are hidden from a wildcard in front (§4.7.2). */
static struct retained_node *not_hidden(struct retained_node *n, size_t depth)
{
        while (depth == 1 && n != NULL && n->level_len > 0 && n->level[0] == '$')
                n = n->next;
        return n;
}

static struct retained_node *below(const struct retained_cursor *c)
{
        if (is_wild_below(c, c->depth))
                return not_hidden(c->at->child, c->depth + 1);
        if (c->depth >= c->count || c->at->child == NULL)
                return NULL;
        return retained_tree_child(c->tree, c->at, &c->levels[c->depth]);
}

static struct retained_node *beside(const struct retained_cursor *c)
{
        return is_wild_below(c, c->depth - 1) ? not_hidden(c->at->next, c->depth) : NULL;
}

bool retained_cursor_next(struct retained_cursor *c)
{
        struct retained_node *n = below(c);

        if (n != NULL)
                c->depth++;
        while (n == NULL && c->depth > 0) {
                n = beside(c);
                if (n == NULL) {
                        c->at = c->at->parent;
                        c->depth--;
                }
        }
        c->at = n;
        return n != NULL;
}

bool retained_cursor_matches(const struct retained_cursor *c)
{
        return c->hash ? c->depth >= c->count : c->depth == c->count;
}
