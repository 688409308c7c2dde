/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/call.h"

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/crypt.h"
#include "common/text.h"
#include "ctl/credentials.h"
#include "ctl/http.h"
#include "ctl/params.h"
#include "ctl/print.h"
#include "ctl/sign.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { NONCE_BYTES = 16, DATE_SIZE = 32, HEADER_MAX = 4096 };

/* As the aliyun CLI names them. `signet` is Signet's own product. */
static const struct {
        const char *name, *version;
} products[] = {
        {"onsmqtt", "2020-04-20"},
        {"cas", "2020-04-07"},
        {"signet", "2020-04-20"},
};

static const char *version_of(const char *product)
{
        for (size_t i = 0; i < sizeof products / sizeof products[0]; i++)
                if (text_same(products[i].name, product))
                        return products[i].version;
        return NULL;
}

/* It goes into a header line. */
static bool operation_valid(const char *name)
{
        static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        size_t len = strlen(name);

        return len > 0 && len <= 64 && strspn(name, letters) == len;
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

static enum err send_signed(const struct ctl_settings *settings, const struct credentials *key,
                            struct sign_request *q, struct http_answer *ret, char why[HTTP_WHY_SIZE])
{
        CLEANUP(buf) struct buf lines = BUF_UP_TO(4 * HEADER_MAX);
        char date[DATE_SIZE], nonce[2 * NONCE_BYTES + 1];
        struct http_request post = {.url = settings->endpoint,
                                    .cacert = settings->cacert,
                                    .body = q->body,
                                    .body_len = q->body_len,
                                    .timeout_s = (long)settings->timeout_s};

        date_now(date);
        nonce_new(nonce);
        q->date = date;
        q->nonce = nonce;
        TRY(header_lines(q, key, &lines));
        post.headers = buf_text(&lines);
        return http_post(&post, ret, why);
}

static const char *field(const json_t *answer, const char *name)
{
        const char *text = json_string_value(json_object_get(answer, name));

        return text != NULL ? text : "";
}

static enum exit_status answer_show(const char *operation, const struct http_answer *a)
{
        CLEANUP(jsonp) json_t *answer = json_loadb(buf_text(&a->body), a->body.len, 0, NULL);

        if (answer == NULL)
                return exit_because(EXIT_API_ERROR, "%s: status %ld, and the answer is no JSON", operation,
                                    a->status);
        if (a->status < 200 || a->status > 299)
                return exit_because(EXIT_API_ERROR, "%s: %s: %s (status %ld, request %s)", operation,
                                    field(answer, "Code"), field(answer, "Message"), a->status,
                                    field(answer, "RequestId"));
        if (strcmp(a->rollout, "pending") == 0)
                fputs("rollout: pending\n", stderr);
        return print_json(answer);
}

static enum exit_status call_signed(const struct ctl_settings *settings, struct sign_request *q)
{
        CLEANUP(credentials) struct credentials key = {BUF_UP_TO(0), BUF_UP_TO(0)};
        CLEANUP(http_answer) struct http_answer answer = {.body = BUF_UP_TO(0)};
        CLEANUP(buf) struct buf host = BUF_UP_TO(512);
        char why[HTTP_WHY_SIZE] = "";
        enum err e;

        if (http_host(settings->endpoint, &host) != ERR_OK)
                return exit_because(EXIT_USAGE, "the endpoint must be http(s)://<host>[:<port>]");
        if (credentials_read(settings, &key, why) != ERR_OK)
                return exit_because(EXIT_USAGE, "%s", why);
        q->host = buf_text(&host);
        e = send_signed(settings, &key, q, &answer, why);
        if (e != ERR_OK)
                return exit_because(EXIT_NETWORK, "%s: %s", settings->endpoint,
                                    e == ERR_IO ? why : err_text(e));
        return answer_show(q->action, &answer);
}

enum exit_status call_run(const struct ctl_settings *settings, int count, char *const arguments[])
{
        CLEANUP(buf) struct buf body = BUF_UP_TO(PARAMS_BODY_MAX);
        struct sign_request q = {0};
        char why[256] = "";

        q.version = version_of(arguments[0]);
        if (q.version == NULL)
                return exit_because(EXIT_USAGE, "unknown command or product: %.64s (see --help)",
                                    arguments[0]);
        if (count < 2 || !operation_valid(arguments[1]))
                return exit_because(EXIT_USAGE, "%s needs the name of an operation, like SetSniConfig",
                                    arguments[0]);
        q.action = arguments[1];
        if (params_body(count - 2, arguments + 2, &body, why) != ERR_OK)
                return exit_because(EXIT_USAGE, "%s", why);
        q.body = buf_text(&body);
        q.body_len = body.len;
        return call_signed(settings, &q);
}
