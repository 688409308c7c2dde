/* SPDX-License-Identifier: Apache-2.0 */
/* payload: what a message of the load generator carries: who sent it, its number, and when it was due; the
 * rest is a pattern, so that a damaged or mixed-up payload is seen. The time is this machine's monotonic
 * clock. */
#ifndef SIGNET_BENCH_PAYLOAD_H
#define SIGNET_BENCH_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { PAYLOAD_MIN = 4 + 4 + 4 + 8 + 8, PAYLOAD_MAX = 65536 };

struct payload {
        uint32_t run, publisher; /* run: messages of another run are told apart */
        uint64_t sequence;
        int64_t due_ns;
};

static const uint8_t payload_magic[4] = {'S', 'G', 'N', 'B'};
static uint8_t payload_pattern[256 + PAYLOAD_MAX];

static inline void payload_init(void)
{
        for (size_t i = 0; i < sizeof payload_pattern; i++)
                payload_pattern[i] = (uint8_t)(i * 7 + (i >> 8));
}

static inline void payload_write(uint8_t *p, size_t len, const struct payload *v)
{
        memcpy(p, payload_magic, 4);
        memcpy(p + 4, &v->run, 4);
        memcpy(p + 8, &v->publisher, 4);
        memcpy(p + 12, &v->sequence, 8);
        memcpy(p + 20, &v->due_ns, 8);
        memcpy(p + PAYLOAD_MIN, payload_pattern + (v->sequence & 0xff), len - PAYLOAD_MIN);
}

enum payload_state { PAYLOAD_FINE, PAYLOAD_FOREIGN, PAYLOAD_CORRUPT };

/* `len_wanted`: what every message of this run has. FOREIGN: not of this run. */
static inline enum payload_state payload_read(const uint8_t *p, size_t len, size_t len_wanted, uint32_t run,
                                              struct payload *ret)
{
        if (len < PAYLOAD_MIN || memcmp(p, payload_magic, 4) != 0 || memcmp(p + 4, &run, 4) != 0)
                return PAYLOAD_FOREIGN;
        memcpy(&ret->run, p + 4, 4);
        memcpy(&ret->publisher, p + 8, 4);
        memcpy(&ret->sequence, p + 12, 8);
        memcpy(&ret->due_ns, p + 20, 8);
        if (len != len_wanted ||
            memcmp(p + PAYLOAD_MIN, payload_pattern + (ret->sequence & 0xff), len - PAYLOAD_MIN) != 0)
                return PAYLOAD_CORRUPT;
        return PAYLOAD_FINE;
}

#endif
