/* SPDX-License-Identifier: Apache-2.0 */
/* metrics: what this broker is doing, in numbers, for Prometheus (docs/metrics.md), over HTTP. Everything it
 * asks others for is a copy or a sum: no worker waits for it. All functions take NULL for metrics that are
 * off. */
#ifndef SIGNET_BROKER_METRICS_H
#define SIGNET_BROKER_METRICS_H

#include "broker/device_table.h"
#include "broker/registry.h"
#include "broker/reload.h"
#include "broker/retained.h"
#include "broker/snapshot.h"
#include "broker/store.h"
#include "broker/worker.h"
#include "common/err.h"

struct metrics;

struct metrics_source { /* everything outlives metrics_stop() */
        const char *instance, *node_id;
        const struct workers *workers;
        struct registry *registry;
        struct device_table *known;
        struct reload *reload;
        const struct store *store; /* NULL: nothing is kept */
        struct retained *retained;
};

/* Opens the listening socket; *ret is NULL when the address is "". ERR_SYNTAX, ERR_IO with `why`. */
MUST_CHECK enum err metrics_open(const char *address, struct metrics **ret, char why[256]);
int metrics_port(const struct metrics *m);
/* Starts the thread. Once. */
MUST_CHECK enum err metrics_start(struct metrics *m, const struct metrics_source *source);
/* Any thread, from metrics_open() on: the snapshot that is served now (borrowed). */
void metrics_publish(struct metrics *m, struct snapshot *s);
/* Before what it reads ends. metrics_free() does it too. */
void metrics_stop(struct metrics *m);
struct metrics *metrics_free(struct metrics *m); /* returns NULL */

#endif
