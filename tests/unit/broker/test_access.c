/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/access.h"

#include "common/clock.h"
#include "login_rows.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct snapshot s;

static void begin(void)
{
        s = (struct snapshot){0};
        cr_assert_eq(access_keys_new(10, &s.token_keys), ERR_OK);
        cr_assert_eq(access_keys_add(s.token_keys, "LTAIx", NULL, 0), ERR_OK);
}

static void end(void)
{
        login_snapshot_done(&s);
}

TestSuite(access, .init = begin, .fini = end);

static bool may_publish(struct access *a, const char *topic)
{
        return access_judge(a, s.logins, ACCESS_PUBLISH, login_text(topic)) == MQTT_SUCCESS;
}

static bool may_subscribe(struct access *a, const char *filter)
{
        return access_judge(a, s.logins, ACCESS_SUBSCRIBE, login_text(filter)) == MQTT_SUCCESS;
}

static struct access *of_pump(void)
{
        struct access *a =
                access_of_identity(login_text("0\x1fpump\x1f"), login_text("pump"), login_text("GID_a@@@1"));

        cr_assert_not_null(a);
        return a;
}

static enum refusal authority(const struct access *a)
{
        enum token_fault fault;
        uint8_t type;

        return access_authority(a, &s, clock_unix_ms(), &fault, &type);
}

Test(access, none_and_that_of_a_credential_may_everything)
{
        struct access *a = access_of_credential();

        cr_assert(may_publish(NULL, "a") && may_subscribe(NULL, "#"));
        cr_assert(may_publish(a, "a") && may_subscribe(a, "#"));
        cr_assert_not(access_is_bounded(NULL) || access_is_bounded(a));
        cr_assert_eq(authority(a), REFUSAL_NONE);
        cr_assert_null(access_tokens(a));
        access_free(a);
}

Test(access, without_permissions_nothing_is_allowed)
{
        struct access *a = of_pump();

        cr_assert_not(may_publish(a, "a"));
        cr_assert_not(may_subscribe(a, "a"));
        cr_assert(access_is_bounded(a));
        access_free(a);
}

Test(access, what_is_denied_is_denied_whatever_allows_it)
{
        struct access *a = of_pump();

        login_permissions(&s, "0:pump", "+PS a/# -S a/secret/# -P a/+/off");
        login_permissions(&s, "1:GID_a@@@1", "-PS a/mine +S b/#");
        cr_assert(may_publish(a, "a/1") && may_publish(a, "a/secret/x"));
        cr_assert_not(may_publish(a, "a/1/off") || may_publish(a, "a/mine") || may_publish(a, "b/1"));
        cr_assert(may_subscribe(a, "a/1/#") && may_subscribe(a, "b/+/x"));
        cr_assert_not(may_subscribe(a, "a/#") || may_subscribe(a, "a/+") || may_subscribe(a, "a/secret"));
        cr_assert_not(may_subscribe(a, "a/mine") || may_subscribe(a, "#"));
        access_free(a);
}

Test(access, permissions_of_others_are_nobodys_business)
{
        struct access *a = of_pump();

        login_permissions(&s, "0:pump2", "+PS a/#");
        login_permissions(&s, "1:pump", "+PS a/#");
        login_permissions(&s, "0:GID_a@@@1", "+PS a/#");
        cr_assert_not(may_publish(a, "a/1"));
        access_free(a);
}

Test(access, remembers_an_answer_until_permissions_change)
{
        struct access *a = of_pump();

        login_permissions(&s, "0:pump", "+P a/#");
        for (int n = 0; n < 3; n++)
                cr_assert(may_publish(a, "a/1"));
        login_permissions(&s, "0:pump", "+P a/2");
        for (int n = 0; n < 3; n++)
                cr_assert_not(may_publish(a, "a/1"));
        for (int n = 0; n < 100; n++) { /* more than it remembers */
                char topic[16];

                (void)snprintf(topic, sizeof topic, "a/%d", n);
                cr_assert_eq(may_publish(a, topic), n == 2);
        }
        login_permissions(&s, "0:pump", "");
        cr_assert_not(may_publish(a, "a/2"));
        access_free(a);
}

