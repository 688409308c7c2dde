/* SPDX-License-Identifier: Apache-2.0 */
/* session_table: which sessions there are, and which of them has a connection. */
#include "broker/session_state.h"

#include "common/crypt.h"

#include <stdlib.h>
#include <string.h>

enum err session_table_new(const struct session_limits *limits, struct router *router,
                           struct session_table **ret)
{
        CLEANUP(session_tablep) struct session_table *t = calloc(1, sizeof *t);

        if (t == NULL)
                return ERR_NOMEM;
        TRY(chain_table_init(&t->by_client_id));
        t->limits = *limits;
        t->router = router;
        crypt_random(&t->key, sizeof t->key);
        *ret = TAKE(t);
        return ERR_OK;
}

static void session_free(struct chain *link)
{
        struct session *s = (struct session *)link;

        session_clear(s);
        free(s);
}

struct session_table *session_table_free(struct session_table *t)
{
        if (t != NULL) {
                chain_table_done(&t->by_client_id, session_free);
                free(t);
        }
        return NULL;
}

size_t session_table_count(const struct session_table *t)
{
        return t->by_client_id.count;
}

size_t session_table_connected(const struct session_table *t)
{
        return t->connected;
}

uint64_t session_table_dropped(const struct session_table *t)
{
        return t->dropped;
}

struct session *session_find(struct session_table *t, const void *client_id, size_t len)
{
        struct chain *link = chain_table_first(&t->by_client_id, siphash(&t->key, client_id, len));

        for (; link != NULL; link = chain_table_next(link)) {
                struct session *s = (struct session *)link;

                if (s->client_id_len == len && memcmp(s->client_id, client_id, len) == 0)
                        return s;
        }
        return NULL;
}

static enum err session_new(struct session_table *t, struct bytes client_id, struct session **ret)
{
        struct session *s;

        if (client_id.len > UINT16_MAX || t->by_client_id.count >= t->limits.sessions_max)
                return ERR_LIMIT;
        s = calloc(1, sizeof *s + client_id.len + 1);
        if (s == NULL)
                return ERR_NOMEM;
        s->table = t;
        s->client_id_len = (uint16_t)client_id.len;
        if (client_id.len > 0)
                memcpy(s->client_id, client_id.data, client_id.len);
        chain_table_put(&t->by_client_id, &s->link, siphash(&t->key, client_id.data, client_id.len));
        *ret = s;
        return ERR_OK;
}

static void session_remove(struct session *s)
{
        chain_table_remove(&s->table->by_client_id, &s->link);
        session_free(&s->link);
}

static void let_go(struct session *s)
{
        if (s->sink == NULL)
                return;
        s->sink = NULL;
        s->resumed = false;
        s->table->connected--;
}

void session_detach(struct session *s)
{
        let_go(s);
        if (!s->keep)
                session_remove(s);
}

/* What a CONNECT goes on with: the session itself, or NULL when it is to begin anew. */
static struct session *continued(struct session *s, bool clean_start)
{
        let_go(s);
        if (s->keep && !clean_start)
                return s;
        session_remove(s);
        return NULL;
}

enum err session_attach(struct session_table *t, struct bytes client_id, bool clean_start, bool keep,
                        struct session_sink *sink, struct session **ret, bool *ret_present)
{
        struct session *known = session_find(t, client_id.data, client_id.len);
        struct session_sink *older = known != NULL ? known->sink : NULL;
        struct session *s = known != NULL ? continued(known, clean_start) : NULL;
        bool present = s != NULL;
        enum err e = present ? ERR_OK : session_new(t, client_id, &s);

        if (e == ERR_OK) {
                s->sink = sink;
                s->keep = keep;
                inflight_rewind(&s->inflight);
                t->connected++;
                *ret = s;
                *ret_present = present;
        }
        /* Last, as closing a connection may come back to this table. */
        if (older != NULL)
                older->taken(older);
        return e;
}
