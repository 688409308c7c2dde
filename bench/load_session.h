/* SPDX-License-Identifier: Apache-2.0 */
/* load_session: what the load generator says and hears in MQTT: connecting, publishing, and accounting for
 * what arrives. */
#ifndef SIGNET_BENCH_LOAD_SESSION_H
#define SIGNET_BENCH_LOAD_SESSION_H

#include "bench/load_ack.h"
#include "bench/load_slow.h"

enum { HANDSHAKE_BYTES = 4 * CREDENTIAL_MAX };

static inline void session_connect(struct load *l, struct client *c)
{
        char name[CLIENT_NAME_MAX], password[CREDENTIAL_MAX];

        load_client_name(l, c->number, name);
        const struct connect connect = {.level = l->level,
                                        .client_id = name,
                                        .user = l->credentials.user,
                                        .password = credentials_password(&l->credentials, name, password),
                                        .keep_alive_s = (int)l->o.keep_alive_s,
                                        .persistent = l->o.persistent,
                                        .receive_max = (uint16_t)l->o.receive_max};
        client_wrote_to(c, put_connect(client_room(c, HANDSHAKE_BYTES), &connect));
        c->state = CLIENT_WAIT_CONNACK;
        client_flush(l, c);
}

static inline void session_is_ready(struct load *l, struct client *c)
{
        bool slow = c->number >= l->members;

        if (l->begin_ns == 0) {
                l->connecting--;
                l->ready++;
        }
        if (slow) {
                slow_is_ready(l, c);
                return;
        }
        c->state = CLIENT_READY;
        l->alive++;
}

static inline void session_connack(struct load *l, struct client *c, const struct packet *p)
{
        struct connack answer = {.code = -1};
        char why[64];

        if (c->state != CLIENT_WAIT_CONNACK || !connack_read(p, l->level, &answer) || answer.code != 0) {
                snprintf(why, sizeof why, "CONNACK %d", answer.code);
                client_lost(l, c, DROP_PROTOCOL, why);
                return;
        }
        c->inflight_max = (uint64_t)l->o.inflight_max;
        if (answer.receive_max < c->inflight_max)
                c->inflight_max = answer.receive_max;
        if (!load_subscribes(l, c->number) || l->o.p2p) {
                session_is_ready(l, c);
                return;
        }
        client_wrote_to(c, put_subscribe(client_room(c, HANDSHAKE_BYTES), l->level, c->topic, (int)l->o.qos));
        c->state = CLIENT_WAIT_SUBACK;
        load_touch(l, c);
}

static inline void session_suback(struct load *l, struct client *c, const struct packet *p)
{
        if (c->state != CLIENT_WAIT_SUBACK || suback_read(p, l->level) != (int)l->o.qos)
                client_lost(l, c, DROP_PROTOCOL, "SUBACK with another QoS or a refusal");
        else
                session_is_ready(l, c);
}

static inline void session_account(struct load *l, struct client *c, const struct publish *m)
{
        struct payload v = {.run = 0};

        l->received++;
        switch (payload_read(m->payload, m->payload_len, (size_t)l->o.payload_len, l->run, &v)) {
        case PAYLOAD_FOREIGN:
                l->foreign++;
                return;
        case PAYLOAD_CORRUPT:
                l->corrupt++;
                return;
        default:
                break;
        }
        struct link *link = load_link(l, v.publisher, c->number);
        if (link == NULL || v.sequence >= l->clients[v.publisher].sent || c->topic_len != m->topic_len ||
            memcmp(c->topic, m->topic, m->topic_len) != 0) {
                l->misrouted++;
                return;
        }
        if (!link_receive(link, v.sequence))
                return;
        struct client *publisher = &l->clients[v.publisher];
        l->delivered++;
        publisher->delivered++;
        publisher->outstanding--;
        histogram_add(&l->latency, l->now_ns - v.due_ns);
        if (l->as_fast_as_possible)
                load_touch(l, publisher);
}

static inline void session_publish(struct load *l, struct client *c, const struct packet *p)
{
        struct publish m;

        if (!publish_read(p, l->level, &m) || m.qos > l->o.qos || (m.qos > 0 && m.packet_id == 0)) {
                client_lost(l, c, DROP_PROTOCOL, "malformed PUBLISH");
                return;
        }
        session_account(l, c, &m);
        ack_publish(l, c, &m);
}

