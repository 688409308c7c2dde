/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/store_index.h"

#include <criterion/criterion.h>
#include <string.h>

/* Beside it a plain table of all keys there can be. */
enum { KINDS = 2, ROOMS = 8, SLOTS = 200 };
static struct model {
        uint64_t place;
        uint32_t len;
} model[KINDS][ROOMS][SLOTS]; /* place 0: not there */
static uint64_t model_count, model_bytes, index_bytes;

static void dropped(void *arg, const struct store_row *row)
{
        (void)arg;
        index_bytes -= row->len;
}

static uint64_t seed = 7;

static uint64_t next_random(void)
{
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return seed;
}

static void model_drop(struct model *m)
{
        model_count -= m->place != 0;
        model_bytes -= m->place != 0 ? m->len : 0;
        m->place = 0;
}

static void put(struct store_index *x, struct store_key key, uint64_t place)
{
        struct model *m = &model[key.kind][key.a][key.b];
        uint32_t len = (uint32_t)(place % 1000);

        index_bytes += len;
        cr_assert_eq(store_index_put(x, key, place, len), ERR_OK);
        model_drop(m);
        *m = (struct model){place, len};
        model_count++;
        model_bytes += len;
}

/* Queues grow at their end and shrink at their front most of the time, and anywhere at times. */
static void change(struct store_index *x, uint64_t place)
{
        uint64_t r = next_random();
        struct store_key key = {(uint8_t)(r % KINDS), r / 8 % ROOMS, r / 1024 % SLOTS};

        if (r >> 40 & 1) {
                put(x, key, place);
                return;
        }
        if ((r >> 41) % 500 == 0) {
                store_index_remove_range(x, key.kind, key.a);
                for (int b = 0; b < SLOTS; b++)
                        model_drop(&model[key.kind][key.a][b]);
                return;
        }
        store_index_remove(x, key);
        model_drop(&model[key.kind][key.a][key.b]);
}

struct walk {
        struct store_key last;
        uint64_t count;
};

static enum err compare(void *arg, struct store_key key, const struct store_row *row)
{
        struct walk *w = arg;
        const struct model *m = &model[key.kind][key.a][key.b];

        cr_assert_eq(row->b, key.b);
        cr_assert_eq(row->place, m->place);
        cr_assert_eq(row->len, m->len);
        cr_assert(w->count == 0 || key.kind > w->last.kind ||
                  (key.kind == w->last.kind &&
                   (key.a > w->last.a || (key.a == w->last.a && key.b > w->last.b))));
        w->last = key;
        w->count++;
        return ERR_OK;
}

static void must_be_the_same(struct store_index *x)
{
        struct walk w = {.count = 0};

        cr_assert_eq(store_index_each(x, compare, &w), ERR_OK);
        cr_assert_eq(w.count, model_count);
        cr_assert_eq(store_index_count(x), model_count);
        cr_assert_eq(index_bytes, model_bytes);
}

Test(store_index, finds_nothing_in_an_empty_one)
{
        struct store_index *x;

        cr_assert_eq(store_index_new(dropped, NULL, &x), ERR_OK);
        cr_assert_null(store_index_find(x, (struct store_key){1, 2, 3}));
        store_index_remove(x, (struct store_key){1, 2, 3});
        store_index_remove_range(x, 1, 2);
        must_be_the_same(x);
        (void)store_index_free(x);
}

Test(store_index, knows_what_a_plain_table_knows)
{
        struct store_index *x;

        cr_assert_eq(store_index_new(dropped, NULL, &x), ERR_OK);
        for (uint64_t n = 1; n <= 200000; n++) {
                change(x, n);
                if (n % 5000 == 0)
                        must_be_the_same(x);
        }
        cr_assert_gt(model_count, 100);
        for (int kind = 0; kind < KINDS; kind++)
                for (int a = 0; a < ROOMS; a++)
                        for (int b = 0; b < SLOTS; b++) {
                                const struct store_row *row = store_index_find(
                                        x, (struct store_key){(uint8_t)kind, (uint64_t)a, (uint64_t)b});

                                cr_assert_eq(row == NULL, model[kind][a][b].place == 0);
                        }
        (void)store_index_free(x);
}

Test(store_index, a_queue_that_moves_on_for_ever_stays_small)
{
        struct store_index *x;

        cr_assert_eq(store_index_new(dropped, NULL, &x), ERR_OK);
        for (uint64_t n = 1; n <= 1000000; n++) {
                cr_assert_eq(store_index_put(x, (struct store_key){4, 1, n}, n, 0), ERR_OK);
                if (n > 10)
                        store_index_remove(x, (struct store_key){4, 1, n - 10});
        }
        cr_assert_eq(store_index_count(x), 10);
        cr_assert_eq(store_index_find(x, (struct store_key){4, 1, 999995})->place, 999995);
        cr_assert_null(store_index_find(x, (struct store_key){4, 1, 999990}));
        (void)store_index_free(x);
}
