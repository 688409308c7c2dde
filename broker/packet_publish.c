/* SPDX-License-Identifier: Apache-2.0 */
/* PUBLISH (MQTT 5 §3.3) and the acknowledgements of both directions (§3.4 to §3.7). A message is acknowledged
 * after all who must keep it have committed it (acks.h). */
#include "broker/conn_access.h"
#include "broker/mqtt_write.h"
#include "broker/packet.h"
#include "broker/publishing.h"
#include "common/clock.h"
#include "common/text.h"

#include <stdlib.h>

enum { PROPERTIES_ON_STACK = 1024 };

/* ---- may it? ---- */

/* Takes the alias for the topic, or the topic for the alias (§3.3.2.3.4). */
static enum mqtt_reason resolve_alias(struct conn *c, struct mqtt_publish *p)
{
        if (!mqtt_has(&p->properties, MQTT_TOPIC_ALIAS))
                return MQTT_SUCCESS;
        if (p->topic.len == 0) {
                p->topic = topic_alias_get(&c->aliases_in, p->properties.topic_alias);
                if (p->topic.len > 0)
                        return MQTT_SUCCESS;
                return p->properties.topic_alias == 0 ||
                                       p->properties.topic_alias > c->ctx->limits->topic_alias_max
                               ? MQTT_TOPIC_ALIAS_INVALID
                               : MQTT_PROTOCOL_ERROR;
        }
        switch (topic_alias_set(&c->aliases_in, p->properties.topic_alias, c->ctx->limits->topic_alias_max,
                                p->topic)) {
        case ERR_OK:
                return MQTT_SUCCESS;
        case ERR_NOMEM:
                return MQTT_IMPLEMENTATION_ERROR;
        default:
                return MQTT_TOPIC_ALIAS_INVALID;
        }
}

/* What ends the connection whatever the QoS. */
static enum mqtt_reason check_packet(struct conn *c, struct mqtt_publish *p)
{
        const struct broker_limits *l = c->ctx->limits;
        enum mqtt_reason why = resolve_alias(c, p);

        if (why != MQTT_SUCCESS)
                return why;
        if (p->retain && l->strict)
                return MQTT_RETAIN_NOT_SUPPORTED;
        if (l->payload_max != 0 && p->payload.len > l->payload_max)
                return MQTT_PACKET_TOO_LARGE;
        if (c->level == MQTT_5 && p->qos > 0 &&
            c->acks.publishes + session_qos2_open(c->session) >= c->receive_max && !p->dup)
                return MQTT_RECEIVE_MAXIMUM_EXCEEDED;
        return MQTT_SUCCESS;
}

/* What refuses this message only. */
static enum mqtt_reason check_message(struct conn *c, const struct mqtt_publish *p)
{
        if (p->topic.data[0] == '$') /* §4.7.2: not for clients to exchange messages */
                return conn_takes_token(c, p->topic) ? MQTT_SUCCESS : MQTT_NOT_AUTHORIZED_5;
        if (mqtt_has(&p->properties, MQTT_PAYLOAD_FORMAT) && p->properties.payload_format == 1 &&
            !text_is_utf8((const char *)p->payload.data, p->payload.len))
                return MQTT_PAYLOAD_FORMAT_INVALID;
        return conn_may(c, ACCESS_PUBLISH, p->topic);
}

/* ---- its way ---- */

static struct message *make_message(const struct conn *c, const struct mqtt_publish *p)
{
        uint8_t stack[PROPERTIES_ON_STACK], *heap = NULL, *properties = stack;
        struct message_content content = {.topic = p->topic,
                                          .payload = p->payload,
                                          .publisher = session_id(c->session),
                                          .qos = p->qos,
                                          .retain = p->retain};
        struct message *m;

        if (p->properties.raw.len > sizeof stack) {
                properties = heap = malloc(p->properties.raw.len);
                if (heap == NULL)
                        return NULL;
        }
        content.properties =
                (struct bytes){properties, mqtt_forward_properties(p->properties.raw, properties)};
        if (mqtt_has(&p->properties, MQTT_MESSAGE_EXPIRY))
                content.expires_ms = clock_unix_ms() + (int64_t)p->properties.message_expiry_s * 1000;
        m = message_new(&content);
        free(heap);
        return m;
}

