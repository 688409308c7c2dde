/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/fabric.h"

#include "broker/share.h"
#include "common/log.h"

#include <stdlib.h>
#include <string.h>

static int place_of(const struct context *ctx, const void *name, size_t len)
{
        const uint8_t *p = name;
        uint64_t hash = 14695981039346656037u; /* FNV-1a */

        for (size_t n = 0; n < len; n++)
                hash = (hash ^ p[n]) * 1099511628211u;
        /* FNV's last bytes reach its middle bits only by carry: without this, a fleet that is numbered at the
         * end of its client IDs is at home on one or two workers. */
        hash = (hash ^ hash >> 32) * 0xff51afd7ed558ccdu;
        return (int)((hash >> 32) % (uint64_t)ctx->count);
}

int fabric_home(const struct context *ctx, const void *client_id, size_t len)
{
        return place_of(ctx, client_id, len);
}

void fabric_tell_peers(struct context *ctx)
{
        atomic_store_explicit(&ctx->counters.subscriptions, router_count(ctx->router), memory_order_release);
        /* Members of shares may be kept on a third worker. */
        atomic_store_explicit(&ctx->counters.keepers,
                              session_table_keepers(ctx->sessions) + router_shared_count(ctx->router),
                              memory_order_release);
}

/* ---- on this worker ---- */

static void sum(struct published *p, uint64_t ticket)
{
        p->receivers++;
        if (ticket > p->ticket)
                p->ticket = ticket;
}

static uint8_t lower(uint8_t a, uint8_t b)
{
        return a < b ? a : b;
}

struct routing { /* one message, by this worker's router */
        struct context *ctx;
        struct message *message;
        struct receipt **receipt; /* who waits for it; *receipt is made when it is needed */
        struct store_txn *txn;
        struct published *published;
};

static void found_session(void *arg, const struct match *m)
{
        struct routing *r = arg;
        const struct delivery d = {.message = r->message,
                                   .qos = lower(r->message->qos, m->qos),
                                   .retain = r->message->retain && m->retain_as_published,
                                   .id_count = m->id_count,
                                   .ids = m->ids};

        sum(r->published, session_deliver(m->session, &d));
}

/* To one client whose home is here, by a subscription that is not in this router (P2P: none at all). */
static void deliver_to(struct context *ctx, struct message *m, struct bytes client_id,
                       const struct subscription *sub, struct published *ret)
{
        struct session *s = session_find(ctx->sessions, client_id.data, client_id.len);
        const struct delivery d = {.message = m,
                                   .qos = lower(m->qos, sub->qos),
                                   .retain = m->retain && sub->retain_as_published,
                                   .id_count = sub->id != 0,
                                   .ids = &sub->id};

        if (s != NULL)
                sum(ret, session_deliver(s, &d));
}

static void post_to(const struct routing *r, int to, struct bytes client_id, const struct subscription *sub);

static void found_share(void *arg, struct share *share)
{
        struct routing *r = arg;
        const struct share_member *member = share_next(share);
        struct bytes client_id;
        int home;

        if (member == NULL)
                return;
        client_id = (struct bytes){(const uint8_t *)member->client_id, member->client_id_len};
        home = fabric_home(r->ctx, client_id.data, client_id.len);
        if (home == r->ctx->index) {
                deliver_to(r->ctx, r->message, client_id, &member->sub, r->published);
                return;
        }
        r->published->elsewhere = true;
        post_to(r, home, client_id, &member->sub);
}

static void route_here(struct routing *r)
{
        static const struct router_found found = {found_session, found_share};

        router_match(r->ctx->router, message_topic(r->message), r->message->topic_len, r->message->publisher,
                     &found, r);
}

/* ---- between workers ---- */

struct routed { /* a message on its way to another worker */
        struct mail mail;
        struct message *message;
        struct receipt *receipt; /* one count; NULL: nobody waits */
        struct store_txn *txn;   /* one part; NULL: none */
        struct context *to;
        struct store_wait kept;
        struct subscription sub; /* of the one client */
        uint32_t client_id_len;  /* 0: to all subscriptions */
        char client_id[];
};

