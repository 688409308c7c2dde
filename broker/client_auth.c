/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/client_auth.h"

#include "broker/login_load.h"
#include "broker/login_name.h"
#include "common/clock.h"
#include "common/crypt.h"
#include "common/text.h"

#include <string.h>

enum { USER_IDENTITY = '0', CLIENT_IDENTITY = '1', IDENTITY_KEY_MAX = 1024 };

struct attempt {
        const struct snapshot *s;
        const char *instance;
        const struct mqtt_connect *p;
        struct login_name name;
};

/* For whom nobody knows: as much work, and never right. */
static const char nobodys_secret[] = "nobody has this secret, it is only as long";

static struct client_verdict refused(enum refusal why)
{
        return (struct client_verdict){.refusal = why};
}

static struct bytes bytes_of(const char *text, size_t len)
{
        return (struct bytes){(const uint8_t *)text, len};
}

/* Whether the password is base64(HMAC-SHA1(secret, client ID)). REFUSAL_BAD_LOGIN when it is not, or when the
 * secret is not `known`. */
static enum refusal check_signature(struct bytes secret, bool known, const struct mqtt_connect *p)
{
        CLEANUP(buf) struct buf expected = BUF_UP_TO(64);
        uint8_t mac[SHA1_BYTES];

        if (!known)
                secret = bytes_of(nobodys_secret, sizeof nobodys_secret - 1);
        crypt_hmac_sha1(secret.data, secret.len, p->client_id.data, p->client_id.len, mac);
        if (text_base64(mac, sizeof mac, &expected) != ERR_OK)
                return REFUSAL_NO_MEMORY;
        return crypt_equal(expected.data, expected.len, p->password.data, p->password.len) && known
                       ? REFUSAL_NONE
                       : REFUSAL_BAD_LOGIN;
}

/* Accepted, if there is memory for it: takes `access`. */
static struct client_verdict accepted(struct bytes access_key_id, struct access *access)
{
        char *id = strndup((const char *)access_key_id.data, access_key_id.len);

        if (id != NULL)
                return (struct client_verdict){.access_key_id = id, .access = access};
        (void)access_free(access);
        return refused(REFUSAL_NO_MEMORY);
}

/* ---- one function a mode ---- */

/* Signature: the secret is the access key's. */
static struct client_verdict by_signature(const struct attempt *a)
{
        const char *secret = NULL;
        size_t secret_len = 0;
        bool known = snapshot_access_key(a->s, (const char *)a->name.access_key_id.data,
                                         a->name.access_key_id.len, &secret, &secret_len);
        enum refusal why = check_signature(bytes_of(secret, secret_len), known, a->p);

        return why == REFUSAL_NONE ? accepted(a->name.access_key_id, NULL) : refused(why);
}

/* DeviceCredential: the secret is the client ID's own, and so is the DeviceAccessKeyId. */
static struct client_verdict by_credential(const struct attempt *a)
{
        const struct login_entry *e = login_map_find(a->s->logins, LOGIN_DEVICE_CREDENTIAL, a->p->client_id);
        struct login_credential c = {0};
        struct bytes id = a->name.access_key_id;
        bool known = e != NULL && login_credential_read(e, &c) &&
                     crypt_equal(c.access_key_id.data, c.access_key_id.len, id.data, id.len);
        enum refusal why = check_signature(c.secret, known, a->p);
        struct access *access;

        if (why != REFUSAL_NONE)
                return refused(why);
        access = access_of_credential();
        return access == NULL ? refused(REFUSAL_NO_MEMORY) : accepted(id, access);
}

/* Who has no good token learns no more than that. */
static enum refusal token_verdict(enum token_fault fault)
{
        enum refusal why = token_refusal(fault);

        return why == REFUSAL_TOKEN_NOT_GOOD ? REFUSAL_BAD_LOGIN : why;
}

/* Token: each token says itself which access key vouches for it; the one of the user name vouches for
 * nothing. */
static struct client_verdict by_token(const struct attempt *a)
{
        CLEANUP(login_tokens) struct login_tokens tokens = {0};
        struct token_texts texts;
        const char *vouches = NULL;
        struct access *access;

