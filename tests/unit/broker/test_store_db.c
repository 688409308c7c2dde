/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_db.h"
#include "broker/store_frame.h"
#include "tests/unit/broker/store_stage.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char segment[] = "0000000000000001.log";
static struct store_stage written, copy;
static struct store_opened opened;
static char why[256];

static struct store_db *open_db(const struct store_stage *s)
{
        const struct store_settings settings = {s->folder, false};
        struct store_db *db = NULL;

        cr_assert_eq(store_db_open(&settings, &db, &opened, why), ERR_OK, "%s", why);
        return db;
}

enum { BATCH = STORE_FRAME_HEAD + STORE_OP_HEAD + 1 };

struct row { /* a batch of one row */
        uint8_t frame[BATCH];
};

static struct store_batch_bytes batch_of(struct row *r, uint64_t b)
{
        uint8_t *at =
                store_operation_write(r->frame + STORE_FRAME_HEAD, STORE_PUT, (struct store_key){4, 1, b}, 1);

        *at = 'x';
        return (struct store_batch_bytes){r->frame, STORE_OP_HEAD + 1, 1};
}

static void commit_rows(struct store_db *db, uint64_t first, size_t count)
{
        struct row rows[8];
        struct store_batch_bytes batches[8];

        for (size_t n = 0; n < count; n++)
                batches[n] = batch_of(&rows[n], first + n);
        cr_assert_eq(store_db_commit(db, batches, count), ERR_OK);
}

static size_t read_file(const struct store_stage *s, const char *name, uint8_t *bytes, size_t room)
{
        int fd = open(store_stage_path(s, name), O_RDONLY);
        ssize_t len = pread(fd, bytes, room, 0);

        cr_assert_gt(len, 0);
        close(fd);
        return (size_t)len;
}

static void write_file(const struct store_stage *s, const char *name, const uint8_t *bytes, size_t len)
{
        int fd = open(store_stage_path(s, name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

        cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
        close(fd);
}

Test(store_db, of_a_commit_that_ends_anywhere_the_first_whole_batches_are_there)
{
        static uint8_t bytes[4096], mark[4096];
        size_t first, len, mark_len;
        struct store_db *db;

        store_stage_begin(&written);
        store_stage_begin(&copy);
        db = open_db(&written);
        commit_rows(db, 1, 1);
        first = read_file(&written, segment, bytes, sizeof bytes);
        commit_rows(db, 2, 3);
        len = read_file(&written, segment, bytes, sizeof bytes);
        mark_len = read_file(&written, "store", mark, sizeof mark);
        for (size_t end = first; end <= len; end++) {
                write_file(&copy, segment, bytes, end);
                write_file(&copy, "store", mark, mark_len);
                size_t whole = (end - first) / BATCH;
                struct store_db *again = open_db(&copy);

                cr_assert_eq(opened.rows, 1 + whole, "%zu of %zu bytes", end, len);
                cr_assert_eq(opened.cut_bytes, (end - first) % BATCH);
                commit_rows(again, 9, 1); /* and it goes on there */
                (void)store_db_close(again);
                again = open_db(&copy);
                cr_assert_eq(opened.rows, 2 + whole);
                (void)store_db_close(again);
        }
        (void)store_db_close(db);
        store_stage_end(&written);
        store_stage_end(&copy);
}

Test(store_db, takes_no_more_batches_at_once_than_it_says)
{
        static struct store_batch_bytes many[STORE_COMMIT_FRAMES_MAX + 1];
        struct store_db *db;

        store_stage_begin(&written);
        db = open_db(&written);
        cr_assert_eq(store_db_commit(db, many, STORE_COMMIT_FRAMES_MAX + 1), ERR_LIMIT);
        (void)store_db_close(db);
        store_stage_end(&written);
}
