/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/reload.h"

#include "authority_rows.h"
#include "common/clock.h"
#include "common/log.h"
#include "common/model.h"
#include "scratch_database.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATIENCE_MS = 20000 };

static struct scratch_database base;
static struct reload *reload;
static struct reload_settings settings;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what the reload thread reports */
static int64_t published, applied;
static int publish_count, applied_count;
static int64_t perish_count;
static int64_t ticket_keys; /* those that new tickets could be made with, each time they were handed on */

static void on_publish(void *arg, struct snapshot *next)
{
        (void)arg;
        pthread_mutex_lock(&lock);
        published = next->revision;
        publish_count++;
        pthread_mutex_unlock(&lock);
}

static void on_perish(void *arg, struct perishables *next)
{
        (void)arg;
        pthread_mutex_lock(&lock);
        perish_count++;
        ticket_keys += perishables_ticket_key(next) != NULL;
        pthread_mutex_unlock(&lock);
}

static void on_applied(void *arg, int64_t revision)
{
        (void)arg;
        pthread_mutex_lock(&lock);
        applied = revision;
        applied_count++;
        pthread_mutex_unlock(&lock);
}

static void begin(void)
{
        log_init("test", LOG_ERROR_LEVEL);
        scratch_open(&base);
        published = applied = -1;
        settings = (struct reload_settings){.database_url = base.url,
                                            .instance = INSTANCE,
                                            .node_id = "node-1",
                                            .master = base.master,
                                            .publish = on_publish,
                                            .perish = on_perish,
                                            .ticket_s = 7200,
                                            .applied = on_applied};
}

static void end(void)
{
        reload = reload_stop(reload);
        scratch_close(&base);
}

TestSuite(reload, .init = begin, .fini = end, .timeout = 120);

static void start(void)
{
        cr_assert_eq(reload_start(&settings, &reload), ERR_OK);
}

static void make_instance(void)
{
        scratch_sql(&base, "INSERT INTO instance (mqtt_instance_id, name, revision) VALUES ('" INSTANCE
                           "', 'test', 1)");
}

static void next_revision(void)
{
        scratch_sql(&base, "UPDATE instance SET revision = revision + 1");
}

static int64_t read_guarded(const int64_t *value)
{
        pthread_mutex_lock(&lock);
        int64_t copy = *value;
        pthread_mutex_unlock(&lock);
        return copy;
}

/* Milliseconds until `*value` is `expected`. */
static int64_t wait_for(const int64_t *value, int64_t expected)
{
        int64_t began = clock_ms();

        while (read_guarded(value) != expected) {
                cr_assert_lt(clock_ms() - began, PATIENCE_MS, "waited in vain for %" PRId64, expected);
                usleep(1000);
        }
        return clock_ms() - began;
}

static int64_t count(const char *sql)
{
        PGresult *rows = PQexec(base.admin, sql);

        cr_assert_eq(PQresultStatus(rows), PGRES_TUPLES_OK, "%s", PQerrorMessage(base.admin));
        int64_t number = strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
        PQclear(rows);
        return number;
}

static void wait_for_rows(const char *sql, int64_t expected)
{
        int64_t began = clock_ms();

        while (count(sql) != expected) {
                cr_assert_lt(clock_ms() - began, PATIENCE_MS, "waited in vain: %s", sql);
                usleep(2000);
        }
}

static bool status_says(const char *key, const char *expected)
{
        json_t *status = reload_status(reload);
        char *text = json_dumps(json_object_get(status, key), JSON_ENCODE_ANY);
        bool same = text != NULL && strcmp(text, expected) == 0;

        free(text);
        json_decref(status);
        return same;
}

static void wait_for_status(const char *key, const char *expected)
{
        int64_t began = clock_ms();

        while (!status_says(key, expected)) {
                cr_assert_lt(clock_ms() - began, PATIENCE_MS, "%s is not %s", key, expected);
                usleep(2000);
        }
}

#define NODE_AT "SELECT count(*) FROM broker_node WHERE node_id = 'node-1' AND applied_revision = "

Test(reload, loads_on_start_and_says_so_in_broker_node)
{
        make_instance();
        start();
        wait_for(&applied, 1);
        cr_assert_eq(read_guarded(&published), 1);
        wait_for_rows(NODE_AT "1", 1);
        wait_for_status("applied", "1");
        wait_for_status("database", "\"ok\""); /* said once the row is written */
        cr_assert(status_says("problem", "\"\""));
        cr_assert(status_says("rejected", "[]"));
        cr_assert(status_says("mode", "\"one-way\""));
        reload = reload_stop(reload);
        cr_assert_eq(count("SELECT count(*) FROM broker_node"), 0,
                     "a broker that stops is no part of a rollout");
}

/* The bounds of what is followed at once are for several times in all: looks alone, every five seconds, take
 * far longer, and a machine that stalls for a second or two does not. */

