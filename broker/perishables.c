/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/perishables.h"

#include "broker/staple_set.h"
#include "common/clock.h"
#include "common/model.h"
#include "common/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
        ROTATE_LEAST_S = 60,
        LOADED_AFTER_S = 30, /* brokers look every 5 s; by then all have a key, or their database is away */
        KEY_BYTES = 64,      /* as it is sealed: aes, hmac */
        SEALED_MAX = KEY_BYTES + SEAL_OVERHEAD
};

/* Of the keys in the database: cheap to ask for, and another one when they have changed. */
struct key_probe {
        int64_t count, newest_us, newest_age_s;
};

struct perishables {
        atomic_int refs;
        uint32_t ticket_s;
        struct key_probe probe; /* what the keys were loaded at */
        size_t key_count;
        struct ticket_key keys[TICKET_KEYS_MAX]; /* newest first */
        struct staple_set *staples;
};

/* ---- ages ---- */

/* A key makes tickets for `rotate` and what it takes until the next one is loaded, and then reads them for
 * ticket_s. */
static int64_t rotate_s(uint32_t ticket_s)
{
        int64_t half = (int64_t)ticket_s / 2;

        return half > ROTATE_LEAST_S ? half : ROTATE_LEAST_S;
}

static int64_t keep_s(uint32_t ticket_s)
{
        return (int64_t)ticket_s + 2 * rotate_s(ticket_s);
}

const struct ticket_key *perishables_ticket_key(const struct perishables *p)
{
        const struct ticket_key *chosen = NULL;
        int64_t now = clock_now();

        if (p == NULL || p->key_count == 0)
                return NULL;
        for (size_t i = 0; i < p->key_count && chosen == NULL; i++)
                if (now - p->keys[i].made_at >= LOADED_AFTER_S)
                        chosen = &p->keys[i];
        if (chosen == NULL)
                chosen = &p->keys[p->key_count - 1];
        return now - chosen->made_at <= 2 * rotate_s(p->ticket_s) ? chosen : NULL;
}

const struct ticket_key *perishables_find_ticket_key(const struct perishables *p,
                                                     const uint8_t name[TICKET_KEY_NAME_BYTES])
{
        int64_t now = clock_now();

        for (size_t i = 0; p != NULL && i < p->key_count; i++)
                if (memcmp(p->keys[i].name, name, TICKET_KEY_NAME_BYTES) == 0)
                        return now - p->keys[i].made_at <= keep_s(p->ticket_s) ? &p->keys[i] : NULL;
        return NULL;
}

_Bool perishables_staple(const struct perishables *p, int64_t certificate_id, int64_t now, struct bytes *ret)
{
        return p != NULL && staple_set_find(p->staples, certificate_id, now, ret);
}

size_t perishables_staples(const struct perishables *p)
{
        return p == NULL ? 0 : staple_set_count(p->staples);
}

/* ---- life ---- */

struct perishables *perishables_ref(struct perishables *p)
{
        if (p != NULL)
                atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
        return p;
}

struct perishables *perishables_unref(struct perishables *p)
{
        if (p == NULL || atomic_fetch_sub(&p->refs, 1) != 1)
                return NULL;
        crypt_wipe(p->keys, sizeof(p->keys));
        staple_set_unref(p->staples);
        free(p);
        return NULL;
}

/* ---- ticket keys ---- */

static void context_of(const char *instance, const uint8_t name[TICKET_KEY_NAME_BYTES], char *ret,
                       size_t size)
{
        char hex[2 * TICKET_KEY_NAME_BYTES + 1], row[INSTANCE_ID_MAX + sizeof(hex) + 1];

        text_hex(name, TICKET_KEY_NAME_BYTES, hex);
        (void)snprintf(row, sizeof(row), "%s/%s", instance, hex);
        (void)snprintf(ret, size, SEAL_TICKET_KEY, row);
}

/* Another broker may be faster, then nothing is added. */
static enum err key_add(const struct perishables_source *source)
{
        CLEANUP(buf) struct buf sealed = BUF_UP_TO(SEALED_MAX);
        uint8_t name[TICKET_KEY_NAME_BYTES], key[KEY_BYTES];
        char context[sizeof(SEAL_TICKET_KEY) + INSTANCE_ID_MAX + 2 * sizeof(name) + 2];

        crypt_random(name, sizeof(name));
        crypt_random(key, sizeof(key));
        context_of(source->instance, name, context, sizeof(context));
        enum err e = crypt_seal(source->master, context, key, sizeof(key), &sealed);
        crypt_wipe(key, sizeof(key));
        TRY(e);
        const struct db_param params[] = {
                DB_TEXT(source->instance), DB_BYTES(name, sizeof(name)), DB_BYTES(sealed.data, sealed.len),
                DB_INT(rotate_s(source->ticket_s)), DB_INT(keep_s(source->ticket_s))};
        return db_query(source->db, DB_AS_BINARY, NULL, "SELECT ticket_key_add($1, $2, $3, $4, $5)", 5,
                        params);
}

/* Row: name, key_sealed, age in seconds by the database's clock. */
static enum err key_take(const struct perishables_source *source, int64_t now, const PGresult *rows, int row,
                         struct perishables *p)
{
        CLEANUP(buf) struct buf opened = BUF_UP_TO(KEY_BYTES);
        char context[sizeof(SEAL_TICKET_KEY) + INSTANCE_ID_MAX + 2 * TICKET_KEY_NAME_BYTES + 2];
        struct ticket_key *k = &p->keys[p->key_count];