Test(access, judges_topics_of_any_length)
{
        struct access *a = of_pump();
        char topic[1000];

        login_permissions(&s, "0:pump", "+P a/#");
        memset(topic, 'x', sizeof topic);
        topic[0] = 'a';
        topic[1] = '/';
        for (size_t len = 2; len < sizeof topic; len++) {
                struct bytes good = {(const uint8_t *)topic, len},
                             bad = {(const uint8_t *)topic + 2, len - 2};

                cr_assert_eq(access_judge(a, s.logins, ACCESS_PUBLISH, good), MQTT_SUCCESS);
                if (bad.len > 0)
                        cr_assert_eq(access_judge(a, s.logins, ACCESS_PUBLISH, bad), MQTT_NOT_AUTHORIZED_5);
        }
        access_free(a);
}

Test(access, ends_with_its_identity)
{
        struct access *a = of_pump();

        cr_assert_eq(authority(a), REFUSAL_IDENTITY_GONE);
        login_identity(&s, "pump", "GID_a@@@1", false, "x");
        cr_assert_eq(authority(a), REFUSAL_IDENTITY_GONE, "that is another one");
        login_identity(&s, "pump", "", false, "x");
        cr_assert_eq(authority(a), REFUSAL_NONE);
        access_free(a);
}

static enum token_fault add(struct login_tokens *t, const char *type, const char *text)
{
        return login_tokens_add(t, &s, LOGIN_INSTANCE, token_type_read(login_text(type)), login_text(text),
                                clock_unix_ms());
}

Test(access, tokens_grant_what_they_were_shown_for)
{
        struct login_tokens t = {0};
        int64_t later = clock_unix_ms() + 60000;
        struct access *a;

        cr_assert_eq(add(&t, "R", login_token_text(1, "a", 1, later, 1)), TOKEN_FORGED, "no key is there");
        login_token_key(&s, 1);
        cr_assert_eq(add(&t, "R", login_token_text(2, "a", 1, later, 1)), TOKEN_BAD_SIGNATURE);
        cr_assert_eq(add(&t, "W", login_token_text(1, "a", 1, later, 1)), TOKEN_OTHER_TYPE);
        cr_assert_eq(add(&t, "RW", login_token_text(1, "a", 2, later, 1)), TOKEN_OTHER_TYPE);
        cr_assert_eq(add(&t, "R", login_token_text(1, "a", 1, clock_unix_ms(), 1)), TOKEN_ENDED);
        cr_assert_eq(add(&t, "R", "x"), TOKEN_FORGED);
        cr_assert_eq(add(&t, "R", login_token_text(1, "r/+,x", 3, later, 1)), TOKEN_GOOD);
        cr_assert_eq(add(&t, "W", login_token_text(1, "w/#", 2, later, 2)), TOKEN_GOOD);
        a = access_of_tokens(&t);
        cr_assert(may_subscribe(a, "r/1") && may_subscribe(a, "x") && may_publish(a, "w/1"));
        cr_assert_not(may_publish(a, "r/1") || may_subscribe(a, "w/1") || may_subscribe(a, "r/#"));
        cr_assert_eq(add(access_tokens(a), "W", login_token_text(1, "v/#", 2, later, 3)), TOKEN_GOOD);
        access_forget(a);
        cr_assert(may_publish(a, "v/1") && may_subscribe(a, "r/1"));
        cr_assert_not(may_publish(a, "w/1"));
        access_free(a);
}

