/* SPDX-License-Identifier: Apache-2.0 */
#include "api/signature.h"
#include "api/canonical.h"
#include "common/crypt.h"
#include "common/text.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define ACS3 "ACS3-HMAC-SHA256"

CLEANUP_DEFINE(evp_macp, EVP_MAC *, EVP_MAC_free)
CLEANUP_DEFINE(evp_mac_ctxp, EVP_MAC_CTX *, EVP_MAC_CTX_free)
CLEANUP_DEFINE(evp_md_ctxp, EVP_MD_CTX *, EVP_MD_CTX_free)

static bool begins(const char *text, const char *with)
{
        return strncasecmp(text, with, strlen(with)) == 0;
}

static enum err claim_basic(const char *encoded, struct claim *c)
{
        c->scheme = SCHEME_BASIC;
        enum err e = text_unbase64(encoded, strlen(encoded), &c->basic);

        return e == ERR_NOMEM ? e : ERR_OK; /* broken or too long: signature_key finds it empty */
}

/* Not for RPC v1, which signs neither path nor headers: whoever reads a signed request on its way could turn
 * it into another operation. ACS3 signs the path, and an anonymous caller's SDK still names both in headers.
 */
static void claim_unsigned_names(const struct request *q, struct claim *c)
{
        if (c->action == NULL)
                c->action = q->path_action[0] != '\0' ? q->path_action : request_header(q, "x-acs-action");
        if (c->version == NULL)
                c->version =
                        q->path_version[0] != '\0' ? q->path_version : request_header(q, "x-acs-version");
}

enum err signature_claim(const struct request *q, struct claim *ret)
{
        const char *authorization = request_header(q, "authorization");
        enum err e = ERR_OK;

        *ret = (struct claim){.basic = BUF_UP_TO(1024)};
        ret->action = param_set_text(&q->params, "Action");
        ret->version = param_set_text(&q->params, "Version");
        if (authorization != NULL && begins(authorization, "ACS3-")) {
                ret->scheme = begins(authorization, ACS3 " ") ? SCHEME_ACS3 : SCHEME_ACS_OTHER;
                ret->action = request_header(q, "x-acs-action");
                ret->version = request_header(q, "x-acs-version");
        } else if (param_set_find(&q->params, "Signature") != NULL) {
                ret->scheme = SCHEME_RPC;
        } else if (request_header(q, "x-acs-bearer-token") != NULL ||
                   param_set_find(&q->params, "BearerToken") != NULL) {
                ret->scheme = SCHEME_BEARER;
        } else if (authorization != NULL && begins(authorization, "Basic ")) {
                e = claim_basic(authorization + strlen("Basic "), ret);
        }
        if (ret->scheme != SCHEME_RPC)
                claim_unsigned_names(q, ret);
        return e;
}

static enum err incomplete(struct fault *f, const char *why)
{
        return fault_set(f, FAULT_INCOMPLETE_SIGNATURE,
                         "The request signature does not conform to Aliyun standards: %s.", why);
}

/* An ID with any other byte cannot exist; nothing odd must reach the log or the database either. */
static enum err take_key_id(struct claim *c, const char *id, size_t len, struct fault *f)
{
        if (len == 0)
                return fault_set_field(f, FAULT_MISSING, "AccessKeyId", NULL);
        if (len > ACCESS_KEY_ID_MAX)
                return fault_set(f, FAULT_ACCESS_KEY_NOT_FOUND, NULL);
        memcpy(c->access_key_id, id, len);
        c->access_key_id[len] = '\0';
        if (strspn(c->access_key_id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") !=
            len)
                return fault_set(f, FAULT_ACCESS_KEY_NOT_FOUND, NULL);
        return ERR_OK;
}

static enum err take_nonce(struct claim *c, const char *nonce, const char *field, struct fault *f)
{
        if (nonce == NULL || nonce[0] == '\0')
                return fault_set_field(f, FAULT_MISSING, field, NULL);
        if (strlen(nonce) > NONCE_MAX)
                return fault_set_field(f, FAULT_INVALID, field,
                                       "Specified parameter %s is not valid: longer than %d bytes.", field,
                                       NONCE_MAX);
        c->nonce = nonce;
        return ERR_OK;
}

static enum err rpc_key(const struct request *q, struct claim *c, struct fault *f)
{
        static const char *const needed[] = {"SignatureMethod", "SignatureNonce", "Timestamp", "Signature"};
        const char *id = param_set_text(&q->params, "AccessKeyId");

