/* SPDX-License-Identifier: Apache-2.0 */
/* session: messages to one client. To a session that is not kept a QoS 1 or 2 message goes straight to the
 * sink while nothing stands before it, that is: all that has to be sent again was, none waits, the in-flight
 * window is open and the outbox takes it. Else it waits, and every event that may change one of these calls
 * send_more(). To a kept session it goes by the queue, as its row has to be committed first.
 *
 * QoS 2 to a kept session, and kill -9 at any point (rows as in session_rows.h; a state begins when its row
 * is put, and what is below "then" happens only after the commit of that row):
 *
 *   state      row                   the client may have seen   then                after a restart
 *   waits      message               nothing                    publisher's ack     as new, in its order
 *   numbered   message + packet ID   the PUBLISH, or nothing    PUBLISH             PUBLISH, DUP, same ID
 *   released   release, no message   the PUBLISH (it has sent   PUBREL              PUBREL, same ID
 *                                    PUBREC), or the PUBREL
 *   done       none                  everything                 nothing             nothing
 *
 *   Never twice: the client takes a PUBLISH for a new message only with a packet ID that it does not hold.
 *   It can hold an ID only after a PUBLISH, thus after the commit of that ID; from then on the row names this
 *   ID and no other until PUBCOMP. The ID is given to another message only when its row is gone, thus after
 *   PUBCOMP, thus when the client has let go of it. Killed before the commit of "numbered": nothing was sent,
 *   and the row before it ("waits", or none with no acknowledgement to the publisher) stands. Killed before
 *   the commit of "released": DUP with the same ID; the client still holds it, as no PUBREL came, and answers
 *   PUBREC again. Killed before the commit of "done": PUBREL again, PUBCOMP again (§4.3.3, a client answers a
 *   PUBREL that it does not know).
 *   Never lost: the publisher's acknowledgement waits for "waits" or "numbered", and each later state puts
 *   its row and deletes the one before in the same batch, which is committed whole or not at all. */
#include "broker/session_state.h"

#include "common/clock.h"

#include <stddef.h>

static void send_more(struct session *s);

/* MQTT 5 §2.4 */
static bool is_error(enum mqtt_reason reason)
{
        return reason >= MQTT_UNSPECIFIED_ERROR;
}

static bool is_open(const struct session *s)
{
        return s->sink != NULL && s->resumed;
}

/* Asks for the time only when it matters. */
static bool too_late(struct session *s, const struct message *m)
{
        if (m->expires_ms == 0 || !message_expired(m, clock_unix_ms()))
                return false;
        s->table->expired++;
        return true;
}

/* ---- commits ---- */

static void committed(struct store_wait *w)
{
        struct queue *q = (struct queue *)((char *)w - offsetof(struct queue, wait));

        send_more(q->session);
}

/* Waits of one port stand in the order of their tickets, so one for an older ticket waits for the newest that
 * somebody waits for. */
static void wait_for(struct session *s, uint64_t ticket)
{
        struct store_port *p = session_port(s);
        struct ring *last = p->waiting.previous;
        uint64_t newest =
                ring_empty(&p->waiting)
                        ? 0
                        : ((struct store_wait *)((char *)last - offsetof(struct store_wait, ring)))->ticket;

        if (!ring_has(&s->queue->wait.ring))
                store_wait_for(p, &s->queue->wait, newest > ticket ? newest : ticket, committed);
}

static bool may_go(const struct session *s, const struct outgoing *o) /* NULL: without a row */
{
        return o == NULL || store_committed(session_port(s), o->ticket);
}

/* ---- sending ---- */

/* Done with: acknowledged, refused, too large, too late. */
static void finish(struct session *s, struct inflight_slot *slot)
{
        struct outgoing *o = slot->outgoing;

        if (slot->state == INFLIGHT_PUBCOMP)
                session_queue_release_done(s, o);
        else if (o != NULL)
                session_queue_remove(s, o);
        inflight_remove(&s->inflight, slot);
}

static void drop(struct session *s, struct outgoing *o)
{
        if (o->packet_id != 0)
                finish(s, inflight_find(&s->inflight, o->packet_id));
        else
                session_queue_remove(s, o);
}

