/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/login_load.h"

#include "broker/topic.h"
#include "common/db_cursor.h"
#include "common/model.h"
#include "common/token.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        PIECE_ROWS = 10000,
        SECRET_MAX_BYTES = 4096,
        CONTEXT_MAX = 1024,
        NAME_MAX_BYTES = 1024,
        PERMISSIONS_BYTES_MAX = 16 * 1024 * 1024,
        AGAIN_MAX = 1000, /* rejected rows that a partial load tries again; with more, everything is read */
        REVOCATIONS_SPARE = 10000 /* that have ended and are still in the map */
};

/* What the rejected row of a token key is called, whose key is empty. */
#define TOKEN_KEY_NAME "token key"

struct load {
        const struct login_source *source;
        struct rejected *rejected;
        struct login_change *changes;
        size_t count, room;
        int64_t since;
        enum login_kind kind;  /* of the rows that come */
        struct buf key, value; /* of permissions: of the identity whose rows come */
        bool too_many;         /* … which may nothing then */
};

/* ---- changes ---- */

static enum err change_add(struct load *l, struct bytes key, struct bytes value, bool there)
{
        struct login_change *c;

        if (l->count == LOGIN_ROWS_MAX)
                return ERR_LIMIT;
        if (l->count == l->room) {
                size_t room = l->room * 2 + 64;

                c = realloc(l->changes, room * sizeof *c);
                if (c == NULL)
                        return ERR_NOMEM;
                l->changes = c;
                l->room = room;
        }
        c = &l->changes[l->count];
        *c = (struct login_change){login_entry_new(l->kind, key, value), there};
        if (c->entry == NULL)
                return ERR_NOMEM;
        l->count++;
        return ERR_OK;
}

static struct bytes field(const PGresult *rows, int row, int column)
{
        return (struct bytes){(const uint8_t *)PQgetvalue(rows, row, column),
                              (size_t)PQgetlength(rows, row, column)};
}

static enum err reject(struct load *l, struct bytes key, const char *why)
{
        char name[NAME_MAX_BYTES];

        (void)snprintf(name, sizeof name, "%.*s", (int)(key.len < sizeof name ? key.len : sizeof name - 1),
                       (const char *)key.data);
        return rejected_add(l->rejected, REJECTED_LOGIN, key.len == 0 ? TOKEN_KEY_NAME : name, 0, why);
}

/* A secret that does not open: the entry from before stays. */
static enum err reject_secret(struct load *l, struct bytes key, enum err e)
{
        struct login_entry *had = login_map_find(l->source->last, l->kind, key);

        if (e == ERR_NOMEM)
                return e;
        if (had != NULL)
                TRY(change_add(l, key, login_value(had), true));
        return reject(l, key, err_text(e));
}

/* `len` is what snprintf() says: a context that was cut would be another row's too. */
static enum err secret_open(const struct load *l, const char context[CONTEXT_MAX], int len,
                            struct bytes sealed, struct buf *ret)
{
        return len < 0 || len >= CONTEXT_MAX
                       ? ERR_LIMIT
                       : crypt_open(l->source->master, context, sealed.data, sealed.len, ret);
}

/* ---- rows, one function a kind; key is column 0 ---- */

static enum err key_row(void *arg, const PGresult *rows, int row)
{
        return change_add(arg, field(rows, row, 0), (struct bytes){NULL, 0}, true);
}

static enum err token_key_row(void *arg, const PGresult *rows, int row)
{
        CLEANUP(buf) struct buf key = BUF_UP_TO(SECRET_MAX_BYTES);
        struct load *l = arg;
        char context[CONTEXT_MAX];
        int len = snprintf(context, sizeof context, SEAL_TOKEN_KEY, l->source->instance);
        enum err e = secret_open(l, context, len, field(rows, row, 1), &key);

        if (e == ERR_OK && key.len != TOKEN_KEY_BYTES)
                e = ERR_CRYPT;
        if (e != ERR_OK)
                return reject_secret(l, field(rows, row, 0), e);
        return change_add(l, field(rows, row, 0), (struct bytes){key.data, key.len}, true);
}

/* client ID, its form in the seal's context, secret, DeviceAccessKeyId. The value: u16 length,
 * DeviceAccessKeyId, secret. */
