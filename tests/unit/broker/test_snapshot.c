/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/snapshot.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct credential *credential(int64_t id)
{
        static const uint8_t digest[32];
        const struct bytes none = {(const uint8_t *)"x", 1};
        struct credential *c = NULL;

        cr_assert_eq(credential_new(id, digest, none, NULL, 0, none, &c), ERR_OK);
        return c;
}

static struct snapshot *snapshot_new(struct credential *exact, struct credential *fallback)
{
        struct snapshot *s = calloc(1, sizeof *s);
        const struct tls_table_change change = {"a.example.com", exact};
        const struct digest_change kept_out = {{1}, true}, deleted = {{2}, true};

        cr_assert_not_null(s);
        atomic_init(&s->refs, 1);
        cr_assert_eq(tls_table_with(NULL, &change, 1, &s->tls), ERR_OK);
        cr_assert_eq(trust_with(NULL, NULL, 0, &s->trust), ERR_OK);
        cr_assert_eq(digest_set_with(NULL, &kept_out, 1, &s->inactive), ERR_OK);
        cr_assert_eq(digest_set_with(NULL, &deleted, 1, &s->removed), ERR_OK);
        s->default_credential = fallback;
        credential_unref(exact);
        return s;
}

static bool named; /* by the last question */

static struct credential *ask(const struct snapshot *s, const char *sni)
{
        return snapshot_credential(s, (const unsigned char *)sni, sni == NULL ? 0 : strlen(sni), &named);
}

Test(snapshot, answers_for_a_name_in_every_way_a_client_writes_it)
{
        struct snapshot *s = snapshot_new(credential(1), credential(2));

        cr_assert_eq(credential_id(ask(s, "a.example.com")), 1);
        cr_assert_eq(credential_id(ask(s, "A.Example.COM")), 1);
        cr_assert_eq(credential_id(ask(s, "a.example.com.")), 1);
        cr_assert(named);
        snapshot_unref(s);
}

Test(snapshot, gives_the_default_to_everything_else)
{
        struct snapshot *s = snapshot_new(credential(1), credential(2));

        cr_assert_eq(credential_id(ask(s, NULL)), 2);
        cr_assert_eq(credential_id(ask(s, "")), 2);
        cr_assert_eq(credential_id(ask(s, "b.example.com")), 2);
        cr_assert_not(named);
        cr_assert_eq(credential_id(ask(s, "192.0.2.1")), 2);
        cr_assert_eq(
                credential_id(snapshot_credential(s, (const unsigned char *)"a.example.com\0", 14, &named)),
                2);
        snapshot_unref(s);
}

Test(snapshot, without_a_default_gives_nothing_to_an_unknown_name)
{
        struct snapshot *s = snapshot_new(credential(1), NULL);

        cr_assert_null(ask(s, "b.example.com"));
        cr_assert_null(ask(s, NULL));
        snapshot_unref(s);
}

Test(snapshot, lives_until_its_last_reference)
{
        struct snapshot *s = snapshot_new(credential(1), credential(2)), *other = snapshot_ref(s);
        struct digest_set *inactive = digest_set_ref(s->inactive);
        const uint8_t kept_out[32] = {1}, deleted[32] = {2};

        cr_assert_null(snapshot_unref(s));
        cr_assert_eq(credential_id(ask(other, "a.example.com")), 1);
        cr_assert_eq(trust_count(other->trust), 0);
        cr_assert(digest_set_has(other->removed, deleted) && !digest_set_has(other->removed, kept_out));
        snapshot_unref(other);
        cr_assert(digest_set_has(inactive, kept_out), "the next snapshot may share it");
        digest_set_unref(inactive);
        cr_assert_null(snapshot_unref(NULL));
}

Test(access_keys, finds_each_secret_and_no_other)
{
        struct snapshot s = {.access_keys = NULL};
        char id[32], secret[32];
        const char *found;
        size_t len;

        cr_assert_not(snapshot_access_key(&s, "LTAI1", 5, &found, &len), "no table yet");
        cr_assert_eq(access_keys_new(500, &s.access_keys), ERR_OK);
        for (int i = 0; i < 500; i++) {
                int n = i * 7919 % 500; /* in no order */

                (void)snprintf(id, sizeof id, "LTAI%d", n);
                (void)snprintf(secret, sizeof secret, "secret-%d", n);
                cr_assert_eq(access_keys_add(s.access_keys, id, secret, strlen(secret)), ERR_OK);
        }
        for (int n = 0; n < 500; n++) {
                (void)snprintf(id, sizeof id, "LTAI%d", n);
                (void)snprintf(secret, sizeof secret, "secret-%d", n);
                cr_assert(snapshot_access_key(&s, id, strlen(id), &found, &len));
                cr_assert_eq(len, strlen(secret));
                cr_assert_arr_eq(found, secret, len);
        }
        cr_assert_not(snapshot_access_key(&s, "LTAI", 4, &found, &len));
        cr_assert_not(snapshot_access_key(&s, "LTAI500", 7, &found, &len));
        cr_assert_not(snapshot_access_key(&s, "LTAI1\0", 6, &found, &len));
        cr_assert_not(snapshot_access_key(&s, "", 0, &found, &len));
        cr_assert_eq(access_keys_add(s.access_keys, "Z", "s", 1), ERR_LIMIT);
        access_keys_unref(s.access_keys);
}

Test(access_keys, refuses_an_id_twice_and_none)
{
        struct access_keys *keys = NULL;

        cr_assert_eq(access_keys_new(3, &keys), ERR_OK);
        cr_assert_eq(access_keys_add(keys, "A", "one", 3), ERR_OK);
        cr_assert_eq(access_keys_add(keys, "B", "two", 3), ERR_OK);
        cr_assert_eq(access_keys_add(keys, "A", "two", 3), ERR_CONFLICT);
        cr_assert_eq(access_keys_add(keys, "", "two", 3), ERR_LIMIT);
        access_keys_unref(keys);
}

Test(access_keys, are_equal_only_with_the_same_secrets)
{
        struct access_keys *a = NULL, *b = NULL;

        cr_assert_eq(access_keys_new(2, &a), ERR_OK);
        cr_assert_eq(access_keys_new(3, &b), ERR_OK);
        cr_assert(access_keys_equal(a, b));
        cr_assert_not(access_keys_equal(a, NULL));
        cr_assert_eq(access_keys_add(a, "A", "one", 3), ERR_OK);
        cr_assert_not(access_keys_equal(a, b));
        cr_assert_eq(access_keys_add(b, "A", "onf", 3), ERR_OK);
        cr_assert_not(access_keys_equal(a, b));
        access_keys_unref(b);
        cr_assert_eq(access_keys_new(1, &b), ERR_OK);
        cr_assert_eq(access_keys_add(b, "A", "one", 3), ERR_OK);
        cr_assert(access_keys_equal(a, b));
        access_keys_unref(a);
        access_keys_unref(b);
}
