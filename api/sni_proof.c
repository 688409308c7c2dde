/* SPDX-License-Identifier: Apache-2.0 */
/* An encrypted key opens with one password only. So once an entry has opened it, the other entries' passwords
 * are compared with that one, and a thousand domains on one certificate cost one derivation; and none when
 * the instance serves it already. */
#include "api/sni_proof.h"

#include "api/store_certificate.h"
#include "common/crypt.h"

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
        struct sni_proof p = {.rounds_left = KEY_ROUNDS_MAX};

        TRY(distinct_ids(config, default_id, &ids));
        TRY(store_certificate_states(db, account_id, buf_text(&ids), &states, &p.count));
        p.certificates = calloc(p.count + 1, sizeof *p.certificates);
        for (size_t i = 0; p.certificates != NULL && i < p.count; i++)
                p.certificates[i] =
                        (struct proven_certificate){.id = states[i].id,
                                                    .key_encrypted = states[i].key_encrypted,
                                                    .known = BUF_UP_TO(SNI_PASSWORD_MAX),
                                                    .serving_key_sealed = BUF_UP_TO(SERVING_KEY_MAX)};
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
        for (size_t i = 0; i < p->count; i++) {
                buf_done(&p->certificates[i].known);
                buf_done(&p->certificates[i].serving_key_sealed);
        }
        free(p->certificates);
        *p = (struct sni_proof){0};
}

/* Certificates whose key brokers have: a mapping without it would not be worth trusting. */
static const char known_sql[] =
        "WITH one AS (SELECT certificate_id, min(domain) AS domain FROM sni_mapping WHERE mqtt_instance_id = "
        "$1"
        "  AND certificate_id = ANY(string_to_array($2, ',')::bigint[]) AND password_sealed IS NOT NULL"
        "  GROUP BY certificate_id)"
        " SELECT m.certificate_id, m.domain, m.password_sealed FROM one"
        " JOIN sni_mapping m ON m.mqtt_instance_id = $1 AND m.domain = one.domain"
        " JOIN server_certificate c ON c.id = m.certificate_id AND c.serving_key_sealed IS NOT NULL";

static enum err take_known(struct sni_proof *p, const struct master_key *master, const char *instance,
                           const PGresult *rows)
{
        for (int i = 0; i < PQntuples(rows); i++) {
                CLEANUP(buf) struct buf sealed = BUF_UP_TO(SEALED_PASSWORD_MAX + 1);
                struct proven_certificate *c = sni_proof_find(p, db_int(rows, i, 0));
                enum err e = db_bytea(rows, i, 2, &sealed);

                if (e == ERR_OK && c != NULL)
                        e = sni_password_open(master, instance, db_text(rows, i, 1), &sealed, &c->known);
                if (e == ERR_NOMEM)
                        return e; /* whatever else: then it is tried */
        }
        return ERR_OK;
}

enum err sni_proof_trust(struct sni_proof *p, struct db *db, const struct master_key *master,
                         const char *instance)
{
        CLEANUP(buf) struct buf ids = BUF_UP_TO(IDS_TEXT_MAX);
        CLEANUP(pgresultp) PGresult *rows = NULL;

        for (size_t i = 0; i < p->count; i++)
                if (p->certificates[i].key_encrypted)
                        TRY(buf_addf(&ids, "%s%" PRId64, ids.len > 0 ? "," : "", p->certificates[i].id));
        if (ids.len == 0)
                return ERR_OK;
        const struct db_param params[] = {DB_TEXT(instance), DB_TEXT(buf_text(&ids))};
        TRY(db_query(db, DB_AS_TEXT, &rows, known_sql, 2, params));
        return take_known(p, master, instance, rows);
}

/* Each follows "certificate <ID>". */
static const char why_password[] = ": the password does not open its private key";
static const char why_work[] =
        ": the encrypted private keys of this call ask for more than 20,000,000 rounds "
        "of key derivation in all";
_Static_assert(KEY_ROUNDS_MAX == 20000000, "a text names this limit");

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

static bool must_derive(const struct proven_certificate *c, const char *password)
{
        return c->key_encrypted && password != NULL && c->known.len == 0;
}