static enum mqtt_reason route(struct conn *c, const struct mqtt_publish *p, struct published *ret)
{
        CLEANUP(messagep) struct message *m = NULL;
        enum mqtt_reason why;

        if (p->topic.data[0] == '$') /* check_message() lets no other pass */
                return conn_take_token(c, p->payload);
        m = make_message(c, p);
        if (m == NULL) {
                COUNT(c->ctx, messages_dropped);
                return MQTT_IMPLEMENTATION_ERROR;
        }
        why = publishing_route(c->ctx, m, ret);
        return why == MQTT_SUCCESS && ret->receivers == 0 && !ret->elsewhere ? MQTT_NO_MATCHING_SUBSCRIBERS
                                                                             : why;
}

static void acknowledge(struct conn *c, uint8_t type, uint16_t packet_id, enum mqtt_reason reason,
                        const struct published *done)
{
        uint8_t packet[MQTT_SMALL_MAX];

        acks_send(c, packet, mqtt_write_ack(packet, c->level, type, packet_id, reason), done->ticket,
                  done->receipt);
}

/* MQTT 3.1.1 has no way to say no but to end the connection (§3.3.5.2), which is too much for a topic that
 * begins with '$'; nor has QoS 0, whose message is dropped. The cloud ends every connection. */
static void deny(struct conn *c, const struct mqtt_publish *p, enum mqtt_reason why)
{
        static const struct published nothing = {0};

        COUNT(c->ctx, messages_denied);
        if (why == MQTT_NOT_AUTHORIZED_5)
                conn_tell_denied(c, ACCESS_PUBLISH);
        if (c->ctx->limits->strict || (c->level != MQTT_5 && p->topic.data[0] != '$'))
                conn_abort(c, why, "not allowed to publish to this topic");
        else if (p->qos > 0)
                acknowledge(c, p->qos == 1 ? MQTT_PUBACK : MQTT_PUBREC, p->packet_id, why, &nothing);
}

static bool needs_txn(const struct conn *c)
{
        return c->ctx->count > 1 && session_kept(c->session);
}

/* That its PUBLISH came is in this turn's batch, if it is kept. Were that kept and the message not, it would
 * never be routed; the other way round, twice. */
static enum mqtt_reason route_once(struct conn *c, const struct mqtt_publish *p, struct published *ret)
{
        struct context *ctx = c->ctx;
        enum mqtt_reason why;

        if (needs_txn(c))
                ret->txn = store_txn_new(&ctx->port);
        why = route(c, p, ret);
        if (ret->receipt != NULL)
                store_txn_join(&ctx->port, ret->txn);
        else
                store_txn_leave(&ctx->port, ret->txn);
        ret->txn = NULL;
        return why;
}

static void publish_qos2(struct conn *c, const struct mqtt_publish *p)
{
        uint32_t open_max = c->level == MQTT_5 ? c->receive_max : UINT16_MAX;
        enum mqtt_reason why = MQTT_SUCCESS;
        struct published done = {0};
        bool known = false;
        uint64_t ticket = 0;

        switch (session_qos2_begin(c->session, p->packet_id, open_max, &known, &ticket)) {
        case ERR_OK:
                break;
        case ERR_LIMIT:
                conn_abort(c, MQTT_RECEIVE_MAXIMUM_EXCEEDED, "more QoS 2 messages than the Receive Maximum");
                return;
        default:
                conn_abort(c, MQTT_IMPLEMENTATION_ERROR, "out of memory for QoS 2 packet IDs");
                return;
        }
        if (!known)
                why = route_once(c, p, &done);
        if (ticket > done.ticket)
                done.ticket = ticket;
        if (why == MQTT_QUOTA_EXCEEDED)
                why = MQTT_SUCCESS; /* not retained, but routed: it must not be sent again */
        /* An error ends the exchange (§4.3.3): its packet ID is free again. */
        if (why >= MQTT_UNSPECIFIED_ERROR && session_qos2_end(c->session, p->packet_id, &ticket))
                done.ticket = ticket;
        acknowledge(c, MQTT_PUBREC, p->packet_id, why, &done);
}

