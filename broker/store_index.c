/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_index.h"

#include "broker/chain_table.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS_MIN = 4 };

struct shelf { /* all rows with one kind and a; never empty */
        struct chain link;
        uint64_t a;
        uint32_t first, count, room; /* rows[first … first + count) of `room` */
        uint8_t kind;
        struct store_row one, *rows; /* rows == &one while one has room */
};

struct store_index {
        struct chain_table shelves;
        uint64_t count;
        void (*dropped)(void *arg, const struct store_row *row);
        void *arg;
};

/* ---- shelves ---- */

static uint64_t hash_of(uint8_t kind, uint64_t a)
{
        uint64_t x = a + kind * UINT64_C(0x9e3779b97f4a7c15); /* the finaliser of SplitMix64 */

        x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
        return x ^ x >> 31;
}

static struct shelf *shelf_find(const struct store_index *x, uint8_t kind, uint64_t a)
{
        struct chain *link = chain_table_first(&x->shelves, hash_of(kind, a));

        while (link != NULL && (((struct shelf *)link)->a != a || ((struct shelf *)link)->kind != kind))
                link = chain_table_next(link);
        return (struct shelf *)link; /* its first member */
}

static void shelf_free(struct chain *link)
{
        struct shelf *s = (struct shelf *)link;

        if (s->rows != &s->one)
                free(s->rows);
        free(s);
}

static struct shelf *shelf_make(struct store_index *x, uint8_t kind, uint64_t a)
{
        struct shelf *s = malloc(sizeof *s);

        if (s == NULL)
                return NULL;
        *s = (struct shelf){.a = a, .kind = kind, .room = 1, .rows = &s->one};
        chain_table_put(&x->shelves, &s->link, hash_of(kind, a));
        return s;
}

static void shelf_remove(struct store_index *x, struct shelf *s)
{
        chain_table_remove(&x->shelves, &s->link);
        shelf_free(&s->link);
}

/* The first row whose b is not below; s->first + s->count when there is none. The newest is looked at first:
 * most are put behind all others. */
