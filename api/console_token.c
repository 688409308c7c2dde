/* SPDX-License-Identifier: Apache-2.0 */
#include "api/console_token.h"
#include "common/text.h"

#include <inttypes.h>
#include <string.h>

static const char cookie_name[] = "signet_session";

enum err console_token_draw(struct console_token *ret)
{
        CLEANUP(buf) struct buf text = BUF_UP_TO(CONSOLE_TOKEN_CHARS + 1); /* with the padding that goes */
        uint8_t bytes[CONSOLE_TOKEN_BYTES];

        crypt_random(bytes, sizeof bytes);
        enum err e = text_base64url(bytes, sizeof bytes, &text);

        crypt_wipe(bytes, sizeof bytes);
        TRY(e);
        memcpy(ret->text, buf_text(&text), sizeof ret->text);
        return ERR_OK;
}

static bool is_token(const char *text, size_t len)
{
        static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

        return len == CONSOLE_TOKEN_CHARS && strspn(text, digits) >= len;
}

/* One "name=value" (RFC 6265 4.2.1): whether it is ours. */
static bool is_ours(const char *pair, size_t len)
{
        const size_t name = sizeof cookie_name - 1;

        return len > name && memcmp(pair, cookie_name, name) == 0 && pair[name] == '=';
}

enum err console_token_read(const char *cookies, struct console_token *ret)
{
        CLEANUP(console_token) struct console_token found = {""};

        for (const char *at = cookies; *at != '\0';) {
                at += strspn(at, " \t;");
                size_t len = strcspn(at, ";"), pair = text_trimmed(at, len);

                if (is_ours(at, pair)) {
                        const char *value = at + sizeof cookie_name; /* behind the '=' */
                        size_t value_len = pair - sizeof cookie_name;

                        if (!is_token(value, value_len) ||
                            (found.text[0] != '\0' && memcmp(found.text, value, value_len) != 0))
                                return ERR_SYNTAX;
                        memcpy(found.text, value, value_len);
                        found.text[value_len] = '\0';
                }
                at += len;
        }
        if (found.text[0] == '\0')
                return ERR_NOT_FOUND;
        *ret = found;
        return ERR_OK;
}

enum err console_token_of(const struct request *q, struct console_token *ret)
{
        const char *cookies = request_header(q, "cookie");

        if (cookies == NULL)
                return ERR_NOT_FOUND;
        return request_header_times(q, "cookie") > 1 ? ERR_SYNTAX : console_token_read(cookies, ret);
}

void console_token_csrf(const struct console_token *t, char ret[CONSOLE_CSRF_CHARS + 1])
{
        static const char purpose[] = "csrf";
        uint8_t mac[SHA256_BYTES];

        crypt_hmac_sha256(t->text, CONSOLE_TOKEN_CHARS, purpose, sizeof purpose - 1, mac);
        text_hex(mac, sizeof mac, ret);
}

enum err console_token_set(struct reply *r, const struct console_token *t, int64_t lasts_s, bool tls)
{
        return reply_add_header(
                r, "Set-Cookie", "%s=%s; Path=/console/; HttpOnly; SameSite=Strict; Max-Age=%" PRId64 "%s",
                cookie_name, t == NULL ? "" : t->text, t == NULL ? 0 : lasts_s, tls ? "; Secure" : "");
}
