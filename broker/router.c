/* SPDX-License-Identifier: Apache-2.0 */
/* router: every session that subscribes has one subscriber here. A subscription stands twice, in its node
 * (grant) and with its subscriber (place), each knowing the index of the other: removal needs no search, and
 * whether a session has a filter already is found in the shorter of both lists. A match stamps the
 * subscribers it meets, so that one met again only raises its QoS. */
#include "broker/router.h"

#include "broker/router_tree.h"
#include "broker/topic.h"
#include "common/cleanup.h"

#include <stdbool.h>
#include <stdlib.h>

struct place {
        struct node *node;
        uint32_t grant; /* index of its counterpart in node->grants */
};

struct subscriber {
        struct chain link; /* by the session's address; first member */
        struct session *session;
        struct place *places;
        uint32_t place_count, place_cap;
        uint64_t stamp; /* of the match that met it last */
        uint8_t qos;    /* … and the highest QoS it was met with */
};

struct router {
        struct tree tree;
        struct chain_table subscribers;
        size_t count;
        struct subscriber **met; /* by the match that runs; room for every subscriber */
        size_t met_count, met_cap;
        uint64_t stamp;
        struct level levels[TOPIC_LEVELS_MAX];
};

CLEANUP_DEFINE(routerp, struct router *, router_free)

static void subscriber_free(struct chain *link)
{
        free(((struct subscriber *)link)->places);
        free(link);
}

enum err router_new(struct router **ret)
{
        CLEANUP(routerp) struct router *r = calloc(1, sizeof *r);

        if (r == NULL)
                return ERR_NOMEM;
        TRY(tree_init(&r->tree));
        TRY(chain_table_init(&r->subscribers));
        *ret = TAKE(r);
        return ERR_OK;
}

struct router *router_free(struct router *r)
{
        if (r != NULL) {
                tree_done(&r->tree);
                chain_table_done(&r->subscribers, subscriber_free);
                free(r->met);
                free(r);
        }
        return NULL;
}

size_t router_count(const struct router *r)
{
        return r->count;
}

/* --- subscribers --- */

static uint64_t session_hash(const struct session *s)
{
        uint64_t h = (uintptr_t)s * 0x9e3779b97f4a7c15;

        return h ^ h >> 32;
}

static struct subscriber *subscriber_find(const struct router *r, const struct session *s)
{
        struct chain *link = chain_table_first(&r->subscribers, session_hash(s));

        while (link != NULL && ((struct subscriber *)link)->session != s)
                link = chain_table_next(link);
        return (struct subscriber *)link;
}

/* A new subscriber has its room in `met` from the start: a match must never run out of memory. */
static struct subscriber *subscriber_new(struct router *r, struct session *s)
{
        struct subscriber *who;

        if (r->subscribers.count == r->met_cap) {
                size_t cap = r->met_cap == 0 ? 16 : r->met_cap * 2;
                struct subscriber **met = realloc(r->met, cap * sizeof(struct subscriber *));

                if (met == NULL)
                        return NULL;
                r->met = met;
                r->met_cap = cap;
        }
        who = calloc(1, sizeof *who);
        if (who == NULL)
                return NULL;
        who->session = s;
        chain_table_put(&r->subscribers, &who->link, session_hash(s));
        return who;
}

static void subscriber_prune(struct router *r, struct subscriber *who)
{
        if (who->place_count > 0)
                return;
        chain_table_remove(&r->subscribers, &who->link);
        subscriber_free(&who->link);
}

/* --- subscriptions --- */

static struct grant *grant_find(struct node *n, const struct subscriber *who)
{
        if (n->grant_count <= who->place_count) {
                for (uint32_t i = 0; i < n->grant_count; i++)
                        if (n->grants[i].who == who)
                                return &n->grants[i];
                return NULL;
        }
        for (uint32_t i = 0; i < who->place_count; i++)
                if (who->places[i].node == n)
                        return &n->grants[who->places[i].grant];
        return NULL;
}

/* Room for one more; most nodes have one subscription and stay with it. */
static enum err grant_reserve(struct node *n, struct subscriber *who)
{
        if (n->grant_count == n->grant_cap) {
                uint32_t cap = n->grant_cap == 0 ? 1 : n->grant_cap * 2;
                struct grant *grants = realloc(n->grants, cap * sizeof *grants);

                if (grants == NULL)
                        return ERR_NOMEM;
                n->grants = grants;
                n->grant_cap = cap;
        }
        if (who->place_count == who->place_cap) {
                uint32_t cap = who->place_cap == 0 ? 2 : who->place_cap * 2;
                struct place *places = realloc(who->places, cap * sizeof *places);

                if (places == NULL)
                        return ERR_NOMEM;
                who->places = places;
                who->place_cap = cap;
        }
        return ERR_OK;
}

