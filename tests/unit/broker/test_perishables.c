/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/perishables.h"

#include "common/clock.h"
#include "common/text.h"
#include "scratch_database.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define INSTANCE "mqtt-test"
#define OTHER    "mqtt-other"

static struct scratch_database base;
static struct db *db;
static struct perishables_source source;
static struct perishables *now_loaded; /* what the last load() gave */

static void begin(void)
{
        scratch_open(&base);
        scratch_sql(&base, "INSERT INTO instance (mqtt_instance_id, name) VALUES ('" INSTANCE "', 'test'), "
                           "('" OTHER "', 'test')");
        cr_assert_eq(db_open(base.url, NULL, "test", &db), ERR_OK);
        source = (struct perishables_source){db, base.master, INSTANCE, 7200};
}

static void end(void)
{
        now_loaded = perishables_unref(now_loaded);
        db_close(db);
        scratch_close(&base);
}

TestSuite(perishables, .init = begin, .fini = end, .timeout = 120);

/* ---- what happens ---- */

/* Loads after what was loaded before. True: it is another one. */
static bool load(void)
{
        struct perishables *next = NULL;

        cr_assert_eq(perishables_load(&source, now_loaded, clock_now(), &next), ERR_OK, "%s", db_why(db));
        bool changed = next != now_loaded;
        perishables_unref(now_loaded);
        now_loaded = next;
        return changed;
}

/* As another broker of the instance, which has just started, sees it. */
static struct perishables *loaded_afresh(void)
{
        struct perishables *other = NULL;

        cr_assert_eq(perishables_load(&source, NULL, clock_now(), &other), ERR_OK, "%s", db_why(db));
        return other;
}

static void pass(const char *time)
{
        scratch_sql(&base, "UPDATE ticket_key SET created_at = created_at - interval '%s'", time);
}

static int64_t count_of(const char *sql)
{
        PGresult *rows = PQexec(base.admin, sql);

        cr_assert_eq(PQntuples(rows), 1, "%s: %s", sql, PQerrorMessage(base.admin));
        int64_t count = strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
        PQclear(rows);
        return count;
}

static int64_t keys_stored(void)
{
        return count_of("SELECT count(*) FROM ticket_key");
}

static struct ticket_key key_of(const struct perishables *p)
{
        cr_assert_not_null(perishables_ticket_key(p));
        return *perishables_ticket_key(p);
}

static bool same_key(const struct ticket_key *a, const struct ticket_key *b)
{
        return memcmp(a->name, b->name, sizeof a->name) == 0 && memcmp(a->aes, b->aes, sizeof a->aes) == 0 &&
               memcmp(a->hmac, b->hmac, sizeof a->hmac) == 0;
}

/* ---- ticket keys ---- */

Test(perishables, an_instance_that_does_not_exist_is_not_found)
{
        struct perishables *p = NULL;

        source.instance = "mqtt-nowhere";
        cr_assert_eq(perishables_load(&source, NULL, clock_now(), &p), ERR_NOT_FOUND);
        cr_assert_null(p);
        cr_assert_eq(keys_stored(), 0);
}

Test(perishables, without_tickets_there_are_no_keys)
{
        source.ticket_s = 0;
        cr_assert(load());
        cr_assert_null(perishables_ticket_key(now_loaded));
        cr_assert_eq(keys_stored(), 0);
        cr_assert_not(load());
}

Test(perishables, a_broker_of_other_settings_uses_no_keys_that_are_there)
{
        cr_assert(load());
        cr_assert_eq(keys_stored(), 1);
        source.ticket_s = 0;
        struct perishables *other = loaded_afresh();
        cr_assert_null(perishables_ticket_key(other));
        cr_assert_null(perishables_find_ticket_key(other, key_of(now_loaded).name));
        perishables_unref(other);
}

