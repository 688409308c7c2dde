/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/registry_seen.h"

#include "broker/siphash.h"

#include <openssl/rand.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { DIGEST_BYTES = 32, ROOM_FIRST = 1024 };

struct registry_seen {
        struct siphash_key key;
        pthread_mutex_t lock;
        struct seen_row *rows; /* open addressing; NULL: none yet */
        size_t count, room;    /* room: a power of two, at least twice count */
};

static struct seen_row *seek(const struct registry_seen *s, struct seen_row *rows, size_t room,
                             const uint8_t *sha256)
{
        size_t at = siphash(&s->key, sha256, DIGEST_BYTES) & (room - 1);

        while (rows[at].at != 0 && memcmp(rows[at].sha256, sha256, DIGEST_BYTES) != 0)
                at = (at + 1) & (room - 1);
        return &rows[at];
}

static bool grow(struct registry_seen *s)
{
        size_t room = s->room == 0 ? ROOM_FIRST : s->room * 2;
        struct seen_row *rows = calloc(room, sizeof(*rows));

        if (rows == NULL)
                return false;
        for (size_t i = 0; i < s->room; i++)
                if (s->rows[i].at != 0)
                        *seek(s, rows, room, s->rows[i].sha256) = s->rows[i];
        free(s->rows);
        s->rows = rows;
        s->room = room;
        return true;
}

static void add(struct registry_seen *s, const uint8_t *sha256, int64_t at)
{
        if ((s->count + 1) * 2 > s->room && s->count < SEEN_MAX && !grow(s) && s->count + 1 >= s->room)
                return;
        struct seen_row *row = seek(s, s->rows, s->room, sha256);
        if (row->at != 0) {
                row->at = row->at > at ? row->at : at;
                return;
        }
        if (s->count >= SEEN_MAX)
                return;
        memcpy(row->sha256, sha256, DIGEST_BYTES);
        row->at = at;
        s->count++;
}

void registry_seen_add(struct registry_seen *s, const uint8_t sha256[32], int64_t at)
{
        if (at <= 0)
                return;
        pthread_mutex_lock(&s->lock);
        add(s, sha256, at);
        pthread_mutex_unlock(&s->lock);
}

struct seen_row *registry_seen_take(struct registry_seen *s, size_t *ret_count)
{
        pthread_mutex_lock(&s->lock);
        struct seen_row *rows = TAKE(s->rows);
        size_t room = s->room, count = 0;
        s->count = s->room = 0;
        pthread_mutex_unlock(&s->lock);

        for (size_t i = 0; i < room; i++)
                if (rows[i].at != 0)
                        rows[count++] = rows[i];
        *ret_count = count;
        return rows;
}

enum err registry_seen_new(struct registry_seen **ret)
{
        struct registry_seen *s = calloc(1, sizeof(*s));

        if (s == NULL)
                return ERR_NOMEM;
        if (RAND_bytes((uint8_t *)&s->key, sizeof(s->key)) != 1) {
                free(s);
                return ERR_INTERNAL;
        }
        pthread_mutex_init(&s->lock, NULL);
        *ret = s;
        return ERR_OK;
}

struct registry_seen *registry_seen_free(struct registry_seen *s)
{
        if (s == NULL)
                return NULL;
        free(s->rows);
        pthread_mutex_destroy(&s->lock);
        free(s);
        return NULL;
}
