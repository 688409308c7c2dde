/* SPDX-License-Identifier: Apache-2.0 */
/* CONNECT (MQTT 3.1.1 §3.1): parse, go home, authenticate, register the device when it is new, attach the
 * session, CONNACK. */
#include "broker/client_auth.h"
#include "broker/conn_access.h"
#include "broker/fabric.h"
#include "broker/mqtt_write.h"
#include "broker/packet.h"
#include "broker/recheck.h"
#include "common/crypt.h"
#include "common/model.h"
#include "common/text.h"

#include <stdlib.h>
#include <string.h>

enum { ASSIGNED_RANDOM_BYTES = 12, ASSIGNED_ID_SIZE = sizeof "auto-" + 2 * ASSIGNED_RANDOM_BYTES };

static void refuse(struct conn *c, uint8_t level, enum refusal why)
{
        struct mqtt_connack_properties p = {.reason_text = c->wants_reasons ? refusal_table[why].text : NULL};
        enum mqtt_connack code = refusal_table[why].connack;
        uint8_t packet[MQTT_CONNACK_MAX];
        size_t len = mqtt_write_connack(packet, level, false, code, &p);

        COUNT(c->ctx, connects_refused);
        if (!conn_takes(c, len))
                len = mqtt_write_connack(packet, level, false, code, NULL);
        c->lingers = conn_takes(c, len);
        if (c->lingers)
                conn_send(c, packet, len);
        conn_refuse(c, why);
}

/* A will, a login of the product's enhanced kind: what we or the preset have not. */
static enum refusal not_supported(const struct conn *c, const struct mqtt_connect *p)
{
        if (mqtt_has(&p->properties, MQTT_AUTH_METHOD))
                return REFUSAL_AUTH_METHOD;
        if (p->will && c->ctx->limits->strict)
                return p->will_retain ? REFUSAL_RETAINED_WILL : REFUSAL_WILL;
        return REFUSAL_NONE;
}

/* Whether we may choose its client ID: MQTT 3.1 has no empty ones, 3.1.1 for clean sessions only
 * ([MQTT-3.1.3-7],
 * [-8]). */
static bool may_be_assigned(const struct mqtt_connect *p)
{
        return p->level == MQTT_5 || (p->level == MQTT_3_1_1 && p->clean_start);
}

/* True when the packet is good; otherwise the connection is closed. */
static bool read_connect(struct conn *c, const struct mqtt_frame *f, struct mqtt_connect *ret)
{
        enum mqtt_connect_result r = mqtt_read_connect(f, ret);
        enum refusal why;

        if (r == MQTT_CONNECT_BAD_LEVEL) {
                refuse(c, ret->level, REFUSAL_BAD_LEVEL);
                return false;
        }
        /* Level 5 may be told what was wrong (§4.13.1). */
        if (r == MQTT_CONNECT_MALFORMED && ret->level == MQTT_5) {
                refuse(c, ret->level,
                       ret->reason == MQTT_PROTOCOL_ERROR ? REFUSAL_CONNECT_PROTOCOL : REFUSAL_BAD_CONNECT);
                return false;
        }
        if (r != MQTT_CONNECT_OK) {
                conn_refuse(c, REFUSAL_BAD_CONNECT);
                return false;
        }
        c->wants_reasons = ret->properties.request_problem != 0;
        c->client_packet_max = ret->properties.packet_max;
        c->receive_max = c->ctx->limits->receive_max;
        if (ret->client_id.len > CLIENT_ID_MAX || (ret->client_id.len == 0 && !may_be_assigned(ret))) {
                refuse(c, ret->level, REFUSAL_BAD_CLIENT_ID); /* §3.1.3-8 */
                return false;
        }
        why = not_supported(c, ret);
        if (why != REFUSAL_NONE)
                refuse(c, ret->level, why);
        return why == REFUSAL_NONE;
}

/* A client ID for one that gave none (§3.1.3-6), at home here. */
static struct bytes assign_client_id(const struct conn *c, char id[ASSIGNED_ID_SIZE])
{
        uint8_t random[ASSIGNED_RANDOM_BYTES];

        memcpy(id, "auto-", 5);
        do {
                crypt_random(random, sizeof random);
                text_hex(random, sizeof random, id + 5);
        } while (fabric_home(c->ctx, id, strlen(id)) != c->ctx->index);
        return (struct bytes){(const uint8_t *)id, strlen(id)};
}

/* ---- a session ---- */

