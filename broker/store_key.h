/* SPDX-License-Identifier: Apache-2.0 */
/* store_key: what the store's own modules and those who use it both know. Types only. */
#ifndef SIGNET_BROKER_STORE_KEY_H
#define SIGNET_BROKER_STORE_KEY_H

#include <stdbool.h>
#include <stdint.h>

enum { STORE_VALUE_MAX = 300 * 1024 * 1024 };

/* Rows are ordered by kind, then a, then b. */
struct store_key {
        uint8_t kind; /* store_kind.h */
        uint64_t a, b;
};

struct store_settings {
        const char *folder; /* made when missing (0700); the database is this process's alone */
        bool strict;        /* fsync before a batch is answered */
};

#endif
