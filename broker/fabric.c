/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/fabric.h"

#include <stdlib.h>
#include <string.h>

struct routed { /* a message on its way to another worker */
        struct mail mail;
        struct message *message;
        uint32_t client_id_len; /* 0: to all subscriptions */
        char client_id[];
};

int fabric_home(const struct context *ctx, const void *client_id, size_t len)
{
        const uint8_t *p = client_id;
        uint64_t hash = 14695981039346656037u; /* FNV-1a */

        for (size_t n = 0; n < len; n++)
                hash = (hash ^ p[n]) * 1099511628211u;
        /* FNV's last bytes reach its middle bits only by carry: without this, a fleet that is numbered at the
         * end of its client IDs is at home on one or two workers. */
        hash = (hash ^ hash >> 32) * 0xff51afd7ed558ccdu;
        return (int)((hash >> 32) % (uint64_t)ctx->count);
}

static void found(void *arg, struct session *s, uint8_t granted)
{
        struct message *m = arg;

        session_deliver(s, m, m->qos < granted ? m->qos : granted);
}

static void deliver_here(struct context *ctx, struct message *m, const char *client_id, size_t len)
{
        struct session *s;

        if (len == 0) {
                router_match(ctx->router, message_topic(m), m->topic_len, found, m);
                return;
        }
        s = session_find(ctx->sessions, client_id, len);
        if (s != NULL)
                session_deliver(s, m, m->qos);
}

static size_t cost(const struct routed *r)
{
        return sizeof *r + r->client_id_len + r->message->topic_len + r->message->payload_len;
}

static void arrive(struct context *to, struct mail *mail)
{
        struct routed *r = (struct routed *)mail;

        atomic_fetch_sub_explicit(&to->mailbox.bytes, cost(r), memory_order_relaxed);
        if (!to->stopping)
                deliver_here(to, r->message, r->client_id, r->client_id_len);
        (void)message_unref(r->message);
        free(r);
}

static void post(struct context *ctx, int to, struct message *m, const void *client_id, size_t len)
{
        struct routed *r = malloc(sizeof *r + len);

        if (r == NULL) {
                COUNT(ctx, messages_dropped);
                return;
        }
        r->mail = (struct mail){.run = arrive};
        r->message = message_ref(m);
        r->client_id_len = (uint32_t)len;
        if (len > 0)
                memcpy(r->client_id, client_id, len);
        atomic_fetch_add_explicit(&ctx->peers[to]->mailbox.bytes, cost(r), memory_order_relaxed);
        mail_batch_add(&ctx->outgoing[to], &r->mail);
}

void fabric_publish(struct context *ctx, struct message *m)
{
        deliver_here(ctx, m, NULL, 0);
        for (int to = 0; to < ctx->count; to++)
                if (to != ctx->index &&
                    atomic_load_explicit(&ctx->peers[to]->counters.subscriptions, memory_order_acquire) > 0)
                        post(ctx, to, m, NULL, 0);
}

void fabric_send(struct context *ctx, struct message *m, const void *client_id, size_t len)
{
        int home = fabric_home(ctx, client_id, len);

        if (home == ctx->index)
                deliver_here(ctx, m, client_id, len);
        else
                post(ctx, home, m, client_id, len);
}

bool fabric_congested(const struct context *ctx)
{
        for (int n = 0; n < ctx->count; n++)
                if (n != ctx->index &&
                    atomic_load_explicit(&ctx->peers[n]->mailbox.bytes, memory_order_relaxed) >
                            ctx->limits->mailbox_bytes_max)
                        return true;
        return false;
}
