/* SPDX-License-Identifier: Apache-2.0 */
/* node: this process's row in broker_node, by which the API knows who serves an instance and how far each is.
 */
#ifndef SIGNET_BROKER_NODE_H
#define SIGNET_BROKER_NODE_H

#include "common/db.h"
#include "common/err.h"

#include <jansson.h>
#include <stdint.h>

struct node {
        struct db *db;
        const char *instance, *id;
        int64_t started_at; /* seconds since 1970 */
};

/* What it serves, and that it is alive now. `rejected`: as rejected_json() makes it. */
MUST_CHECK enum err node_write(const struct node *node, int64_t revision, const json_t *rejected);
/* Takes at most two seconds; the connection is of no use afterwards. */
MUST_CHECK enum err node_remove(const struct node *node);

#endif
