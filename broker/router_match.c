/* SPDX-License-Identifier: Apache-2.0 */
/* router_match: a match that finds one node with subscriptions, as nearly all do, reads its grants and is
 * done. With more, a session may be in several: the match stamps the subscribers it meets, so that one met
 * again only adds to what was found for it. */
#include "broker/router_state.h"
#include "broker/share.h"

struct matching {
        struct router *router;
        size_t count; /* levels of the topic */
        uint64_t publisher;
        const struct router_found *found;
        void *arg;
};

static inline bool is_own(const struct matching *m, const struct grant *g)
{
        return g->no_local && m->publisher != 0 && g->who->id == m->publisher;
}

static void add_id(struct router *r, struct met *met, uint32_t id)
{
        if (met->id_count == SUBSCRIPTION_IDS_MAX)
                return;
        r->ids[r->id_count++] = (struct met_id){id, met->first_id};
        met->first_id = (uint32_t)r->id_count;
        met->id_count++;
}

static void stamp(const struct matching *m, const struct node *n)
{
        struct router *r = m->router;
        const struct grant *g = n->grants, *end = g + n->grant_count;
        struct subscriber **met = r->met + r->met_count;
        const uint64_t now = r->stamp;

        for (; g < end; g++) {
                struct subscriber *who = g->who;

                if (is_own(m, g))
                        continue;
                if (who->stamp != now) {
                        who->stamp = now;
                        who->met = (struct met){0, 0, g->qos, g->retain_as_published};
                        *met++ = who;
                } else {
                        who->met.qos = g->qos > who->met.qos ? g->qos : who->met.qos;
                        who->met.retain_as_published |= g->retain_as_published;
                }
                if (g->id != 0)
                        add_id(r, &who->met, g->id);
        }
        r->met_count = (size_t)(met - r->met);
}

static void meet(const struct matching *m, const struct node *n)
{
        struct router *r = m->router;

        for (struct share *s = n->shares; s != NULL; s = share_link(s)->next)
                m->found->share(m->arg, s);
        if (n->grant_count == 0)
                return;
        if (r->alone == NULL && r->met_count == 0) {
                r->alone = n;
                return;
        }
        if (r->alone != NULL)
                stamp(m, r->alone);
        r->alone = NULL;
        stamp(m, n);
}

/* Goes as deep as the tree does, so TOPIC_LEVELS_MAX calls at most. '#' stands for its parent too (§4.7.1.2),
 * hence it is asked before the topic's end is. */
static void visit(const struct matching *m, const struct node *n, size_t at, bool wildcards)
{
        const struct node *child;

        m->router->visits++;
        if (n->hash != NULL && wildcards)
                meet(m, n->hash);
        if (at == m->count) {
                meet(m, n);
                return;
        }
        if (n->child_count == 0)
                return;
        child = tree_child(&m->router->tree, n, &m->router->levels[at]);
        if (child != NULL)
                visit(m, child, at + 1, true);
        if (n->plus != NULL && wildcards)
                visit(m, n->plus, at + 1, true);
}

static void tell_alone(const struct matching *m, const struct node *n)
{
        const struct grant *g = n->grants, *end = g + n->grant_count;
        uint32_t id;
        struct match match = {.ids = &id};

        for (; g < end; g++) {
                if (is_own(m, g))
                        continue;
                id = g->id;
                match.session = g->who->session;
                match.qos = g->qos;
                match.retain_as_published = g->retain_as_published;
                match.id_count = id != 0;
                m->found->session(m->arg, &match);
        }
}

static void tell_met(const struct matching *m)
{
        const struct router *r = m->router;
        uint32_t ids[SUBSCRIPTION_IDS_MAX];
        struct match match = {.ids = ids};

        for (size_t i = 0; i < r->met_count; i++) {
                const struct subscriber *who = r->met[i];
                uint32_t at = who->met.first_id;

                match.session = who->session;
                match.qos = who->met.qos;
                match.retain_as_published = who->met.retain_as_published;
                match.id_count = who->met.id_count;
                for (uint8_t n = 0; n < match.id_count; n++) {
                        ids[n] = r->ids[at - 1].id;
                        at = r->ids[at - 1].next;
                }
                m->found->session(m->arg, &match);
        }
}

void router_match(struct router *r, const char *topic, size_t len, uint64_t publisher,
                  const struct router_found *found, void *arg)
{
        size_t count = levels_of(&r->tree.key, topic, len, r->levels, TOPIC_LEVELS_MAX);
        const struct matching m = {r, count, publisher, found, arg};

        r->stamp++;
        r->met_count = r->id_count = 0;
        r->alone = NULL;
        if (count > 0) /* topics that begin with '$' are hidden from wildcards in front (§4.7.2) */
                visit(&m, r->tree.root, 0, topic[0] != '$');
        if (r->alone != NULL)
                tell_alone(&m, r->alone);
        else
                tell_met(&m);
}
