/* SPDX-License-Identifier: Apache-2.0 */
/* store_engine: what store_engines.c asks of each engine. A row is a key of 17 bytes and a value; a commit is
 * whole or not there. Everything but `begin` and `commit` inside a batch ends the program when it fails. */
#ifndef SIGNET_BENCH_STORE_ENGINE_H
#define SIGNET_BENCH_STORE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ENGINE_KEY = 17 };

struct engine {
        const char *name;
        void (*open)(const char *folder, bool sync);
        void (*begin)(void);
        bool (*put)(const uint8_t key[ENGINE_KEY], const void *value, size_t len); /* false: no room */
        bool (*remove)(const uint8_t key[ENGINE_KEY]);
        bool (*commit)(void);                /* false: no room; nothing of the batch is there */
        void (*again)(void);                 /* what has to be done before the next begin after `false` */
        uint64_t (*read)(uint64_t *ret_sum); /* rows, and the sum of the first bytes of their values */
        void (*close)(void);
};

#endif
