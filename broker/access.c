/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/access.h"

#include "broker/login_load.h"
#include "broker/topic.h"
#include "broker/topic_cover.h"

#include <stdlib.h>
#include <string.h>

enum { ANSWERS = 4, ANSWER_TOPIC_MAX = 112 };

enum access_mode { ACCESS_BY_CREDENTIAL, ACCESS_BY_TOKENS, ACCESS_BY_IDENTITY };

struct answer { /* to one topic of a PUBLISH */
        uint64_t version;
        uint16_t len; /* 0: none */
        bool allowed;
        uint8_t topic[ANSWER_TOPIC_MAX];
};

struct text { /* owned */
        uint8_t *data;
        size_t len;
};

struct rules { /* only of modes that have them: what others need not pay for */
        struct login_tokens tokens;
        struct text identity, user, client; /* keys of LOGIN_IDENTITY, LOGIN_PERMISSIONS */
        struct text will;
        struct answer answers[ANSWERS];
        unsigned next_answer;
};

struct access {
        enum access_mode mode;
        uint32_t refs;
        struct rules *rules; /* NULL: of ACCESS_BY_CREDENTIAL */
};

/* ---- life ---- */

static struct access *access_new(enum access_mode mode)
{
        struct access *a = calloc(1, sizeof *a);

        if (a == NULL)
                return NULL;
        a->mode = mode;
        a->refs = 1;
        if (mode != ACCESS_BY_CREDENTIAL && (a->rules = calloc(1, sizeof *a->rules)) == NULL) {
                free(a);
                return NULL;
        }
        return a;
}

struct access *access_ref(struct access *a)
{
        if (a != NULL)
                a->refs++;
        return a;
}

struct access *access_free(struct access *a)
{
        if (a == NULL || --a->refs > 0)
                return NULL;
        if (a->rules != NULL) {
                login_tokens_done(&a->rules->tokens);
                free(a->rules->identity.data);
                free(a->rules->user.data);
                free(a->rules->client.data);
                free(a->rules->will.data);
                free(a->rules);
        }
        free(a);
        return NULL;
}

struct access *access_of_credential(void)
{
        return access_new(ACCESS_BY_CREDENTIAL);
}

struct access *access_of_tokens(struct login_tokens *tokens)
{
        struct access *a = access_new(ACCESS_BY_TOKENS);

        if (a == NULL) {
                login_tokens_done(tokens);
                return NULL;
        }
        a->rules->tokens = *tokens;
        *tokens = (struct login_tokens){0};
        return a;
}

/* `before` and then `bytes`. */
static bool text_set(struct text *t, const char *before, struct bytes bytes)
{
        size_t before_len = strlen(before);

        t->data = malloc(before_len + bytes.len + 1);
        if (t->data == NULL)
                return false;
        t->len = before_len + bytes.len;
        (void)wr_bytes(wr_bytes(t->data, before, before_len), bytes.data, bytes.len);
        return true;
}

static struct bytes bytes_of(const struct text *t)
{
        return (struct bytes){t->data, t->len};
}

struct access *access_of_identity(struct bytes identity, struct bytes user_name, struct bytes client_id)
{
        struct access *a = access_new(ACCESS_BY_IDENTITY);

        if (a != NULL && text_set(&a->rules->identity, "", identity) &&
            text_set(&a->rules->user, "0\x1f", user_name) && text_set(&a->rules->client, "1\x1f", client_id))
                return a;
        return access_free(a);
}

bool access_set_will(struct access *a, struct bytes topic)
{
        return !access_is_bounded(a) || text_set(&a->rules->will, "", topic);
}

struct bytes access_will(const struct access *a)
{
        return access_is_bounded(a) ? bytes_of(&a->rules->will) : (struct bytes){NULL, 0};
}

bool access_is_bounded(const struct access *a)
{
        return a != NULL && a->rules != NULL;
}

struct login_tokens *access_tokens(struct access *a)
{
        return a == NULL || a->mode != ACCESS_BY_TOKENS ? NULL : &a->rules->tokens;
}

void access_forget(struct access *a)
{
        if (access_is_bounded(a))
                memset(a->rules->answers, 0, sizeof a->rules->answers);
}

/* ---- the rules ---- */

/* One that denies a part of a filter denies the filter. */
static bool concerns(const struct login_permission *p, enum access_verb verb, struct bytes topic)
{
        if (verb == ACCESS_PUBLISH)
                return (p->actions & LOGIN_MAY_PUBLISH) != 0 &&
                       topic_matches((const char *)p->topic.data, p->topic.len, (const char *)topic.data,
                                     topic.len);
        if ((p->actions & LOGIN_MAY_SUBSCRIBE) == 0)
                return false;
        return p->allow ? topic_covers(p->topic, topic) : topics_meet(p->topic, topic);
}