static enum err credential_row(void *arg, const PGresult *rows, int row)
{
        CLEANUP(buf) struct buf secret = BUF_UP_TO(SECRET_MAX_BYTES);
        CLEANUP(buf) struct buf value = BUF_UP_TO(2 * SECRET_MAX_BYTES);
        struct bytes id = field(rows, row, 3);
        struct load *l = arg;
        char context[CONTEXT_MAX];
        int len = snprintf(context, sizeof context, SEAL_DEVICE_CREDENTIAL, PQgetvalue(rows, row, 1));
        enum err e = secret_open(l, context, len, field(rows, row, 2), &secret);
        uint8_t head[2];

        if (e != ERR_OK)
                return reject_secret(l, field(rows, row, 0), e);
        (void)wr_u16(head, (uint16_t)id.len);
        TRY(buf_add(&value, head, sizeof head));
        TRY(buf_add(&value, id.data, id.len));
        TRY(buf_add(&value, secret.data, secret.len));
        return change_add(l, field(rows, row, 0), (struct bytes){value.data, value.len}, true);
}

/* key, its form in the seal's context, secret, sign mode. The value: u8 sign mode, secret. */
static enum err identity_row(void *arg, const PGresult *rows, int row)
{
        CLEANUP(buf) struct buf secret = BUF_UP_TO(SECRET_MAX_BYTES);
        CLEANUP(buf) struct buf value = BUF_UP_TO(SECRET_MAX_BYTES + 1);
        uint8_t mode = (uint8_t)db_binary_int(rows, row, 3);
        struct load *l = arg;
        char context[CONTEXT_MAX];
        int len = snprintf(context, sizeof context, SEAL_CUSTOM_SECRET, PQgetvalue(rows, row, 1));
        enum err e = secret_open(l, context, len, field(rows, row, 2), &secret);

        if (e != ERR_OK)
                return reject_secret(l, field(rows, row, 0), e);
        TRY(buf_add(&value, &mode, 1));
        TRY(buf_add(&value, secret.data, secret.len));
        return change_add(l, field(rows, row, 0), (struct bytes){value.data, value.len}, true);
}

/* What was collected of one identity; without any it has none. */
static enum err permissions_end(struct load *l)
{
        enum err e = ERR_OK;

        if (l->key.len > 0)
                e = change_add(l, (struct bytes){l->key.data, l->key.len},
                               (struct bytes){l->value.data, l->value.len}, l->value.len > 0);
        l->key.len = l->value.len = 0;
        l->too_many = false;
        return e;
}

/* key, actions, allow, topic; NULL when the identity has none any more. Each in the value: u8 actions and
 * allow, u16 length, topic. */
static enum err permission_row(void *arg, const PGresult *rows, int row)
{
        struct bytes key = field(rows, row, 0), topic = field(rows, row, 3);
        struct load *l = arg;
        uint8_t head[3];
        enum err e;

        if (key.len != l->key.len || memcmp(key.data, l->key.data, key.len) != 0) {
                TRY(permissions_end(l));
                TRY(buf_add(&l->key, key.data, key.len));
        }
        if (PQgetisnull(rows, row, 1) == 1 || l->too_many)
                return ERR_OK;
        if (!topic_filter_valid((const char *)topic.data, topic.len))
                return reject(l, key, "not a topic filter");
        (void)wr_u16(wr_u8(head, (uint8_t)(db_binary_int(rows, row, 1) |
                                           (db_binary_int(rows, row, 2) != 0 ? 4 : 0))),
                     (uint16_t)topic.len);
        e = buf_add(&l->value, head, sizeof head);
        if (e == ERR_OK)
                e = buf_add(&l->value, topic.data, topic.len);
        if (e != ERR_LIMIT)
                return e;
        l->too_many = true;
        l->value.len = 0;
        return reject(l, key, "more permissions than fit");
}

/* ---- the tables ---- */

#define OF " WHERE mqtt_instance_id = $1 AND revision > $2"
#define AGAIN(key)                                                                                           \
        " WHERE mqtt_instance_id = $1 AND revision <= $2 AND " key " = ANY (string_to_array($3, E'\\x1e'))"