Test(reload, follows_the_apis_word_at_once)
{
        int64_t waited_ms = 0;

        make_instance();
        start();
        wait_for(&applied, 1);
        for (int64_t revision = 2; revision < 12; revision++) {
                next_revision();
                reload_wanted(reload, revision);
                waited_ms += wait_for(&applied, revision);
        }
        cr_assert_lt(waited_ms, 15000); /* looks alone: 50 s */
        wait_for_status("wanted", "11");
        wait_for_rows(NODE_AT "11", 1);
}

Test(reload, answers_who_asks_also_when_nothing_changed)
{
        int64_t began;

        make_instance();
        start();
        wait_for(&applied, 1);
        pthread_mutex_lock(&lock);
        applied = -1;
        int publishes = publish_count;
        pthread_mutex_unlock(&lock);
        reload_wanted(reload, 0);
        wait_for(&applied, 1);
        cr_assert_eq(publish_count, publishes);

        reload_wanted(reload, 999); /* never committed: no busy loop for it */
        usleep(300000);
        pthread_mutex_lock(&lock);
        began = applied_count;
        pthread_mutex_unlock(&lock);
        usleep(700000);
        pthread_mutex_lock(&lock);
        cr_assert_leq(applied_count - began, 1);
        pthread_mutex_unlock(&lock);
}

Test(reload, follows_notify)
{
        int64_t waited_ms = 0;

        make_instance();
        start();
        wait_for(&applied, 1);
        wait_for_rows(NODE_AT "1", 1);
        for (int64_t revision = 2; revision < 12; revision++) {
                next_revision();
                scratch_sql(&base, "NOTIFY " NOTIFY_CHANNEL ", '" INSTANCE " %" PRId64 "'", revision);
                waited_ms += wait_for(&applied, revision);
        }
        cr_assert_lt(waited_ms, 15000); /* looks alone: 50 s */
}

Test(reload, looks_for_itself_when_nobody_tells)
{
        make_instance();
        start();
        wait_for(&applied, 1);
        next_revision();
        wait_for(&applied, 2);
}

Test(reload, an_instance_that_is_made_later_is_served_then)
{
        start();
        wait_for_status("problem", "\"the instance does not exist\"");
        cr_assert(status_says("database", "\"ok\""));
        make_instance();
        wait_for(&applied, 1);
        wait_for_status("problem", "\"\"");
}

#define CUT_OFF                                                                                              \
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'signet_broker' "            \
        "AND datname = current_database()"

Test(reload, survives_losing_the_database_and_hears_notices_again)
{
        make_instance();
        start();
        wait_for(&applied, 1);
        scratch_sql(&base, "ALTER DATABASE %s CONNECTION LIMIT 0", base.name);
        scratch_sql(&base, CUT_OFF);
        wait_for_status("database", "\"away\"");
        cr_assert(status_says("applied", "1"));
        next_revision();
        reload_wanted(reload, 2);
        usleep(400000);
        cr_assert_eq(read_guarded(&applied), 1);
        scratch_sql(&base, "ALTER DATABASE %s CONNECTION LIMIT -1", base.name);
        wait_for(&applied, 2);
        wait_for_status("database", "\"ok\"");
        wait_for_rows(NODE_AT "2", 1);
        next_revision();
        scratch_sql(&base, "NOTIFY " NOTIFY_CHANNEL ", '" INSTANCE " 3'");
        cr_assert_lt(wait_for(&applied, 3), 4000); /* the next look is five seconds after the last */
}

Test(reload, starts_without_a_database_and_stops_without_one)
{
        settings.database_url = "host=/nonexistent user=nobody dbname=none";
        start();
        wait_for_status("database", "\"away\"");
        reload_wanted(reload, 5);
        int64_t began = clock_ms();
        reload = reload_stop(reload);
        cr_assert_lt(clock_ms() - began, PATIENCE_MS);
        cr_assert_eq(read_guarded(&applied), -1);
}

Test(reload, an_instance_that_is_deleted_is_still_served)
{
        make_instance();
        start();
        wait_for(&applied, 1);
        wait_for_rows(NODE_AT "1", 1);
        scratch_sql(&base, "DELETE FROM instance");
        reload_wanted(reload, 2);
        wait_for_status("problem", "\"the instance does not exist\"");
        cr_assert_eq(read_guarded(&published), 1);
        cr_assert(status_says("applied", "1"));
}

/* ---- what changes with time ---- */

#define SEEN "SELECT (extract(epoch FROM seen_at) * 1000000)::bigint FROM broker_node"

/* A look of which nobody has asked for anything. */
static void wait_for_a_look(void)
{
        int64_t before = count(SEEN), began = clock_ms();

        while (count(SEEN) == before) {
                cr_assert_lt(clock_ms() - began, PATIENCE_MS, "waited in vain for a look");
                usleep(20000);
        }
}

