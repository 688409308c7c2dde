/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/client_auth.h"

#include "common/crypt.h"
#include "common/text.h"

#include <string.h>

struct login { /* the parts of a user name, borrowed */
        struct bytes access_key_id, instance;
};

typedef struct client_verdict mode_fn(const struct snapshot *s, const struct login *login,
                                      const struct mqtt_connect *p);

static const struct client_verdict bad_login = {REFUSAL_BAD_LOGIN, NULL};

/* Signature: password = base64(HMAC-SHA1(AccessKeySecret, client ID)). */
static struct client_verdict by_signature(const struct snapshot *s, const struct login *login,
                                          const struct mqtt_connect *p)
{
        CLEANUP(buf) struct buf expected = BUF_UP_TO(64);
        const char *secret = NULL;
        uint8_t mac[SHA1_BYTES];
        size_t secret_len = 0;
        char *id;

        if (!snapshot_access_key(s, (const char *)login->access_key_id.data, login->access_key_id.len,
                                 &secret, &secret_len))
                return bad_login;
        crypt_hmac_sha1(secret, secret_len, p->client_id.data, p->client_id.len, mac);
        if (text_base64(mac, sizeof mac, &expected) != ERR_OK)
                return (struct client_verdict){REFUSAL_NO_MEMORY, NULL};
        if (!crypt_equal(expected.data, expected.len, p->password.data, p->password.len))
                return bad_login;
        id = strndup((const char *)login->access_key_id.data, login->access_key_id.len);
        if (id == NULL)
                return (struct client_verdict){REFUSAL_NO_MEMORY, NULL};
        return (struct client_verdict){REFUSAL_NONE, id};
}

static const struct {
        const char *name;
        mode_fn *check;
} modes[] = {
        {"Signature", by_signature},
};

static bool same(struct bytes part, const char *text)
{
        return part.len == strlen(text) && memcmp(part.data, text, part.len) == 0;
}

/* Cuts `Mode|AccessKeyId|InstanceId` at its two bars. */
static bool cut(struct bytes user_name, struct bytes parts[3])
{
        const uint8_t *at = user_name.data, *end = at + user_name.len;

        for (int n = 0; n < 3; n++) {
                const uint8_t *bar = n < 2 && at != NULL ? memchr(at, '|', (size_t)(end - at)) : end;

                if (bar == NULL)
                        return false;
                parts[n] = (struct bytes){at, (size_t)(bar - at)};
                at = bar + 1;
        }
        return true;
}

struct client_verdict client_auth(const struct snapshot *s, const char *instance,
                                  const struct mqtt_connect *p)
{
        struct bytes parts[3];

        if (s == NULL)
                return (struct client_verdict){REFUSAL_NO_CONFIGURATION, NULL};
        if (!p->has_user_name || !p->has_password)
                return (struct client_verdict){REFUSAL_NO_LOGIN, NULL};
        if (!cut(p->user_name, parts) || !same(parts[2], instance))
                return bad_login;
        for (size_t n = 0; n < sizeof modes / sizeof modes[0]; n++)
                if (same(parts[0], modes[n].name))
                        return modes[n].check(s, &(struct login){parts[1], parts[2]}, p);
        return bad_login;
}
