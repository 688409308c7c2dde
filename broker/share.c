/* SPDX-License-Identifier: Apache-2.0 */
/* share: members stand in a table by client ID and in the ring of those who are connected or of those whose
 * session is kept without a connection. Who got a message goes to the end of his ring. */
#include "broker/share.h"

#include "broker/chain_table.h"
#include "broker/ring.h"
#include "broker/siphash.h"
#include "common/crypt.h"

#include <stdlib.h>
#include <string.h>

struct member {
        struct chain link; /* by client ID; first member */
        struct ring ring;  /* in one of the two, or in none: not reachable */
        struct share_member public;
        char client_id[];
};

struct share {
        struct share_link link;
        struct chain_table members;
        struct siphash_key key;
        struct ring connected, kept; /* members, whose turn it is first */
        size_t *total;
        size_t name_len;
        uint8_t name[];
};

static const char prefix[] = "$share/";
enum { PREFIX_LEN = sizeof prefix - 1 };

bool share_filter(struct bytes text, struct bytes *ret_name, struct bytes *ret_filter, bool *ret_valid)
{
        const uint8_t *name, *slash;
        size_t len;

        if (text.len < PREFIX_LEN || memcmp(text.data, prefix, PREFIX_LEN) != 0)
                return false;
        name = text.data + PREFIX_LEN;
        len = text.len - PREFIX_LEN;
        slash = len > 0 ? memchr(name, '/', len) : NULL;
        *ret_name = (struct bytes){name, slash != NULL ? (size_t)(slash - name) : len};
        *ret_filter = slash != NULL ? (struct bytes){slash + 1, len - ret_name->len - 1}
                                    : (struct bytes){text.data + text.len, 0};
        *ret_valid = ret_name->len > 0 && ret_name->len <= SHARE_NAME_MAX && ret_filter->len > 0 &&
                     memchr(name, '+', ret_name->len) == NULL && memchr(name, '#', ret_name->len) == NULL;
        return true;
}

/* ---- life ---- */

static struct member *member_of(struct ring *r)
{
        return (struct member *)((char *)r - offsetof(struct member, ring));
}

static void member_free(struct chain *link)
{
        free(link);
}

enum err share_new(struct bytes name, size_t *total, struct share **ret)
{
        CLEANUP(sharep) struct share *s = calloc(1, sizeof *s + name.len);

        if (s == NULL)
                return ERR_NOMEM;
        s->total = total;
        TRY(chain_table_init(&s->members));
        ring_init(&s->connected);
        ring_init(&s->kept);
        crypt_random(&s->key, sizeof s->key);
        s->name_len = name.len;
        memcpy(s->name, name.data, name.len);
        *ret = TAKE(s);
        return ERR_OK;
}

struct share *share_free(struct share *s)
{
        if (s != NULL) {
                *s->total -= s->members.count;
                chain_table_done(&s->members, member_free);
                free(s);
        }
        return NULL;
}

struct bytes share_name(const struct share *s)
{
        return (struct bytes){s->name, s->name_len};
}

struct share_link *share_link(struct share *s)
{
        return &s->link;
}

size_t share_count(const struct share *s)
{
        return s->members.count;
}

/* ---- members ---- */

static struct member *find(const struct share *s, struct bytes client_id)
{
        struct chain *link = chain_table_first(&s->members, siphash(&s->key, client_id.data, client_id.len));

        for (; link != NULL; link = chain_table_next(link)) {
                struct member *m = (struct member *)link;

                if (m->public.client_id_len == client_id.len &&
                    (client_id.len == 0 || memcmp(m->client_id, client_id.data, client_id.len) == 0))
                        return m;
        }
        return NULL;
}

/* Takes his turn behind those who are there already. */
static void line_up(struct share *s, struct member *m)
{
        ring_remove(&m->ring);
        if (m->public.connected)
                ring_add_last(&s->connected, &m->ring);
        else if (m->public.kept)
                ring_add_last(&s->kept, &m->ring);
}

static struct member *member_new(struct share *s, struct bytes client_id)
{
        struct member *m = calloc(1, sizeof *m + client_id.len + 1);

        if (m == NULL)
                return NULL;
        if (client_id.len > 0)
                memcpy(m->client_id, client_id.data, client_id.len);
        m->public.client_id = m->client_id;
        m->public.client_id_len = client_id.len;
        chain_table_put(&s->members, &m->link, siphash(&s->key, client_id.data, client_id.len));
        ++*s->total;
        return m;
}

enum err share_join(struct share *s, struct bytes client_id, const struct subscription *sub, bool connected,
                    bool kept)
{
        struct member *m = find(s, client_id);
        bool moves;

        if (m == NULL)
                m = member_new(s, client_id);
        if (m == NULL)
                return ERR_NOMEM;
        moves = !ring_has(&m->ring) || m->public.connected != connected || m->public.kept != kept;
        m->public.sub = *sub;
        m->public.connected = connected;
        m->public.kept = kept;
        if (moves)
                line_up(s, m);
        return ERR_OK;
}

void share_leave(struct share *s, struct bytes client_id)
{
        struct member *m = find(s, client_id);

        if (m == NULL)
                return;
        ring_remove(&m->ring);
        chain_table_remove(&s->members, &m->link);
        member_free(&m->link);
        --*s->total;
}

void share_set_connected(struct share *s, struct bytes client_id, bool connected)
{
        struct member *m = find(s, client_id);

        if (m == NULL || m->public.connected == connected)
                return;
        m->public.connected = connected;
        line_up(s, m);
}

const struct share_member *share_next(struct share *s)
{
        struct ring *ring = !ring_empty(&s->connected) ? &s->connected : &s->kept;
        struct member *m;

        if (ring_empty(ring))
                return NULL;
        m = member_of(ring->next);
        ring_remove(&m->ring);
        ring_add_last(ring, &m->ring);
        return &m->public;
}
