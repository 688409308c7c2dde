/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/registry_known.h"

#include <string.h>

enum { PAGE_ROWS_LEAST = 100 };

void registry_known_init(struct registry_known *k, struct device_table *table)
{
        k->table = table;
        k->rows = PAGE_ROWS_MAX;
        registry_known_again(k);
}

void registry_known_again(struct registry_known *k)
{
        k->anchor = (struct device_mark){.ordinal = 0};
        k->after = 0;
        k->complete = false;
}

/* Between two removals, or within the statement's time limit, a smaller one may come through. */
static void smaller_pages(struct registry_known *k)
{
        k->rows = k->rows / 2 > PAGE_ROWS_LEAST ? k->rows / 2 : PAGE_ROWS_LEAST;
        k->complete = false;
}

static void larger_pages(struct registry_known *k)
{
        k->rows = k->rows * 2 < PAGE_ROWS_MAX ? k->rows * 2 : PAGE_ROWS_MAX;
}

static enum err find_anchor(struct registry_known *k, struct db *db, const char *instance)
{
        struct device_mark newest;
        bool was_deleted;

        k->complete = false;
        TRY(registry_sql_was_deleted(db, instance, &k->anchor, &was_deleted));
        if (!was_deleted) {
                device_table_clear(k->table);
                registry_known_again(k);
                return ERR_OK;
        }
        TRY(registry_sql_newest(db, instance, &newest));
        if (newest.ordinal == 0)
                registry_known_again(k); /* nothing is there that could be missed */
        else if (newest.ordinal <= k->after)
                k->anchor = newest;
        else
                k->anchor = (struct device_mark){.ordinal = 0}; /* the next page has one */
        return ERR_OK;
}

static bool put(struct registry_known *k, uint64_t removals, size_t count)
{
        for (size_t i = 0; i < count; i++) {
                struct device_entry e = {.ca_id = k->page[i].ca_id};

                memcpy(e.sha256, k->page[i].sha256, sizeof(e.sha256));
                if (!device_table_put(k->table, removals, &e, 1))
                        return false;
        }
        return device_table_removals(k->table) == removals;
}

enum err registry_known_read(struct registry_known *k, struct db *db, const char *instance)
{
        uint64_t removals = device_table_removals(k->table);
        bool anchored;
        size_t count;
        enum err e =
                registry_sql_page(db, instance, &k->anchor, k->after, k->rows, k->page, &count, &anchored);

        if (e == ERR_TIMEOUT)
                smaller_pages(k);
        TRY(e);
        if (!anchored)
                return find_anchor(k, db, instance);
        if (!put(k, removals, count)) {
                smaller_pages(k);
                return ERR_OK;
        }
        for (size_t i = 0; i < count; i++)
                if (k->page[i].ordinal > k->after) {
                        k->anchor = k->page[i];
                        k->after = k->anchor.ordinal;
                }
        k->complete = count < k->rows;
        larger_pages(k);
        return ERR_OK;
}
