/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/conn_access.h"

#include "broker/client_auth.h"
#include "broker/conn_part.h"
#include "broker/share.h"
#include "broker/token_notice.h"
#include "broker/topic.h"
#include "broker/topic_rules.h"
#include "common/clock.h"

#include <string.h>

static const struct login_map *logins_of(const struct conn *c)
{
        return c->ctx->snapshot->logins;
}

/* ---- what it may ---- */

static enum mqtt_reason judge(const struct conn *c, struct access *access, enum access_verb verb,
                              struct bytes topic)
{
        enum mqtt_reason why = MQTT_SUCCESS;

        if (c->ctx->limits->strict)
                why = topic_rules_topic(logins_of(c), topic, verb == ACCESS_SUBSCRIBE);
        return why == MQTT_SUCCESS ? access_judge(access, logins_of(c), verb, topic) : why;
}

enum mqtt_reason conn_may(const struct conn *c, enum access_verb verb, struct bytes topic)
{
        return judge(c, c->access, verb, topic);
}

enum refusal conn_judge_client(const struct conn *c, struct bytes client_id)
{
        if (client_auth_is_black(c->ctx->snapshot, client_id))
                return REFUSAL_BLACK_LISTED;
        return c->ctx->limits->strict ? topic_rules_client(logins_of(c), client_id) : REFUSAL_NONE;
}

static bool will_allowed(const struct conn *c, struct access *access, struct bytes topic)
{
        return topic.data[0] != '$' && judge(c, access, ACCESS_PUBLISH, topic) == MQTT_SUCCESS;
}

enum refusal conn_judge_will(const struct conn *c, struct access *access, const struct mqtt_connect *p)
{
        if (!p->will)
                return REFUSAL_NONE;
        if (!will_allowed(c, access, p->will_topic))
                return REFUSAL_WILL_DENIED;
        return access_set_will(access, p->will_topic) ? REFUSAL_NONE : REFUSAL_NO_MEMORY;
}

/* ---- subscriptions ---- */

struct question {
        const struct conn *c;
        struct access *access;
};

static bool filter_allowed(void *arg, struct bytes filter, bool shared)
{
        const struct question *q = arg;
        struct bytes name, behind = filter;
        bool valid = true;

        if (shared && (!share_filter(filter, &name, &behind, &valid) || !valid))
                return false;
        return judge(q->c, q->access, ACCESS_SUBSCRIBE, behind) == MQTT_SUCCESS;
}

static bool filters_allowed(const struct conn *c, struct access *access, const struct session *s)
{
        struct question q = {c, access};

        if (!access_is_bounded(access) && !c->ctx->limits->strict)
                return true;
        return session_every_filter(s, filter_allowed, &q);
}

/* To receive a P2P message needs no right. */
static bool topic_allowed(void *arg, struct bytes topic)
{
        const struct question *q = arg;
        const char *client_id;
        size_t len;

        return topic_p2p((const char *)topic.data, topic.len, &client_id, &len) ||
               access_judge(q->access, logins_of(q->c), ACCESS_SUBSCRIBE, topic) == MQTT_SUCCESS;
}

/* What waits may have come by a subscription that is no more. */
static bool messages_allowed(const struct conn *c, struct access *access, const struct session *s)
{
        struct question q = {c, access};

        return !access_is_bounded(access) || session_every_message(s, topic_allowed, &q);
}

bool conn_may_resume(const struct conn *c, struct access *access, struct bytes client_id)
{
        const struct session *s = session_find(c->ctx->sessions, client_id.data, client_id.len);

        return s == NULL || (filters_allowed(c, access, s) && messages_allowed(c, access, s));
}

enum refusal conn_judge_rights(const struct conn *c)
{
        struct bytes will = access_will(c->access);

        if (c->state != CONN_ACTIVE)
                return REFUSAL_NONE;
        if (will.len > 0 && !will_allowed(c, c->access, will))
                return REFUSAL_RIGHT_GONE;
        return filters_allowed(c, c->access, c->session) ? REFUSAL_NONE : REFUSAL_RIGHT_GONE;
}

/* ---- notices ---- */

/* QoS 0, past the session: nothing of it is kept for a later connection, to which it would not be true.
 * False: there is no room now. */
static bool tell(struct conn *c, const char *topic, const char *text, size_t len)
{
        const struct message_content content = {
                .topic = {(const uint8_t *)topic, strlen(topic)},
                .payload = {(const uint8_t *)text, len},
        };
        CLEANUP(messagep) struct message *m = message_new(&content);
        const struct delivery d = {.message = m};

        return m != NULL && c->sink.publish(&c->sink, &d, false, 0) != SESSION_NO_ROOM;
}

