/* SPDX-License-Identifier: Apache-2.0 */
#include "login_rows.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct bytes login_text(const char *text)
{
        return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static void change(struct snapshot *s, enum login_kind kind, struct bytes key, const void *value, size_t len)
{
        struct login_change one = {.there = value != NULL};
        struct login_map *next = NULL;

        one.entry = login_entry_new(kind, key, (struct bytes){value, len});
        cr_assert_not_null(one.entry);
        cr_assert_eq(login_map_with(s->logins, &one, 1, &next), ERR_OK);
        (void)login_map_unref(s->logins);
        s->logins = next;
        (void)login_entry_unref(one.entry);
}

void login_change(struct snapshot *s, enum login_kind kind, const char *key, const void *value, size_t len)
{
        change(s, kind, login_text(key), value, len);
}

void login_credential(struct snapshot *s, const char *client_id, const char *id, const char *secret)
{
        uint8_t value[256], *end = wr_u16(value, (uint16_t)strlen(id));

        end = wr_bytes(wr_bytes(end, id, strlen(id)), secret, strlen(secret));
        login_change(s, LOGIN_DEVICE_CREDENTIAL, client_id, value, (size_t)(end - value));
}

void login_identity(struct snapshot *s, const char *user, const char *client_id, bool is_signed,
                    const char *secret)
{
        char key[256];
        uint8_t value[256], *end = wr_u8(value, is_signed);

        (void)snprintf(key, sizeof key, "%d\x1f%s\x1f%s", client_id[0] != '\0', user, client_id);
        end = wr_bytes(end, secret, strlen(secret));
        login_change(s, LOGIN_IDENTITY, key, value, (size_t)(end - value));
}

void login_permissions(struct snapshot *s, const char *identity, const char *rules)
{
        uint8_t value[1024], *end = value;
        char key[128], word[128];
        int used;

        (void)snprintf(key, sizeof key, "%c\x1f%s", identity[0], identity + 2);
        while (sscanf(rules, " %127s%n", word, &used) == 1) {
                bool allow = word[0] == '+';
                uint8_t actions = (uint8_t)((strchr(word, 'P') != NULL ? LOGIN_MAY_PUBLISH : 0) |
                                            (strchr(word, 'S') != NULL ? LOGIN_MAY_SUBSCRIBE : 0));

                rules += used;
                cr_assert_eq(sscanf(rules, " %127s%n", word, &used), 1);
                rules += used;
                end = wr_u16(wr_u8(end, (uint8_t)(actions | (allow ? 4 : 0))), (uint16_t)strlen(word));
                end = wr_bytes(end, word, strlen(word));
        }
        login_change(s, LOGIN_PERMISSIONS, key, end == value ? NULL : value, (size_t)(end - value));
}

void login_token_key(struct snapshot *s, uint8_t byte)
{
        uint8_t key[TOKEN_KEY_BYTES];

        memset(key, byte, sizeof key);
        login_change(s, LOGIN_TOKEN_KEY, "", key, sizeof key);
}

const char *login_token_text(uint8_t byte, const char *topics, uint8_t actions, int64_t expires_ms,
                             uint8_t id)
{
        static char texts[4][2048];
        static int next;
        struct token t = {.expires_ms = expires_ms, .actions = actions, .topics = BUF_UP_TO(1024)};
        struct buf text = BUF_UP_TO(2048);
        uint8_t key[TOKEN_KEY_BYTES];
        char *ret = texts[next++ % 4];

        memset(key, byte, sizeof key);
        memset(t.id, id, sizeof t.id);
        (void)snprintf(t.access_key_id, sizeof t.access_key_id, "LTAIx");
        for (size_t len; *topics != '\0'; topics += len + (topics[len] == ',')) {
                len = strcspn(topics, ",");
                cr_assert_eq(buf_add(&t.topics, topics, len), ERR_OK);
                cr_assert_eq(buf_add(&t.topics, "", 1), ERR_OK);
                t.topic_count++;
        }
        cr_assert_eq(token_write(key, LOGIN_INSTANCE, &t, &text), ERR_OK);
        (void)snprintf(ret, 2048, "%s", buf_text(&text));
        token_done(&t);
        buf_done(&text);
        return ret;
}

void login_snapshot_done(struct snapshot *s)
{
        access_keys_unref(s->access_keys);
        access_keys_unref(s->token_keys);
        (void)login_map_unref(s->logins);
}
