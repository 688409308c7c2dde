/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_clean.h"

#include "broker/store_append.h"
#include "broker/store_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool worth_it(const struct store_db *db)
{
        return db->segment_count > 1 && db->bytes > 2 * db->live + STORE_SLACK_BYTES;
}

static enum err begin(struct store_db *db)
{
        char name[STORE_SEGMENT_NAME];
        int fd;
        enum err e;

        store_segment_name(name, db->segments[0].number);
        fd = openat(db->folder.fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return ERR_IO;
        e = store_reader_init(&db->clean.reader, fd, db->segments[0].number, STORE_STEP_IN_ORDER);
        if (e != ERR_OK) {
                close(fd);
                return e;
        }
        db->clean.fd = fd;
        db->clean.at = STORE_SEGMENT_HEAD;
        db->clean.done_at = 0;
        db->clean.under_way = true;
        return ERR_OK;
}

static void end(struct store_db *db)
{
        if (!db->clean.under_way)
                return;
        store_reader_done(&db->clean.reader);
        close(db->clean.fd);
        db->clean.under_way = false;
}

void store_clean_done(struct store_db *db)
{
        end(db);
        free(db->clean.frame);
        db->clean.frame = NULL;
}

bool store_clean_waits(const struct store_db *db)
{
        return db->clean.under_way && db->clean.done_at != 0;
}

/* ---- copies ---- */

static enum err add(struct store_db *db, struct store_batch_bytes *b, const uint8_t *bytes, size_t len)
{
        size_t need = STORE_FRAME_HEAD + b->len + len;

        if (need > db->clean.room) {
                size_t room = need + need / 2;
                uint8_t *more = realloc(db->clean.frame, room);

                if (more == NULL)
                        return ERR_NOMEM;
                db->clean.frame = more;
                db->clean.room = room;
        }
        memcpy(db->clean.frame + STORE_FRAME_HEAD + b->len, bytes, len);
        b->frame = db->clean.frame;
        b->len += len;
        b->count++;
        return ERR_OK;
}

/* A row is live when the index has it at this very place. */
static enum err add_live(struct store_db *db, uint64_t place, struct bytes operations,
                         struct store_batch_bytes *b)
{
        struct rd r = rd_of(operations.data, operations.len);
        struct store_operation o;

        for (const uint8_t *at = r.at; store_operation_read(&r, &o); at = r.at) {
                const struct store_row *row = o.what == STORE_PUT ? store_index_find(db->index, o.key) : NULL;

                if (row != NULL && row->place == place + STORE_FRAME_HEAD + (uint64_t)(at - operations.data))
                        TRY(add(db, b, at, (size_t)(r.at - at)));
        }
        return r.bad ? ERR_SYNTAX : ERR_OK;
}

static enum err append(struct store_db *db, const struct store_batch_bytes *b)
{
        const struct store_segment *last;

        if (b->count == 0)
                return ERR_OK;
        TRY(store_append(db, b, 1));
        TRY(store_append_done(db, b, 1));
        last = &db->segments[db->segment_count - 1];
        store_sync_written(db, store_place(last->number, last->size));
        return ERR_OK;
}

/* Moves on only when the copies are written. */
static enum err copy_some(struct store_db *db, size_t bytes)
{
        struct store_batch_bytes copies = {NULL, 0, 0};
        uint64_t at = db->clean.at;

        if (db->segments[0].live == 0)
                at = db->segments[0].size;
        while (at < db->segments[0].size && at - db->clean.at < bytes) {
                struct store_frame f;
                const uint8_t *operations;

                TRY(store_reader_frame(&db->clean.reader, at, &f, &operations));
                TRY(add_live(db, store_place(db->segments[0].number, at), (struct bytes){operations, f.len},
                             &copies));
                at += STORE_FRAME_HEAD + f.len;
        }
        TRY(append(db, &copies));
        db->clean.at = at;
        return ERR_OK;
}

/* ---- and the end of the file ---- */

static enum err note_gone(struct store_db *db)
{
        uint8_t frame[STORE_FRAME_HEAD + STORE_OP_HEAD];
        const struct store_batch_bytes b = {frame, STORE_OP_HEAD, 1};
        const struct store_key next = {0, db->segments[0].number + 1, 0};

        (void)store_operation_write(frame + STORE_FRAME_HEAD, STORE_GONE, next, 0);
        TRY(append(db, &b));
        db->clean.done_at = atomic_load_explicit(&db->sync.written, memory_order_relaxed);
        return ERR_OK;
}

/* The folder is synced too: no file comes back after a younger one has gone for good. */
static enum err remove_oldest(struct store_db *db)
{
        char name[STORE_SEGMENT_NAME];

        store_segment_name(name, db->segments[0].number);
        if ((unlinkat(db->folder.fd, name, 0) != 0 && errno != ENOENT) || fsync(db->folder.fd) != 0)
                return ERR_IO;
        end(db);
        db->bytes -= db->segments[0].size;
        db->segment_count--;
        memmove(db->segments, db->segments + 1, db->segment_count * sizeof db->segments[0]);
        return ERR_OK;
}

enum err store_clean(struct store_db *db, size_t bytes)
{
        if (!db->clean.under_way) {
                if (!worth_it(db))
                        return ERR_OK;
                TRY(begin(db));
        }
        if (db->clean.done_at == 0) {
                if (db->clean.at < db->segments[0].size)
                        TRY(copy_some(db, bytes));
                if (db->clean.at >= db->segments[0].size)
                        TRY(note_gone(db));
                return ERR_OK;
        }
        if (atomic_load_explicit(&db->sync.synced, memory_order_acquire) < db->clean.done_at)
                return ERR_OK;
        return remove_oldest(db);
}