Test(perishables, nothing_is_known_before_the_first_load)
{
        struct bytes staple;

        cr_assert_null(perishables_ticket_key(NULL));
        cr_assert_null(perishables_find_ticket_key(NULL, (const uint8_t *)"0123456789abcdef"));
        cr_assert_not(perishables_staple(NULL, 1, 0, &staple));
        cr_assert_eq(perishables_staples(NULL), 0);
        cr_assert_null(perishables_unref(NULL));
}

Test(perishables, the_first_broker_makes_a_key_and_all_have_the_same)
{
        cr_assert(load());
        struct perishables *other = loaded_afresh();
        struct ticket_key a = key_of(now_loaded), b = key_of(other);

        cr_assert(same_key(&a, &b));
        cr_assert_eq(keys_stored(), 1);
        cr_assert_eq(perishables_find_ticket_key(other, a.name)->made_at, b.made_at);
        cr_assert_geq(a.made_at, clock_now() - 60);
        perishables_unref(other);
}

Test(perishables, a_look_at_what_has_not_changed_gives_the_same_again)
{
        cr_assert(load());
        struct perishables *before = perishables_ref(now_loaded);
        cr_assert_not(load());
        cr_assert_eq(now_loaded, before);
        perishables_unref(before);
}

Test(perishables, a_key_is_sealed_and_no_two_are_alike)
{
        char hex[2 * 32 + 1];

        cr_assert(load());
        struct ticket_key first = key_of(now_loaded);
        text_hex(first.aes, sizeof first.aes, hex);
        PGresult *rows = PQexec(base.admin, "SELECT encode(key_sealed, 'hex') FROM ticket_key");
        cr_assert_null(strstr(PQgetvalue(rows, 0, 0), hex));
        PQclear(rows);
        scratch_sql(&base, "DELETE FROM ticket_key");
        cr_assert(load());
        struct ticket_key second = key_of(now_loaded);
        cr_assert_neq(memcmp(first.aes, second.aes, sizeof first.aes), 0);
        cr_assert_neq(memcmp(first.hmac, second.hmac, sizeof first.hmac), 0);
        cr_assert_neq(memcmp(second.aes, second.hmac, sizeof second.hmac), 0);
        cr_assert_null(perishables_find_ticket_key(now_loaded, first.name),
                       "a key that was deleted is not known");
}

Test(perishables, a_new_key_comes_after_half_the_life_and_is_used_when_all_have_it)
{
        cr_assert(load());
        struct ticket_key first = key_of(now_loaded);
        pass("59 minutes");
        (void)load();
        cr_assert_eq(keys_stored(), 1);
        pass("2 minutes");
        cr_assert(load());
        cr_assert_eq(keys_stored(), 2);
        struct ticket_key used = key_of(now_loaded);
        cr_assert(same_key(&used, &first), "the new one is not everywhere yet");
        pass("31 seconds");
        struct perishables *later = loaded_afresh();
        struct ticket_key second = key_of(later);
        cr_assert_not(same_key(&second, &first));
        cr_assert_not_null(perishables_find_ticket_key(later, first.name));
        cr_assert_not_null(perishables_find_ticket_key(now_loaded, second.name));
        perishables_unref(later);
}

Test(perishables, a_key_is_known_for_as_long_as_its_tickets_are_good_and_then_goes)
{
        cr_assert(load());
        struct ticket_key first = key_of(now_loaded);
        pass("61 minutes");
        cr_assert(load());
        pass("2 hours 58 minutes");
        struct perishables *late = loaded_afresh();
        cr_assert_not_null(perishables_find_ticket_key(late, first.name));
        perishables_unref(late);
        pass("2 minutes");
        late = loaded_afresh();
        cr_assert_null(perishables_find_ticket_key(late, first.name), "four hours are over");
        perishables_unref(late);
        cr_assert_eq(keys_stored(), 3);
        pass("59 minutes");
        (void)load();
        cr_assert_eq(keys_stored(), 3, "the oldest is forgotten when the next is made");
}

