/* SPDX-License-Identifier: Apache-2.0 */
/* session_will: what time does to a session without a connection: its will becomes due, it expires. The
 * wheel is late by up to its tick, so who meets such a session asks for the time itself. */
#include "broker/access.h"
#include "broker/session_state.h"

#include "common/clock.h"

#include <stdlib.h>
#include <string.h>

/* A deadline further away is looked at again and again (wheel.h); spread, so that a million sessions that
 * were restored together do not come together each time. */
enum { LOOK_AFTER_MS = 60000, LOOK_SPREAD_MS = 60000, MS = 1000 };

struct will *will_new(struct bytes client_id)
{
        struct will *w = calloc(1, sizeof *w);

        if (w == NULL || (w->client_id = strndup((const char *)client_id.data, client_id.len)) == NULL)
                return will_free(w);
        return w;
}

uint64_t will_size(const struct will *w)
{
        return sizeof *w + message_size(w->message);
}

struct will *will_free(struct will *w)
{
        if (w == NULL)
                return NULL;
        if (w->counted != NULL)
                *w->counted -= will_size(w);
        (void)message_unref(w->message);
        (void)access_free(w->access);
        free(w->client_id);
        free(w);
        return NULL;
}

void session_will_set(struct session *s, struct will *w)
{
        s->will = w;
        if (w == NULL)
                return;
        w->counted = &s->table->will_bytes;
        *w->counted += will_size(w);
}

static int64_t expires_ms(const struct session *s)
{
        return s->expiry_s == SESSION_NEVER_EXPIRES ? INT64_MAX : s->ended_ms + (int64_t)s->expiry_s * MS;
}

/* After its delay or at the end of the session, whichever is first (MQTT 5 §3.1.3.2.2). */
static int64_t will_due_ms(const struct session *s)
{
        int64_t delayed, expires = expires_ms(s);

        if (s->will == NULL)
                return INT64_MAX;
        delayed = s->ended_ms + (int64_t)s->will->delay_s * MS;
        return delayed < expires ? delayed : expires;
}

bool session_expired(const struct session *s)
{
        return s->sink == NULL && expires_ms(s) <= clock_ms();
}

struct will *session_will_take_due(struct session *s)
{
        return will_due_ms(s) <= clock_ms() ? TAKE(s->will) : NULL;
}

void session_will_publish(struct session_table *t, struct will *w)
{
        if (w != NULL && t->settings.publish != NULL)
                t->settings.publish(t->settings.ctx, w);
        will_free(w);
}

void session_deadline_set(struct session *s)
{
        int64_t expires = expires_ms(s), will = will_due_ms(s), at = will < expires ? will : expires;
        int64_t look = clock_ms() + LOOK_AFTER_MS;

        if (at == INT64_MAX) {
                wheel_remove(&s->deadline);
                return;
        }
        if (at > look + LOOK_SPREAD_MS)
                at = look + (int64_t)(s->link.hash % LOOK_SPREAD_MS);
        wheel_set(s->table->settings.wheel, &s->deadline, at > 0 ? (uint64_t)at : 0);
}

void session_due(void *session_table, struct wheel_entry *e)
{
        struct session_table *t = session_table;
        struct session *s = (struct session *)((char *)e - offsetof(struct session, deadline));
        struct will *will;

        if (s->sink != NULL)
                return;
        will = session_will_take_due(s);
        if (session_expired(s)) {
                t->sessions_expired++;
                (void)session_end(s);
        } else {
                if (will != NULL)
                        (void)session_put_row(s); /* without it */
                session_deadline_set(s);
        }
        session_will_publish(t, will);
}