/* A list that was long once gives half of its memory back; when that fails it stays as it is. */
static void grants_shrink(struct node *n)
{
        struct grant *grants;

        if (n->grant_cap < 64 || n->grant_count > n->grant_cap / 4)
                return;
        grants = realloc(n->grants, n->grant_cap / 2 * sizeof *grants);
        if (grants == NULL)
                return;
        n->grants = grants;
        n->grant_cap /= 2;
}

static void grant_add(struct node *n, struct subscriber *who, uint8_t qos)
{
        n->grants[n->grant_count] = (struct grant){who, who->place_count, qos};
        who->places[who->place_count] = (struct place){n, n->grant_count};
        n->grant_count++;
        who->place_count++;
}

/* In each list the last one moves into the gap and its counterpart is told. A session stands once in a node,
 * so the one that moves is never a counterpart of the one that goes. */
static void grant_remove(struct node *n, const struct grant *g)
{
        struct subscriber *who = g->who;
        uint32_t at = (uint32_t)(g - n->grants), place = g->place;

        n->grant_count--;
        who->place_count--;
        if (at != n->grant_count) {
                struct grant *moved = &n->grants[at];

                *moved = n->grants[n->grant_count];
                moved->who->places[moved->place].grant = at;
        }
        if (place != who->place_count) {
                struct place *moved = &who->places[place];

                *moved = who->places[who->place_count];
                moved->node->grants[moved->grant].place = place;
        }
        grants_shrink(n);
}

enum err router_add(struct router *r, const char *filter, size_t len, struct session *s, uint8_t qos,
                    _Bool *ret_new)
{
        size_t count = tree_levels(&r->tree, filter, len, r->levels, TOPIC_LEVELS_MAX);
        struct subscriber *who = subscriber_find(r, s);
        struct node *n;
        struct grant *g;
        enum err e;

        if (count == 0)
                return ERR_LIMIT;
        TRY(tree_get(&r->tree, r->levels, count, &n));
        g = who != NULL ? grant_find(n, who) : NULL;
        if (g != NULL) {
                g->qos = qos;
                *ret_new = false;
                return ERR_OK;
        }
        if (who == NULL)
                who = subscriber_new(r, s);
        e = who != NULL ? grant_reserve(n, who) : ERR_NOMEM;
        if (e == ERR_OK) {
                grant_add(n, who, qos);
                r->count++;
                *ret_new = true;
                return ERR_OK;
        }
        if (who != NULL)
                subscriber_prune(r, who);
        tree_prune(&r->tree, n);
        return e;
}

void router_remove(struct router *r, const char *filter, size_t len, const struct session *s)
{
        size_t count = tree_levels(&r->tree, filter, len, r->levels, TOPIC_LEVELS_MAX);
        struct subscriber *who = subscriber_find(r, s);
        struct node *n = count > 0 ? tree_find(&r->tree, r->levels, count) : NULL;
        struct grant *g = who != NULL && n != NULL ? grant_find(n, who) : NULL;

        if (g == NULL)
                return;
        grant_remove(n, g);
        r->count--;
        subscriber_prune(r, who);
        tree_prune(&r->tree, n);
}

/* --- matching --- */

static void meet(struct router *r, const struct node *n)
{
        for (uint32_t i = 0; i < n->grant_count; i++) {
                const struct grant *g = &n->grants[i];
                struct subscriber *who = g->who;

                if (who->stamp != r->stamp) {
                        who->stamp = r->stamp;
                        who->qos = g->qos;
                        r->met[r->met_count++] = who;
                } else if (g->qos > who->qos) {
                        who->qos = g->qos;
                }
        }
}

/* Goes as deep as the tree does, so TOPIC_LEVELS_MAX calls at most. '#' stands for its parent too (§4.7.1.2),
 * hence it is asked before the topic's end is. */
static void visit(struct router *r, const struct node *n, size_t at, size_t count, bool wildcards)
{
        const struct node *child;

        if (n->hash != NULL && wildcards)
                meet(r, n->hash);
        if (at == count) {
                meet(r, n);
                return;
        }
        if (n->child_count == 0)
                return;
        child = tree_child(&r->tree, n, &r->levels[at]);
        if (child != NULL)
                visit(r, child, at + 1, count, true);
        if (n->plus != NULL && wildcards)
                visit(r, n->plus, at + 1, count, true);
}

void router_match(struct router *r, const char *topic, size_t len,
                  void (*found)(void *arg, struct session *s, uint8_t qos), void *arg)
{
        size_t count = tree_levels(&r->tree, topic, len, r->levels, TOPIC_LEVELS_MAX);

        r->stamp++;
        r->met_count = 0;
        if (count > 0) /* topics that begin with '$' are hidden from wildcards in front (§4.7.2) */
                visit(r, r->tree.root, 0, count, topic[0] != '$');
        for (size_t i = 0; i < r->met_count; i++)
                found(arg, r->met[i]->session, r->met[i]->qos);
}
