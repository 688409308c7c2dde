/* SPDX-License-Identifier: Apache-2.0 */
/* The floor: what an append-only log of our own would cost if it did nothing but write each batch with its
 * checksum to one file, and read it back into a table at start. No compaction: a real one costs more. */
#include "bench/store_engine.h"

#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static int log_file;
static bool log_sync;
static uint8_t *log_batch;
static size_t log_len, log_room;
static off_t log_end;

static void log_open(const char *folder, bool sync)
{
        char path[4096];

        snprintf(path, sizeof path, "%s/log", folder);
        log_sync = sync;
        log_file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (log_file < 0)
                err(2, "%s", path);
        log_end = lseek(log_file, 0, SEEK_END);
        log_room = (size_t)64 << 20;
        log_batch = malloc(log_room);
        if (log_batch == NULL)
                err(2, "malloc");
}

static void log_begin(void)
{
        log_len = 8;
}

static bool log_add(const uint8_t key[ENGINE_KEY], const void *value, uint32_t len)
{
        if (log_len + ENGINE_KEY + 4 + len > log_room)
                errx(2, "batch too large");
        memcpy(log_batch + log_len, key, ENGINE_KEY);
        memcpy(log_batch + log_len + ENGINE_KEY, &len, 4);
        memcpy(log_batch + log_len + ENGINE_KEY + 4, value, len);
        log_len += ENGINE_KEY + 4 + len;
        return true;
}

static bool log_put(const uint8_t key[ENGINE_KEY], const void *value, size_t len)
{
        return log_add(key, value, (uint32_t)len);
}

static bool log_remove(const uint8_t key[ENGINE_KEY])
{
        return log_add(key, "", 0);
}

static bool log_commit(void)
{
        uint32_t head[2] = {(uint32_t)log_len, (uint32_t)crc32(0, log_batch + 8, (uInt)(log_len - 8))};

        memcpy(log_batch, head, 8);
        if (pwrite(log_file, log_batch, log_len, log_end) != (ssize_t)log_len)
                return false;
        log_end += (off_t)log_len;
        return !log_sync || fdatasync(log_file) == 0;
}

static void log_again(void)
{
        if (ftruncate(log_file, log_end) != 0)
                err(2, "ftruncate");
}

/* Reading back: a table of what is there, as a real one would have to build. */
static uint64_t log_read(uint64_t *ret_sum)
{
        enum { SLOTS = 1 << 24 };
        const uint8_t **slots = calloc(SLOTS, sizeof *slots), *at, *end;
        uint64_t rows = 0, sum = 0;

        if (log_end == 0) {
                free(slots);
                *ret_sum = 0;
                return 0;
        }
        at = mmap(NULL, (size_t)log_end, PROT_READ, MAP_PRIVATE, log_file, 0);
        if (slots == NULL || at == MAP_FAILED)
                err(2, "reading the log");
        for (end = at + log_end; at < end;) {
                uint32_t head[2];

                memcpy(head, at, 8);
                if (head[0] > (size_t)(end - at) || head[1] != (uint32_t)crc32(0, at + 8, head[0] - 8))
                        break;
                for (const uint8_t *p = at + 8; p < at + head[0];) {
                        uint64_t h = crc32(0, p, ENGINE_KEY) & (SLOTS - 1);
                        uint32_t len;

                        while (slots[h] != NULL && memcmp(slots[h], p, ENGINE_KEY) != 0)
                                h = (h + 1) & (SLOTS - 1);
                        slots[h] = p;
                        memcpy(&len, p + ENGINE_KEY, 4);
                        p += ENGINE_KEY + 4 + len;
                }
                at += head[0];
        }
        log_end -= end - at; /* a torn batch is written over */
        for (size_t n = 0; n < SLOTS; n++)
                if (slots[n] != NULL && memcmp(slots[n] + ENGINE_KEY, "\0\0\0", 4) != 0) {
                        rows++;
                        sum += slots[n][ENGINE_KEY + 4];
                }
        free(slots);
        *ret_sum = sum;
        return rows;
}

static void log_close(void)
{
        close(log_file);
        free(log_batch);
}

static const struct engine engine_log = {"log",      log_open,  log_begin, log_put,  log_remove,
                                         log_commit, log_again, log_read,  log_close};
