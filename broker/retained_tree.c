/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/retained_tree.h"

#include "common/crypt.h"

#include <stdlib.h>
#include <string.h>

static void node_free(struct chain *link)
{
        struct retained_node *n = (struct retained_node *)link;

        (void)message_unref(n->message);
        free(n);
}

enum err retained_tree_init(struct retained_tree *t)
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

void retained_tree_done(struct retained_tree *t)
{
        chain_table_done(&t->nodes, node_free);
        free(t->root);
        t->root = NULL;
}

struct retained_node *retained_tree_child(const struct retained_tree *t, const struct retained_node *parent,
                                          const struct level *level)
{
        struct chain *link = chain_table_first(&t->nodes, level_hash_below(level, parent));

        for (; link != NULL; link = chain_table_next(link)) {
                struct retained_node *n = (struct retained_node *)link;

                if (n->parent == parent && n->level_len == level->len &&
                    memcmp(n->level, level->text, level->len) == 0)
                        return n;
        }
        return NULL;
}

struct retained_node *retained_tree_find(const struct retained_tree *t, const struct level *levels,
                                         size_t count)
{
        struct retained_node *n = t->root;

        for (size_t i = 0; i < count && n != NULL; i++)
                n = retained_tree_child(t, n, &levels[i]);
        return n;
}

static struct retained_node *node_new(struct retained_tree *t, struct retained_node *parent,
                                      const struct level *level)
{
        struct retained_node *n = calloc(1, sizeof *n + level->len);

        if (n == NULL)
                return NULL;
        n->parent = parent;
        n->level_len = (uint16_t)level->len;
        memcpy(n->level, level->text, level->len);
        n->next = parent->child;
        if (n->next != NULL)
                n->next->previous = n;
        parent->child = n;
        chain_table_put(&t->nodes, &n->link, level_hash_below(level, parent));
        return n;
}

enum err retained_tree_get(struct retained_tree *t, const struct level *levels, size_t count,
                           struct retained_node **ret)
{
        struct retained_node *n = t->root;

        for (size_t i = 0; i < count; i++) {
                struct retained_node *child = retained_tree_child(t, n, &levels[i]);

                if (child == NULL)
                        child = node_new(t, n, &levels[i]);
                if (child == NULL) {
                        retained_tree_prune(t, n);
                        return ERR_NOMEM;
                }
                n = child;
        }
        *ret = n;
        return ERR_OK;
}

bool retained_node_useless(const struct retained_node *n)
{
        return n->message == NULL && n->child == NULL && n->parent != NULL;
}

static void unlink_from_parent(struct retained_node *n)
{
        if (n->previous != NULL)
                n->previous->next = n->next;
        else
                n->parent->child = n->next;
        if (n->next != NULL)
                n->next->previous = n->previous;
}

void retained_tree_prune(struct retained_tree *t, struct retained_node *n)
{
        while (retained_node_useless(n) && atomic_load_explicit(&n->pins, memory_order_relaxed) == 0) {
                struct retained_node *parent = n->parent;

                unlink_from_parent(n);
                chain_table_remove(&t->nodes, &n->link);
                node_free(&n->link);
                n = parent;
        }
}
