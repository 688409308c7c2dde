/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/client_auth.h"

#include "common/crypt.h"
#include "common/text.h"

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