/* NULL: none, or out of memory (*ret_bad). */
static struct will *make_will(const struct mqtt_connect *p, struct bytes client_id, struct access *access,
                              bool *ret_bad)
{
        struct message_content content = {.topic = p->will_topic,
                                          .payload = p->will_payload,
                                          .qos = p->will_qos,
                                          .retain = p->will_retain};
        uint8_t *properties = NULL;
        struct will *w = NULL;

        *ret_bad = false;
        if (!p->will)
                return NULL;
        w = will_new(client_id);
        properties = malloc(p->will_properties.raw.len + 1);
        if (w != NULL && properties != NULL) {
                content.properties = (struct bytes){
                        properties, mqtt_forward_properties(p->will_properties.raw, properties)};
                w->delay_s = p->will_properties.will_delay_s;
                w->expiry_s = p->will_properties.message_expiry_s;
                w->message = message_new(&content);
                w->access = access_ref(access);
        }
        free(properties);
        *ret_bad = w == NULL || w->message == NULL;
        return *ret_bad ? will_free(w) : w;
}

static uint32_t session_expiry(const struct mqtt_connect *p)
{
        if (p->level == MQTT_5)
                return p->properties.session_expiry_s;
        return p->clean_start ? 0 : SESSION_NEVER_EXPIRES;
}

/* What the client asked for, up to our limit (MQTT 5 §3.2.2.3.14; 3.1.1 has no way to say it). */
static uint16_t keep_alive(const struct conn *c, const struct mqtt_connect *p)
{
        uint16_t max = c->ctx->limits->keep_alive_max_s;

        if (p->level != MQTT_5 || max == 0)
                return p->keep_alive_s;
        return p->keep_alive_s == 0 || p->keep_alive_s > max ? max : p->keep_alive_s;
}

/* As much of it as the client takes ([MQTT-3.1.2-24]). What limits the client and is not said does not limit
 * it; a client that does not take what it must know gets nothing. */
static void send_connack(struct conn *c, bool present, struct mqtt_connack_properties *answer,
                         uint64_t ticket)
{
        uint8_t packet[MQTT_CONNACK_MAX + CLIENT_ID_MAX];
        size_t len = 0;

        for (int cut = 0; cut < 4; cut++) {
                if (cut == 1)
                        answer->topic_alias_max = 0;
                if (cut == 2)
                        answer->packet_max = 0;
                if (cut == 3)
                        answer->receive_max = c->receive_max = UINT16_MAX;
                len = mqtt_write_connack(packet, c->level, present, MQTT_ACCEPTED, answer);
                if (conn_takes(c, len)) {
                        acks_send(c, packet, len, ticket, NULL);
                        return;
                }
        }
        conn_close(c, "the client takes no packet as large as its CONNACK");
}

static void accept_session(struct conn *c, const struct mqtt_connect *p, bool present, uint64_t ticket)
{
        const struct broker_limits *l = c->ctx->limits;
        const char *id = session_client_id(c->session);
        uint32_t expiry = session_expiry(p);
        uint16_t alive = keep_alive(c, p);
        struct mqtt_connack_properties answer = {
                .session_expiry_s = l->sessions.expiry_max_s,
                .says_session_expiry = expiry > l->sessions.expiry_max_s,
                .keep_alive_s = alive,
                .says_keep_alive = alive != p->keep_alive_s,
                .receive_max = l->receive_max,
                .topic_alias_max = l->topic_alias_max,
                .packet_max = l->packet_max,
                .no_retain = l->strict,
                .no_shared = l->strict,
        };

        if (p->client_id.len == 0)
                answer.assigned_client_id = (struct bytes){(const uint8_t *)id, strlen(id)};
        send_connack(c, present, &answer, ticket);
}

static void share_connected(void *arg, struct bytes filter, const struct subscription *sub)
{
        const struct conn *c = arg;
        const char *id = session_client_id(c->session);
        const struct share_news news = {
                .change = SHARE_JOIN, .connected = true, .kept = session_kept(c->session), .sub = *sub};

        fabric_share(c->ctx, filter, (struct bytes){(const uint8_t *)id, strlen(id)}, &news, NULL);
}

static void attach(struct conn *c, const struct mqtt_connect *p, struct bytes client_id,
                   struct client_verdict *verdict)
{
        struct session_opening opening = {.client_id = client_id,
                                          .clean_start = p->clean_start ||
                                                         !conn_may_resume(c, verdict->access, client_id),
                                          .expiry_s = session_expiry(p),
                                          .receive_max = p->properties.receive_max,
                                          .sink = &c->sink};
        struct session *s = NULL;
        bool present = false, bad = false;
        uint64_t ticket = 0;

