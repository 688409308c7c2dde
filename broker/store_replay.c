/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_replay.h"

#include "broker/store_append.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct replay {
        struct store_db *db;
        uint64_t *numbers;
        size_t count;
        uint64_t synced; /* the highest that is said */
        bool broken;     /* at `end` */
        size_t end_segment;
        uint64_t end; /* offset in it */
        char *why;
};

static enum err damaged(const struct replay *p, uint64_t number, uint64_t offset)
{
        char name[STORE_SEGMENT_NAME];

        store_segment_name(name, number);
        snprintf(p->why, 256,
                 "store %.100s is damaged: %s at byte %" PRIu64
                 ". Put a copy of the folder in its place, or move it away to start without it",
                 p->db->folder.path, name, offset);
        return ERR_SYNTAX;
}

static enum err unreadable(const struct replay *p, uint64_t number)
{
        char name[STORE_SEGMENT_NAME];

        store_segment_name(name, number);
        snprintf(p->why, 256, "store %.160s: %s cannot be read: %s", p->db->folder.path, name,
                 strerror(errno));
        return ERR_IO;
}

static enum err open_segment(const struct replay *p, uint64_t number, struct store_reader *ret)
{
        char name[STORE_SEGMENT_NAME];
        int fd;

        store_segment_name(name, number);
        fd = openat(p->db->folder.fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
                return unreadable(p, number);
        if (store_reader_init(ret, fd, number, STORE_STEP_IN_ORDER) == ERR_OK)
                return ERR_OK;
        close(fd);
        return unreadable(p, number);
}

static void close_segment(struct store_reader *r)
{
        store_reader_done(r);
        close(r->fd);
}

/* ---- frames that hold ---- */

static enum err replay_head(struct store_reader *r)
{
        const uint8_t *head;

        if (r->size < STORE_SEGMENT_HEAD)
                return ERR_SYNTAX;
        TRY(store_reader_bytes(r, 0, STORE_SEGMENT_HEAD, &head));
        return store_segment_head_holds(head, r->number) ? ERR_OK : ERR_SYNTAX;
}

/* One that holds but makes no sense was not written by this program. */
static enum err replay_frame(struct replay *p, uint64_t place, struct bytes operations, uint32_t count)
{
        enum err e = store_apply(p->db, place, operations, count);

        if (e != ERR_SYNTAX)
                return e;
        (void)damaged(p, store_place_segment(place), store_place_offset(place));
        return ERR_UNSUPPORTED;
}

static enum err replay_frames(struct replay *p, struct store_reader *r, uint64_t *at)
{
        TRY(replay_head(r));
        *at = STORE_SEGMENT_HEAD;
        while (*at < r->size) {
                const uint8_t *operations;
                struct store_frame f;

                TRY(store_reader_frame(r, *at, &f, &operations));
                TRY(replay_frame(p, store_place(r->number, *at), (struct bytes){operations, f.len}, f.count));
                if (f.synced > p->synced)
                        p->synced = f.synced;
                *at += STORE_FRAME_HEAD + f.len;
        }
        return ERR_OK;
}

/* Up to the first frame that does not hold. */
static enum err replay_segment(struct replay *p, size_t n)
{
        struct store_reader r;
        uint64_t at = 0;
        enum err e;

        TRY(open_segment(p, p->numbers[n], &r));
        e = store_segment_add(p->db, p->numbers[n], r.size);
        if (e == ERR_OK)
                e = replay_frames(p, &r, &at);
        if (e == ERR_IO)
                e = unreadable(p, p->numbers[n]);
        if (e == ERR_SYNTAX) {
                p->broken = true;
                p->end_segment = n;
                p->end = at;
                e = ERR_OK;
        }
        close_segment(&r);
        return e;
}

/* ---- and behind them ---- */

/* Does a frame that holds stand behind the one that does not, and does it say that what is before it was on
 * the disk? */
static enum err look_behind(struct replay *p, size_t n, uint64_t from)
{
        struct store_reader r;
        struct store_frame f;
        enum err e;

