/* SPDX-License-Identifier: Apache-2.0 */
/* store_txn: what several workers put is committed together or not at all. A QoS 2 message that goes to
 * sessions of several workers, and "its PUBLISH came" at its publisher's: were one kept without the other
 * when the process is killed, the message would be lost or come twice.
 *
 * Its maker has one part; a part is passed on with each mail. Whoever has a part gives it up once: by joining
 * with the batch of the present loop turn, or by leaving. Batches of one worker stay in order, so a batch
 * waits for the others of its transactions and everything behind it does too; workers give up their parts
 * within a loop turn, whatever else waits. When the process ends before all have, none is committed.
 *
 * A worker begins transactions in the batches of one loop turn, and again when those are committed
 * (store_txn_may_begin): else each batch could wait for another that waits for the next, for as long as there
 * is traffic. */
#ifndef SIGNET_BROKER_STORE_TXN_H
#define SIGNET_BROKER_STORE_TXN_H

#include <stdbool.h>

struct store_port;
struct store_txn;

/* Whether one may be begun in this turn: no batch of an earlier turn that began one is still to be committed.
 * A batch begins one when its maker joins with it. */
bool store_txn_may_begin(const struct store_port *p);
/* Out of memory ends the process, as store_put() does. NULL when the port has no store. */
struct store_txn *store_txn_new(struct store_port *p);
/* Another part, for whoever holds one. `t` NULL: NULL. Returns t. */
struct store_txn *store_txn_add(struct store_txn *t);
/* This turn's batch has something in it: it is committed with the others'. NULL is fine. */
void store_txn_join(struct store_port *p, struct store_txn *t);
void store_txn_leave(struct store_port *p, struct store_txn *t); /* NULL is fine */
/* The worker ends and has not done what was asked of it: the part is never given up, so that nothing of the
 * transaction is committed. After the store has ended, too. NULL is fine. */
void store_txn_abandon(struct store_txn *t);

#endif
