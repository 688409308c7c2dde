/* SPDX-License-Identifier: Apache-2.0 */
#include "authority_rows.h"

#include "common/cleanup.h"
#include "common/crypt.h"
#include "common/text.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>

#define REVISION "(SELECT revision FROM instance WHERE mqtt_instance_id = '" INSTANCE "')"

const char *ca_sn(int64_t id)
{
        static char sn[32];

        (void)snprintf(sn, sizeof sn, "0a%" PRIx64, id);
        return sn;
}

static char *hex(struct bytes b)
{
        char *text = malloc(2 * b.len + 1);

        cr_assert_not_null(text);
        text_hex(b.data, b.len, text);
        return text;
}

void ca_row(struct scratch_database *d, int64_t id, const struct made *ca)
{
        CLEANUP(freep) char *der = hex(made_leaf(ca));

        scratch_sql(
                d,
                "INSERT INTO ca_certificate (id, mqtt_instance_id, sn, name, der, sha256, verification_der, "
                "registration_code, not_before, not_after, revision) SELECT %" PRId64 ", '" INSTANCE
                "', '%s', 'a CA', x.der, sha256(x.der), '', '', now(), now() + interval '1 day', " REVISION
                " FROM (VALUES ('\\x%s'::bytea)) x (der)",
                id, ca_sn(id), der);
}

void ca_row_remove(struct scratch_database *d, int64_t id)
{
        scratch_sql(d, "DELETE FROM device_certificate WHERE ca_id = %" PRId64, id);
        scratch_sql(d,
                    "UPDATE ca_certificate SET removed = true, active = false, revision = " REVISION
                    " WHERE id = %" PRId64,
                    id);
}

void list_row(struct scratch_database *d, int64_t ca_id, struct bytes der, int64_t next_update)
{
        CLEANUP(buf) struct buf sql = BUF_UP_TO(16 * 1024 * 1024);
        CLEANUP(freep) char *text = hex(der);

        cr_assert_eq(
                buf_addf(&sql,
                         "INSERT INTO ca_crl (ca_id, der, this_update, next_update, entries) VALUES (%" PRId64
                         ", '\\x%s', now(), to_timestamp(NULLIF(%" PRId64
                         ", 0)), 0) ON CONFLICT (ca_id) DO UPDATE SET der = EXCLUDED.der, next_update = "
                         "EXCLUDED.next_update",
                         ca_id, text, next_update),
                ERR_OK);
        PGresult *done = PQexec(d->admin, buf_text(&sql));
        cr_assert_eq(PQresultStatus(done), PGRES_COMMAND_OK, "%s", PQerrorMessage(d->admin));
        PQclear(done);
        scratch_sql(d, "UPDATE ca_certificate SET revision = " REVISION " WHERE id = %" PRId64, ca_id);
}

static void entry_add(X509_CRL *list, long serial)
{
        X509_REVOKED *entry = X509_REVOKED_new();
        ASN1_INTEGER *number = ASN1_INTEGER_new();
        ASN1_TIME *when = ASN1_TIME_set(NULL, 1700000000);

        cr_assert(ASN1_INTEGER_set(number, serial) == 1 &&
                  X509_REVOKED_set_serialNumber(entry, number) == 1 &&
                  X509_REVOKED_set_revocationDate(entry, when) == 1);
        cr_assert_eq(X509_CRL_add0_revoked(list, entry), 1);
        ASN1_INTEGER_free(number);
        ASN1_TIME_free(when);
}

struct buf list_made(long first, long last)
{
        X509_CRL *list = X509_CRL_new();
        EVP_PKEY *key = EVP_EC_gen("P-256");
        ASN1_TIME *when = ASN1_TIME_set(NULL, 1700000000);
        struct buf der = BUF_UP_TO(16 * 1024 * 1024);
        unsigned char *bytes = NULL;

        cr_assert(X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
                  X509_CRL_set1_lastUpdate(list, when) == 1);
        for (long serial = first; serial <= last; serial++)
                entry_add(list, serial);
        cr_assert_gt(X509_CRL_sign(list, key, EVP_sha256()), 0);
        int len = i2d_X509_CRL(list, &bytes);
        cr_assert_gt(len, 0);
        cr_assert_eq(buf_add(&der, bytes, (size_t)len), ERR_OK);
        OPENSSL_free(bytes);
        ASN1_TIME_free(when);
        EVP_PKEY_free(key);
        X509_CRL_free(list);
        return der;
}

void serial_digest(long serial, uint8_t ret[32])
{
        ASN1_INTEGER *number = ASN1_INTEGER_new();
        unsigned char *der = NULL;

        cr_assert_eq(ASN1_INTEGER_set(number, serial), 1);
        int len = i2d_ASN1_INTEGER(number, &der);
        cr_assert(len > 2 && len < 2 + 0x80); /* a tag and a length of one octet each */
        crypt_sha256(der + 2, (size_t)len - 2, ret);
        OPENSSL_free(der);
        ASN1_INTEGER_free(number);
}

void device_rows(struct scratch_database *d, int64_t ca_id, int first, int last)
{
        scratch_sql(
                d,
                "INSERT INTO device_certificate (mqtt_instance_id, ca_id, sn, sha256, der, name, not_before, "
                "not_after, ordinal, ca_ordinal, revision) "
                "SELECT '" INSTANCE "', %" PRId64
                ", '0b' || n, sha256(('device ' || n)::bytea), '', '', now(), now(), o.o + n, o.o + n, 0 "
                "FROM generate_series(%d, %d) n, (SELECT coalesce(max(ordinal), 0) - %d + 1 AS o FROM "
                "device_certificate) o",
                ca_id, first, last, first);
}

void device_row(struct scratch_database *d, int64_t ca_id, int n)
{
        device_rows(d, ca_id, n, n);
}

void device_row_set(struct scratch_database *d, int64_t ca_id, int n, bool active)
{
        scratch_sql(d,
                    "UPDATE device_certificate SET active = %s, revision = " REVISION
                    " WHERE ca_id = %" PRId64 " AND sn = '0b%d'",
                    active ? "true" : "false", ca_id, n);
}

void device_row_remove(struct scratch_database *d, int64_t ca_id, int n)
{
        scratch_sql(d,
                    "WITH gone AS (DELETE FROM device_certificate WHERE ca_id = %" PRId64
                    " AND sn = '0b%d' RETURNING mqtt_instance_id, sha256) "
                    "INSERT INTO device_removal (mqtt_instance_id, revision, sha256) "
                    "SELECT mqtt_instance_id, " REVISION ", sha256 FROM gone ON CONFLICT DO NOTHING",
                    ca_id, n);
}

void device_digest(int n, uint8_t ret[32])
{
        char name[32];
        int len = snprintf(name, sizeof name, "device %d", n);

        crypt_sha256(name, (size_t)len, ret);
}
