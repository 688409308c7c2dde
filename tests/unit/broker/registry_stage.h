/* SPDX-License-Identifier: Apache-2.0 */
/* registry_stage: a registry on a scratch database with two CAs, devices that ask, and the answers as they
 * come. Everything here ends the test when it fails. */
#ifndef SIGNET_TESTS_REGISTRY_STAGE_H
#define SIGNET_TESTS_REGISTRY_STAGE_H

#include "authority_rows.h"
#include "broker/registry.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { CA_A = 1, CA_B = 2, ASKED_MAX = 4096, PATIENCE_MS = 20000 };

struct asked {
        struct registry_request request; /* first */
        atomic_bool answered;
};

struct registry_stage {
        struct scratch_database base;
        struct made a, b; /* the CAs */
        struct device_table *known;
        struct registry_settings settings;
        struct registry *registry; /* NULL while not started */
        struct asked *asked[ASKED_MAX];
        int asked_count;
};
extern struct registry_stage stage;

void registry_stage_begin(void); /* not started yet; generous settings */
void registry_stage_end(void);
void starts(void);
void stops(void);
void starts_ready(void); /* … and everything that the database has is known */

/* Device n (device_digest(n), serial number by n) of a CA. */
struct asked *device_of(int64_t ca_id, int n); /* not asked yet */
struct asked *asks(int64_t ca_id, int n);
void asks_with(struct asked *a);
bool is_answered(const struct asked *a);
enum refusal answer_to(struct asked *a); /* waits */
int answers(enum refusal why);           /* how many had this one until now */
int unanswered(void);

/* Waits for the condition; false when it doesn't come. */
#define comes(condition)                                                                                     \
        __extension__({                                                                                      \
                int64_t until_ = clock_ms() + PATIENCE_MS;                                                   \
                while (!(condition) && clock_ms() < until_)                                                  \
                        nap();                                                                               \
                (condition);                                                                                 \
        })
void nap(void);

/* By another broker. */
void registered_elsewhere(int64_t ca_id, int first, int last);
void deleted(int n); /* by the API: with its mark */

struct registry_counts counts(void);
bool knows(int n);
int64_t number(const char *format, ...) __attribute__((format(printf, 1, 2))); /* of a query's one field */

/* The registry's backend: its process, whether it waits for a lock; 0 or false without one. */
int64_t backend(void);
bool backend_waits(void);
/* Nobody registers while it is held: what is asked for collects behind the first. */
void hold_registrations(void);
void release_registrations(void);
void keep_registry_out(void); /* ends its connection and lets it make no other */
void let_registry_in(void);

#endif
