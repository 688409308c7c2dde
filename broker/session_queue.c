/* SPDX-License-Identifier: Apache-2.0 */
/* session_queue: outgoing messages of one session that are not done with: their order, their bounds and
 * their rows. Those that wait are bounded by number and bytes; those with a packet ID by the window. */
#include "broker/session_rows.h"
#include "broker/session_state.h"
#include "common/clock.h"

#include <stdlib.h>
#include <string.h>

static struct queue *queue_of(struct session *s)
{
        if (s->queue == NULL && (s->queue = calloc(1, sizeof *s->queue)) != NULL)
                s->queue->session = s;
        return s->queue;
}

/* ---- bounds ---- */

static void stop_waiting(struct session *s, const struct outgoing *o)
{
        struct queue *q = s->queue;

        q->waiting_count--;
        q->waiting_bytes -= message_size(o->message);
        s->table->queued--;
        if (q->waiting == o)
                q->waiting = o->next;
}

static bool fits(const struct session *s, size_t size)
{
        const struct session_limits *l = s->table->settings.limits;
        const struct queue *q = s->queue;

        return (q != NULL ? q->waiting_count : 0) < l->queue_max &&
               (q != NULL ? q->waiting_bytes : 0) + size <= l->queue_bytes_max &&
               s->table->queued_bytes + size <= l->total_bytes_max;
}

/* Would it fit if nothing of this session waited? */
static bool may_fit(const struct session *s, size_t size)
{
        const struct session_limits *l = s->table->settings.limits;
        uint64_t own = s->queue != NULL ? s->queue->waiting_bytes : 0;

        return l->queue_max > 0 && size <= l->queue_bytes_max &&
               s->table->queued_bytes - own + size <= l->total_bytes_max;
}

bool session_queue_room(struct session *s, const struct message *m)
{
        struct session_table *t = s->table;
        size_t size = message_size(m);
        bool possible = may_fit(s, size);
        struct outgoing *oldest;

        while (!fits(s, size)) {
                oldest = s->queue != NULL ? s->queue->waiting : NULL;
                if (!possible || oldest == NULL) {
                        t->dropped++;
                        return false;
                }
                if (message_expired(oldest->message, clock_unix_ms())) {
                        t->expired++;
                } else {
                        t->dropped++;
                        if (t->settings.limits->full == SESSION_DROP_NEW)
                                return false;
                }
                session_queue_remove(s, oldest);
        }
        return true;
}

/* ---- in and out ---- */

uint64_t session_queue_put(struct session *s, const struct outgoing *o)
{
        const struct delivery d = {.message = o->message,
                                   .qos = o->qos,
                                   .retain = o->retain,
                                   .id_count = o->id_count,
                                   .ids = o->ids};

        return session_rows_put_message(session_port(s), s->id, o->order, o->packet_id, &d);
}

static void append(struct queue *q, struct outgoing *o)
{
        o->previous = q->last;
        o->next = NULL;
        *(q->last != NULL ? &q->last->next : &q->first) = o;
        q->last = o;
        if (q->unsent == NULL)
                q->unsent = o;
}

static void begin_waiting(struct session *s, struct outgoing *o)
{
        struct queue *q = s->queue;

        if (q->waiting == NULL)
                q->waiting = o;
        q->waiting_count++;
        q->waiting_bytes += message_size(o->message);
        s->table->queued_bytes += message_size(o->message);
        s->table->queued++;
}

struct outgoing *session_queue_add(struct session *s, const struct delivery *d)
{
        struct queue *q = queue_of(s);
        struct outgoing *o = q != NULL ? malloc(sizeof *o + d->id_count * sizeof o->ids[0]) : NULL;

        if (o == NULL) {
                if (session_kept(s))
                        abort(); /* it would be acknowledged without being kept */
                s->table->dropped++;
                return NULL;
        }
        *o = (struct outgoing){.message = message_ref(d->message),
                               .order = q->next_order++,
                               .qos = d->qos,
                               .retain = d->retain,
                               .id_count = d->id_count};
        if (d->id_count > 0)
                memcpy(o->ids, d->ids, d->id_count * sizeof o->ids[0]);
        append(q, o);
        begin_waiting(s, o);
        return o;
}

uint16_t session_queue_next_id(struct session *s)
{
        uint64_t bytes = s->queue != NULL ? s->queue->numbered_bytes : 0;

        if (bytes > 0 && bytes >= s->table->settings.limits->queue_bytes_max)
                return 0;
        return inflight_next_id(&s->inflight, s->window);
}

void session_queue_number(struct session *s, struct outgoing *o, uint16_t packet_id, bool apart)
{
        struct store_key key = session_rows_outgoing_key(s->id, ROW_PACKET_ID, o->order);
        uint64_t ticket;

        (void)inflight_put(&s->inflight, packet_id, o->qos, o);
        o->packet_id = packet_id;
        stop_waiting(s, o);
        s->queue->numbered_bytes += message_size(o->message);
        if (!apart || !session_kept(s))
                return;
        o->id_is_apart = true;
        ticket = session_rows_put_packet_id(session_port(s), key, packet_id);
        /* QoS 1 may go at once: sent again under another packet ID, it is just sent again. */
        if (o->qos == 2)
                o->ticket = ticket;
}

