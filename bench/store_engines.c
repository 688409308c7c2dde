/* SPDX-License-Identifier: Apache-2.0 */
/* store_engines: how ways to keep rows bear the broker's load. Batches of rows of some 150 bytes for
 * random sessions; 9 of 10 rows are deleted again WINDOW operations later, the tenth stays. One engine, one
 * folder, one line of JSON. */
#include "bench/engine_lmdb.h"
#include "bench/engine_log.h"
#include "bench/engine_rocksdb.h"
#include "bench/engine_signet.h"
#include "bench/engine_sqlite.h"
#include "bench/histogram.h"
#include "bench/meter.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

enum { SESSIONS = 20000, WINDOW = 20000, VALUE = 150, STANDING = 1000000 };

static const struct engine *const engines[] = {&engine_lmdb, &engine_sqlite, &engine_rocksdb, &engine_log,
                                               &engine_signet};
static const struct engine *engine;
static const char *folder;
static uint8_t waiting[WINDOW][ENGINE_KEY]; /* to be deleted, oldest first from `oldest` */
static size_t waiting_count, oldest;
static uint64_t seed = 1, sequence;

static void key_make(uint8_t key[ENGINE_KEY], uint8_t kind, uint64_t a, uint64_t b)
{
        key[0] = kind;
        for (int n = 0; n < 8; n++) {
                key[1 + n] = (uint8_t)(a >> (56 - 8 * n));
                key[9 + n] = (uint8_t)(b >> (56 - 8 * n));
        }
}

static int64_t thread_cpu_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return t.tv_sec * NS_PER_S + t.tv_nsec;
}

static double folder_mb(void)
{
        DIR *d = opendir(folder);
        struct dirent *e;
        double bytes = 0;

        while (d != NULL && (e = readdir(d)) != NULL) {
                struct stat s;

                if (fstatat(dirfd(d), e->d_name, &s, 0) == 0 && S_ISREG(s.st_mode))
                        bytes += (double)s.st_blocks * 512;
        }
        if (d != NULL)
                closedir(d);
        return bytes / 1e6;
}

/* One operation of the load. */
static bool step(void)
{
        uint8_t value[VALUE], key[ENGINE_KEY];

        if (waiting_count == WINDOW) {
                bool ok = engine->remove(waiting[oldest]);

                oldest = (oldest + 1) % WINDOW;
                waiting_count--;
                return ok;
        }
        memset(value, (int)(sequence & 0xff) | 1, sizeof value);
        memcpy(value + 1, &sequence, sizeof sequence);
        key_make(key, 4, meter_random(&seed) % SESSIONS, ++sequence);
        if (sequence % 10 != 0)
                memcpy(waiting[(oldest + waiting_count++) % WINDOW], key, ENGINE_KEY);
        return engine->put(key, value, sizeof value);
}

static bool batch(int operations)
{
        bool ok = true;

        engine->begin();
        for (int n = 0; n < operations && ok; n++)
                ok = step();
        return engine->commit() && ok;
}

static void fill(void)
{
        for (uint64_t n = 0; n < STANDING; n += 1000) {
                engine->begin();
                for (uint64_t m = n; m < n + 1000; m++) {
                        uint8_t key[ENGINE_KEY], value[VALUE] = {1};

                        key_make(key, 4, m / (STANDING / SESSIONS), m);
                        engine->put(key, value, sizeof value);
                }
                if (!engine->commit())
                        errx(2, "cannot fill");
        }
}

static void load(bool sync, int operations, int64_t total)
{
        struct histogram *h = calloc(1, sizeof *h);
        int64_t start = meter_now_ns(), cpu = thread_cpu_ns(), all = meter_cpu_ns(0);

        if (h == NULL)
                err(2, "calloc");
        for (int64_t done = 0; done < total; done += operations) {
                int64_t t = meter_now_ns();

                if (!batch(operations))
                        errx(2, "commit failed");
                histogram_add(h, meter_now_ns() - t);
        }
        double n = (double)total, us = (double)(meter_now_ns() - start) / 1e3;
        printf("{\"engine\":\"%s\",\"sync\":%d,\"batch\":%d,\"ops_per_s\":%.0f,\"thread_us_per_op\":%.2f,"
               "\"process_us_per_op\":%.2f,\"commit_p50_us\":%llu,\"commit_p99_us\":%llu,\"commit_max_us\":%"
               "llu,"
               "\"mb\":%.0f,\"rss_mb\":%.0f}\n",
               engine->name, sync, operations, n / us * 1e6, (double)(thread_cpu_ns() - cpu) / 1e3 / n,
               (double)(meter_cpu_ns(0) - all) / 1e3 / n, (unsigned long long)histogram_quantile(h, 0.5),
               (unsigned long long)histogram_quantile(h, 0.99), (unsigned long long)h->max_us, folder_mb(),
               (double)meter_rss_kb(getpid()) / 1e3);
        fflush(stdout);
        free(h);
}

