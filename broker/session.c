/* SPDX-License-Identifier: Apache-2.0 */
/* session: messages and subscriptions of one client. A QoS 1 or 2 message goes straight to the sink while
 * nothing stands before it, that is: all that has to be sent again was, none waits, the in-flight window is
 * open and the outbox takes it. Else it waits, and every event that may change one of these calls
 * send_more(). */
#include "broker/session_state.h"

#include "broker/router.h"

#include <stdlib.h>
#include <string.h>

enum { SUBACK_FAILURE = 0x80, FILTERS_CAP_MIN = 2 };

static uint64_t message_size(const struct message *m)
{
        return (uint64_t)m->topic_len + m->properties_len + m->payload_len;
}

/* --- outgoing --- */

static void waiting_add(struct session *s, struct message *m, uint8_t qos)
{
        const struct session_limits *limits = &s->table->limits;
        struct waiting *w = NULL;

        if (s->waiting_count < limits->queue_max && message_size(m) <= limits->queue_bytes_max &&
            s->waiting_bytes <= limits->queue_bytes_max - message_size(m))
                w = malloc(sizeof *w);
        if (w == NULL) {
                s->table->dropped++;
                return;
        }
        *w = (struct waiting){NULL, message_ref(m), qos};
        if (s->waiting_last != NULL)
                s->waiting_last->next = w;
        else
                s->waiting = w;
        s->waiting_last = w;
        s->waiting_count++;
        s->waiting_bytes += message_size(m);
}

static void waiting_remove_first(struct session *s)
{
        struct waiting *w = s->waiting;

        s->waiting = w->next;
        if (s->waiting == NULL)
                s->waiting_last = NULL;
        s->waiting_count--;
        s->waiting_bytes -= message_size(w->message);
        message_unref(w->message);
        free(w);
}

static bool all_sent_again(const struct session *s)
{
        return s->inflight.messages.unsent == 0 && s->inflight.releases.unsent == 0;
}

static bool send_first_time(struct session *s, struct message *m, uint8_t qos)
{
        uint16_t id = inflight_next_id(&s->inflight, s->table->limits.inflight_max);

        if (id == 0 || !s->sink->publish(s->sink, m, qos, false, id))
                return false;
        inflight_put(&s->inflight, id, m, qos);
        return true;
}

/* §4.4: releases and messages in flight, each list in its order; stops where the outbox is full. */
static bool send_again(struct session *s)
{
        struct inflight *f = &s->inflight;
        const struct inflight_slot *slot;

        while ((slot = inflight_unsent(f, &f->releases)) != NULL) {
                if (!s->sink->pubrel(s->sink, slot->packet_id))
                        return false;
                inflight_sent(f, &f->releases);
        }
        while ((slot = inflight_unsent(f, &f->messages)) != NULL) {
                uint8_t qos = slot->state == INFLIGHT_PUBACK ? 1 : 2;

                if (!s->sink->publish(s->sink, slot->message, qos, true, slot->packet_id))
                        return false;
                inflight_sent(f, &f->messages);
        }
        return true;
}

static void send_more(struct session *s)
{
        if (s->sink == NULL || !s->resumed || !send_again(s))
                return;
        while (s->waiting != NULL && send_first_time(s, s->waiting->message, s->waiting->qos))
                waiting_remove_first(s);
}

void session_resume(struct session *s)
{
        s->resumed = true;
        send_more(s);
}

void session_deliver(struct session *s, struct message *m, uint8_t qos)
{
        bool open = s->sink != NULL && s->resumed;

        if (qos == 0) {
                /* Without a connection QoS 0 is not kept (§3.1.2.4), so nothing is lost that was promised. */
                if (s->sink != NULL && (!open || !s->sink->publish(s->sink, m, 0, false, 0)))
                        s->table->dropped++;
                return;
        }
        if (open && s->waiting == NULL && all_sent_again(s) && send_first_time(s, m, qos))
                return;
        waiting_add(s, m, qos);
}

void session_puback(struct session *s, uint16_t packet_id)
{
        if (inflight_state(&s->inflight, packet_id) != INFLIGHT_PUBACK)
                return;
        inflight_remove(&s->inflight, packet_id);
        send_more(s);
}

