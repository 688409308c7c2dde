/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/client_auth.h"

#include "common/clock.h"
#include "common/crypt.h"
#include "common/text.h"
#include "login_rows.h"

#include <criterion/criterion.h>
#include <string.h>

#define INSTANCE "mqtt-cn-test"

static struct bytes bytes_of(const char *text)
{
        return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static struct snapshot snapshot_with(const char *id, const char *secret)
{
        struct snapshot s = {0};

        cr_assert_eq(access_keys_new(10, &s.access_keys), ERR_OK);
        cr_assert_eq(access_keys_add(s.access_keys, id, secret, strlen(secret)), ERR_OK);
        return s;
}

static struct client_verdict judge(const struct snapshot *s, const char *user, const char *password,
                                   const char *client_id)
{
        struct mqtt_connect p = {.client_id = bytes_of(client_id), .level = 4};

        p.has_user_name = user != NULL;
        p.has_password = password != NULL;
        if (user != NULL)
                p.user_name = bytes_of(user);
        if (password != NULL)
                p.password = bytes_of(password);
        return client_auth(s, INSTANCE, &p);
}

/* The product's own recipe: base64(HMAC-SHA1(secret, client ID)); computed once with openssl for "secret",
 * "GID_a@@@1". */
static const char good[] = "NJaMBuhsyRrFFPfXoBfV2Mf9DyM=";

static void password_for(const char *secret, const char *client_id, char ret[64])
{
        struct buf b = BUF_UP_TO(63);
        uint8_t mac[SHA1_BYTES];

        crypt_hmac_sha1(secret, strlen(secret), client_id, strlen(client_id), mac);
        cr_assert_eq(text_base64(mac, sizeof mac, &b), ERR_OK);
        snprintf(ret, 64, "%s", buf_text(&b));
        buf_done(&b);
}

Test(client_auth, lets_a_right_signature_in_and_says_whose_it_is)
{
        struct snapshot s = snapshot_with("LTAIx", "secret");
        char password[64];
        struct client_verdict v;

        password_for("secret", "GID_a@@@1", password);
        cr_assert_str_eq(password, good);
        v = judge(&s, "Signature|LTAIx|" INSTANCE, password, "GID_a@@@1");
        cr_assert_eq(v.refusal, REFUSAL_NONE);
        cr_assert_str_eq(v.access_key_id, "LTAIx");
        free(v.access_key_id);
        access_keys_unref(s.access_keys);
}

Test(client_auth, refuses_everything_else)
{
        struct snapshot s = snapshot_with("LTAIx", "secret");
        static const struct {
                const char *user, *password, *client_id;
                enum refusal refusal;
        } cases[] = {
                {"Signature|LTAIx|" INSTANCE, good, "GID_a@@@2", REFUSAL_BAD_LOGIN},
                {"Signature|LTAIx|" INSTANCE, "", "GID_a@@@1", REFUSAL_BAD_LOGIN},
                {"Signature|LTAIx|mqtt-cn-other", good, "GID_a@@@1", REFUSAL_BAD_LOGIN},
                {"Signature|LTAIx|", good, "GID_a@@@1", REFUSAL_BAD_LOGIN},
                {"Signature|LTAIx", good, "GID_a@@@1", REFUSAL_BAD_LOGIN},
                {"Signature|LTAIy|" INSTANCE, good, "GID_a@@@1", REFUSAL_BAD_LOGIN},
                {"Signature|LTAIx|" INSTANCE "|more", good, "GID_a@@@1", REFUSAL_BAD_LOGIN},
                {"signature|LTAIx|" INSTANCE, good, "GID_a@@@1", REFUSAL_BAD_LOGIN},
                {"Nonsense|LTAIx|" INSTANCE, good, "GID_a@@@1", REFUSAL_BAD_LOGIN},
                {"", good, "GID_a@@@1", REFUSAL_BAD_LOGIN},
                {"||", good, "GID_a@@@1", REFUSAL_BAD_LOGIN},
                {NULL, NULL, "GID_a@@@1", REFUSAL_NO_LOGIN},
                {"Signature|LTAIx|" INSTANCE, NULL, "GID_a@@@1", REFUSAL_NO_LOGIN},
        };

        for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
                struct client_verdict v = judge(&s, cases[n].user, cases[n].password, cases[n].client_id);

                cr_assert_eq(v.refusal, cases[n].refusal, "case %zu", n);
                cr_assert_null(v.access_key_id);
        }
        access_keys_unref(s.access_keys);
}

Test(client_auth, is_unavailable_before_anything_is_loaded)
{
        cr_assert_eq(judge(NULL, "Signature|LTAIx|" INSTANCE, good, "GID_a@@@1").refusal,
                     REFUSAL_NO_CONFIGURATION);
}

/* ---- the other modes ---- */

static enum refusal refusal_of(const struct snapshot *s, const char *user, const char *password,
                               const char *client_id)
{
        struct client_verdict v = judge(s, user, password, client_id);

        cr_assert(v.refusal == REFUSAL_NONE || (v.access == NULL && v.access_key_id == NULL));
        free(v.access_key_id);
        (void)access_free(v.access);
        return v.refusal;
}