#define TOKEN_KEY "SELECT '', key_sealed FROM token_key"
#define CREDENTIAL                                                                                           \
        "SELECT client_id, mqtt_instance_id || '/' || client_id, secret_sealed, access_key_id"               \
        " FROM device_credential"
#define IDENTITY_KEY "identity_type || E'\\x1f' || user_name || E'\\x1f' || client_id"
#define IDENTITY                                                                                             \
        "SELECT " IDENTITY_KEY ", mqtt_instance_id || '/' || identity_type || '/' || user_name || '/' ||"    \
        " client_id, secret_sealed, sign_mode FROM custom_identity"

static const struct table {
        const char *select; /* what has changed since $2 */
        db_row_fn *row;
        const char *removed; /* `kind` of its marks; NULL: it has none */
        const char *again;   /* rows from before that were rejected, by their keys in $3; NULL: none are */
} tables[LOGIN_KINDS] = {
        [LOGIN_GROUP] = {"SELECT group_id FROM mqtt_group" OF, key_row, "mqtt_group", NULL},
        [LOGIN_PARENT_TOPIC] = {"SELECT lower(topic) FROM parent_topic" OF, key_row, "parent_topic", NULL},
        [LOGIN_TOKEN_KEY] = {TOKEN_KEY OF, token_key_row, NULL, TOKEN_KEY AGAIN("'" TOKEN_KEY_NAME "'")},
        [LOGIN_TOKEN_REVOCATION] = {"SELECT token_id FROM token_revocation" OF, key_row, NULL, NULL},
        [LOGIN_DEVICE_CREDENTIAL] = {CREDENTIAL OF, credential_row, "device_credential",
                                     CREDENTIAL AGAIN("client_id")},
        [LOGIN_IDENTITY] = {IDENTITY OF, identity_row, "custom_identity", IDENTITY AGAIN(IDENTITY_KEY)},
        /* All of an identity of which any has changed or gone. */
        [LOGIN_PERMISSIONS] =
                {"SELECT c.identity_type || E'\\x1f' || c.identity, p.permit_action, p.allow, p.topic FROM ("
                 "  SELECT identity_type, identity FROM custom_permission" OF
                 "  UNION SELECT split_part(key, E'\\x1f', 1)::smallint, split_part(key, E'\\x1f', 2)"
                 "   FROM login_removal" OF " AND kind = 'custom_permission') c"
                 " LEFT JOIN custom_permission p ON p.mqtt_instance_id = $1 AND p.identity_type = "
                 "c.identity_type"
                 "  AND p.identity = c.identity"
                 " ORDER BY c.identity_type, c.identity COLLATE \"C\", p.topic COLLATE \"C\"",
                 permission_row, NULL, NULL},
        [LOGIN_BLACK] = {"SELECT client_id FROM connect_black" OF, key_row, "connect_black", NULL},
};

static enum err removal_row(void *arg, const PGresult *rows, int row)
{
        struct load *l = arg;
        const char *kind = PQgetvalue(rows, row, 0);

        for (int n = 0; n < LOGIN_KINDS; n++)
                if (tables[n].removed != NULL && strcmp(tables[n].removed, kind) == 0) {
                        l->kind = (enum login_kind)n;
                        return change_add(l, field(rows, row, n == LOGIN_PARENT_TOPIC ? 2 : 1),
                                          (struct bytes){NULL, 0}, false);
                }
        return ERR_OK;
}

/* Before the rows: what was removed and made again is there. */
static enum err removals_read(struct load *l)
{
        const struct db_param params[] = {DB_TEXT(l->source->instance), DB_INT(l->since)};

        return db_each(l->source->db, PIECE_ROWS, "SELECT kind, key, lower(key) FROM login_removal" OF, 2,
                       params, removal_row, l);
}

static enum err rows_read(struct load *l)
{
        const struct db_param params[] = {DB_TEXT(l->source->instance), DB_INT(l->since)};

        for (int n = 0; n < LOGIN_KINDS; n++) {
                l->kind = (enum login_kind)n;
                TRY(db_each(l->source->db, PIECE_ROWS, tables[n].select, 2, params, tables[n].row, l));
                if (n == LOGIN_PERMISSIONS)
                        TRY(permissions_end(l));
        }
        return ERR_OK;
}