Test(access, tokens_end_when_they_are_revoked_or_their_key_goes)
{
        static const char revoked[] = "\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07\x07";
        struct login_tokens t = {0};
        int64_t now = clock_unix_ms();
        enum token_fault fault;
        uint8_t type = 0;

        login_token_key(&s, 1);
        cr_assert_eq(add(&t, "R", login_token_text(1, "a", 1, now + 60000, 1)), TOKEN_GOOD);
        cr_assert_eq(add(&t, "RW", login_token_text(1, "a", 3, now + 90000, 7)), TOKEN_GOOD);
        struct access *a = access_of_tokens(&t);
        cr_assert_eq(access_authority(a, &s, now + 59999, &fault, &type), REFUSAL_NONE);
        cr_assert_eq(access_authority(a, &s, now + 60000, &fault, &type), REFUSAL_TOKEN_EXPIRED);
        cr_assert(fault == TOKEN_ENDED && type == TOKEN_READ);
        login_change(&s, LOGIN_TOKEN_REVOCATION, revoked, "", 0);
        cr_assert_eq(access_authority(a, &s, now, &fault, &type), REFUSAL_TOKEN_REVOKED);
        cr_assert(fault == TOKEN_IS_REVOKED && type == (TOKEN_READ | TOKEN_WRITE));
        login_change(&s, LOGIN_TOKEN_REVOCATION, revoked, NULL, 0);
        login_token_key(&s, 2);
        cr_assert_eq(access_authority(a, &s, now, &fault, &type), REFUSAL_TOKEN_NOT_GOOD);
        login_token_key(&s, 1);
        cr_assert_eq(authority(a), REFUSAL_NONE);
        access_keys_unref(s.token_keys);
        s.token_keys = NULL;
        cr_assert_eq(access_authority(a, &s, now, &fault, &type), REFUSAL_TOKEN_KEY_GONE);
        cr_assert_eq(fault, TOKEN_ACCOUNT);
        access_free(a);
}

Test(access, its_client_is_told_of_each_token_once_and_five_minutes_before)
{
        struct login_tokens t = {0};
        int64_t now = clock_unix_ms();
        uint8_t type = 0;

        cr_assert_eq(login_tokens_next_ms(&t), INT64_MAX);
        login_token_key(&s, 1);
        cr_assert_eq(add(&t, "R", login_token_text(1, "a", 1, now + 600000, 1)), TOKEN_GOOD);
        cr_assert_eq(add(&t, "W", login_token_text(1, "a", 2, now + 700000, 2)), TOKEN_GOOD);
        cr_assert_eq(login_tokens_next_ms(&t), now + 300000);
        cr_assert_null(login_tokens_ending(&t, now + 299999, &type));
        struct login_token *ending = login_tokens_ending(&t, now + 300000, &type);
        cr_assert(ending != NULL && type == TOKEN_READ);
        ending->told = true;
        cr_assert_null(login_tokens_ending(&t, now + 300000, &type));
        cr_assert_eq(login_tokens_next_ms(&t), now + 400000);
        ending = login_tokens_ending(&t, now + 400000, &type);
        cr_assert(ending != NULL && type == TOKEN_WRITE);
        ending->told = true;
        cr_assert_eq(login_tokens_next_ms(&t), now + 600000);
        login_tokens_done(&t);
}

Test(access, a_password_has_each_type_once)
{
        static const char *const bad[] = {"",       "R",        "R|",    "R|a|",    "|",
                                          "|R|a",   "r|a",      "RWR|a", "R|a|R|b", "R|a|W",
                                          "R||W|b", "R|a|W|b|", "a|R",   "WR|a",    "R|a|b"};
        struct token_texts texts;

        for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++)
                cr_expect_not(token_texts_read(login_text(bad[n]), &texts), "%s", bad[n]);
        cr_assert(token_texts_read(login_text("RW|both|R|r|W|w"), &texts));
        cr_assert(texts.text[0].len == 1 && texts.text[1].data[0] == 'w' && texts.text[2].len == 4);
        cr_assert(token_texts_read(login_text("W|w"), &texts));
        cr_assert(texts.text[0].len == 0 && texts.text[1].len == 1 && texts.text[2].len == 0);
}
