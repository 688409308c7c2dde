/* SPDX-License-Identifier: Apache-2.0 */
/* How the registry keeps the table of known devices in step with the database, and writes when they were
 * seen. */
#include "registry_stage.h"

#include "broker/registry_seen.h"
#include "common/clock.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

enum { PAGES = 25000, FEW = 20, CROWD = 3000 };

TestSuite(registry_known, .init = registry_stage_begin, .fini = registry_stage_end, .timeout = 120);

static int64_t ca_of(int n)
{
        struct device_entry found = {.ca_id = 0};
        uint8_t digest[32];

        device_digest(n, digest);
        return device_table_find(stage.known, digest, &found) ? found.ca_id : 0;
}

static void forget(int n)
{
        uint8_t digest[1][32];

        device_digest(n, digest[0]);
        device_table_remove(stage.known, (const uint8_t(*)[32])digest, 1);
}

/* In the table, and not only since it was put there by hand. */
static bool knows_all(int first, int last)
{
        for (int n = first; n <= last; n++)
                if (!knows(n))
                        return false;
        return true;
}

/* ---- reading ---- */

Test(registry_known, knows_what_was_registered_before_it_began)
{
        registered_elsewhere(CA_A, 1, PAGES);
        registered_elsewhere(CA_B, PAGES + 1, PAGES + FEW);
        starts_ready();
        cr_assert_eq(device_table_count(stage.known), PAGES + FEW);
        cr_assert(knows_all(1, PAGES + FEW));
        cr_assert_eq(ca_of(1), CA_A);
        cr_assert_eq(ca_of(PAGES + FEW), CA_B);
        cr_assert_not(knows(PAGES + FEW + 1));
}

Test(registry_known, is_never_complete_without_a_database)
{
        keep_registry_out();
        starts();
        cr_assert_eq(answer_to(asks(CA_A, 1)), REFUSAL_REGISTRY_AWAY);
        cr_assert_not(counts().complete);
        cr_assert_not(counts().database_ok);
        let_registry_in();
        registered_elsewhere(CA_A, 1, FEW);
        cr_assert(comes(counts().complete && knows_all(1, FEW)));
}

Test(registry_known, hears_of_what_other_brokers_register)
{
        starts_ready();
        registered_elsewhere(CA_A, 1, FEW);
        cr_assert(comes(knows_all(1, FEW)));
        registered_elsewhere(CA_B, FEW + 1, 2 * FEW);
        cr_assert(comes(knows_all(FEW + 1, 2 * FEW)));
}

Test(registry_known, knows_nothing_of_another_instance)
{
        scratch_sql(
                &stage.base,
                "INSERT INTO instance (mqtt_instance_id, name) VALUES ('other', 'other'); "
                "UPDATE ca_certificate SET mqtt_instance_id = 'other' WHERE id = %d; "
                "SELECT device_register('other', %d, '{01}', ARRAY[sha256('device 1')], ARRAY[''::bytea], "
                "'{x}', ARRAY[now()], ARRAY[now()])",
                CA_B, CA_B);
        registered_elsewhere(CA_A, 2, 2);
        starts_ready();
        cr_assert(knows(2));
        cr_assert_not(knows(1));
}

/* The newest device is what tells one history from another; its deletion is none. */
Test(registry_known, goes_on_after_the_newest_devices_were_deleted)
{
        registered_elsewhere(CA_A, 1, FEW);
        registered_elsewhere(CA_B, FEW + 1, 2 * FEW);
        starts_ready();
        uint64_t removals = device_table_removals(stage.known);
        deleted(2 * FEW);
        registered_elsewhere(CA_A, 3 * FEW, 3 * FEW);
        cr_assert(comes(knows(3 * FEW)));
        deleted(3 * FEW);
        ca_row_remove(&stage.base, CA_B); /* without a mark for each of its devices */
        registered_elsewhere(CA_A, 4 * FEW, 4 * FEW);
        cr_assert(comes(knows(4 * FEW)));
        cr_assert_eq(device_table_removals(stage.known), removals, "it was cleared");
        cr_assert(knows_all(1, FEW));
}

Test(registry_known, goes_on_after_all_devices_were_deleted)
{
        registered_elsewhere(CA_A, 1, 3);
        starts_ready();
        for (int n = 1; n <= 3; n++)
                deleted(n);
        registered_elsewhere(CA_B, 4, 4);
        cr_assert(comes(knows(4)));
}

/* Made anew with the same name, or restored from a backup: numbers begin again. */
Test(registry_known, begins_anew_in_another_history_of_the_instance)
{
        registered_elsewhere(CA_A, 1, FEW);
        starts_ready();
        scratch_sql(&stage.base, "TRUNCATE device_certificate, device_block, device_counter");
        registered_elsewhere(CA_B, FEW, FEW + 2);
        cr_assert(comes(!knows(1) && knows_all(FEW, FEW + 2)));
        cr_assert_eq(ca_of(FEW), CA_B);
        cr_assert_eq(device_table_count(stage.known), 3);
}

Test(registry_known, begins_anew_where_registrations_were_lost_with_a_server)
{
        registered_elsewhere(CA_A, 1, FEW);
        starts_ready();
        scratch_sql(&stage.base, "DELETE FROM device_certificate WHERE ordinal > 5"); /* no marks */
        cr_assert(comes(!knows(6) && knows_all(1, 5)));
        cr_assert_eq(answer_to(asks(CA_A, 6)), REFUSAL_NONE);
}

