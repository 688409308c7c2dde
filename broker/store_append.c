/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_append.h"

#include "broker/store_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- segments ---- */

static struct store_segment *last(struct store_db *db)
{
        return &db->segments[db->segment_count - 1];
}

enum err store_segment_add(struct store_db *db, uint64_t number, uint64_t size)
{
        if (db->segment_count == db->segment_room) {
                size_t room = db->segment_room * 2 + 16;
                struct store_segment *more = realloc(db->segments, room * sizeof *more);

                if (more == NULL)
                        return ERR_NOMEM;
                db->segments = more;
                db->segment_room = room;
        }
        db->segments[db->segment_count++] = (struct store_segment){number, size, 0};
        db->bytes += size;
        return ERR_OK;
}

static struct store_segment *segment_of(struct store_db *db, uint64_t place)
{
        return &db->segments[store_place_segment(place) - db->segments[0].number]; /* no gaps */
}

void store_row_dropped(void *arg, const struct store_row *row)
{
        struct store_db *db = arg;

        segment_of(db, row->place)->live -= STORE_OP_HEAD + row->len;
        db->live -= STORE_OP_HEAD + row->len;
}

static enum err begin_in(struct store_db *db, int fd, uint64_t number)
{
        uint8_t head[STORE_SEGMENT_HEAD];
        enum err e;

        store_segment_head(head, number);
        errno = ENOSPC; /* of a short write */
        if (pwrite(fd, head, sizeof head, 0) != (ssize_t)sizeof head)
                return ERR_IO;
        TRY(store_segment_add(db, number, sizeof head));
        e = store_sync_begin(db, fd);
        if (e != ERR_OK) {
                db->segment_count--;
                db->bytes -= sizeof head;
        }
        return e;
}

static enum err begin_segment(struct store_db *db)
{
        uint64_t number = db->segment_count == 0 ? 1 : last(db)->number + 1;
        char name[STORE_SEGMENT_NAME];
        enum err e;
        int fd;

        store_segment_name(name, number);
        /* A file of this name is what an attempt that failed has left. */
        fd = openat(db->folder.fd, name, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return ERR_IO;
        e = begin_in(db, fd, number);
        if (e == ERR_OK) {
                db->fd = fd;
        } else {
                int why = errno;

                close(fd);
                (void)unlinkat(db->folder.fd, name, 0);
                errno = why;
        }
        return e;
}

/* ---- frames ---- */

static enum err write_all(int fd, struct iovec *at, size_t count, uint64_t offset)
{
        while (count > 0) {
                ssize_t wrote = pwritev(fd, at, (int)count, (off_t)offset);

                if (wrote < 0 && errno == EINTR)
                        continue;
                if (wrote <= 0)
                        return ERR_IO;
                offset += (uint64_t)wrote;
                for (; count > 0 && (size_t)wrote >= at->iov_len; at++, count--)
                        wrote -= (ssize_t)at->iov_len;
                if (count > 0) {
                        at->iov_base = (uint8_t *)at->iov_base + wrote;
                        at->iov_len -= (size_t)wrote;
                }
        }
        return ERR_OK;
}

enum err store_append(struct store_db *db, const struct store_batch_bytes *each, size_t count)
{
        struct iovec parts[STORE_COMMIT_FRAMES_MAX];
        uint64_t offset, synced = atomic_load_explicit(&db->sync.synced, memory_order_relaxed);

        if (count > STORE_COMMIT_FRAMES_MAX)
                return ERR_LIMIT;
        if (db->fd < 0 || last(db)->size >= STORE_SEGMENT_BYTES)
                TRY(begin_segment(db));
        offset = last(db)->size;
        for (size_t n = 0; n < count; n++) {
                const struct store_frame f = {each[n].count, each[n].len, synced};

                store_frame_seal(each[n].frame, &f, store_place(last(db)->number, offset));
                parts[n] = (struct iovec){each[n].frame, STORE_FRAME_HEAD + each[n].len};
                offset += STORE_FRAME_HEAD + each[n].len;
        }
        if (write_all(db->fd, parts, count, last(db)->size) == ERR_OK)
                return ERR_OK;
        int why = errno;
        (void)!ftruncate(db->fd, (off_t)last(db)->size); /* the next attempt writes over it in any case */
        errno = why;
        return ERR_IO;
}

enum err store_append_done(struct store_db *db, const struct store_batch_bytes *each, size_t count)
{
        for (size_t n = 0; n < count; n++) {
                const struct bytes operations = {each[n].frame + STORE_FRAME_HEAD, each[n].len};
                uint64_t place = store_place(last(db)->number, last(db)->size);

                last(db)->size += STORE_FRAME_HEAD + each[n].len;
                db->bytes += STORE_FRAME_HEAD + each[n].len;
                TRY(store_apply(db, place, operations, each[n].count));
        }
        return ERR_OK;
}

/* ---- the index ---- */

static enum err put(struct store_db *db, const struct store_operation *o, uint64_t place)
{
        TRY(store_index_put(db->index, o->key, place, (uint32_t)o->value.len));
        segment_of(db, place)->live += STORE_OP_HEAD + o->value.len;
        db->live += STORE_OP_HEAD + o->value.len;
        return ERR_OK;
}

enum err store_apply(struct store_db *db, uint64_t frame_place, struct bytes operations, uint32_t count)
{
        struct rd r = rd_of(operations.data, operations.len);
        struct store_operation o;
        const uint8_t *at = r.at;
        uint32_t seen = 0;

        for (; store_operation_read(&r, &o); seen++, at = r.at) {
                uint64_t place = frame_place + STORE_FRAME_HEAD + (uint64_t)(at - operations.data);

                if (o.what == STORE_PUT)
                        TRY(put(db, &o, place));
                else if (o.what == STORE_DELETE)
                        store_index_remove(db->index, o.key);
                else if (o.what == STORE_DELETE_RANGE)
                        store_index_remove_range(db->index, o.key.kind, o.key.a);
                else if (o.key.a > db->gone)
                        db->gone = o.key.a;
        }
        return r.bad || seen != count ? ERR_SYNTAX : ERR_OK;
}
