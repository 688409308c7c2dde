/* SPDX-License-Identifier: Apache-2.0 */
/* From the tables of migrations/0004 to one map, all at once or change by change. */
#include "broker/login_load.h"

#include "broker/snapshot_load.h"
#include "common/clock.h"
#include "common/model.h"
#include "common/text.h"
#include "scratch_database.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INSTANCE "mqtt-test"

static struct scratch_database base;
static struct db *db;
static struct snapshot_source source;
static json_t *rejected; /* of the last load */

static void begin(void)
{
        scratch_open(&base);
        scratch_sql(&base, "INSERT INTO instance (mqtt_instance_id, name) VALUES ('" INSTANCE "', 'test'), "
                           "('mqtt-other', 'other')");
        cr_assert_eq(db_open(base.url, NULL, "test", &db), ERR_OK);
        source = (struct snapshot_source){db, base.master, INSTANCE};
}

static void end(void)
{
        json_decref(rejected);
        db_close(db);
        scratch_close(&base);
}

TestSuite(login_load, .init = begin, .fini = end, .timeout = 300);

/* ---- the API's part ---- */

static void next_revision(void)
{
        scratch_sql(&base, "UPDATE instance SET revision = revision + 1");
}

static const char *sealed(const struct master_key *master, const char *context, const char *secret)
{
        static char hex[4096];
        CLEANUP(buf) struct buf out = BUF_UP_TO(2000);

        cr_assert_eq(crypt_seal(master, context, secret, strlen(secret), &out), ERR_OK);
        text_hex(out.data, out.len, hex);
        return hex;
}

#define NOW "(SELECT revision FROM instance WHERE mqtt_instance_id = '" INSTANCE "')"

static void put_key(const char *table, const char *column, const char *value)
{
        scratch_sql(&base,
                    "INSERT INTO %s (mqtt_instance_id, %s, revision) VALUES ('" INSTANCE "', '%s', " NOW ")",
                    table, column, value);
}

static void put_token_key(const struct master_key *master, const char *key)
{
        scratch_sql(&base,
                    "INSERT INTO token_key (mqtt_instance_id, key_sealed, revision) VALUES ('" INSTANCE
                    "', '\\x%s', " NOW ") ON CONFLICT (mqtt_instance_id) DO UPDATE SET key_sealed = "
                    "excluded.key_sealed, revision = excluded.revision",
                    sealed(master, "token_key:" INSTANCE, key));
}

static void put_credential(const struct master_key *master, const char *client_id, const char *secret)
{
        char context[256];

        (void)snprintf(context, sizeof context, "device_credential.secret:" INSTANCE "/%s", client_id);
        scratch_sql(
                &base,
                "INSERT INTO device_credential (mqtt_instance_id, client_id, access_key_id, secret_sealed, "
                "revision) VALUES ('" INSTANCE "', '%s', 'DC.%s', '\\x%s', " NOW
                ") ON CONFLICT (mqtt_instance_id, client_id) DO UPDATE SET secret_sealed = "
                "excluded.secret_sealed, revision = excluded.revision",
                client_id, client_id, sealed(master, context, secret));
}

static void put_identity(const struct master_key *master, const char *user, const char *client_id,
                         const char *secret)
{
        char context[256];
        int type = client_id[0] != '\0';

        (void)snprintf(context, sizeof context, "custom_identity.secret:" INSTANCE "/%d/%s/%s", type, user,
                       client_id);
        scratch_sql(&base,
                    "INSERT INTO custom_identity (mqtt_instance_id, identity_type, user_name, client_id, "
                    "sign_mode, secret_sealed, revision) VALUES ('" INSTANCE
                    "', %d, '%s', '%s', 1, '\\x%s', " NOW
                    ") ON CONFLICT (mqtt_instance_id, identity_type, user_name, client_id) DO UPDATE SET "
                    "secret_sealed = excluded.secret_sealed, revision = excluded.revision",
                    type, user, client_id, sealed(master, context, secret));
}

static void put_permission(const char *user, const char *topic, int action, bool allow)
{
        scratch_sql(&base,
                    "INSERT INTO custom_permission (mqtt_instance_id, identity_type, identity, topic, "
                    "permit_action, allow, revision) VALUES ('" INSTANCE "', 0, '%s', '%s', %d, %s, " NOW
                    ") ON CONFLICT (mqtt_instance_id, identity_type, identity, topic) DO UPDATE SET "
                    "permit_action = excluded.permit_action, allow = excluded.allow, revision = "
                    "excluded.revision",
                    user, topic, action, allow ? "true" : "false");
}

