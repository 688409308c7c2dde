/* SPDX-License-Identifier: Apache-2.0 */
/* session_table: which sessions there are, which of them has a connection, and which are kept. */
#include "broker/session_rows.h"
#include "broker/session_state.h"
#include "common/clock.h"
#include "common/crypt.h"

#include <stdlib.h>
#include <string.h>

/* A session ID is the number of its worker and a number that counts up. It begins with the time, so that an
 * ID of a session that was not kept does not come again (messages name their publisher). */
enum { WORKER_SHIFT = 56, SECOND_SHIFT = 22, MS = 1000 };

enum err session_table_new(const struct session_table_settings *settings, struct session_table **ret)
{
        CLEANUP(session_tablep) struct session_table *t = calloc(1, sizeof *t);

        if (t == NULL)
                return ERR_NOMEM;
        t->settings = *settings;
        t->last_id = (uint64_t)settings->worker << WORKER_SHIFT | (uint64_t)clock_now() << SECOND_SHIFT;
        TRY(chain_table_init(&t->by_client_id));
        crypt_random(&t->key, sizeof t->key);
        *ret = TAKE(t);
        return ERR_OK;
}

enum { WILLS_BYTES_MIN = 16777216 }; /* of a table, however little may wait */

static struct session *session_of(struct chain *link)
{
        return (struct session *)((char *)link - offsetof(struct session, link));
}

static void session_free(struct session *s, bool ends)
{
        session_filters_done(s, ends);
        session_queue_done(s);
        id_set_done(&s->incoming);
        wheel_remove(&s->deadline);
        will_free(s->will);
        free(s);
}

static void free_link(struct chain *link)
{
        session_free(session_of(link), false);
}

