/* SPDX-License-Identifier: Apache-2.0 */
/* store_txn_driver: PORTS workers that commit things together (store_txn.h) at full speed, in a process that
 * can be killed at any moment; and one that says what is there then.
 *
 *   store_txn_driver write FOLDER SECONDS SEED
 *       Prints "transactions rows microseconds": how many were made, what was put, and the longest that a
 *       batch has waited for its commit. 0 seconds: never ends.
 *   store_txn_driver check FOLDER
 *       Prints "transactions rows". Status 1 when a transaction is there in part, or a row of a worker is
 *       missing before one that is there.
 *
 * A transaction has a row at its maker and one at each worker that it has sent a part to, unless that one has
 * left; all say how many rows it has. The rows of one worker are numbered, in the order in which it put them.
 */
#include "broker/context.h"
#include "broker/store.h"
#include "broker/store_kind.h"
#include "broker/store_port.h"
#include "broker/store_txn.h"
#include "common/log.h"

#include <err.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PORTS = 4, AHEAD = 64, PUTS_MAX = 5, SEEN_MAX = 1 << 22 };

static struct store *store;
static atomic_int busy = PORTS; /* workers that still begin transactions */
static atomic_int at_work = PORTS;

/* What a row says. `id` 0: it is of no transaction. */
struct said {
        uint64_t id;
        uint32_t rows;
};

/* ---- write ---- */

struct worker {
        struct context ctx;
        pthread_t thread;
        unsigned seed;
        uint64_t end_ns; /* 0: never */
        uint64_t rows, txns;
        uint64_t flushed_ns[AHEAD * 4]; /* of the tickets that are not committed yet, by their number */
        uint64_t looked_at;             /* tickets up to here */
        uint64_t longest_ns;
};
static struct worker workers[PORTS];
static struct context *peers[PORTS];

struct part {             /* on its way to another worker */
        struct mail mail; /* first member */
        struct store_txn *txn;
        struct said said;
        bool leaves;
};

static unsigned dice(struct worker *w, unsigned sides)
{
        w->seed = w->seed * 1664525 + 1013904223;
        return (w->seed >> 16) % sides;
}

static void put(struct worker *w, struct said said)
{
        const struct bytes value = {(const uint8_t *)&said, sizeof said};

        (void)store_put(&w->ctx.port, (struct store_key){STORE_OUTGOING, (uint64_t)w->ctx.index, ++w->rows},
                        &value, 1);
}

static void take_part(struct context *to, struct mail *m)
{
        struct part *part = (struct part *)m;
        struct worker *w = (struct worker *)to; /* its first member */

        if (part->leaves) {
                store_txn_leave(&to->port, part->txn);
        } else {
                put(w, part->said);
                store_txn_join(&to->port, part->txn);
        }
        free(part);
}

static void send_part(struct worker *w, int to, struct store_txn *t, struct said said, bool leaves)
{
        struct part *part = malloc(sizeof *part);

        if (part == NULL)
                err(2, "malloc");
        *part = (struct part){{.run = take_part}, store_txn_add(t), said, leaves};
        mail_batch_add(&w->ctx.outgoing[to], &part->mail);
}

/* With some of the others; some of these have nothing to put. */
static void begin_one(struct worker *w)
{
        struct store_txn *t = store_txn_new(&w->ctx.port);
        struct said said = {(uint64_t)w->ctx.index << 48 | ++w->txns, 1};
        bool asked[PORTS] = {false}, leaves[PORTS] = {false};

        for (int to = 0; to < PORTS; to++) {
                asked[to] = to != w->ctx.index && dice(w, 2) == 0;
                leaves[to] = dice(w, 4) == 0;
                said.rows += asked[to] && !leaves[to];
        }
        put(w, said);
        for (int to = 0; to < PORTS; to++)
                if (asked[to])
                        send_part(w, to, t, said, leaves[to]);
        store_txn_join(&w->ctx.port, t);
}

static void work(struct worker *w)
{
        for (unsigned n = dice(w, PUTS_MAX); n > 0; n--)
                put(w, (struct said){0, 1});
        for (unsigned n = dice(w, PUTS_MAX); n > 0 && store_txn_may_begin(&w->ctx.port); n--)
                begin_one(w);
}

/* When each ticket was handed over, and how long the committed ones took. */
static void look_at_tickets(struct worker *w, uint64_t before)
{
        struct store_port *p = &w->ctx.port;
        const size_t room = sizeof w->flushed_ns / sizeof w->flushed_ns[0];
        uint64_t now_ns = uv_hrtime();

        for (; before < p->next; before++)
                w->flushed_ns[before % room] = now_ns;
        for (; w->looked_at < p->committed; w->looked_at++) {
                uint64_t took_ns = now_ns - w->flushed_ns[(w->looked_at + 1) % room];

                if (took_ns > w->longest_ns)
                        w->longest_ns = took_ns;
        }
}

static void end_turn(struct worker *w, bool goes_on)
{
        struct store_port *p = &w->ctx.port;
        uint64_t before = p->next;

        if (goes_on && dice(w, 2) == 0) {
                store_port_flush_early(p);
                work(w);
        }
        store_port_flush(p);
        look_at_tickets(w, before);
        for (int to = 0; to < PORTS; to++)
                mailbox_post(&peers[to]->mailbox, &w->ctx.outgoing[to]);
}

