/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/lookup.h"

#include "ctl/nearest.h"

enum err lookup_catalog(struct catalog **ret, struct failure *f)
{
        char why[256];
        enum err e = catalog_open(embedded_openapi, ret, why);

        return e == ERR_INTERNAL ? failure_set(f, EXIT_USAGE, "%s", why) : e;
}

/* Of another product, when it is there. */
static enum product product_with(const struct catalog *c, const char *word)
{
        enum product p = 0;

        while (p < PRODUCTS && catalog_find(c, p, word) == NULL)
                p++;
        return p;
}

static enum err unknown(const struct catalog *c, enum product product, const char *word, struct failure *f)
{
        struct nearest near = {.wanted = word};
        char hint[NEAREST_HINT_SIZE];
        enum product other = product_with(c, word);

        if (other != PRODUCTS)
                return failure_set(f, EXIT_USAGE, "%s has no operation %.64s; did you mean %s %.64s?",
                                   product_name(product), word, product_name(other), word);
        for (size_t i = 0; i < c->counts[product]; i++)
                nearest_offer(&near, c->operations[product][i].name);
        for (other = 0; near.best == NULL && other < PRODUCTS; other++)
                for (size_t i = 0; i < c->counts[other]; i++)
                        nearest_offer(&near, c->operations[other][i].name);
        nearest_hint(&near, "", hint);
        return failure_set(f, EXIT_USAGE, "%s has no operation %.64s%s (see signetctl %s --help)",
                           product_name(product), word, hint, product_name(product));
}

enum err lookup_operation(const struct catalog *c, enum product product, const char *word,
                          const struct catalog_operation **ret, struct failure *f)
{
        if (word == NULL)
                return failure_set(f, EXIT_USAGE,
                                   "%s needs the name of an operation (see signetctl %s --help)",
                                   product_name(product), product_name(product));
        *ret = catalog_find(c, product, word);
        return *ret != NULL ? ERR_OK : unknown(c, product, word, f);
}
