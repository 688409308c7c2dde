/* SPDX-License-Identifier: Apache-2.0 */
/* session_restore: sessions as the store has them, at start. Rows come by kind, then by session ID: the
 * sessions themselves first, which are noted by ID; the rows of each other kind then walk through the notes
 * once. */
#include "broker/session_rows.h"
#include "broker/session_state.h"
#include "common/clock.h"

#include <stdlib.h>

enum { WORKER_SHIFT = 56, PLACES_MIN = 1024, MS = 1000 };

struct session_place {
        uint64_t id;
        struct session *session;
        int worker;
};

static enum err place_add(struct session_restore *r, struct session_place place)
{
        size_t cap = r->place_cap == 0 ? PLACES_MIN : r->place_cap * 2;
        struct session_place *places;

        if (r->place_count == r->place_cap) {
                places = reallocarray(r->places, cap, sizeof *places);
                if (places == NULL)
                        return ERR_NOMEM;
                r->places = places;
                r->place_cap = cap;
        }
        r->places[r->place_count++] = place;
        return ERR_OK;
}

/* NULL: there is none. */
static struct session_place *place_of(struct session_restore *r, const struct store_key *key)
{
        if (r->kind != key->kind)
                r->at = 0;
        r->kind = key->kind;
        while (r->at < r->place_count && r->places[r->at].id < key->a)
                r->at++;
        return r->at < r->place_count && r->places[r->at].id == key->a ? &r->places[r->at] : NULL;
}

/* ---- the session ---- */

static enum err restore_will(struct session *s, const struct row_session *row)
{
        bool bad = false;
        struct will *w = will_new(row->client_id);

        if (w == NULL)
                return ERR_NOMEM;
        w->message = message_restore(row->will, &bad);
        w->delay_s = row->will_delay_s;
        w->expiry_s = row->will_expiry_s;
        if (w->message == NULL) {
                will_free(w);
                return bad ? ERR_SYNTAX : ERR_NOMEM;
        }
        session_will_set(s, w);
        return ERR_OK;
}

/* When the connection ended: what was connected when the process was killed has lost it now. */
static int64_t ended_ms(const struct row_session *row)
{
        int64_t ago_s = row->disconnected_at != 0 ? clock_now() - row->disconnected_at : 0;

        return clock_ms() - (ago_s > 0 ? ago_s : 0) * MS;
}

static enum err restore_session(struct session_restore *r, const struct store_key *key, struct bytes value)
{
        struct session_place place = {.id = key->a};
        uint64_t worker = key->a >> WORKER_SHIFT;
        struct session_table *t;
        struct row_session row;

        if (key->a == 0 || key->b != 0 || (r->place_count > 0 && r->places[r->place_count - 1].id >= key->a))
                return ERR_SYNTAX;
        TRY(session_rows_read_session(value, &row));
        place.worker = r->home(r, row.client_id.data, row.client_id.len);
        t = r->tables[place.worker];
        if (session_find(t, row.client_id.data, row.client_id.len) != NULL)
                return ERR_SYNTAX;
        TRY(session_new(t, row.client_id, key->a, row.expiry_s, &place.session));
        place.session->ended_ms = ended_ms(&row);
        place.session->was_lost = row.disconnected_at == 0;
        if (row.has_will)
                TRY(restore_will(place.session, &row));
        /* Of whom it has the number, not where it lives: there may have been more workers, or fewer. */
        if (worker < (uint64_t)r->count && r->tables[worker]->last_id < key->a)
                r->tables[worker]->last_id = key->a;
        return place_add(r, place);
}

/* ---- what belongs to it ---- */

static enum err restore_filter(struct session_restore *r, const struct session_place *place, uint64_t number,
                               struct bytes value)
{
        struct row_filter row;

        if (number > UINT32_MAX)
                return ERR_SYNTAX;
        TRY(session_rows_read_filter(value, &row));
        TRY(session_filters_restore(place->session, (uint32_t)number, row.text, &row.sub, row.shared));
        if (row.shared && r->shared != NULL)
                r->shared(r, place->worker, place->session, row.text, &row.sub);
        return ERR_OK;
}

/* It was sent, or was going to be: nobody knows. */
static enum err restore_id_of(struct session *s, struct outgoing *o, uint16_t packet_id)
{
        TRY(inflight_restore(&s->inflight, packet_id, o->qos == 1 ? INFLIGHT_PUBACK : INFLIGHT_PUBREC, o));
        o->packet_id = packet_id;
        o->tried = true;
        return ERR_OK;
}

