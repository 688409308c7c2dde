/* SPDX-License-Identifier: Apache-2.0 */
/* console_token: what a browser keeps of a session: a random token in a cookie, and the CSRF token that is
 * made of it and that a page has to show. Pure but for the drawing. */
#ifndef SIGNET_API_CONSOLE_TOKEN_H
#define SIGNET_API_CONSOLE_TOKEN_H

#include "api/reply.h"
#include "api/request.h"
#include "common/crypt.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

enum {
        CONSOLE_TOKEN_BYTES = 32,
        CONSOLE_TOKEN_CHARS = 43, /* of base64url, without padding */
        CONSOLE_CSRF_CHARS = 2 * SHA256_BYTES
};

struct console_token {
        char text[CONSOLE_TOKEN_CHARS + 1];
};
static inline void cleanup_console_token(struct console_token *t)
{
        crypt_wipe(t, sizeof *t);
}

MUST_CHECK enum err console_token_draw(struct console_token *ret);
/* Of one Cookie header. ERR_NOT_FOUND: it has no signet_session; ERR_SYNTAX: one that is none, or two that
 * differ. */
MUST_CHECK enum err console_token_read(const char *cookies, struct console_token *ret);
/* The same of a request. */
MUST_CHECK enum err console_token_of(const struct request *q, struct console_token *ret);
void console_token_csrf(const struct console_token *t, char ret[CONSOLE_CSRF_CHARS + 1]);
/* Set-Cookie. `t` NULL: the browser is to forget it. */
MUST_CHECK enum err console_token_set(struct reply *r, const struct console_token *t, int64_t lasts_s,
                                      bool tls);

#endif
