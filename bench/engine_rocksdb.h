/* SPDX-License-Identifier: Apache-2.0 */
/* RocksDB. After an error that ends writing it is opened again. */
#include "bench/store_engine.h"

#include <err.h>
#include <rocksdb/c.h>
#include <stdlib.h>

static rocksdb_t *rocks_db;
static rocksdb_options_t *rocks_options;
static rocksdb_writeoptions_t *rocks_write;
static rocksdb_readoptions_t *rocks_readoptions;
static rocksdb_writebatch_t *rocks_batch;
static const char *rocks_folder;

static void rocks_open_again(void)
{
        char *e = NULL;

        rocks_db = rocksdb_open(rocks_options, rocks_folder, &e);
        if (e != NULL)
                errx(2, "rocksdb open: %s", e);
}

static void rocks_open(const char *folder, bool sync)
{
        rocks_folder = folder;
        rocks_options = rocksdb_options_create();
        rocksdb_options_set_create_if_missing(rocks_options, 1);
        rocksdb_options_set_compression(rocks_options, rocksdb_no_compression);
        rocksdb_options_set_write_buffer_size(rocks_options, (size_t)32 << 20);
        /* Nothing is read while it runs: an array that is sorted when it is written out is a third of the
         * cost of the skip list. */
        rocksdb_options_set_allow_concurrent_memtable_write(rocks_options, 0);
        rocksdb_options_set_memtable_vector_rep(rocks_options);
        rocksdb_options_set_wal_recovery_mode(rocks_options,
                                              rocksdb_tolerate_corrupted_tail_records_recovery);
        rocks_write = rocksdb_writeoptions_create();
        rocksdb_writeoptions_set_sync(rocks_write, sync);
        rocks_readoptions = rocksdb_readoptions_create();
        rocks_batch = rocksdb_writebatch_create();
        rocks_open_again();
}

static void rocks_begin(void)
{
        rocksdb_writebatch_clear(rocks_batch);
}

static bool rocks_put(const uint8_t key[ENGINE_KEY], const void *value, size_t len)
{
        rocksdb_writebatch_put(rocks_batch, (const char *)key, ENGINE_KEY, value, len);
        return true;
}

static bool rocks_remove(const uint8_t key[ENGINE_KEY])
{
        rocksdb_writebatch_delete(rocks_batch, (const char *)key, ENGINE_KEY);
        return true;
}

static bool rocks_commit(void)
{
        char *e = NULL;

        rocksdb_write(rocks_db, rocks_write, rocks_batch, &e);
        if (e != NULL)
                warnx("rocksdb: %s", e);
        free(e);
        return e == NULL;
}

static void rocks_again(void)
{
        rocksdb_close(rocks_db);
        rocks_open_again();
}

static uint64_t rocks_read(uint64_t *ret_sum)
{
        rocksdb_iterator_t *i = rocksdb_create_iterator(rocks_db, rocks_readoptions);
        uint64_t rows = 0, sum = 0;

        for (rocksdb_iter_seek_to_first(i); rocksdb_iter_valid(i); rocksdb_iter_next(i)) {
                size_t len;

                rows++;
                sum += *(const uint8_t *)rocksdb_iter_value(i, &len);
        }
        rocksdb_iter_destroy(i);
        *ret_sum = sum;
        return rows;
}

static void rocks_close(void)
{
        rocksdb_writebatch_destroy(rocks_batch);
        rocksdb_close(rocks_db);
        rocksdb_readoptions_destroy(rocks_readoptions);
        rocksdb_writeoptions_destroy(rocks_write);
        rocksdb_options_destroy(rocks_options);
}

static const struct engine engine_rocksdb = {"rocksdb",    rocks_open,  rocks_begin, rocks_put,  rocks_remove,
                                             rocks_commit, rocks_again, rocks_read,  rocks_close};