Test(registry_known, reads_anew_when_told)
{
        registered_elsewhere(CA_A, 1, FEW);
        starts_ready();
        forget(1);
        registry_again(stage.registry);
        cr_assert(comes(counts().complete && knows_all(1, FEW)));
}

Test(registry_known, forgets_all_before_the_call_that_tells_it_so_returns)
{
        struct device_entry stale = {.ca_id = CA_A};

        starts_ready();
        device_digest(77, stale.sha256);
        cr_assert(device_table_put(stage.known, device_table_removals(stage.known), &stale, 1));
        registry_again(stage.registry);
        cr_assert_not(knows(77));
        cr_assert(comes(counts().complete));
        cr_assert_not(knows(77));
}

/* Removals make it read pages again, smaller ones: it comes to the end all the same. */
Test(registry_known, comes_to_the_end_while_devices_are_removed)
{
        registered_elsewhere(CA_A, 1, PAGES);
        starts();
        int64_t until_ms = clock_ms() + PATIENCE_MS;
        for (int n = PAGES + 1; !counts().complete && clock_ms() < until_ms; n++) {
                forget(n); /* somebody who is not there */
                for (int nth = 0; nth < 20; nth++)
                        nap();
        }
        cr_assert(counts().complete);
        cr_assert(knows_all(1, PAGES));
}

/* ---- last seen ---- */

static int64_t seen_at(int n)
{
        return number("SELECT extract(epoch FROM seen_at) FROM device_last_seen JOIN device_certificate ON "
                      "device_id = id WHERE sha256 = "
                      "sha256('device %d')",
                      n);
}

static void sees(int n, int64_t at)
{
        uint8_t digest[32];

        device_digest(n, digest);
        registry_seen(stage.registry, digest, at);
}

Test(registry_known, writes_when_devices_were_last_seen)
{
        registered_elsewhere(CA_A, 1, CROWD);
        starts_ready();
        for (int n = 1; n <= CROWD; n++) {
                sees(n, 1700000000 + n);
                sees(n, 1600000000); /* older */
        }
        sees(CROWD + 1, 1700000000); /* a stranger */
        cr_assert(comes(seen_at(CROWD) != 0 && seen_at(1) != 0));
        stops(); /* all of them */
        for (int n = 1; n <= CROWD; n += CROWD / 10)
                cr_assert_eq(seen_at(n), 1700000000 + n);
        cr_assert_eq(number("SELECT (SELECT count(*) FROM device_certificate) - (SELECT count(*) FROM "
                            "device_last_seen)"),
                     0);
}

Test(registry_known, writes_them_at_the_end_also_what_comes_after_its_stop)
{
        registered_elsewhere(CA_A, 1, 3);
        starts_ready();
        sees(1, 1700000001);
        registry_stop(stage.registry);
        cr_assert_eq(seen_at(1), 1700000001);
        sees(2, 1700000002);
        stops();
        cr_assert_eq(seen_at(2), 1700000002);
        cr_assert_eq(seen_at(3), 0);
}

Test(registry_known, never_writes_an_older_time_over_a_newer_one)
{
        registered_elsewhere(CA_A, 1, 1);
        for (int64_t at = 1700000002; at > 1700000000; at--) {
                starts_ready();
                sees(1, at);
                stops();
                cr_assert_eq(seen_at(1), 1700000002);
        }
}

Test(registry_known, waits_for_nobody_who_has_a_device_locked)
{
        registered_elsewhere(CA_A, 1, 2);
        starts_ready();
        scratch_sql(&stage.base,
                    "BEGIN; SELECT FROM device_certificate WHERE sha256 = sha256('device 1') FOR UPDATE");
        sees(1, 1700000000);
        sees(2, 1700000000);
        stops();
        scratch_sql(&stage.base, "COMMIT");
        cr_assert_eq(seen_at(1), 1700000000); /* its own row is not touched */
        cr_assert_eq(seen_at(2), 1700000000);
}

Test(registry_known, remembers_a_limited_number_of_those_seen)
{
        struct registry_seen *seen;
        size_t count;
        uint8_t digest[32] = {0};

        cr_assert_eq(registry_seen_new(&seen), ERR_OK);
        cr_assert_null(registry_seen_take(seen, &count));
        cr_assert_eq(count, 0);
        for (uint32_t n = 0; n < SEEN_MAX + 1000; n++) {
                memcpy(digest, &n, sizeof n);
                registry_seen_add(seen, digest, 1700000000);
        }
        memset(digest, 0, sizeof digest);
        registry_seen_add(seen, digest, 1700000005); /* one of those that are remembered */
        struct seen_row *rows = registry_seen_take(seen, &count);
        cr_assert_eq(count, SEEN_MAX);
        int newer = 0;
        for (size_t i = 0; i < count; i++)
                newer += rows[i].at == 1700000005 && memcmp(rows[i].sha256, digest, sizeof digest) == 0;
        cr_assert_eq(newer, 1);
        free(rows);
        cr_assert_null(registry_seen_take(seen, &count));
        seen = registry_seen_free(seen);
}