        opening.will = make_will(p, client_id, verdict->access, &bad);
        c->level = p->level;
        c->alias_max = p->properties.topic_alias_max;
        if (bad || session_attach(c->ctx->sessions, &opening, &s, &present, &ticket) != ERR_OK) {
                free(verdict->access_key_id);
                (void)access_free(verdict->access);
                refuse(c, p->level, bad ? REFUSAL_NO_MEMORY : REFUSAL_SESSIONS_FULL);
                return;
        }
        fabric_tell_peers(c->ctx);
        conn_activate(c, s, keep_alive(c, p), verdict->access_key_id, verdict->access);
        session_each_shared(s, share_connected, c);
        accept_session(c, p, present, ticket);
}

/* In the mode mutual the certificate authenticates (step 6 of the product's process), and some listeners are
 * open to everybody; a user name that is sent all the same must be right. */
static struct client_verdict judge_login(const struct conn *c, const struct mqtt_connect *p)
{
        const struct snapshot *s = c->ctx->snapshot;
        bool sent = p->has_user_name || p->has_password;

        if (s != NULL && c->kind->anonymous && !sent)
                return (struct client_verdict){.refusal = REFUSAL_NONE};
        if (s != NULL && s->mode == AUTH_MUTUAL && c->device != NULL && !s->login_required && !sent)
                return (struct client_verdict){.refusal = REFUSAL_NONE};
        return client_auth(s, c->ctx->instance, p);
}

static struct client_verdict judge_will(const struct conn *c, const struct mqtt_connect *p,
                                        struct client_verdict verdict)
{
        enum refusal why =
                verdict.refusal == REFUSAL_NONE ? conn_judge_will(c, verdict.access, p) : verdict.refusal;

        if (why == REFUSAL_NONE)
                return verdict;
        free(verdict.access_key_id);
        (void)access_free(verdict.access);
        return (struct client_verdict){.refusal = why};
}

/* What holds now: since the handshake a new snapshot may have come. */
static struct client_verdict judge(const struct conn *c, const struct mqtt_connect *p)
{
        enum refusal why = c->ctx->snapshot == NULL ? REFUSAL_NO_CONFIGURATION : conn_authority(c);

        if (why == REFUSAL_NONE)
                why = recheck_late(c);
        if (why == REFUSAL_NONE)
                why = c->registry_says;
        if (why == REFUSAL_NONE)
                why = conn_judge_client(c, p->client_id);
        return why == REFUSAL_NONE ? judge_will(c, p, judge_login(c, p))
                                   : (struct client_verdict){.refusal = why};
}

/* One that was registered when it shook hands may have been deleted since, while the connection was on its
 * way from one worker to another and at no snapshot's hand: it is registered anew. */
static bool is_new_device(const struct conn *c)
{
        struct device_entry entry;

        if (c->device == NULL || c->ctx->snapshot->mode != AUTH_MUTUAL)
                return false;
        if (!c->device->registered)
                return true;
        return !c->registry_answered && !device_table_find(c->ctx->known, c->device->sha256, &entry);
}

bool packet_connect(struct conn *c, const struct mqtt_frame *f)
{
        char assigned[ASSIGNED_ID_SIZE];
        struct mqtt_connect p;
        struct client_verdict verdict;

        if (!read_connect(c, f, &p))
                return true;
        if (p.client_id.len > 0) {
                int home = fabric_home(c->ctx, p.client_id.data, p.client_id.len);

                if (home != c->ctx->index) {
                        conn_move(c, home);
                        return false;
                }
        }
        verdict = judge(c, &p);
        if (verdict.refusal == REFUSAL_NONE &&
            is_new_device(c)) { /* nobody is registered whose login is wrong */
                free(verdict.access_key_id);
                (void)access_free(verdict.access);
                if (conn_register(c))
                        return false;
                verdict = (struct client_verdict){.refusal = REFUSAL_BAD_CERTIFICATE};
        }
        if (verdict.refusal != REFUSAL_NONE) {
                refuse(c, p.level, verdict.refusal);
                return true;
        }
        attach(c, &p, p.client_id.len > 0 ? p.client_id : assign_client_id(c, assigned), &verdict);
        return true;
}
