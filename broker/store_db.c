/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_db.h"

#include "broker/store_append.h"
#include "broker/store_clean.h"
#include "broker/store_kind.h"
#include "broker/store_replay.h"
#include "broker/store_sync.h"
#include "common/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FORMAT_VERSION = 1, CLEAN_BYTES_MIN = 65536, CLEAN_FACTOR = 4 };
static const struct store_key format_key = {STORE_FORMAT, 0, 0};

static const struct store_segment *last(const struct store_db *db)
{
        return &db->segments[db->segment_count - 1];
}

/* ---- reading ---- */

struct walk {
        struct store_db *db;
        enum err (*each)(void *arg, struct store_key key, struct bytes value);
        void *arg;
        struct store_reader *readers; /* one a segment */
};

static enum err read_row(void *arg, struct store_key key, const struct store_row *row)
{
        struct walk *w = arg;
        struct store_reader *r = &w->readers[store_place_segment(row->place) - w->db->segments[0].number];
        struct bytes value = {NULL, row->len};

        if (key.kind == STORE_FORMAT)
                return ERR_OK;
        TRY(store_reader_bytes(r, store_place_offset(row->place) + STORE_OP_HEAD, row->len, &value.data));
        return w->each(w->arg, key, value);
}

static enum err open_readers(struct store_db *db, struct store_reader *readers)
{
        char name[STORE_SEGMENT_NAME];

        for (size_t n = 0; n < db->segment_count; n++) {
                int fd;

                store_segment_name(name, db->segments[n].number);
                fd = openat(db->folder.fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        return ERR_IO;
                readers[n].fd = fd;
                TRY(store_reader_init(&readers[n], fd, db->segments[n].number, STORE_STEP_HERE_AND_THERE));
        }
        return ERR_OK;
}

enum err store_db_read(struct store_db *db,
                       enum err (*each)(void *arg, struct store_key key, struct bytes value), void *arg)
{
        struct walk w = {db, each, arg, calloc(db->segment_count + 1, sizeof(struct store_reader))};
        enum err e;

        if (w.readers == NULL)
                return ERR_NOMEM;
        for (size_t n = 0; n < db->segment_count; n++)
                w.readers[n].fd = -1;
        e = open_readers(db, w.readers);
        if (e == ERR_OK)
                e = store_index_each(db->index, read_row, &w);
        for (size_t n = 0; n < db->segment_count; n++) {
                store_reader_done(&w.readers[n]);
                if (w.readers[n].fd >= 0)
                        close(w.readers[n].fd);
        }
        free(w.readers);
        return e;
}

/* ---- writing ---- */

enum err store_db_commit(struct store_db *db, const struct store_batch_bytes *each, size_t count)
{
        uint64_t end;

        TRY(store_append(db, each, count));
        end = store_place(last(db)->number, last(db)->size);
        for (size_t n = 0; n < count; n++)
                end += STORE_FRAME_HEAD + each[n].len;
        store_sync_written(db, end);
        if (db->strict)
                TRY(store_sync(db));
        return store_append_done(db, each, count);
}

enum err store_db_clean(struct store_db *db, size_t committed_bytes)
{
        return store_clean(db, committed_bytes * CLEAN_FACTOR + CLEAN_BYTES_MIN);
}

enum err store_db_sync(struct store_db *db)
{
        return store_sync(db);
}

bool store_db_sync_needed(const struct store_db *db)
{
        return atomic_load_explicit(&db->sync.written, memory_order_relaxed) !=
               atomic_load_explicit(&db->sync.synced, memory_order_relaxed);
}

bool store_db_sync_urgent(const struct store_db *db)
{
        return store_clean_waits(db) && store_db_sync_needed(db);
}

uint64_t store_db_file_bytes(const struct store_db *db)
{
        return db->bytes;
}

/* ---- open ---- */

static enum err write_format(struct store_db *db)
{
        uint8_t frame[STORE_FRAME_HEAD + STORE_OP_HEAD + 4];
        const struct store_batch_bytes b = {frame, STORE_OP_HEAD + 4, 1};

