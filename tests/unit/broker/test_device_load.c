/* SPDX-License-Identifier: Apache-2.0 */
/* What a snapshot knows of CAs and devices, load after load. */
#include "broker/snapshot_load.h"

#include "authority_rows.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct scratch_database base;
static struct db *db;
static struct snapshot_source source;
static struct snapshot *now_loaded; /* what the last load() gave */
static struct made a, b;

static void begin(void)
{
        scratch_open(&base);
        scratch_sql(&base, "INSERT INTO instance (mqtt_instance_id, name) VALUES ('" INSTANCE "', 'test')");
        cr_assert_eq(db_open(base.url, NULL, "test", &db), ERR_OK);
        source = (struct snapshot_source){db, base.master, INSTANCE};
        made_new(&a, EVP_PKEY_EC, "CA a");
        made_new(&b, EVP_PKEY_EC, "CA b");
        ca_row(&base, 1, &a);
        ca_row(&base, 2, &b);
}

static void end(void)
{
        now_loaded = snapshot_unref(now_loaded);
        made_done(&a);
        made_done(&b);
        db_close(db);
        scratch_close(&base);
}

TestSuite(device_load, .init = begin, .fini = end, .timeout = 120);

static void next_revision(void)
{
        scratch_sql(&base, "UPDATE instance SET revision = revision + 1");
}

static struct snapshot *loaded_after(struct snapshot *last)
{
        struct snapshot *next = NULL;
        json_t *rejected = NULL;

        cr_assert_eq(snapshot_load(&source, last, &next, &rejected), ERR_OK, "%s", db_why(db));
        json_decref(rejected);
        return next;
}

static void load(void)
{
        struct snapshot *next = loaded_after(now_loaded);

        snapshot_unref(now_loaded);
        now_loaded = next;
}

/* One change, committed and loaded. */
#define CHANGE(change)                                                                                       \
        do {                                                                                                 \
                next_revision();                                                                             \
                change;                                                                                      \
                load();                                                                                      \
        } while (0)

static bool inactive(int n)
{
        uint8_t digest[32];

        device_digest(n, digest);
        return digest_set_has(now_loaded->inactive, digest);
}

static bool removed(int n)
{
        uint8_t digest[32];

        device_digest(n, digest);
        return digest_set_has(now_loaded->removed, digest);
}

/* ---- stories ---- */

Test(device_load, the_first_snapshot_of_an_empty_instance_has_a_trust_and_nobody_to_keep_out)
{
        ca_row_remove(&base, 1);
        ca_row_remove(&base, 2);
        load();
        cr_assert_not_null(now_loaded->trust);
        cr_assert_eq(trust_count(now_loaded->trust), 0);
        cr_assert_eq(digest_set_count(now_loaded->inactive), 0);
        cr_assert_null(now_loaded->removed);
        cr_assert_not(now_loaded->removed_unknown);
        cr_assert_not(now_loaded->login_required);
}

Test(device_load, an_inactive_device_is_kept_out_until_it_is_active_again)
{
        device_rows(&base, 1, 1, 5);
        device_row_set(&base, 1, 2, false);
        load();
        cr_assert(inactive(2) && !inactive(1));
        cr_assert_eq(digest_set_count(now_loaded->inactive), 1);
        CHANGE(device_row_set(&base, 1, 4, false));
        cr_assert(inactive(2) && inactive(4));
        CHANGE(device_row_set(&base, 1, 2, true));
        cr_assert(!inactive(2) && inactive(4));
        CHANGE(device_row_set(&base, 1, 4, true));
        cr_assert_eq(digest_set_count(now_loaded->inactive), 0);
        cr_assert_null(now_loaded->removed);
}

Test(device_load, a_deleted_device_is_named_once_and_not_kept_out)
{
        device_rows(&base, 1, 1, 3);
        device_row_set(&base, 1, 1, false);
        load();
        CHANGE({
                device_row_remove(&base, 1, 1);
                device_row_remove(&base, 1, 2);
        });
        cr_assert(removed(1) && removed(2) && !removed(3));
        cr_assert(!inactive(1));
        CHANGE((void)0);
        cr_assert_null(now_loaded->removed);
}

