/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sni_key.h"

#include "api/store_certificate.h"
#include "common/domain.h"
#include "common/pem.h"

#include <stdio.h>
#include <string.h>

enum { ROW_KEY_SIZE = INSTANCE_ID_MAX + DOMAIN_SIZE + 2, CONTEXT_SIZE = ROW_KEY_SIZE + 64 };

static void password_context(const char *instance, const char *domain, char ret[CONTEXT_SIZE])
{
        char row[ROW_KEY_SIZE];

        (void)snprintf(row, sizeof row, "%s/%s", instance, domain);
        (void)snprintf(ret, CONTEXT_SIZE, SEAL_SNI_PASSWORD, row);
}

enum err sni_password_seal(const struct master_key *master, const char *instance, const char *domain,
                           const char *password, struct buf *ret)
{
        char context[CONTEXT_SIZE];

        password_context(instance, domain, context);
        return crypt_seal(master, context, password, strlen(password), ret);
}

enum err sni_password_open(const struct master_key *master, const char *instance, const char *domain,
                           const struct buf *sealed, struct buf *ret)
{
        char context[CONTEXT_SIZE];

        password_context(instance, domain, context);
        return crypt_open(master, context, sealed->data, sealed->len, ret);
}

enum err sni_key_rounds(struct db *db, const struct master_key *master, int64_t certificate_id, uint64_t *ret)
{
        CLEANUP(x509p) X509 *leaf = NULL;
        CLEANUP(buf) struct buf text = BUF_UP_TO(KEY_PEM_MAX);

        TRY(store_certificate_key(db, master, certificate_id, &leaf, &text));
        return pem_key_rounds(buf_text(&text), text.len, ret);
}

static enum err seal_serving_key(const struct master_key *master, X509 *leaf, EVP_PKEY *key, struct buf *ret)
{
        CLEANUP(buf) struct buf der = BUF_UP_TO(KEY_PEM_MAX), certificate = BUF_UP_TO(PEM_TEXT_MAX);
        uint8_t digest[SHA256_BYTES];
        char context[SEAL_CONTEXT_SIZE];

        TRY(pem_certificate_der(leaf, &certificate));
        TRY(pem_key_der(key, &der));
        crypt_sha256(certificate.data, certificate.len, digest);
        store_certificate_context(true, digest, context);
        return crypt_seal(master, context, der.data, der.len, ret);
}

enum err sni_key_open(struct db *db, const struct master_key *master, int64_t certificate_id,
                      const char *password, struct buf *ret_sealed)
{
        CLEANUP(x509p) X509 *leaf = NULL;
        CLEANUP(evp_pkeyp) EVP_PKEY *key = NULL;
        CLEANUP(buf) struct buf text = BUF_UP_TO(KEY_PEM_MAX);

        TRY(store_certificate_key(db, master, certificate_id, &leaf, &text));
        TRY(pem_read_key(buf_text(&text), text.len, password, &key));
        TRY(pem_key_matches(leaf, key));
        return seal_serving_key(master, leaf, key, ret_sealed);
}
