/* SPDX-License-Identifier: Apache-2.0 */
/* login_token: the tokens that a client has shown, in the mode Token: cut out of its password, judged by the
 * snapshot, asked what they grant. One token of each type at most. Source: ApsaraMQ for MQTT, "Token-based
 * authentication": password `R|<token>`, `W|<token>`, `RW|<token>`, several joined by '|'. */
#ifndef SIGNET_BROKER_LOGIN_TOKEN_H
#define SIGNET_BROKER_LOGIN_TOKEN_H

#include "broker/login_map.h"
#include "broker/refusal.h"
#include "broker/snapshot.h"
#include "common/token.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stdint.h>

/* What is wrong with a token, by the codes of the product's `$SYS/tokenInvalidNotice`. */
enum token_fault {
        TOKEN_GOOD = 0,
        TOKEN_FORGED = 1,
        TOKEN_ENDED = 2,
        TOKEN_IS_REVOKED = 3,
        TOKEN_NOT_OF_TOPIC = 4,
        TOKEN_OTHER_TYPE = 5,
        TOKEN_BAD_SIGNATURE = 8,
        TOKEN_ACCOUNT = -1,
        TOKEN_NO_MEMORY = -2 /* not the product's: nobody is told */
};
enum refusal token_refusal(enum token_fault fault); /* REFUSAL_NONE for TOKEN_GOOD */

enum { TOKEN_TYPES = 3, TOKEN_NOTICE_MS = 5 * 60 * 1000 };
/* TOKEN_READ, TOKEN_WRITE or both for "R", "W", "RW"; 0: another text. */
uint8_t token_type_read(struct bytes text);
const char *token_type_text(uint8_t type);

/* The parts of a password, borrowed: text[type - 1], empty: none of that type. */
struct token_texts {
        struct bytes text[TOKEN_TYPES];
};
/* False: not of that form, a type twice, or none at all. Pure. */
bool token_texts_read(struct bytes password, struct token_texts *ret);

struct login_token {
        struct token token;
        bool there;
        bool told; /* that it will end soon */
};
struct login_tokens {
        struct login_token of[TOKEN_TYPES]; /* by type - 1 */
        struct login_entry *key;            /* that has signed them; a reference */
};
void login_tokens_done(struct login_tokens *t);
static inline void cleanup_login_tokens(struct login_tokens *t)
{
        login_tokens_done(t);
}

/* Takes one more, or one in the place of another of its type, when it is good; else nothing changes.
 * `now_ms`: clock_unix_ms(). */
enum token_fault login_tokens_add(struct login_tokens *t, const struct snapshot *s, const char *instance,
                                  uint8_t type, struct bytes text, int64_t now_ms);
/* The first fault of those that are there; *ret_type whose. */
enum token_fault login_tokens_judge(const struct login_tokens *t, const struct snapshot *s, int64_t now_ms,
                                    uint8_t *ret_type);
/* Whether any of them grants `action` (TOKEN_READ: a filter, which must be covered; TOKEN_WRITE: a topic). */
bool login_tokens_allow(const struct login_tokens *t, uint8_t action, struct bytes topic);
/* When the client is to be told, or the next of them ends: clock_unix_ms(). INT64_MAX: there is none. */
int64_t login_tokens_next_ms(const struct login_tokens *t);
/* One that ends within TOKEN_NOTICE_MS and whose client has not been told; NULL: none. */
struct login_token *login_tokens_ending(struct login_tokens *t, int64_t now_ms, uint8_t *ret_type);

#endif
