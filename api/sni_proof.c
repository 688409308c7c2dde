/* SPDX-License-Identifier: Apache-2.0 */
/* An encrypted key opens with one password only. So once an entry has opened it, the other entries' passwords
 * are compared with that one, and a thousand domains on one certificate cost one derivation. */
#include "api/sni_proof.h"

#include "api/store_certificate.h"
#include "common/pem.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { ID_TEXT_MAX = CERTIFICATE_ID_DIGITS_MAX + 1, IDS_TEXT_MAX = (SNI_ENTRIES_MAX + 1) * ID_TEXT_MAX };

static int compare_ids(const void *a, const void *b)
{
        int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

        return (x > y) - (x < y);
}

/* Each ID once, decimal, comma between. */
static enum err distinct_ids(const struct sni_config *config, int64_t default_id, struct buf *ret)
{
        int64_t *ids = calloc(config->count + 1, sizeof *ids);
        enum err e = ids != NULL ? ERR_OK : ERR_NOMEM;

        for (size_t i = 0; e == ERR_OK && i < config->count; i++)
                ids[i] = config->entries[i].certificate_id;
        if (e == ERR_OK) {
                ids[config->count] = default_id;
                qsort(ids, config->count + 1, sizeof *ids, compare_ids);
        }
        for (size_t i = 0; e == ERR_OK && i <= config->count; i++)
                if (i == 0 || ids[i] != ids[i - 1])
                        e = buf_addf(ret, "%s%" PRId64, i > 0 ? "," : "", ids[i]);
        free(ids);
        return e;
}

enum err sni_proof_open(struct db *db, int64_t account_id, const struct sni_config *config,
                        int64_t default_id, struct sni_proof *ret)
{
        CLEANUP(buf) struct buf ids = BUF_UP_TO(IDS_TEXT_MAX);
        struct certificate_state *states = NULL;
        struct sni_proof p = {0};

        TRY(distinct_ids(config, default_id, &ids));
        TRY(store_certificate_states(db, account_id, buf_text(&ids), &states, &p.count));
        p.certificates = calloc(p.count + 1, sizeof *p.certificates);
        for (size_t i = 0; p.certificates != NULL && i < p.count; i++)
                p.certificates[i] = (struct proven_certificate){.id = states[i].id,
                                                                .key_encrypted = states[i].key_encrypted,
                                                                .serving_key_sealed = BUF_UP_TO(KEY_PEM_MAX)};
        free(states);
        if (p.certificates == NULL)
                return ERR_NOMEM;
        *ret = p;
        return ERR_OK;
}

static int compare_certificate(const void *id, const void *certificate)
{
        return compare_ids(id, &((const struct proven_certificate *)certificate)->id);
}

struct proven_certificate *sni_proof_find(const struct sni_proof *p, int64_t id)
{
        return bsearch(&id, p->certificates, p->count, sizeof *p->certificates, compare_certificate);
}

void sni_proof_done(struct sni_proof *p)
{
        for (size_t i = 0; i < p->count; i++)
                buf_done(&p->certificates[i].serving_key_sealed);
        free(p->certificates);
        *p = (struct sni_proof){0};
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

/* ERR_PASSWORD, ERR_MISMATCH, ERR_UNSUPPORTED and ERR_SYNTAX speak of the key; others of us. */
static enum err open_key(struct proven_certificate *c, struct db *db, const struct master_key *master,
                         const char *password)
{
        CLEANUP(x509p) X509 *leaf = NULL;
        CLEANUP(evp_pkeyp) EVP_PKEY *key = NULL;
        CLEANUP(buf) struct buf text = BUF_UP_TO(KEY_PEM_MAX);

        TRY(store_certificate_key(db, master, c->id, &leaf, &text));
        TRY(pem_read_key(buf_text(&text), text.len, password, &key));
        TRY(pem_key_matches(leaf, key));
        return seal_serving_key(master, leaf, key, &c->serving_key_sealed);
}

/* Each follows "certificate <ID>". */
static const char why_password[] = ": the password does not open its private key";

static const struct {
        enum err e;
        const char *why;
} key_reasons[] = {
        {ERR_PASSWORD, why_password},
        {ERR_MISMATCH, ": its private key belongs to another certificate"},
        {ERR_UNSUPPORTED,
         ": its private key is neither RSA nor EC, or its encryption is not known or asks for "
         "more than 2,000,000 rounds"},
        {ERR_SYNTAX, ": its private key is not well formed"},
        {ERR_LIMIT, ": its private key is larger than allowed"},
        {ERR_NOT_FOUND, " does not exist"}, /* any more */
};

static const char *key_reason(enum err e)
{
        for (size_t i = 0; i < sizeof key_reasons / sizeof key_reasons[0]; i++)
                if (key_reasons[i].e == e)
                        return key_reasons[i].why;
        return NULL;
}

struct proving {
        struct db *db;
        const struct master_key *master;
        int failures;
};

static enum err try_password(struct proving *p, struct proven_certificate *c, const char *password,
                             const char **ret_why)
{
        enum err e;

        if (c->refused != NULL && strcmp(c->refused, password) == 0) {
                *ret_why = c->refused_why;
                return ERR_OK;
        }
        if (p->failures == PROOF_FAILURES_MAX) {
                *ret_why = ": the password was not tried, for too many others are wrong";
                return ERR_OK;
        }
        e = open_key(c, p->db, p->master, password);
        if (e == ERR_OK) {
                c->password = password;
                return ERR_OK;
        }
        *ret_why = key_reason(e);
        c->refused = password;
        c->refused_why = *ret_why;
        p->failures++;
        return *ret_why != NULL ? ERR_OK : e;
}

/* *ret_why stays NULL when the entry can be served. */
static enum err prove(struct proving *p, struct proven_certificate *c, const char *password,
                      const char **ret_why)
{
        if (c == NULL)
                *ret_why = key_reason(ERR_NOT_FOUND);
        else if (!c->key_encrypted && password != NULL)
                *ret_why = ": its private key is not encrypted; leave the password out";
        else if (c->key_encrypted && password == NULL)
                *ret_why = ": its private key is encrypted; the password is missing";
        else if (c->key_encrypted && c->password == NULL)
                return try_password(p, c, password, ret_why);
        else if (c->key_encrypted && strcmp(c->password, password) != 0)
                *ret_why = why_password;
        return ERR_OK;
}

enum err sni_proof_entries(struct sni_proof *p, struct db *db, const struct master_key *master,
                           const struct sni_config *config, struct sni_wrong *wrong)
{
        struct proving proving = {db, master, 0};

        for (size_t i = 0; i < config->count; i++) {
                const struct sni_entry *entry = &config->entries[i];
                struct proven_certificate *c = sni_proof_find(p, entry->certificate_id);
                const char *why = NULL;

                if (c != NULL)
                        c->is_mapped = true;
                TRY(prove(&proving, c, entry->password, &why));
                if (why != NULL)
                        sni_wrong_add(wrong, i + 1, entry->domain, strlen(entry->domain),
                                      "certificate %" PRId64 "%s", entry->certificate_id, why);
        }
        return ERR_OK;
}
