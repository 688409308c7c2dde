/* SPDX-License-Identifier: Apache-2.0 */
/* histogram: latencies in buckets of a sixteenth of an octave (an error of 6 % at most), from 1 us to 12
 * days. */
#ifndef SIGNET_BENCH_HISTOGRAM_H
#define SIGNET_BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum { HISTOGRAM_STEPS = 16, HISTOGRAM_BUCKETS = 38 * HISTOGRAM_STEPS };

struct histogram {
        uint64_t buckets[HISTOGRAM_BUCKETS];
        uint64_t count, max_us;
        double sum_us;
};

static inline int histogram_bucket(uint64_t us)
{
        if (us < HISTOGRAM_STEPS)
                return (int)us;
        int octave = 63 - __builtin_clzll(us);
        int bucket = (octave - 3) * HISTOGRAM_STEPS + (int)(us >> (octave - 4) & (HISTOGRAM_STEPS - 1));
        return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The largest value of a bucket. */
static inline uint64_t histogram_top(int bucket)
{
        if (bucket < HISTOGRAM_STEPS)
                return (uint64_t)bucket;
        int octave = bucket / HISTOGRAM_STEPS + 3;
        uint64_t step = UINT64_C(1) << (octave - 4);
        return (UINT64_C(1) << octave) + step * (uint64_t)(bucket % HISTOGRAM_STEPS + 1) - 1;
}

static inline void histogram_add(struct histogram *h, int64_t ns)
{
        uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;

        h->buckets[histogram_bucket(us)]++;
        h->count++;
        h->sum_us += (double)us;
        if (us > h->max_us)
                h->max_us = us;
}

static inline uint64_t histogram_quantile(const struct histogram *h, double share)
{
        uint64_t wanted = (uint64_t)((double)h->count * share), seen = 0;

        for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
                seen += h->buckets[i];
                if (seen > wanted)
                        return histogram_top(i) < h->max_us ? histogram_top(i) : h->max_us;
        }
        return h->max_us;
}

/* "latency_us":{…} without a comma behind. Buckets are [largest value, count]. */
static inline void histogram_print(const struct histogram *h, FILE *out)
{
        const char *comma = "";

        fprintf(out, "\"latency_us\":{\"count\":%llu,\"mean\":%.1f,\"p50\":%llu,\"p90\":%llu,\"p99\":%llu",
                (unsigned long long)h->count, h->count > 0 ? h->sum_us / (double)h->count : 0.0,
                (unsigned long long)histogram_quantile(h, 0.5),
                (unsigned long long)histogram_quantile(h, 0.9),
                (unsigned long long)histogram_quantile(h, 0.99));
        fprintf(out, ",\"p999\":%llu,\"max\":%llu,\"buckets\":[",
                (unsigned long long)histogram_quantile(h, 0.999), (unsigned long long)h->max_us);
        for (int i = 0; i < HISTOGRAM_BUCKETS; i++) {
                if (h->buckets[i] == 0)
                        continue;
                fprintf(out, "%s[%llu,%llu]", comma, (unsigned long long)histogram_top(i),
                        (unsigned long long)h->buckets[i]);
                comma = ",";
        }
        fprintf(out, "]}");
}

#endif