static void read_all(void)
{
        uint64_t sum, rows;
        int64_t t = meter_now_ns();

        engine->open(folder, false);
        int64_t opened = meter_now_ns();
        rows = engine->read(&sum);
        printf("{\"engine\":\"%s\",\"rows\":%llu,\"open_ms\":%.0f,\"read_ms\":%.0f,\"mb\":%.0f}\n",
               engine->name, (unsigned long long)rows, (double)(opened - t) / 1e6,
               (double)(meter_now_ns() - opened) / 1e6, folder_mb());
        engine->close();
}

/* Batches of 100 rows each, all new: what is there after kill -9 must be whole batches, none fewer than told.
 */
static void crash(void)
{
        for (int round = 1; round <= 20; round++) {
                int pipes[2];
                uint64_t told = 0, word, sum;
                pid_t child;

                if (pipe(pipes) != 0 || (child = fork()) < 0)
                        err(2, "fork");
                if (child == 0) {
                        engine->open(folder, false);
                        for (word = engine->read(&sum);; word += 100) {
                                engine->begin();
                                for (uint64_t n = word; n < word + 100; n++) {
                                        uint8_t key[ENGINE_KEY], value[VALUE] = {1};

                                        key_make(key, 4, n * UINT64_C(0x9e3779b97f4a7c15), n);
                                        engine->put(key, value, sizeof value);
                                }
                                if (!engine->commit() || write(pipes[1], &word, sizeof word) < 0)
                                        _exit(2);
                        }
                }
                close(pipes[1]);
                usleep((useconds_t)(100000 + meter_random(&seed) % 100000));
                kill(child, SIGKILL);
                waitpid(child, NULL, 0);
                while (read(pipes[0], &word, sizeof word) == sizeof word)
                        told = word + 100;
                close(pipes[0]);
                engine->open(folder, false);
                uint64_t rows = engine->read(&sum);
                engine->close();
                if (rows < told || rows % 100 != 0)
                        errx(1, "%s lost: told %llu, there %llu", engine->name, (unsigned long long)told,
                             (unsigned long long)rows);
        }
        printf("{\"engine\":\"%s\",\"kills\":20,\"lost\":0}\n", engine->name);
}

/* On a small file system: until it is full, then room is made by removing `ballast`, and on. */
static void full(const char *ballast)
{
        uint64_t committed = 0, until = UINT64_MAX, sum, rows, failed = 0;

        engine->open(folder, false);
        for (bool room = false; committed < until;) {
                engine->begin();
                for (uint64_t n = committed; n < committed + 100; n++) {
                        uint8_t key[ENGINE_KEY], value[VALUE] = {1};

                        key_make(key, 4, n * UINT64_C(0x9e3779b97f4a7c15), n);
                        if (!engine->put(key, value, sizeof value))
                                break;
                }
                if (engine->commit()) {
                        committed += 100;
                        continue;
                }
                failed++;
                if (room && failed > 20) {
                        warnx("%s fails though there is room", engine->name);
                        break;
                }
                if (!room)
                        printf("{\"engine\":\"%s\",\"full_at_rows\":%llu,\"mb\":%.0f}\n", engine->name,
                               (unsigned long long)committed, folder_mb());
                if (unlink(ballast) == 0) {
                        room = true;
                        until = committed + committed / 2;
                }
                engine->again();
        }
        rows = engine->read(&sum);
        engine->close();
        engine->open(folder, false);
        printf("{\"engine\":\"%s\",\"committed\":%llu,\"rows\":%llu,\"rows_reopened\":%llu,\"failed\":%llu}"
               "\n",
               engine->name, (unsigned long long)committed, (unsigned long long)rows,
               (unsigned long long)engine->read(&sum), (unsigned long long)failed);
        engine->close();
}

int main(int argc, char **argv)
{
        if (argc < 4)
                errx(2,
                     "store_engines lmdb|sqlite|rocksdb|log|signet <empty folder> load|crash|full <ballast>");
        for (size_t n = 0; n < sizeof engines / sizeof engines[0]; n++)
                if (strcmp(argv[1], engines[n]->name) == 0)
                        engine = engines[n];
        if (engine == NULL)
                errx(2, "no such engine");
        folder = argv[2];
        signal(SIGXFSZ, SIG_IGN);
        if (strcmp(argv[3], "crash") == 0) {
                crash();
        } else if (strcmp(argv[3], "full") == 0 && argc > 4) {
                full(argv[4]);
        } else {
                engine->open(folder, false);
                fill();
                load(false, 20, 400000);
                load(false, 200, 1000000);
                load(false, 2000, 2000000);
                engine->close();
                engine->open(folder, true);
                load(true, 20, 10000);
                load(true, 200, 100000);
                load(true, 2000, 400000);
                engine->close();
                read_all();
        }
        return 0;
}
