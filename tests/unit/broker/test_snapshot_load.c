/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/snapshot_load.h"

#include "certificate_maker.h"
#include "common/model.h"
#include "scratch_database.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define INSTANCE "mqtt-test"

static struct scratch_database base;
static struct db *db;
static struct snapshot_source source;
static json_t *rejected; /* of the last load */

static void begin(void)
{
        scratch_open(&base);
        scratch_sql(&base, "INSERT INTO instance (mqtt_instance_id, name) VALUES ('" INSTANCE "', 'test')");
        cr_assert_eq(db_open(base.url, NULL, "test", &db), ERR_OK);
        source = (struct snapshot_source){db, base.master, INSTANCE};
}

static void end(void)
{
        json_decref(rejected);
        db_close(db);
        scratch_close(&base);
}

TestSuite(snapshot_load, .init = begin, .fini = end, .timeout = 120);

/* ---- the API's part: rows ---- */

static struct bytes text_bytes(const char *text)
{
        return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static void certificate(int64_t id)
{
        char leaf[32];
        const struct bytes key = text_bytes("a key");

        (void)snprintf(leaf, sizeof leaf, "leaf %" PRId64, id);
        scratch_certificate(&base, id, text_bytes(leaf), NULL, 0, &key, base.master);
}

/* What a transaction of the API does: the revision first as the row lock, then the rows with it. */
static void set(const char *domain, int64_t certificate_id)
{
        scratch_sql(&base,
                    "WITH r AS (SELECT revision FROM instance WHERE mqtt_instance_id = '" INSTANCE "') "
                    "INSERT INTO sni_mapping (mqtt_instance_id, domain, certificate_id, revision) "
                    "SELECT '" INSTANCE "', '%s', NULLIF(%" PRId64 ", 0), revision FROM r ON CONFLICT "
                    "(mqtt_instance_id, domain) DO UPDATE SET certificate_id = EXCLUDED.certificate_id, "
                    "revision = EXCLUDED.revision",
                    domain, certificate_id);
}

static void next_revision(void)
{
        scratch_sql(&base, "UPDATE instance SET revision = revision + 1");
}

static void set_default(int64_t id)
{
        scratch_sql(&base, "UPDATE instance SET default_certificate_id = NULLIF(%" PRId64 ", 0)", id);
}

/* ---- the broker's part ---- */

/* The snapshot after `last`, which is let go. */
static struct snapshot *load(struct snapshot *last)
{
        struct snapshot *next = NULL;