        if (param_set_find(&q->params, "SecurityToken") != NULL)
                return fault_set(f, FAULT_SECURITY_TOKEN, NULL);
        TRY(take_key_id(c, id == NULL ? "" : id, id == NULL ? 0 : strlen(id), f));
        for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
                const char *value = param_set_text(&q->params, needed[i]);

                if (value == NULL || value[0] == '\0')
                        return fault_set_field(f, FAULT_MISSING, needed[i], NULL);
        }
        return take_nonce(c, param_set_text(&q->params, "SignatureNonce"), "SignatureNonce", f);
}

/* Copies the value of `name=` from "Credential=…,SignedHeaders=…,Signature=…". */
static bool authorization_part(const char *text, const char *name, char *ret, size_t size)
{
        size_t name_len = strlen(name);

        while (*text != '\0') {
                text += strspn(text, " \t,");
                size_t len = strcspn(text, ",");

                if (len > name_len && strncmp(text, name, name_len) == 0 && text[name_len] == '=') {
                        size_t value_len = len - name_len - 1;

                        while (value_len > 0 && text[name_len + value_len] == ' ')
                                value_len--;
                        if (value_len == 0 || value_len >= size)
                                return false;
                        memcpy(ret, text + name_len + 1, value_len);
                        ret[value_len] = '\0';
                        return true;
                }
                text += len;
        }
        return false;
}

static bool list_has(const char *list, const char *name, size_t len)
{
        while (*list != '\0') {
                size_t item = strcspn(list, ";");

                if (item == len && memcmp(list, name, len) == 0)
                        return true;
                list += item + (list[item] == ';');
        }
        return false;
}

/* Every signed header is there exactly once and listed once, and those that matter are listed. */
static enum err signed_headers_check(const struct request *q, const char *list, struct fault *f)
{
        static const char *const needed[] = {"host",       "x-acs-action",          "x-acs-version",
                                             "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"};
        char name[128];

        for (const char *at = list; *at != '\0';) {
                size_t len = strcspn(at, ";");

                if (len == 0 || len >= sizeof name)
                        return incomplete(f, "SignedHeaders is not a list of header names");
                memcpy(name, at, len);
                name[len] = '\0';
                size_t times = request_header_times(q, name);

                if (times != 1)
                        return incomplete(f, times == 0
                                                     ? "a header named in SignedHeaders is not in the request"
                                                     : "a signed header is in the request more than once");
                at += len + (at[len] == ';');
                if (list_has(at, name, len))
                        return incomplete(f, "SignedHeaders names a header twice");
        }
        for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
                if (!list_has(list, needed[i], strlen(needed[i])))
                        return incomplete(
                                f, "SignedHeaders must name host, x-acs-action, x-acs-version, x-acs-date, "
                                   "x-acs-signature-nonce and x-acs-content-sha256");
        return ERR_OK;
}

static enum err acs3_key(const struct request *q, struct claim *c, struct fault *f)
{
        const char *text = request_header(q, "authorization") + strlen(ACS3 " ");
        char credential[256];

        if (request_header(q, "x-acs-security-token") != NULL)
                return fault_set(f, FAULT_SECURITY_TOKEN, NULL);
        if (!authorization_part(text, "Credential", credential, sizeof credential))
                return incomplete(f, "Authorization has no Credential");
        TRY(take_key_id(c, credential, strlen(credential), f));
        if (!authorization_part(text, "SignedHeaders", c->signed_headers, sizeof c->signed_headers))
                return incomplete(f, "Authorization has no SignedHeaders");
        if (!authorization_part(text, "Signature", c->signature, sizeof c->signature))
                return incomplete(f, "Authorization has no Signature");
        TRY(signed_headers_check(q, c->signed_headers, f));
        return take_nonce(c, request_header(q, "x-acs-signature-nonce"), "SignatureNonce", f);
}

static enum err basic_key(const struct request *q, struct claim *c, struct fault *f)
{
        const char *text = buf_text(&c->basic), *colon = memchr(text, ':', c->basic.len);

        if (!q->private_line)
                return fault_set(f, FAULT_NEED_SSL, NULL);
        if (q->path_action[0] == '\0')
                return incomplete(f, "HTTP Basic is for /<version>/<Action> only");
        if (colon == NULL)
                return incomplete(f, "Authorization is not Basic <AccessKeyId>:<AccessKeySecret>");
        return take_key_id(c, text, (size_t)(colon - text), f);
}

