/* SPDX-License-Identifier: Apache-2.0 */
/* store_driver: a process with a store that can be killed at any moment, and one that says what is there
 * then.
 *
 *   store_driver write FOLDER write|strict [BATCHES]
 *       PORTS threads, each with a port and a loop, hand over batch after batch, and print "port batch" when
 * it is committed. Ends after so many batches; without a number, never. store_driver check FOLDER Prints
 * "port batch" for the last batch of each port that is there. What must be there then follows from its number
 * alone, as every batch also deletes what the one KEPT before it has put. Ends with status 1 when a row is
 * missing, or one too many there.
 *
 * Batch n of a port puts n % ROWS + 1 rows of the queue (a: port and n), sets its session's row to n, and
 * deletes the queue of batch n - KEPT: in turns row by row and as a range. */
#include "broker/context.h"
#include "broker/store.h"
#include "broker/store_kind.h"
#include "broker/store_port.h"
#include "common/log.h"

#include <err.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PORTS = 4, ROWS = 40, KEPT = 50, AHEAD = 30, PORT_SHIFT = 48, BIG_EVERY = 97, BIG = 300000 };

static struct store *store;
static uint64_t last[PORTS]; /* found in the store */

static uint64_t queue_of(int port, uint64_t n)
{
        return (uint64_t)port << PORT_SHIFT | n;
}

static uint64_t rows_of(uint64_t n)
{
        return n % ROWS + 1;
}

static size_t length_of(uint64_t n, uint64_t row)
{
        return n % BIG_EVERY == 0 && row == 1 ? BIG : 20 + n * 7 % 200;
}

/* ---- write ---- */

struct writer {
        struct context ctx;
        pthread_t thread;
        uint64_t next, end; /* batches */
};

struct told {
        struct store_wait wait; /* first member */
        struct writer *w;
        uint64_t n;
};

static void put_batch(struct store_port *p, int port, uint64_t n)
{
        static const uint8_t zeroes[BIG];
        uint8_t number[8];
        const struct bytes head = {number, sizeof number};

        for (int i = 0; i < 8; i++)
                number[i] = (uint8_t)(n >> 8 * i);
        for (uint64_t row = 1; row <= rows_of(n); row++) {
                const struct bytes parts[] = {head, {zeroes, length_of(n, row)}};

                (void)store_put(p, (struct store_key){STORE_OUTGOING, queue_of(port, n), row}, parts, 2);
        }
        (void)store_put(p, (struct store_key){STORE_SESSION, (uint64_t)port, 0}, &head, 1);
        if (n <= KEPT)
                return;
        n -= KEPT;
        if (n % 2 == 0) {
                (void)store_delete_range(p, STORE_OUTGOING, queue_of(port, n));
                return;
        }
        for (uint64_t row = 1; row <= rows_of(n); row++)
                (void)store_delete(p, (struct store_key){STORE_OUTGOING, queue_of(port, n), row});
}

static void tell(struct store_wait *wait)
{
        struct told *t = (struct told *)wait;
        char line[64];
        int len = snprintf(line, sizeof line, "%d %" PRIu64 "\n", t->w->ctx.index, t->n);

        if (store_committed(&t->w->ctx.port, wait->ticket) && write(STDOUT_FILENO, line, (size_t)len) != len)
                err(2, "write");
        free(t);
}

static void *write_all(void *arg)
{
        struct writer *w = arg;
        struct store_port *p = &w->ctx.port;
        uint64_t ticket = 0;

        for (; w->next <= w->end; w->next++) {
                struct told *t = calloc(1, sizeof *t);

                if (t == NULL)
                        err(2, "calloc");
                *t = (struct told){.w = w, .n = w->next};
                put_batch(p, w->ctx.index, w->next);
                ticket = p->next;
                store_wait_for(p, &t->wait, ticket, tell);
                store_port_flush(p);
                while (p->next - p->committed > AHEAD)
                        uv_run(&w->ctx.loop, UV_RUN_ONCE);
        }
        while (!store_committed(p, ticket))
                uv_run(&w->ctx.loop, UV_RUN_ONCE);
        return NULL;
}

