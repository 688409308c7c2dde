/* SPDX-License-Identifier: Apache-2.0 */
/* Which access keys a snapshot has: those that clients may sign in to its instance with. */
#include "broker/snapshot_load.h"

#include "common/model.h"
#include "scratch_database.h"

#include <criterion/criterion.h>
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

TestSuite(access_key_load, .init = begin, .fini = end, .timeout = 120);

static void next_revision(void)
{
        scratch_sql(&base, "UPDATE instance SET revision = revision + 1");
}

/* The snapshot after `last`, which is let go. */
static struct snapshot *load(struct snapshot *last)
{
        struct snapshot *next = NULL;

        json_decref(rejected);
        rejected = NULL;
        cr_assert_eq(snapshot_load(&source, last, &next, &rejected), ERR_OK, "%s", db_why(db));
        snapshot_unref(last);
        return next;
}

static const char *complaint(size_t n)
{
        return json_string_value(json_object_get(json_array_get(rejected, n), "accessKey"));
}

static bool secret_is(const struct snapshot *s, const char *id, const char *expected)
{
        const char *secret;
        size_t len;

        return snapshot_access_key(s, id, strlen(id), &secret, &len) && len == strlen(expected) &&
               memcmp(secret, expected, len) == 0;
}

static bool knows(const struct snapshot *s, const char *id)
{
        const char *secret;
        size_t len;

        return snapshot_access_key(s, id, strlen(id), &secret, &len);
}

static void key_with(const char *id, const char *action, const char *instance)
{
        scratch_access_key(&base, id, "secret", base.master);
        scratch_grant(&base, id, action, instance);
}

Test(access_key_load, has_the_accounts_enabled_ones)
{
        struct master_key *other = scratch_other_master();

        key_with("LTAIone", "admin", "*");
        key_with("LTAItwo", "admin", "*");
        key_with("LTAIstranger", "admin", "*");
        scratch_access_key(&base, "LTAItwo", "secret two", base.master);
        scratch_sql(&base, "UPDATE access_key SET account_id = 2 WHERE access_key_id = 'LTAIstranger'");
        struct snapshot *s = load(NULL);
        cr_assert(secret_is(s, "LTAIone", "secret"));
        cr_assert(secret_is(s, "LTAItwo", "secret two"));
        cr_assert_not(knows(s, "LTAIstranger"));

        struct access_keys *keys = s->access_keys;
        next_revision();
        s = load(s);
        cr_assert_eq(s->access_keys, keys, "nothing changed, so the old table is shared");

        scratch_sql(&base, "UPDATE access_key SET enabled = false WHERE access_key_id = 'LTAItwo'");
        scratch_access_key(&base, "LTAIone", "not readable", other);
        scratch_access_key(&base, "LTAInew", "not readable", other);
        scratch_grant(&base, "LTAInew", "admin", "*");
        next_revision();
        s = load(s);
        cr_assert(secret_is(s, "LTAIone", "secret"), "the old one is kept");
        cr_assert_not(knows(s, "LTAItwo"));
        cr_assert_not(knows(s, "LTAInew"));
        cr_assert_eq(json_array_size(rejected), 2);
        cr_assert_str_eq(complaint(0), "LTAInew");
        cr_assert_str_eq(complaint(1), "LTAIone");
        snapshot_unref(s);
        master_key_close(other);
}

Test(access_key_load, has_those_with_a_grant_to_sign_in_to_this_instance)
{
        static const struct {
                const char *action, *instance;
                bool may;
        } cases[] = {
                {"read", "*", false},
                {"read", INSTANCE, false},
                {"write", "*", true},
                {"write", INSTANCE, true},
                {"write", "mqtt-other", false},
                {"write", "mqtt-tes", false},
                {"admin", INSTANCE, true},
                {"admin", "mqtt-other", false},
                {"mq:MqttInstanceAccess", INSTANCE, true},
                {"mq:MqttInstanceAccess", "mqtt-other", false},
                {"mq:MqttInstanceAccess", "*", true},
                {"mq:MqttInstanceAcces", "*", false},
                {"mq:MqttInstanceAccesses", "*", false},
                {"mq:*", INSTANCE, true},
                {"mq:Mqtt*", "*", true},
                {"mq:MqttInstanceAccess*", "*", true},
                {"mq:Set*", "*", false},
                {"mq:%*", "*", false},
                {"mq:_*", "*", false},
                {"signet:*", "*", false},
                {"ram:*", "*", false},
                {"mq:SetSniConfig", INSTANCE, false},
        };
        enum { CASES = sizeof cases / sizeof cases[0] };
        char id[32];

        scratch_access_key(&base, "LTAInothing", "secret", base.master);
        for (int i = 0; i < CASES; i++) {
                (void)snprintf(id, sizeof id, "LTAI%d", i);
                key_with(id, cases[i].action, cases[i].instance);
        }
        struct snapshot *s = load(NULL);
        for (int i = 0; i < CASES; i++) {
                (void)snprintf(id, sizeof id, "LTAI%d", i);
                cr_assert_eq(knows(s, id), cases[i].may, "%s on %s", cases[i].action, cases[i].instance);
        }
        cr_assert_not(knows(s, "LTAInothing"));
        cr_assert_eq(json_array_size(rejected), 0, "a key without the right is not a bad row");
        snapshot_unref(s);
}

Test(access_key_load, loses_a_key_with_its_right_and_has_it_back_with_it)
{
        key_with("LTAIone", "write", INSTANCE);
        struct snapshot *s = load(NULL);
        cr_assert(knows(s, "LTAIone"));
        scratch_sql(&base, "UPDATE access_grant SET mqtt_instance_id = 'mqtt-other'");
        next_revision();
        s = load(s);
        cr_assert_not(knows(s, "LTAIone"));
        scratch_grant(&base, "LTAIone", "mq:MqttInstanceAccess", INSTANCE);
        next_revision();
        s = load(s);
        cr_assert(knows(s, "LTAIone"));
        scratch_sql(&base, "UPDATE access_key SET enabled = false");
        next_revision();
        s = load(s);
        cr_assert_not(knows(s, "LTAIone"));
        scratch_sql(&base, "UPDATE access_key SET enabled = true");
        next_revision();
        s = load(s);
        cr_assert(knows(s, "LTAIone"));
        scratch_sql(&base, "DELETE FROM access_key");
        next_revision();
        s = load(s);
        cr_assert_not(knows(s, "LTAIone"));
        snapshot_unref(s);
}
