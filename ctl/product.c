/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/product.h"

#include "common/text.h"

static const struct {
        const char *name, *version, *document;
} products[PRODUCTS] = {
#define PRODUCT_ROW(id, name, version, document) {name, version, document},
        PRODUCT_LIST(PRODUCT_ROW)
#undef PRODUCT_ROW
};

const char *product_name(enum product p)
{
        return products[p].name;
}

const char *product_version(enum product p)
{
        return products[p].version;
}

const char *product_document(enum product p)
{
        return products[p].document;
}

enum product product_find(const char *name)
{
        enum product p = 0;

        while (p < PRODUCTS && !text_same(products[p].name, name))
                p++;
        return p;
}