struct session_table *session_table_free(struct session_table *t)
{
        if (t != NULL) {
                chain_table_done(&t->by_client_id, free_link);
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

uint64_t session_table_expired(const struct session_table *t)
{
        return t->expired;
}

uint64_t session_table_queued(const struct session_table *t)
{
        return t->queued;
}

uint64_t session_table_sessions_expired(const struct session_table *t)
{
        return t->sessions_expired;
}

uint64_t session_table_queued_bytes(const struct session_table *t)
{
        return t->queued_bytes;
}

size_t session_table_keepers(const struct session_table *t)
{
        return t->kept;
}

struct session *session_find(struct session_table *t, const void *client_id, size_t len)
{
        struct chain *link = chain_table_first(&t->by_client_id, siphash(&t->key, client_id, len));

        for (; link != NULL; link = chain_table_next(link)) {
                struct session *s = session_of(link);

                if (s->client_id_len == len && memcmp(s->client_id, client_id, len) == 0)
                        return s;
        }
        return NULL;
}

/* ---- rows ---- */

uint64_t session_put_row(struct session *s)
{
        struct row_session row = {.expiry_s = s->expiry_s,
                                  .client_id = {(const uint8_t *)s->client_id, s->client_id_len}};

        if (!session_kept(s))
                return 0;
        if (s->sink == NULL)
                row.disconnected_at = clock_now() - (clock_ms() - s->ended_ms) / MS;
        if (row.disconnected_at < 0)
                row.disconnected_at = 0;
        if (s->will != NULL) {
                row.will_delay_s = s->will->delay_s;
                row.will_expiry_s = s->will->expiry_s;
        }
        return session_rows_put_session(session_port(s), s->id, &row,
                                        s->will != NULL ? s->will->message : NULL);
}

/* All of its rows; of a kept session. */
static uint64_t delete_rows(struct session *s)
{
        struct store_port *p = session_port(s);

        if (s->filter_count > 0)
                (void)store_delete_range(p, STORE_SUBSCRIPTION, s->id);
        if (s->inflight.count > 0 || (s->queue != NULL && s->queue->first != NULL))
                (void)store_delete_range(p, STORE_OUTGOING, s->id);
        if (s->incoming.count > 0)
                (void)store_delete_range(p, STORE_INCOMING, s->id);
        return store_delete(p, (struct store_key){STORE_SESSION, s->id, 0});
}

/* The only place where expiry_s changes. A session that is not kept becomes one that is only at its
 * beginning: later it ends with its connection, and what comes then is another (MQTT 5 §3.1.2.11.2). */
static uint64_t set_expiry(struct session *s, uint32_t expiry_s)
{
        uint32_t max_s = s->table->settings.limits->expiry_max_s;
        bool was_kept = session_kept(s);
        uint64_t ticket = 0;

        s->table->kept -= was_kept;
        s->expiry_s = expiry_s < max_s ? expiry_s : max_s;
        s->table->kept += session_kept(s);
        if (was_kept && !session_kept(s)) {
                ticket = delete_rows(s);
                session_queue_unkeep(s);
        }
        return ticket;
}

/* ---- beginning and end ---- */

enum err session_new(struct session_table *t, struct bytes client_id, uint64_t id, uint32_t expiry_s,
                     struct session **ret)
{
        struct session *s;

        s = calloc(1, sizeof *s + client_id.len + 1);
        if (s == NULL)
                return ERR_NOMEM;
        s->table = t;
        s->id = id;
        s->client_id_len = (uint16_t)client_id.len;
        if (client_id.len > 0)
                memcpy(s->client_id, client_id.data, client_id.len);
        chain_table_put(&t->by_client_id, &s->link, siphash(&t->key, client_id.data, client_id.len));
        s->expiry_s = expiry_s;
        t->kept += session_kept(s);
        *ret = s;
        return ERR_OK;
}

uint64_t session_end(struct session *s)
{
        uint64_t ticket = session_kept(s) ? delete_rows(s) : 0;

        s->table->kept -= session_kept(s);
        chain_table_remove(&s->table->by_client_id, &s->link);
        session_free(s, true);
        return ticket;
}

static struct session_sink *let_go(struct session *s)
{
        struct session_sink *sink = s->sink;

        if (sink != NULL) {
                s->sink = NULL;
                s->resumed = false;
                s->ended_ms = clock_ms();
                s->table->connected--;
        }
        return sink;
}

/* ---- connections ---- */

struct takeover {
        struct session_sink *older; /* to be told; NULL: there was no connection */
        struct will *will;          /* to be published */
        uint64_t ticket;
};

/* What a CONNECT goes on with: the session itself, or NULL when it is to begin anew. A will whose delay is
 * not over goes when the session goes on [MQTT-3.1.3-9], and is published when the session ends. */
static struct session *continued(struct session *s, bool clean_start, struct takeover *ret)
{
        bool ends = clean_start || !session_kept(s) || session_expired(s);

        ret->older = let_go(s);
        ret->will = ends ? TAKE(s->will) : session_will_take_due(s);
        if (!ends) {
                s->will = will_free(s->will);
                return s;
        }
        ret->ticket = session_end(s);
        return NULL;
}

static enum err begin(struct session_table *t, const struct session_opening *o, struct session **ret)
{
        if (o->client_id.len > UINT16_MAX || t->by_client_id.count >= t->settings.limits->sessions_max)
                return ERR_LIMIT;
        TRY(session_new(t, o->client_id, t->last_id + 1, 0, ret));
        t->last_id++;
        return ERR_OK;
}

/* The newest is the one to wait for: all are of this turn. */
static uint64_t connect(struct session *s, const struct session_opening *o)
{
        uint16_t ours = s->table->settings.limits->inflight_max;
        uint64_t ticket = set_expiry(s, o->expiry_s);

        s->sink = o->sink;
        session_will_set(s, o->will);
        s->window = o->receive_max < ours ? o->receive_max : ours;
        s->table->connected++;
        wheel_remove(&s->deadline);
        session_queue_rewind(s);
        return session_kept(s) ? session_put_row(s) : ticket;
}

static bool will_fits(const struct session_table *t, const struct will *w)
{
        uint64_t max = t->settings.limits->total_bytes_max;

        return w == NULL || t->will_bytes + will_size(w) <= (max > WILLS_BYTES_MIN ? max : WILLS_BYTES_MIN);
}

enum err session_attach(struct session_table *t, const struct session_opening *o, struct session **ret,
                        bool *ret_present, uint64_t *ret_ticket)
{
        struct session *known = session_find(t, o->client_id.data, o->client_id.len), *s = NULL;
        struct takeover takeover = {0};
        enum err e = will_fits(t, o->will) ? ERR_OK : ERR_LIMIT;
        bool present = false;
        uint64_t ticket;

        if (e == ERR_OK && known != NULL) {
                s = continued(known, o->clean_start, &takeover);
                present = s != NULL;
        }
        if (e == ERR_OK && !present)
                e = begin(t, o, &s);
        if (e == ERR_OK) {
                ticket = connect(s, o);
                *ret = s;
                *ret_present = present;
                *ret_ticket = ticket > takeover.ticket ? ticket : takeover.ticket;
        } else {
                will_free(o->will);
        }
        /* Last, as both may come back to this table. */
        session_will_publish(t, takeover.will);
        if (takeover.older != NULL)
                takeover.older->taken(takeover.older);
        return e;
}

void session_detach(struct session *s, enum session_end end)
{
        struct session_table *t = s->table;
        struct will *will;

        (void)let_go(s);
        if (end != SESSION_LOST)
                s->will = will_free(s->will);
        will = session_kept(s) ? session_will_take_due(s) : TAKE(s->will);
        if (session_kept(s)) {
                session_queue_shrink(s);
                (void)session_put_row(s);
                session_deadline_set(s);
        } else {
                (void)session_end(s);
        }
        session_will_publish(t, will);
}

bool session_set_expiry(struct session *s, uint32_t expiry_s)
{
        if (expiry_s > 0 && !session_kept(s))
                return false;
        (void)set_expiry(s, expiry_s);
        return true;
}

void session_drop(struct session *s)
{
        struct session_table *t = s->table;
        struct will *will = TAKE(s->will);
        struct session_sink *sink = let_go(s);

        (void)session_end(s);
        session_will_publish(t, will);
        if (sink != NULL)
                sink->taken(sink);
}