        json_decref(rejected);
        rejected = NULL;
        cr_assert_eq(snapshot_load(&source, last, &next, &rejected), ERR_OK, "%s", db_why(db));
        cr_assert(json_is_array(rejected));
        snapshot_unref(last);
        return next;
}

static int64_t serves(const struct snapshot *s, const char *name)
{
        bool named;
        struct credential *c = snapshot_credential(s, (const unsigned char *)name, strlen(name), &named);

        return c == NULL ? 0 : credential_id(c);
}

static const char *complaint(size_t n, const char *key)
{
        return json_string_value(json_object_get(json_array_get(rejected, n), key));
}

/* ---- stories ---- */

Test(snapshot_load, an_instance_that_does_not_exist_is_not_found)
{
        struct snapshot *s = NULL;
        json_t *none = NULL;

        source.instance = "mqtt-other";
        cr_assert_eq(snapshot_load(&source, NULL, &s, &none), ERR_NOT_FOUND);
        cr_assert_null(s);
        cr_assert_null(none);
        source.instance = INSTANCE;
        s = load(NULL); /* the connection is not left in a transaction */
        snapshot_unref(s);
}

Test(snapshot_load, an_empty_instance_gives_an_empty_snapshot)
{
        struct snapshot *s = load(NULL);

        cr_assert_eq(s->revision, 0);
        cr_assert_eq(s->mode, AUTH_ONE_WAY);
        cr_assert_null(s->default_credential);
        cr_assert_eq(tls_table_count(s->tls), 0);
        cr_assert_eq(serves(s, "a.example.com"), 0);
        cr_assert_eq(json_array_size(rejected), 0);
        snapshot_unref(s);
}

Test(snapshot_load, serves_what_is_mapped_and_the_default_for_the_rest)
{
        certificate(1);
        certificate(2);
        certificate(3);
        next_revision();
        set("a.example.com", 1);
        set("*.example.com", 2);
        set_default(3);
        struct snapshot *s = load(NULL);
        cr_assert_eq(s->revision, 1);
        cr_assert_eq(serves(s, "A.example.com."), 1);
        cr_assert_eq(serves(s, "b.example.com"), 2);
        cr_assert_eq(serves(s, "example.com"), 3);
        cr_assert_eq(credential_set_count(s->credentials), 3);
        snapshot_unref(s);
}

Test(snapshot_load, the_same_revision_is_the_same_snapshot)
{
        next_revision();
        struct snapshot *first = load(NULL), *again = load(snapshot_ref(first));

        cr_assert_eq(first, again);
        snapshot_unref(first);
        snapshot_unref(again);
}

Test(snapshot_load, opens_a_real_key_with_its_chain)
{
        struct made leaf, ca;
        struct credential_parsed p;

        made_new(&leaf, EVP_PKEY_EC, "a.example.com");
        made_new(&ca, EVP_PKEY_RSA, "ca");
        const struct bytes chain[] = {made_leaf(&ca), made_leaf(&leaf)}, key = made_key(&leaf);
        scratch_certificate(&base, 1, made_leaf(&leaf), chain, 2, &key, base.master);
        next_revision();
        set("a.example.com", 1);
        struct snapshot *s = load(NULL);
        struct credential *c = tls_table_exact(s->tls, "a.example.com", 13);
        cr_assert_eq(credential_parse(c, &p), ERR_OK);
        cr_assert_eq(sk_X509_num(p.chain), 2);
        cr_assert_eq(X509_cmp(sk_X509_value(p.chain, 1), p.leaf), 0);
        cr_assert_arr_eq(credential_sha256(c), leaf.sha256, 32);
        credential_parsed_done(&p);
        snapshot_unref(s);
        made_done(&leaf);
        made_done(&ca);
}

Test(snapshot_load, one_certificate_is_stored_once_also_over_many_loads)
{
        struct snapshot *s;

        certificate(1);
        certificate(2);
        next_revision();
        set("a.example", 1);
        set("b.example", 1);
        s = load(NULL);
        struct credential *first = tls_table_exact(s->tls, "a.example", 9);
        cr_assert_eq(tls_table_exact(s->tls, "b.example", 9), first);
        next_revision();
        set("c.example", 1);
        set_default(1);
        s = load(s);
        cr_assert_eq(tls_table_exact(s->tls, "c.example", 9), first);
        cr_assert_eq(s->default_credential, first);
        scratch_sql(&base, "UPDATE instance SET marks_from = 100, revision = 100"); /* a full load */
        s = load(s);
        cr_assert_eq(tls_table_exact(s->tls, "a.example", 9), first);
        cr_assert_eq(credential_set_count(s->credentials), 1);
        snapshot_unref(s);
}

Test(snapshot_load, a_certificate_without_users_is_let_go)
{
        struct snapshot *s;

        certificate(1);
        certificate(2);
        next_revision();
        set("a.example", 1);
        set_default(1);
        s = load(NULL);
        struct credential *first = credential_ref_cached(tls_table_exact(s->tls, "a.example", 9));
        next_revision();
        set("a.example", 2);
        s = load(s);
        cr_assert_not(credential_only_cached(first), "it is still the default");
        next_revision();
        set_default(0);
        s = load(s);
        cr_assert(credential_only_cached(first));
        cr_assert_null(credential_set_find(s->credentials, 1, credential_sha256(first)));
        credential_unref_cached(first);
        snapshot_unref(s);
}

static void add_bad_certificate(int64_t id, bool sealed)
{
        struct master_key *other = scratch_other_master();
        const struct bytes key = text_bytes("a key");
        char leaf[32];

        (void)snprintf(leaf, sizeof leaf, "bad leaf %" PRId64, id);
        scratch_certificate(&base, id, text_bytes(leaf), NULL, 0, sealed ? &key : NULL, other);
        master_key_close(other);
}

Test(snapshot_load, a_key_that_does_not_decrypt_keeps_the_old_entry_and_is_reported)
{
        struct snapshot *s;

        certificate(1);
        add_bad_certificate(2, true);
        next_revision();
        set("a.example", 1);
        s = load(NULL);
        next_revision();
        set("a.example", 2);
        set("new.example", 2);
        set("z.example", 1);
        s = load(s);
        cr_assert_eq(s->revision, 2);
        cr_assert_eq(serves(s, "a.example"), 1, "the old entry");
        cr_assert_eq(serves(s, "z.example"), 1, "the good row of the same revision");
        cr_assert_eq(serves(s, "new.example"), 0, "never had one");
        cr_assert_eq(json_array_size(rejected), 2);
        cr_assert_str_eq(complaint(0, "domain"), "a.example");
        cr_assert_str_eq(complaint(0, "certificate"), "2");
        cr_assert_str_eq(complaint(0, "error"), err_text(ERR_CRYPT));

        next_revision(); /* something else changes: it is still bad, and still reported */
        set("y.example", 1);
        s = load(s);
        cr_assert_eq(serves(s, "a.example"), 1);
        cr_assert_eq(json_array_size(rejected), 2);

        scratch_sql(&base, "UPDATE instance SET marks_from = 50, revision = 50"); /* also by a full load */
        s = load(s);
        cr_assert_eq(serves(s, "a.example"), 1);
        cr_assert_eq(json_array_size(rejected), 2);

        next_revision();
        set("a.example", 1);
        set("new.example", 0);
        s = load(s);
        cr_assert_eq(json_array_size(rejected), 0);
        cr_assert_eq(serves(s, "new.example"), 0);
        snapshot_unref(s);
}

Test(snapshot_load, a_bad_row_is_tried_again_when_its_certificate_is_put_right)
{
        struct snapshot *s;

        add_bad_certificate(2, false);
        next_revision();
        set("a\"b\\c.example", 2); /* the name is quoted in the statement that asks again */
        set("b.example", 2);
        set_default(2);
        s = load(NULL);
        cr_assert_eq(json_array_size(rejected), 3);
        cr_assert_not_null(strstr(complaint(0, "error"), "no serving key"));
        cr_assert_null(s->default_credential);
        scratch_sql(&base, "DELETE FROM sni_mapping");
        scratch_sql(&base, "UPDATE instance SET default_certificate_id = NULL");
        scratch_sql(&base, "DELETE FROM server_certificate");
        certificate(2);
        scratch_sql(&base,
                    "INSERT INTO sni_mapping (mqtt_instance_id, domain, certificate_id, revision) VALUES "
                    "('" INSTANCE "', 'a\"b\\c.example', 2, 1), ('" INSTANCE "', 'b.example', 2, 1)");
        next_revision();
        s = load(s);
        cr_assert_eq(json_array_size(rejected), 0);
        cr_assert_eq(serves(s, "b.example"), 2);
        cr_assert_not_null(tls_table_exact(s->tls, "a\"b\\c.example", 13));
        snapshot_unref(s);
}

Test(snapshot_load, a_default_that_cannot_be_used_keeps_the_old_one)
{
        struct snapshot *s;

        certificate(1);
        add_bad_certificate(2, true);
        next_revision();
        set_default(1);
        s = load(NULL);
        next_revision();
        set_default(2);
        s = load(s);
        cr_assert_eq(serves(s, "x.example"), 1);
        cr_assert_str_eq(complaint(0, "certificate"), "2");
        snapshot_unref(s);
}

Test(snapshot_load, a_leaf_that_was_exchanged_is_rejected)
{
        certificate(1);
        certificate(2);
        scratch_sql(&base, "UPDATE server_certificate SET leaf_der = 'another' WHERE id = 1");
        scratch_sql(&base, "UPDATE server_certificate SET serving_key_sealed = "
                           "(SELECT serving_key_sealed FROM server_certificate WHERE id = 1) WHERE id = 2");
        next_revision();
        set("a.example", 1);
        set("b.example", 2);
        struct snapshot *s = load(NULL);
        cr_assert_eq(json_array_size(rejected), 2);
        cr_assert_eq(tls_table_count(s->tls), 0);
        snapshot_unref(s);
}

Test(snapshot_load, reports_a_hundred_rows_at_most_and_forgets_none)
{
        certificate(1);
        add_bad_certificate(2, true);
        next_revision();
        scratch_sql(&base,
                    "INSERT INTO sni_mapping (mqtt_instance_id, domain, certificate_id, revision) "
                    "SELECT '" INSTANCE "', 'd' || n || '.example', 2, 1 FROM generate_series(1, 1500) n");
        struct snapshot *s = load(NULL);
        cr_assert_eq(json_array_size(rejected), 100);
        cr_assert_eq(s->rejected.count, 1500);
        next_revision();
        set("d700.example", 1);
        s = load(s); /* more than are asked for again one by one */
        cr_assert_eq(s->rejected.count, 1499);
        cr_assert_eq(serves(s, "d700.example"), 1);
        next_revision();
        scratch_sql(&base, "UPDATE sni_mapping SET certificate_id = 1, revision = 3 WHERE domain < 'd99'");
        s = load(s);
        next_revision();
        s = load(s);
        cr_assert_eq(s->rejected.count, (size_t)json_array_size(rejected));
        cr_assert_gt(s->rejected.count, 0);
        snapshot_unref(s);
}

Test(snapshot_load, a_restored_older_database_is_loaded_in_full)
{
        struct snapshot *s;

        certificate(1);
        scratch_sql(&base, "UPDATE instance SET revision = 20");
        set("a.example", 1);
        s = load(NULL);
        scratch_sql(&base, "UPDATE instance SET revision = 10");
        scratch_sql(&base, "DELETE FROM sni_mapping");
        set("b.example", 1);
        s = load(s);
        cr_assert_eq(s->revision, 10);
        cr_assert_eq(serves(s, "a.example"), 0);
        cr_assert_eq(serves(s, "b.example"), 1);
        snapshot_unref(s);
}

/* Deleted and made anew while the broker was asleep: revisions count from 0 again, to the same or beyond. */
Test(snapshot_load, an_instance_that_was_made_anew_is_loaded_in_full)
{
        for (int revision = 1; revision <= 2; revision++) {
                struct snapshot *s;

                scratch_sql(&base, "DELETE FROM instance");
                scratch_sql(&base, "DELETE FROM server_certificate");
                scratch_sql(&base, "INSERT INTO instance (mqtt_instance_id, name, revision) "
                                   "VALUES ('" INSTANCE "', 'x', 1)");
                certificate(1);
                set("a.example", 1);
                s = load(NULL);
                scratch_sql(&base, "DELETE FROM instance");
                scratch_sql(&base,
                            "INSERT INTO instance (mqtt_instance_id, name, revision) "
                            "VALUES ('" INSTANCE "', 'x', %d)",
                            revision);
                set("b.example", 1);
                s = load(s);
                cr_assert_eq(serves(s, "a.example"), 0, "revision %d", revision);
                cr_assert_eq(serves(s, "b.example"), 1, "revision %d", revision);
                snapshot_unref(s);
        }
}

Test(snapshot_load, mode_is_the_instances)
{
        scratch_sql(&base, "UPDATE instance SET authentication_mode = 1");
        struct snapshot *s = load(NULL);
        cr_assert_eq(s->mode, AUTH_MUTUAL);
        cr_assert_eq(json_array_size(rejected), 0);
        snapshot_unref(s);
}

Test(snapshot_load, a_lost_connection_changes_nothing)
{
        struct snapshot *s = load(NULL), *next = NULL;
        json_t *none = NULL;

        next_revision();
        scratch_sql(&base,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'signet_broker' "
                    "AND datname = current_database()");
        cr_assert_eq(snapshot_load(&source, s, &next, &none), ERR_DB);
        cr_assert_null(next);
        cr_assert_null(none);
        cr_assert_eq(db_ready(db), ERR_OK);
        s = load(s);
        cr_assert_eq(s->revision, 1);
        snapshot_unref(s);
}

/* ---- full and partial are the same ---- */

enum { DOMAINS = 60, CERTIFICATES = 8, STEPS = 150 };

static char domains[DOMAINS][32];

static void compare(const struct snapshot *chain, const struct snapshot *full, int step)
{
        static const char *const others[] = {"x.w3.example", "x.w6.example", "a.b.w3.example",
                                             "nobody.example", ""};

        for (int i = 0; i < DOMAINS; i++) {
                size_t len = strlen(domains[i]);
                struct credential *a = tls_table_exact(chain->tls, domains[i], len);
                struct credential *b = tls_table_exact(full->tls, domains[i], len);

                cr_assert_eq(a == NULL, b == NULL, "step %d: %s", step, domains[i]);
                if (a != NULL)
                        cr_assert_eq(credential_id(a), credential_id(b), "step %d: %s", step, domains[i]);
                cr_assert_eq(serves(chain, domains[i]), serves(full, domains[i]));
        }
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
                cr_assert_eq(serves(chain, others[i]), serves(full, others[i]), "step %d: %s", step,
                             others[i]);
        cr_assert_eq(tls_table_count(chain->tls), tls_table_count(full->tls));
        cr_assert_eq(credential_set_count(chain->credentials), credential_set_count(full->credentials),
                     "step %d", step);
        cr_assert_eq(chain->revision, full->revision);
}

/* One committed change: some domains set, some removed, now and then the default and the marks. */
static void change_something(unsigned *seed, int step)
{
        int count = rand_r(seed) % 6;

        next_revision();
        for (int i = 0; i < count; i++) {
                bool remove = rand_r(seed) % 3 == 0;

                set(domains[rand_r(seed) % DOMAINS], remove ? 0 : 1 + rand_r(seed) % CERTIFICATES);
        }
        if (step % 7 == 0)
                set_default(rand_r(seed) % (CERTIFICATES + 1));
        if (step % 31 == 0) {
                scratch_sql(&base, "UPDATE instance SET marks_from = revision - 1");
                scratch_sql(&base, "DELETE FROM sni_mapping WHERE certificate_id IS NULL AND revision <= "
                                   "(SELECT marks_from FROM instance)");
        }
}

Test(snapshot_load, a_chain_of_partial_loads_is_the_same_as_a_full_load)
{
        unsigned seed = 20240722;
        struct snapshot *chain = load(NULL);

        for (int i = 0; i < DOMAINS; i++)
                (void)snprintf(domains[i], sizeof domains[i], i % 3 == 0 ? "*.w%d.example" : "d%d.example",
                               i);
        for (int i = 1; i <= CERTIFICATES; i++)
                certificate(i);
        for (int step = 1; step <= STEPS; step++) {
                change_something(&seed, step);
                if (rand_r(&seed) % 3 == 0)
                        continue; /* the next load covers several revisions */
                chain = load(chain);
                struct snapshot *full = load(NULL);
                compare(chain, full, step);
                snapshot_unref(full);
        }
        cr_assert_gt(tls_table_count(chain->tls), 10);
        snapshot_unref(chain);
}

Test(snapshot_load, reads_many_rows_in_pieces)
{
        certificate(1);
        certificate(2);
        next_revision();
        scratch_sql(&base, "INSERT INTO sni_mapping (mqtt_instance_id, domain, certificate_id, revision) "
                           "SELECT '" INSTANCE
                           "', 'd' || n || '.example', 1 + n %% 2, 1 FROM generate_series(1, 20000) n");
        struct snapshot *s = load(NULL);
        cr_assert_eq(tls_table_count(s->tls), 20000);
        cr_assert_eq(serves(s, "d12345.example"), 2);
        cr_assert_eq(serves(s, "d20000.example"), 1);
        cr_assert_eq(serves(s, "d20001.example"), 0);
        cr_assert_eq(credential_set_count(s->credentials), 2);
        snapshot_unref(s);
}

Test(snapshot_load, more_domains_than_a_broker_holds_is_an_error_and_the_old_snapshot_stays)
{
        struct snapshot *s = load(NULL), *next = NULL;
        json_t *none = NULL;

        certificate(1);
        next_revision();
        scratch_sql(&base,
                    "INSERT INTO sni_mapping (mqtt_instance_id, domain, certificate_id, revision) "
                    "SELECT '" INSTANCE "', 'd' || n || '.example', 1, 1 FROM generate_series(1, %d) n",
                    SNI_ENTRIES_MAX + 1);
        cr_assert_eq(snapshot_load(&source, s, &next, &none), ERR_LIMIT);
        cr_assert_null(next);
        /* With one less, marks of removed domains do not count: a partial load that is too large becomes a
         * full one. */
        scratch_sql(&base, "UPDATE sni_mapping SET certificate_id = NULL WHERE domain < 'd2'");
        s = load(s);
        cr_assert_lt(tls_table_count(s->tls), SNI_ENTRIES_MAX);
        cr_assert_eq(serves(s, "d2.example"), 1);
        cr_assert_eq(serves(s, "d1.example"), 0);
        snapshot_unref(s);
}
