/* SPDX-License-Identifier: Apache-2.0 */
/* retained_rows: the rows of retained messages in the store (STORE_RETAINED). Any worker may change any topic
 * while batches of different workers are committed in any order, so:
 *
 * Each change gets a number of its own, higher than all before, which is its row's key: of the rows of one
 * topic the highest is right, whatever was committed first. A removal is a row too, with an empty payload.
 * Rows that are of no use any more wait in a queue and are deleted in its order, all through the port of one
 * worker, each when it and the row that took its place are known to be in the store ("settled"). So a crash
 * never leaves neither of the two; and a row that says "removed" goes after those that it is about, so that
 * what was removed does not come back.
 *
 * Guarded by the lock of retained.c, for writing; but for what the answers of the store touch. */
#ifndef SIGNET_BROKER_RETAINED_ROWS_H
#define SIGNET_BROKER_RETAINED_ROWS_H

#include "broker/message.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_port;
struct retained_writer; /* one worker's port, as it is seen here */

struct retained_row { /* all zero: there is none */
        uint64_t number;
        uint64_t ticket;
        struct retained_writer *by; /* NULL: settled */
};

struct retained_useless {
        struct retained_row row, successor; /* successor: all zero when there is none */
};

struct retained_rows {
        uint64_t number; /* the highest so far */
        struct retained_writer *writers;
        struct retained_useless *useless; /* a queue */
        size_t useless_at, useless_count, useless_cap;
};

/* Before a change: room, so that it cannot fail half way. */
MUST_CHECK enum err retained_rows_reserve(struct retained_rows *rows, struct store_port *port);
/* The row of a new message, which takes the place of `old`. A NULL port, or one without a store: none. */
struct retained_row retained_rows_put(struct retained_rows *rows, struct store_port *port,
                                      const struct message *m, const struct retained_row *old);
/* The message of `old`, with the topic of `m`, is no more. Returns the ticket. */
uint64_t retained_rows_remove(struct retained_rows *rows, struct store_port *port, const struct message *m,
                              const struct retained_row *old);
/* `old` has expired: nobody has been told, so its row may stay until it is collected. There is room. */
void retained_rows_drop(struct retained_rows *rows, const struct retained_row *old);
/* Deletes up to `max` rows of the queue. Always through the same port. */
void retained_rows_collect(struct retained_rows *rows, struct store_port *port, size_t max);
/* At start: a row that was read, which takes the place of `old` (perhaps none). */
MUST_CHECK enum err retained_rows_restored(struct retained_rows *rows, uint64_t number,
                                           const struct retained_row *old);
size_t retained_rows_useless(const struct retained_rows *rows);
void retained_rows_done(struct retained_rows *rows);

#endif
