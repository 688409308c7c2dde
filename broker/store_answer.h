/* SPDX-License-Identifier: Apache-2.0 */
/* store_answer: tells workers that their batches are committed. The store's thread. */
#ifndef SIGNET_BROKER_STORE_ANSWER_H
#define SIGNET_BROKER_STORE_ANSWER_H

#include "broker/store_batch.h"

/* The first `count` of *committed leave it: they go back by one mail to each port, or are freed when it has
 * left. */
void store_answer(struct store_batch **committed, size_t count);

#endif
