/* SPDX-License-Identifier: Apache-2.0 */
/* store_certificate: server certificates and their sealed private keys. A row never changes after it was put,
 * but for its serving key: the key as brokers load it, which is there while the key is not encrypted or a
 * configuration uses it. Blocks on the database. */
#ifndef SIGNET_API_STORE_CERTIFICATE_H
#define SIGNET_API_STORE_CERTIFICATE_H

#include "api/actor.h"
#include "api/certificate.h"
#include "common/crypt.h"
#include "common/db.h"
#include "common/err.h"
#include "common/pem.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CERTIFICATES_PER_ACCOUNT_MAX = 100000, SEAL_CONTEXT_SIZE = 128, KEY_PEM_MAX = 64 * 1024 };

/* Contexts for crypt_seal(): `format` is SEAL_CERTIFICATE_KEY or SEAL_SERVING_KEY. */
void store_certificate_context(bool serving, const uint8_t leaf_sha256[SHA256_BYTES],
                               char ret[SEAL_CONTEXT_SIZE]);

struct certificate_upload {
        const struct actor *actor;
        const char *name;
        struct pem_chain chain;
        struct certificate_facts facts; /* of the leaf */
        struct buf key_sealed;          /* the PEM as it came */
        struct buf serving_key_sealed;  /* DER; empty when the PEM is encrypted */
        bool key_encrypted;
        char *tags; /* JSON array of {TagKey, TagValue} */
};
/* ERR_CONFLICT: the name is taken. ERR_LIMIT: CERTIFICATES_PER_ACCOUNT_MAX are there. */
MUST_CHECK enum err store_certificate_put(struct db *db, const struct certificate_upload *upload,
                                          int64_t *ret_id);

struct stored_certificate {
        int64_t id;
        char *name;
        struct pem_chain chain; /* only the leaf in a list */
        json_t *tags;
        bool used; /* by an instance */
};
void stored_certificate_done(struct stored_certificate *c);
static inline void cleanup_stored_certificate(struct stored_certificate *c)
{
        stored_certificate_done(c);
}
MUST_CHECK enum err store_certificate_get(struct db *db, int64_t account_id, int64_t id,
                                          struct stored_certificate *ret);

struct certificate_filter {
        const char *keyword; /* part of name, common name or a SAN, ASCII case ignored; "" for all */
        int64_t keyword_id;  /* or this certificate; 0: none */
        int64_t id;          /* only this certificate; 0: all */
        int64_t not_after_from, not_after_before; /* Unix seconds */
        int64_t offset, limit;
};
struct certificate_list {
        struct stored_certificate *rows; /* newest first */
        size_t count;
        int64_t total;
};
MUST_CHECK enum err store_certificate_list(struct db *db, int64_t account_id,
                                           const struct certificate_filter *filter,
                                           struct certificate_list *ret);
void certificate_list_done(struct certificate_list *list);
static inline void cleanup_certificate_list(struct certificate_list *list)
{
        certificate_list_done(list);
}

/* ERR_NOT_FOUND; ERR_CONFLICT while an instance uses it. */
MUST_CHECK enum err store_certificate_remove(struct db *db, const struct actor *actor, int64_t id);
/* One sentence saying which instance uses it and for what; "" when none does. */
MUST_CHECK enum err store_certificate_use(struct db *db, int64_t id, char ret[512]);

/* Whether certificate c is used by an instance. */
#define CERTIFICATE_USED_SQL                                                                                 \
        "(EXISTS (SELECT FROM sni_certificate s WHERE s.certificate_id = c.id)"                              \
        " OR EXISTS (SELECT FROM instance i WHERE i.default_certificate_id = c.id))"
/* Clears the serving keys of those encrypted certificates among `ids` (an SQL list) that nobody uses any
 * more. */
#define CLEAR_SERVING_SQL(ids)                                                                               \
        "UPDATE server_certificate c SET serving_key_sealed = NULL"                                          \
        " WHERE c.key_encrypted AND c.serving_key_sealed IS NOT NULL AND c.id IN (" ids ")"                  \
        " AND NOT " CERTIFICATE_USED_SQL

struct certificate_state {
        int64_t id;
        bool key_encrypted;
};
/* Those of `ids` (decimal, comma between) that the account has, by ID; *ret is freed by the caller. */
MUST_CHECK enum err store_certificate_states(struct db *db, int64_t account_id, const char *ids,
                                             struct certificate_state **ret, size_t *ret_count);
/* The leaf and the key's PEM as it was uploaded (appended). */
MUST_CHECK enum err store_certificate_key(struct db *db, const struct master_key *master, int64_t id,
                                          X509 **ret_leaf, struct buf *ret_pem);

#endif
