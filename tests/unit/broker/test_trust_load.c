/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/trust_load.h"

#include "authority_rows.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { NEXT_UPDATE = 1900000000 };

static struct scratch_database base;
static struct db *db;
static struct trust_source source;
static struct rejected rejected; /* of the last load */
static struct made a, b;
static struct trust *trust; /* of the last load */

static void begin(void)
{
        scratch_open(&base);
        scratch_sql(&base, "INSERT INTO instance (mqtt_instance_id, name) VALUES ('" INSTANCE "', 'test'), "
                           "('mqtt-other', 'test')");
        cr_assert_eq(db_open(base.url, NULL, "test", &db), ERR_OK);
        source = (struct trust_source){db, INSTANCE, NULL, true};
        made_new(&a, EVP_PKEY_EC, "CA a");
        made_new(&b, EVP_PKEY_EC, "CA b");
}

static void end(void)
{
        trust = trust_unref(trust);
        rejected_done(&rejected);
        made_done(&a);
        made_done(&b);
        db_close(db);
        scratch_close(&base);
}

TestSuite(trust_load, .init = begin, .fini = end, .timeout = 120);

/* ---- what happens ---- */

static int64_t revision;

static void next_revision(void)
{
        scratch_sql(&base, "UPDATE instance SET revision = revision + 1");
        revision++;
}

static void set_active(int64_t id, bool active)
{
        scratch_sql(&base,
                    "UPDATE ca_certificate SET active = %s, revision = (SELECT revision FROM instance WHERE "
                    "mqtt_instance_id = '" INSTANCE "') WHERE id = %d",
                    active ? "true" : "false", (int)id);
}

static void spoil(int64_t id) /* the bytes of its certificate */
{
        scratch_sql(&base, "UPDATE ca_certificate SET der = 'no certificate', revision = %d WHERE id = %d",
                    (int)revision, (int)id);
}

static void list(int64_t id, long first, long last)
{
        CLEANUP(buf) struct buf der = list_made(first, last);

        list_row(&base, id, (struct bytes){der.data, der.len}, NEXT_UPDATE);
}

/* The trust before stays with `source` until the next load. */
static void loaded(enum err e, struct trust *next, struct rejected now)
{
        cr_assert_eq(e, ERR_OK, "%s", db_why(db));
        cr_assert_not_null(next);
        rejected_done(&rejected);
        rejected = now;
        trust_unref(trust);
        trust = source.last = next;
}

static void load_all(void)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct trust *next = NULL;
        struct rejected now = {NULL, 0, 0};

        cr_assert_eq(db_begin(db, &tx), ERR_OK);
        enum err e = trust_load_all(&source, &now, &next);
        loaded(e, next, now);
}

/* True: a CA was removed. */
static bool load_since(int64_t since)
{
        CLEANUP(db_tx) struct db_tx tx = {NULL};
        struct trust *next = NULL;
        struct rejected now = {NULL, 0, 0};
        bool removed = false;

        cr_assert_eq(db_begin(db, &tx), ERR_OK);
        enum err e = trust_load_since(&source, since, &rejected, &now, &next, &removed);
        loaded(e, next, now);
        return removed;
}

/* What a change of one revision comes to. */
static bool load_newest(void)
{
        return load_since(revision - 1);
}

static const struct trust_ca *ca(int64_t id)
{
        return trust_find(trust, id);
}

static bool revokes(int64_t id, long serial)
{
        uint8_t digest[32];

        serial_digest(serial, digest);
        return ca(id) != NULL && trust_ca_revokes(ca(id), digest);
}

static void complains(const char *sn, const char *part)
{
        cr_assert_eq(rejected.count, 1);
        cr_assert_eq(rejected.rows[0].kind, REJECTED_CA);
        cr_assert_str_eq(rejected.rows[0].name, sn);
        cr_assert_not_null(strstr(rejected.rows[0].error, part), "%s", rejected.rows[0].error);
}

/* ---- rows that cannot be used ---- */

Test(trust_load, a_ca_that_cannot_be_read_is_reported_and_does_not_harm_the_others)
{
        ca_row(&base, 1, &a);
        ca_row(&base, 2, &b);
        spoil(1);
        load_all();
        cr_assert_eq(trust_count(trust), 1);
        cr_assert_null(ca(1));
        cr_assert_not_null(ca(2));
        complains(ca_sn(1), "cannot read the CA");
}

Test(trust_load, a_ca_that_was_exchanged_for_another_is_reported)
{
        ca_row(&base, 1, &a);
        ca_row(&base, 2, &b);
        scratch_sql(
                &base,
                "UPDATE ca_certificate SET der = (SELECT der FROM ca_certificate WHERE id = 2) WHERE id = 1");
        load_all();
        cr_assert_null(ca(1));
        complains(ca_sn(1), "digest");
}