static void *run(void *arg)
{
        struct worker *w = arg;
        struct store_port *p = &w->ctx.port;
        bool counted = false, idle = false;

        /* Others may need our parts until all have stopped to begin and nothing is on its way. */
        while (atomic_load(&at_work) > 0) {
                bool goes_on = w->end_ns == 0 || uv_hrtime() < w->end_ns;

                uv_run(&w->ctx.loop, UV_RUN_NOWAIT);
                if (goes_on && p->next - p->committed < AHEAD)
                        work(w);
                end_turn(w, goes_on && p->next - p->committed < AHEAD);
                if (!goes_on && !counted) {
                        counted = true;
                        atomic_fetch_sub(&busy, 1);
                }
                if (atomic_load(&busy) == 0 && p->committed + 1 == p->next && !idle) {
                        idle = true;
                        atomic_fetch_sub(&at_work, 1);
                }
                if (!goes_on)
                        usleep(100);
        }
        return NULL;
}

static void write_for(unsigned seconds, unsigned seed)
{
        uint64_t txns = 0, rows = 0, longest_ns = 0, end_ns = uv_hrtime() + seconds * UINT64_C(1000000000);

        if (store_start(store) != ERR_OK)
                errx(2, "cannot start");
        for (int n = 0; n < PORTS; n++) {
                struct worker *w = &workers[n];

                w->ctx.index = n;
                w->ctx.count = PORTS;
                w->ctx.peers = peers;
                w->seed = seed * PORTS + (unsigned)n;
                w->end_ns = seconds == 0 ? 0 : end_ns;
                peers[n] = &w->ctx;
                if (uv_loop_init(&w->ctx.loop) != 0 ||
                    mailbox_init(&w->ctx.mailbox, &w->ctx.loop, &w->ctx) != 0)
                        errx(2, "no loop");
                store_port_init(&w->ctx.port, store, &w->ctx);
        }
        for (int n = 0; n < PORTS; n++)
                if (pthread_create(&workers[n].thread, NULL, run, &workers[n]) != 0)
                        errx(2, "no thread");
        for (int n = 0; n < PORTS; n++)
                pthread_join(workers[n].thread, NULL);
        store = store_close(store);
        for (int n = 0; n < PORTS; n++) {
                struct worker *w = &workers[n];

                mailbox_drain(&w->ctx.mailbox);
                store_port_done(&w->ctx.port);
                mailbox_close(&w->ctx.mailbox);
                uv_run(&w->ctx.loop, UV_RUN_DEFAULT);
                uv_loop_close(&w->ctx.loop);
                txns += w->txns;
                rows += w->rows;
                longest_ns = w->longest_ns > longest_ns ? w->longest_ns : longest_ns;
        }
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", txns, rows, longest_ns / 1000);
}

/* ---- check ---- */

static struct seen {
        uint64_t id;
        uint32_t wanted, rows;
} * seen;
static size_t seen_count;
static uint64_t last_row[PORTS], row_count;

static int compare_ids(const void *a, const void *b)
{
        const struct seen *one = a, *two = b;

        return (one->id > two->id) - (one->id < two->id);
}

static enum err look_at(void *arg, struct store_key key, struct bytes value)
{
        struct said said;

        (void)arg;
        if (key.kind != STORE_OUTGOING || key.a >= PORTS || value.len != sizeof said)
                errx(1, "a row of another kind");
        memcpy(&said, value.data, sizeof said);
        if (key.b != ++last_row[key.a]) /* they come in order */
                errx(1, "worker %" PRIu64 " has row %" PRIu64 " and not %" PRIu64, key.a, key.b,
                     last_row[key.a]);
        row_count++;
        if (said.id == 0)
                return ERR_OK;
        if (seen_count == SEEN_MAX)
                errx(2, "more rows than are looked at");
        seen[seen_count++] = (struct seen){said.id, said.rows, 1};
        return ERR_OK;
}

static void check(void)
{
        size_t txns = 0;

        qsort(seen, seen_count, sizeof *seen, compare_ids);
        for (size_t n = 0, same; n < seen_count; n += same, txns++) {
                for (same = 1; n + same < seen_count && seen[n + same].id == seen[n].id; same++)
                        continue;
                if (same != seen[n].wanted)
                        errx(1, "transaction %" PRIx64 " has %zu rows of %" PRIu32, seen[n].id, same,
                             seen[n].wanted);
        }
        printf("%zu %" PRIu64 "\n", txns, row_count);
}

int main(int argc, char **argv)
{
        struct store_settings settings = {.strict = false};
        bool writes = argc == 5 && strcmp(argv[1], "write") == 0;
        char why[256] = "";

        log_init("store_txn_driver", LOG_INFO_LEVEL);
        if (!writes && (argc != 3 || strcmp(argv[1], "check") != 0))
                errx(2, "store_txn_driver write FOLDER SECONDS SEED | check FOLDER");
        settings.folder = argv[2];
        if (store_open(&settings, &store, why) != ERR_OK)
                errx(1, "%s", why);
        if (writes) {
                write_for((unsigned)strtoul(argv[3], NULL, 10), (unsigned)strtoul(argv[4], NULL, 10));
                return 0;
        }
        seen = calloc(SEEN_MAX, sizeof *seen);
        if (seen == NULL || store_read(store, look_at, NULL) != ERR_OK)
                errx(1, "cannot be read");
        check();
        free(seen);
        store = store_close(store);
        return 0;
}