static const char *packet_error(enum mqtt_reason why)
{
        switch (why) {
        case MQTT_RETAIN_NOT_SUPPORTED:
                return "retained messages are not supported";
        case MQTT_PACKET_TOO_LARGE:
                return "message larger than allowed";
        case MQTT_RECEIVE_MAXIMUM_EXCEEDED:
                return "more messages than the Receive Maximum";
        case MQTT_TOPIC_ALIAS_INVALID:
                return "topic alias not allowed";
        default:
                return "malformed PUBLISH";
        }
}

static void publish(struct conn *c, const struct mqtt_publish *p)
{
        struct published done = {0};
        enum mqtt_reason why;

        if (p->qos == 2) {
                publish_qos2(c, p);
                return;
        }
        why = route(c, p, &done);
        if (p->qos == 1)
                acknowledge(c, MQTT_PUBACK, p->packet_id, why, &done);
        else
                fabric_forget(c->ctx, &done);
}

bool packet_publish(struct conn *c, const struct mqtt_frame *f)
{
        struct mqtt_publish p;
        enum mqtt_reason why = mqtt_read_publish(f, c->level, &p);

        c->wants_txn =
                why == MQTT_SUCCESS && p.qos == 2 && needs_txn(c) && !store_txn_may_begin(&c->ctx->port);
        if (c->wants_txn)
                return false; /* it is read again when that one is committed */
        if (why == MQTT_SUCCESS)
                why = check_packet(c, &p);
        if (why != MQTT_SUCCESS) {
                conn_abort(c, why, packet_error(why));
                return true;
        }
        COUNT(c->ctx, messages_in);
        why = check_message(c, &p);
        if (why != MQTT_SUCCESS) {
                deny(c, &p, why);
                return true;
        }
        publish(c, &p);
        conn_end_bad_token(c);
        return true;
}

/* ---- acknowledgements ---- */

/* Reads an acknowledgement; closes the connection when it is malformed. */
static bool read_ack(struct conn *c, const struct mqtt_frame *f, struct mqtt_ack *ret)
{
        enum mqtt_reason why = mqtt_read_ack(f, c->level, ret);

        if (why == MQTT_SUCCESS)
                return true;
        conn_abort(c, why, "malformed acknowledgement");
        return false;
}

/* An acknowledgement that was not awaited. Of an ID that is not in flight it is tolerated. */
static bool is_wrong_kind(struct conn *c, const struct mqtt_ack *a)
{
        if (!session_awaits(c->session, a->packet_id))
                return false;
        conn_abort(c, MQTT_PROTOCOL_ERROR, "acknowledgement of the wrong kind");
        return true;
}

/* Level 5 is told of a packet ID that we do not know, where there is an answer (§4.3.3). */
bool packet_puback(struct conn *c, const struct mqtt_frame *f)
{
        struct mqtt_ack a;

        if (read_ack(c, f, &a) && !session_puback(c->session, a.packet_id, a.reason))
                (void)is_wrong_kind(c, &a);
        return true;
}

bool packet_pubrec(struct conn *c, const struct mqtt_frame *f)
{
        uint8_t packet[MQTT_SMALL_MAX];
        struct mqtt_ack a;

        if (!read_ack(c, f, &a) || session_pubrec(c->session, a.packet_id, a.reason) ||
            is_wrong_kind(c, &a) || a.reason >= MQTT_UNSPECIFIED_ERROR)
                return true;
        /* Without a PUBREL the client would hold this ID for ever. */
        conn_send(c, packet,
                  mqtt_write_ack(packet, c->level, MQTT_PUBREL, a.packet_id, MQTT_PACKET_ID_NOT_FOUND));
        return true;
}

bool packet_pubrel(struct conn *c, const struct mqtt_frame *f)
{
        struct published done = {0};
        struct mqtt_ack a;
        bool known;

        if (!read_ack(c, f, &a))
                return true;
        known = session_qos2_end(c->session, a.packet_id, &done.ticket);
        acknowledge(c, MQTT_PUBCOMP, a.packet_id, known ? MQTT_SUCCESS : MQTT_PACKET_ID_NOT_FOUND, &done);
        return true;
}

bool packet_pubcomp(struct conn *c, const struct mqtt_frame *f)
{
        struct mqtt_ack a;

        if (read_ack(c, f, &a) && !session_pubcomp(c->session, a.packet_id))
                (void)is_wrong_kind(c, &a);
        return true;
}
