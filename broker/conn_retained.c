/* SPDX-License-Identifier: Apache-2.0 */
/* conn_retained: retained messages for a new subscription. `#` may match a million, so they come a step a
 * turn, while the client reads them. */
#include "broker/conn_part.h"
#include "broker/retained.h"
#include "common/clock.h"
#include "common/log.h"

#include <stdlib.h>
#include <string.h>

/* More wait for the client than it has acknowledged: go on later. */
enum { WAITING_MAX = 1000 };

struct conn_show {
        struct conn_show *next;
        struct retained_walk *walk;
        struct subscription sub;
        struct session *session; /* for the call of a step */
        size_t filter_len;
        uint8_t filter[];
};

static void show_one(void *arg, struct message *m)
{
        const struct conn_show *s = arg;
        const struct delivery d = {.message = m,
                                   .qos = m->qos < s->sub.qos ? m->qos : s->sub.qos,
                                   .retain = true,
                                   .id_count = s->sub.id != 0,
                                   .ids = &s->sub.id};

        (void)session_deliver(s->session, &d);
        (void)message_unref(m);
}

static struct conn_show *show_free(struct conn_show *s)
{
        struct conn_show *next = s->next;

        (void)retained_walk_free(s->walk);
        free(s);
        return next;
}

static bool has_room(const struct conn *c)
{
        struct session_counts counts;

        session_counts(c->session, &counts);
        return c->out.bytes < c->ctx->limits->outbox_bytes_max / 2 && counts.waiting < WAITING_MAX;
}

void conn_show_more(struct conn *c)
{
        struct conn_show *s = c->shows;

        if (s == NULL || c->session == NULL || !has_room(c))
                return;
        s->session = c->session;
        if (!retained_walk_step(s->walk, clock_unix_ms(), show_one, s))
                c->shows = show_free(s);
        if (c->shows != NULL)
                conn_mark_dirty(c);
}

void conn_forget_show(struct conn *c, struct bytes filter)
{
        for (struct conn_show **at = &c->shows; *at != NULL; at = &(*at)->next)
                if ((*at)->filter_len == filter.len && memcmp((*at)->filter, filter.data, filter.len) == 0) {
                        *at = show_free(*at);
                        return;
                }
}

/* Of one filter there is one: a client that does not take them and subscribes again and again would have us
 * keep a walk each time. */
void conn_show_retained(struct conn *c, struct bytes filter, const struct subscription *sub)
{
        struct conn_show *s = calloc(1, sizeof *s + filter.len), **last = &c->shows;

        conn_forget_show(c, filter);

        if (s == NULL || retained_walk_new(c->ctx->retained, filter, &s->walk) != ERR_OK) {
                log_error("client=%s out of memory: no retained messages", c->client_id);
                free(s);
                return;
        }
        s->sub = *sub;
        s->filter_len = filter.len;
        memcpy(s->filter, filter.data, filter.len);
        while (*last != NULL)
                last = &(*last)->next;
        *last = s;
        if (c->shows == s)
                conn_show_more(c);
}

void conn_forget_shows(struct conn *c)
{
        while (c->shows != NULL)
                c->shows = show_free(c->shows);
}
