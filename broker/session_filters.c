/* SPDX-License-Identifier: Apache-2.0 */
/* session_filters: the subscriptions of one session. Those that are not shared stand in the router as well.
 */
#include "broker/router.h"
#include "broker/session_rows.h"
#include "broker/session_state.h"
#include "broker/topic.h"

#include <stdlib.h>
#include <string.h>

enum { FILTERS_CAP_MIN = 2 };

static struct bytes text_of(const struct filter *f)
{
        return (struct bytes){(const uint8_t *)f->text, f->len};
}

static uint32_t filter_find(const struct session *s, struct bytes text)
{
        uint32_t i = 0;

        while (i < s->filter_count &&
               (s->filters[i]->len != text.len || memcmp(s->filters[i]->text, text.data, text.len) != 0))
                i++;
        return i;
}

static struct filter *filter_new(struct bytes text, const struct subscription *sub, bool shared)
{
        struct filter *f = malloc(sizeof *f + text.len);

        if (f == NULL)
                return NULL;
        *f = (struct filter){.sub = *sub, .len = (uint16_t)text.len, .shared = shared};
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

static uint32_t levels_in(const char *text, size_t len)
{
        uint32_t levels = 1;

        for (size_t i = 0; i < len; i++)
                levels += text[i] == '/';
        return levels;
}

static bool fits(const struct session *s, struct bytes text)
{
        uint32_t max = s->table->settings.limits->subscriptions_max;

        return s->filter_count < max && s->filter_next != UINT32_MAX &&
               s->filter_levels + levels_in((const char *)text.data, text.len) <=
                       TOPIC_LEVELS_MAX + (uint64_t)max * SESSION_FILTER_LEVELS_MEAN &&
               s->filter_bytes + text.len <= UINT16_MAX + (uint64_t)max * SESSION_FILTER_BYTES_MEAN;
}

static enum err add(struct session *s, struct filter *f)
{
        bool is_new = false;

        if (!f->shared)
                TRY(router_add(s->table->settings.router, f->text, f->len, s, &f->sub, &is_new));
        s->filters[s->filter_count++] = f;
        s->filter_levels += levels_in(f->text, f->len);
        s->filter_bytes += f->len;
        return ERR_OK;
}

static enum err subscribe_anew(struct session *s, struct bytes text, const struct subscription *sub,
                               bool shared, uint32_t number)
{
        struct filter *f;
        enum err e;

        TRY(filters_reserve(s));
        f = filter_new(text, sub, shared);
        if (f == NULL)
                return ERR_NOMEM;
        f->number = number;
        e = add(s, f);
        if (e != ERR_OK)
                free(f);
        return e;
}

static enum err subscribe_again(struct session *s, struct filter *f, const struct subscription *sub)
{
        bool is_new = false;

        if (!f->shared)
                TRY(router_add(s->table->settings.router, f->text, f->len, s, sub, &is_new));
        f->sub = *sub;
        return ERR_OK;
}

static uint64_t put_row(struct session *s, const struct filter *f)
{
        const struct row_filter row = {.sub = f->sub, .shared = f->shared, .text = text_of(f)};

        if (!session_kept(s))
                return 0;
        return session_rows_put_filter(session_port(s), s->id, f->number, &row);
}

enum mqtt_reason session_subscribe(struct session *s, struct bytes filter, const struct subscription *sub,
                                   bool shared, bool *ret_new, uint64_t *ret_ticket)
{
        uint32_t i = filter_find(s, filter);
        bool is_new = i == s->filter_count;
        enum err e;

        *ret_new = is_new;
        *ret_ticket = 0;
        if (is_new && !fits(s, filter))
                return MQTT_QUOTA_EXCEEDED;
        e = is_new ? subscribe_anew(s, filter, sub, shared, s->filter_next)
                   : subscribe_again(s, s->filters[i], sub);
        if (e != ERR_OK)
                return MQTT_QUOTA_EXCEEDED;
        s->filter_next += is_new;
        *ret_ticket = put_row(s, s->filters[i]);
        return MQTT_SUCCESS;
}

bool session_unsubscribe(struct session *s, struct bytes filter, uint64_t *ret_ticket)
{
        uint32_t i = filter_find(s, filter);
        struct filter *f;

        *ret_ticket = 0;
        if (i == s->filter_count)
                return false;
        f = s->filters[i];
        s->filters[i] = s->filters[--s->filter_count];
        s->filter_levels -= levels_in(f->text, f->len);
        s->filter_bytes -= f->len;
        if (!f->shared)
                router_remove(s->table->settings.router, f->text, f->len, s);
        if (session_kept(s))
                *ret_ticket = store_delete(session_port(s),
                                           (struct store_key){STORE_SUBSCRIPTION, s->id, f->number});
        free(f);
        return true;
}

bool session_every_filter(const struct session *s, bool (*every)(void *arg, struct bytes filter, bool shared),
                          void *arg)
{
        for (uint32_t i = 0; i < s->filter_count; i++)
                if (!every(arg, text_of(s->filters[i]), s->filters[i]->shared))
                        return false;
        return true;
}

void session_each_shared(struct session *s,
                         void (*each)(void *arg, struct bytes filter, const struct subscription *sub),
                         void *arg)
{
        for (uint32_t i = 0; i < s->filter_count; i++)
                if (s->filters[i]->shared)
                        each(arg, text_of(s->filters[i]), &s->filters[i]->sub);
}

enum err session_filters_restore(struct session *s, uint32_t number, struct bytes text,
                                 const struct subscription *sub, bool shared)
{
        /* The same filter twice would make the router's two one, and the end of either that of both. */
        if (number == UINT32_MAX || filter_find(s, text) < s->filter_count)
                return ERR_SYNTAX;
        TRY(subscribe_anew(s, text, sub, shared, number));
        if (s->filter_next <= number)
                s->filter_next = number + 1;
        return ERR_OK;
}

void session_filters_done(struct session *s, bool ends)
{
        const struct session_table_settings *t = &s->table->settings;
        struct bytes client_id = {(const uint8_t *)s->client_id, s->client_id_len};

        for (uint32_t i = 0; i < s->filter_count; i++) {
                struct filter *f = s->filters[i];

                if (!f->shared)
                        router_remove(t->router, f->text, f->len, s);
                else if (ends && t->unshare != NULL)
                        t->unshare(t->ctx, client_id, text_of(f));
                free(f);
        }
        free(s->filters);
        s->filters = NULL;
        s->filter_count = s->filter_cap = 0;
}
