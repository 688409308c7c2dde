/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_stage.h"

#include "common/clock.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BACKEND                                                                                              \
        "pg_stat_activity WHERE application_name = 'signet-broker registry' AND datname = "                  \
        "current_database()"

struct registry_stage stage;

void nap(void)
{
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static void receive(struct context *to, struct mail *m)
{
        struct asked *a = (struct asked *)m; /* its first member's first member */

        cr_assert_eq((void *)to, (void *)&stage);
        cr_assert_null(m->next);
        cr_assert_not(atomic_exchange(&a->answered, true), "answered twice");
}

void registry_stage_begin(void)
{
        memset(&stage, 0, sizeof stage);
        scratch_open(&stage.base);
        scratch_sql(&stage.base,
                    "INSERT INTO instance (mqtt_instance_id, name) VALUES ('" INSTANCE "', 'test')");
        made_new(&stage.a, EVP_PKEY_EC, "CA a");
        made_new(&stage.b, EVP_PKEY_EC, "CA b");
        ca_row(&stage.base, CA_A, &stage.a);
        ca_row(&stage.base, CA_B, &stage.b);
        cr_assert_eq(device_table_new(1000000, &stage.known), ERR_OK);
        stage.settings = (struct registry_settings){.database_url = stage.base.url,
                                                    .instance = INSTANCE,
                                                    .known = stage.known,
                                                    .registrations_per_second = 100000,
                                                    .wait_ms_max = 20000,
                                                    .devices_max = 1000000,
                                                    .answer = receive};
}

void registry_stage_end(void)
{
        stops();
        cr_assert_eq(unanswered(), 0);
        for (int i = 0; i < stage.asked_count; i++) {
                buf_done(&stage.asked[i]->request.der);
                free(stage.asked[i]);
        }
        stage.known = device_table_free(stage.known);
        made_done(&stage.a);
        made_done(&stage.b);
        scratch_close(&stage.base);
}

void starts(void)
{
        cr_assert_eq(registry_start(&stage.settings, &stage.registry), ERR_OK);
}

void stops(void)
{
        registry_stop(stage.registry);
        stage.registry = registry_free(stage.registry);
}

void starts_ready(void)
{
        starts();
        cr_assert(comes(counts().complete));
}

/* ---- devices that ask ---- */

struct asked *device_of(int64_t ca_id, int n)
{
        struct asked *a = calloc(1, sizeof *a);
        struct registry_request *r = &a->request;

        cr_assert_lt(stage.asked_count, ASKED_MAX);
        stage.asked[stage.asked_count++] = a;
        r->from = (struct context *)&stage; /* only handed back */
        r->identity.ca_id = r->identity.anchor_id = ca_id;
        device_digest(n, r->identity.sha256);
        (void)snprintf(r->sn, sizeof r->sn, "%08x", (unsigned)n);
        (void)snprintf(r->name, sizeof r->name, "device %d", n);
        r->der = BUF_UP_TO(DEVICE_DER_MAX);
        cr_assert_eq(buf_addf(&r->der, "certificate %d", n), ERR_OK);
        r->not_before = 1700000000;
        r->not_after = 253402300799; /* 9999-12-31T23:59:59Z */
        return a;
}

void asks_with(struct asked *a)
{
        registry_ask(stage.registry, &a->request);
}

struct asked *asks(int64_t ca_id, int n)
{
        struct asked *a = device_of(ca_id, n);

        asks_with(a);
        return a;
}

bool is_answered(const struct asked *a)
{
        return atomic_load(&a->answered);
}

enum refusal answer_to(struct asked *a)
{
        cr_assert(comes(is_answered(a)), "no answer for %s", a->request.name);
        return a->request.refusal;
}

int answers(enum refusal why)
{
        int found = 0;

        for (int i = 0; i < stage.asked_count; i++)
                found += is_answered(stage.asked[i]) && stage.asked[i]->request.refusal == why;
        return found;
}

int unanswered(void)
{
        int found = 0;

        for (int i = 0; i < stage.asked_count; i++)
                found += !is_answered(stage.asked[i]);
        return found;
}

/* ---- what there is ---- */

void registered_elsewhere(int64_t ca_id, int first, int last)
{
        cr_assert_eq(number("SELECT count(*) FROM (SELECT array_agg(lpad(to_hex(n), 8, '0')) AS sn, "
                            "array_agg(sha256(('device ' || n)::bytea)) AS sha, array_agg(''::bytea) AS der, "
                            "array_agg(''::text) AS name, array_agg(now()) AS at FROM generate_series(%d, "
                            "%d) n) g, "
                            "device_register('" INSTANCE "', %" PRId64 ", sn, sha, der, name, at, at) r "
                            "WHERE r.state = 'registered'",
                            first, last, ca_id),
                     last - first + 1);
}

void deleted(int n)
{
        scratch_sql(&stage.base,
                    "WITH gone AS (DELETE FROM device_certificate WHERE sha256 = sha256('device %d') "
                    "RETURNING mqtt_instance_id, sha256) "
                    "INSERT INTO device_removal (mqtt_instance_id, revision, sha256) "
                    "SELECT mqtt_instance_id, 1, sha256 FROM gone",
                    n);
}

struct registry_counts counts(void)
{
        struct registry_counts c;

        registry_counts(stage.registry, &c);
        return c;
}

bool knows(int n)
{
        struct device_entry found;
        uint8_t digest[32];

        device_digest(n, digest);
        return device_table_find(stage.known, digest, &found);
}

int64_t number(const char *format, ...)
{
        char sql[1024];
        va_list args;

        va_start(args, format);
        (void)vsnprintf(sql, sizeof sql, format, args);
        va_end(args);
        /* within a transaction, statistics stay as they were first seen */
        PQclear(PQexec(stage.base.admin, "SELECT pg_stat_clear_snapshot()"));
        PGresult *rows = PQexec(stage.base.admin, sql);
        cr_assert_eq(PQresultStatus(rows), PGRES_TUPLES_OK, "%s: %s", sql, PQerrorMessage(stage.base.admin));
        int64_t found = PQntuples(rows) == 0 ? 0 : strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
        PQclear(rows);
        return found;
}

int64_t backend(void)
{
        return number("SELECT pid FROM " BACKEND);
}

bool backend_waits(void)
{
        return number("SELECT count(*) FROM " BACKEND " AND wait_event_type = 'Lock'") > 0;
}

void hold_registrations(void)
{
        scratch_sql(&stage.base, "BEGIN; SELECT device_queue('" INSTANCE "')");
}

void release_registrations(void)
{
        scratch_sql(&stage.base, "COMMIT");
}

/* The limit does not hold for the superuser that says so. */
void keep_registry_out(void)
{
        scratch_sql(&stage.base, "ALTER DATABASE %s CONNECTION LIMIT 0", stage.base.name);
        scratch_sql(&stage.base, "SELECT pg_terminate_backend(pid) FROM " BACKEND);
}

void let_registry_in(void)
{
        scratch_sql(&stage.base, "ALTER DATABASE %s CONNECTION LIMIT -1", stage.base.name);
}
