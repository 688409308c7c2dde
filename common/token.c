/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of a token, before base64url (RFC 4648 §5, without padding), numbers big-endian:
 *
 *   u8 version(1)  16 id  i64 expires_ms  u8 actions  u8 n, n access key ID
 *   u8 count  count × (u16 n, n topic filter)  32 HMAC-SHA256
 *
 * The HMAC is over the instance's ID, a NUL and everything before it, so that a token is good for one
 * instance only, also where two have the same key. */
#include "common/token.h"
#include "common/crypt.h"
#include "common/text.h"
#include "common/wire.h"

#include <string.h>

enum {
        VERSION = 1,
        HEAD_BYTES = 1 + TOKEN_ID_BYTES + 8 + 1 + 1,
        TOPIC_BYTES_MAX = 65535, /* MQTT 5 §1.5.4 */
        BYTES_MAX = TOKEN_TEXT_MAX / 4 * 3,
        INSTANCE_BYTES_MAX = 256
};

/* MQTT 5 §4.7.1: '#' is a whole level and the last one, '+' a whole level. [MQTT-4.7.1-1] [MQTT-4.7.1-2] */
static bool wildcard_stands_right(const char *topic, size_t len, size_t i)
{
        bool begins = i == 0 || topic[i - 1] == '/';
        bool ends = i + 1 == len;

        return begins && (ends || (topic[i] == '+' && topic[i + 1] == '/'));
}

bool token_topic_valid(const char *topic, size_t len)
{
        if (len == 0 || len > TOPIC_BYTES_MAX || !text_is_utf8(topic, len))
                return false;
        for (size_t i = 0; i < len; i++)
                if (topic[i] == '\0' ||
                    ((topic[i] == '#' || topic[i] == '+') && !wildcard_stands_right(topic, len, i)))
                        return false;
        return true;
}

/* ERR_LIMIT for what no instance is called. */
static enum err sign(const uint8_t key[TOKEN_KEY_BYTES], const char *instance, const uint8_t *body,
                     size_t len, uint8_t ret[SHA256_BYTES])
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(INSTANCE_BYTES_MAX + 1 + BYTES_MAX);
        size_t instance_len = strlen(instance);

        if (instance_len > INSTANCE_BYTES_MAX)
                return ERR_LIMIT;
        TRY(buf_reserve(&text, instance_len + 1 + len));
        TRY(buf_add(&text, instance, instance_len + 1));
        TRY(buf_add(&text, body, len));
        crypt_hmac_sha256(key, TOKEN_KEY_BYTES, text.data, text.len, ret);
        return ERR_OK;
}

/* ---- writing ---- */

static enum err write_head(const struct token *t, struct buf *body)
{
        uint8_t head[HEAD_BYTES], *p = head;
        size_t id_len = strlen(t->access_key_id);

        p = wr_u8(p, VERSION);
        p = wr_bytes(p, t->id, TOKEN_ID_BYTES);
        p = wr_u32(p, (uint32_t)((uint64_t)t->expires_ms >> 32));
        p = wr_u32(p, (uint32_t)t->expires_ms);
        p = wr_u8(p, t->actions);
        p = wr_u8(p, (uint8_t)id_len);
        TRY(buf_add(body, head, (size_t)(p - head)));
        return buf_add(body, t->access_key_id, id_len);
}

static enum err write_topics(const struct token *t, struct buf *body)
{
        const char *topic = buf_text(&t->topics);
        uint8_t number[2];

        number[0] = (uint8_t)t->topic_count;
        TRY(buf_add(body, number, 1));
        for (uint32_t i = 0; i < t->topic_count; i++) {
                size_t len = strlen(topic);

                if (!token_topic_valid(topic, len))
                        return ERR_SYNTAX;
                (void)wr_u16(number, (uint16_t)len);
                TRY(buf_add(body, number, 2));
                TRY(buf_add(body, topic, len));
                topic += len + 1;
        }
        return ERR_OK;
}

static enum err to_base64url(const struct buf *bytes, struct buf *ret)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(TOKEN_TEXT_MAX + 4);

        TRY(text_base64url(bytes->data, bytes->len, &text));
        if (text.len > TOKEN_TEXT_MAX)
                return ERR_LIMIT;
        return buf_add(ret, text.data, text.len);
}

