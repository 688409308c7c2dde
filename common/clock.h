/* SPDX-License-Identifier: Apache-2.0 */
/* clock: the only place that asks for the time, so that a test can link another. Thread-safe. */
#ifndef SIGNET_COMMON_CLOCK_H
#define SIGNET_COMMON_CLOCK_H

#include <stdint.h>

int64_t clock_now(void);     /* seconds since 1970-01-01 UTC */
int64_t clock_unix_ms(void); /* milliseconds since then */
int64_t clock_ms(void);      /* monotonic milliseconds, for time-outs; its zero means nothing */

#endif