static uint32_t place_of(const struct shelf *s, uint64_t b)
{
        uint32_t low = s->first, high = s->first + s->count;

        if (s->count > 0 && s->rows[high - 1].b < b)
                return high;
        while (low < high) {
                uint32_t middle = low + (high - low) / 2;

                if (s->rows[middle].b < b)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

static enum err shelf_resize(struct shelf *s, uint32_t room)
{
        struct store_row *rows = malloc(room * sizeof *rows);

        if (rows == NULL)
                return ERR_NOMEM;
        memcpy(rows, s->rows + s->first, s->count * sizeof *rows);
        if (s->rows != &s->one)
                free(s->rows);
        s->rows = rows;
        s->room = room;
        s->first = 0;
        return ERR_OK;
}

/* Room behind the last row: what was taken from the front is used again when it is half of all, so that
 * moving costs a constant per row. */
static enum err make_room(struct shelf *s)
{
        if (s->first + s->count < s->room)
                return ERR_OK;
        if (s->first > s->room / 2) {
                memmove(s->rows, s->rows + s->first, s->count * sizeof *s->rows);
                s->first = 0;
                return ERR_OK;
        }
        if (s->count > UINT32_MAX / 4)
                return ERR_LIMIT;
        return shelf_resize(s, s->room < ROWS_MIN ? ROWS_MIN : s->room + s->room / 2);
}

static void take_out(struct shelf *s, uint32_t at)
{
        uint32_t before = at - s->first, behind = s->first + s->count - at - 1;
        struct store_row *row = &s->rows[at];

        if (before < behind) {
                memmove(&s->rows[s->first + 1], &s->rows[s->first], before * sizeof *row);
                s->first++;
        } else {
                memmove(row, row + 1, behind * sizeof *row);
        }
        s->count--;
        if (s->room > 64 && s->count < s->room / 8)
                (void)shelf_resize(s, s->room / 4); /* stays as it is when there is no memory */
}

/* ---- life ---- */

enum err store_index_new(void (*dropped)(void *arg, const struct store_row *row), void *arg,
                         struct store_index **ret)
{
        struct store_index *x = calloc(1, sizeof *x);

        if (x == NULL || chain_table_init(&x->shelves) != ERR_OK) {
                free(x);
                return ERR_NOMEM;
        }
        x->dropped = dropped;
        x->arg = arg;
        *ret = x;
        return ERR_OK;
}

struct store_index *store_index_free(struct store_index *x)
{
        if (x != NULL)
                chain_table_done(&x->shelves, shelf_free);
        free(x);
        return NULL;
}

/* ---- rows ---- */

enum err store_index_put(struct store_index *x, struct store_key key, uint64_t place, uint32_t len)
{
        const struct store_row row = {key.b, place, len};
        struct shelf *s = shelf_find(x, key.kind, key.a);
        uint32_t at;

        if (s == NULL)
                s = shelf_make(x, key.kind, key.a);
        if (s == NULL)
                return ERR_NOMEM;
        at = place_of(s, key.b);
        if (at < s->first + s->count && s->rows[at].b == key.b) {
                x->dropped(x->arg, &s->rows[at]);
                s->rows[at] = row;
                return ERR_OK;
        }
        if (make_room(s) != ERR_OK) {
                if (s->count == 0)
                        shelf_remove(x, s);
                return ERR_NOMEM;
        }
        at = place_of(s, key.b); /* it may have moved */
        memmove(&s->rows[at + 1], &s->rows[at], (s->first + s->count - at) * sizeof row);
        s->rows[at] = row;
        s->count++;
        x->count++;
        return ERR_OK;
}

static struct store_row *find(const struct shelf *s, uint64_t b)
{
        uint32_t at = s == NULL ? 0 : place_of(s, b);

        return s == NULL || at == s->first + s->count || s->rows[at].b != b ? NULL : &s->rows[at];
}

const struct store_row *store_index_find(const struct store_index *x, struct store_key key)
{
        return find(shelf_find(x, key.kind, key.a), key.b);
}

void store_index_remove(struct store_index *x, struct store_key key)
{
        struct shelf *s = shelf_find(x, key.kind, key.a);
        const struct store_row *row = find(s, key.b);

        if (row == NULL)
                return;
        x->dropped(x->arg, row);
        x->count--;
        take_out(s, (uint32_t)(row - s->rows));
        if (s->count == 0)
                shelf_remove(x, s);
}

void store_index_remove_range(struct store_index *x, uint8_t kind, uint64_t a)
{
        struct shelf *s = shelf_find(x, kind, a);

        if (s == NULL)
                return;
        for (uint32_t n = 0; n < s->count; n++)
                x->dropped(x->arg, &s->rows[s->first + n]);
        x->count -= s->count;
        shelf_remove(x, s);
}

uint64_t store_index_count(const struct store_index *x)
{
        return x->count;
}

/* ---- all, in order ---- */

static int by_key(const void *a, const void *b)
{
        const struct shelf *const *x = a, *const *y = b;

        if ((*x)->kind != (*y)->kind)
                return (*x)->kind < (*y)->kind ? -1 : 1;
        return (*x)->a < (*y)->a ? -1 : (*x)->a > (*y)->a;
}

static struct shelf **sorted(const struct chain_table *t)
{
        struct shelf **all = malloc((t->count + 1) * sizeof(struct shelf *));
        size_t count = 0;

        if (all == NULL)
                return NULL;
        for (size_t n = 0; n < t->bucket_count; n++)
                for (struct chain *link = t->buckets[n]; link != NULL; link = link->next)
                        all[count++] = (struct shelf *)link;
        qsort(all, count, sizeof *all, by_key);
        return all;
}

enum err store_index_each(const struct store_index *x,
                          enum err (*each)(void *arg, struct store_key key, const struct store_row *row),
                          void *arg)
{
        struct shelf **all = sorted(&x->shelves);
        enum err e = all == NULL ? ERR_NOMEM : ERR_OK;

        for (size_t n = 0; e == ERR_OK && n < x->shelves.count; n++) {
                const struct shelf *s = all[n];

                for (uint32_t m = s->first; e == ERR_OK && m < s->first + s->count; m++)
                        e = each(arg, (struct store_key){s->kind, s->a, s->rows[m].b}, &s->rows[m]);
        }
        free(all);
        return e;
}
