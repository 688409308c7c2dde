/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/broker/stage_clock.h"

#include "common/clock.h"

#include <time.h>

int64_t stage_passed_ms;

static int64_t read_ms(clockid_t id)
{
        struct timespec now;

        clock_gettime(id, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + stage_passed_ms;
}

int64_t clock_now(void)
{
        return read_ms(CLOCK_REALTIME) / 1000;
}

int64_t clock_unix_ms(void)
{
        return read_ms(CLOCK_REALTIME);
}

int64_t clock_ms(void)
{
        return read_ms(CLOCK_MONOTONIC);
}
