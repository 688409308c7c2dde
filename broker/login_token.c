/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/login_token.h"

#include "broker/topic.h"
#include "broker/topic_cover.h"
#include "common/crypt.h"

#include <string.h>

static const char *const type_texts[TOKEN_TYPES] = {"R", "W", "RW"};

uint8_t token_type_read(struct bytes text)
{
        for (uint8_t n = 0; n < TOKEN_TYPES; n++)
                if (text.len == strlen(type_texts[n]) && memcmp(text.data, type_texts[n], text.len) == 0)
                        return (uint8_t)(n + 1);
        return 0;
}

const char *token_type_text(uint8_t type)
{
        return type_texts[type - 1];
}

/* Up to the next bar, or all that is left; *rest goes behind it. */
static struct bytes next_part(struct bytes *rest)
{
        const uint8_t *bar = rest->len == 0 ? NULL : memchr(rest->data, '|', rest->len);
        struct bytes part = {rest->data, bar == NULL ? rest->len : (size_t)(bar - rest->data)};
        size_t used = bar == NULL ? rest->len : part.len + 1;

        rest->data += used;
        rest->len -= used;
        return part;
}

bool token_texts_read(struct bytes password, struct token_texts *ret)
{
        struct bytes rest = password;

        *ret = (struct token_texts){0};
        if (password.len == 0 || password.data[password.len - 1] == '|')
                return false;
        while (rest.len > 0) {
                uint8_t type = token_type_read(next_part(&rest));
                struct bytes text = next_part(&rest);

                if (type == 0 || text.len == 0 || text.len > TOKEN_TEXT_MAX || ret->text[type - 1].len > 0)
                        return false;
                ret->text[type - 1] = text;
        }
        return true;
}

void login_tokens_done(struct login_tokens *t)
{
        for (int n = 0; n < TOKEN_TYPES; n++)
                token_done(&t->of[n].token);
        (void)login_entry_unref(t->key);
        *t = (struct login_tokens){0};
}

enum refusal token_refusal(enum token_fault fault)
{
        switch (fault) {
        case TOKEN_GOOD:
                return REFUSAL_NONE;
        case TOKEN_ENDED:
                return REFUSAL_TOKEN_EXPIRED;
        case TOKEN_IS_REVOKED:
                return REFUSAL_TOKEN_REVOKED;
        case TOKEN_ACCOUNT:
                return REFUSAL_TOKEN_KEY_GONE;
        case TOKEN_NO_MEMORY:
                return REFUSAL_NO_MEMORY;
        default:
                return REFUSAL_TOKEN_NOT_GOOD;
        }
}

/* What can change while it is used. */
static enum token_fault judge(const struct token *t, const struct snapshot *s, int64_t now_ms)
{
        if (t->expires_ms <= now_ms)
                return TOKEN_ENDED;
        if (login_map_find(s->logins, LOGIN_TOKEN_REVOCATION, (struct bytes){t->id, TOKEN_ID_BYTES}) != NULL)
                return TOKEN_IS_REVOKED;
        return snapshot_token_key(s, t->access_key_id, strlen(t->access_key_id)) ? TOKEN_GOOD : TOKEN_ACCOUNT;
}

static struct login_entry *key_of(const struct snapshot *s)
{
        struct login_entry *key =
                login_map_find(s->logins, LOGIN_TOKEN_KEY, (struct bytes){(const uint8_t *)"", 0});

        return key == NULL || login_value(key).len != TOKEN_KEY_BYTES ? NULL : key;
}

/* *ret is token_done()'s whatever the answer. */
static enum token_fault read_signed(const struct login_entry *key, const char *instance, uint8_t type,
                                    struct bytes text, struct token *ret)
{
        switch (token_read(login_value(key).data, instance, (const char *)text.data, text.len, ret)) {
        case ERR_OK:
                /* One for both may be shown for either; it then grants no more than it was shown for. */
                return (ret->actions & type) == type ? TOKEN_GOOD : TOKEN_OTHER_TYPE;
        case ERR_REFUSED:
                return TOKEN_BAD_SIGNATURE;
        case ERR_NOMEM:
                return TOKEN_NO_MEMORY;
        default:
                return TOKEN_FORGED;
        }
}

enum token_fault login_tokens_add(struct login_tokens *t, const struct snapshot *s, const char *instance,
                                  uint8_t type, struct bytes text, int64_t now_ms)
{
        struct login_entry *key = key_of(s);
        struct login_token *place = &t->of[type - 1];
        struct token token;
        enum token_fault fault;

        if (key == NULL)
                return TOKEN_FORGED; /* no token of this instance was ever given out */
        fault = read_signed(key, instance, type, text, &token);
        if (fault == TOKEN_GOOD)
                fault = judge(&token, s, now_ms);
        if (fault != TOKEN_GOOD) {
                token_done(&token);
                return fault;
        }
        token_done(&place->token);
        *place = (struct login_token){.token = token, .there = true};
        (void)login_entry_ref(key);
        (void)login_entry_unref(t->key);
        t->key = key;
        return TOKEN_GOOD;
}

static bool same_key(const struct login_entry *a, const struct login_entry *b)
{
        return a == b || (b != NULL && crypt_equal(login_value(a).data, login_value(a).len,
                                                   login_value(b).data, login_value(b).len));
}

enum token_fault login_tokens_judge(const struct login_tokens *t, const struct snapshot *s, int64_t now_ms,
                                    uint8_t *ret_type)
{
        for (uint8_t n = 0; n < TOKEN_TYPES; n++) {
                enum token_fault fault;

                if (!t->of[n].there)
                        continue;
                fault = same_key(t->key, key_of(s)) ? judge(&t->of[n].token, s, now_ms) : TOKEN_BAD_SIGNATURE;
                *ret_type = (uint8_t)(n + 1);
                if (fault != TOKEN_GOOD)
                        return fault;
        }
        return TOKEN_GOOD;
}

static bool token_allows(const struct token *t, uint8_t action, struct bytes topic)
{
        const char *filter = buf_text(&t->topics);

        for (uint32_t n = 0; n < t->topic_count; n++) {
                size_t len = strlen(filter);

                if (action == TOKEN_WRITE ? topic_matches(filter, len, (const char *)topic.data, topic.len)
                                          : topic_covers((struct bytes){(const uint8_t *)filter, len}, topic))
                        return true;
                filter += len + 1;
        }
        return false;
}

bool login_tokens_allow(const struct login_tokens *t, uint8_t action, struct bytes topic)
{
        for (uint8_t n = 0; n < TOKEN_TYPES; n++)
                if (t->of[n].there && ((n + 1) & action) != 0 && token_allows(&t->of[n].token, action, topic))
                        return true;
        return false;
}

int64_t login_tokens_next_ms(const struct login_tokens *t)
{
        int64_t next_ms = INT64_MAX;

        for (int n = 0; n < TOKEN_TYPES; n++) {
                const struct login_token *one = &t->of[n];
                int64_t at_ms = one->token.expires_ms - (one->told ? 0 : TOKEN_NOTICE_MS);

                if (one->there && at_ms < next_ms)
                        next_ms = at_ms;
        }
        return next_ms;
}

struct login_token *login_tokens_ending(struct login_tokens *t, int64_t now_ms, uint8_t *ret_type)
{
        for (uint8_t n = 0; n < TOKEN_TYPES; n++) {
                struct login_token *one = &t->of[n];

                if (!one->there || one->told || one->token.expires_ms - TOKEN_NOTICE_MS > now_ms)
                        continue;
                *ret_type = (uint8_t)(n + 1);
                return one;
        }
        return NULL;
}
