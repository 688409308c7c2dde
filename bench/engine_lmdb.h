/* SPDX-License-Identifier: Apache-2.0 */
/* LMDB. Without sync: MDB_NOSYNC, which may leave a damaged file when power is lost. */
#include "bench/store_engine.h"

#include <err.h>
#include <errno.h>
#include <lmdb.h>

static MDB_env *lmdb_env;
static MDB_txn *lmdb_txn;
static MDB_dbi lmdb_dbi;

static int lmdb_must(int e, const char *what)
{
        if (e != 0 && e != ENOSPC && e != MDB_MAP_FULL && e != EIO && e != EFBIG && e != MDB_BAD_TXN)
                errx(2, "lmdb %s: %s", what, mdb_strerror(e));
        return e;
}

static void lmdb_open(const char *folder, bool sync)
{
        lmdb_must(mdb_env_create(&lmdb_env), "create");
        lmdb_must(mdb_env_set_mapsize(lmdb_env, (size_t)64 << 30), "mapsize");
        lmdb_must(mdb_env_open(lmdb_env, folder, MDB_NOTLS | (sync ? 0 : MDB_NOSYNC), 0600), "open");
        lmdb_must(mdb_txn_begin(lmdb_env, NULL, 0, &lmdb_txn), "begin");
        lmdb_must(mdb_dbi_open(lmdb_txn, NULL, 0, &lmdb_dbi), "dbi");
        lmdb_must(mdb_txn_commit(lmdb_txn), "commit");
}

static void lmdb_begin(void)
{
        lmdb_must(mdb_txn_begin(lmdb_env, NULL, 0, &lmdb_txn), "begin");
}

static bool lmdb_put(const uint8_t key[ENGINE_KEY], const void *value, size_t len)
{
        MDB_val k = {ENGINE_KEY, (void *)(uintptr_t)key}, v = {len, (void *)(uintptr_t)value};

        return lmdb_must(mdb_put(lmdb_txn, lmdb_dbi, &k, &v, 0), "put") == 0;
}

static bool lmdb_remove(const uint8_t key[ENGINE_KEY])
{
        MDB_val k = {ENGINE_KEY, (void *)(uintptr_t)key};
        int e = mdb_del(lmdb_txn, lmdb_dbi, &k, NULL);

        return e == MDB_NOTFOUND || lmdb_must(e, "del") == 0;
}

static bool lmdb_commit(void)
{
        return lmdb_must(mdb_txn_commit(lmdb_txn), "commit") == 0;
}

static void lmdb_again(void)
{
}

static uint64_t lmdb_read(uint64_t *ret_sum)
{
        MDB_txn *txn;
        MDB_cursor *cursor;
        MDB_val k, v;
        uint64_t rows = 0, sum = 0;

        lmdb_must(mdb_txn_begin(lmdb_env, NULL, MDB_RDONLY, &txn), "begin");
        lmdb_must(mdb_cursor_open(txn, lmdb_dbi, &cursor), "cursor");
        while (mdb_cursor_get(cursor, &k, &v, MDB_NEXT) == 0) {
                rows++;
                sum += *(const uint8_t *)v.mv_data;
        }
        mdb_cursor_close(cursor);
        mdb_txn_abort(txn);
        *ret_sum = sum;
        return rows;
}

static void lmdb_close(void)
{
        mdb_env_close(lmdb_env);
}

static const struct engine engine_lmdb = {"lmdb",      lmdb_open,  lmdb_begin, lmdb_put,  lmdb_remove,
                                          lmdb_commit, lmdb_again, lmdb_read,  lmdb_close};