Test(device_load, what_was_deleted_in_revisions_that_nobody_looked_at_is_named_too)
{
        device_rows(&base, 1, 1, 3);
        load();
        for (int n = 1; n <= 3; n++) {
                next_revision();
                device_row_remove(&base, 1, n);
        }
        device_row(&base, 1, 2); /* it has come again */
        load();
        cr_assert(removed(1) && removed(2) && removed(3));
        cr_assert_eq(digest_set_count(now_loaded->removed), 3);
        cr_assert_not(now_loaded->removed_unknown);
}

Test(device_load, a_device_that_came_again_after_its_deletion_is_not_kept_out)
{
        device_row(&base, 1, 1);
        device_row_set(&base, 1, 1, false);
        load();
        next_revision();
        device_row_remove(&base, 1, 1);
        device_row(&base, 1, 1);
        load();
        cr_assert(!inactive(1) && removed(1));
}

Test(device_load, a_certificate_registered_under_two_cas_is_kept_out_while_one_says_so)
{
        device_row(&base, 1, 1);
        device_row(&base, 2, 1);
        load();
        CHANGE({
                device_row_set(&base, 1, 1, false);
                device_row_set(&base, 2, 1, false);
        });
        cr_assert(inactive(1));
        CHANGE(device_row_set(&base, 1, 1, true));
        cr_assert(inactive(1));
        CHANGE(device_row_remove(&base, 1, 1));
        cr_assert(inactive(1));
        CHANGE(device_row_set(&base, 2, 1, true));
        cr_assert_not(inactive(1));
}

Test(device_load, inactive_devices_of_a_removed_ca_may_be_registered_anew)
{
        device_rows(&base, 1, 1, 3);
        device_rows(&base, 2, 11, 13);
        for (int n = 1; n <= 3; n++) {
                device_row_set(&base, 1, n, false);
                device_row_set(&base, 2, n + 10, false);
        }
        load();
        CHANGE(ca_row_remove(&base, 1));
        cr_assert(!inactive(1) && !inactive(2) && !inactive(3));
        cr_assert(inactive(11) && inactive(12) && inactive(13));
        cr_assert_null(trust_find(now_loaded->trust, 1));
        cr_assert_not(now_loaded->removed_unknown);
        CHANGE({
                ca_row(&base, 3, &a); /* the same certificate again */
                device_row(&base, 3, 1);
        });
        cr_assert_not(inactive(1));
        cr_assert_not_null(trust_find(now_loaded->trust, 3));
}

Test(device_load, the_same_objects_are_in_the_next_snapshot_when_nothing_of_theirs_changed)
{
        device_rows(&base, 1, 1, 3);
        device_row_set(&base, 1, 1, false);
        load();
        struct snapshot *first = snapshot_ref(now_loaded);
        CHANGE((void)0);
        cr_assert_neq(now_loaded, first);
        cr_assert_eq(now_loaded->trust, first->trust);
        cr_assert_eq(now_loaded->inactive, first->inactive);
        CHANGE(ca_row_remove(&base, 2)); /* without inactive devices */
        cr_assert_neq(now_loaded->trust, first->trust);
        cr_assert_eq(now_loaded->inactive, first->inactive);
        CHANGE(scratch_sql(&base, "UPDATE instance SET marks_from = revision")); /* a full load */
        cr_assert_eq(now_loaded->inactive, first->inactive);
        cr_assert_eq(trust_find(now_loaded->trust, 1), trust_find(first->trust, 1));
        snapshot_unref(first);
}

Test(device_load, of_a_time_without_marks_nobody_knows_what_was_deleted)
{
        device_rows(&base, 1, 1, 3);
        device_row_set(&base, 1, 1, false);
        load();
        cr_assert_not(now_loaded->removed_unknown);
        scratch_sql(&base, "UPDATE instance SET revision = 5000, marks_from = 4000");
        device_row_set(&base, 1, 2, false);
        load();
        cr_assert(now_loaded->removed_unknown);
        cr_assert_null(now_loaded->removed);
        cr_assert(inactive(1) && inactive(2));
        CHANGE((void)0);
        cr_assert_not(now_loaded->removed_unknown);
}