void session_pubrec(struct session *s, uint16_t packet_id)
{
        switch (inflight_state(&s->inflight, packet_id)) {
        case INFLIGHT_PUBREC:
                inflight_release(&s->inflight, packet_id);
                send_more(s);
                break;
        case INFLIGHT_PUBCOMP:
        case INFLIGHT_FREE:
                /* Asked again, or we forgot: without a PUBREL the client would hold this ID for ever. */
                if (s->sink != NULL && s->resumed)
                        (void)s->sink->pubrel(s->sink, packet_id);
                break;
        case INFLIGHT_PUBACK:
                break;
        }
}

void session_pubcomp(struct session *s, uint16_t packet_id)
{
        if (inflight_state(&s->inflight, packet_id) != INFLIGHT_PUBCOMP)
                return;
        inflight_remove(&s->inflight, packet_id);
        send_more(s);
}

/* --- incoming --- */

bool session_qos2_begin(struct session *s, uint16_t packet_id, bool *ret_full)
{
        bool known = id_set_has(&s->incoming, packet_id);

        *ret_full = !known && id_set_put(&s->incoming, packet_id) != ERR_OK;
        return !known && !*ret_full;
}

void session_qos2_end(struct session *s, uint16_t packet_id)
{
        id_set_remove(&s->incoming, packet_id);
}

/* --- subscriptions --- */

static uint32_t filter_find(const struct session *s, struct bytes text)
{
        uint32_t i = 0;

        while (i < s->filter_count &&
               (s->filters[i]->len != text.len || memcmp(s->filters[i]->text, text.data, text.len) != 0))
                i++;
        return i;
}

static struct filter *filter_new(struct bytes text)
{
        struct filter *f = malloc(sizeof *f + text.len);

        if (f == NULL)
                return NULL;
        f->len = (uint16_t)text.len;
        memcpy(f->text, text.data, text.len);
        return f;
}

static enum err filters_reserve(struct session *s)
{
        uint32_t cap = s->filter_cap == 0 ? FILTERS_CAP_MIN : s->filter_cap * 2;
        struct filter **filters;

        if (s->filter_count < s->filter_cap)
                return ERR_OK;
        filters = realloc(s->filters, cap * sizeof(struct filter *));
        if (filters == NULL)
                return ERR_NOMEM;
        s->filters = filters;
        s->filter_cap = cap;
        return ERR_OK;
}

uint8_t session_subscribe(struct session *s, struct bytes filter, uint8_t qos)
{
        struct filter *owned;
        bool added = false;

        /* The router says whether the filter is new, but at the limit it must not be asked to add one. */
        if (s->filter_count >= s->table->limits.subscriptions_max &&
            filter_find(s, filter) == s->filter_count)
                return SUBACK_FAILURE;
        if (filters_reserve(s) != ERR_OK || (owned = filter_new(filter)) == NULL)
                return SUBACK_FAILURE;
        if (router_add(s->table->router, owned->text, owned->len, s, qos, &added) != ERR_OK)
                qos = SUBACK_FAILURE;
        if (added)
                s->filters[s->filter_count++] = owned;
        else
                free(owned);
        return qos;
}

void session_unsubscribe(struct session *s, struct bytes filter)
{
        uint32_t i = filter_find(s, filter);

        if (i == s->filter_count)
                return;
        router_remove(s->table->router, (const char *)filter.data, filter.len, s);
        free(s->filters[i]);
        s->filters[i] = s->filters[--s->filter_count];
}

/* --- the whole --- */

void session_clear(struct session *s)
{
        for (uint32_t i = 0; i < s->filter_count; i++) {
                router_remove(s->table->router, s->filters[i]->text, s->filters[i]->len, s);
                free(s->filters[i]);
        }
        free(s->filters);
        s->filters = NULL;
        s->filter_count = s->filter_cap = 0;
        while (s->waiting != NULL)
                waiting_remove_first(s);
        inflight_done(&s->inflight);
        id_set_done(&s->incoming);
}

const char *session_client_id(const struct session *s)
{
        return s->client_id;
}

bool session_connected(const struct session *s)
{
        return s->sink != NULL;
}