        TRY(open_segment(p, p->numbers[n], &r));
        while ((e = store_reader_search(&r, &from, &f)) == ERR_OK) {
                if (f.synced > p->synced)
                        p->synced = f.synced;
                from += STORE_FRAME_HEAD + f.len;
        }
        close_segment(&r);
        return e == ERR_NOT_FOUND ? ERR_OK : e == ERR_IO ? unreadable(p, p->numbers[n]) : e;
}

static enum err check_end(struct replay *p)
{
        uint64_t number = p->numbers[p->end_segment];

        TRY(look_behind(p, p->end_segment, p->end + 1));
        for (size_t n = p->end_segment + 1; n < p->count; n++)
                TRY(look_behind(p, n, 0));
        if (p->synced > store_place(number, p->end))
                return damaged(p, number, p->end);
        return ERR_OK;
}

static enum err cut(struct replay *p, uint64_t *ret_bytes)
{
        struct store_db *db = p->db;
        struct store_segment *s = &db->segments[p->end_segment];
        char name[STORE_SEGMENT_NAME];

        for (size_t n = p->count; n-- > p->end_segment;) {
                struct store_reader r;

                TRY(open_segment(p, p->numbers[n], &r));
                *ret_bytes += r.size - (n == p->end_segment ? p->end : 0);
                close_segment(&r);
                store_segment_name(name, p->numbers[n]);
                /* A segment that has no head yet goes too. */
                if ((n > p->end_segment || p->end == 0) && unlinkat(db->folder.fd, name, 0) != 0)
                        return unreadable(p, p->numbers[n]);
        }
        db->bytes -= s->size - p->end;
        s->size = p->end;
        if (p->end == 0)
                db->segment_count--;
        return ERR_OK;
}

/* ---- all ---- */

static enum err check_all_there(struct replay *p)
{
        uint64_t first = p->count == 0 ? 1 : p->numbers[0];

        for (size_t n = 1; n < p->count; n++)
                if (p->numbers[n] != p->numbers[n - 1] + 1)
                        return damaged(p, p->numbers[n - 1] + 1, 0);
        /* Numbers of files that other people have put there, or too large ones, need not be looked at. */
        return first < 1 || store_place_segment(store_place(first, 0)) != first ? damaged(p, first, 0)
                                                                                : ERR_OK;
}

static enum err check_ends(struct replay *p)
{
        const struct store_db *db = p->db;
        const struct store_segment *s = db->segment_count == 0 ? NULL : &db->segments[db->segment_count - 1];

        if (p->synced > (s == NULL ? 0 : store_place(s->number, s->size)))
                return damaged(p, store_place_segment(p->synced), s == NULL ? 0 : s->size);
        return ERR_OK;
}

static enum err replay_all(struct replay *p, uint64_t *ret_cut_bytes)
{
        TRY(check_all_there(p));
        for (size_t n = 0; n < p->count && !p->broken; n++)
                TRY(replay_segment(p, n));
        if (p->count > 0 && p->numbers[0] > (p->db->gone > 1 ? p->db->gone : 1))
                return damaged(p, p->numbers[0] - 1, 0);
        if (!p->broken)
                return check_ends(p);
        TRY(check_end(p));
        return cut(p, ret_cut_bytes);
}

enum err store_replay(struct store_db *db, uint64_t *ret_cut_bytes, char why[256])
{
        struct replay p = {.db = db, .synced = db->folder.synced, .why = why};
        enum err e;

        *ret_cut_bytes = 0;
        if (store_folder_list(&db->folder, &p.numbers, &p.count) != ERR_OK) {
                snprintf(why, 256, "store %.160s: its folder cannot be read", db->folder.path);
                return ERR_IO;
        }
        e = replay_all(&p, ret_cut_bytes);
        free(p.numbers);
        return e == ERR_UNSUPPORTED ? ERR_SYNTAX : e;
}