/* The rows that the load before could not use and that have not changed. */
static enum err rows_read_again(struct load *l)
{
        CLEANUP(buf) struct buf keys = BUF_UP_TO(AGAIN_MAX * NAME_MAX_BYTES);
        const struct rejected *r = l->source->rejected;

        for (size_t n = 0; n < r->count; n++)
                if (r->rows[n].kind == REJECTED_LOGIN) {
                        TRY(buf_add(&keys, "\x1e", keys.len > 0));
                        TRY(buf_add(&keys, r->rows[n].name, strlen(r->rows[n].name)));
                }
        if (keys.len == 0)
                return ERR_OK;
        const struct db_param params[] = {DB_TEXT(l->source->instance), DB_INT(l->since),
                                          DB_TEXT(buf_text(&keys))};
        for (int n = 0; n < LOGIN_KINDS; n++) {
                l->kind = (enum login_kind)n;
                if (tables[n].again != NULL)
                        TRY(db_each(l->source->db, PIECE_ROWS, tables[n].again, 3, params, tables[n].row, l));
        }
        return ERR_OK;
}

/* Revocations are forgotten without a mark when their tokens have ended. A map that has far more of them than
 * the table is made anew. */
static enum err has_grown_old(const struct login_source *source, bool *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(source->instance)};
        size_t known = login_map_count(source->last, LOGIN_TOKEN_REVOCATION);

        *ret = false;
        if (known <= REVOCATIONS_SPARE)
                return ERR_OK;
        TRY(db_query(source->db, DB_AS_BINARY, &rows,
                     "SELECT count(*) FROM token_revocation WHERE mqtt_instance_id = $1", 1, params));
        *ret = known / 2 > (size_t)db_binary_int(rows, 0, 0) + REVOCATIONS_SPARE / 2;
        return ERR_OK;
}

static enum err load_run(struct load *l)
{
        const struct login_source *source = l->source;
        bool old = false;

        if (source->since >= 0)
                TRY(has_grown_old(source, &old));
        if (old || source->since < 0 || rejected_count(source->rejected, REJECTED_LOGIN) > AGAIN_MAX) {
                l->since = -1;
                return rows_read(l);
        }
        l->since = source->since;
        TRY(removals_read(l));
        TRY(rows_read(l));
        return rows_read_again(l);
}

static enum err load_give(struct load *l, struct login_map **ret)
{
        CLEANUP(login_mapp) struct login_map *made = NULL;
        struct login_map *last = l->source->last;

        TRY(login_map_with(l->since < 0 ? NULL : last, l->changes, l->count, &made));
        *ret = last != NULL && l->since < 0 && login_map_equal(last, made) ? login_map_ref(last) : TAKE(made);
        return ERR_OK;
}

enum err login_load(const struct login_source *source, struct rejected *rejected, struct login_map **ret)
{
        struct load l = {.source = source,
                         .rejected = rejected,
                         .key = BUF_UP_TO(CONTEXT_MAX),
                         .value = BUF_UP_TO(PERMISSIONS_BYTES_MAX)};
        enum err e = load_run(&l);

        if (e == ERR_OK)
                e = load_give(&l, ret);
        for (size_t n = 0; n < l.count; n++)
                (void)login_entry_unref(l.changes[n].entry);
        free(l.changes);
        buf_done(&l.key);
        buf_done(&l.value);
        return e;
}

/* ---- values ---- */

bool login_credential_read(const struct login_entry *e, struct login_credential *ret)
{
        struct bytes value = login_value(e);
        struct rd r = rd_of(value.data, value.len);

        ret->access_key_id = rd_bytes16(&r);
        ret->secret = rd_bytes(&r, rd_left(&r));
        return !r.bad;
}

bool login_identity_read(const struct login_entry *e, struct login_identity *ret)
{
        struct bytes value = login_value(e);
        struct rd r = rd_of(value.data, value.len);

        ret->is_signed = rd_u8(&r) == 1;
        ret->secret = rd_bytes(&r, rd_left(&r));
        return !r.bad;
}

bool login_permission_read(struct rd *r, struct login_permission *ret)
{
        uint8_t head;

        if (rd_left(r) == 0)
                return false;
        head = rd_u8(r);
        ret->actions = head & 3;
        ret->allow = (head & 4) != 0;
        ret->topic = rd_bytes16(r);
        return !r->bad;
}
