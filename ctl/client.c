/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/client.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/crypt.h"
#include "common/text.h"
#include "ctl/field.h"
#include "ctl/sign.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NONCE_BYTES = 16, DATE_SIZE = 32, HEADER_MAX = 4096, HOST_MAX = 512, AGAIN_MS = 100 };

enum err client_open(const struct ctl_settings *settings, struct failure *f, struct client *ret)
{
        CLEANUP(client) struct client c = {.settings = settings, .failure = f, .host = BUF_UP_TO(HOST_MAX)};
        char why[256] = "";

        if (http_host(settings->endpoint, &c.host) != ERR_OK)
                return failure_set(f, EXIT_USAGE, "the endpoint must be http(s)://<host>[:<port>]");
        if (credentials_read(settings, &c.key, why) != ERR_OK)
                return failure_set(f, EXIT_USAGE, "%s", why);
        c.http = http_open();
        if (c.http == NULL)
                return failure_set(f, EXIT_USAGE, "libcurl cannot be set up");
        *ret = c;
        c = (struct client){0};
        return ERR_OK;
}

void client_done(struct client *c)
{
        c->http = http_close(c->http);
        credentials_done(&c->key);
        buf_done(&c->host);
}

enum err question_add(struct question *q, const char *name, const char *value)
{
        if (q->body.len > 0)
                TRY(buf_add(&q->body, "&", 1));
        TRY(buf_add_text(&q->body, name));
        TRY(buf_add(&q->body, "=", 1));
        return text_percent(value, strlen(value), &q->body);
}

enum err question_add_number(struct question *q, const char *name, int64_t value)
{
        char text[24];

        (void)snprintf(text, sizeof text, "%" PRId64, value);
        return question_add(q, name, text);
}

static void date_now(char ret[DATE_SIZE])
{
        time_t now = (time_t)clock_now();
        struct tm utc;

        gmtime_r(&now, &utc);
        strftime(ret, DATE_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

static void nonce_new(char ret[2 * NONCE_BYTES + 1])
{
        uint8_t bytes[NONCE_BYTES];

        crypt_random(bytes, sizeof bytes);
        text_hex(bytes, sizeof bytes, ret);
}

static enum err header_lines(const struct sign_request *q, const struct credentials *key, struct buf *ret)
{
        CLEANUP(buf) struct buf authorization = BUF_UP_TO(HEADER_MAX);
        char body_hash[SIGN_HASH_HEX];

        TRY(sign_authorization(q, buf_text(&key->id), buf_text(&key->secret), body_hash, &authorization));
        return buf_addf(ret,
                        "Host: %s\nContent-Type: " SIGN_CONTENT_TYPE "\nAccept: application/json\nExpect:\n"
                        "User-Agent: signetctl/" SIGNET_VERSION "\nx-acs-action: %s\nx-acs-version: %s\n"
                        "x-acs-date: %s\nx-acs-signature-nonce: %s\nx-acs-content-sha256: %s\n"
                        "x-acs-credentials-provider: " SIGN_CREDENTIALS_PROVIDER "\n"
                        "Authorization: %s\n",
                        q->host, q->action, q->version, q->date, q->nonce, body_hash,
                        buf_text(&authorization));
}

static enum err post_signed(struct client *c, const struct question *question, struct http_answer *ret,
                            char why[HTTP_WHY_SIZE])
{
        CLEANUP(buf) struct buf lines = BUF_UP_TO(4 * HEADER_MAX);
        char date[DATE_SIZE], nonce[2 * NONCE_BYTES + 1];
        const struct sign_request q = {.host = buf_text(&c->host),
                                       .action = question->operation,
                                       .version = product_version(question->product),
                                       .date = date,
                                       .nonce = nonce,
                                       .body = buf_text(&question->body),
                                       .body_len = question->body.len};
        struct http_request post = {.url = c->settings->endpoint,
                                    .cacert = c->settings->cacert,
                                    .body = q.body,
                                    .body_len = q.body_len,
                                    .timeout_s = (long)c->settings->timeout_s};

        date_now(date);
        nonce_new(nonce);
        TRY(header_lines(&q, &c->key, &lines));
        post.headers = buf_text(&lines);
        return http_post(c->http, &post, ret, why);
}

static enum err read_answer(struct client *c, const char *operation, const struct http_answer *a,
                            json_t **ret)
{
        CLEANUP(jsonp) json_t *answer = json_loadb(buf_text(&a->body), a->body.len, 0, NULL);

        if (!json_is_object(answer))
                return failure_set(c->failure, EXIT_API_ERROR,
                                   "%s: status %ld, and the answer is no JSON object", operation, a->status);
        if (a->status < 200 || a->status > 299) {
                (void)snprintf(c->code, sizeof c->code, "%s", field_text(answer, "Code"));
                return failure_set(c->failure, EXIT_API_ERROR, "%s: %s: %s (status %ld, request %s)",
                                   operation, field_text(answer, "Code"), field_text(answer, "Message"),
                                   a->status, field_text(answer, "RequestId"));
        }
        *ret = TAKE(answer);
        return ERR_OK;
}

enum err client_call(struct client *c, const struct question *q, json_t **ret)
{
        CLEANUP(http_answer) struct http_answer answer = {.body = BUF_UP_TO(0)};
        char why[HTTP_WHY_SIZE] = "";
        enum err e = post_signed(c, q, &answer, why);

        c->code[0] = c->rollout[0] = '\0';
        if (e != ERR_OK)
                return failure_set(c->failure, EXIT_NETWORK, "%s: %s", c->settings->endpoint,
                                   e == ERR_IO ? why : err_text(e));
        memcpy(c->rollout, answer.rollout, sizeof c->rollout);
        return read_answer(c, q->operation, &answer, ret);
}

enum err client_ask(struct client *c, const struct question *q, json_t **ret)
{
        int64_t end = clock_ms() + c->settings->timeout_s * 1000;

        for (;;) {
                const struct timespec pause = {0, AGAIN_MS * 1000000L};
                enum err e = client_call(c, q, ret);

                if (e != ERR_REFUSED || strncmp(c->code, "Throttling", 10) != 0 || clock_ms() >= end)
                        return e;
                (void)nanosleep(&pause, NULL);
        }
}