static void tell_invalid(struct conn *c, enum token_fault fault, uint8_t type)
{
        char text[TOKEN_NOTICE_SIZE];
        size_t len = token_notice_invalid(text, fault, type);

        (void)tell(c, TOKEN_INVALID_TOPIC, text, len);
}

void conn_tell_tokens(struct conn *c)
{
        struct login_tokens *tokens = access_tokens(c->access);
        struct login_token *ending;
        uint8_t type = 0;

        while (tokens != NULL && (ending = login_tokens_ending(tokens, clock_unix_ms(), &type)) != NULL) {
                char text[TOKEN_NOTICE_SIZE];
                size_t len = token_notice_expire(text, ending->token.expires_ms, type);

                if (!tell(c, TOKEN_EXPIRE_TOPIC, text, len))
                        return;
                ending->told = true;
        }
}

void conn_tell_denied(struct conn *c, enum access_verb verb)
{
        if (c->ctx->limits->strict && access_tokens(c->access) != NULL)
                tell_invalid(c, TOKEN_NOT_OF_TOPIC, verb == ACCESS_PUBLISH ? TOKEN_WRITE : TOKEN_READ);
}

/* ---- the end of a right ---- */

/* What the will's own topic has to do with it, or everything. */
static bool drops_will(const struct conn *c, enum refusal why)
{
        struct bytes will = access_will(c->access);

        if (why == REFUSAL_RIGHT_GONE)
                return will.len > 0 && !will_allowed(c, c->access, will);
        return why == REFUSAL_BLACK_LISTED || access_is_bounded(c->access);
}

void conn_end_right(struct conn *c, enum refusal why)
{
        enum token_fault fault = TOKEN_GOOD;
        bool discard = false;
        uint8_t type = 0;

        if (c->state == CONN_ACTIVE) {
                if (access_tokens(c->access) != NULL)
                        (void)access_authority(c->access, c->ctx->snapshot, clock_unix_ms(), &fault, &type);
                if (fault != TOKEN_GOOD)
                        tell_invalid(c, fault, type);
                if (drops_will(c, why))
                        c->end = SESSION_LEFT;
                discard = why == REFUSAL_RIGHT_GONE && !filters_allowed(c, c->access, c->session);
        }
        conn_refuse(c, why);
        if (discard) {
                struct session *s = session_find(c->ctx->sessions, c->client_id, strlen(c->client_id));

                if (s != NULL)
                        session_drop(s);
        }
}

/* ---- `$SYS/uploadToken` ---- */

bool conn_takes_token(const struct conn *c, struct bytes topic)
{
        return access_tokens(c->access) != NULL && topic.len == sizeof TOKEN_UPLOAD_TOPIC - 1 &&
               memcmp(topic.data, TOKEN_UPLOAD_TOPIC, topic.len) == 0;
}

enum mqtt_reason conn_take_token(struct conn *c, struct bytes payload)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TOKEN_UPLOAD_MAX);
        uint8_t type = 0;
        enum err e = token_upload_read(payload, &text, &type);

        c->token_type = type;
        if (e == ERR_NOMEM)
                return MQTT_IMPLEMENTATION_ERROR;
        c->token_fault = (int8_t)(e != ERR_OK ? TOKEN_FORGED
                                              : login_tokens_add(access_tokens(c->access), c->ctx->snapshot,
                                                                 c->ctx->instance, type,
                                                                 (struct bytes){text.data, text.len},
                                                                 clock_unix_ms()));
        if (c->token_fault == TOKEN_NO_MEMORY) {
                c->token_fault = TOKEN_GOOD;
                return MQTT_IMPLEMENTATION_ERROR;
        }
        if (c->token_fault != TOKEN_GOOD)
                return MQTT_NOT_AUTHORIZED_5;
        access_forget(c->access);
        conn_set_expiry(c);
        conn_set_deadline(c);
        return MQTT_SUCCESS;
}

void conn_end_bad_token(struct conn *c)
{
        enum token_fault fault = (enum token_fault)c->token_fault;
        uint8_t type = c->token_type;

        c->token_fault = TOKEN_GOOD;
        c->token_type = 0;
        if (fault == TOKEN_GOOD) {
                /* It has taken the place of another, which may have granted more. */
                if (type != 0 && c->state == CONN_ACTIVE && conn_judge_rights(c) != REFUSAL_NONE)
                        conn_end_right(c, REFUSAL_RIGHT_GONE);
                return;
        }
        tell_invalid(c, fault, type == 0 ? TOKEN_READ | TOKEN_WRITE : type);
        c->end = SESSION_LOST;
        conn_refuse(c, token_refusal(fault));
}
