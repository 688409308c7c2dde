/* SPDX-License-Identifier: Apache-2.0 */
/* What came of the measurements: the broker's own files (broker/store_db.h). */
#include "bench/store_engine.h"
#include "broker/store_db.h"
#include "broker/store_frame.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>

static struct store_db *signet_db;
static struct store_batch_bytes signet_batch;
static size_t signet_room;

static void signet_open(const char *folder, bool sync)
{
        const struct store_settings settings = {folder, sync};
        struct store_opened opened;
        char why[256];

        if (store_db_open(&settings, &signet_db, &opened, why) != ERR_OK)
                errx(2, "%s", why);
        signet_room = (size_t)64 << 20;
        signet_batch.frame = malloc(signet_room);
        if (signet_batch.frame == NULL)
                err(2, "malloc");
}

static void signet_begin(void)
{
        signet_batch.len = 0;
        signet_batch.count = 0;
}

static bool signet_add(enum store_what what, const uint8_t key[ENGINE_KEY], const void *value, size_t len)
{
        const struct store_key k = {key[0], store_u64(key + 1), store_u64(key + 9)};
        uint8_t *at = signet_batch.frame + STORE_FRAME_HEAD + signet_batch.len;

        if (STORE_FRAME_HEAD + signet_batch.len + STORE_OP_HEAD + len > signet_room)
                errx(2, "batch too large");
        (void)wr_bytes(store_operation_write(at, what, k, len), value, len);
        signet_batch.len += STORE_OP_HEAD + len;
        signet_batch.count++;
        return true;
}

static bool signet_put(const uint8_t key[ENGINE_KEY], const void *value, size_t len)
{
        return signet_add(STORE_PUT, key, value, len);
}

static bool signet_remove(const uint8_t key[ENGINE_KEY])
{
        return signet_add(STORE_DELETE, key, NULL, 0);
}

/* The thread that syncs beside the writer is not here: where it would be woken, the writer does it. */
static bool signet_commit(void)
{
        if (store_db_commit(signet_db, &signet_batch, 1) != ERR_OK ||
            store_db_clean(signet_db, signet_batch.len) != ERR_OK)
                return false;
        return !store_db_sync_urgent(signet_db) || store_db_sync(signet_db) == ERR_OK;
}

static void signet_again(void)
{
}

static enum err signet_row(void *arg, struct store_key key, struct bytes value)
{
        uint64_t *counts = arg;

        (void)key;
        counts[0]++;
        counts[1] += value.data[0];
        return ERR_OK;
}

static uint64_t signet_read(uint64_t *ret_sum)
{
        uint64_t counts[2] = {0, 0};

        if (store_db_read(signet_db, signet_row, counts) != ERR_OK)
                errx(2, "cannot read");
        *ret_sum = counts[1];
        return counts[0];
}

static void signet_close(void)
{
        signet_db = store_db_close(signet_db);
        free(signet_batch.frame);
}

static const struct engine engine_signet = {"signet",     signet_open,   signet_begin,
                                            signet_put,   signet_remove, signet_commit,
                                            signet_again, signet_read,   signet_close};