/* False: no room. */
static bool send_one(struct session *s, struct outgoing *o)
{
        const struct delivery d = {.message = o->message,
                                   .qos = o->qos,
                                   .retain = o->retain,
                                   .id_count = o->id_count,
                                   .ids = o->ids};
        enum session_sent sent = s->sink->publish(s->sink, &d, o->tried, o->packet_id);
        struct inflight_slot *slot = inflight_find(&s->inflight, o->packet_id);

        if (sent == SESSION_NO_ROOM)
                return false;
        if (sent == SESSION_TOO_LARGE) { /* as if it had been sent and acknowledged [MQTT-3.1.2-25] */
                s->table->dropped++;
                finish(s, slot);
                return true;
        }
        o->tried = true;
        inflight_set_sent(&s->inflight, slot);
        s->queue->unsent = o->next;
        if (!session_kept(s)) {
                session_queue_remove(s, o);
                slot->outgoing = NULL;
        }
        return true;
}

/* False: the window is closed. */
static bool number(struct session *s, struct outgoing *o)
{
        uint16_t id = session_queue_next_id(s);

        if (id != 0)
                session_queue_number(s, o, id, true);
        return id != 0;
}

static void send_queue(struct session *s)
{
        struct queue *q = s->queue;
        struct outgoing *o;

        while ((o = q->unsent) != NULL && s->inflight.sent < s->window) {
                if (!o->tried && too_late(s, o->message)) {
                        drop(s, o);
                        continue;
                }
                if (o->packet_id == 0 && !number(s, o))
                        break;
                if (!may_go(s, o)) {
                        /* Those behind it get theirs in the same commit. */
                        while (q->waiting != NULL && number(s, q->waiting))
                                ;
                        wait_for(s, o->ticket);
                        break;
                }
                if (!send_one(s, o))
                        break;
        }
}

/* In the order of their PUBRECs [MQTT-4.6.0-4]; no part of the window (MQTT 5 §4.9). False: no room. */
static bool send_releases(struct session *s)
{
        struct inflight_slot *slot;

        while ((slot = inflight_unsent(&s->inflight)) != NULL) {
                if (!may_go(s, slot->outgoing)) {
                        wait_for(s, slot->outgoing->ticket);
                        return true;
                }
                if (!s->sink->pubrel(s->sink, slot->packet_id, MQTT_SUCCESS))
                        return false;
                inflight_release_sent(&s->inflight);
        }
        return true;
}

static void send_more(struct session *s)
{
        if (is_open(s) && send_releases(s) && s->queue != NULL)
                send_queue(s);
}

void session_resume(struct session *s)
{
        s->resumed = true;
        send_more(s);
}

/* ---- delivery ---- */

static void deliver_qos_0(struct session *s, const struct delivery *d)
{
        /* Without a connection QoS 0 is not kept (§3.1.2.4), so nothing is lost that was promised. */
        if (s->sink == NULL || too_late(s, d->message))
                return;
        if (!s->resumed || s->sink->publish(s->sink, d, false, 0) != SESSION_SENT)
                s->table->dropped++;
}

/* The way of almost every message to a session that is not kept: no memory, no copy. False: it has to wait.
 */
static bool deliver_at_once(struct session *s, const struct delivery *d)
{
        struct inflight *f = &s->inflight;
        uint16_t id;

        if (!is_open(s) || f->unsent != 0 || (s->queue != NULL && s->queue->unsent != NULL))
                return false;
        if (too_late(s, d->message))
                return true;
        id = inflight_next_id(f, s->window);
        if (id == 0)
                return false;
        switch (s->sink->publish(s->sink, d, false, id)) {
        case SESSION_NO_ROOM:
                return false;
        case SESSION_TOO_LARGE:
                s->table->dropped++;
                break;
        case SESSION_SENT:
                inflight_set_sent(f, inflight_put(f, id, d->qos, NULL));
                break;
        }
        return true;
}

