/* SPDX-License-Identifier: Apache-2.0 */
/* token: the text that ApplyToken gives out and clients send as password in the mode Token. It carries what
 * it grants and is signed with the instance's token key (HMAC-SHA256), so that a broker needs no look-up to
 * judge it; only revoked ones are known one by one (token_revocation). Pure. */
#ifndef SIGNET_COMMON_TOKEN_H
#define SIGNET_COMMON_TOKEN_H

#include "common/buf.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TOKEN_READ = 1, TOKEN_WRITE = 2 };
enum {
        TOKEN_ID_BYTES = 16,
        TOKEN_KEY_BYTES = 32,
        TOKEN_TOPICS_MAX = 100,
        TOKEN_TEXT_MAX = 16384, /* bytes of a token's text */
        TOKEN_ACCESS_KEY_ID_MAX = 128
};

struct token {
        uint8_t id[TOKEN_ID_BYTES];                      /* random; what RevokeToken remembers */
        int64_t expires_ms;                              /* Unix milliseconds */
        uint8_t actions;                                 /* TOKEN_READ | TOKEN_WRITE */
        char access_key_id[TOKEN_ACCESS_KEY_ID_MAX + 1]; /* whose ApplyToken it was */
        struct buf topics; /* topic filters, each with its NUL behind it; owned */
        uint32_t topic_count;
};

/* Whether a token may name it: a topic filter (MQTT 5 §4.7.1) in UTF-8. */
bool token_topic_valid(const char *topic, size_t len);

/* The text of a token for this instance: appended to `ret_text`, of the letters of base64url, so no '|'.
 * ERR_LIMIT: too many topics, or longer than TOKEN_TEXT_MAX. ERR_SYNTAX: a topic is not valid. */
MUST_CHECK enum err token_write(const uint8_t key[TOKEN_KEY_BYTES], const char *instance,
                                const struct token *token, struct buf *ret_text);
/* ERR_SYNTAX: no token of this product, or cut; ERR_REFUSED: signed with another key, or for another
 * instance. Does not look at the clock. `*ret` is token_done()'s also after an error. */
MUST_CHECK enum err token_read(const uint8_t key[TOKEN_KEY_BYTES], const char *instance, const char *text,
                               size_t len, struct token *ret);
void token_done(struct token *t);

#endif
