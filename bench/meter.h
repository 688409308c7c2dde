/* SPDX-License-Identifier: Apache-2.0 */
/* meter: time, processor time and memory of this and of another process, and random numbers that repeat. */
#ifndef SIGNET_BENCH_METER_H
#define SIGNET_BENCH_METER_H

#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)

static inline int64_t meter_now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* User and system time of all threads of a process, ended ones too, in nanoseconds; pid 0 is this process.
 * The same sum as utime + stime of /proc/PID/stat, which counts in steps of 10 ms. -1 when there is no such
 * process. */
static inline int64_t meter_cpu_ns(int64_t pid)
{
        struct timespec t;
        clockid_t clock;

        if (clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
                return -1;
        return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* Resident memory in kB, -1 when there is no such process. */
static inline int64_t meter_rss_kb(int64_t pid)
{
        char path[64];
        long long total = 0, resident = -1;

        snprintf(path, sizeof path, "/proc/%lld/statm", (long long)pid);
        FILE *in = fopen(path, "re");
        if (in == NULL)
                return -1;
        if (fscanf(in, "%lld %lld", &total, &resident) != 2)
                resident = -1;
        fclose(in);
        return resident < 0 ? -1 : resident * (sysconf(_SC_PAGESIZE) / 1024);
}

/* As many descriptors as the system gives; ends the program when `needed` are not to be had. */
static inline void meter_need_files(int64_t needed)
{
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
                err(2, "getrlimit");
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
                err(2, "setrlimit");
        if ((int64_t)limit.rlim_cur < needed)
                errx(2, "needs %lld open files, the limit is %lld", (long long)needed,
                     (long long)limit.rlim_cur);
}

/* xorshift64*: a sequence that repeats for the same seed; not for secrets. */
static inline uint64_t meter_random(uint64_t *state)
{
        uint64_t x = *state != 0 ? *state : UINT64_C(0x9e3779b97f4a7c15);

        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        *state = x;
        return x * UINT64_C(0x2545f4914f6cdd1d);
}

#endif