static void unlink_it(struct session *s, struct outgoing *o)
{
        struct queue *q = s->queue;

        if (o->packet_id == 0)
                stop_waiting(s, o);
        else
                q->numbered_bytes -= message_size(o->message);
        s->table->queued_bytes -= message_size(o->message);
        if (q->unsent == o)
                q->unsent = o->next;
        *(o->previous != NULL ? &o->previous->next : &q->first) = o->next;
        *(o->next != NULL ? &o->next->previous : &q->last) = o->previous;
        o->next = o->previous = NULL;
}

static void delete_rows(struct session *s, const struct outgoing *o)
{
        if (!session_kept(s))
                return;
        (void)store_delete(session_port(s), session_rows_outgoing_key(s->id, ROW_MESSAGE, o->order));
        if (o->id_is_apart)
                (void)store_delete(session_port(s),
                                   session_rows_outgoing_key(s->id, ROW_PACKET_ID, o->order));
}

void session_queue_remove(struct session *s, struct outgoing *o)
{
        unlink_it(s, o);
        delete_rows(s, o);
        (void)message_unref(o->message);
        free(o);
}

/* ---- releases ---- */

void session_queue_release(struct session *s, struct outgoing *o)
{
        unlink_it(s, o);
        delete_rows(s, o);
        o->message = message_unref(o->message);
        o->order = s->queue->next_order++;
        o->ticket = session_rows_put_packet_id(
                session_port(s), session_rows_outgoing_key(s->id, ROW_RELEASE, o->order), o->packet_id);
}

struct outgoing *session_queue_new_release(struct session *s, uint64_t order, uint16_t packet_id)
{
        struct queue *q = queue_of(s);
        struct outgoing *o = q != NULL ? calloc(1, sizeof *o) : NULL;

        if (o == NULL)
                return NULL;
        o->order = order;
        o->packet_id = packet_id;
        o->qos = 2;
        if (q->next_order <= order)
                q->next_order = order + 1;
        return o;
}

void session_queue_release_done(struct session *s, struct outgoing *o)
{
        if (o != NULL && session_kept(s))
                (void)store_delete(session_port(s), session_rows_outgoing_key(s->id, ROW_RELEASE, o->order));
        free(o);
}

/* ---- the whole ---- */

bool session_every_message(const struct session *s, bool (*every)(void *arg, struct bytes topic), void *arg)
{
        const struct outgoing *o = s->queue != NULL ? s->queue->first : NULL;

        while (o != NULL && every(arg, (struct bytes){o->message->bytes, o->message->topic_len}))
                o = o->next;
        return o == NULL;
}

void session_queue_rewind(struct session *s)
{
        inflight_rewind(&s->inflight);
        if (s->queue != NULL)
                s->queue->unsent = s->queue->first;
}

static void forget_releases(struct inflight *f)
{
        for (uint32_t i = 0; i < f->cap; i++)
                if (f->slots[i].state == INFLIGHT_PUBCOMP) {
                        free(f->slots[i].outgoing);
                        f->slots[i].outgoing = NULL;
                }
}

void session_queue_unkeep(struct session *s)
{
        forget_releases(&s->inflight);
        if (s->queue == NULL)
                return;
        store_wait_end(&s->queue->wait);
        for (struct outgoing *o = s->queue->first; o != NULL; o = o->next) {
                o->ticket = 0;
                o->id_is_apart = false;
        }
}

/* Those with a packet ID stand before those that wait (so they were numbered; whatever the rows say, one that
 * waits must not stand before one that holds its place in the window). */
void session_queue_restored(struct session *s)
{
        struct queue *q = s->queue;
        struct outgoing *all = q != NULL ? q->first : NULL, *waiting = NULL, **last = &waiting, *next;

        if (q == NULL)
                return;
        s->table->queued_bytes -= q->waiting_bytes; /* all were counted when they came */
        s->table->queued -= q->waiting_count;
        q->waiting_bytes = q->waiting_count = 0;
        q->first = q->last = q->unsent = q->waiting = NULL;
        for (struct outgoing *o = all; o != NULL; o = next) {
                next = o->next;
                if (o->packet_id != 0) {
                        append(q, o);
                        q->numbered_bytes += message_size(o->message);
                        s->table->queued_bytes += message_size(o->message);
                        continue;
                }
                *last = o;
                last = &o->next;
        }
        *last = NULL;
        for (struct outgoing *o = waiting; o != NULL; o = next) {
                next = o->next;
                append(q, o);
                begin_waiting(s, o);
        }
}

/* While something is in flight, row numbers must go on from where they are. */
void session_queue_shrink(struct session *s)
{
        if (s->queue == NULL || s->queue->first != NULL || s->inflight.count > 0)
                return;
        store_wait_end(&s->queue->wait);
        free(s->queue);
        s->queue = NULL;
        inflight_done(&s->inflight);
}

void session_queue_done(struct session *s)
{
        struct queue *q = s->queue;

        forget_releases(&s->inflight);
        inflight_done(&s->inflight);
        if (q == NULL)
                return;
        store_wait_end(&q->wait);
        s->table->queued_bytes -= q->waiting_bytes + q->numbered_bytes;
        s->table->queued -= q->waiting_count;
        while (q->first != NULL) {
                struct outgoing *o = q->first;

                q->first = o->next;
                (void)message_unref(o->message);
                free(o);
        }
        free(q);
        s->queue = NULL;
}