        if (!token_texts_read(a->p->password, &texts))
                return refused(REFUSAL_BAD_LOGIN);
        for (uint8_t type = 1; type <= TOKEN_TYPES; type++) {
                enum token_fault fault;

                if (texts.text[type - 1].len == 0)
                        continue;
                fault = login_tokens_add(&tokens, a->s, a->instance, type, texts.text[type - 1],
                                         clock_unix_ms());
                if (fault != TOKEN_GOOD)
                        return refused(token_verdict(fault));
        }
        access = access_of_tokens(&tokens);
        if (access == NULL)
                return refused(REFUSAL_NO_MEMORY);
        for (int n = 0; n < TOKEN_TYPES && vouches == NULL; n++)
                if (access_tokens(access)->of[n].there)
                        vouches = access_tokens(access)->of[n].token.access_key_id;
        return accepted(bytes_of(vouches, strlen(vouches)), access);
}

/* The key of LOGIN_IDENTITY. False: longer than any that is there. */
static bool identity_key(char type, struct bytes user_name, struct bytes client_id, struct buf *ret)
{
        const char head[] = {type, '\x1f'};

        return buf_add(ret, head, sizeof head) == ERR_OK &&
               buf_add(ret, user_name.data, user_name.len) == ERR_OK && buf_add(ret, "\x1f", 1) == ERR_OK &&
               buf_add(ret, client_id.data, client_id.len) == ERR_OK;
}

/* ORIGIN: the password is the secret. */
static enum refusal check_identity(const struct login_identity *i, bool known, const struct mqtt_connect *p)
{
        struct bytes secret = i->secret;
        enum refusal why = check_signature(secret, known, p); /* also for nothing: the time is the same */

        if (!known || i->is_signed)
                return why;
        return crypt_equal(secret.data, secret.len, p->password.data, p->password.len) ? REFUSAL_NONE
                                                                                       : REFUSAL_BAD_LOGIN;
}

/* Custom: an identity of this client ID comes before that of the user name alone. */
static struct client_verdict by_name(const struct attempt *a)
{
        CLEANUP(buf) struct buf key = BUF_UP_TO(IDENTITY_KEY_MAX);
        const struct login_map *logins = a->s->logins;
        const struct login_entry *e = NULL;
        struct login_identity i = {0};
        struct access *access;
        enum refusal why;

        if (identity_key(CLIENT_IDENTITY, a->p->user_name, a->p->client_id, &key))
                e = login_map_find(logins, LOGIN_IDENTITY, (struct bytes){key.data, key.len});
        if (e == NULL) {
                key.len = 0;
                if (identity_key(USER_IDENTITY, a->p->user_name, (struct bytes){NULL, 0}, &key))
                        e = login_map_find(logins, LOGIN_IDENTITY, (struct bytes){key.data, key.len});
        }
        why = check_identity(&i, e != NULL && login_identity_read(e, &i), a->p);
        if (why != REFUSAL_NONE)
                return refused(why);
        access = access_of_identity((struct bytes){key.data, key.len}, a->p->user_name, a->p->client_id);
        return access == NULL ? refused(REFUSAL_NO_MEMORY) : (struct client_verdict){.access = access};
}

typedef struct client_verdict mode_fn(const struct attempt *a);

static mode_fn *const modes[] = {[LOGIN_BY_NAME] = by_name,
                                 [LOGIN_BY_SIGNATURE] = by_signature,
                                 [LOGIN_BY_TOKEN] = by_token,
                                 [LOGIN_BY_CREDENTIAL] = by_credential};

struct client_verdict client_auth(const struct snapshot *s, const char *instance,
                                  const struct mqtt_connect *p)
{
        struct attempt a = {s, instance, p, {0}};

        if (s == NULL)
                return refused(REFUSAL_NO_CONFIGURATION);
        if (!p->has_user_name || !p->has_password)
                return refused(REFUSAL_NO_LOGIN);
        a.name = login_name_read(p->user_name);
        if (a.name.mode != LOGIN_BY_NAME && (a.name.instance.len != strlen(instance) ||
                                             memcmp(a.name.instance.data, instance, strlen(instance)) != 0))
                return refused(REFUSAL_BAD_LOGIN);
        return modes[a.name.mode](&a);
}

bool client_auth_is_black(const struct snapshot *s, struct bytes client_id)
{
        return login_map_find(s->logins, LOGIN_BLACK, client_id) != NULL;
}
