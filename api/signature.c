/* SPDX-License-Identifier: Apache-2.0 */
#include "api/signature.h"
#include "api/canonical.h"
#include "common/crypt.h"
#include "common/text.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <string.h>
#include <time.h>

CLEANUP_DEFINE(evp_macp, EVP_MAC *, EVP_MAC_free)
CLEANUP_DEFINE(evp_mac_ctxp, EVP_MAC_CTX *, EVP_MAC_CTX_free)
CLEANUP_DEFINE(evp_md_ctxp, EVP_MD_CTX *, EVP_MD_CTX_free)

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
        TRY(buf_addf(&text, SIGNATURE_ACS3 "\n%s", hex));
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
