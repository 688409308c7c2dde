/* SPDX-License-Identifier: Apache-2.0 */
/* sign_in_limit: how many attempts to sign in may fail, from one address, and from one address with one
 * access key. Of this process; bounded: who has been quiet the longest is forgotten first. Any thread. */
#ifndef SIGNET_API_SIGN_IN_LIMIT_H
#define SIGNET_API_SIGN_IN_LIMIT_H

#include "common/cleanup.h"
#include "common/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
        SIGN_IN_FAILURES_MAX = 10,
        SIGN_IN_ADDRESS_MS = 5 * 60 * 1000, /* within so long from one address (IPv6: from one /64) */
        SIGN_IN_KEY_MS = 60 * 60 * 1000,    /* and from one address with one access key */
        SIGN_IN_PLACES = 16384              /* 2 MiB */
};

struct sign_in_limit;

/* Remembers `places` addresses and pairs. */
MUST_CHECK enum err sign_in_limit_open(size_t places, struct sign_in_limit **ret);
struct sign_in_limit *sign_in_limit_close(struct sign_in_limit *l); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(sign_in_limitp, struct sign_in_limit *, sign_in_limit_close)

/* Counts an attempt at `now_ms` (common/clock.h, clock_ms) as a failure before it is known to be one, so that
 * many at a time are not more than one after the other. False: there were too many, *ret_retry_ms says when
 * the next one may be made; nothing is counted then. */
bool sign_in_limit_take(struct sign_in_limit *l, const char *address, const char *access_key_id,
                        int64_t now_ms, int64_t *ret_retry_ms);
/* It was none: it is not counted any more. When it has succeeded, nor are the failures with this access key.
 */
void sign_in_limit_return(struct sign_in_limit *l, const char *address, const char *access_key_id,
                          bool succeeded);

#endif
