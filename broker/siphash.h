/* SPDX-License-Identifier: Apache-2.0 */
/* siphash: SipHash-1-3, for hash tables whose keys strangers choose (client IDs, topic levels): without the
 * secret key nobody can aim for one bucket. Pure, thread-safe. */
#ifndef SIGNET_BROKER_SIPHASH_H
#define SIGNET_BROKER_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
        uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