static size_t cost(const struct routed *r)
{
        return sizeof *r + r->client_id_len + message_size(r->message);
}

/* What sessions here keep of it is in this turn's batch. A worker that stops has not looked who must keep
 * it. */
static void join(struct context *ctx, struct store_txn *txn, uint64_t ticket)
{
        if (ctx->stopping)
                store_txn_abandon(txn);
        else if (store_committed(&ctx->port, ticket))
                store_txn_leave(&ctx->port, txn);
        else
                store_txn_join(&ctx->port, txn);
}

static void drop_receipt(struct receipt *r)
{
        free(r);
}

static void settle(struct routed *r)
{
        receipt_done(r->to, r->receipt);
        (void)message_unref(r->message);
        free(r);
}

static void routed_kept(struct store_wait *w)
{
        settle((struct routed *)((char *)w - offsetof(struct routed, kept)));
}

static void arrive(struct context *to, struct mail *mail)
{
        struct routed *r = (struct routed *)mail;
        struct published here = {0};
        struct receipt *passed_on = r->receipt;
        struct routing routing = {to, r->message, &passed_on, r->txn, &here};

        atomic_fetch_sub_explicit(&to->mailbox.bytes, cost(r), memory_order_relaxed);
        r->to = to;
        if (!to->stopping && r->client_id_len > 0)
                deliver_to(to, r->message, (struct bytes){(const uint8_t *)r->client_id, r->client_id_len},
                           &r->sub, &here);
        else if (!to->stopping)
                route_here(&routing);
        join(to, r->txn, here.ticket);
        if (r->receipt == NULL && passed_on != NULL) { /* nobody waits for what was passed on */
                passed_on->then = drop_receipt;
                receipt_done(to, passed_on);
        }
        if (r->receipt != NULL && !to->stopping && !store_committed(&to->port, here.ticket))
                store_wait_for(&to->port, &r->kept, here.ticket, routed_kept);
        else
                settle(r);
}

/* Sessions there may keep it, so somebody will want to know when they have. One client's may without any
 * subscription. */
static bool is_kept_at(const struct context *peer, const struct message *m, struct bytes client_id)
{
        return m->qos > 0 &&
               (client_id.len > 0 || atomic_load_explicit(&peer->counters.keepers, memory_order_acquire) > 0);
}

static void post_to(const struct routing *from, int to, struct bytes client_id,
                    const struct subscription *sub)
{
        struct routed *r = malloc(sizeof *r + client_id.len);
        struct context *ctx = from->ctx;
        struct message *m = from->message;
        bool kept = is_kept_at(ctx->peers[to], m, client_id);

        if (kept && *from->receipt == NULL)
                *from->receipt = receipt_new(ctx);
        if (kept && (r == NULL || *from->receipt == NULL))
                abort(); /* it would be acknowledged before it is kept */
        if (r == NULL) {
                COUNT(ctx, messages_dropped);
                return;
        }
        *r = (struct routed){.mail = {.run = arrive}, .client_id_len = (uint32_t)client_id.len};
        if (kept) {
                r->receipt = receipt_add(*from->receipt);
                r->txn = store_txn_add(from->txn);
        }
        r->message = message_ref(m);
        if (sub != NULL)
                r->sub = *sub;
        if (client_id.len > 0)
                memcpy(r->client_id, client_id.data, client_id.len);
        atomic_fetch_add_explicit(&ctx->peers[to]->mailbox.bytes, cost(r), memory_order_relaxed);
        mail_batch_add(&ctx->outgoing[to], &r->mail);
}

void fabric_publish(struct context *ctx, struct message *m, struct published *ret)
{
        struct routing here = {ctx, m, &ret->receipt, ret->txn, ret};

        route_here(&here);
        for (int to = 0; to < ctx->count; to++)
                if (to != ctx->index &&
                    atomic_load_explicit(&ctx->peers[to]->counters.subscriptions, memory_order_acquire) > 0) {
                        ret->elsewhere = true;
                        post_to(&here, to, (struct bytes){NULL, 0}, NULL);
                }
}

