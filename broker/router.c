/* SPDX-License-Identifier: Apache-2.0 */
/* router: every session that subscribes has one subscriber here. A subscription stands twice, in its node
 * (grant) and with its subscriber (place), each knowing the index of the other: removal needs no search, and
 * whether a session has a filter already is found in the shorter of both lists. */
#include "broker/router.h"

#include "broker/router_state.h"
#include "broker/share.h"
#include "common/cleanup.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

CLEANUP_DEFINE(routerp, struct router *, router_free)

static void subscriber_free(struct chain *link)
{
        free(((struct subscriber *)link)->places);
        free(link);
}

enum err router_new(uint64_t (*id_of)(const struct session *s), struct router **ret)
{
        CLEANUP(routerp) struct router *r = calloc(1, sizeof *r);

        if (r == NULL)
                return ERR_NOMEM;
        r->id_of = id_of;
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
                free(r->ids);
                free(r);
        }
        return NULL;
}

size_t router_count(const struct router *r)
{
        return r->count + r->shared_count;
}

uint64_t router_visits(const struct router *r)
{
        return r->visits;
}

size_t router_shared_count(const struct router *r)
{
        return r->shared_count;
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
        who->id = r->id_of(s);
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

static enum err ids_reserve(struct router *r)
{
        size_t cap = r->id_cap == 0 ? 16 : r->id_cap * 2;
        struct met_id *ids;

        if (r->with_id < r->id_cap)
                return ERR_OK;
        ids = realloc(r->ids, cap * sizeof *ids);
        if (ids == NULL)
                return ERR_NOMEM;
        r->ids = ids;
        r->id_cap = cap;
        return ERR_OK;
}

static void grant_set(struct router *r, struct grant *g, const struct subscription *sub)
{
        r->with_id -= g->id != 0;
        r->with_id += sub->id != 0;
        g->id = sub->id & ((1U << GRANT_ID_BITS) - 1);
        g->qos = sub->qos & 3;
        g->no_local = sub->no_local;
        g->retain_as_published = sub->retain_as_published;
}

static struct grant *grant_add(struct node *n, struct subscriber *who)
{
        struct grant *g = &n->grants[n->grant_count];

        *g = (struct grant){.who = who, .place = who->place_count};
        who->places[who->place_count] = (struct place){n, n->grant_count};
        n->grant_count++;
        who->place_count++;
        return g;
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

enum err router_add(struct router *r, const char *filter, size_t len, struct session *s,
                    const struct subscription *sub, bool *ret_new)
{
        size_t count = levels_of(&r->tree.key, filter, len, r->levels, TOPIC_LEVELS_MAX);
        struct subscriber *who = subscriber_find(r, s);
        struct node *n;
        struct grant *g;
        enum err e;

        if (count == 0)
                return ERR_LIMIT;
        if (sub->id != 0)
                TRY(ids_reserve(r));
        TRY(tree_get(&r->tree, r->levels, count, &n));
        g = who != NULL ? grant_find(n, who) : NULL;
        if (g != NULL) {
                grant_set(r, g, sub);
                *ret_new = false;
                return ERR_OK;
        }
        if (who == NULL)
                who = subscriber_new(r, s);
        e = who != NULL ? grant_reserve(n, who) : ERR_NOMEM;
        if (e == ERR_OK) {
                grant_set(r, grant_add(n, who), sub);
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
        size_t count = levels_of(&r->tree.key, filter, len, r->levels, TOPIC_LEVELS_MAX);
        struct subscriber *who = subscriber_find(r, s);
        struct node *n = count > 0 ? tree_find(&r->tree, r->levels, count) : NULL;
        struct grant *g = who != NULL && n != NULL ? grant_find(n, who) : NULL;

        if (g == NULL)
                return;
        r->with_id -= g->id != 0;
        grant_remove(n, g);
        r->count--;
        subscriber_prune(r, who);
        tree_prune(&r->tree, n);
}

/* --- shares --- */

static struct share *share_of(const struct node *n, struct bytes name)
{
        struct share *s = n->shares;

        for (; s != NULL; s = share_link(s)->next) {
                struct bytes had = share_name(s);

                if (had.len == name.len && memcmp(had.data, name.data, name.len) == 0)
                        break;
        }
        return s;
}

struct share *router_share_find(struct router *r, struct bytes name, struct bytes filter)
{
        size_t count =
                levels_of(&r->tree.key, (const char *)filter.data, filter.len, r->levels, TOPIC_LEVELS_MAX);
        struct node *n = count > 0 ? tree_find(&r->tree, r->levels, count) : NULL;

        return n != NULL ? share_of(n, name) : NULL;
}

enum err router_share(struct router *r, struct bytes name, struct bytes filter, struct share **ret)
{
        size_t count =
                levels_of(&r->tree.key, (const char *)filter.data, filter.len, r->levels, TOPIC_LEVELS_MAX);
        struct node *n;
        enum err e;

        if (count == 0)
                return ERR_LIMIT;
        TRY(tree_get(&r->tree, r->levels, count, &n));
        *ret = share_of(n, name);
        if (*ret != NULL)
                return ERR_OK;
        e = share_new(name, &r->shared_count, ret);
        if (e != ERR_OK) {
                tree_prune(&r->tree, n);
                return e;
        }
        *share_link(*ret) = (struct share_link){n->shares, n};
        n->shares = *ret;
        return ERR_OK;
}

void router_share_prune(struct router *r, struct share *share)
{
        struct node *n = share_link(share)->node;
        struct share **at = &n->shares;

        if (share_count(share) > 0)
                return;
        while (*at != share)
                at = &share_link(*at)->next;
        *at = share_link(share)->next;
        (void)share_free(share);
        tree_prune(&r->tree, n);
}