Test(device_load, an_older_database_and_an_instance_made_anew_are_another_history)
{
        device_row(&base, 1, 1);
        device_row_set(&base, 1, 1, false);
        scratch_sql(&base, "UPDATE instance SET revision = 20");
        load();
        scratch_sql(&base, "UPDATE instance SET revision = 10");
        load();
        cr_assert(now_loaded->removed_unknown);
        cr_assert(inactive(1));
        scratch_sql(&base, "DELETE FROM device_certificate");
        scratch_sql(&base, "DELETE FROM instance");
        scratch_sql(&base, "INSERT INTO instance (mqtt_instance_id, name, revision) VALUES ('" INSTANCE
                           "', 'x', 11)");
        ca_row(&base, 1, &b);
        load();
        cr_assert(now_loaded->removed_unknown);
        cr_assert_not(inactive(1));
        cr_assert_eq(trust_count(now_loaded->trust), 1);
        cr_assert_arr_eq(trust_find(now_loaded->trust, 1)->sha256, b.sha256, 32);
}

/* So many domains that all are read again: of devices it is known nevertheless who was deleted. */
Test(device_load, unusable_domains_do_not_make_anybody_forget_who_was_deleted)
{
        device_rows(&base, 1, 1, 2);
        scratch_sql(&base,
                    "INSERT INTO sni_mapping (mqtt_instance_id, domain, certificate_id, revision) "
                    "SELECT '" INSTANCE "', 'd' || n || '.example', 99, 0 FROM generate_series(1, 1500) n");
        load();
        cr_assert_eq(now_loaded->rejected.count, 1500);
        CHANGE(device_row_remove(&base, 1, 1));
        cr_assert(removed(1) && !removed(2));
        cr_assert_not(now_loaded->removed_unknown);
}

Test(device_load, more_unusable_cas_than_are_asked_for_again_are_still_reported)
{
        scratch_sql(
                &base,
                "INSERT INTO ca_certificate (id, mqtt_instance_id, sn, name, der, sha256, verification_der, "
                "registration_code, not_before, not_after, revision) SELECT n, mqtt_instance_id, 'c' || n, "
                "name, "
                "'x', sha256, '', '', not_before, not_after, 0 FROM ca_certificate, generate_series(11, "
                "1510) n "
                "WHERE id = 1");
        device_row(&base, 1, 1);
        device_row_set(&base, 1, 1, false);
        load();
        cr_assert_eq(now_loaded->rejected.count, 1500);
        struct trust *trust = trust_ref(now_loaded->trust);
        CHANGE(device_row_remove(&base, 1, 1));
        cr_assert_eq(now_loaded->rejected.count, 1500);
        cr_assert_eq(now_loaded->trust, trust);
        cr_assert(removed(1) && !inactive(1));
        CHANGE(scratch_sql(&base,
                           "UPDATE ca_certificate SET der = (SELECT der FROM ca_certificate WHERE id = 1)"));
        cr_assert_eq(now_loaded->rejected.count, 0);
        cr_assert_eq(trust_count(now_loaded->trust), 1502);
        trust_unref(trust);
}

Test(device_load, whether_a_login_is_required_is_the_instances)
{
        load();
        CHANGE(scratch_sql(&base, "UPDATE instance SET login_required = true, authentication_mode = 1"));
        cr_assert(now_loaded->login_required);
        cr_assert_eq(now_loaded->mode, AUTH_MUTUAL);
        cr_assert_eq(now_loaded->rejected.count, 0);
        CHANGE(scratch_sql(&base, "UPDATE instance SET login_required = false"));
        cr_assert_not(now_loaded->login_required);
}

Test(device_load, many_inactive_devices_come_in_pieces)
{
        device_rows(&base, 1, 1, 25000);
        scratch_sql(&base, "UPDATE device_certificate SET active = false WHERE ordinal %% 2 = 0");
        load();
        cr_assert_eq(digest_set_count(now_loaded->inactive), 12500);
}

/* ---- full and partial are the same ---- */

enum { DEVICES = 40, STEPS = 200 };