enum err sni_proof_budget(struct sni_proof *p, struct db *db, const struct master_key *master,
                          const struct sni_config *config)
{
        for (size_t i = 0; i < config->count; i++) {
                const struct sni_entry *entry = &config->entries[i];
                struct proven_certificate *c = sni_proof_find(p, entry->certificate_id);

                if (c == NULL || c->is_counted || entry->why != NULL || !must_derive(c, entry->password))
                        continue;
                enum err e = sni_key_rounds(db, master, c->id, &c->rounds);

                if (e != ERR_OK && key_reason(e) == NULL)
                        return e; /* a key that is wrong costs nothing; its entry is told why */
                c->is_counted = true;
                c->is_paid = c->rounds <= p->rounds_left;
                p->rounds_left -= c->is_paid ? c->rounds : 0;
                p->is_over |= !c->is_paid;
        }
        return ERR_OK;
}

/* False when the budget does not have this try; the first one of each key was paid for before any. */
static bool may_derive(struct sni_proof *p, struct proven_certificate *c)
{
        if (!c->is_paid && c->rounds > p->rounds_left)
                return false;
        p->rounds_left -= c->is_paid ? 0 : c->rounds;
        c->is_paid = false;
        return true;
}

static enum err try_password(struct sni_proof *p, struct proven_certificate *c, struct db *db,
                             const struct master_key *master, const char *password, const char **ret_why)
{
        enum err e;

        if (c->refused != NULL && strcmp(c->refused, password) == 0)
                *ret_why = c->refused_why;
        else if (p->failures == PROOF_FAILURES_MAX)
                *ret_why = ": the password was not tried, for too many others are wrong";
        else if (!may_derive(p, c))
                *ret_why = why_work;
        if (p->is_over)
                c->password = password; /* nobody will ask whether it is the right one */
        if (*ret_why != NULL || p->is_over)
                return ERR_OK;
        e = sni_key_open(db, master, c->id, password, &c->serving_key_sealed);
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

static bool is_known(const struct proven_certificate *c, const char *password)
{
        return crypt_equal(c->known.data, c->known.len, password, strlen(password));
}

enum err sni_proof_entry(struct sni_proof *p, struct db *db, const struct master_key *master,
                         const struct sni_entry *entry, const char **ret_why)
{
        struct proven_certificate *c = sni_proof_find(p, entry->certificate_id);
        const char *password = entry->password;

        *ret_why = NULL;
        if (c == NULL) {
                *ret_why = key_reason(ERR_NOT_FOUND);
                return ERR_OK;
        }
        c->is_mapped = true;
        if (!c->key_encrypted && password != NULL)
                *ret_why = ": its private key is not encrypted; leave the password out";
        else if (c->key_encrypted && password == NULL)
                *ret_why = ": its private key is encrypted; the password is missing";
        else if (c->key_encrypted && c->known.len > 0 && !is_known(c, password))
                *ret_why = why_password;
        else if (c->key_encrypted && c->known.len > 0)
                c->password = password;
        else if (c->key_encrypted && c->password == NULL)
                return try_password(p, c, db, master, password, ret_why);
        else if (c->key_encrypted && strcmp(c->password, password) != 0)
                *ret_why = why_password;
        return ERR_OK;
}

enum err sni_proof_entries(struct sni_proof *p, struct db *db, const struct master_key *master,
                           const struct sni_config *config, struct sni_wrong *wrong)
{
        for (size_t i = 0; i < config->count; i++) {
                const struct sni_entry *entry = &config->entries[i];
                const char *why = NULL;

                TRY(sni_proof_entry(p, db, master, entry, &why));
                if (why != NULL)
                        sni_wrong_add(wrong, i + 1, entry->domain, strlen(entry->domain),
                                      "certificate %" PRId64 "%s", entry->certificate_id, why);
        }
        return ERR_OK;
}

const char *sni_proof_default(const struct sni_proof *p, int64_t id)
{
        const struct proven_certificate *c = sni_proof_find(p, id);

        if (c == NULL)
                return key_reason(ERR_NOT_FOUND);
        if (c->key_encrypted && c->password == NULL)
                return ": its private key is encrypted, and its password can only be taken from an entry of "
                       "SniConfig with the same certificate; there is none";
        return NULL;
}
