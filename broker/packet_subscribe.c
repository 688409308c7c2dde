/* SPDX-License-Identifier: Apache-2.0 */
/* SUBSCRIBE and UNSUBSCRIBE (MQTT 5 §3.8 to §3.11). */
#include "broker/conn_access.h"
#include "broker/fabric.h"
#include "broker/mqtt_write.h"
#include "broker/packet.h"
#include "broker/router.h"
#include "broker/share.h"
#include "broker/topic.h"

#include <string.h>

enum { QOS_MASK = 3, NO_LOCAL = 1 << 2, RETAIN_AS_PUBLISHED = 1 << 3, HANDLING_SHIFT = 4 };

struct request { /* one packet, on its way through its filters */
        struct conn *c;
        uint64_t ticket;
        struct receipt *receipt; /* of the homes of shared subscriptions; NULL: none */
        uint8_t codes[MQTT_FILTERS_MAX];
};

static void answer(struct request *r, uint8_t type, const struct mqtt_subscribe *p)
{
        uint8_t packet[MQTT_SMALL_MAX + MQTT_FILTERS_MAX];

        fabric_tell_peers(r->c->ctx);
        acks_send(r->c, packet,
                  mqtt_write_suback(packet, r->c->level, type, p->packet_id, r->codes, p->count), r->ticket,
                  r->receipt);
}

static struct bytes client_id_of(const struct conn *c)
{
        const char *id = session_client_id(c->session);

        return (struct bytes){(const uint8_t *)id, strlen(id)};
}

static void tell_share(struct request *r, struct bytes filter, const struct share_news *news)
{
        if (r->receipt == NULL)
                r->receipt = receipt_new(r->c->ctx);
        fabric_share(r->c->ctx, filter, client_id_of(r->c), news, r->receipt);
}

/* ---- one filter ---- */

struct wanted {
        struct bytes text;   /* as the client wrote it */
        struct bytes filter; /* without `$share/<group>/` */
        struct subscription sub;
        bool shared, is_new;
};

/* False: a protocol error of the whole packet ([MQTT-3.8.3-4], [MQTT-4.8.2-1], [-2]). */
static bool read_wanted(const struct mqtt_subscribe *p, int n, struct wanted *w)
{
        uint8_t options = p->options[n];
        struct bytes name;
        bool valid = true;

        *w = (struct wanted){.text = p->filters[n],
                             .filter = p->filters[n],
                             .sub = {.id = p->properties.subscription_id,
                                     .qos = options & QOS_MASK,
                                     .no_local = (options & NO_LOCAL) != 0,
                                     .retain_as_published = (options & RETAIN_AS_PUBLISHED) != 0,
                                     .retain_handling = options >> HANDLING_SHIFT & 3}};
        w->shared = share_filter(w->text, &name, &w->filter, &valid);
        if (!w->shared)
                return true;
        return valid && topic_filter_valid((const char *)w->filter.data, w->filter.len) && !w->sub.no_local;
}

static enum mqtt_reason subscribe(struct request *r, struct wanted *w)
{
        struct conn *c = r->c;
        uint64_t ticket = 0;
        enum mqtt_reason why = conn_may(c, ACCESS_SUBSCRIBE, w->filter);

        if (w->shared && c->ctx->limits->strict)
                why = MQTT_SHARED_NOT_SUPPORTED;
        if (why == MQTT_SUCCESS)
                why = session_subscribe(c->session, w->text, &w->sub, w->shared, &w->is_new, &ticket);
        if (why != MQTT_SUCCESS) {
                if (why != MQTT_QUOTA_EXCEEDED)
                        COUNT(c->ctx, messages_denied);
                return why;
        }
        if (ticket > r->ticket)
                r->ticket = ticket;
        if (w->shared)
                tell_share(r, w->text,
                           &(struct share_news){.change = SHARE_JOIN,
                                                .connected = true,
                                                .kept = session_kept(c->session),
                                                .sub = w->sub});
        return (enum mqtt_reason)w->sub.qos;
}

/* ---- retained messages ---- */

/* Not for shared subscriptions ([MQTT-3.3.1-9] and on; §4.8.2). */
static void show_retained(struct conn *c, const struct wanted *w)
{
        if (w->shared || w->sub.retain_handling == 2 || (w->sub.retain_handling == 1 && !w->is_new))
                return;
        conn_show_retained(c, w->filter, &w->sub);
}

/* ---- the packets ---- */

/* The cloud ends a connection that asks for what it may not have. */
static bool ends_connection(const struct conn *c, enum mqtt_reason why)
{
        return c->ctx->limits->strict && why >= MQTT_UNSPECIFIED_ERROR;
}

static bool subscribe_all(struct request *r, const struct mqtt_subscribe *p, struct wanted *wanted)
{
        for (int n = 0; n < p->count; n++)
                if (!read_wanted(p, n, &wanted[n])) {
                        conn_abort(r->c, MQTT_PROTOCOL_ERROR, "shared subscription not well formed");
                        return false;
                }
        for (int n = 0; n < p->count; n++) {
                enum mqtt_reason why = subscribe(r, &wanted[n]);

                if (ends_connection(r->c, why)) {
                        if (why == MQTT_NOT_AUTHORIZED_5)
                                conn_tell_denied(r->c, ACCESS_SUBSCRIBE);
                        conn_abort(r->c, why, "not allowed to subscribe to this topic");
                        return false;
                }
                r->codes[n] = (uint8_t)why;
        }
        return true;
}

static void forget_receipt(struct request *r)
{
        struct published p = {.receipt = r->receipt};

        fabric_forget(r->c->ctx, &p);
}

bool packet_subscribe(struct conn *c, const struct mqtt_frame *f)
{
        struct request r = {.c = c};
        struct wanted wanted[MQTT_FILTERS_MAX];
        struct mqtt_subscribe p;
        enum mqtt_reason why = mqtt_read_subscribe(f, c->level, &p);

        if (why != MQTT_SUCCESS) {
                conn_abort(c, why, "malformed SUBSCRIBE");
                return true;
        }
        if (!subscribe_all(&r, &p, wanted)) {
                fabric_tell_peers(c->ctx);
                forget_receipt(&r);
                return true;
        }
        answer(&r, MQTT_SUBACK, &p);
        for (int n = 0; n < p.count && c->session != NULL; n++)
                if (r.codes[n] < MQTT_UNSPECIFIED_ERROR)
                        show_retained(c, &wanted[n]);
        return true;
}

bool packet_unsubscribe(struct conn *c, const struct mqtt_frame *f)
{
        static const struct share_news leaves = {.change = SHARE_LEAVE};
        struct request r = {.c = c};
        struct mqtt_subscribe p;
        enum mqtt_reason why = mqtt_read_unsubscribe(f, c->level, &p);

        if (why != MQTT_SUCCESS) {
                conn_abort(c, why, "malformed UNSUBSCRIBE");
                return true;
        }
        for (int n = 0; n < p.count; n++) {
                struct bytes name, filter;
                uint64_t ticket = 0;
                bool valid, had = session_unsubscribe(c->session, p.filters[n], &ticket);

                if (ticket > r.ticket)
                        r.ticket = ticket;
                if (had)
                        conn_forget_show(c, p.filters[n]);
                if (had && share_filter(p.filters[n], &name, &filter, &valid))
                        tell_share(&r, p.filters[n], &leaves);
                r.codes[n] = had ? MQTT_SUCCESS : MQTT_NO_SUBSCRIPTION_EXISTED;
        }
        answer(&r, MQTT_UNSUBACK, &p);
        return true;
}
