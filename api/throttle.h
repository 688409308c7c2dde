/* SPDX-License-Identifier: Apache-2.0 */
/* throttle: so many calls of an operation a second and account, as x-signet-rate-limit of its document says.
 * A token bucket each, one second deep. Of this process; bounded, never blocks for long; any thread. */
#ifndef SIGNET_API_THROTTLE_H
#define SIGNET_API_THROTTLE_H

#include "api/openapi.h"
#include "common/cleanup.h"
#include "common/err.h"

#include <stdbool.h>
#include <stdint.h>

struct throttle;

/* `percent` of the documented rates; 0: no limit at all. */
MUST_CHECK enum err throttle_open(int64_t percent, struct throttle **ret);
struct throttle *throttle_close(struct throttle *t); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(throttlep, struct throttle *, throttle_close)

/* Takes one call at `now_ms` (common/clock.h, clock_ms). False: too many; *ret_retry_ms says when the next
 * one is free. `t` NULL: always true. */
bool throttle_take(struct throttle *t, const struct operation_spec *op, int64_t account_id, int64_t now_ms,
                   int64_t *ret_retry_ms);

#endif