Test(trust_load, a_ca_that_can_no_longer_be_read_keeps_its_certificate_and_obeys_its_state)
{
        ca_row(&base, 1, &a);
        load_all();
        next_revision();
        spoil(1);
        scratch_sql(&base, "UPDATE ca_certificate SET sha256 = sha256(der)");
        load_newest();
        cr_assert_arr_eq(ca(1)->sha256, a.sha256, 32);
        cr_assert(ca(1)->active);
        complains(ca_sn(1), "cannot read the CA");
        next_revision();
        set_active(1, false);
        load_newest();
        cr_assert_not(ca(1)->active);
        complains(ca_sn(1), "cannot read the CA");
        load_all();
        cr_assert_not(ca(1)->active);
        cr_assert_arr_eq(ca(1)->sha256, a.sha256, 32);
        complains(ca_sn(1), "cannot read the CA");
}

Test(trust_load, nothing_is_kept_from_an_instance_that_was_another)
{
        ca_row(&base, 1, &a);
        load_all();
        spoil(1);
        scratch_sql(&base, "UPDATE ca_certificate SET sha256 = sha256(der)");
        source.same_instance = false;
        load_all();
        cr_assert_eq(trust_count(trust), 0);
        complains(ca_sn(1), "cannot read the CA");
}

Test(trust_load, a_ca_is_tried_again_until_it_can_be_read)
{
        ca_row(&base, 1, &a);
        ca_row(&base, 2, &a);
        spoil(1);
        load_all();
        next_revision();
        load_newest(); /* of a change of something else */
        complains(ca_sn(1), "cannot read the CA");
        next_revision();
        scratch_sql(
                &base,
                "UPDATE ca_certificate SET der = (SELECT der FROM ca_certificate WHERE id = 2) WHERE id = 1");
        load_newest();
        cr_assert_eq(rejected.count, 0);
        cr_assert_arr_eq(ca(1)->sha256, a.sha256, 32);
}

Test(trust_load, a_ca_that_could_not_be_read_and_is_removed_is_forgotten)
{
        ca_row(&base, 1, &a);
        spoil(1);
        load_all();
        next_revision();
        ca_row_remove(&base, 1);
        cr_assert(load_newest());
        cr_assert_eq(rejected.count, 0);
        cr_assert_eq(trust_count(trust), 0);
}

Test(trust_load, a_list_that_cannot_be_read_leaves_what_was_revoked_revoked)
{
        const struct bytes nonsense = {(const uint8_t *)"no list", 7};

        ca_row(&base, 1, &a);
        list(1, 100, 110);
        load_all();
        next_revision();
        list_row(&base, 1, nonsense, 0);
        load_newest();
        cr_assert(revokes(1, 105));
        cr_assert_eq(ca(1)->crl_next_update, NEXT_UPDATE);
        complains(ca_sn(1), "revocation list");
        next_revision();
        set_active(1, false); /* the rest of the row is obeyed */
        load_newest();
        cr_assert_not(ca(1)->active);
        cr_assert(revokes(1, 105));
        complains(ca_sn(1), "revocation list");
        load_all();
        cr_assert(revokes(1, 105));
        next_revision();
        list(1, 200, 210);
        load_newest();
        cr_assert(!revokes(1, 105) && revokes(1, 205));
        cr_assert_eq(rejected.count, 0);
}

Test(trust_load, a_list_that_cannot_be_read_and_never_could_revokes_nothing)
{
        const struct bytes nonsense = {(const uint8_t *)"no list", 7};

        ca_row(&base, 1, &a);
        list_row(&base, 1, nonsense, 0);
        load_all();
        cr_assert_null(ca(1)->revoked);
        complains(ca_sn(1), "revocation list");
}

Test(trust_load, a_list_of_more_bytes_than_any_list_has_is_not_even_read)
{
        ca_row(&base, 1, &a);
        list(1, 1, 2);
        scratch_sql(&base, "UPDATE ca_crl SET der = decode(repeat('00', 64 * 1024 * 1024 + 1), 'hex')");
        load_all();
        cr_assert_null(ca(1)->revoked);
        complains(ca_sn(1), "more entries");
}

/* ---- what is loaded ---- */