Test(perishables, a_broker_that_cannot_load_stops_making_tickets_and_forgets_at_last)
{
        cr_assert(load());
        struct ticket_key used = key_of(now_loaded);
        perishables_unref(now_loaded);
        now_loaded = NULL;
        struct perishables *stale = NULL;
        pass("1 minute"); /* so that it is the newest that is ready */
        cr_assert_eq(perishables_load(&source, NULL, clock_now() - 7300, &stale), ERR_OK);
        cr_assert_null(perishables_ticket_key(stale));
        cr_assert_not_null(perishables_find_ticket_key(stale, used.name));
        perishables_unref(stale);
        cr_assert_eq(perishables_load(&source, NULL, clock_now() - 14500, &stale), ERR_OK);
        cr_assert_null(perishables_find_ticket_key(stale, used.name));
        perishables_unref(stale);
}

Test(perishables, a_short_life_still_keeps_a_key_for_a_minute)
{
        source.ticket_s = 2;
        cr_assert(load());
        pass("30 seconds");
        (void)load();
        cr_assert_eq(keys_stored(), 1);
        pass("31 seconds");
        cr_assert(load());
        cr_assert_eq(keys_stored(), 2);
}

Test(perishables, keys_of_another_master_key_are_left_out_and_do_no_harm)
{
        struct master_key *other = scratch_other_master();

        cr_assert(load());
        struct ticket_key ours = key_of(now_loaded);
        source.master = other;
        struct perishables *stranger = loaded_afresh();
        cr_assert_null(perishables_ticket_key(stranger), "and the key is too young for another");
        pass("61 minutes");
        perishables_unref(stranger);
        stranger = loaded_afresh();
        cr_assert_eq(keys_stored(), 2);
        struct ticket_key theirs = key_of(stranger);
        cr_assert_null(perishables_find_ticket_key(stranger, ours.name));
        source.master = base.master;
        cr_assert(load());
        cr_assert_null(perishables_find_ticket_key(now_loaded, theirs.name));
        cr_assert_not_null(perishables_find_ticket_key(now_loaded, ours.name));
        perishables_unref(stranger);
        master_key_close(other);
}

Test(perishables, a_key_that_was_moved_does_not_open)
{
        cr_assert(load());
        struct ticket_key ours = key_of(now_loaded);
        scratch_sql(&base, "INSERT INTO ticket_key SELECT '" OTHER "', name, key_sealed FROM ticket_key");
        source.instance = OTHER;
        struct perishables *other = loaded_afresh();
        cr_assert_null(perishables_find_ticket_key(other, ours.name));
        perishables_unref(other);
}

Test(perishables, instances_do_not_share_keys)
{
        cr_assert(load());
        struct ticket_key ours = key_of(now_loaded);
        source.instance = OTHER;
        struct perishables *other = loaded_afresh();
        struct ticket_key theirs = key_of(other);
        cr_assert_not(same_key(&ours, &theirs));
        cr_assert_null(perishables_find_ticket_key(other, ours.name));
        cr_assert_eq(keys_stored(), 2);
        perishables_unref(other);
}

Test(perishables, more_keys_than_anybody_makes_are_cut_off)
{
        cr_assert(load());
        scratch_sql(&base, "INSERT INTO ticket_key SELECT '" INSTANCE
                           "', decode(md5(n::text), 'hex'), '\\x00', now() - n * "
                           "interval '1 second' FROM generate_series(1, 1000) n");
        cr_assert(load());
        cr_assert_not_null(perishables_ticket_key(now_loaded), "the newest is among those that are read");
}

Test(perishables, a_database_that_is_away_changes_nothing)
{
        struct perishables *p = NULL;

        cr_assert(load());
        scratch_sql(&base,
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'signet_broker' "
                    "AND datname = current_database()");
        cr_assert_eq(perishables_load(&source, now_loaded, clock_now(), &p), ERR_DB);
        cr_assert_null(p);
        cr_assert_eq(db_ready(db), ERR_OK);
        cr_assert_not(load());
}

