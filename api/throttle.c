/* SPDX-License-Identifier: Apache-2.0 */
/* A fixed table of sets of buckets: an account's operation has its set, and any bucket of it. A set that is
 * full gives its stalest bucket away: it has filled up the longest, and a full bucket and none are the same.
 * Tokens are counted in thousandths, so that a millisecond at `rate` a second brings `rate` of them. */
#include "api/throttle.h"

#include <pthread.h>
#include <stdlib.h>

enum {
        SETS = 2048, /* a power of two; 16,384 buckets in all */
        WAYS = 8,
        LOCKS = 64,
        ONE_CALL = 1000,
        DEPTH_MS = 1000
};

struct bucket {
        const struct operation_spec *op; /* NULL: never used */
        int64_t account_id;
        int64_t at_ms;
        int64_t tokens;
};

struct throttle {
        int64_t percent;
        pthread_mutex_t locks[LOCKS]; /* set n is guarded by n % LOCKS */
        struct bucket sets[SETS][WAYS];
};

enum err throttle_open(int64_t percent, struct throttle **ret)
{
        struct throttle *t = calloc(1, sizeof *t);

        if (t == NULL)
                return ERR_NOMEM;
        t->percent = percent;
        for (int i = 0; i < LOCKS; i++)
                (void)pthread_mutex_init(&t->locks[i], NULL);
        *ret = t;
        return ERR_OK;
}

struct throttle *throttle_close(struct throttle *t)
{
        if (t == NULL)
                return NULL;
        for (int i = 0; i < LOCKS; i++)
                (void)pthread_mutex_destroy(&t->locks[i]);
        free(t);
        return NULL;
}

/* splitmix64's last steps: neighbours among accounts and rows of a table go to sets far apart. */
static unsigned set_of(const struct operation_spec *op, int64_t account_id)
{
        uint64_t x = (uint64_t)account_id * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)(uintptr_t)op;

        x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
        return (unsigned)((x ^ (x >> 31)) % SETS);
}

static struct bucket *bucket_of(struct bucket set[WAYS], const struct operation_spec *op, int64_t account_id,
                                int64_t rate, int64_t now_ms)
{
        struct bucket *stalest = &set[0];

        for (int i = 0; i < WAYS; i++) {
                struct bucket *b = &set[i];

                if (b->op == op && b->account_id == account_id)
                        return b;
                if (stalest->op != NULL && (b->op == NULL || b->at_ms < stalest->at_ms))
                        stalest = b;
        }
        *stalest = (struct bucket){op, account_id, now_ms, rate * ONE_CALL};
        return stalest;
}

static int64_t rate_of(const struct throttle *t, const struct operation_spec *op)
{
        int64_t rate = op->rate * t->percent / 100;

        return rate < 1 ? 1 : rate;
}

/* Threads read the clock before they get the lock, so time may seem to go back a little. */
static void refill(struct bucket *b, int64_t rate, int64_t now_ms)
{
        int64_t passed = now_ms - b->at_ms, full = rate * ONE_CALL;

        if (passed <= 0)
                return;
        b->tokens += (passed < DEPTH_MS ? passed : DEPTH_MS) * rate;
        if (b->tokens > full)
                b->tokens = full;
        b->at_ms = now_ms;
}

bool throttle_take(struct throttle *t, const struct operation_spec *op, int64_t account_id, int64_t now_ms,
                   int64_t *ret_retry_ms)
{
        *ret_retry_ms = 0;
        if (t == NULL || t->percent <= 0)
                return true;
        int64_t rate = rate_of(t, op);
        unsigned set = set_of(op, account_id);
        pthread_mutex_t *lock = &t->locks[set % LOCKS];

        (void)pthread_mutex_lock(lock);
        struct bucket *b = bucket_of(t->sets[set], op, account_id, rate, now_ms);

        refill(b, rate, now_ms);
        bool free_now = b->tokens >= ONE_CALL;

        if (free_now)
                b->tokens -= ONE_CALL;
        else
                *ret_retry_ms = (ONE_CALL - b->tokens + rate - 1) / rate;
        (void)pthread_mutex_unlock(lock);
        return free_now;
}