Test(trust_load, active_and_inactive_cas_of_the_instance_are_there_and_removed_ones_are_not)
{
        for (int64_t id = 1; id <= 4; id++)
                ca_row(&base, id, id == 2 ? &b : &a);
        set_active(2, false);
        ca_row_remove(&base, 3);
        scratch_sql(&base, "UPDATE ca_certificate SET mqtt_instance_id = 'mqtt-other' WHERE id = 4");
        load_all();
        cr_assert_eq(trust_count(trust), 2);
        cr_assert(ca(1)->active && !ca(2)->active);
        cr_assert_str_eq(ca(1)->sn, ca_sn(1));
        cr_assert(trust_has_certificate(trust, a.sha256) && trust_has_certificate(trust, b.sha256));
        cr_assert_eq(rejected.count, 0);
}

Test(trust_load, an_instance_without_cas_has_an_empty_trust)
{
        load_all();
        cr_assert_eq(trust_count(trust), 0);
        cr_assert_null(ca(1));
}

Test(trust_load, small_and_large_lists_are_read)
{
        ca_row(&base, 1, &a);
        ca_row(&base, 2, &b);
        ca_row(&base, 3, &b);
        list(1, 100, 110);
        list(2, 1000, 6000); /* more than comes with the row */
        load_all();
        cr_assert_eq(crl_serials_count(ca(1)->revoked), 11);
        cr_assert_eq(crl_serials_count(ca(2)->revoked), 5001);
        cr_assert(revokes(1, 100) && !revokes(1, 99) && revokes(2, 6000) && !revokes(2, 6001));
        cr_assert_eq(ca(2)->crl_next_update, NEXT_UPDATE);
        cr_assert_null(ca(3)->revoked);
        next_revision();
        scratch_sql(&base, "DELETE FROM ca_crl WHERE ca_id = 1");
        set_active(1, true);
        load_newest();
        cr_assert_null(ca(1)->revoked);
        cr_assert_eq(ca(1)->crl_next_update, 0);
        cr_assert(revokes(2, 6000));
}

Test(trust_load, a_change_of_one_ca_shares_the_others_and_what_is_parsed)
{
        ca_row(&base, 1, &a);
        ca_row(&base, 2, &b);
        load_all();
        struct trust_ca *other = trust_ca_ref(trust_find(trust, 1)),
                        *had = trust_ca_ref(trust_find(trust, 2));
        next_revision();
        set_active(2, false);
        cr_assert_not(load_newest());
        cr_assert_eq(ca(1), other);
        cr_assert_neq(ca(2), had);
        cr_assert_eq(ca(2)->certificate, had->certificate);
        cr_assert(had->active && !ca(2)->active);
        trust_ca_unref(other);
        trust_ca_unref(had);
}

Test(trust_load, is_the_same_object_when_nothing_has_changed)
{
        ca_row(&base, 1, &a);
        ca_row(&base, 2, &b);
        load_all();
        struct trust *first = trust_ref(trust);
        load_newest();
        cr_assert_eq(trust, first);
        next_revision();
        set_active(1, true); /* it was */
        load_newest();
        cr_assert_eq(trust, first);
        load_all();
        cr_assert_eq(trust, first);
        next_revision();
        ca_row_remove(&base, 2);
        load_all();
        cr_assert_neq(trust, first);
        cr_assert_eq(trust_count(trust), 1);
        trust_unref(first);
}

Test(trust_load, a_removed_ca_is_gone_and_one_registered_since_is_there)
{
        ca_row(&base, 1, &a);
        load_all();
        next_revision();
        ca_row(&base, 2, &b);
        cr_assert_not(load_newest());
        cr_assert_eq(trust_count(trust), 2);
        next_revision();
        ca_row_remove(&base, 1);
        cr_assert(load_newest());
        cr_assert_null(ca(1));
        cr_assert_not_null(ca(2));
        next_revision();
        ca_row(&base, 3, &a); /* the removed one's certificate again */
        next_revision();
        ca_row_remove(&base, 3);
        cr_assert(load_since(revision - 2)); /* came and went between two looks */
        cr_assert_eq(trust_count(trust), 1);
}

Test(trust_load, two_thousand_cas_come_in_pieces)
{
        ca_row(&base, 1, &a);
        scratch_sql(
                &base,
                "INSERT INTO ca_certificate (id, mqtt_instance_id, sn, name, der, sha256, verification_der, "
                "registration_code, not_before, not_after, revision) SELECT n, mqtt_instance_id, 'c' || n, "
                "name, "
                "der, sha256, '', '', not_before, not_after, revision FROM ca_certificate, "
                "generate_series(2, 2000) n");
        load_all();
        cr_assert_eq(trust_count(trust), 2000);
        cr_assert_str_eq(ca(2000)->sn, "c2000");
        cr_assert_arr_eq(ca(777)->sha256, a.sha256, 32);
}
