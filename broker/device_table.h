/* SPDX-License-Identifier: Apache-2.0 */
/* device_table: the device certificates that are registered, as far as this process knows; one for all
 * workers. An entry is a fact that does not change while it is there (this certificate is registered under
 * that CA), so that known devices connect while the database is away. What may change (is it active?) is in
 * the snapshot, never here. A device that is not here may still be registered: the registry asks the
 * database.
 *
 * Any thread. Shards with a lock each, held for one lookup (some 20 ns of a handshake's 400 us). */
#ifndef SIGNET_BROKER_DEVICE_TABLE_H
#define SIGNET_BROKER_DEVICE_TABLE_H

#include "common/cleanup.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct device_table;

struct device_entry {
        uint8_t sha256[32]; /* of the certificate's DER */
        int64_t ca_id;      /* of the CA it is registered under */
        /* This process has verified it against that CA, which had issued it itself (no certificate between
         * them): its signature, purpose and keys need not be looked at again. Dates, states and revocation
         * always are. */
        bool verified;
};

/* Holds at most `entries_max`; more are not remembered, which costs them a question to the database. */
MUST_CHECK enum err device_table_new(size_t entries_max, struct device_table **ret);
struct device_table *device_table_free(struct device_table *t); /* NULL is fine; returns NULL */
bool device_table_find(struct device_table *t, const uint8_t sha256[32], struct device_entry *ret);
/* Nothing when it is not there, or is registered under another CA. */
void device_table_set_verified(struct device_table *t, const uint8_t sha256[32], int64_t ca_id);
size_t device_table_count(struct device_table *t);

/* Raised by every removal. Who puts in what it has read from the database says which number it saw before it
 * read: after a removal nothing more is put in and the answer is false (what was read may be what was
 * removed). What was put in before that removal is what it has taken out, or is still true. */
uint64_t device_table_removals(struct device_table *t);
bool device_table_put(struct device_table *t, uint64_t removals_seen, const struct device_entry *entries,
                      size_t count);
void device_table_remove(struct device_table *t, const uint8_t (*digests)[32], size_t count);
/* All whose CA `keep` says false of; called with the lock of one shard held. */
void device_table_sweep(struct device_table *t, bool (*keep)(void *arg, int64_t ca_id), void *arg);
void device_table_clear(struct device_table *t);

#endif
