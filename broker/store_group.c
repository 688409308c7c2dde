/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_group.h"

#include "broker/store_frame.h"

/* ---- which ---- */

static void begin(struct store_batch *held)
{
        for (struct store_batch *b = held; b != NULL; b = b->next) {
                b->held = false;
                for (size_t n = 0; n < b->txn_count; n++)
                        b->txns[n]->held = atomic_load(&b->txns[n]->left) > 0;
        }
}

static bool must_wait(const struct store_batch *b)
{
        bool wait = b->link->held;

        for (size_t n = 0; n < b->txn_count && !wait; n++)
                wait = b->txns[n]->held;
        return wait;
}

static void hold(struct store_batch *b)
{
        b->held = true;
        for (size_t n = 0; n < b->txn_count; n++)
                b->txns[n]->held = true;
}

/* True: one more was found that must wait, which may make others wait. */
static bool look(struct store_batch *held)
{
        bool found = false;

        for (struct store_batch *b = held; b != NULL; b = b->next)
                b->link->held = false;
        for (struct store_batch *b = held; b != NULL; b = b->next) {
                if (!b->held && must_wait(b)) {
                        hold(b);
                        found = true;
                }
                if (b->held)
                        b->link->held = true;
        }
        return found;
}

void store_group_release(struct store_batch **held, struct store_batch ***held_end,
                         struct store_batch ***ready_end)
{
        struct store_batch **at = held, *newest = NULL;

        begin(*held);
        while (look(*held))
                continue;
        while (*at != NULL) {
                struct store_batch *b = *at;

                if (b->held) {
                        at = &b->next;
                        continue;
                }
                *at = b->next;
                b->next = NULL;
                b->ends_run = false;
                **ready_end = newest = b;
                *ready_end = &b->next;
        }
        *held_end = at;
        if (newest != NULL)
                newest->ends_run = true;
}

/* ---- how many ---- */

void store_group_init(struct store_group *g)
{
        *g = (struct store_group){.merged = BUF_UP_TO(SIZE_MAX / 4)};
}

void store_group_done(struct store_group *g)
{
        buf_done(&g->merged);
}

static bool fits(const struct store_group *g, size_t len)
{
        return g->count < STORE_COMMIT_FRAMES_MAX &&
               (g->count == 0 || g->bytes + STORE_FRAME_HEAD + len <= STORE_GROUP_BYTES_MAX);
}

static void add(struct store_group *g, uint8_t *frame, size_t len, uint32_t count)
{
        g->each[g->count++] = (struct store_batch_bytes){frame, len, count};
        g->bytes += STORE_FRAME_HEAD + len;
        g->rows += count;
}

struct run {
        size_t bytes;
        bool together; /* some of it are committed together */
};

/* Of what is left of it. */
static struct run run_at(const struct store_batch *b)
{
        struct run run = {0, false};

        for (; b != NULL; b = b->ends_run ? NULL : b->next) {
                run.bytes += b->len;
                run.together = run.together || b->txn_count > 0;
        }
        return run;
}

/* Each a frame. Returns the first one that did not fit any more, or that is of the next run. */
static const struct store_batch *add_each(struct store_group *g, const struct store_batch *b)
{
        for (bool ends = false; b != NULL && !ends && fits(g, b->len); b = b->next) {
                ends = b->ends_run;
                add(g, b->frame, b->len, b->count);
                g->batches++;
        }
        return b;
}

/* All of the run as one frame. */
static enum err add_merged(struct store_group *g, const struct store_batch *b)
{
        static const uint8_t head[STORE_FRAME_HEAD];
        uint32_t count = 0;

        TRY(buf_add(&g->merged, head, sizeof head));
        for (; b != NULL; b = b->ends_run ? NULL : b->next) {
                TRY(buf_add(&g->merged, b->frame + STORE_FRAME_HEAD, b->len));
                count += b->count;
                g->batches++;
        }
        add(g, g->merged.data, g->merged.len - sizeof head, count);
        return ERR_OK;
}

enum err store_group_collect(struct store_group *g, const struct store_batch *ready)
{
        g->count = g->bytes = g->batches = g->rows = 0;
        if (g->merged.cap > STORE_GROUP_BYTES_MAX) /* after a disk was full */
                buf_done(&g->merged);
        g->merged.len = 0;
        while (ready != NULL && fits(g, ready->len)) {
                struct run run = run_at(ready);

                if (run.together)
                        return fits(g, run.bytes) ? add_merged(g, ready) : ERR_OK;
                ready = add_each(g, ready);
        }
        return ERR_OK;
}
