/* SPDX-License-Identifier: Apache-2.0 */
/* store_stage: a store in a folder of its own, a worker's port with its loop, and the rows that are there
 * when it is opened again. */
#ifndef SIGNET_TESTS_STORE_STAGE_H
#define SIGNET_TESTS_STORE_STAGE_H

#include "broker/context.h"
#include "broker/store.h"
#include "broker/store_port.h"

struct store_stage {
        char folder[64];
        bool strict;
        struct store *store;
        struct context *ctx; /* with loop, mailbox and port */
        char why[256];
};

void store_stage_begin(struct store_stage *s); /* an empty folder */
enum err store_stage_open(struct store_stage *s);
void store_stage_start(struct store_stage *s); /* … and the thread and the port; must succeed */
void store_stage_close(struct store_stage *s);
void store_stage_end(struct store_stage *s);

struct context *store_stage_context(struct store *store);
void store_stage_context_end(struct context *ctx);
void store_stage_until(struct store_port *p, uint64_t ticket); /* runs the loop until it is committed */

uint64_t store_stage_put(struct store_port *p, uint8_t kind, uint64_t a, uint64_t b, const char *text);

/* All rows as "kind/a/b=value" with spaces between; static. Values over 32 bytes as their length. */
const char *store_stage_rows(struct store_stage *s);
/* Path of a file in the folder; static. */
const char *store_stage_path(const struct store_stage *s, const char *name);

#endif