static uint64_t deliver_by_queue(struct session *s, const struct delivery *d)
{
        /* A packet ID already now saves a row; without a connection it would be one that may never be used.
         */
        bool at_once = is_open(s) && session_kept(s) && (s->queue == NULL || s->queue->waiting == NULL);
        uint16_t id = at_once ? session_queue_next_id(s) : 0;
        struct outgoing *o;
        uint64_t ticket;

        if (id == 0 && !session_queue_room(s, d->message))
                return 0;
        o = session_queue_add(s, d);
        if (o == NULL)
                return 0;
        if (id != 0)
                session_queue_number(s, o, id, false);
        if (!session_kept(s))
                return 0; /* what stands before it will come back to it */
        ticket = o->ticket = session_queue_put(s, o);
        if (s->queue->unsent == o)
                send_more(s); /* at once when there is no store, else it begins to wait for the commit */
        return ticket;
}

uint64_t session_deliver(struct session *s, const struct delivery *d)
{
        if (d->qos == 0) {
                deliver_qos_0(s, d);
                return 0;
        }
        if (!session_kept(s) && deliver_at_once(s, d))
                return 0;
        return deliver_by_queue(s, d);
}

/* ---- acknowledgements ---- */

/* The slot of a message that the client can have seen. */
static struct inflight_slot *seen(const struct session *s, uint16_t packet_id)
{
        struct inflight_slot *slot = inflight_find(&s->inflight, packet_id);

        if (slot == NULL || slot->state == INFLIGHT_PUBCOMP)
                return slot;
        return slot->sent || (slot->outgoing != NULL && slot->outgoing->tried) ? slot : NULL;
}

static struct inflight_slot *awaiting(const struct session *s, uint16_t packet_id, enum inflight_state state)
{
        struct inflight_slot *slot = seen(s, packet_id);

        return slot != NULL && slot->state == state ? slot : NULL;
}

bool session_awaits(const struct session *s, uint16_t packet_id)
{
        return seen(s, packet_id) != NULL;
}

bool session_puback(struct session *s, uint16_t packet_id, enum mqtt_reason reason)
{
        struct inflight_slot *slot = awaiting(s, packet_id, INFLIGHT_PUBACK);

        (void)reason; /* an error ends the message as well (§4.3.2) */
        if (slot == NULL)
                return false;
        finish(s, slot);
        send_more(s);
        return true;
}

static void release(struct session *s, struct inflight_slot *slot)
{
        if (session_kept(s)) {
                session_queue_release(s, slot->outgoing);
        } else if (slot->outgoing != NULL) {
                session_queue_remove(s, slot->outgoing);
                slot->outgoing = NULL;
        }
        inflight_release(&s->inflight, slot);
}

bool session_pubrec(struct session *s, uint16_t packet_id, enum mqtt_reason reason)
{
        struct inflight_slot *slot = awaiting(s, packet_id, INFLIGHT_PUBREC);
        struct inflight_slot *other = awaiting(s, packet_id, INFLIGHT_PUBCOMP);

        if (slot != NULL) {
                if (is_error(reason))
                        finish(s, slot);
                else
                        release(s, slot);
                send_more(s);
                return true;
        }
        if (other == NULL)
                return false;
        /* Asked again; a release that may not go yet will be sent once it may. */
        if (!is_error(reason) && is_open(s) && may_go(s, other->outgoing))
                (void)s->sink->pubrel(s->sink, packet_id, MQTT_SUCCESS);
        return true;
}

bool session_pubcomp(struct session *s, uint16_t packet_id)
{
        struct inflight_slot *slot = awaiting(s, packet_id, INFLIGHT_PUBCOMP);

        if (slot == NULL)
                return false;
        finish(s, slot);
        send_more(s);
        return true;
}

/* ---- what it is ---- */

uint64_t session_id(const struct session *s)
{
        return s->id;
}

const char *session_client_id(const struct session *s)
{
        return s->client_id;
}

bool session_connected(const struct session *s)
{
        return s->sink != NULL;
}

bool session_kept(const struct session *s)
{
        return s->expiry_s > 0;
}

void session_counts(const struct session *s, struct session_counts *ret)
{
        *ret = (struct session_counts){.subscriptions = s->filter_count,
                                       .inflight = s->inflight.count,
                                       .waiting = s->queue != NULL ? s->queue->waiting_count : 0,
                                       .waiting_bytes = s->queue != NULL ? s->queue->waiting_bytes : 0};
}
