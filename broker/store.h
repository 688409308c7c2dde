/* SPDX-License-Identifier: Apache-2.0 */
/* store: what of MQTT must outlive the process: persistent sessions, their subscriptions and messages,
 * retained messages (MQTT 5 §4.1). A folder with an embedded database of small rows. Everything in it is in
 * memory too: it is read once, at start, and written to from then on.
 *
 * Workers collect what a loop turn changes in a port (store_port.h) and hand it over as one batch; one thread
 * of the store's commits all batches that have come meanwhile together and answers each worker by mail. A
 * batch is committed whole or not at all, and batches of one worker in their order. Committed means: survives
 * kill -9 of this process; with `strict` also loss of power (fsync).
 *
 * While the folder cannot be written (disk full, I/O error) nothing is committed and nothing is lost: the
 * thread keeps what it has and tries again every STORE_RETRY_MS; store_failing() says so. */
#ifndef SIGNET_BROKER_STORE_H
#define SIGNET_BROKER_STORE_H

#include "broker/store_key.h"
#include "common/err.h"
#include "common/wire.h"

#include <stdbool.h>
#include <stdint.h>

enum { STORE_RETRY_MS = 1000 };

struct store_counts { /* since start, for metrics */
        uint64_t commits, rows, bytes, failures;
        uint64_t commit_us_total;
        uint64_t file_bytes; /* of the folder, now */
};

struct store;

/* Opens or makes the database and checks that it is of our format. ERR_CONFLICT: another process has it;
 * ERR_SYNTAX: not ours, or damaged; ERR_IO. `why` says what and where. No thread yet. */
MUST_CHECK enum err store_open(const struct store_settings *s, struct store **ret, char why[256]);
/* Every row in key order; before store_start(). `value` is borrowed for the call. An error of `each` ends the
 * walk and is returned. */
MUST_CHECK enum err
store_read(struct store *s, enum err (*each)(void *arg, struct store_key key, struct bytes value), void *arg);
MUST_CHECK enum err store_start(struct store *s);
/* Commits what has been handed over (tries once more when it fails), ends the thread. Answers that no worker
 * takes any more are freed. NULL is fine; returns NULL. */
struct store *store_close(struct store *s);
/* Any thread: the last commit failed. */
bool store_failing(const struct store *s);
void store_counts(const struct store *s, struct store_counts *ret); /* any thread */

#endif
