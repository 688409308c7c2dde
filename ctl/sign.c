/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/sign.h"

#include "common/cleanup.h"
#include "common/crypt.h"
#include "common/text.h"

#include <string.h>

#define ALGORITHM "ACS3-HMAC-SHA256"
#define SIGNED_HEADERS                                                                                       \
        "content-type;host;x-acs-action;x-acs-content-sha256;x-acs-credentials-provider;x-acs-date;"         \
        "x-acs-signature-nonce;x-acs-version"

enum { CANONICAL_MAX = 16 * 1024 };

static void sha256_hex(const void *bytes, size_t len, char ret[SIGN_HASH_HEX])
{
        uint8_t digest[SHA256_BYTES];

        crypt_sha256(bytes, len, digest);
        text_hex(digest, sizeof digest, ret);
}

/* Method, path, (empty) query, headers in the order of SIGNED_HEADERS, their names, hash of the body. */
static enum err canonical_request(const struct sign_request *q, const char *body_hash, struct buf *ret)
{
        return buf_addf(ret,
                        "POST\n/\n\n"
                        "content-type:" SIGN_CONTENT_TYPE
                        "\nhost:%s\nx-acs-action:%s\nx-acs-content-sha256:%s\n"
                        "x-acs-credentials-provider:" SIGN_CREDENTIALS_PROVIDER
                        "\nx-acs-date:%s\nx-acs-signature-nonce:%s\nx-acs-version:%s\n"
                        "\n" SIGNED_HEADERS "\n%s",
                        q->host, q->action, body_hash, q->date, q->nonce, q->version, body_hash);
}

enum err sign_authorization(const struct sign_request *request, const char *access_key_id, const char *secret,
                            char ret_body_hash[SIGN_HASH_HEX], struct buf *ret)
{
        CLEANUP(buf) struct buf canonical = BUF_UP_TO(CANONICAL_MAX);
        CLEANUP(buf) struct buf to_sign = BUF_UP_TO(CANONICAL_MAX);
        char body_hash[SIGN_HASH_HEX], hash[SIGN_HASH_HEX], signature[SIGN_HASH_HEX];
        uint8_t mac[SHA256_BYTES];

        sha256_hex(request->body, request->body_len, body_hash);
        TRY(canonical_request(request, body_hash, &canonical));
        sha256_hex(canonical.data, canonical.len, hash);
        TRY(buf_addf(&to_sign, ALGORITHM "\n%s", hash));
        crypt_hmac_sha256(secret, strlen(secret), to_sign.data, to_sign.len, mac);
        text_hex(mac, sizeof mac, signature);
        TRY(buf_addf(ret, ALGORITHM " Credential=%s,SignedHeaders=" SIGNED_HEADERS ",Signature=%s",
                     access_key_id, signature));
        memcpy(ret_body_hash, body_hash, sizeof body_hash);
        return ERR_OK;
}