enum err token_write(const uint8_t key[TOKEN_KEY_BYTES], const char *instance, const struct token *token,
                     struct buf *ret_text)
{
        CLEANUP(buf) struct buf body = BUF_UP_TO(BYTES_MAX);
        uint8_t mac[SHA256_BYTES];

        if (token->topic_count > TOKEN_TOPICS_MAX)
                return ERR_LIMIT;
        TRY(write_head(token, &body));
        TRY(write_topics(token, &body));
        TRY(sign(key, instance, body.data, body.len, mac));
        TRY(buf_add(&body, mac, sizeof mac));
        return to_base64url(&body, ret_text);
}

/* ---- reading ---- */

/* ERR_SYNTAX unless it is what to_base64url() writes. */
static enum err from_base64url(const char *text, size_t len, struct buf *ret)
{
        CLEANUP(buf) struct buf standard = BUF_UP_TO(TOKEN_TEXT_MAX + 4);

        if (len == 0 || len > TOKEN_TEXT_MAX || memchr(text, '+', len) != NULL ||
            memchr(text, '/', len) != NULL || memchr(text, '=', len) != NULL)
                return ERR_SYNTAX;
        TRY(buf_add(&standard, text, len));
        for (size_t i = 0; i < len; i++)
                standard.data[i] = text[i] == '-' ? '+' : text[i] == '_' ? '/' : standard.data[i];
        TRY(buf_add(&standard, "===", (4 - len % 4) % 4));
        return text_unbase64(buf_text(&standard), standard.len, ret);
}

static enum err read_head(struct rd *r, struct token *t)
{
        uint8_t version = rd_u8(r);
        struct bytes id = rd_bytes(r, TOKEN_ID_BYTES);
        uint64_t high = rd_u32(r);
        uint64_t low = rd_u32(r);
        struct bytes key;

        t->expires_ms = (int64_t)(high << 32 | low);
        t->actions = rd_u8(r);
        key = rd_bytes(r, rd_u8(r));
        if (r->bad || version != VERSION || t->actions == 0 || t->actions > (TOKEN_READ | TOKEN_WRITE) ||
            key.len > TOKEN_ACCESS_KEY_ID_MAX || memchr(key.data, '\0', key.len) != NULL)
                return ERR_SYNTAX;
        memcpy(t->id, id.data, TOKEN_ID_BYTES);
        memcpy(t->access_key_id, key.data, key.len);
        t->access_key_id[key.len] = '\0';
        return ERR_OK;
}

static enum err read_topics(struct rd *r, struct token *t)
{
        t->topic_count = rd_u8(r);
        if (t->topic_count > TOKEN_TOPICS_MAX)
                return ERR_SYNTAX;
        for (uint32_t i = 0; i < t->topic_count; i++) {
                struct bytes topic = rd_bytes16(r);

                if (r->bad || !token_topic_valid((const char *)topic.data, topic.len))
                        return ERR_SYNTAX;
                TRY(buf_add(&t->topics, topic.data, topic.len));
                TRY(buf_add(&t->topics, "", 1));
        }
        return r->bad ? ERR_SYNTAX : ERR_OK;
}

enum err token_read(const uint8_t key[TOKEN_KEY_BYTES], const char *instance, const char *text, size_t len,
                    struct token *ret)
{
        CLEANUP(buf) struct buf bytes = BUF_UP_TO(BYTES_MAX);
        uint8_t mac[SHA256_BYTES];
        struct bytes given;

        *ret = (struct token){.topics = BUF_UP_TO(TOKEN_TEXT_MAX)};
        TRY(from_base64url(text, len, &bytes));
        struct rd r = rd_of(bytes.data, bytes.len);

        TRY(read_head(&r, ret));
        TRY(read_topics(&r, ret));
        size_t body_len = bytes.len - rd_left(&r);

        given = rd_bytes(&r, sizeof mac);
        if (r.bad || rd_left(&r) > 0)
                return ERR_SYNTAX;
        TRY(sign(key, instance, bytes.data, body_len, mac));
        return crypt_equal(mac, sizeof mac, given.data, given.len) ? ERR_OK : ERR_REFUSED;
}

void token_done(struct token *t)
{
        buf_done(&t->topics);
        *t = (struct token){0};
}