static void ca_compare(void *arg, struct trust_ca *ca)
{
        const struct trust_ca *other = trust_find(arg, ca->id);

        cr_assert_not_null(other);
        cr_assert_arr_eq(ca->sha256, other->sha256, 32);
        cr_assert_eq(ca->active, other->active);
        cr_assert_eq(crl_serials_count(ca->revoked), crl_serials_count(other->revoked));
        cr_assert_eq(ca->crl_next_update, other->crl_next_update);
}

static void compare(const struct snapshot *chain, const struct snapshot *full, int step)
{
        uint8_t digest[32];

        cr_assert_eq(trust_count(chain->trust), trust_count(full->trust), "step %d", step);
        trust_each(chain->trust, ca_compare, full->trust);
        cr_assert_eq(digest_set_count(chain->inactive), digest_set_count(full->inactive), "step %d", step);
        for (int n = 0; n < DEVICES; n++) {
                device_digest(n, digest);
                cr_assert_eq(digest_set_has(chain->inactive, digest), digest_set_has(full->inactive, digest),
                             "step %d: device %d", step, n);
        }
        cr_assert_eq(chain->login_required, full->login_required);
        cr_assert_eq(chain->rejected.count, full->rejected.count, "step %d", step);
}

/* The two CAs that are there, and the ID that comes next. */
static int64_t cas[2] = {1, 2}, next_ca = 3;

static void ca_change(unsigned *seed)
{
        int which = rand_r(seed) % 2;
        CLEANUP(buf) struct buf der = list_made(1, 1 + rand_r(seed) % 9);

        switch (rand_r(seed) % 4) {
        case 0:
                ca_row_remove(&base, cas[which]);
                ca_row(&base, cas[which] = next_ca++, rand_r(seed) % 2 ? &a : &b);
                break;
        case 1:
                list_row(&base, cas[which], (struct bytes){der.data, der.len}, rand_r(seed) % 3 * 1000);
                break;
        default:
                scratch_sql(&base,
                            "UPDATE ca_certificate SET active = NOT active, revision = (SELECT revision FROM "
                            "instance) WHERE id = %" PRId64,
                            cas[which]);
        }
}

static void device_change(unsigned *seed)
{
        int64_t ca = cas[rand_r(seed) % 2];
        int n = rand_r(seed) % DEVICES;

        if (rand_r(seed) % 3 == 0)
                device_row_remove(&base, ca, n);
        else
                scratch_sql(&base,
                            "INSERT INTO device_certificate (mqtt_instance_id, ca_id, sn, sha256, der, name, "
                            "not_before, not_after, ordinal, ca_ordinal, revision) SELECT '" INSTANCE
                            "', %" PRId64 ", '0b%d', sha256('device %d'), '', '', now(), now(), o, o, 0 "
                            "FROM (SELECT coalesce(max(ordinal), 0) + 1 AS o FROM device_certificate) o "
                            "ON CONFLICT (ca_id, sn) DO UPDATE SET active = NOT device_certificate.active, "
                            "revision = (SELECT revision FROM instance)",
                            ca, n, n);
}

/* One committed change of several things, now and then also of what is marked. */
static void change_something(unsigned *seed, int step)
{
        next_revision();
        if (step % 3 == 0)
                ca_change(seed);
        for (int i = rand_r(seed) % 5; i > 0; i--)
                device_change(seed);
        if (step % 41 == 0) {
                scratch_sql(&base, "UPDATE instance SET marks_from = revision - 1");
                scratch_sql(&base,
                            "DELETE FROM device_removal WHERE revision <= (SELECT marks_from FROM instance)");
                scratch_sql(&base, "DELETE FROM ca_certificate WHERE removed AND revision <= "
                                   "(SELECT marks_from FROM instance)");
        }
}

Test(device_load, a_chain_of_partial_loads_is_the_same_as_a_full_load)
{
        unsigned seed = 20240722;
        int kept_out = 0;

        load();
        for (int step = 1; step <= STEPS; step++) {
                change_something(&seed, step);
                if (rand_r(&seed) % 3 == 0)
                        continue; /* the next load covers several revisions */
                load();
                struct snapshot *full = loaded_after(NULL);
                compare(now_loaded, full, step);
                kept_out += digest_set_count(full->inactive) > 0;
                snapshot_unref(full);
        }
        cr_assert_gt(kept_out, STEPS / 4);
}