enum err signature_key(const struct request *q, struct claim *c, struct fault *f)
{
        if (request_header_times(q, "authorization") > 1)
                return incomplete(f, "Authorization is in the request more than once");
        switch (c->scheme) {
        case SCHEME_RPC:
                return rpc_key(q, c, f);
        case SCHEME_ACS3:
                return acs3_key(q, c, f);
        case SCHEME_BASIC:
                return basic_key(q, c, f);
        case SCHEME_ACS_OTHER:
                return fault_set(f, FAULT_SIGNATURE_METHOD, NULL);
        case SCHEME_BEARER:
                return fault_set(f, FAULT_SECURITY_TOKEN, "Bearer tokens are not supported.");
        case SCHEME_NONE:
                break;
        }
        return fault_set_field(f, FAULT_MISSING, "AccessKeyId", NULL);
}

enum err signature_time(const char *text, int64_t *ret)
{
        static const char shape[] = "dddd-dd-ddTdd:dd:ddZ";
        int part[6] = {0}, at = -1;
        bool in_number = false;

        if (strlen(text) != sizeof shape - 1)
                return ERR_SYNTAX;
        for (size_t i = 0; shape[i] != '\0'; i++) {
                bool digit = shape[i] == 'd';

                if (digit ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
                        return ERR_SYNTAX;
                at += digit && !in_number;
                in_number = digit;
                if (digit)
                        part[at] = part[at] * 10 + (text[i] - '0');
        }
        struct tm tm = {.tm_year = part[0] - 1900,
                        .tm_mon = part[1] - 1,
                        .tm_mday = part[2],
                        .tm_hour = part[3],
                        .tm_min = part[4],
                        .tm_sec = part[5]};
        time_t moment = timegm(&tm);

        /* timegm turns February 30 into March: a moment that does not exist reads differently. */
        if (tm.tm_mon != part[1] - 1 || tm.tm_mday != part[2] || tm.tm_hour != part[3] ||
            tm.tm_min != part[4] || tm.tm_sec != part[5])
                return ERR_SYNTAX;
        *ret = moment;
        return ERR_OK;
}

bool signature_fresh(int64_t timestamp, int64_t now)
{
        return timestamp >= now - SIGNATURE_WINDOW_S && timestamp <= now + SIGNATURE_WINDOW_S;
}

enum err signature_rpc(const struct request *q, const char *secret, size_t secret_len,
                       char ret[SIGNATURE_MAX + 1], struct buf *to_sign)
{
        CLEANUP(buf) struct buf key = BUF_UP_TO(4096), text = BUF_UP_TO(SIGNATURE_MAX);
        CLEANUP(evp_macp) EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
        CLEANUP(evp_mac_ctxp) EVP_MAC_CTX *mac = hmac == NULL ? NULL : EVP_MAC_CTX_new(hmac);
        char sha1[] = "SHA1";
        const OSSL_PARAM digest[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha1, 0),
                                     OSSL_PARAM_END};
        uint8_t sum[SHA1_BYTES];
        size_t sum_len;

        TRY(buf_add(&key, secret, secret_len));
        TRY(buf_add(&key, "&", 1));
        if (mac == NULL || EVP_MAC_init(mac, key.data, key.len, digest) != 1)
                return ERR_CRYPT;
        struct sink sink = {.mac = mac, .text = to_sign};

        canonical_rpc(q, &sink);
        TRY(sink_end(&sink));
        if (EVP_MAC_final(mac, sum, &sum_len, sizeof sum) != 1)
                return ERR_CRYPT;
        TRY(text_base64(sum, sum_len, &text));
        memcpy(ret, buf_text(&text), text.len + 1);
        return ERR_OK;
}

enum err signature_acs3(const struct request *q, const char *signed_headers, const char *secret,
                        size_t secret_len, char ret[SIGNATURE_MAX + 1], struct buf *to_sign,
                        struct buf *canonical)
{
        CLEANUP(evp_md_ctxp) EVP_MD_CTX *digest = EVP_MD_CTX_new();
        CLEANUP(buf) struct buf text = BUF_UP_TO(256);
        uint8_t sum[SHA256_BYTES];
        char hex[2 * SHA256_BYTES + 1];

        if (digest == NULL || EVP_DigestInit_ex(digest, EVP_sha256(), NULL) != 1)
                return ERR_CRYPT;
        struct sink sink = {.digest = digest, .text = canonical};