        if (PQgetlength(rows, row, 0) != TICKET_KEY_NAME_BYTES)
                return ERR_OK;
        memcpy(k->name, PQgetvalue(rows, row, 0), sizeof(k->name));
        context_of(source->instance, k->name, context, sizeof(context));
        enum err e = crypt_open(source->master, context, PQgetvalue(rows, row, 1),
                                (size_t)PQgetlength(rows, row, 1), &opened);
        if (e == ERR_NOMEM)
                return e;
        if (e != ERR_OK || opened.len != KEY_BYTES)
                return ERR_OK;
        memcpy(k->aes, opened.data, sizeof(k->aes));
        memcpy(k->hmac, opened.data + sizeof(k->aes), sizeof(k->hmac));
        k->made_at = now - db_binary_int(rows, row, 2);
        p->key_count++;
        return ERR_OK;
}

static enum err keys_read(const struct perishables_source *source, int64_t now, struct perishables *p)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        const struct db_param params[] = {DB_TEXT(source->instance), DB_INT(keep_s(source->ticket_s)),
                                          DB_INT(TICKET_KEYS_MAX)};

        TRY(db_query(
                source->db, DB_AS_BINARY, &rows,
                "SELECT name, key_sealed, floor(extract(epoch FROM clock_timestamp() - created_at))::bigint "
                "FROM ticket_key WHERE mqtt_instance_id = $1 "
                "AND created_at > clock_timestamp() - make_interval(secs => $2::bigint) "
                "ORDER BY created_at DESC, name LIMIT $3::bigint",
                3, params));
        for (int i = 0; i < PQntuples(rows); i++)
                TRY(key_take(source, now, rows, i, p));
        return ERR_OK;
}

static bool key_is_due(const struct key_probe *k, uint32_t ticket_s)
{
        return ticket_s > 0 && (k->count == 0 || k->newest_age_s >= rotate_s(ticket_s));
}

static bool keys_are(const struct perishables *last, const struct key_probe *k)
{
        return last != NULL && last->probe.count == k->count && last->probe.newest_us == k->newest_us;
}

/* ---- one look ---- */

struct look {
        struct staple_source staples;
        struct key_probe keys;
};

static enum err look_take(const struct perishables_source *source, struct look *ret)
{
        CLEANUP(pgresultp) PGresult *rows = NULL;
        int64_t keep = source->ticket_s == 0 ? 0 : keep_s(source->ticket_s);
        const struct db_param params[] = {DB_TEXT(source->instance), DB_INT(keep)};

        TRY(db_query(
                source->db, DB_AS_BINARY, &rows,
                "SELECT i.revision, (extract(epoch FROM i.created_at) * 1000000)::bigint, k.count, "
                "coalesce((extract(epoch FROM k.newest) * 1000000)::bigint, 0), "
                "coalesce(floor(extract(epoch FROM clock_timestamp() - k.newest))::bigint, 0) FROM instance "
                "i, "
                "(SELECT count(*), max(created_at) AS newest FROM ticket_key WHERE mqtt_instance_id = $1 "
                "AND $2::bigint > 0 AND created_at > clock_timestamp() - make_interval(secs => $2::bigint)) "
                "k "
                "WHERE i.mqtt_instance_id = $1",
                2, params));
        if (PQntuples(rows) == 0)
                return ERR_NOT_FOUND;
        ret->staples = (struct staple_source){source->db, source->instance, db_binary_int(rows, 0, 0),
                                              db_binary_int(rows, 0, 1)};
        ret->keys = (struct key_probe){db_binary_int(rows, 0, 2), db_binary_int(rows, 0, 3),
                                       db_binary_int(rows, 0, 4)};
        return ERR_OK;
}

static enum err perishables_new(const struct perishables_source *source, const struct look *look, int64_t now,
                                const struct perishables *last, struct perishables **ret)
{
        CLEANUP(perishablesp) struct perishables *p = calloc(1, sizeof(*p));

        if (p == NULL)
                return ERR_NOMEM;
        atomic_init(&p->refs, 1);
        p->ticket_s = source->ticket_s;
        p->probe = look->keys;
        if (keys_are(last, &look->keys)) {
                memcpy(p->keys, last->keys, sizeof(p->keys));
                p->key_count = last->key_count;
        } else if (look->keys.count > 0)
                TRY(keys_read(source, now, p));
        *ret = TAKE(p);
        return ERR_OK;
}

enum err perishables_load(const struct perishables_source *source, struct perishables *last, int64_t now,
                          struct perishables **ret)
{
        CLEANUP(staple_setp) struct staple_set *staples = NULL;
        struct look look;

        TRY(look_take(source, &look));
        if (key_is_due(&look.keys, source->ticket_s)) {
                TRY(key_add(source));
                TRY(look_take(source, &look));
        }
        TRY(staple_set_load(&look.staples, last == NULL ? NULL : last->staples, &staples));
        if (keys_are(last, &look.keys) && staples == last->staples) {
                *ret = perishables_ref(last);
                return ERR_OK;
        }
        TRY(perishables_new(source, &look, now, last, ret));
        (*ret)->staples = TAKE(staples);
        return ERR_OK;
}