/* ---- OCSP responses ---- */

static struct bytes text_bytes(const char *text)
{
        return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* A certificate that the instance serves for a domain, or not. */
static void certificate(int64_t id, const char *instance)
{
        char leaf[32];

        (void)snprintf(leaf, sizeof leaf, "leaf %" PRId64, id);
        scratch_certificate(&base, id, text_bytes(leaf), NULL, 0, NULL, base.master);
        if (instance != NULL)
                scratch_sql(&base, "INSERT INTO sni_certificate VALUES ('%s', %" PRId64 ")", instance, id);
}

/* What the API writes when it has fetched one. */
static void fetched(int64_t id, const char *response, const char *next_update)
{
        scratch_sql(&base,
                    "INSERT INTO ocsp_response (certificate_id, response, this_update, next_update, "
                    "fetched_at) VALUES "
                    "(%" PRId64
                    ", %s, now(), %s, clock_timestamp()) ON CONFLICT (certificate_id) DO UPDATE SET "
                    "response = EXCLUDED.response, next_update = EXCLUDED.next_update, fetched_at = "
                    "EXCLUDED.fetched_at",
                    id, response, next_update);
}

/* Whether this is stapled for the certificate; NULL: nothing. */
static bool staples(int64_t id, const char *text)
{
        struct bytes staple = {NULL, 0};

        if (!perishables_staple(now_loaded, id, clock_now(), &staple))
                return text == NULL;
        return text != NULL && staple.len == strlen(text) && memcmp(staple.data, text, staple.len) == 0;
}

Test(perishables, no_response_for_what_is_not_served_or_not_there)
{
        certificate(1, NULL);
        certificate(2, OTHER);
        certificate(3, INSTANCE);
        fetched(1, "'one'", "now() + interval '1 hour'");
        fetched(2, "'two'", "now() + interval '1 hour'");
        fetched(3, "NULL", "NULL");
        cr_assert(load());
        for (int64_t id = 0; id < 5; id++)
                cr_assert(staples(id, NULL), "%" PRId64, id);
        cr_assert_eq(perishables_staples(now_loaded), 0);
        cr_assert_not(load());
}

Test(perishables, a_response_that_is_over_or_too_large_or_empty_is_none)
{
        const char *const bad[][2] = {
                {"'old'", "now() - interval '1 second'"},
                {"'for ever'", "NULL"},
                {"''", "now() + interval '1 hour'"},
                {"convert_to(repeat('x', 65537), 'UTF8')", "now() + interval '1 hour'"}};

        for (int64_t id = 1; id <= 4; id++) {
                certificate(id, INSTANCE);
                fetched(id, bad[id - 1][0], bad[id - 1][1]);
        }
        cr_assert(load());
        for (int64_t id = 1; id <= 4; id++)
                cr_assert(staples(id, NULL), "%" PRId64, id);
        cr_assert_not(load());
        struct bytes staple;
        cr_assert_not(perishables_staple(now_loaded, 1, clock_now(), &staple));
        cr_assert(perishables_staple(now_loaded, 1, clock_now() - 3600, &staple), "it was good an hour ago");
}

Test(perishables, responses_of_domains_and_of_the_default_certificate_are_there)
{
        certificate(1, INSTANCE);
        certificate(2, NULL);
        scratch_sql(&base,
                    "UPDATE instance SET default_certificate_id = 2 WHERE mqtt_instance_id = '" INSTANCE "'");
        fetched(1, "'one'", "now() + interval '1 hour'");
        fetched(2, "convert_to(repeat('x', 65536), 'UTF8')", "now() + interval '1 hour'");
        cr_assert(load());
        struct bytes staple;
        cr_assert(staples(1, "one"));
        cr_assert(perishables_staple(now_loaded, 2, clock_now(), &staple));
        cr_assert_eq(staple.len, 65536);
        cr_assert_eq(perishables_staples(now_loaded), 2);
        cr_assert_not(load());
}

Test(perishables, only_what_is_fetched_anew_is_read_anew_and_the_rest_stays_where_it_is)
{
        struct bytes before, after;

        for (int64_t id = 1; id <= 3; id++) {
                certificate(id, INSTANCE);
                fetched(id, "'first'", "now() + interval '1 hour'");
        }
        cr_assert(load());
        cr_assert(perishables_staple(now_loaded, 1, clock_now(), &before));
        fetched(2, "'second'", "now() + interval '1 hour'");
        struct perishables *old = perishables_ref(now_loaded);
        cr_assert(load());
        cr_assert(staples(1, "first") && staples(2, "second") && staples(3, "first"));
        cr_assert(perishables_staple(now_loaded, 1, clock_now(), &after));
        cr_assert_eq(before.data, after.data);
        perishables_unref(old);
        cr_assert_not(load());
        cr_assert_eq(memcmp(after.data, "first", 5), 0, "it outlives the set that it came with");
}

Test(perishables, a_response_that_is_taken_back_is_stapled_no_more)
{
        certificate(1, INSTANCE);
        fetched(1, "'one'", "now() + interval '1 hour'");
        cr_assert(load());
        fetched(1, "NULL", "NULL");
        cr_assert(load());
        cr_assert(staples(1, NULL));
        cr_assert_eq(perishables_staples(now_loaded), 0);
}

Test(perishables, a_certificate_that_comes_or_goes_with_a_revision_brings_its_response)
{
        certificate(1, INSTANCE);
        certificate(2, NULL);
        fetched(1, "'one'", "now() + interval '1 hour'");
        fetched(2, "'two'", "now() + interval '1 hour'");
        scratch_sql(&base, "UPDATE ocsp_response SET fetched_at = now() - interval '1 day'");
        cr_assert(load());
        cr_assert(staples(1, "one") && staples(2, NULL));
        scratch_sql(&base, "INSERT INTO sni_certificate VALUES ('" INSTANCE
                           "', 2); DELETE FROM sni_certificate WHERE "
                           "certificate_id = 1; UPDATE instance SET revision = revision + 1");
        cr_assert(load());
        cr_assert(staples(1, NULL) && staples(2, "two"));
}

Test(perishables, a_row_that_is_committed_late_is_seen)
{
        certificate(1, INSTANCE);
        certificate(2, INSTANCE);
        fetched(1, "'one'", "now() + interval '1 hour'");
        cr_assert(load());
        fetched(2, "'two'", "now() + interval '1 hour'");
        scratch_sql(&base, "UPDATE ocsp_response SET fetched_at = fetched_at - interval '30 seconds' WHERE "
                           "certificate_id = 2");
        cr_assert(load());
        cr_assert(staples(1, "one") && staples(2, "two"));
}

Test(perishables, many_responses_come_in_pieces_each_where_it_belongs)
{
        scratch_sql(&base,
                    "INSERT INTO server_certificate (id, name, leaf_der, leaf_sha256, algorithm, key_sealed, "
                    "key_encrypted, common_name, not_before, not_after) SELECT n, 'c' || n, '\\x00', "
                    "sha256(int8send(n)), "
                    "'ECC', '', true, 'cn', now(), now() FROM generate_series(1, 1234) n; "
                    "INSERT INTO sni_certificate SELECT '" INSTANCE "', n FROM generate_series(1, 1234) n; "
                    "INSERT INTO ocsp_response (certificate_id, response, next_update, fetched_at) SELECT n, "
                    "convert_to('staple ' || n, 'UTF8'), now() + interval '1 hour', now() FROM "
                    "generate_series(1, 1234) n");
        cr_assert(load());
        cr_assert_eq(perishables_staples(now_loaded), 1234);
        for (int64_t id = 1; id <= 1234; id++) {
                char text[32];

                (void)snprintf(text, sizeof text, "staple %" PRId64, id);
                cr_assert(staples(id, text), "%" PRId64, id);
        }
        cr_assert_not(load());
}