static void write_with(uint64_t batches)
{
        struct writer *writers = calloc(PORTS, sizeof *writers);

        if (writers == NULL || store_start(store) != ERR_OK)
                errx(2, "cannot start");
        for (int n = 0; n < PORTS; n++) {
                struct writer *w = &writers[n];

                w->ctx.index = n;
                w->next = last[n] + 1;
                w->end = batches == 0 ? UINT64_MAX : last[n] + batches;
                if (uv_loop_init(&w->ctx.loop) != 0 ||
                    mailbox_init(&w->ctx.mailbox, &w->ctx.loop, &w->ctx) != 0)
                        errx(2, "no loop");
                store_port_init(&w->ctx.port, store, &w->ctx);
                if (pthread_create(&w->thread, NULL, write_all, w) != 0)
                        errx(2, "no thread");
        }
        for (int n = 0; n < PORTS; n++)
                pthread_join(writers[n].thread, NULL);
        store = store_close(store);
        for (int n = 0; n < PORTS; n++) {
                mailbox_drain(&writers[n].ctx.mailbox);
                store_port_done(&writers[n].ctx.port);
                mailbox_close(&writers[n].ctx.mailbox);
                uv_run(&writers[n].ctx.loop, UV_RUN_DEFAULT);
                uv_loop_close(&writers[n].ctx.loop);
        }
        free(writers);
}

/* ---- check ---- */

static uint64_t seen[PORTS], expected[PORTS]; /* rows of the queues */

static uint64_t number_in(struct bytes value)
{
        uint64_t n = 0;

        if (value.len < 8)
                errx(1, "a value of %zu bytes", value.len);
        for (int i = 0; i < 8; i++)
                n |= (uint64_t)value.data[i] << 8 * i;
        return n;
}

static enum err look_at(void *arg, struct store_key key, struct bytes value)
{
        int port = (int)(key.kind == STORE_SESSION ? key.a : key.a >> PORT_SHIFT);
        uint64_t n = number_in(value);

        (void)arg;
        if (port >= PORTS)
                errx(1, "a row of port %d", port);
        if (key.kind == STORE_SESSION) { /* comes first */
                last[port] = n;
                return ERR_OK;
        }
        if (queue_of(port, n) != key.a || n > last[port] || n + KEPT <= last[port] || key.b < 1 ||
            key.b > rows_of(n) || value.len != 8 + length_of(n, key.b))
                errx(1, "port %d is at %" PRIu64 ", and there is row %" PRIu64 " of batch %" PRIu64, port,
                     last[port], key.b, n);
        seen[port]++;
        return ERR_OK;
}

static void check(void)
{
        for (int port = 0; port < PORTS; port++) {
                for (uint64_t n = last[port]; n > 0 && n + KEPT > last[port]; n--)
                        expected[port] += rows_of(n);
                if (seen[port] != expected[port])
                        errx(1, "port %d is at %" PRIu64 ", has %" PRIu64 " rows of %" PRIu64, port,
                             last[port], seen[port], expected[port]);
        }
}

int main(int argc, char **argv)
{
        struct store_settings settings = {.strict = argc > 3 && strcmp(argv[3], "strict") == 0};
        char why[256] = "";
        bool writes = argc > 3 && strcmp(argv[1], "write") == 0;

        log_init("store_driver", LOG_INFO_LEVEL);
        if (!writes && (argc != 3 || strcmp(argv[1], "check") != 0))
                errx(2, "store_driver write FOLDER write|strict [BATCHES] | check FOLDER");
        settings.folder = argv[2];
        if (store_open(&settings, &store, why) != ERR_OK)
                errx(1, "%s", why);
        if (store_read(store, look_at, NULL) != ERR_OK)
                errx(1, "cannot be read");
        check();
        if (writes) {
                write_with(argc > 4 ? strtoull(argv[4], NULL, 10) : 0);
        } else {
                for (int port = 0; port < PORTS; port++)
                        printf("%d %" PRIu64 "\n", port, last[port]);
                store = store_close(store);
        }
        return 0;
}
