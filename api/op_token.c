/* SPDX-License-Identifier: Apache-2.0 */
/* ApplyToken, QueryToken, RevokeToken. A token is signed, not kept, so giving one out changes nothing but the
 * first time, when the instance gets its key; only revocations are remembered, until the token ends. */
#include "api/answer.h"
#include "api/operation.h"
#include "api/store_instance.h"
#include "api/store_token.h"
#include "common/clock.h"

#include <stdio.h>
#include <string.h>

enum { VALID_MIN_S = 60, VALID_MAX_S = 30 * 24 * 60 * 60 };

static inline void cleanup_token(struct token *t)
{
        token_done(t);
}

static enum err found(struct op_call *call, enum err e)
{
        return e == ERR_NOT_FOUND ? fault_set(&call->fault, call->spec->absent, NULL) : e;
}

/* ---- ApplyToken ---- */

/* Whole seconds, so that who asks for just 60 of them need not be here at once. */
static enum err read_end(struct op_call *call, int64_t *ret_ms)
{
        int64_t now_ms = clock_now() * 1000, end_ms = call_int(call, "ExpireTime", 0);

        if (end_ms < now_ms + VALID_MIN_S * 1000)
                return call_wrong(call, "ExpireTime", "a token is valid for at least 60 seconds");
        *ret_ms =
                end_ms < now_ms + VALID_MAX_S * INT64_C(1000) ? end_ms : now_ms + VALID_MAX_S * INT64_C(1000);
        return ERR_OK;
}

static uint8_t read_actions(const char *text)
{
        return (uint8_t)((strchr(text, 'R') != NULL ? TOKEN_READ : 0) |
                         (strchr(text, 'W') != NULL ? TOKEN_WRITE : 0));
}

static enum err read_topics(struct op_call *call, struct token *t)
{
        const char *at = call_text(call, "Resources");

        for (bool more = true; more; t->topic_count++) {
                size_t len = strcspn(at, ",");

                if (t->topic_count == TOKEN_TOPICS_MAX)
                        return call_wrong(call, "Resources", "a token is for at most 100 topics");
                if (!token_topic_valid(at, len))
                        return call_wrong(call, "Resources", "each must be a topic or a topic filter");
                TRY(buf_add(&t->topics, at, len));
                TRY(buf_add(&t->topics, "", 1));
                more = at[len] == ',';
                at += len + more;
        }
        return ERR_OK;
}

/* A key that is young may not be everywhere yet, whoever made it. */
static enum err write_token(struct op_call *call, const struct token *t, struct buf *ret)
{
        CLEANUP(token_key) struct token_key key = {0};
        enum err e;

        TRY(found(call,
                  store_token_key_make(call->db, call->master, &call->actor, call->instance->id, &key)));
        if (key.young)
                call_changed(call, key.revision);
        e = token_write(key.bytes, call->instance->id, t, ret);
        return e == ERR_LIMIT ? call_wrong(call, "Resources", "the topics are too long together") : e;
}

enum err op_apply_token(struct op_call *call)
{
        CLEANUP(token) struct token t = {.topics = BUF_UP_TO(TOKEN_TEXT_MAX)};
        CLEANUP(buf) struct buf text = BUF_UP_TO(TOKEN_TEXT_MAX);
        enum err e;

        TRY(read_end(call, &t.expires_ms));
        e = read_topics(call, &t);
        if (e == ERR_LIMIT)
                return call_wrong(call, "Resources", "the topics are too long together");
        TRY(e);
        t.actions = read_actions(call_text(call, "Actions"));
        crypt_random(t.id, TOKEN_ID_BYTES);
        (void)snprintf(t.access_key_id, sizeof t.access_key_id, "%s", call->actor.access_key_id);
        TRY(write_token(call, &t, &text));
        return answer_add(call->answer, json_pack("{s:s}", "Token", buf_text(&text)));
}

/* ---- QueryToken, RevokeToken ---- */

/* ERR_NOT_FOUND: it is none of this instance. */
static enum err read_token(struct op_call *call, struct token *ret)
{
        CLEANUP(token_key) struct token_key key = {0};
        const char *text = call_text(call, "Token");
        enum err e;

        TRY(store_token_key_get(call->db, call->master, call->instance->id, &key));
        e = token_read(key.bytes, call->instance->id, text, strlen(text), ret);
        return e == ERR_SYNTAX || e == ERR_REFUSED ? ERR_NOT_FOUND : e;
}

static bool has_ended(const struct token *t)
{
        return t->expires_ms <= clock_unix_ms();
}

static enum err is_valid(struct op_call *call, bool *ret)
{
        CLEANUP(token) struct token t = {.topics = BUF_UP_TO(TOKEN_TEXT_MAX)};
        bool revoked = false, has_key = false;
        enum err e = read_token(call, &t);

        *ret = false;
        if (e == ERR_NOT_FOUND)
                return ERR_OK;
        TRY(e);
        TRY(store_token_is_revoked(call->db, call->instance->id, t.id, &revoked));
        TRY(store_token_has_key(call->db, call->instance->id, &t, &has_key));
        *ret = !revoked && has_key && !has_ended(&t);
        return ERR_OK;
}

enum err op_query_token(struct op_call *call)
{
        bool valid = false;

        TRY(is_valid(call, &valid));
        return answer_add(call->answer, json_pack("{s:b}", "TokenStatus", valid));
}

/* Of one that has ended there is nothing to remember. */
enum err op_revoke_token(struct op_call *call)
{
        CLEANUP(token) struct token t = {.topics = BUF_UP_TO(TOKEN_TEXT_MAX)};
        int64_t revision = 0;
        enum err e = read_token(call, &t);

        if (e == ERR_NOT_FOUND)
                return call_wrong(call, "Token", "it is no token of this instance");
        TRY(e);
        if (has_ended(&t))
                return ERR_OK;
        TRY(found(call, store_token_revoke(call->db, &call->actor, call->instance->id, &t, &revision)));
        call_changed(call, revision);
        return ERR_OK;
}
