/* SPDX-License-Identifier: Apache-2.0 */
/* catalog: the operations and their parameters, from the OpenAPI documents that are compiled in. Read once;
 * everything it hands out is borrowed from it. */
#ifndef SIGNET_CTL_CATALOG_H
#define SIGNET_CTL_CATALOG_H

#include "common/cleanup.h"
#include "common/embed.h"
#include "common/err.h"
#include "ctl/product.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct catalog_parameter {
        const char *name, *text; /* text: for people, may be "" */
        bool required;
        bool secret;     /* never as it stands on a command line, only from a file */
        bool list;       /* Name.1, Name.2, … or Name.1.Member, … */
        json_t *members; /* of a list's items when these are objects; NULL otherwise */
        json_t *schema;
};

struct catalog_operation {
        enum product product;
        const char *name, *summary, *text;
        const char *action, *level; /* of the grant it needs: "mq:SetSniConfig", "write" */
        const char *instance;       /* how the vendor calls the parameter that names the instance */
        struct catalog_parameter *parameters;
        size_t parameter_count;
};

struct catalog {
        json_t *documents[PRODUCTS];
        struct catalog_operation *operations[PRODUCTS]; /* in the order of the document */
        size_t counts[PRODUCTS];
};

/* ERR_INTERNAL when a document is missing or not as expected; `why` (256 bytes) says what. */
MUST_CHECK enum err catalog_open(const struct embedded *files, struct catalog **ret, char why[256]);
struct catalog *catalog_close(struct catalog *c); /* NULL is fine; returns NULL */
CLEANUP_DEFINE(catalogp, struct catalog *, catalog_close)

/* NULL when there is none. */
const struct catalog_operation *catalog_find(const struct catalog *c, enum product product, const char *name);
const struct catalog_parameter *catalog_parameter_find(const struct catalog_operation *op, const char *name,
                                                       size_t name_len);
/* Anything but a read. */
bool catalog_changes(const struct catalog_operation *op);
/* What a value may be: the schema of the parameter, of a list's items, or of their member. NULL when a list's
 * items have no such member; `member` is NULL for no member. */
json_t *catalog_value_schema(const struct catalog_parameter *p, const char *member);

#endif