Test(reload, hands_on_ticket_keys_as_soon_as_it_serves_and_again_when_they_are_others)
{
        make_instance();
        start();
        wait_for(&perish_count, 1);
        cr_assert_eq(read_guarded(&published), 1);
        cr_assert_eq(read_guarded(&ticket_keys), 1);
        cr_assert(!status_says("ticketKeyMadeAt", "0"));
        wait_for_rows(NODE_AT "1", 1);
        wait_for_a_look();
        wait_for_a_look();
        cr_assert_eq(read_guarded(&perish_count), 1);
        scratch_sql(&base, "DELETE FROM ticket_key");
        wait_for(&perish_count, 2);
        cr_assert_eq(count("SELECT count(*) FROM ticket_key"), 1);
}

Test(reload, failing_at_ticket_keys_keeps_nothing_else_from_being_served)
{
        int64_t waited_ms = 0;

        make_instance();
        scratch_sql(&base, "REVOKE SELECT ON ticket_key FROM signet_broker");
        start();
        wait_for(&applied, 1);
        wait_for_rows(NODE_AT "1", 1);
        for (int64_t revision = 2; revision < 6; revision++) {
                next_revision();
                reload_wanted(reload, revision);
                waited_ms += wait_for(&applied, revision);
        }
        cr_assert_lt(waited_ms, 10000); /* looks alone: 20 s */
        wait_for_rows(NODE_AT "5", 1);
        json_t *status = reload_status(reload);
        const char *problem = json_string_value(json_object_get(status, "problem"));
        cr_assert_not_null(strstr(problem, "ticket keys"), "%s", problem);
        json_decref(status);
        cr_assert(status_says("database", "\"ok\""));
        cr_assert_eq(read_guarded(&perish_count), 0);
        scratch_sql(&base, "GRANT SELECT ON ticket_key TO signet_broker");
        wait_for(&perish_count, 1);
        wait_for_status("problem", "\"\"");
}

Test(reload, goes_on_making_ticket_keys_while_a_snapshot_cannot_be_loaded)
{
        make_instance();
        start();
        wait_for(&perish_count, 1);
        scratch_sql(&base, "REVOKE SELECT ON device_removal FROM signet_broker");
        scratch_sql(&base, "DELETE FROM ticket_key");
        next_revision();
        reload_wanted(reload, 2);
        wait_for(&perish_count, 2);
        cr_assert_eq(read_guarded(&applied), 1);
        cr_assert(!status_says("problem", "\"\""));
        scratch_sql(&base, "GRANT SELECT ON device_removal TO signet_broker");
        wait_for(&applied, 2);
}

/* ---- what it says ---- */

static int64_t status_number(const char *key)
{
        json_t *status = reload_status(reload);
        const json_t *number = json_object_get(status, key);

        cr_assert(json_is_integer(number), "%s", key);
        int64_t value = json_integer_value(number);
        json_decref(status);
        return value;
}

Test(reload, counts_what_it_serves)
{
        struct made ca;

        made_new(&ca, EVP_PKEY_EC, "CA");
        make_instance();
        ca_row(&base, 1, &ca);
        ca_row(&base, 2, &ca);
        device_rows(&base, 1, 1, 4);
        device_row_set(&base, 1, 1, false);
        device_row_set(&base, 1, 2, false);
        device_row_set(&base, 1, 3, false);
        scratch_sql(&base, "UPDATE instance SET login_required = true, authentication_mode = 1");
        start();
        wait_for(&applied, 1);
        cr_assert_eq(status_number("cas"), 2);
        cr_assert_eq(status_number("inactiveDevices"), 3);
        cr_assert_eq(status_number("staples"), 0);
        cr_assert(status_says("loginRequired", "true"));
        cr_assert(status_says("mode", "\"mutual\""));
        made_done(&ca);
}

Test(reload, says_how_old_its_snapshot_is_and_when_it_last_was_the_newest)
{
        start();
        wait_for_status("problem", "\"the instance does not exist\"");
        cr_assert_eq(status_number("snapshotAgeMs"), -1);
        cr_assert_eq(status_number("checkedAgoMs"), -1);
        make_instance();
        wait_for(&applied, 1);
        wait_for_rows(NODE_AT "1", 1);
        wait_for_a_look();
        cr_assert_geq(status_number("snapshotAgeMs"), status_number("checkedAgoMs") + 1000);
        scratch_sql(&base, "ALTER DATABASE %s CONNECTION LIMIT 0", base.name);
        scratch_sql(&base, CUT_OFF);
        int64_t began = clock_ms();
        while (status_number("checkedAgoMs") < 6000) /* two looks are five seconds apart */
                cr_assert_lt(clock_ms() - began + usleep(20000), PATIENCE_MS);
        scratch_sql(&base, "ALTER DATABASE %s CONNECTION LIMIT -1", base.name);
        began = clock_ms();
        while (status_number("checkedAgoMs") > 5000)
                cr_assert_lt(clock_ms() - began + usleep(20000), PATIENCE_MS);
        cr_assert_gt(status_number("snapshotAgeMs"), 6000);
}