/* False: denied. */
static bool ask_permissions(const struct login_map *logins, const struct text *identity,
                            enum access_verb verb, struct bytes topic, bool *ret_allowed)
{
        const struct login_entry *e = login_map_find(logins, LOGIN_PERMISSIONS, bytes_of(identity));
        struct login_permission p;
        struct rd r;

        if (e == NULL)
                return true;
        r = rd_of(login_value(e).data, login_value(e).len);
        while (login_permission_read(&r, &p)) {
                if (!concerns(&p, verb, topic))
                        continue;
                if (!p.allow)
                        return false;
                *ret_allowed = true;
        }
        return true;
}

static bool ask_identity(const struct rules *rules, const struct login_map *logins, enum access_verb verb,
                         struct bytes topic)
{
        bool allowed = false;

        return ask_permissions(logins, &rules->user, verb, topic, &allowed) &&
               ask_permissions(logins, &rules->client, verb, topic, &allowed) && allowed;
}

/* The notices come without a subscription; one to them does no harm. */
static bool is_notice(struct bytes topic)
{
        static const char *const notices[] = {"$SYS/tokenExpireNotice", "$SYS/tokenInvalidNotice"};

        for (size_t n = 0; n < sizeof notices / sizeof notices[0]; n++)
                if (topic.len == strlen(notices[n]) && memcmp(topic.data, notices[n], topic.len) == 0)
                        return true;
        return false;
}

static bool ask(const struct access *a, const struct login_map *logins, enum access_verb verb,
                struct bytes topic)
{
        if (a->mode == ACCESS_BY_IDENTITY)
                return ask_identity(a->rules, logins, verb, topic);
        if (verb == ACCESS_SUBSCRIBE && is_notice(topic))
                return true;
        return login_tokens_allow(&a->rules->tokens, verb == ACCESS_PUBLISH ? TOKEN_WRITE : TOKEN_READ,
                                  topic);
}

/* ---- answers ---- */

static const struct answer *remembered(const struct rules *rules, uint64_t version, struct bytes topic)
{
        for (int n = 0; n < ANSWERS; n++) {
                const struct answer *one = &rules->answers[n];

                if (one->len == topic.len && one->version == version &&
                    memcmp(one->topic, topic.data, topic.len) == 0)
                        return one;
        }
        return NULL;
}

static void remember(struct rules *rules, uint64_t version, struct bytes topic, bool allowed)
{
        struct answer *one = &rules->answers[rules->next_answer++ % ANSWERS];

        if (topic.len > ANSWER_TOPIC_MAX)
                return;
        *one = (struct answer){.version = version, .len = (uint16_t)topic.len, .allowed = allowed};
        memcpy(one->topic, topic.data, topic.len);
}

enum mqtt_reason access_judge(struct access *a, const struct login_map *logins, enum access_verb verb,
                              struct bytes topic)
{
        uint64_t version = login_map_version(logins, LOGIN_PERMISSIONS);
        const struct answer *known;
        bool allowed;

        if (!access_is_bounded(a))
                return MQTT_SUCCESS;
        known = verb == ACCESS_PUBLISH ? remembered(a->rules, version, topic) : NULL;
        if (known != NULL)
                return known->allowed ? MQTT_SUCCESS : MQTT_NOT_AUTHORIZED_5;
        allowed = ask(a, logins, verb, topic);
        if (verb == ACCESS_PUBLISH)
                remember(a->rules, version, topic, allowed);
        return allowed ? MQTT_SUCCESS : MQTT_NOT_AUTHORIZED_5;
}

/* ---- what let it in ---- */

enum refusal access_authority(const struct access *a, const struct snapshot *s, int64_t now_ms,
                              enum token_fault *ret_fault, uint8_t *ret_type)
{
        *ret_fault = TOKEN_GOOD;
        switch (a->mode) {
        case ACCESS_BY_TOKENS:
                *ret_fault = login_tokens_judge(&a->rules->tokens, s, now_ms, ret_type);
                return token_refusal(*ret_fault);
        case ACCESS_BY_IDENTITY:
                return login_map_find(s->logins, LOGIN_IDENTITY, bytes_of(&a->rules->identity)) == NULL
                               ? REFUSAL_IDENTITY_GONE
                               : REFUSAL_NONE;
        default:
                return REFUSAL_NONE;
        }
}
