/* SPDX-License-Identifier: Apache-2.0 */
/* store_index: where in the store's files the row of each key is. Rows with one kind and a stand in one
 * array, ordered by b: a session's queue costs 24 bytes a message, is put at its end and taken from its
 * front. One thread at a time. */
#ifndef SIGNET_BROKER_STORE_INDEX_H
#define SIGNET_BROKER_STORE_INDEX_H

#include "broker/store_key.h"
#include "common/err.h"

#include <stdint.h>

struct store_index;

struct store_row {
        uint64_t b;
        uint64_t place; /* of its operation */
        uint32_t len;   /* of its value */
};

/* `dropped` is told of each row that is overwritten or deleted. */
MUST_CHECK enum err store_index_new(void (*dropped)(void *arg, const struct store_row *row), void *arg,
                                    struct store_index **ret);
struct store_index *store_index_free(struct store_index *x);

MUST_CHECK enum err store_index_put(struct store_index *x, struct store_key key, uint64_t place,
                                    uint32_t len);
void store_index_remove(struct store_index *x, struct store_key key); /* fine when it is not there */
void store_index_remove_range(struct store_index *x, uint8_t kind, uint64_t a);
/* NULL: no such row. Borrowed until the next change. */
const struct store_row *store_index_find(const struct store_index *x, struct store_key key);
uint64_t store_index_count(const struct store_index *x);
/* In key order. `each` changes nothing; its error ends the walk. */
MUST_CHECK enum err
store_index_each(const struct store_index *x,
                 enum err (*each)(void *arg, struct store_key key, const struct store_row *row), void *arg);

#endif
