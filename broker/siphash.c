/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/siphash.h"

#include <endian.h>
#include <string.h>

struct state {
        uint64_t v0, v1, v2, v3;
};

static inline uint64_t turn(uint64_t x, int bits)
{
        return x << bits | x >> (64 - bits);
}

static inline void round_once(struct state *s)
{
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = turn(s->v1, 13) ^ s->v0;
        s->v3 = turn(s->v3, 16) ^ s->v2;
        s->v0 = turn(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = turn(s->v1, 17) ^ s->v2;
        s->v3 = turn(s->v3, 21) ^ s->v0;
        s->v2 = turn(s->v2, 32);
}

static inline void mix(struct state *s, uint64_t word)
{
        s->v3 ^= word;
        round_once(s);
        s->v0 ^= word;
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len)
{
        struct state s = {key->k0 ^ 0x736f6d6570736575, key->k1 ^ 0x646f72616e646f6d,
                          key->k0 ^ 0x6c7967656e657261, key->k1 ^ 0x7465646279746573};
        const uint8_t *p = data;
        uint64_t last = (uint64_t)len << 56;
        size_t left = len;

        for (; left >= 8; left -= 8, p += 8) {
                uint64_t word;

                memcpy(&word, p, sizeof word);
                mix(&s, le64toh(word));
        }
        for (size_t i = 0; i < left; i++)
                last |= (uint64_t)p[i] << (8 * i);
        mix(&s, last);
        s.v2 ^= 0xff;
        for (int i = 0; i < 3; i++)
                round_once(&s);
        return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