/* `where` names the row, `key` is what login_mark_put() is given. */
static void removed(const char *table, const char *where, const char *key)
{
        scratch_sql(&base, "DELETE FROM %s WHERE mqtt_instance_id = '" INSTANCE "' AND %s", table, where);
        scratch_sql(&base,
                    "INSERT INTO login_removal (mqtt_instance_id, revision, kind, key) VALUES ('" INSTANCE
                    "', " NOW ", '%s', E'%s')",
                    table, key);
}

/* ---- the broker's part ---- */

static struct snapshot *load(struct snapshot *last)
{
        struct snapshot *next = NULL;

        json_decref(rejected);
        rejected = NULL;
        cr_assert_eq(snapshot_load(&source, last, &next, &rejected), ERR_OK, "%s", db_why(db));
        snapshot_unref(last);
        return next;
}

static struct bytes bytes_of(const char *text)
{
        return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static bool has(const struct snapshot *s, enum login_kind kind, const char *key)
{
        return login_map_find(s->logins, kind, bytes_of(key)) != NULL;
}

static bool credential_is(const struct snapshot *s, const char *client_id, const char *secret)
{
        const struct login_entry *e = login_map_find(s->logins, LOGIN_DEVICE_CREDENTIAL, bytes_of(client_id));
        struct login_credential c;
        char id[128];

        (void)snprintf(id, sizeof id, "DC.%s", client_id);
        return e != NULL && login_credential_read(e, &c) && c.access_key_id.len == strlen(id) &&
               memcmp(c.access_key_id.data, id, strlen(id)) == 0 && c.secret.len == strlen(secret) &&
               memcmp(c.secret.data, secret, strlen(secret)) == 0;
}

static int permissions_of(const struct snapshot *s, const char *user)
{
        const struct login_entry *e;
        struct login_permission p;
        char key[128];
        struct rd r;
        int count = 0;

        (void)snprintf(key, sizeof key, "0\x1f%s", user);
        e = login_map_find(s->logins, LOGIN_PERMISSIONS, bytes_of(key));
        if (e == NULL)
                return 0;
        r = rd_of(login_value(e).data, login_value(e).len);
        while (login_permission_read(&r, &p))
                count++;
        return count;
}

static bool complains_of(const char *name)
{
        size_t n;
        json_t *row;

        json_array_foreach(rejected, n, row)
        {
                const char *login = json_string_value(json_object_get(row, "login"));

                if (login != NULL && strcmp(login, name) == 0)
                        return true;
        }
        return false;
}

static void fill(void)
{
        put_key("mqtt_group", "group_id", "GID_pumps");
        put_key("mqtt_group", "group_id", "GID_valves");
        put_key("parent_topic", "topic", "Pumps");
        put_key("connect_black", "client_id", "GID_pumps@@@9");
        put_token_key(base.master, "0123456789abcdef0123456789abcdef");
        put_credential(base.master, "GID_pumps@@@1", "one");
        put_credential(base.master, "GID_pumps@@@2", "two");
        put_identity(base.master, "pump", "", "user");
        put_identity(base.master, "pump", "GID_pumps@@@1", "client");
        put_permission("pump", "a/#", 3, true);
        put_permission("pump", "a/secret", 2, false);
        put_permission("valve", "v", 1, true);
        scratch_sql(&base,
                    "INSERT INTO token_revocation (mqtt_instance_id, token_id, expires_at, revision) "
                    "VALUES ('" INSTANCE "', 'sixteen bytes it'::bytea, now() + interval '1 hour', " NOW ")");
}

/* ---- stories ---- */

Test(login_load, reads_what_the_api_writes)
{
        fill();
        scratch_sql(&base,
                    "INSERT INTO mqtt_group (mqtt_instance_id, group_id, revision) VALUES ('mqtt-other', "
                    "'GID_theirs', 0)");
        struct snapshot *s = load(NULL);
        static const size_t counts[LOGIN_KINDS] = {[LOGIN_GROUP] = 2,
                                                   [LOGIN_PARENT_TOPIC] = 1,
                                                   [LOGIN_TOKEN_KEY] = 1,
                                                   [LOGIN_TOKEN_REVOCATION] = 1,
                                                   [LOGIN_DEVICE_CREDENTIAL] = 2,
                                                   [LOGIN_IDENTITY] = 2,
                                                   [LOGIN_PERMISSIONS] = 2,
                                                   [LOGIN_BLACK] = 1};

        for (int kind = 0; kind < LOGIN_KINDS; kind++)
                cr_assert_eq(login_map_count(s->logins, (enum login_kind)kind), counts[kind], "kind %d",
                             kind);
        cr_assert(has(s, LOGIN_GROUP, "GID_pumps") && has(s, LOGIN_PARENT_TOPIC, "pumps"));
        cr_assert(has(s, LOGIN_TOKEN_REVOCATION, "sixteen bytes it") && has(s, LOGIN_BLACK, "GID_pumps@@@9"));
        cr_assert(credential_is(s, "GID_pumps@@@1", "one") && credential_is(s, "GID_pumps@@@2", "two"));
        struct login_identity i;
        struct login_entry *e =
                login_map_find(s->logins, LOGIN_IDENTITY, bytes_of("1\x1fpump\x1fGID_pumps@@@1"));
        cr_assert(e != NULL && login_identity_read(e, &i) && i.is_signed);
        cr_assert(i.secret.len == 6 && memcmp(i.secret.data, "client", 6) == 0);
        cr_assert(has(s, LOGIN_IDENTITY, "0\x1fpump\x1f"));
        e = login_map_find(s->logins, LOGIN_TOKEN_KEY, bytes_of(""));
        cr_assert(e != NULL && memcmp(login_value(e).data, "0123456789abcdef0123456789abcdef", 32) == 0);
        cr_assert_eq(permissions_of(s, "pump"), 2);
        cr_assert_eq(permissions_of(s, "valve"), 1);
        cr_assert_eq(json_array_size(rejected), 0);
        snapshot_unref(s);
}

Test(login_load, shares_the_map_while_nothing_changes_also_over_a_full_load)
{
        fill();
        struct snapshot *s = load(NULL);
        struct login_map *first = s->logins;

        next_revision();
        s = load(s);
        cr_assert_eq(s->logins, first);
        scratch_sql(&base, "UPDATE instance SET revision = revision + 1, marks_from = revision + 1");
        s = load(s);
        cr_assert_eq(s->logins, first, "nothing was marked, everything was read, and it is the same");
        next_revision();
        put_key("mqtt_group", "group_id", "GID_more");
        s = load(s);
        cr_assert_neq(s->logins, first);
        snapshot_unref(s);
}

Test(login_load, follows_what_is_removed_and_made_again)
{
        fill();
        struct snapshot *s = load(NULL);

        next_revision();
        removed("mqtt_group", "group_id = 'GID_pumps'", "GID_pumps");
        removed("parent_topic", "topic = 'Pumps'", "Pumps");
        removed("device_credential", "client_id = 'GID_pumps@@@1'", "GID_pumps@@@1");
        removed("custom_identity", "identity_type = 1", "1\\x1fpump\\x1fGID_pumps@@@1");
        removed("custom_permission", "topic = 'a/secret'", "0\\x1fpump\\x1fa/secret");
        removed("custom_permission", "identity = 'valve'", "0\\x1fvalve\\x1fv");
        removed("connect_black", "true", "GID_pumps@@@9");
        s = load(s);
        cr_assert_not(has(s, LOGIN_GROUP, "GID_pumps") || has(s, LOGIN_PARENT_TOPIC, "pumps"));
        cr_assert_not(has(s, LOGIN_DEVICE_CREDENTIAL, "GID_pumps@@@1") ||
                      has(s, LOGIN_BLACK, "GID_pumps@@@9"));
        cr_assert_not(has(s, LOGIN_IDENTITY, "1\x1fpump\x1fGID_pumps@@@1"));
        cr_assert(has(s, LOGIN_IDENTITY, "0\x1fpump\x1f") && has(s, LOGIN_GROUP, "GID_valves"));
        cr_assert_eq(permissions_of(s, "pump"), 1);
        cr_assert_eq(permissions_of(s, "valve"), 0);
        next_revision();
        put_key("mqtt_group", "group_id", "GID_pumps");
        removed("mqtt_group", "group_id = 'GID_pumps'", "GID_pumps");
        put_key("mqtt_group", "group_id", "GID_pumps"); /* within what one load sees */
        put_permission("valve", "w", 2, true);
        s = load(s);
        cr_assert(has(s, LOGIN_GROUP, "GID_pumps"));
        cr_assert_eq(permissions_of(s, "valve"), 1);
        snapshot_unref(s);
}

Test(login_load, keeps_what_it_had_of_a_row_that_does_not_open_until_it_does)
{
        struct master_key *other = scratch_other_master();

        fill();
        struct snapshot *s = load(NULL);
        next_revision();
        put_credential(other, "GID_pumps@@@1", "other");
        put_credential(other, "GID_pumps@@@3", "never had");
        put_identity(other, "pump", "", "other");
        put_token_key(other, "another key of 32 bytes, as it i");
        s = load(s);
        for (int n = 0; n < 2; n++) {
                cr_assert(credential_is(s, "GID_pumps@@@1", "one"));
                cr_assert_not(has(s, LOGIN_DEVICE_CREDENTIAL, "GID_pumps@@@3"));
                cr_assert(has(s, LOGIN_IDENTITY, "0\x1fpump\x1f"));
                cr_assert_eq(json_array_size(rejected), 4);
                cr_assert(complains_of("GID_pumps@@@1") && complains_of("GID_pumps@@@3"));
                cr_assert(complains_of("0\x1fpump\x1f") && complains_of("token key"));
                next_revision(); /* and the next load, in which they have not changed, says it too */
                s = load(s);
        }
        next_revision();
        put_credential(base.master, "GID_pumps@@@3", "now");
        removed("device_credential", "client_id = 'GID_pumps@@@1'", "GID_pumps@@@1");
        s = load(s);
        cr_assert(credential_is(s, "GID_pumps@@@3", "now"));
        cr_assert_not(has(s, LOGIN_DEVICE_CREDENTIAL, "GID_pumps@@@1"));
        cr_assert_eq(json_array_size(rejected), 2);
        snapshot_unref(s);
        master_key_close(other);
}

Test(login_load, leaves_out_a_permission_for_what_is_no_filter)
{
        put_permission("pump", "a/#/b", 3, true);
        put_permission("pump", "a", 3, true);
        put_permission("pump", "", 3, false);
        struct snapshot *s = load(NULL);

        cr_assert_eq(permissions_of(s, "pump"), 1);
        cr_assert_eq(json_array_size(rejected), 2);
        snapshot_unref(s);
}

Test(login_load, whoever_has_more_permissions_than_fit_may_nothing_and_harms_nobody)
{
        put_permission("valve", "v", 1, true);
        scratch_sql(&base,
                    "INSERT INTO custom_permission (mqtt_instance_id, identity_type, identity, topic, "
                    "permit_action, allow, revision) SELECT '" INSTANCE
                    "', 0, 'pump', repeat('t', 2040) || n, 3, true, " NOW " FROM generate_series(1, 9000) n");
        struct snapshot *s = load(NULL);

        cr_assert_eq(permissions_of(s, "pump"), 0);
        cr_assert_eq(permissions_of(s, "valve"), 1);
        cr_assert_eq(json_array_size(rejected), 1);
        next_revision();
        scratch_sql(&base, "UPDATE custom_permission SET revision = " NOW " WHERE identity = 'pump'");
        removed("custom_permission", "identity = 'pump' AND length(topic) > 2043", "0\\x1fpump\\x1f9000");
        s = load(s);
        cr_assert_eq(permissions_of(s, "pump"), 999, "they fit again");
        cr_assert_eq(json_array_size(rejected), 0);
        snapshot_unref(s);
}

Test(login_load, an_instance_made_anew_inherits_nothing)
{
        fill();
        struct snapshot *s = load(NULL);

        scratch_sql(&base, "DELETE FROM instance WHERE mqtt_instance_id = '" INSTANCE "'");
        scratch_sql(&base, "INSERT INTO instance (mqtt_instance_id, name, revision, created_at) VALUES "
                           "('" INSTANCE "', 'again', 50, now() + interval '1 second')");
        s = load(s);
        for (int kind = 0; kind < LOGIN_KINDS; kind++)
                cr_assert_eq(login_map_count(s->logins, (enum login_kind)kind), 0);
        snapshot_unref(s);
}

/* One of a few of each kind, put or taken away, at random. */
static void change_something(void)
{
        char name[32], where[64], key[64];
        int n = (int)(random() % 4);

        (void)snprintf(name, sizeof name, "GID_x@@@%d", n);
        switch (random() % 6) {
        case 0:
                put_credential(base.master, name, random() % 2 == 0 ? "a" : "b");
                break;
        case 1:
                (void)snprintf(where, sizeof where, "client_id = '%s'", name);
                removed("device_credential", where, name);
                break;
        case 2:
                put_permission("pump", name, 1 + (int)(random() % 3), random() % 2 == 0);
                break;
        case 3:
                (void)snprintf(where, sizeof where, "identity = 'pump' AND topic = '%s'", name);
                (void)snprintf(key, sizeof key, "0\\x1fpump\\x1f%s", name);
                removed("custom_permission", where, key);
                break;
        case 4:
                put_identity(base.master, name, "", "c");
                break;
        default:
                (void)snprintf(where, sizeof where, "user_name = '%s'", name);
                (void)snprintf(key, sizeof key, "0\\x1f%s\\x1f", name);
                removed("custom_identity", where, key);
        }
}

Test(login_load, a_chain_of_partial_loads_is_one_full_load)
{
        struct snapshot *chain = load(NULL);

        srandom(11);
        for (int round = 0; round < 60; round++) {
                for (int n = (int)(random() % 3); n >= 0; n--) {
                        next_revision();
                        change_something();
                }
                if (random() % 3 == 0)
                        continue;
                chain = load(chain);
                struct snapshot *full = load(NULL);
                cr_assert(login_map_equal(chain->logins, full->logins), "round %d", round);
                snapshot_unref(full);
        }
        snapshot_unref(chain);
}

enum { MANY = 100000, AT_ONCE = 5000 };

static void put_many(int first)
{
        CLEANUP(buf) struct buf sql = BUF_UP_TO(16 * 1024 * 1024);
        PGresult *done;

        cr_assert_eq(buf_add_text(&sql, "INSERT INTO device_credential (mqtt_instance_id, client_id, "
                                        "access_key_id, secret_sealed, revision) VALUES "),
                     ERR_OK);
        for (int n = first; n < first + AT_ONCE; n++) {
                char context[128];

                (void)snprintf(context, sizeof context, "device_credential.secret:" INSTANCE "/GID_x@@@%d",
                               n);
                cr_assert_eq(buf_addf(&sql, "%s('" INSTANCE "', 'GID_x@@@%d', 'DC.GID_x@@@%d', '\\x%s', 0)",
                                      n == first ? "" : ", ", n, n, sealed(base.master, context, "secret")),
                             ERR_OK);
        }
        done = PQexec(base.admin, buf_text(&sql));
        cr_assert_eq(PQresultStatus(done), PGRES_COMMAND_OK, "%s", PQerrorMessage(base.admin));
        PQclear(done);
}

/* The bounds are for a build with sanitizers on a busy machine; without, it is a fraction of them. */
Test(login_load, a_hundred_thousand_credentials_take_seconds_and_one_more_none)
{
        int64_t began, all_ms, one_ms = INT64_MAX; /* the least of a few: a machine may stall for a second */
        struct snapshot *s;

        for (int n = 0; n < MANY; n += AT_ONCE)
                put_many(n);
        began = clock_ms();
        s = load(NULL);
        all_ms = clock_ms() - began;
        cr_assert_eq(login_map_count(s->logins, LOGIN_DEVICE_CREDENTIAL), MANY);
        cr_assert(credential_is(s, "GID_x@@@99999", "secret"));
        for (int n = 0; n < 5; n++) {
                char client_id[64];

                (void)snprintf(client_id, sizeof client_id, "GID_x@@@one-more-%d", n);
                next_revision();
                put_credential(base.master, client_id, "secret");
                began = clock_ms();
                s = load(s);
                int64_t took_ms = clock_ms() - began;
                one_ms = took_ms < one_ms ? took_ms : one_ms;
                cr_assert(credential_is(s, client_id, "secret") && credential_is(s, "GID_x@@@0", "secret"));
        }
        cr_log_info("%d credentials in %d ms, one more in %d ms", MANY, (int)all_ms, (int)one_ms);
        cr_assert_lt(all_ms, 15000);
        cr_assert_lt(one_ms, 500);
        snapshot_unref(s);
}