        canonical_acs3(q, signed_headers, &sink);
        TRY(sink_end(&sink));
        if (EVP_DigestFinal_ex(digest, sum, NULL) != 1)
                return ERR_CRYPT;
        text_hex(sum, sizeof sum, hex);
        TRY(buf_addf(&text, ACS3 "\n%s", hex));
        crypt_hmac_sha256(secret, secret_len, text.data, text.len, sum);
        text_hex(sum, sizeof sum, ret);
        return to_sign == NULL ? ERR_OK : buf_add(to_sign, text.data, text.len);
}

static enum err time_check(struct claim *c, const char *text, int64_t now, struct fault *f)
{
        if (signature_time(text, &c->timestamp) != ERR_OK)
                return fault_set(f, FAULT_TIME_FORMAT, NULL);
        if (!signature_fresh(c->timestamp, now))
                return fault_set(f, FAULT_TIME_EXPIRED, NULL);
        return ERR_OK;
}

/* Old SDKs compare what stands behind the first colon with their own string to sign; the text in front is
 * theirs. */
static enum err mismatch(struct fault *f, const struct buf *to_sign, bool withhold)
{
        return fault_set(
                f, FAULT_SIGNATURE,
                "Specified signature is not matched with our calculation. server string to sign is:%s",
                withhold ? "(withheld: the request carries a secret)" : buf_text(to_sign));
}

static enum err rpc_check(const struct request *q, struct claim *c, const char *secret, size_t secret_len,
                          int64_t now, bool withhold, struct fault *f)
{
        CLEANUP(buf) struct buf to_sign = BUF_UP_TO(FAULT_MESSAGE_MAX);
        const char *given = param_set_text(&q->params, "Signature");
        const char *version = param_set_text(&q->params, "SignatureVersion");
        char right[SIGNATURE_MAX + 1];

        if (!text_same(param_set_text(&q->params, "SignatureMethod"), "HMAC-SHA1"))
                return fault_set(f, FAULT_SIGNATURE_METHOD, NULL);
        if (version != NULL && strcmp(version, "1.0") != 0)
                return fault_set_field(f, FAULT_INVALID, "SignatureVersion", NULL);
        TRY(time_check(c, param_set_text(&q->params, "Timestamp"), now, f));
        TRY(signature_rpc(q, secret, secret_len, right, withhold ? NULL : &to_sign));
        if (!crypt_equal(right, strlen(right), given, strlen(given)))
                return mismatch(f, &to_sign, withhold);
        return ERR_OK;
}

static enum err acs3_check(const struct request *q, struct claim *c, const char *secret, size_t secret_len,
                           int64_t now, struct fault *f)
{
        CLEANUP(buf) struct buf to_sign = BUF_UP_TO(256);
        char right[SIGNATURE_MAX + 1], body[2 * SHA256_BYTES + 1];

        TRY(time_check(c, request_header(q, "x-acs-date"), now, f));
        TRY(signature_acs3(q, c->signed_headers, secret, secret_len, right, &to_sign, NULL));
        text_hex(q->body_sha256, SHA256_BYTES, body);
        /* The string to sign is a digest here, so it is never withheld. */
        if (!text_same(body, request_header(q, "x-acs-content-sha256")) ||
            !crypt_equal(right, strlen(right), c->signature, strlen(c->signature)))
                return mismatch(f, &to_sign, false);
        return ERR_OK;
}

/* Compared as digests, so that not even the secret's length shows in the time. */
static enum err basic_check(const struct claim *c, const char *secret, size_t secret_len, struct fault *f)
{
        size_t id_len = strlen(c->access_key_id) + 1;
        uint8_t given[SHA256_BYTES], right[SHA256_BYTES];

        crypt_sha256(c->basic.data + id_len, c->basic.len - id_len, given);
        crypt_sha256(secret, secret_len, right);
        if (!crypt_equal(given, sizeof given, right, sizeof right))
                return fault_set(f, FAULT_SIGNATURE,
                                 "Specified access key secret is not the one of this access key.");
        return ERR_OK;
}

enum err signature_check(const struct request *q, struct claim *c, const char *secret, size_t secret_len,
                         int64_t now, bool withhold, struct fault *f)
{
        switch (c->scheme) {
        case SCHEME_RPC:
                return rpc_check(q, c, secret, secret_len, now, withhold, f);
        case SCHEME_ACS3:
                return acs3_check(q, c, secret, secret_len, now, f);
        case SCHEME_BASIC:
                return basic_check(c, secret, secret_len, f);
        default:
                return fault_set(f, FAULT_INCOMPLETE_SIGNATURE, NULL);
        }
}

void claim_done(struct claim *c)
{
        buf_done(&c->basic);
}
