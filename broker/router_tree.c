/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/router_tree.h"

#include "broker/share.h"
#include "common/crypt.h"

#include <stdlib.h>
#include <string.h>

static void node_free(struct chain *link)
{
        struct node *n = (struct node *)link;

        for (struct share *s = n->shares, *next; s != NULL; s = next) {
                next = share_link(s)->next;
                (void)share_free(s);
        }
        free(n->grants);
        free(n);
}

enum err tree_init(struct tree *t)
{
        TRY(chain_table_init(&t->nodes));
        t->root = calloc(1, sizeof *t->root);
        if (t->root == NULL) {
                chain_table_done(&t->nodes, node_free);
                return ERR_NOMEM;
        }
        crypt_random(&t->key, sizeof t->key);
        return ERR_OK;
}

void tree_done(struct tree *t)
{
        chain_table_done(&t->nodes, node_free);
        if (t->root != NULL)
                node_free(&t->root->link);
        t->root = NULL;
}

static struct node *child_with(const struct tree *t, const struct node *parent, const struct level *level,
                               uint64_t hash)
{
        struct chain *link = chain_table_first(&t->nodes, hash);

        for (; link != NULL; link = chain_table_next(link)) {
                struct node *n = (struct node *)link;

                if (n->parent == parent && n->level_len == level->len &&
                    memcmp(n->level, level->text, level->len) == 0)
                        return n;
        }
        return NULL;
}

struct node *tree_child(const struct tree *t, const struct node *parent, const struct level *level)
{
        return child_with(t, parent, level, level_hash_below(level, parent));
}

struct node *tree_find(const struct tree *t, const struct level *levels, size_t count)
{
        struct node *n = t->root;

        for (size_t i = 0; i < count && n != NULL; i++)
                n = tree_child(t, n, &levels[i]);
        return n;
}

/* Where the parent points at a child of this level directly; NULL for a literal one. */
static struct node **wildcard_of(struct node *parent, const char *level, size_t len)
{
        if (len != 1)
                return NULL;
        return *level == '+' ? &parent->plus : *level == '#' ? &parent->hash : NULL;
}

static struct node *node_new(struct tree *t, struct node *parent, const struct level *level)
{
        struct node **wildcard = wildcard_of(parent, level->text, level->len);
        struct node *n = calloc(1, sizeof *n + level->len);

        if (n == NULL)
                return NULL;
        n->parent = parent;
        n->level_len = (uint16_t)level->len;
        memcpy(n->level, level->text, level->len);
        chain_table_put(&t->nodes, &n->link, level_hash_below(level, parent));
        parent->child_count++;
        if (wildcard != NULL)
                *wildcard = n;
        return n;
}

enum err tree_get(struct tree *t, const struct level *levels, size_t count, struct node **ret)
{
        struct node *n = t->root;

        for (size_t i = 0; i < count; i++) {
                struct node *child = tree_child(t, n, &levels[i]);

                if (child == NULL)
                        child = node_new(t, n, &levels[i]);
                if (child == NULL) {
                        tree_prune(t, n);
                        return ERR_NOMEM;
                }
                n = child;
        }
        *ret = n;
        return ERR_OK;
}

void tree_prune(struct tree *t, struct node *n)
{
        while (n != t->root && n->grant_count == 0 && n->shares == NULL && n->child_count == 0) {
                struct node *parent = n->parent, **wildcard = wildcard_of(parent, n->level, n->level_len);

                if (wildcard != NULL)
                        *wildcard = NULL;
                parent->child_count--;
                chain_table_remove(&t->nodes, &n->link);
                node_free(&n->link);
                n = parent;
        }
}