static inline void session_packet(struct load *l, struct client *c, const struct packet *p)
{
        switch (p->type) {
        case PACKET_CONNACK:
                session_connack(l, c, p);
                break;
        case PACKET_SUBACK:
                session_suback(l, c, p);
                break;
        case PACKET_PUBLISH:
                session_publish(l, c, p);
                break;
        case PACKET_PUBACK:
        case PACKET_PUBREC:
        case PACKET_PUBREL:
        case PACKET_PUBCOMP:
                ack_packet(l, c, p);
                break;
        case PACKET_PINGRESP:
                break;
        case PACKET_DISCONNECT:
                client_lost(l, c, DROP_DISCONNECT, "DISCONNECT");
                break;
        default:
                client_lost(l, c, DROP_PROTOCOL, "unexpected packet");
        }
}

/* Handles the packets in [at, end) and keeps what is not whole. */
static inline void session_packets(struct load *l, struct client *c, const uint8_t *at, size_t len)
{
        struct packet p;

        while (c->state != CLIENT_GONE && c->state != CLIENT_SLOW) {
                long used = packet_read(at, len, PACKET_MAX - 8, &p);
                if (used < 0)
                        client_lost(l, c, DROP_PROTOCOL, "malformed packet");
                if (used <= 0)
                        break;
                session_packet(l, c, &p);
                at += used;
                len -= (size_t)used;
        }
        if (c->state != CLIENT_GONE)
                client_keep_rest(c, at, len);
}

/* Reads until nothing is left, but not for ever: `read_again` then says that there may be more (TLS may hold
 * it where epoll does not see it). */
static inline void session_read(struct load *l, struct client *c)
{
        c->read_again = false;
        for (int i = 0; i < READS_PER_TURN; i++) {
                if (c->rest_len > 0)
                        memcpy(l->scratch, c->rest, c->rest_len);
                long n = client_recv(l, c, l->scratch + c->rest_len, SCRATCH_BYTES - c->rest_len);
                if (n <= 0)
                        return;
                l->now_ns = meter_now_ns();
                session_packets(l, c, l->scratch, c->rest_len + (size_t)n);
                if (c->state == CLIENT_GONE || c->state == CLIENT_SLOW)
                        return;
        }
        c->read_again = true;
        load_touch(l, c);
}

static inline void session_publish_one(struct load *l, struct client *c, const struct client *to_whom)
{
        struct payload v = {l->run, c->number, c->sent, l->now_ns};
        size_t len = (size_t)l->o.payload_len;

        if (!l->as_fast_as_possible)
                v.due_ns = load_due_ns(l, c->number, c->sent);
        uint8_t *to = client_room(c, len + TOPIC_MAX + 16);
        to = put_publish(to, l->level, to_whom->topic, to_whom->topic_len, (int)l->o.qos,
                         (uint16_t)(c->sent % PACKET_ID_COUNT + 1), len);
        payload_write(to, len, &v);
        client_wrote_to(c, to + len);
        c->sent++;
        l->sent++;
        c->outstanding += l->fan;
}

/* As many as may be under way without a rate; not before they make a batch. */
static inline void session_owe_window(struct load *l, struct client *c)
{
        int64_t room = l->o.window * l->fan - c->outstanding;
        uint64_t left = l->due_max / l->publishers - c->sent;

        c->owed = room > 0 ? (uint64_t)room / l->fan : 0;
        if (c->owed > left)
                c->owed = left;
        else if (c->owed < (uint64_t)l->o.batch)
                c->owed = 0;
}

static inline bool session_may_publish(const struct load *l, const struct client *c)
{
        return c->owed > 0 && c->out.len - c->out.at < OUT_PUBLISH_MAX &&
               (l->o.qos == 0 || c->sent - c->completed < c->inflight_max);
}

/* Sends what is owed, as far as the socket and the window of unacknowledged messages allow. */
static inline void session_pump(struct load *l, struct client *c)
{
        if (c->state == CLIENT_READY && l->begin_ns != 0 && !l->stopping && c->number < l->publishers) {
                if (l->as_fast_as_possible)
                        session_owe_window(l, c);
                const struct client *to_whom = &l->clients[load_subscriber_of(l, c->number)];
                while (c->state == CLIENT_READY && !c->write_blocked && session_may_publish(l, c)) {
                        while (session_may_publish(l, c)) {
                                session_publish_one(l, c, to_whom);
                                c->owed--;
                        }
                        l->publish_writes++;
                        client_flush(l, c);
                }
        }
        if (c->state != CLIENT_GONE && c->out.at < c->out.len && !c->write_blocked)
                client_flush(l, c);
}

#endif
