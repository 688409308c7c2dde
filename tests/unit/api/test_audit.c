/* SPDX-License-Identifier: Apache-2.0 */
/* Against a real PostgreSQL (SIGNET_TEST_DATABASE_URL), with a table of this session's own. */
#include "api/audit.h"

#include "common/text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static const char table_sql[] =
        "CREATE TEMPORARY TABLE audit_event (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " account_id bigint NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), action text NOT NULL,"
        " access_key_id text NOT NULL, source_ip text NOT NULL, request_id text NOT NULL,"
        " mqtt_instance_id text NOT NULL DEFAULT '', resource text NOT NULL, before jsonb, after jsonb)";

static struct db *db;
static struct api_settings settings = {.audit_max = 1000};
static const struct actor actor = {.account_id = 1,
                                   .access_key_id = "LTAI",
                                   .source_ip = "127.0.0.1",
                                   .request_id = "R",
                                   .action = "Test",
                                   .settings = &settings};

static void open_table(void)
{
        const char *url = getenv("SIGNET_TEST_DATABASE_URL");

        cr_assert_not_null(url, "SIGNET_TEST_DATABASE_URL is not set (see scripts/test)");
        cr_assert_eq(db_open(url, NULL, "test_audit", &db), ERR_OK);
        cr_assert_eq(db_exec(db, table_sql), ERR_OK, "%s", db_why(db));
}

static void close_table(void)
{
        db = db_close(db);
}

TestSuite(audit, .init = open_table, .fini = close_table);

static json_t *newest(void)
{
        const struct audit_filter filter = {.limit = 1};
        json_t *list = json_array(), *event;
        int64_t next = 7;

        cr_assert_eq(audit_list(db, 1, &filter, list, &next), ERR_OK, "%s", db_why(db));
        cr_assert_eq(json_array_size(list), 1);
        event = json_incref(json_array_get(list, 0));
        json_decref(list);
        return event;
}

static int64_t number(json_t *event, const char *member)
{
        return json_integer_value(json_object_get(json_object_get(event, "After"), member));
}

Test(audit, a_large_value_is_cut_to_counts)
{
        json_t *changes = json_array(), *event;

        for (int i = 0; i < 5000; i++)
                json_array_append_new(changes, json_pack("{s:s, s:i}", "Domain", "a.example.com", "N", i));
        cr_assert_eq(
                audit_put(db, &actor, "i", "sni-config", NULL,
                          json_pack("{s:o, s:s, s:i}", "Changes", changes, "Name", "short", "Revision", 42)),
                ERR_OK);
        event = newest();
        cr_assert_eq(number(event, "Changes"), 5000);
        cr_assert_eq(number(event, "Revision"), 42);
        cr_assert_str_eq(json_string_value(json_object_get(json_object_get(event, "After"), "Name")),
                         "short");
        cr_assert_null(json_object_get(event, "Before"), "it was not there");
        json_decref(event);
}

Test(audit, a_value_of_too_many_members_is_their_number)
{
        json_t *value = json_object(), *event;
        char name[32];

        for (int i = 0; i < 10000; i++) {
                (void)snprintf(name, sizeof name, "member-%d", i);
                json_object_set_new(value, name, json_integer(i));
        }
        cr_assert_eq(audit_put(db, &actor, "", "r", value, NULL), ERR_OK);
        event = newest();
        cr_assert_eq(json_integer_value(json_object_get(json_object_get(event, "Before"), "Members")), 10000);
        cr_assert_null(json_object_get(event, "After"), "it is gone");
        json_decref(event);
}

Test(audit, a_long_resource_is_cut_between_characters)
{
        char resource[400] = "x";
        json_t *event;
        const char *got;

        for (size_t at = 1; at + 2 < sizeof resource; at += 2)
                memcpy(resource + at, "\xC3\xA4", 3);
        cr_assert_eq(audit_put(db, &actor, "", resource, NULL, NULL), ERR_OK, "%s", db_why(db));
        event = newest();
        got = json_string_value(json_object_get(event, "Resource"));
        cr_assert_leq(strlen(got), AUDIT_RESOURCE_MAX);
        cr_assert_geq(strlen(got), AUDIT_RESOURCE_MAX - 1);
        cr_assert(text_is_utf8(got, strlen(got)));
        cr_assert_eq(strncmp(got, resource, strlen(got)), 0);
        json_decref(event);
}

Test(audit, the_oldest_go_in_batches)
{
        cr_assert_eq(
                db_exec(db,
                        "INSERT INTO audit_event (account_id, action, access_key_id, source_ip, request_id,"
                        " resource) SELECT 1 + n % 2, '', '', '', '', '' FROM generate_series(1, 10000) n"),
                ERR_OK);
        cr_assert_eq(audit_put(db, &actor, "", "r", NULL, NULL), ERR_OK, "%s", db_why(db));

        CLEANUP(pgresultp) PGresult *rows = NULL;
        cr_assert_eq(db_query(db, DB_AS_TEXT, &rows,
                              "SELECT count(*) FILTER (WHERE account_id = 1), count(*) FILTER (WHERE "
                              "account_id = 2),"
                              " min(id) FILTER (WHERE account_id = 1) FROM audit_event",
                              0, NULL),
                     ERR_OK);
        cr_assert_eq(db_int(rows, 0, 0), 5001 - 1024, "one batch: %ld", (long)db_int(rows, 0, 0));
        cr_assert_eq(db_int(rows, 0, 1), 5000, "another account's stay");
        cr_assert_eq(db_int(rows, 0, 2), 2050, "the oldest went: %ld", (long)db_int(rows, 0, 2));
}