Test(client_auth, a_device_credential_is_that_of_its_client_id)
{
        struct snapshot s = {0};
        char mine[64], theirs[64];

        login_credential(&s, "GID_a@@@1", "DC.one", "secret");
        login_credential(&s, "GID_a@@@2", "DC.two", "secret");
        password_for("secret", "GID_a@@@1", mine);
        password_for("secret", "GID_a@@@2", theirs);
        cr_assert_eq(refusal_of(&s, "DeviceCredential|DC.one|" INSTANCE, theirs, "GID_a@@@1"),
                     REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "DeviceCredential|DC.one|" INSTANCE, theirs, "GID_a@@@2"),
                     REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "DeviceCredential|DC.two|" INSTANCE, mine, "GID_a@@@1"),
                     REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "DeviceCredential||" INSTANCE, mine, "GID_a@@@1"), REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "DeviceCredential|DC.one|x", mine, "GID_a@@@1"), REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "Signature|DC.one|" INSTANCE, mine, "GID_a@@@1"), REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "DeviceCredential|DC.one|" INSTANCE, mine, ""), REFUSAL_BAD_LOGIN);
        struct client_verdict v = judge(&s, "DeviceCredential|DC.one|" INSTANCE, mine, "GID_a@@@1");
        cr_assert_eq(v.refusal, REFUSAL_NONE);
        cr_assert_str_eq(v.access_key_id, "DC.one");
        cr_assert_not_null(v.access);
        free(v.access_key_id);
        access_free(v.access);
        login_snapshot_done(&s);
}

Test(client_auth, an_identity_of_the_client_id_comes_before_that_of_the_user_name)
{
        struct snapshot s = {0};
        char signature[64];

        login_identity(&s, "pump", "", false, "user secret");
        login_identity(&s, "pump", "GID_a@@@1", true, "secret");
        password_for("secret", "GID_a@@@1", signature);
        cr_assert_eq(refusal_of(&s, "pump", "user secret", "GID_a@@@1"), REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "pump", "secret", "GID_a@@@1"), REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "pump", signature, "GID_a@@@2"), REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "pum", "user secret", "GID_a@@@2"), REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "pump\x1f", "user secret", "GID_a@@@2"), REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "0\x1fpump", "user secret", "GID_a@@@2"), REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "", "", ""), REFUSAL_BAD_LOGIN);
        cr_assert_eq(refusal_of(&s, "pump", "user secret", "GID_a@@@2"), REFUSAL_NONE);
        cr_assert_eq(refusal_of(&s, "pump", "user secret", ""), REFUSAL_NONE);
        cr_assert_eq(refusal_of(&s, "pump", signature, "GID_a@@@1"), REFUSAL_NONE);
        login_snapshot_done(&s);
}

Test(client_auth, a_name_that_only_looks_like_a_mode_is_a_name)
{
        struct snapshot s = {0};

        login_identity(&s, "Other|a|b", "", false, "x");
        login_identity(&s, "Token|a|" INSTANCE, "", false, "x");
        login_identity(&s, "Token|a", "", false, "x");
        cr_assert_eq(refusal_of(&s, "Other|a|b", "x", "c"), REFUSAL_NONE);
        cr_assert_eq(refusal_of(&s, "Token|a", "x", "c"), REFUSAL_NONE);
        cr_assert_eq(refusal_of(&s, "Token|a|" INSTANCE, "x", "c"), REFUSAL_BAD_LOGIN);
        login_snapshot_done(&s);
}

Test(client_auth, every_token_of_a_password_has_to_be_good)
{
        struct snapshot s = {0};
        int64_t later = clock_unix_ms() + 60000;
        char password[4096];
        static const char user[] = "Token|LTAIx|" INSTANCE;

        cr_assert_eq(access_keys_new(1, &s.token_keys), ERR_OK);
        cr_assert_eq(access_keys_add(s.token_keys, "LTAIx", NULL, 0), ERR_OK);
        login_token_key(&s, 1);
        (void)snprintf(password, sizeof password, "R|%s|W|%s", login_token_text(1, "a", 1, later, 1),
                       login_token_text(2, "a", 2, later, 2));
        cr_assert_eq(refusal_of(&s, user, password, "c"), REFUSAL_BAD_LOGIN);
        (void)snprintf(password, sizeof password, "R|%s|W|%s", login_token_text(1, "a", 1, later, 1),
                       login_token_text(1, "a", 2, 1, 2));
        cr_assert_eq(refusal_of(&s, user, password, "c"), REFUSAL_TOKEN_EXPIRED);
        (void)snprintf(password, sizeof password, "R|%s|W|%s", login_token_text(1, "a", 1, later, 1),
                       login_token_text(1, "b", 2, later, 2));
        cr_assert_eq(refusal_of(&s, "Token|LTAIx|other", password, "c"), REFUSAL_BAD_LOGIN);
        struct client_verdict v = judge(&s, user, password, "c");
        cr_assert_eq(v.refusal, REFUSAL_NONE);
        cr_assert_str_eq(v.access_key_id, "LTAIx");
        cr_assert(access_tokens(v.access)->of[0].there && access_tokens(v.access)->of[1].there);
        free(v.access_key_id);
        access_free(v.access);
        login_snapshot_done(&s);
}

Test(client_auth, the_black_list_is_of_client_ids)
{
        struct snapshot s = {0};

        login_change(&s, LOGIN_BLACK, "GID_a@@@1", "", 0);
        cr_assert(client_auth_is_black(&s, bytes_of("GID_a@@@1")));
        cr_assert_not(client_auth_is_black(&s, bytes_of("GID_a@@@")) ||
                      client_auth_is_black(&s, bytes_of("")));
        login_snapshot_done(&s);
}