static enum err restore_message(struct session *s, uint64_t order, struct bytes value)
{
        CLEANUP(messagep) struct message *m = NULL;
        struct row_message row;
        struct outgoing *o;
        bool bad = false;

        TRY(session_rows_read_message(value, &row));
        m = message_restore(row.message, &bad);
        if (m == NULL)
                return bad ? ERR_SYNTAX : ERR_NOMEM;
        o = session_queue_add(s, &(struct delivery){m, row.qos, row.retain, row.id_count, row.ids});
        if (o == NULL)
                return ERR_NOMEM;
        o->order = order;
        s->queue->next_order = order + 1;
        return row.packet_id == 0 ? ERR_OK : restore_id_of(s, o, row.packet_id);
}

/* They come in the order of their messages: `waiting` is where the search goes on. */
static enum err restore_packet_id(struct session *s, uint64_t order, uint16_t packet_id)
{
        struct outgoing *o = s->queue != NULL ? s->queue->waiting : NULL;

        while (o != NULL && o->order < order)
                o = o->next;
        if (o == NULL || o->order != order || o->packet_id != 0)
                return ERR_SYNTAX;
        s->queue->waiting = o;
        o->id_is_apart = true;
        return restore_id_of(s, o, packet_id);
}

static enum err restore_release(struct session *s, uint64_t order, uint16_t packet_id)
{
        struct outgoing *o;
        enum err e;

        if (inflight_find(&s->inflight, packet_id) != NULL)
                return ERR_SYNTAX;
        o = session_queue_new_release(s, order, packet_id);
        if (o == NULL)
                return ERR_NOMEM;
        e = inflight_restore(&s->inflight, packet_id, INFLIGHT_PUBCOMP, o);
        if (e != ERR_OK)
                free(o);
        return e;
}

static enum err restore_outgoing(struct session *s, uint64_t b, struct bytes value)
{
        uint64_t part = b >> ROW_PART_SHIFT, order = b & ROW_ORDER_MAX;
        uint16_t packet_id;

        if (part >= ROW_PARTS || order == ROW_ORDER_MAX)
                return ERR_SYNTAX;
        if (part == ROW_MESSAGE)
                return restore_message(s, order, value);
        TRY(session_rows_read_packet_id(value, &packet_id));
        return part == ROW_PACKET_ID ? restore_packet_id(s, order, packet_id)
                                     : restore_release(s, order, packet_id);
}

static enum err restore_incoming(struct session *s, uint64_t packet_id, struct bytes value)
{
        if (packet_id == 0 || packet_id > UINT16_MAX || value.len > 0)
                return ERR_SYNTAX;
        return id_set_put(&s->incoming, (uint16_t)packet_id);
}

enum err session_restore_row(struct session_restore *r, const struct store_key *key, struct bytes value)
{
        const struct session_place *place;

        if (key->kind == STORE_SESSION)
                return restore_session(r, key, value);
        place = place_of(r, key);
        if (place == NULL)
                return ERR_SYNTAX;
        switch (key->kind) {
        case STORE_SUBSCRIPTION:
                return restore_filter(r, place, key->b, value);
        case STORE_OUTGOING:
                return restore_outgoing(place->session, key->b, value);
        case STORE_INCOMING:
                return restore_incoming(place->session, key->b, value);
        default:
                return ERR_SYNTAX;
        }
}

void session_restore_done(struct session_restore *r)
{
        free(r->places);
        r->places = NULL;
        r->place_count = r->place_cap = r->at = 0;
}

/* ---- all of them ---- */

static void restored(struct session *s, struct ring *gone)
{
        session_queue_restored(s);
        if (session_expired(s) && s->will == NULL) {
                ring_add_last(gone, &s->deadline.ring);
                return;
        }
        /* Its time runs from now, also when this process does not live to see the end. */
        if (s->was_lost && s->expiry_s != SESSION_NEVER_EXPIRES)
                (void)session_put_row(s);
        s->was_lost = false;
        session_deadline_set(s);
}

void session_restored(struct session_table *t)
{
        struct chain_table *all = &t->by_client_id;
        struct ring gone;

        ring_init(&gone);
        for (size_t i = 0; i < all->bucket_count; i++)
                for (struct chain *link = all->buckets[i]; link != NULL; link = link->next)
                        restored((struct session *)((char *)link - offsetof(struct session, link)), &gone);
        while (!ring_empty(&gone))
                (void)session_end((struct session *)((char *)gone.next - offsetof(struct session, deadline)));
}
