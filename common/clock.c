/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing but the functions of clock.h: a test that defines them itself must not pull in this file. */
#include "common/clock.h"

#include <time.h>

int64_t clock_now(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock and a valid pointer */
        return now.tv_sec;
}

int64_t clock_unix_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_ms(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
