/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_text: numbers to the Prometheus text format, version 0.0.4 (docs/metrics.md lists them all). Pure.
 */
#ifndef SIGNET_BROKER_METRICS_TEXT_H
#define SIGNET_BROKER_METRICS_TEXT_H

#include "broker/registry.h"
#include "broker/served.h"
#include "broker/store.h"
#include "broker/worker.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/serial.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPIRIES_MAX = 100 };

/* The certificates of a kind that end soonest, in that order. */
struct expiries {
        struct expiry {
                char name[SERIAL_SIZE];
                int64_t not_after; /* seconds since 1970 */
        } soonest[EXPIRIES_MAX];
        size_t count;
        uint64_t expired; /* of all */
};
/* One name counts once, with its first end. not_after 0: not known, left out. */
void expiries_add(struct expiries *e, const char *name, int64_t not_after, int64_t now);

struct process_reading { /* -1: not known */
        int64_t open_fds, max_fds, resident_bytes, cpu_us, started_at;
};

struct metrics_reading {
        const char *version, *instance, *node_id;
        int64_t now_ms; /* clock_ms(), as `served` counts */
        uint64_t counters[COUNTERS], refused[REFUSALS], handshakes_full, known_devices;
        struct registry_counts registry;
        size_t retained;
        uint64_t retained_bytes;
        bool keeps, store_failing; /* keeps: there is a store */
        struct store_counts store;
        struct served served;
        bool database_ok;
        uint64_t staples;
        int64_t ticket_key_made_at; /* 0: none */
        uint64_t active_cas, inactive_cas;
        struct expiries servers, cas;
        struct process_reading process;
};

/* Appends. ERR_LIMIT, ERR_NOMEM. */
MUST_CHECK enum err metrics_write(const struct metrics_reading *r, struct buf *ret);

#endif
