/* SPDX-License-Identifier: Apache-2.0 */
#include "api/sni_certificate.h"

#include "api/certificate.h"
#include "common/domain.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { READ_AT_A_TIME = 1000, IDS_TEXT_MAX = READ_AT_A_TIME * (CERTIFICATE_ID_DIGITS_MAX + 2) };

CLEANUP_DEFINE(storep, X509_STORE *, X509_STORE_free)
CLEANUP_DEFINE(storectxp, X509_STORE_CTX *, X509_STORE_CTX_free)

static bool is_address(const char *name)
{
        unsigned char octets[16];

        return inet_pton(AF_INET, name, octets) == 1 || inet_pton(AF_INET6, name, octets) == 1;
}

static int compare_names(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void lower(char *text)
{
        for (; *text != '\0'; text++)
                if (*text >= 'A' && *text <= 'Z')
                        *text = (char)(*text - 'A' + 'a');
}

/* Cuts `c->text`, names with a comma between, into c->names; addresses are left out. */
static enum err cut_names(struct serving_certificate *c)
{
        size_t room = 1;
        char *at = (char *)c->text.data, *rest = NULL;

        for (size_t i = 0; i < c->text.len; i++)
                room += at[i] == ',';
        c->names = calloc(room, sizeof *c->names);
        if (c->names == NULL)
                return ERR_NOMEM;
        if (at == NULL)
                return ERR_OK;
        lower(at);
        for (char *name = strtok_r(at, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest))
                if (!is_address(name))
                        c->names[c->count++] = name;
        qsort(c->names, c->count, sizeof *c->names, compare_names);
        return ERR_OK;
}

static enum err read_names(const struct certificate_facts *facts, struct serving_certificate *c)
{
        TRY(buf_add(&c->text, facts->sans.data, facts->sans.len));
        TRY(cut_names(c));
        if (c->count > 0 || facts->common_name[0] == '\0' || strchr(facts->common_name, ',') != NULL)
                return ERR_OK;
        free(c->names);
        c->names = NULL;
        buf_done(&c->text);
        c->by_common_name = true;
        TRY(buf_add_text(&c->text, facts->common_name));
        return cut_names(c);
}

enum err serving_certificate_read(X509 *leaf, struct serving_certificate *ret)
{
        CLEANUP(certificate_facts) struct certificate_facts facts = {.sans = BUF_UP_TO(0)};
        struct serving_certificate c = {.text = BUF_UP_TO(CERTIFICATE_SANS_MAX)};
        enum err e;

        TRY(certificate_facts_read(leaf, &facts));
        c.not_before = facts.not_before;
        c.not_after = facts.not_after;
        c.algorithm = facts.algorithm;
        c.key_bits = facts.key_bits;
        e = read_names(&facts, &c);
        if (e != ERR_OK)
                serving_certificate_done(&c);
        else
                *ret = c;
        return e;
}

void serving_certificate_done(struct serving_certificate *c)
{
        free(c->names);
        c->names = NULL;
        c->count = 0;
        buf_done(&c->text);
}

static bool has_name(const struct serving_certificate *c, const char *name)
{
        return c->count > 0 && bsearch(&name, c->names, c->count, sizeof *c->names, compare_names) != NULL;
}

bool serving_certificate_covers(const struct serving_certificate *c, const char *domain)
{
        const char *dot = strchr(domain, '.');
        char wildcard[DOMAIN_SIZE + 1];

        if (has_name(c, domain))
                return true;
        if (dot == NULL || domain[0] == '*')
                return false;
        (void)snprintf(wildcard, sizeof wildcard, "*%s", dot);
        return has_name(c, wildcard);
}

unsigned serving_certificate_warnings(const struct serving_certificate *c, const char *domain, int64_t now)
{
        unsigned warnings = c->chain_complete ? 0 : WARN_CHAIN;

        if (domain != NULL && !serving_certificate_covers(c, domain))
                warnings |= WARN_NAME;
        else if (domain != NULL && c->by_common_name)
                warnings |= WARN_COMMON_NAME;
        if (c->not_after <= now)
                warnings |= WARN_EXPIRED;
        else if (c->not_after - now < (int64_t)EXPIRES_SOON_DAYS * DAY_SECONDS)
                warnings |= WARN_SOON;
        if (c->not_before > now)
                warnings |= WARN_EARLY;
        return warnings;
}

static void name_text(const struct serving_certificate *c, char ret[512])
{
        if (c->count == 0)
                (void)snprintf(ret, 512, "no name of the certificate covers the domain; it has none");
        else if (c->count == 1)
                (void)snprintf(ret, 512, "no name of the certificate covers the domain; it is for %.255s",
                               c->names[0]);
        else
                (void)snprintf(ret, 512,
                               "no name of the certificate covers the domain; it is for %.255s and %zu more",
                               c->names[0], c->count - 1);
}

void serving_warning_text(const struct serving_certificate *c, enum serving_warning warning, int64_t now,
                          char ret[512])
{
        char day[16];
        int64_t days = certificate_days_left(c->not_after, now);

        certificate_date(warning == WARN_EARLY ? c->not_before : c->not_after, day);
        switch (warning) {
        case WARN_NAME:
                name_text(c, ret);
                break;
        case WARN_COMMON_NAME:
                (void)snprintf(ret, 512,
                               "only the common name covers the domain; clients that look at subject "
                               "alternative names alone refuse the certificate");
                break;
        case WARN_CHAIN:
                (void)snprintf(ret, 512,
                               "the chain is incomplete: its last certificate is not self-signed, and its "
                               "issuer is none that this machine trusts");
                break;
        case WARN_EXPIRED:
                (void)snprintf(ret, 512, "the certificate expired on %s", day);
                break;
        case WARN_SOON:
                (void)snprintf(ret, 512, "the certificate expires in %" PRId64 " day%s, on %s", days,
                               days == 1 ? "" : "s", day);
                break;
        default:
                (void)snprintf(ret, 512, "the certificate is not valid before %s", day);
                break;
        }
}

static bool is_signed_by(X509 *certificate, X509 *issuer)
{
        EVP_PKEY *key = X509_get0_pubkey(issuer);

        return key != NULL && X509_verify(certificate, key) == 1;
}

static bool is_trusted_end(X509_STORE *trusted, X509 *last)
{
        CLEANUP(storectxp) X509_STORE_CTX *context = X509_STORE_CTX_new();
        CLEANUP(x509p) X509 *issuer = NULL;

        return context != NULL && X509_STORE_CTX_init(context, trusted, last, NULL) == 1 &&
               X509_STORE_CTX_get1_issuer(&issuer, context, last) == 1 && is_signed_by(last, issuer);
}

bool chain_end_is_complete(X509_STORE *trusted, X509 *last)
{
        bool names_itself = X509_NAME_cmp(X509_get_issuer_name(last), X509_get_subject_name(last)) == 0;
        bool complete = (names_itself && is_signed_by(last, last)) || is_trusted_end(trusted, last);

        ERR_clear_error();
        return complete;
}

static X509 *certificate_of(const PGresult *rows, int row, int column)
{
        const unsigned char *der = (const unsigned char *)PQgetvalue(rows, row, column);

        return d2i_X509(NULL, &der, PQgetlength(rows, row, column));
}

/* Columns: ID, leaf, the last of its chain. A row that cannot be read was not written by us: it is left out.
 */
static enum err add_row(struct serving_certificates *list, X509_STORE *trusted, const PGresult *rows, int row)
{
        CLEANUP(x509p) X509 *leaf = certificate_of(rows, row, 1);
        CLEANUP(x509p) X509 *last = certificate_of(rows, row, 2);
        struct serving_certificate *c = &list->rows[list->count];
        enum err e = leaf != NULL && last != NULL ? serving_certificate_read(leaf, c) : ERR_SYNTAX;

        ERR_clear_error();
        if (e == ERR_NOMEM)
                return e;
        if (e != ERR_OK)
                return ERR_OK;
        c->id = db_binary_int(rows, row, 0);
        c->chain_complete = chain_end_is_complete(trusted, last);
        list->count++;
        return ERR_OK;
}

static const char read_sql[] =
        "SELECT id, leaf_der, coalesce(chain_der[cardinality(chain_der)], leaf_der) FROM server_certificate"
        " WHERE id = ANY(string_to_array($1, ',')::bigint[]) ORDER BY id";

static enum err read_some(struct db *db, X509_STORE *trusted, const struct proven_certificate *wanted,
                          size_t count, struct serving_certificates *list)
{
        CLEANUP(buf) struct buf ids = BUF_UP_TO(IDS_TEXT_MAX);
        CLEANUP(pgresultp) PGresult *rows = NULL;

        for (size_t i = 0; i < count; i++)
                TRY(buf_addf(&ids, "%s%" PRId64, i > 0 ? "," : "", wanted[i].id));
        const struct db_param params[] = {DB_TEXT(buf_text(&ids))};
        TRY(db_query(db, DB_AS_BINARY, &rows, read_sql, 1, params));
        for (int i = 0; i < PQntuples(rows); i++)
                TRY(add_row(list, trusted, rows, i));
        return ERR_OK;
}

enum err serving_certificates_load(struct db *db, const struct sni_proof *proof,
                                   struct serving_certificates *ret)
{
        CLEANUP(serving_certificates) struct serving_certificates list = {0};
        CLEANUP(storep) X509_STORE *trusted = X509_STORE_new();
        size_t step;

        list.rows = calloc(proof->count + 1, sizeof *list.rows);
        if (trusted == NULL || list.rows == NULL)
                return ERR_NOMEM;
        (void)X509_STORE_set_default_paths(trusted); /* a machine without any trusts none */
        ERR_clear_error();
        for (size_t i = 0; i < proof->count; i += step) {
                step = proof->count - i < READ_AT_A_TIME ? proof->count - i : READ_AT_A_TIME;
                TRY(read_some(db, trusted, proof->certificates + i, step, &list));
        }
        *ret = list;
        list = (struct serving_certificates){0};
        return ERR_OK;
}

static int compare_id(const void *id, const void *row)
{
        int64_t a = *(const int64_t *)id, b = ((const struct serving_certificate *)row)->id;

        return (a > b) - (a < b);
}

const struct serving_certificate *serving_certificates_find(const struct serving_certificates *list,
                                                            int64_t id)
{
        return bsearch(&id, list->rows, list->count, sizeof *list->rows, compare_id);
}

void serving_certificates_done(struct serving_certificates *list)
{
        for (size_t i = 0; i < list->count; i++)
                serving_certificate_done(&list->rows[i]);
        free(list->rows);
        *list = (struct serving_certificates){0};
}