void fabric_send(struct context *ctx, struct message *m, struct bytes client_id, struct published *ret)
{
        static const struct subscription as_published = {.qos = 2};
        const struct routing here = {ctx, m, &ret->receipt, ret->txn, ret};
        int home = fabric_home(ctx, client_id.data, client_id.len);

        if (home == ctx->index) {
                deliver_to(ctx, m, client_id, &as_published, ret);
                return;
        }
        ret->elsewhere = true;
        post_to(&here, home, client_id, &as_published);
}

void fabric_forget(struct context *ctx, struct published *p)
{
        if (p->receipt == NULL)
                return;
        p->receipt->then = drop_receipt;
        receipt_done(ctx, p->receipt);
        p->receipt = NULL;
}

/* ---- shared subscriptions ---- */

struct share_mail {
        struct mail mail;
        struct receipt *receipt;
        struct share_news news;
        size_t text_len, client_id_len;
        char texts[]; /* text, client ID */
};

static void change_share(struct context *ctx, struct bytes text, struct bytes client_id,
                         const struct share_news *news)
{
        struct bytes name, filter;
        struct share *share;
        bool valid = false;

        if (!share_filter(text, &name, &filter, &valid) || !valid)
                return;
        if (news->change != SHARE_JOIN) {
                share = router_share_find(ctx->router, name, filter);
                if (share == NULL)
                        return;
                if (news->change == SHARE_LEAVE)
                        share_leave(share, client_id);
                else
                        share_set_connected(share, client_id, news->change == SHARE_CONNECTED);
                router_share_prune(ctx->router, share);
        } else if (router_share(ctx->router, name, filter, &share) != ERR_OK ||
                   share_join(share, client_id, &news->sub, news->connected, news->kept) != ERR_OK) {
                log_error("share=%.*s out of memory: a member is missing", (int)name.len,
                          (const char *)name.data);
        }
        fabric_tell_peers(ctx);
}

static void share_arrive(struct context *to, struct mail *mail)
{
        struct share_mail *m = (struct share_mail *)mail;
        const uint8_t *texts = (const uint8_t *)m->texts;

        if (!to->stopping)
                change_share(to, (struct bytes){texts, m->text_len},
                             (struct bytes){texts + m->text_len, m->client_id_len}, &m->news);
        receipt_done(to, m->receipt);
        free(m);
}

int fabric_share_home(const struct context *ctx, struct bytes text)
{
        struct bytes name = text, filter;
        bool valid;

        (void)share_filter(text, &name, &filter, &valid);
        return place_of(ctx, name.data, name.len);
}

void fabric_share(struct context *ctx, struct bytes text, struct bytes client_id,
                  const struct share_news *news, struct receipt *receipt)
{
        int home = fabric_share_home(ctx, text);
        struct share_mail *m;

        if (home == ctx->index) {
                change_share(ctx, text, client_id, news);
                return;
        }
        m = malloc(sizeof *m + text.len + client_id.len);
        if (m == NULL) {
                log_error("share=%.*s out of memory: a change is lost", (int)text.len,
                          (const char *)text.data);
                return;
        }
        *m = (struct share_mail){.mail = {.run = share_arrive},
                                 .receipt = receipt == NULL ? NULL : receipt_add(receipt),
                                 .news = *news,
                                 .text_len = text.len,
                                 .client_id_len = client_id.len};
        memcpy(m->texts, text.data, text.len);
        memcpy(m->texts + text.len, client_id.data, client_id.len);
        mail_batch_add(&ctx->outgoing[home], &m->mail);
}

bool fabric_congested(const struct context *ctx)
{
        if (ctx->port.bytes > ctx->limits->mailbox_bytes_max)
                return true;
        for (int n = 0; n < ctx->count; n++)
                if (n != ctx->index &&
                    atomic_load_explicit(&ctx->peers[n]->mailbox.bytes, memory_order_relaxed) >
                            ctx->limits->mailbox_bytes_max)
                        return true;
        return false;
}
