/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/retained_rows.h"

#include "broker/store_kind.h"
#include "broker/store_port.h"

#include <stdatomic.h>
#include <stdlib.h>

struct retained_writer {
        struct store_wait wait; /* first member; this and `last` are of the port's thread */
        uint64_t last;          /* ticket of what was put last */
        atomic_uint_fast64_t settled;
        struct store_port *port;
        struct retained_writer *next;
};

enum { USELESS_PER_CHANGE = 2 };

static const struct retained_row none;

static struct store_key key_of(uint64_t number)
{
        return (struct store_key){.kind = STORE_RETAINED, .a = number};
}

static bool is_kept(const struct store_port *port)
{
        return port != NULL && port->store != NULL;
}

/* ---- what is committed ---- */

static void settle(struct store_wait *wait);

/* One wait at a time is enough. Its ticket must not be lower than that of others who wait, so it may be a
 * later one than is needed. */
static void look_out(struct retained_writer *w)
{
        const struct store_wait *latest;
        uint64_t ticket = w->last;

        if (store_committed(w->port, ticket)) {
                atomic_store_explicit(&w->settled, w->port->committed, memory_order_release);
                return;
        }
        if (ring_has(&w->wait.ring))
                return;
        if (!ring_empty(&w->port->waiting)) {
                latest = (const struct store_wait *)w->port->waiting.previous; /* its first member */
                ticket = latest->ticket > ticket ? latest->ticket : ticket;
        }
        store_wait_for(w->port, &w->wait, ticket, settle);
}

static void settle(struct store_wait *wait)
{
        struct retained_writer *w = (struct retained_writer *)wait;

        atomic_store_explicit(&w->settled, w->port->committed, memory_order_release);
        if (store_committed(w->port, wait->ticket)) /* else the port ends, and so does this */
                look_out(w);
}

static bool is_settled(const struct retained_row *row)
{
        return row->by == NULL ||
               atomic_load_explicit(&row->by->settled, memory_order_acquire) >= row->ticket;
}

static struct retained_writer *writer_of(const struct retained_rows *rows, const struct store_port *port)
{
        struct retained_writer *w = rows->writers;

        while (w != NULL && w->port != port)
                w = w->next;
        return w;
}

/* ---- rows of no use ---- */

static void push_useless(struct retained_rows *rows, const struct retained_row *row,
                         const struct retained_row *successor)
{
        size_t end = rows->useless_at + rows->useless_count;

        if (row->number == 0)
                return;
        rows->useless[end % rows->useless_cap] = (struct retained_useless){*row, *successor};
        rows->useless_count++;
}

static enum err reserve_useless(struct retained_rows *rows)
{
        size_t cap = rows->useless_cap == 0 ? 16 : rows->useless_cap * 2;
        struct retained_useless *useless;

        if (rows->useless_count + USELESS_PER_CHANGE <= rows->useless_cap)
                return ERR_OK;
        useless = malloc(cap * sizeof *useless);
        if (useless == NULL)
                return ERR_NOMEM;
        for (size_t n = 0; n < rows->useless_count; n++)
                useless[n] = rows->useless[(rows->useless_at + n) % rows->useless_cap];
        free(rows->useless);
        rows->useless = useless;
        rows->useless_cap = cap;
        rows->useless_at = 0;
        return ERR_OK;
}

enum err retained_rows_reserve(struct retained_rows *rows, struct store_port *port)
{
        struct retained_writer *w;

        TRY(reserve_useless(rows));
        if (!is_kept(port) || writer_of(rows, port) != NULL)
                return ERR_OK;
        w = calloc(1, sizeof *w);
        if (w == NULL)
                return ERR_NOMEM;
        w->port = port;
        w->next = rows->writers;
        rows->writers = w;
        return ERR_OK;
}

size_t retained_rows_useless(const struct retained_rows *rows)
{
        return rows->useless_count;
}

/* What is put through the port now is committed later than this row. */
static bool comes_before(const struct retained_row *row, const struct store_port *port)
{
        return is_settled(row) || row->by->port == port;
}

void retained_rows_collect(struct retained_rows *rows, struct store_port *port, size_t max)
{
        for (; is_kept(port) && max > 0 && rows->useless_count > 0; max--) {
                const struct retained_useless *u = &rows->useless[rows->useless_at];

                if (!comes_before(&u->row, port) || !comes_before(&u->successor, port))
                        return;
                (void)store_delete(port, key_of(u->row.number));
                rows->useless_at = (rows->useless_at + 1) % rows->useless_cap;
                rows->useless_count--;
        }
}

/* ---- changes ---- */

/* The message with the first `len` bytes behind its head. */
static struct retained_row put_row(struct retained_rows *rows, struct store_port *port,
                                   const struct message *head, const uint8_t *bytes, size_t len)
{
        struct retained_writer *w = writer_of(rows, port);
        struct retained_row row = {.number = ++rows->number, .by = w};
        uint8_t stored[MESSAGE_HEAD_BYTES];
        const struct bytes parts[] = {{stored, sizeof stored}, {bytes, len}};

        message_stored_head(head, stored);
        row.ticket = w->last = store_put(port, key_of(row.number), parts, 2);
        look_out(w);
        return row;
}

struct retained_row retained_rows_put(struct retained_rows *rows, struct store_port *port,
                                      const struct message *m, const struct retained_row *old)
{
        struct retained_row row = {0};

        if (is_kept(port))
                row = put_row(rows, port, m, m->bytes, message_size(m));
        push_useless(rows, old, &row);
        return row;
}

uint64_t retained_rows_remove(struct retained_rows *rows, struct store_port *port, const struct message *m,
                              const struct retained_row *old)
{
        const struct message empty = {.topic_len = m->topic_len};
        struct retained_row row = {0};

        if (is_kept(port) && old->number != 0)
                row = put_row(rows, port, &empty, m->bytes, m->topic_len);
        push_useless(rows, old, &row);
        push_useless(rows, &row, &none);
        return row.ticket;
}

void retained_rows_drop(struct retained_rows *rows, const struct retained_row *old)
{
        push_useless(rows, old, &none);
}

enum err retained_rows_restored(struct retained_rows *rows, uint64_t number, const struct retained_row *old)
{
        TRY(reserve_useless(rows));
        push_useless(rows, old, &none);
        if (number > rows->number)
                rows->number = number;
        return ERR_OK;
}

void retained_rows_done(struct retained_rows *rows)
{
        while (rows->writers != NULL) {
                struct retained_writer *w = rows->writers;

                rows->writers = w->next;
                free(w);
        }
        free(rows->useless);
        *rows = (struct retained_rows){0};
}