        (void)wr_u32(store_operation_write(frame + STORE_FRAME_HEAD, STORE_PUT, format_key, 4),
                     FORMAT_VERSION);
        return store_db_commit(db, &b, 1);
}

static enum err read_format(struct store_db *db, uint32_t *ret)
{
        const struct store_row *row = store_index_find(db->index, format_key);
        char name[STORE_SEGMENT_NAME];
        uint8_t value[4];
        struct rd r = rd_of(value, sizeof value);
        CLEANUP(fd) int fd = -1;

        *ret = 0;
        if (row == NULL || row->len != sizeof value)
                return ERR_OK;
        store_segment_name(name, store_place_segment(row->place));
        fd = openat(db->folder.fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0 || pread(fd, value, sizeof value,
                            (off_t)(store_place_offset(row->place) + STORE_OP_HEAD)) != (ssize_t)sizeof value)
                return ERR_IO;
        *ret = rd_u32(&r);
        return ERR_OK;
}

static enum err check_format(struct store_db *db, char why[256])
{
        uint32_t version;
        enum err e = store_index_count(db->index) == 0 ? write_format(db) : ERR_OK;

        if (e == ERR_OK)
                e = read_format(db, &version);
        if (e != ERR_OK) {
                snprintf(why, 256, "store %.160s: cannot be written: %s", db->folder.path, strerror(errno));
                return e;
        }
        if (version == FORMAT_VERSION)
                return ERR_OK;
        snprintf(why, 256, "store %.160s: its rows have format %u, this program's is %d", db->folder.path,
                 version, FORMAT_VERSION);
        return ERR_SYNTAX;
}

/* Goes on at the end of the last segment, which what an unfinished write has left is cut from. */
static enum err open_last(struct store_db *db)
{
        char name[STORE_SEGMENT_NAME];
        int fd;

        if (db->segment_count == 0)
                return ERR_OK;
        store_segment_name(name, last(db)->number);
        fd = openat(db->folder.fd, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return ERR_IO;
        if (ftruncate(fd, (off_t)last(db)->size) != 0 || store_sync_begin(db, fd) != ERR_OK) {
                close(fd);
                return ERR_IO;
        }
        db->fd = fd;
        store_sync_written(db, store_place(last(db)->number, last(db)->size));
        return ERR_OK;
}

static enum err load(struct store_db *db, struct store_opened *ret, char why[256])
{
        enum err e;

        TRY(store_index_new(store_row_dropped, db, &db->index));
        TRY(store_replay(db, &ret->cut_bytes, why));
        e = open_last(db);
        if (e == ERR_OK && db->fd >= 0)
                e = store_sync(db);
        if (e != ERR_OK) {
                snprintf(why, 256, "store %.160s: cannot be written: %s", db->folder.path, strerror(errno));
                return e;
        }
        TRY(check_format(db, why));
        ret->rows = store_index_count(db->index) - 1; /* the format's */
        return ERR_OK;
}

enum err store_db_open(const struct store_settings *s, struct store_db **ret, struct store_opened *ret_opened,
                       char why[256])
{
        struct store_db *db = calloc(1, sizeof *db);
        struct store_opened opened = {0, 0};
        enum err e;

        if (db == NULL)
                return ERR_NOMEM;
        e = store_folder_open(s->folder, &db->folder, why);
        if (e != ERR_OK) {
                free(db);
                return e;
        }
        db->strict = s->strict;
        db->fd = -1;
        store_sync_init(db);
        e = load(db, &opened, why);
        if (e != ERR_OK) {
                (void)store_db_close(db);
                return e;
        }
        *ret = db;
        *ret_opened = opened;
        return ERR_OK;
}

struct store_db *store_db_close(struct store_db *db)
{
        if (db == NULL)
                return NULL;
        if (db->fd >= 0) {
                (void)!store_sync(db); /* what is on the disk is read as it is, with or without this */
                close(db->fd);
        }
        store_clean_done(db);
        store_sync_done(db);
        db->index = store_index_free(db->index);
        free(db->segments);
        store_folder_close(&db->folder);
        free(db);
        return NULL;
}
